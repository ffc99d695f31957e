"""The log of a job: a committed-length file, authoritative up to the length stored with the last checkpoint.

A new owner cuts off what lies behind that length. Where the former owner still lives (it holds the file's lock)
the committed part is copied and renamed over the path, so that a stale owner writes into an orphan.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import socket
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path

from pgjobs import db, faults
from pgjobs.errors import Fenced, LogError

logger = logging.getLogger(__name__)
HOST = socket.gethostname()
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class JobLog:
    """An open log; `committed` is its length in bytes up to the last append that is on disk.

    `chain` is the SHA-256 of the last append and all before it, `checks` two bytes for each of its lines: with them
    `pgjobs verify` names a line that was changed afterwards.
    """

    def __init__(self, path: Path, fd: int, committed: int, chain: bytes) -> None:
        self.path = path
        self.committed = committed
        self.chain = chain
        self.checks = b""
        self._fd = fd

    @classmethod
    async def open(cls, control: db.Connection, job_id: int, shard: int, epoch: int, path: Path) -> JobLog:
        """Open the last segment of a shard's log at its committed length, or a further one out of reach."""
        for further in (False, True):
            call = "select path, bytes, chain from pgjobs.open_log(%s, %s, %s, %s, %s, %s)"
            row = await (await control.execute(call, (job_id, shard, epoch, HOST, str(path), further))).fetchone()
            if row is None:
                raise Fenced(f"job {job_id}: the lease was lost before its log was open")
            found, committed = Path(row[0]), int(row[1])
            try:
                fd = await asyncio.to_thread(_open, found, committed, epoch)
            except OSError as error:
                raise LogError(f"log {found}: {error.strerror}") from error
            if fd is not None:
                return cls(found, fd, committed, row[2])
            logger.warning("log %s has lost committed lines: job %s goes on in a further file", found, job_id)
        raise LogError(f"log {path}: it is shorter than what was committed, and no further one could be opened")

    async def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines and wait until they are on disk; a failure ends the run, it is never retried."""
        data = b"".join(lines)
        try:
            await asyncio.to_thread(_append, self._fd, data)
        except OSError as error:
            raise LogError(f"log {self.path}: {error.strerror}") from error
        self.committed += len(data)
        self.chain = chained(self.chain, data)
        self.checks = line_checks(lines)

    def close(self) -> None:
        """Give the file and its lock back."""
        os.close(self._fd)


def chained(chain: bytes, data: bytes) -> bytes:
    """The hash of lines and all that came before them."""
    return hashlib.sha256(chain + data).digest()


def line_checks(lines: Sequence[bytes]) -> bytes:
    """Two bytes for each line, enough to tell which of them was changed."""
    return array("H", [zlib.crc32(line) & 0xFFFF for line in lines]).tobytes()


def _append(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[faults.write(fd, rest) :]
    faults.reach("before_sync")
    faults.fail("log_sync")
    os.fdatasync(fd)
    faults.reach("after_sync")


def _open(path: Path, committed: int, epoch: int) -> int | None:
    """A locked descriptor of the file cut to its committed length; None where that length is not there."""
    try:
        fd = os.open(path, FLAGS & ~os.O_CREAT if committed else FLAGS, 0o640)
    except FileNotFoundError:
        if committed:
            return None
        raise
    try:
        if os.fstat(fd).st_size < committed:
            os.close(fd)
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stale, fd = fd, _copy(path, committed, epoch)
            os.close(stale)
        os.ftruncate(fd, committed)
        _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(fd)
        raise
    return fd


def _copy(path: Path, committed: int, epoch: int) -> int:
    copy = path.with_name(f"{path.name}.e{epoch}")
    fd = os.open(copy, FLAGS | os.O_TRUNC, 0o640)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with path.open("rb") as source, os.fdopen(os.dup(fd), "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    os.ftruncate(fd, committed)
    os.fdatasync(fd)
    copy.rename(path)
    return fd


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
