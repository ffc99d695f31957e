"""One call of an outside system over HTTP: no cookies, no redirects, no proxies, and what is answered is not read.

Where somebody else than the operator has named the host, the call goes to the addresses that were checked, and its name
is not looked up again: a name that leads elsewhere a moment later gets nothing.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

import pgjobs

if TYPE_CHECKING:
    import httpx

HEADERS = {"User-Agent": f"pgjobs/{pgjobs.__version__}", "Accept": "*/*", "Connection": "close"}
ASKS_FOR_A_PAUSE = (429, 503)
LONGEST_PAUSE = 86400
PORTS = {"http": 80, "https": 443}


class Answered(NamedTuple):
    """The status of an answer, if there was one, and for how many seconds it asks to be left alone."""

    status: int | None
    retry_after: int | None


class Caller:
    """Makes calls; at most so many at once."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def close(self) -> None:
        """Close what is open."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None

    async def call(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | None,
        addresses: Sequence[str] = (),
    ) -> Answered:
        """The answer of the host of the URL, or of the first one of these addresses that takes the connection.

        Every error of a connection is raised as it is.
        """
        import httpx  # noqa: PLC0415 only where somebody is to be called

        if self._transport is None:
            limits = httpx.Limits(max_connections=self._most, max_keepalive_connections=0)
            self._transport = httpx.AsyncHTTPTransport(trust_env=False, limits=limits)
        sent = HEADERS | {"Host": url.netloc.decode("ascii")} | dict(headers)
        if url.userinfo:
            pair = f"{url.username}:{url.password}".encode(errors="replace")
            sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        patience = httpx.Timeout(self._seconds, connect=self._seconds / max(1, len(addresses))).as_dict()
        extensions = {"timeout": patience, "sni_hostname": url.raw_host.decode("ascii")}
        targets = [url.copy_with(host=address) for address in addresses] or [url]
        for target in targets:
            request = httpx.Request(method, target, headers=sent, content=content, extensions=extensions)
            try:
                response = await self._transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if target is targets[-1]:
                    raise
                continue
            break
        try:
            return Answered(response.status_code, _pause(response.status_code, response.headers.get("retry-after", "")))
        finally:
            await response.aclose()


async def addresses_of(url: httpx.URL) -> list[str]:
    """The addresses that the host of a URL leads to now, each once; OSError where there are none."""
    port = url.port or PORTS[url.scheme]
    found = await asyncio.get_running_loop().getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found))


def _pause(status: int, asked: str) -> int | None:
    """The seconds of Retry-After, which has them or a date; None where there is none that can be read."""
    if status not in ASKS_FOR_A_PAUSE:
        return None
    asked = asked.strip()
    if asked.isascii() and asked.isdecimal():
        return min(int(asked[:9]), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(asked)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0, min(int(seconds) + 1, LONGEST_PAUSE))
