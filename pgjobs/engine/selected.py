"""What every selector has to keep, checked for anybody's: the columns of a cursor, its codes and the order of its keys.

A key that comes late would lie behind a checkpoint and never be sent, a repeated one would be sent twice: neither may
pass unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import attrgetter, gt, lt
from typing import Any, NamedTuple

from psycopg import Column
from psycopg.abc import AdaptContext
from psycopg.types.string import ByteaBinaryLoader

from pgjobs.errors import SelectionError
from pgjobs.joblog.record import KEY, Record
from pgjobs.words import counted

TEXT = ("text", "varchar")
WANTED = (
    ("key", "bigint", ("int8", "int4", "int2")),
    ("target", "text or bytea", (*TEXT, "bytea")),
    ("code", "text", TEXT),
    ("detail", "text", TEXT),
    ("body", "text or bytea", (*TEXT, "bytea")),
    ("routing_key", "text", TEXT),
)
OPTIONAL = 1
"""So many of the last columns may be left out."""
SHAPE = "the selector has to select {}, and may select {}".format(
    *(", ".join(f"{name} {kind}" for name, kind, _ in part) for part in (WANTED[:-OPTIONAL], WANTED[-OPTIONAL:]))
)
IS_CODE = re.compile(rb"(?!returned_)[a-z][a-z0-9_]{0,62}").fullmatch
A_CODE = "a code has small letters, digits and _, at most 63, begins with a letter and not with returned_"
NAME = attrgetter("name")
UNCOUNTED = (None, b"answered")
"""To be sent, and what the engine itself says of an item: no codes of the selector."""
MOST_CODES = 100
"""Of one run: outcomes are counted by code, and a code that holds particulars of its record would fill the table."""


class Misplaced(NamedTuple):
    """A key that is not behind the one before it; `fit`: so many records of the window may go out.

    Those are the ones before every key that came late: mended and resumed, the job passes none over. Where a late key
    lies before what was handed out already the job can't be resumed, and all that was selected before it goes out.
    """

    fit: int
    before: int | None
    key: int | None
    late: int | None
    """The first key, in the job's order, that lies before what was handed out already; None where none does."""

    @property
    def sentence(self) -> str:
        """What a person has to know of it."""
        if self.key is None:
            behind = "the first record" if self.before is None else f"the record behind {self.before}"
            return f"the key of {behind} is null"
        return f"key {self.key} comes behind key {self.before}: give each key once, in the order of the job"


def check_columns(columns: Sequence[Column]) -> None:
    """Refuse a cursor whose records could not be read, with a sentence that names what is wrong with it."""
    if not len(WANTED) - OPTIONAL <= len(columns) <= len(WANTED):
        raise SelectionError(f"{SHAPE}; it selects {counted(len(columns), 'column')}: {', '.join(map(NAME, columns))}")
    for place, (column, (name, _, kinds)) in enumerate(zip(columns, WANTED, strict=False), 1):
        if column.name != name:
            raise SelectionError(f"{SHAPE}; its column {place} is called {column.name}")
        if column.type_display.partition("(")[0] not in kinds:
            raise SelectionError(f"{SHAPE}; its column {name} is {column.type_display}")


def read_as_bytes(connection: AdaptContext) -> None:
    """Have binary cursors of a connection give text as it arrives: it goes into messages and log undecoded."""
    for kind in TEXT:
        connection.adapters.register_loader(kind, ByteaBinaryLoader)


def check_codes(window: Sequence[Record], codes: Sequence[bytes | None], known: set[bytes | None]) -> None:
    """Refuse codes by which nothing can be counted; `known` holds UNCOUNTED and all that were good, and is added to."""
    if codes.count(None) == len(codes) or known.issuperset(codes):
        return
    for record, code in zip(window, codes, strict=True):
        if code is not None and not IS_CODE(code):
            said = code.decode(errors="replace")[:100]
            raise SelectionError(f"the code {said!r} of key {KEY(record)} is not allowed: {A_CODE}")
    known.update(codes)
    if len(known) - len(UNCOUNTED) > MOST_CODES:
        raise SelectionError(f"the selector gives more than {MOST_CODES} codes: what differs by record is its detail")


def misplaced(window: Sequence[Record], after: int | None, *, descending: bool) -> Misplaced | None:
    """The first key of a window that is not behind the one before it, or behind `after`; None when all are."""
    comes_before: Callable[[Any, Any], bool] = gt if descending else lt
    keys: list[int | None] = list(map(KEY, window))
    if not keys:
        return None
    try:
        if all(map(comes_before, keys, keys[1:])) and (comes_before(after, keys[0]) if after is not None else True):
            return None if keys[-1] is not None else Misplaced(len(keys) - 1, after, None, None)
    except TypeError:
        pass  # a null can't be compared: it is found below
    last = after
    for place, key in enumerate(keys):
        if key is None:
            return Misplaced(place, last, None, None)
        if last is not None and not comes_before(last, key):
            late = [each for each in keys[place:] if each is not None]
            lowest = max(late) if descending else min(late)
            if after is not None and comes_before(lowest, after):
                return Misplaced(place, last, key, lowest)
            fit = sum(1 for each in keys[:place] if each is not None and comes_before(each, lowest))
            return Misplaced(fit, last, key, None)
        last = key
    return None
