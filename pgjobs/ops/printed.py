"""What commands print: tables that fit a terminal, and JSON; nothing that is shown can act on a terminal.

At a terminal a table is as wide as the terminal, and has colours unless NO_COLOR is set. Elsewhere its lines are whole.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from pgjobs.words import visible

GAP = "  "
NARROWEST = 6
SENTENCE = 20
"""A sentence at the end of a row begins in its column if that has so many letters, and goes on below it."""
BELOW = 40
"""Where its column is narrower, it goes on from the left."""
INDENT = " " * 4
TINTS = {
    "done": 32, "in progress": 36, "error": 31, "canceled": 33, "alive": 32, "silent": 31, "connected": 32,
    "in trouble": 33, "ACTIVE": 32, "INACTIVE": 33, "Finished": 32, "Started": 36, "Error": 31, "Fail": 31,
    "Stopped": 33,
}  # fmt: skip
"""Words of a state, and the colours that terminals know by these numbers."""


class Column(NamedTuple):
    """A column of a table. Only one that wraps becomes narrower where the terminal is too narrow.

    One that is not needed is left out where no row has anything in it.
    """

    head: str
    wraps: bool = False
    right: bool = False
    tinted: bool = False
    needed: bool = True


def at_terminal() -> bool:
    """Whether people look at what is written."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int | None:
    """How wide a line may be; None: as wide as it is."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def in_colour() -> bool:
    """Whether words of a state have a colour."""
    return at_terminal() and not os.environ.get("NO_COLOR")


def say(lines: Iterable[str]) -> None:
    """Write lines whose text is harmless already."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def harmless(json: str) -> str:
    """The same JSON with everything escaped that is not printable: outside of its strings it has blanks alone."""
    if json.isprintable():
        return json
    return "".join(one if one.isprintable() else _escaped(one) for one in json)


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]], most: int | None) -> list[str]:
    """The lines of a table, each at most so wide."""
    found = list(rows)
    used = [at for at, column in enumerate(columns) if column.needed or any(row[at] not in (None, "") for row in found)]
    columns = [columns[at] for at in used]
    cells = [[column.head for column in columns], *([shown(row[at]) for at in used] for row in found)]
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(columns))]
    if most is not None:
        _narrow(widths, columns, most - len(GAP) * (len(columns) - 1))
    coloured = in_colour()
    return [
        line
        for number, row in enumerate(cells)
        for line in _lines(row, widths, columns, most, coloured=coloured and number > 0)
    ]


def shown(value: object) -> str:
    """A value as a cell has it: moments in UTC to the second, numbers with their thousands, - for nothing."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return moment(value)
        case _:
            return visible(str(value))


def moment(at: datetime | str | None) -> str:
    """A moment in UTC to the second; of JSON it is a text."""
    if at is None:
        return "-"
    read = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{read.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def wrapped(text: str, first: int, further: int | None = None, begin: int = 1) -> list[str]:
    """The lines of a text: so many at its begin as wide as the first one; words stay whole where they fit."""
    room, lines, line = first, [], ""
    for word in text.split(" "):
        whole = f"{line} {word}" if line else word
        if cell_len(whole) <= room:
            line = whole
            continue
        if line:
            lines.append(line)
            room = first if len(lines) < begin else further or first
        line = word
        while cell_len(line) > room:
            [piece, *_] = chop_cells(line, max(2, room))
            lines.append(piece)
            line, room = line[len(piece) :], first if len(lines) < begin else further or first
    return [*lines, line]


def _narrow(widths: list[int], columns: Sequence[Column], most: int) -> None:
    able = [at for at, column in enumerate(columns) if column.wraps]
    last = len(columns) - 1
    # The sentence at the end goes on below, where there is room: so the others stay readable.
    if last in able and sum(widths) > most:
        widths[last] = max(min(widths[last], SENTENCE), widths[last] + most - sum(widths))
    while able and sum(widths) > most:
        widest = max(able, key=lambda at: widths[at])
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def _lines(
    row: Sequence[str], widths: Sequence[int], columns: Sequence[Column], most: int | None, *, coloured: bool
) -> Iterator[str]:
    """The lines of a row: what does not fit goes on below, a sentence at the end from the left where that is wider."""
    pieces = [
        wrapped(text, size) if column.wraps else [text] for text, size, column in zip(row, widths, columns, strict=True)
    ]
    below: list[str] = []
    if most is not None and columns[-1].wraps and len(pieces[-1]) > 1 and widths[-1] < BELOW:
        beside = max(map(len, pieces[:-1]), default=1)
        sentence = wrapped(row[-1], widths[-1], most - len(INDENT), beside)
        pieces[-1], below = sentence[:beside], sentence[beside:]
    for parts in zip_longest(*pieces, fillvalue=""):
        inked = []
        for part, whole, size, column in zip(parts, row, widths, columns, strict=True):
            room = " " * (size - cell_len(part))
            tint = TINTS.get(whole) if coloured and column.tinted and part else None
            ink = f"\x1b[{tint}m{part}\x1b[0m" if tint else part
            inked.append(room + ink if column.right else ink + room)
        yield GAP.join(inked).rstrip()
    yield from (INDENT + line for line in below)


def _escaped(sign: str) -> str:
    pair = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at]:02x}{pair[at + 1]:02x}" for at in range(0, len(pair), 2))
