"""How a record becomes a line of the log, and how the code of a line is found again; pure bytes, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pgjobs.joblog.record import Record, Refusal, unrouted

PLAIN = re.compile(rb"[A-Za-z0-9\-._/@^+]+").fullmatch
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
OTHER_CODE = "[a-z][a-z0-9_]*"
BEFORE_DETAIL = ": "


class LogFormat:
    """The lines of a log. `words`: (code, words, what stands before the detail) of pgjobs.record_codes()."""

    def __init__(self, words: Iterable[tuple[str, str, str]] = ()) -> None:
        self._words = {code.encode(): (shown, before) for code, shown, before in words}
        self._codes = {shown: code.decode() for code, (shown, _) in self._words.items()}
        begins = (f"({re.escape(shown)})(?:{re.escape(before)}|\\Z)" for shown, before in self._words.values())
        self._begins = re.compile("|".join([*begins, f"({OTHER_CODE})(?:{BEFORE_DETAIL}|\\Z)"]), re.DOTALL)

    def lines(self, at: datetime, records: Sequence[Record], refused: Mapping[int, Refusal]) -> list[bytes]:
        """One logfmt line per record, in order; `refused` says by key why records without a code were not sent."""
        begin = b'time="%s" level=info msg=' % at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        sent, skip = begin + b"%b action=sent id=%d\n", begin + b"%b action=skip error=%b id=%d\n"
        errors: dict[bytes, bytes] = {}
        lines: list[bytes] = []
        add = lines.append
        for key, target, code, detail, _body in unrouted(records):
            shown = target if target and (target.isalnum() or PLAIN(target)) else quoted(target or b"")
            if code is None and key not in refused:
                add(sent % (shown, key))
            else:
                if code is None:
                    error = self._error(*refused[key])
                elif detail is None:
                    error = errors.get(code) or errors.setdefault(code, self._error(code))
                else:
                    error = self._error(code, detail)
                add(skip % (shown, error, key))
        return lines

    def code_of(self, error: str) -> str:
        """The code of a line's error; a text that no code begins is returned as it is."""
        found = self._begins.match(error)
        if found is None or found.lastindex is None:
            return error
        begin = found[found.lastindex]
        return self._codes.get(begin, begin)

    def _error(self, code: bytes, detail: bytes | None = None) -> bytes:
        """The value of a line's error: the words of a code, and the detail."""
        shown, before = self._words.get(code) or (code.decode(), BEFORE_DETAIL)
        text = shown.encode() if detail is None else b"%b%b%b" % (shown.encode(), before.encode(), detail)
        return text if PLAIN(text) else quoted(text)


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
