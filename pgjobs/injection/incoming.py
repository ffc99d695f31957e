"""A file on its way into the injections directory: written beside its place, and put there whole or not at all.

What is not complete has a name of its own, which no job can mean, and is locked while somebody writes to it. Of a
process that was killed it stays behind unlocked, and whoever starts next removes it. A hard link puts a file into its
place, because a link, unlike a rename, fails where a file of that name is, whoever comes first.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from pathlib import Path

PREFIX = ".pgjobs-upload-"
LONGEST, LONGEST_BYTES = 127, 255
"""The first is what xmp_jobs.file_name may have, the second what a file system takes."""
UNKNOWN_LETTER = "\ufffd"
"""What stands for bytes of a path that are no UTF-8."""


def name_fault(name: str) -> str | None:
    """What keeps a name from being that of an injection file."""
    if not name:
        return "it is empty"
    if "/" in name or name.startswith("."):
        return "it is not the plain name of a file, or begins with a dot"
    if not name.isprintable() or UNKNOWN_LETTER in name:
        return "it holds what is no letter"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, and may have {LONGEST}"
    if len(name.encode()) > LONGEST_BYTES:
        return f"it has {len(name.encode())} bytes, and may have {LONGEST_BYTES}"
    return None


class Incoming:
    """One file that comes in; all methods block, and each may raise OSError."""

    def __init__(self, folder: Path, name: str, mode: int) -> None:
        self.size = 0
        self._folder = folder
        self._name = name
        self._mode = mode
        self._digest = hashlib.sha256()
        self._folder_fd = -1
        self._fd = -1
        self._temporary = ""

    @property
    def sha256(self) -> str:
        """The digest of what has come so far."""
        return self._digest.hexdigest()

    def open(self) -> None:
        """Begin; FileExistsError where there is a file of this name already."""
        self._folder_fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(FileNotFoundError):
            os.stat(self._name, dir_fd=self._folder_fd, follow_symlinks=False)
            raise FileExistsError
        while not self._locked():
            pass

    def write(self, data: bytes) -> None:
        """Add data to the file."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        self._digest.update(data)
        self.size += len(data)

    def put_in_place(self) -> None:
        """Give the file its name once it is on disk; FileExistsError where another one has got it meanwhile."""
        os.fchmod(self._fd, self._mode)
        os.fsync(self._fd)
        here = self._folder_fd
        os.link(self._temporary, self._name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        self._remove()
        os.fsync(here)

    def discard(self) -> None:
        """Close everything; what has not been put in place is gone. It may be called at any time, and again."""
        with contextlib.suppress(OSError):
            self._remove()
        for fd in (self._fd, self._folder_fd):
            if fd != -1:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._fd = self._folder_fd = -1

    def _locked(self) -> bool:
        """Make the temporary file and lock it; False if it was taken for a leftover in between."""
        self._temporary = f"{PREFIX}{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self._temporary, flags, 0o600, dir_fd=self._folder_fd)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        if os.fstat(self._fd).st_nlink:
            return True
        os.close(self._fd)
        self._fd, self._temporary = -1, ""
        return False

    def _remove(self) -> None:
        if self._temporary:
            os.unlink(self._temporary, dir_fd=self._folder_fd)
            self._temporary = ""


def remove_leftovers(folder: Path) -> list[str]:
    """Remove what nobody writes to any more, and name it; OSError where the folder can't be read."""
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        names = sorted(path.name for path in folder.iterdir() if path.name.startswith(PREFIX))
        return [name for name in names if _remove_unlocked(name, folder_fd)]
    finally:
        os.close(folder_fd)


def _remove_unlocked(name: str, folder_fd: int) -> bool:
    """Remove one file, unless it is locked, or is none; one that another process removes is gone as well."""
    try:
        fd = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder_fd)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)
