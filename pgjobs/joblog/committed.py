"""The committed part of a job's log as one text: all of it, a page of its lines, or the lines that somebody looks for.

What lies behind the committed length of a file was never accounted for, and may be cut off: it is not read. All
functions block; a log may be far larger than memory, so they go block by block.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from pgjobs.errors import PgjobsError

BLOCK = 256 * 1024


class Part(NamedTuple):
    """A file of a log, and how many bytes of it count."""

    path: str
    bytes: int


class UnreadableLog(PgjobsError):
    """A file of a log is not there as it was committed."""

    hint = "pgjobs verify says what became of the log"


class MissingLog(UnreadableLog):
    """It was removed: its folder is there, and it is not."""


class DamagedLog(UnreadableLog):
    """It is shorter than what was committed, or something else."""


class Page(NamedTuple):
    """Whole lines of a log: where they begin, and where the next ones do."""

    begin: int
    end: int


def length(parts: Sequence[Part]) -> int:
    """How many bytes of a log count."""
    return sum(part.bytes for part in parts)


def check(parts: Sequence[Part]) -> None:
    """Refuse a log of which a file can't be read, before anything of it is sent."""
    for part in parts:
        if part.bytes:
            _open(part).close()


def blocks(parts: Sequence[Part], begin: int = 0, end: int | None = None) -> Generator[bytes]:
    """The bytes of a log from `begin` to `end`, which is the committed length unless it is given."""
    rest = (length(parts) if end is None else end) - begin
    for part in parts:
        if begin >= part.bytes:
            begin -= part.bytes
            continue
        if rest <= 0:
            return
        wanted = min(rest, part.bytes - begin)
        yield from _bytes(part, begin, wanted)
        rest -= wanted
        begin = 0


def page(parts: Sequence[Part], offset: int, lines: int) -> Page:
    """So many lines at most from the first one that begins at `offset` or behind it."""
    begin = _next_line(parts, offset) if offset else 0
    at, left = begin, lines
    for block in blocks(parts, begin):
        found = block.count(b"\n")
        if found >= left:
            return Page(begin, at + _end_of_line(block, left))
        left -= found
        at += len(block)
    return Page(begin, at)


def last_lines(part: Part, lines: int) -> int:
    """Where the last lines of a file begin, so many at most."""
    end, left = part.bytes, lines
    if not end:
        return 0
    with _open(part) as file:
        while end:
            size = min(BLOCK, end)
            file.seek(end - size)
            block = _whole(file, part, size)
            # The last byte ends the last line, and begins none.
            at = size - 1 if end == part.bytes else size
            while left and (at := block.rfind(b"\n", 0, at)) >= 0:
                left -= 1
            if not left:
                return end - size + at + 1
            end -= size
    return 0


def matching(
    parts: Sequence[Part], pattern: re.Pattern[bytes], is_meant: Callable[[bytes], bool], begin: int = 0
) -> Generator[bytes]:
    """The lines in which a pattern is found and that are meant, in order: for each block those that end in it."""
    kept = b""
    for block in blocks(parts, begin):
        data = kept + block
        whole = data.rfind(b"\n") + 1
        kept = data[whole:]
        yield b"".join(_lines_with(data[:whole], pattern, is_meant))


def _lines_with(data: bytes, pattern: re.Pattern[bytes], is_meant: Callable[[bytes], bool]) -> Iterator[bytes]:
    end = 0
    while found := pattern.search(data, end):
        end = data.index(b"\n", found.end()) + 1
        line = data[data.rfind(b"\n", 0, found.start()) + 1 : end]
        if is_meant(line):
            yield line


def _next_line(parts: Sequence[Part], offset: int) -> int:
    """Where the first line begins that does not begin before `offset`."""
    at = offset - 1
    for block in blocks(parts, at):
        found = block.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(block)
    return at


def _end_of_line(block: bytes, number: int) -> int:
    """Where the line of this number ends in a block."""
    end = 0
    for _ in range(number):
        end = block.index(b"\n", end) + 1
    return end


def _bytes(part: Part, begin: int, wanted: int) -> Iterator[bytes]:
    with _open(part) as file:
        file.seek(begin)
        while wanted:
            try:
                block = file.read(min(BLOCK, wanted))
            except OSError as error:
                raise UnreadableLog(f"log {part.path} can't be read: {error.strerror}") from error
            if not block:
                raise _cut(part)
            wanted -= len(block)
            yield block


def _whole(file: BinaryIO, part: Part, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise _cut(part)
        data += more
    return data


def _open(part: Part) -> BinaryIO:
    """A file of a log that holds all that was committed; neither a link nor a pipe, for the daemon writes to none."""
    try:
        fd = os.open(part.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        kind = UnreadableLog
        if error.errno == errno.ENOENT and os.path.isdir(os.path.dirname(part.path)):  # noqa: PTH112, PTH120 a str as stored
            kind = MissingLog
        elif error.errno == errno.ELOOP:
            kind = DamagedLog
        raise kind(f"log {part.path} can't be read: {error.strerror}") from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise DamagedLog(f"log {part.path} can't be read: it is not a file")
    if status.st_size < part.bytes:
        os.close(fd)
        raise _cut(part)
    return os.fdopen(fd, "rb", buffering=0)


def _cut(part: Part) -> DamagedLog:
    return DamagedLog(f"log {part.path} is shorter than the {part.bytes:,} bytes that were committed")
