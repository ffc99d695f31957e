"""Checks of the texts and addresses that an operator sets: ValueError with a sentence that holds no secret."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from pgjobs.pg.conninfo import check_url

LONGEST = 4096
LONGEST_HOST = 253


def check_text(value: str) -> str:
    """Any text: whole letters, no control characters, not too long."""
    if len(value) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} letters")
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise ValueError("it is not UTF-8")
    if any(one < " " or "\x7f" <= one <= "\x9f" or one in "\u2028\u2029" for one in value):
        raise ValueError("there is a line break or another control character in it")
    return value


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
