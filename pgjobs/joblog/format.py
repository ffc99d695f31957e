"""How a record becomes a line of the log: pure bytes, no I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from pgjobs.joblog.record import Record

PLAIN = re.compile(rb"[A-Za-z0-9\-._/@^+]+").fullmatch
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def log_lines(at: datetime, records: Sequence[Record], refused: dict[int, str]) -> list[bytes]:
    """One logfmt line per record, in order; `refused` holds reasons of records the broker gave back, by key."""
    stamp = b'time="%s" level=info msg=' % at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    plain = PLAIN
    lines: list[bytes] = []
    add = lines.append
    for key, message, reason, _body in records:
        value = message if message and plain(message) else quoted(message or b"")
        if reason is None and key not in refused:
            add(b"%b%b action=sent id=%d\n" % (stamp, value, key))
        else:
            add(
                b"%b%b action=skip error=%b id=%d\n"
                % (stamp, value, _value(refused[key] if reason is None else reason), key)
            )
    return lines


def _value(text: str) -> bytes:
    encoded = text.encode()
    return encoded if PLAIN(encoded) else quoted(encoded)


def quoted(value: bytes) -> bytes:
    """A logfmt value in quotes: whatever bytes it holds, it stays on one line and can be read back."""
    text = value.decode("utf-8", "surrogateescape")
    return ('"' + "".join(map(_escaped, text)) + '"').encode()


def _escaped(char: str) -> str:
    if char in ESCAPES:
        return ESCAPES[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def reason_code(reason: str) -> str:
    """A reason without its particulars: bounded in number, fit for counting."""
    return reason.split(":", 1)[0].split(",", 1)[0]
