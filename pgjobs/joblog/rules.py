"""Where the logs of jobs lie and who may read them, as the settings have it."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import NamedTuple

from pgjobs.settings import Settings

HOST = socket.gethostname()


class LogRules(NamedTuple):
    """Where logs lie, by the name of their volume, and who may read them: their mode, and their group unless -1."""

    host: str = HOST
    mode: int = 0o640
    gid: int = -1

    @classmethod
    def of(cls, settings: Settings) -> LogRules:
        """The rules that the settings state."""
        return cls(settings.log_host, int(settings.log_mode, 8), settings.log_gid)


def need_plain_file(fd: int) -> None:
    """Refuse a pipe or a device: what is written to it is gone, or waits for somebody who reads it."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def give_rights(fd: int, rules: LogRules) -> None:
    """Mode and group as the rules have them, whatever the umask; a file of another user stays as it is."""
    status = os.fstat(fd)
    if os.geteuid() not in (0, status.st_uid):
        return
    if rules.gid not in (-1, status.st_gid):
        os.fchown(fd, -1, rules.gid)
    if stat.S_IMODE(status.st_mode) != rules.mode:
        os.fchmod(fd, rules.mode)
