"""What every selector has to keep, checked for anybody's: the columns of a cursor and the order of its keys; pure.

A key that comes late would lie behind a checkpoint and never be sent, a repeated one would be sent twice: neither may
pass unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import gt, itemgetter, lt
from typing import Any, NamedTuple

from psycopg import Column

from pgjobs.errors import SelectionError
from pgjobs.joblog.record import Record

WANTED = (
    ("key", "bigint", ("int8", "int4", "int2")),
    ("msg", "bytea", ("bytea",)),
    ("reason", "text", ("text", "varchar")),
    ("body", "bytea", ("bytea",)),
)
SHAPE = "the selector has to select " + ", ".join(f"{name} {kind}" for name, kind, _ in WANTED)
KEY = itemgetter(0)


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
        return f"key {self.key} comes behind key {self.before}: each key once, and in the job's order, is asked for"


def check_columns(columns: Sequence[Column]) -> None:
    """Refuse a cursor whose records could not be read, with a sentence that names what is wrong with it."""
    if len(columns) != len(WANTED):
        raise SelectionError(f"{SHAPE}; it selects {len(columns)} columns")
    for place, (column, (name, _, kinds)) in enumerate(zip(columns, WANTED, strict=True), 1):
        if column.name != name:
            raise SelectionError(f"{SHAPE}; its column {place} is called {column.name}")
        if column.type_display not in kinds:
            raise SelectionError(f"{SHAPE}; its column {name} is {column.type_display}")


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
