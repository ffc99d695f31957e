"""Lines of a job's log, read back strictly: a line that is not exactly one the engine writes is no line."""

from __future__ import annotations

import re
from typing import NamedTuple

VALUE = rb'(?:[^\s"=]+|"(?:[^"\\\x00-\x1f]|\\.)*")'
LINE = re.compile(
    rb'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=info msg=(%b) action=(?:sent|skip error=(%b)) id=(-?\d+)\n'
    % (VALUE, VALUE)
).fullmatch
ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)")
SHORT = {"n": "\n", "r": "\r", "t": "\t"}


class Line(NamedTuple):
    """What a line says of a record: its key, and why it was not sent (None: it was)."""

    key: int
    error: str | None


def read_line(line: bytes) -> Line | None:
    """Read a line with its newline; None for anything that is not a whole line."""
    found = LINE(line)
    if found is None:
        return None
    error = found[2]
    return Line(int(found[3]), None if error is None else value(error))


def target_of(line: bytes) -> str | None:
    """What a line says whom its record is for, as it was before it was quoted; None for anything that is not a line."""
    found = LINE(line)
    return None if found is None else value(found[1])


def value(encoded: bytes) -> str:
    """A logfmt value without its quotes and escapes."""
    text = encoded.decode("utf-8", "replace")
    return ESCAPE.sub(lambda escape: _char(escape[1]), text[1:-1]) if text.startswith('"') else text


def _char(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) > 1 else SHORT.get(escape, escape)
