"""An answer as XML: <cinx_api>, and in it what the JSON has; an array is an element for each of its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""What is written as the name of an element; of anything else the element is a <value> with the name as attribute."""
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_xml(response: Mapping[str, Any], rows: Iterable[str]) -> bytes:
    """The envelope with its rows, each of them a JSON text."""
    root = ET.Element("cinx_api")
    _add(root, "response", response)
    below = ET.SubElement(root, "rows")
    for row in rows:
        # Numbers as they were written.
        _add(below, "row", json.loads(row, parse_float=str, parse_int=str))
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _add(parent: ET.Element, name: str, value: Any) -> None:
    if isinstance(value, list):
        for one in value:
            _add(parent, name, one)
        return
    known = NAME.fullmatch(name)
    element = ET.SubElement(parent, name if known else "value", {} if known else {"name": _text(name)})
    if isinstance(value, Mapping):
        for inner, content in value.items():
            _add(element, inner, content)
    elif isinstance(value, bool):
        element.text = str(value).lower()
    elif value is not None:
        element.text = _text(str(value))


def _text(text: str) -> str:
    """A text without the characters that XML can't hold."""
    return NOT_IN_XML.sub("\ufffd", text)
