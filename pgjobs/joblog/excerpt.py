"""What a person reads of a log: some lines from a place on, those before it, or those that somebody looks for.

Each call reads a bounded number of bytes, whatever the log holds. A line that is long is cut, and its length told.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pgjobs.joblog.committed import Part, blocks, length

MOST_BYTES = 4 << 20
"""So many bytes are read for one page; of a longer line its end is on the next page."""
CUT = 2000
"""So many bytes of a line are shown."""
SEARCHED_BYTES = 128 << 20
SEARCH_SECONDS = 1.5
FIRST_READ = 64 * 1024


class Line(NamedTuple):
    """A line of a log: where it begins, its bytes without the newline, cut where it is long, and how many it has."""

    begin: int
    shown: bytes
    bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is cut."""
        return len(self.shown) == self.bytes


class Excerpt(NamedTuple):
    """Lines in order; where what was read for them begins, and where it ends."""

    lines: list[Line]
    begin: int
    end: int


def from_place(parts: Sequence[Part], begin: int, most: int) -> Excerpt:
    """So many lines at most from a place on; what stands there first may be the rest of a line."""
    lines: list[Line] = []
    at, head, size = begin, b"", 0
    for block in blocks(parts, begin, min(length(parts), begin + MOST_BYTES)):
        place = 0
        while (end := block.find(b"\n", place)) >= 0:
            head += block[place : min(end, place + CUT - len(head))]
            size += end - place
            lines.append(Line(at, head, size))
            at, head, size = at + size + 1, b"", 0
            place = end + 1
            if len(lines) == most:
                return Excerpt(lines, begin, at)
        head += block[place : place + CUT - len(head)]
        size += len(block) - place
    if size and not lines:
        lines, at = [Line(at, head, size)], at + size
    return Excerpt(lines, begin, at)


def before_place(parts: Sequence[Part], end: int, most: int) -> Excerpt:
    """The last lines before a place, so many at most; the first one may be the end of a longer line."""
    size = FIRST_READ
    while True:
        begin = max(0, end - size)
        data = b"".join(blocks(parts, begin, end))
        # One newline more than lines: the first of them ends what stands before.
        starts = [0, *(found.end() for found in re.finditer(b"\n", data))]
        if begin and len(starts) > 2:
            starts = starts[1:]
        if data.endswith(b"\n"):
            starts = starts[:-1]
        if not begin or len(starts) >= most or size >= MOST_BYTES:
            break
        size *= 4
    kept = starts[-most:]
    if not data:
        return Excerpt([], end, end)
    ends = [*(start - 1 for start in kept[1:]), len(data) - data.endswith(b"\n")]
    lines = [
        Line(begin + start, data[start : min(stop, start + CUT)], stop - start)
        for start, stop in zip(kept, ends, strict=True)
    ]
    return Excerpt(lines, lines[0].begin, end)


def search(
    parts: Sequence[Part], begin: int, pattern: re.Pattern[bytes], is_meant: Callable[[bytes], bool], most: int
) -> Excerpt:
    """The lines behind a place in which a pattern is found and that are meant; it may end before the log does."""
    lines: list[Line] = []
    until = time.monotonic() + SEARCH_SECONDS
    at, kept = begin, b""
    for block in blocks(parts, begin, min(length(parts), begin + SEARCHED_BYTES)):
        data = kept + block
        whole = data.rfind(b"\n") + 1
        for start, stop in _lines_with(data[:whole], pattern):
            if is_meant(data[start : stop + 1]):
                lines.append(Line(at + start, data[start : min(stop, start + CUT)], stop - start))
                if len(lines) == most:
                    return Excerpt(lines, begin, at + stop + 1)
        at, kept = at + whole, data[whole:]
        if len(kept) > MOST_BYTES:
            # No line that anybody looks for.
            at, kept = at + len(kept), b""
        if time.monotonic() > until:
            break
    # What ends without a newline at the end of the log is no line.
    return Excerpt(lines, begin, length(parts) if at + len(kept) == length(parts) else at)


def _lines_with(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """Where lines with a pattern begin, and where their newlines are."""
    stop = -1
    while found := pattern.search(data, stop + 1):
        stop = data.index(b"\n", found.end())
        yield data.rfind(b"\n", 0, found.start()) + 1, stop
