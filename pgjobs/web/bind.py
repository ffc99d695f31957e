"""Where the web process listens: the parts of the address, and the socket."""

from __future__ import annotations

import ipaddress
import socket

from pgjobs.errors import SettingsError


def loopback(host: str) -> bool:
    """Whether `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split(bind: str) -> tuple[str, int]:
    """Address and port of PGJOBS_HTTP_BIND."""
    host, _, port = bind.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


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
