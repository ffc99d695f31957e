"""Text that people see on pages and in pictures: what would hide it, or turn its direction, is shown as an escape."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"
)
"""Control characters, and marks that turn the direction of text or are not to be seen at all."""


def visible(value: Any) -> Any:
    """A value as a template shows it: nothing for None, and of text what would hide or turn it as an escape."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return HIDDEN.sub(_escape, value)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
