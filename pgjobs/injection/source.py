"""Open the file of an injection job safely, once nobody writes to it any more, and tell afterwards whether it changed.

Only portable calls, for the folder may be a network share: a file is the same while its device, inode, size and times
of change are the same, asked of the open file and of its name opened anew.

Whoever uploads a file may give its content any time (mtime), an old one as well. The time of the last change of any
kind (ctime) belongs to the file system: it is new after a write, a rename and a change of rights. The later one counts.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pgjobs.errors import FileError, NotReady

NANO = 1_000_000_000
UPLOAD = (
    "upload it under another name, rename it when it is complete, and resume the job;"
    " over HTTP, upload it under another name and create a new job"
)


class Identity(NamedTuple):
    """What a file is, and when it was changed last."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def open_file(folder: Path, name: str, settle_seconds: float = 0.0) -> BinaryIO:
    """Open a plain file directly inside the folder, and nothing else, whatever the name tries.

    NotReady while it was written to, or put there, less than `settle_seconds` ago.
    """
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
    try:
        _check(os.fstat(fd), where, settle_seconds)
    except BaseException:
        os.close(fd)
        raise
    return os.fdopen(fd, "rb", buffering=1 << 20)


def _check(status: os.stat_result, where: str, settle_seconds: float) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{where} is not a regular file")
    # A moment further ahead than that comes from another clock, and waiting for it might never end.
    if abs(_age(status.st_mtime_ns, status.st_ctime_ns)) < settle_seconds:
        raise NotReady(
            f"{where} has just been written to or put there: it is read once it was left alone for {settle_seconds:g} s"
        )
    # Looked at behind that: an upload has two names for a moment, when it is put in place.
    if status.st_nlink != 1:
        raise FileError(f"{where} has another name elsewhere")
    if status.st_size == 0:
        raise FileError(f"{where} is empty")


def _age(*changed_ns: int) -> float:
    return (time.time_ns() - max(changed_ns)) / NANO


def identity(file: BinaryIO) -> Identity:
    """What an open file is at this moment."""
    status = os.fstat(file.fileno())
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def from_the_future(found: Identity) -> bool:
    """Whether the file's time of change lies ahead, so that its age tells nothing."""
    return _age(found.mtime_ns, found.ctime_ns) < 0


def check_unchanged(folder: Path, name: str, file: BinaryIO, was: Identity) -> None:
    """Refuse a file that was written to, cut, or replaced under its name since it was `was`."""
    where = f"file_name: {name!r} in {folder} changed while it was read"
    try:
        # Opened anew, since a network share asks its server then, and since a rename puts another file there.
        with open_file(folder, name) as again:
            if was == identity(file) == identity(again):
                return
    except FileError as error:
        raise FileError(f"{where}, and nothing of it was sent ({error.sentence}): {UPLOAD}") from error
    raise FileError(f"{where}, and nothing of it was sent: {UPLOAD}")
