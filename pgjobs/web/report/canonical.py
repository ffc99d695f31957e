"""The one text that the hash of a report is made of, as pgjobs.canonical_json() makes it; pure, no I/O.

Keys in the order of their characters, no spaces, nothing escaped that need not be, and numbers as they are written. So
a copy can be checked without the database: `pgjobs report --check FILE`.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

HASH = "sha256"
DATA = re.compile(r'<script type="application/json" id="report-data">(.*?)</script>', re.DOTALL)
"""Where a report in HTML holds its JSON."""


class NoReportError(ValueError):
    """A text that is no report of ours."""


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def parsed(text: str) -> dict[str, Any]:
    """A report from its text, which is JSON or the HTML that holds it; its numbers stay as they are written."""
    found = DATA.search(text)
    try:
        report = json.loads(found[1] if found else text, parse_int=_Number, parse_float=_Number)
    except ValueError as error:
        raise NoReportError("it is neither JSON nor a report in HTML") from error
    if not isinstance(report, dict) or type(report.get(HASH)) is not str:
        raise NoReportError(f"it has no {HASH}")
    return report


def canonical(value: Any) -> str:
    """JSON as the text that is hashed."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, _Number):
        return str(value)
    return _quoted(value)


def digest(report: dict[str, Any]) -> str:
    """The hash that a report ought to have."""
    rest = {key: value for key, value in report.items() if key != HASH}
    return hashlib.sha256(canonical(rest).encode()).hexdigest()


def is_whole(text: str) -> bool:
    """Whether a copy of a report is what was made; NoReportError where it is none."""
    report = parsed(text)
    return digest(report) == str(report[HASH])


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
