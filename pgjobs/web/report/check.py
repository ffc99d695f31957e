"""Whether a copy of a report is what was made: its data by its hash, and its text by writing it again from the data."""

from __future__ import annotations

import re
from enum import Enum

from jinja2 import UndefinedError

import pgjobs
from pgjobs.web.report.canonical import DATA, is_whole
from pgjobs.web.report.document import written

WRITER = re.compile(r'<meta name="generator" content="pgjobs ([^"<]*)">')
"""Which version wrote the HTML."""


class Verdict(Enum):
    """What a look at a copy has found."""

    WHOLE = "whole"
    DATA_ONLY = "data only"
    CHANGED = "changed"


def writer(text: str) -> str | None:
    """The version that wrote a report in HTML, as far as it says so."""
    found = WRITER.search(text)
    return found[1] if found else None


def judged(text: str) -> Verdict:
    """What a copy is; NoReportError where it is none. HTML of another version can't be written again here."""
    if not is_whole(text):
        return Verdict.CHANGED
    data = DATA.search(text)
    if data is None:
        return Verdict.WHOLE
    if writer(text) != pgjobs.__version__:
        return Verdict.DATA_ONLY
    try:
        again = written(data[1])
    except (UndefinedError, LookupError, TypeError, ValueError):
        return Verdict.CHANGED
    # A file ends its last line, an answer of the page does not.
    return Verdict.WHOLE if text in (again, again + "\n") else Verdict.CHANGED
