"""Addresses that a process listens on: their parts, and whether other machines reach them."""

from __future__ import annotations

import ipaddress


def loopback(host: str) -> bool:
    """Whether `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split(bind: str) -> tuple[str, int]:
    """Address and port of a setting such as PGJOBS_HTTP_BIND."""
    host, _, port = bind.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def joined(host: str, port: int) -> str:
    """Address and port in one text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
