"""The socket on which the web process listens."""

from __future__ import annotations

import socket

from pgjobs.bind import split
from pgjobs.errors import SettingsError


def listen(bind: str) -> socket.socket:
    """The socket to serve on."""
    host, port = split(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"PGJOBS_HTTP_BIND {bind!r} cannot be listened on: {error.strerror or error}",
            "choose another port, or end the process that has it",
        ) from error
