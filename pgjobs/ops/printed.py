"""What commands print: tables that fit a terminal, and JSON; nothing that is shown can act on a terminal.

At a terminal a table is as wide as the terminal, and has colours unless NO_COLOR is set. Elsewhere its lines are whole.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from pgjobs.words import visible

GAP = "  "
NARROWEST = 6
TINTS = {
    "done": 32, "in progress": 36, "error": 31, "canceled": 33, "alive": 32, "silent": 31, "connected": 32,
    "in trouble": 33, "ACTIVE": 32, "INACTIVE": 33, "Finished": 32, "Started": 36, "Error": 31, "Fail": 31,
    "Stopped": 33,
}  # fmt: skip
"""Words of a state, and the colours that terminals know by these numbers."""


class Column(NamedTuple):
    """A column of a table. Only one that may be cut becomes narrower where the terminal is too narrow."""

    head: str
    cut: bool = False
    right: bool = False
    tinted: bool = False


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


def say_json(text: str) -> None:
    """Write a value that the database, or json.dumps, has given as JSON."""
    say([harmless(text)])


def harmless(json: str) -> str:
    """The same JSON with everything escaped that is not printable: outside of its strings it has blanks alone."""
    if json.isprintable():
        return json
    return "".join(one if one.isprintable() else _escaped(one) for one in json)


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]], most: int | None) -> list[str]:
    """The lines of a table, each at most so wide."""
    cells = [[column.head for column in columns], *([shown(value) for value in row] for row in rows)]
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(columns))]
    if most is not None:
        _narrow(widths, columns, most - len(GAP) * (len(columns) - 1))
    coloured = in_colour()
    return [_line(row, widths, columns, coloured=coloured and number > 0) for number, row in enumerate(cells)]


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


def cut(text: str, most: int) -> str:
    """The text, or its beginning and three dots where it is wider."""
    return text if cell_len(text) <= most else set_cell_size(text, max(0, most - 1)) + "…"


def _narrow(widths: list[int], columns: Sequence[Column], most: int) -> None:
    able = [at for at, column in enumerate(columns) if column.cut]
    while able and sum(widths) > most:
        widest = max(able, key=lambda at: widths[at])
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def _line(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column], *, coloured: bool) -> str:
    parts = []
    for text, size, column in zip(row, widths, columns, strict=True):
        short = cut(text, size) if column.cut else text
        room = " " * (size - cell_len(short))
        tint = TINTS.get(text) if coloured and column.tinted else None
        inked = f"\x1b[{tint}m{short}\x1b[0m" if tint else short
        parts.append(room + inked if column.right else inked + room)
    return GAP.join(parts).rstrip()


def _escaped(sign: str) -> str:
    pair = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at]:02x}{pair[at + 1]:02x}" for at in range(0, len(pair), 2))
