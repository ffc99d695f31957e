"""The hosts that a job may have called, as an operator writes them; SQL says whether a host is one (callback_fault)."""

from __future__ import annotations

import ipaddress
import re

NAME = re.compile(r"\*|(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
WANTED = (
    "it has to be names, *.example.com, addresses and networks, separated by commas, as in hooks.example.com,10.0.0.0/8"
)


def hosts_of(text: str) -> list[str]:
    """The entries of a list separated by commas, each as SQL reads it; ValueError where one is none."""
    return [_entry(entry) for entry in map(str.strip, text.lower().split(",")) if entry]


def check_callback_hosts(text: str) -> str:
    """The same list in the one form that each of its entries has."""
    return ",".join(hosts_of(text))


def _entry(text: str) -> str:
    """A name as it is, an address or network as Python writes it."""
    number = text.strip("[]")
    if ":" in number or re.fullmatch(r"[0-9./]+", number):
        try:
            return str(ipaddress.ip_network(number, strict=False))
        except ValueError:
            raise ValueError(WANTED) from None
    if not NAME.fullmatch(text):
        raise ValueError(WANTED)
    return text
