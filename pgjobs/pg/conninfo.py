"""Addresses of databases: libpq reads them, nobody else, and their secrets are never shown."""

from __future__ import annotations

import os
import re
from functools import cache

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

NOWHERE = "/no/socket/of/pgjobs"
"""A folder that does not exist: libpq checks every other part of an address before it looks for its socket there."""
FORM = "postgresql://user:password@host:port/database"
NUMBERS = (
    "port",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
"""Options that libpq reads as numbers, some of them only when it is connected."""
ESCAPES = "in a user or password, % is written as %25, @ as %40, / as %2F, ? as %3F and # as %23"


def check_url(url: str) -> None:
    """Raise ValueError, with a sentence that holds no secret, where libpq could not use this address."""
    parts = read(url)
    if "@" in parts.get("host", ""):
        raise ValueError(f"its host has an @ in it; {ESCAPES}")
    if _is_uri(url) and "user" not in parts and "@" in parts.get("dbname", ""):
        raise ValueError(f"its database has an @ in it, and it names no user; {ESCAPES}")
    for name in NUMBERS:
        if not all(re.fullmatch(r"\s*(-?\d+)?\s*", number) for number in parts.get(name, "").split(",")):
            raise ValueError(f"its {name} is not a number")
    hosts = parts.get("hostaddr", parts.get("host", "")).split(",")
    nowhere = {"hostaddr": "", "host": ",".join([NOWHERE] * len(hosts))}
    attempt = pq.PGconn.connect_start(make_conninfo(**(parts | nowhere)).encode())
    words = attempt.error_message.decode(errors="replace")
    attempt.finish()
    if NOWHERE not in words:
        raise ValueError(f"libpq refuses it: {_without_quotations(words)}{_environment()}")


def read(url: str) -> dict[str, str]:
    """The parts of an address: an URI of one or several hosts, or key=value pairs; blanks around it do not count."""
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url.strip()).items()}
    except psycopg.ProgrammingError as error:
        words = _without_quotations(str(error))
    except UnicodeError:
        words = "it is not UTF-8"
    hint = ESCAPES if _is_uri(url) else f"it looks like {FORM}"
    # Raised outside of the handler: the cause would show what the sentence hides.
    raise ValueError(f"it can't be read ({words}); {hint}")


def redacted(url: str) -> str:
    """The address as key=value pairs without its secrets, for people to read."""
    try:
        parts = read(url)
    except ValueError:
        return "(an address that can't be read)"
    shown = {name: value for name, value in parts.items() if name not in _secrets()}
    if "@" in shown.get("host", "") + shown.get("dbname", ""):
        return "(an address with an @ where none belongs)"
    return make_conninfo(**shown)


def _environment() -> str:
    """The variables of libpq's own that are set: what they say counts where the address says nothing."""
    known = (option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar)
    names = sorted(name for name in known if os.environ.get(name))
    return f"; libpq reads {', '.join(names)} of the environment as well" if names else ""


def _is_uri(url: str) -> bool:
    return url.strip().startswith(("postgresql://", "postgres://"))


def _without_quotations(words: str) -> str:
    """What libpq says, but not what it quotes: that may be the password."""
    return re.sub(r'"[\s\S]*"', '"…"', words.strip()).splitlines()[0]


@cache
def _secrets() -> frozenset[str]:
    """Options that libpq marks as not to be shown."""
    options = pq.Conninfo.get_defaults()
    return frozenset(option.keyword.decode() for option in options if option.dispchar == b"*")
