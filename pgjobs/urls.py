"""Checks of the addresses that an operator sets: ValueError with a sentence that holds no secret."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from pgjobs.pg.conninfo import check_url

LONGEST_HOST = 253


def check_database(url: str) -> str:
    """The address of a database, as libpq reads it: an URL or key=value pairs."""
    scheme, found, _ = url.partition("://")
    if found and scheme.isalnum() and scheme not in ("postgresql", "postgres"):
        raise ValueError("it has to begin with postgresql://")
    check_url(url)
    return url


def check_http(url: str, *, goes_on: bool = False) -> str:
    """The address of somebody who is called by HTTP; goes_on: paths are put behind it."""
    if goes_on and ("?" in url or "#" in url):
        raise ValueError("the path of a message is put behind it: write it without ? and #")
    parts = _parts(url, ("http", "https"), "it has to be an http:// or https:// address")
    if not parts.hostname:
        raise ValueError("it has to be an http:// or https:// address")
    import httpx  # noqa: PLC0415 only where somebody is to be called

    try:
        httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        pass
    else:
        return url
    raise ValueError("it is no address that can be called")


def check_gateway(url: str) -> str:
    """The address of an HTTP gateway, which the paths of messages are put behind."""
    return check_http(url, goes_on=True)


def check_broker(url: str) -> str:
    """The address of RabbitMQ, as far as it is no business of pika."""
    _parts(url, ("amqp", "amqps"), "it has to begin with amqp:// or amqps://")
    return url


def check_host(host: str) -> str:
    """A name or an address of a machine."""
    try:
        fits = 0 < len(host.encode("idna")) <= LONGEST_HOST
    except UnicodeError:
        fits = False
    if not fits or any(one.isspace() or one in "@/?#%\\" for one in host):
        raise ValueError("its host is no name or address of a machine")
    return host


def check_bind(value: str) -> str:
    """An address to listen on, and its port."""
    host, _, port = value.rpartition(":")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError("it has to be address:port, as in 127.0.0.1:50303")
    check_host(host.removeprefix("[").removesuffix("]").partition("%")[0])
    return value


def check_hosts(value: str) -> str:
    """Names of hosts, separated by commas; * is any name."""
    for name in filter(None, map(str.strip, value.split(","))):
        if name != "*" and not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+", name):
            raise ValueError("it has to be names without port and scheme, as in jobs.example.com,web")
    return value


def check_prefix(value: str) -> str:
    """A path below which others lie."""
    if not re.fullmatch(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", value):
        raise ValueError("it has to be a path such as /pig, of letters, digits, dots, - and _")
    return value


def check_origins(value: str) -> str:
    """Origins of pages, separated by commas, as browsers write them."""
    origins = [origin.strip().lower() for origin in value.split(",") if origin.strip()]
    for origin in origins:
        if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
            raise ValueError(
                "it has to be scheme and host of pages, as in https://app.example.com,http://localhost:8080"
            )
    return ",".join(origins)


def _parts(url: str, schemes: tuple[str, ...], otherwise: str) -> SplitResult:
    """The parts of an address that begins with one of these schemes."""
    if not url.lower().startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(otherwise)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 reading it is what checks it
    except ValueError:
        parts = None
    # Raised outside of the handler: the cause would show what the sentence hides.
    if parts is None:
        raise ValueError("its host or port can't be read")
    if parts.hostname:
        check_host(parts.hostname)
    return parts
