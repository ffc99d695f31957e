"""Browsers: without tokens, no page of another site may steer jobs, nor read them under a name of its own.

Every browser says where a call comes from: a Host that is not ours is a name bent to our address (421), and a foreign
Origin or Sec-Fetch-Site on a call that changes something is a page of another site (403). Programs send none of these
two. With tokens nothing of this is needed, for a browser sends no token by itself; Host is then checked only where
PGJOBS_HTTP_HOSTS names hosts.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from pgjobs.settings import Settings
from pgjobs.web.bind import loopback, split
from pgjobs.web.endpoint import Scope
from pgjobs.web.errors import Problem, clipped

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]*)(:[0-9]*)?")
SAME_SITE = ("same-origin", "none")


class Hosts:
    """The hosts we answer to."""

    def __init__(self, settings: Settings) -> None:
        self._bound, _ = split(settings.http_bind.lower())
        names = (name.strip().lower() for name in settings.http_hosts.split(","))
        self._named = {name for name in names if name}
        self.checked = not settings.http_auth or bool(self._named)

    def ours(self, authority: str) -> bool:
        """Whether the value of a Host header, name or address and port, means us."""
        found = HOST.fullmatch(authority.strip().lower())
        if found is None:
            return False
        host = found[1].removeprefix("[").removesuffix("]").removesuffix(".")
        return loopback(host) or host == self._bound or self.named(host) or self._any_address(host)

    def named(self, host: str) -> bool:
        """Whether PGJOBS_HTTP_HOSTS names it."""
        return "*" in self._named or host in self._named

    def _any_address(self, host: str) -> bool:
        """Bound to every address we answer to every address: only names can be bent to another one."""
        try:
            return ipaddress.ip_address(self._bound).is_unspecified and bool(ipaddress.ip_address(host))
        except ValueError:
            return False


class Browsers:
    """Refuses what a browser sends for a page of another site."""

    def __init__(self, settings: Settings) -> None:
        self._hosts = Hosts(settings)
        self._guarded = not settings.http_auth

    def check(self, headers: Headers, needed: Scope) -> None:
        """Raise a Problem (421, 403) where these headers tell of another name or another site."""
        hosts = headers.getlist("host")
        if self._hosts.checked and any(host and not self._hosts.ours(host) for host in hosts):
            hint = "use the address pgjobs web listens on, or add the name to PGJOBS_HTTP_HOSTS"
            raise Problem(421, "foreign_host", f"Host {clipped(hosts[0])} is not a name of this service", hint)
        if not self._guarded or needed != "control":
            return
        sites = [site.strip().lower() for site in headers.getlist("sec-fetch-site")]
        origins = headers.getlist("origin")
        if any(site not in SAME_SITE for site in sites) or any(not self._same(origin, hosts) for origin in origins):
            hint = "call it from your server; a page needs tokens (PGJOBS_HTTP_AUTH) or its host in PGJOBS_HTTP_HOSTS"
            raise Problem(403, "foreign_site", "a browser sends this call for a page of another site", hint)

    def _same(self, origin: str, hosts: list[str]) -> bool:
        """Whether the page came from where the call goes to, or from a host that is named."""
        try:
            parts = urlsplit(origin.strip().lower())
            return parts.netloc in {host.strip().lower() for host in hosts if host} or (
                parts.hostname is not None and self._hosts.named(parts.hostname)
            )
        except ValueError:
            return False
