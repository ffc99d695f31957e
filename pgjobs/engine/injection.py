"""Read the file of an injection job, once, into the lines of the job: safely opened, streamed, constant in memory.

Python only splits lines and takes the first column from its first digit to its last; what makes a good msisdn is
decided in SQL.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from pgjobs import db, faults
from pgjobs.errors import FileError
from pgjobs.settings import Settings

GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
LINE_LIMIT = 4096
BATCH = 5000
QUOTED_COLUMN = re.compile(rb'\s*"((?:[^"]|"")*)"').match
PLAIN_COLUMN = re.compile(rb"[^,;\t]*").match
HARMLESS = bytes(b if 0x20 <= b < 0x7F and b != 0x5C else 0x20 for b in range(256))
NO_DIGITS = bytes(b for b in range(256) if not 0x30 <= b <= 0x39)


async def load(settings: Settings, job_id: int, file_name: str) -> None:
    """Copy the lines of a file of the injections directory into the job, unless it has them already."""
    connection = await db.connect(settings.database_url, "load", autocommit=False, patience=5 * settings.stall_seconds)
    async with connection, connection.transaction():
        if copy_lines := await db.value(connection, "select pgjobs.open_lines(%s)", job_id):
            with await asyncio.to_thread(open_file, settings.injections_dir, file_name) as file:
                async with connection.cursor().copy(copy_lines) as copy:
                    batches = copy_rows(file, file_name, settings.injection_max_bytes, job_id)
                    while batch := await asyncio.to_thread(next, batches, b""):
                        await copy.write(batch)
            await connection.execute("select pgjobs.close_lines(%s)", (job_id,))
    faults.reach("after_load")


def open_file(folder: Path, name: str) -> BinaryIO:
    """Open a plain file directly inside the folder, and nothing else, whatever the name tries."""
    where = f"file_name: {name!r} in {folder}"
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise FileError(f"{where} is not the plain name of a file there")
    try:
        folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FileError(f"the injections directory {folder} can't be opened: {error.strerror}") from error
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=folder_fd)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == 40 else error.strerror  # ELOOP
        raise FileError(f"{where} can't be opened: {reason}") from error
    finally:
        os.close(folder_fd)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        kind = "has another name elsewhere" if stat.S_ISREG(status.st_mode) else "is not a regular file"
        raise FileError(f"{where} {kind}")
    if status.st_size == 0:
        os.close(fd)
        raise FileError(f"{where} is empty")
    return os.fdopen(fd, "rb", buffering=1 << 20)


def copy_rows(file: BinaryIO, name: str, max_bytes: int, job_id: int) -> Iterator[bytes]:
    """The lines of a plain or gzip file as rows of COPY's text format (job, line, raw, msisdn, fault), in batches."""
    packed = file.read(2) == GZIP
    file.seek(0)
    rows: list[bytes] = []
    try:
        with gzip.GzipFile(fileobj=file) if packed else nullcontext(file) as source:
            for number, (line, size) in enumerate(_lines(source, name, max_bytes), 1):
                rows.append(_row(job_id, number, line, size))
                if len(rows) == BATCH:
                    yield b"".join(rows)
                    rows = []
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"file_name: {name!r} can't be read to its end: {error}") from error
    if rows:
        yield b"".join(rows)


def _lines(source: BinaryIO | gzip.GzipFile, name: str, max_bytes: int) -> Iterator[tuple[bytes, int]]:
    """(line without its end, its length) each; of a huge line only the beginning is kept."""
    total, first = 0, True
    while head := source.readline(LINE_LIMIT + 2):
        size, end = len(head), head[-2:]
        while not end.endswith(b"\n") and total + size <= max_bytes and (more := source.readline(1 << 20)):
            size, end = size + len(more), (end + more)[-2:]
        total += size
        if total > max_bytes:
            raise FileError(
                f"file_name: {name!r} has more than {max_bytes} bytes",
                "cut it into smaller files, or raise PGJOBS_INJECTION_MAX_BYTES",
            )
        if first and head.startswith(BOM):
            head, size = head.removeprefix(BOM), size - len(BOM)
        first = False
        size -= len(end) - len(end.removesuffix(b"\n").removesuffix(b"\r"))
        yield head[: min(size, LINE_LIMIT)], size


def _row(job_id: int, number: int, line: bytes, size: int) -> bytes:
    column = QUOTED_COLUMN(line) or PLAIN_COLUMN(line)
    msisdn = (column[column.lastindex or 0] if column else b"").strip(NO_DIGITS).translate(HARMLESS)
    fault = b"Line too long, length: %d" % size if size > LINE_LIMIT else b"\\N"
    return b"%d\t%d\t\\\\x%s\t%s\t%s\n" % (job_id, number, line.hex().encode(), msisdn, fault)
