"""The log of a job: a committed-length file, authoritative up to the length stored with the last checkpoint.

A new owner cuts off what lies behind that length. Where a former owner still lives (it holds the file's lock) the
committed part is copied and renamed over the path, so that a stale owner writes into an orphan. Either is done with a
lock in hand and after asking once more whether the shard is ours, unless the file is a new one: whoever slept meanwhile
changes nothing any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pgjobs import failpoints as faults
from pgjobs.errors import LogError
from pgjobs.joblog.chain import chained, line_checks
from pgjobs.joblog.rules import LogRules, give_rights, need_plain_file
from pgjobs.unbroken import unbroken

logger = logging.getLogger(__name__)
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Segment(NamedTuple):
    """The file that a shard writes to, its committed length and the hash so far."""

    path: Path
    committed: int
    chain: bytes


class AskForSegment(Protocol):
    """Asks for the file that a shard writes to, or raises Fenced."""

    def __call__(self, host: str, path: Path, *, further: bool) -> Awaitable[Segment]: ...


class _Replaced(Exception):
    """Another file is where the log was."""


class JobLog:
    """An open log; `committed` is its length in bytes up to the last append that is on disk.

    `chain` is the SHA-256 of the last append and all before it, `checks` two bytes for each of its lines: with them
    `pgjobs verify` names a line that was changed afterwards.
    """

    def __init__(
        self, path: Path, fd: int, committed: int, chain: bytes, check_owner: Callable[[], Awaitable[object]]
    ) -> None:
        self.path = path
        self.committed = committed
        self.chain = chain
        self.checks = b""
        self._fd = fd
        self._check_owner = check_owner

    @classmethod
    async def open(
        cls, ask: AskForSegment, path: Path, rules: LogRules | None = None, answer: Segment | None = None
    ) -> JobLog:
        """Open the last segment at its committed length, or a further one; `answer`: what was said of the last one."""
        given = rules or LogRules()
        for further in (False, True):
            known = None if further else answer
            found, committed, chain = known or await ask(given.host, path, further=further)
            try:
                held = await asyncio.to_thread(_hold, found, committed, given)
                if held is None:
                    logger.warning("log %s is out of reach: its job goes on in a further file", found)
                    continue
                fd, is_copy, is_new = held
                with _closed_on_error(fd):
                    if not is_new:
                        _, committed, chain = await ask(given.host, path, further=False)
                        give_rights(fd, given)
                        await asyncio.to_thread(_take_over, found, fd, committed, is_copy=is_copy)
            except OSError as error:
                raise LogError(f"log {found}: {error.strerror}") from error
            return cls(found, fd, committed, chain, lambda: ask(given.host, path, further=False))
        raise LogError(f"log {path}: neither it nor a further one could be opened")

    async def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines and wait until they are on disk; a failure ends the run, it is never retried."""
        data = b"".join(lines)
        try:
            await unbroken(self._append, data)
        except OSError as error:
            raise LogError(f"log {self.path}: {error.strerror}") from error
        except _Replaced as error:
            # A successor puts its copy there. If the shard is still ours, it was somebody else.
            await self._check_owner()
            raise LogError(f"log {self.path}: somebody put another file in its place") from error
        self.committed += len(data)
        self.chain = chained(self.chain, data)
        self.checks = line_checks(lines)

    def close(self) -> None:
        """Give the file and its lock back."""
        os.close(self._fd)

    def _append(self, data: bytes) -> None:
        here = os.fstat(self._fd)
        if here.st_size != self.committed:
            raise LogError(
                f"log {self.path}: somebody changed it, {here.st_size} bytes where {self.committed} were committed"
            )
        try:
            there = self.path.lstat()
        except FileNotFoundError as error:
            raise LogError(f"log {self.path}: somebody moved or removed it") from error
        if not os.path.samestat(here, there):
            raise _Replaced
        rest = memoryview(data)
        while rest:
            rest = rest[faults.write(self._fd, rest) :]
        faults.reach("before_sync")
        faults.fail("log_sync")
        os.fdatasync(self._fd)
        faults.reach("after_sync")


class Held(NamedTuple):
    """A locked descriptor: of the file, or of its copy to be; of a new file nobody else can have written a byte."""

    fd: int
    is_copy: bool
    is_new: bool


def _hold(path: Path, committed: int, rules: LogRules) -> Held | None:
    """The file, locked; one that is made here is ready to be written to: nobody has to be asked again for it."""
    held = _lock(path, committed)
    if held is not None and held.is_new:
        with _closed_on_error(held.fd):
            give_rights(held.fd, rules)
            _take_over(path, held.fd, committed, is_copy=False)
    return held


def _lock(path: Path, committed: int) -> Held | None:
    """The file, or its copy to be where somebody else holds the file.

    None where the committed lines are not there, or where the copy is held: a silent owner may yet rename it.
    """
    try:
        fd, is_new = _open(path, committed)
    except FileNotFoundError:
        if committed:
            return None
        raise
    with _closed_on_error(fd):
        need_plain_file(fd)
        reachable = os.fstat(fd).st_size >= committed
        if reachable and _locked(fd):
            if not _copy_is_held(path):
                return Held(fd, is_copy=False, is_new=is_new)
            reachable = False
    os.close(fd)
    if not reachable:
        return None
    copy = _copy_of(path)
    fd = os.open(copy, FLAGS, 0o640)
    with _closed_on_error(fd):
        need_plain_file(fd)
        # Another one may have made it the file before it was locked.
        if _locked(fd) and copy.exists() and copy.samefile(f"/proc/self/fd/{fd}"):
            return Held(fd, is_copy=True, is_new=False)
    os.close(fd)
    return None


def _open(path: Path, committed: int) -> tuple[int, bool]:
    """A descriptor of the file, which may be made only if nothing of it is committed, and whether it was made here."""
    if committed:
        return os.open(path, FLAGS & ~os.O_CREAT), False
    try:
        return os.open(path, FLAGS | os.O_EXCL, 0o640), True
    except FileExistsError:
        return os.open(path, FLAGS, 0o640), False


def _locked(fd: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _copy_is_held(path: Path) -> bool:
    try:
        fd = os.open(_copy_of(path), FLAGS & ~os.O_CREAT)
    except FileNotFoundError:
        return False
    try:
        return not _locked(fd)
    finally:
        os.close(fd)


def _copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.copy")


def _take_over(path: Path, fd: int, committed: int, *, is_copy: bool) -> None:
    """Cut off what was never committed, or have the committed part in the copy and the copy in the file's place."""
    if is_copy:
        os.ftruncate(fd, 0)
        with path.open("rb") as source, os.fdopen(os.dup(fd), "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    os.ftruncate(fd, committed)
    if is_copy:
        os.fdatasync(fd)
        _copy_of(path).rename(path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def _closed_on_error(fd: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(fd)
        raise


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
