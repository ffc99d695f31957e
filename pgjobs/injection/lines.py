"""The lines of an injection file as rows of COPY, batch by batch: unpacked, decoded, split, constant in memory.

Python only splits lines and takes the first column from its first digit to its last; what makes a good msisdn is
decided in SQL.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pgjobs.errors import FileError
from pgjobs.injection import kind
from pgjobs.injection.source import check_unchanged, from_the_future, identity, open_file

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP = b"\x1f\x8b"
BOM = codecs.BOM_UTF8
LINE_LIMIT = 4096
BATCH = 5000
BATCH_BYTES = 4 << 20
SMALL = 1 << 20
"""A gzip file may unpack to so many bytes whatever its ratio."""
QUOTED_COLUMN = re.compile(rb'\s*"((?:[^"]|"")*)"').match
PLAIN_COLUMN = re.compile(rb"[^,;\t]*").match
HARMLESS = bytes(b if 0x20 <= b < 0x7F and b != 0x5C else 0x20 for b in range(256))
NO_DIGITS = bytes(b for b in range(256) if not 0x30 <= b <= 0x39)


@dataclass(frozen=True)
class Limits:
    """How much of a file is read at most, and how long it has to have been left alone."""

    bytes: int
    lines: int
    ratio: int
    settle_seconds: float = 0.0


class FileLines:
    """Reads one file, once; whatever blocks happens in `batch`, which is meant for a thread."""

    def __init__(self, folder: Path, name: str, limits: Limits, job_id: int) -> None:
        self.number = 0
        """Lines read so far."""
        self.ended = True
        """At the end of the file: whether its last line has a line end."""
        self.given_up = threading.Event()
        """Set from outside: read no further."""
        self._folder = folder
        self._name = name
        self._where = f"file_name: {name!r}"
        self._limits = limits
        self._job_id = job_id
        self._batches = self._read()
        self._reading = threading.Lock()

    def batch(self) -> bytes:
        """The next rows in COPY's text format (job, line, raw, msisdn, fault, detail); empty at the end of the file."""
        with self._reading:
            batch = next(self._batches, b"")
        if self.given_up.is_set():
            self.close()
        return batch

    def close(self) -> None:
        """Read no further and close the file: at once, or by the thread that reads a batch, after it."""
        self.given_up.set()
        if self._reading.acquire(blocking=False):
            try:
                self._batches.close()
            finally:
                self._reading.release()

    def _read(self) -> Generator[bytes]:
        """All batches of a file that is the same before, meanwhile and afterwards."""
        with open_file(self._folder, self._name, self._limits.settle_seconds) as file:
            found = identity(file)
            if from_the_future(found):
                self.given_up.wait(self._limits.settle_seconds)
                check_unchanged(self._folder, self._name, file, found)
            try:
                yield from self._rows(file, found.size)
            except UnicodeError as error:
                raise FileError(f"{self._where} is not what its byte order mark says: {error}") from error
            except (OSError, EOFError, zlib.error) as error:
                raise FileError(f"{self._where} can't be read to its end: {error}") from error
            finally:
                # What a writer has just done to it explains whatever else seems wrong with it.
                if not self.given_up.is_set():
                    check_unchanged(self._folder, self._name, file, found)
            if not self.number and not self.given_up.is_set():
                raise FileError(f"{self._where} is empty")

    def _rows(self, file: BinaryIO, packed_size: int) -> Iterator[bytes]:
        rows: list[bytes] = []
        held = 0
        is_packed = file.read(2) == GZIP
        file.seek(0)
        with gzip.GzipFile(fileobj=file) if is_packed else nullcontext(file) as source:
            for line, size in self._lines(self._text(source), packed_size if is_packed else None):
                self.number += 1
                rows.append(_row(self._job_id, self.number, line, size))
                held += size
                if len(rows) == BATCH or held > BATCH_BYTES:
                    yield self._whole(rows)
                    rows, held = [], 0
        if rows:
            yield self._whole(rows)

    def _whole(self, rows: list[bytes]) -> bytes:
        if self.number > self._limits.lines:
            raise FileError(
                f"{self._where} has more than {self._limits.lines} lines: cut it into smaller files, or raise"
                " PGJOBS_INJECTION_MAX_LINES"
            )
        return b"".join(rows)

    def _text(self, source: BinaryIO | gzip.GzipFile) -> BinaryIO | gzip.GzipFile:
        """The file in UTF-8, or at least in bytes of ASCII and others; FileError where it is no list."""
        head = source.read(kind.SAMPLE)
        source.seek(0)
        wide = kind.encoding(head)
        if wide is not None:
            head = head.decode(wide, errors="ignore").encode()
        if refused := kind.refusal(head):
            raise FileError(f"{self._where} {refused}")
        return source if wide is None else io.BufferedReader(_Recoded(source, wide), 1 << 18)

    def _lines(self, source: BinaryIO | gzip.GzipFile, packed_size: int | None) -> Iterator[tuple[bytes, int]]:
        """(line without its end, its length) each; of a huge line only the beginning is kept."""
        most = self._limits.bytes
        if packed_size is not None:
            most = min(most, max(SMALL, packed_size * self._limits.ratio))
        total, end = 0, b"\n"
        while head := source.readline(LINE_LIMIT + 2):
            size, end = len(head), head[-2:]
            while not end.endswith(b"\n") and total + size <= most and (more := source.readline(1 << 20)):
                size, end = size + len(more), (end + more)[-2:]
                if self.given_up.is_set():
                    return
            if not total and head.startswith(BOM):
                total, head, size = len(BOM), head.removeprefix(BOM), size - len(BOM)
                if not size:
                    continue
            total += size
            if total > most:
                raise self._too_large(most)
            size -= len(end) - len(end.removesuffix(b"\n").removesuffix(b"\r"))
            yield head[: min(size, LINE_LIMIT)], size
        self.ended = end.endswith(b"\n")

    def _too_large(self, most: int) -> FileError:
        if most == self._limits.bytes:
            return FileError(
                f"{self._where} has more than {most} bytes: cut it into smaller files, or raise"
                " PGJOBS_INJECTION_MAX_BYTES"
            )
        return FileError(
            f"{self._where} unpacks to more than {self._limits.ratio} times its size: upload it unpacked, or raise"
            " PGJOBS_INJECTION_MAX_RATIO"
        )


class _Recoded(io.RawIOBase):
    """A stream in another encoding, read as UTF-8; bytes that are none of it raise UnicodeError."""

    def __init__(self, source: BinaryIO | gzip.GzipFile, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while not self._ready and not self._over:
            piece = self._source.read(1 << 16)
            self._over = not piece
            self._ready = self._decoder.decode(piece, final=self._over).encode()
        size = min(len(view), len(self._ready))
        view[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def msisdn_of(line: bytes) -> bytes:
    """The first column of a line from its first digit to its last."""
    column = QUOTED_COLUMN(line) or PLAIN_COLUMN(line)
    return (column[column.lastindex or 0] if column else b"").strip(NO_DIGITS)


def _row(job_id: int, number: int, line: bytes, size: int) -> bytes:
    msisdn = msisdn_of(line).translate(HARMLESS)
    fault = b"line_too_long\t%d" % size if size > LINE_LIMIT else b"\\N\t\\N"
    return b"%d\t%d\t\\\\x%s\t%s\t%s\n" % (job_id, number, line.hex().encode(), msisdn, fault)
