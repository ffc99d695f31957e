"""How Celery shows arguments in its logs and events: much as Python does, three levels deep and cut at a length."""

from __future__ import annotations

from collections.abc import Iterator

LONGEST = 1024
LEVELS = 3


def shown(value: object) -> str:
    """A value of JSON as a worker logs it."""
    text = repr(value)
    if len(text) <= LONGEST and '"' not in text and "\\" not in text and text.count("[") + text.count("{") <= LEVELS:
        return text
    pieces, size = [], 0
    for piece in _pieces(value, 0):
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST:
            return "".join(pieces)[:LONGEST] + "..."
    return "".join(pieces)


def _pieces(value: object, level: int) -> Iterator[str]:
    if isinstance(value, str):
        escaped = value.replace("'", "\\'")
        yield f"'{escaped}'"
    elif isinstance(value, list):
        yield from _inside("[", (_pieces(each, level + 1) for each in value), "]", level)
    elif isinstance(value, dict):
        entries = (_entry(key, each, level + 1) for key, each in value.items())
        yield from _inside("{", entries, "}", level)
    else:
        yield str(value)


def _inside(begin: str, entries: Iterator[Iterator[str]], end: str, level: int) -> Iterator[str]:
    if level >= LEVELS:
        yield f"{begin}...{end}"
        return
    yield begin
    for place, entry in enumerate(entries):
        if place:
            yield ", "
        yield from entry
    yield end


def _entry(key: object, value: object, level: int) -> Iterator[str]:
    yield from _pieces(key, level)
    yield ": "
    yield from _pieces(value, level)
