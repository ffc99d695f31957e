"""Browsers: no page of another site may use one to change jobs (CSRF) or to read them (DNS rebinding).

A browser says where a request comes from. A Host that is no name of this service was made to point to its address by
somebody else's DNS (421). A foreign Origin, Referer or Sec-Fetch-Site on a request that changes something is a page of
another site (403), and what a browser loads ahead is no wish of its user (403); programs send none of these headers.
Browsers send Sec-Fetch-Site to https and loopback only, and a plain GET has no Origin, so that over http to another
address Referer alone tells a foreign page, which may leave it out. With tokens none of this is needed at a door that
knows its callers by a header, which a browser does not send by itself; Host is then checked only if PGJOBS_HTTP_HOSTS
is set.

At a door for browsers the caller is known by a cookie, which a browser does send by itself, and pages of the same site
at another port or name are no strangers to it. There these checks hold with tokens as well, for whatever is posted, the
sign-in included; and what another page loads into itself (a frame, a script, an image, an event stream) is refused
(403), while a link to the door is followed. A cookie belongs to its host, so that DNS rebinding does not get at it.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from pgjobs.bind import loopback, split
from pgjobs.settings import Settings
from pgjobs.web.endpoint import Scope
from pgjobs.web.errors import Problem, clipped

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]*)(:[0-9]*)?")
SAME_SITE = ("same-origin", "none")
SAFE_METHODS = ("GET", "HEAD")
PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
CALL = "call it from your server; a page needs tokens (PGJOBS_HTTP_AUTH) or its host in PGJOBS_HTTP_HOSTS"
PROXY = "open the jobs page itself; where a proxy changes Host, put the name that browsers see into PGJOBS_HTTP_HOSTS"
KEPT = 64
"""Of so many Host headers it is remembered whether they are known, for most requests have the same one."""
AHEAD = re.compile("prefetch|prerender|preview", re.IGNORECASE)


class Hosts:
    """The hosts that this service answers to."""

    def __init__(self, settings: Settings) -> None:
        self._bound, _ = split(settings.http_bind.lower())
        names = (name.strip().lower() for name in settings.http_hosts.split(","))
        self._named = {name for name in names if name}
        self._seen = functools.lru_cache(KEPT)(self._known)
        self.checked = not settings.http_auth or bool(self._named)

    def known(self, authority: str) -> bool:
        """Whether the value of a Host header, a name or an address with or without port, is this service."""
        return self._seen(authority)

    def _known(self, authority: str) -> bool:
        found = HOST.fullmatch(authority.strip().lower())
        if found is None:
            return False
        host = found[1].removeprefix("[").removesuffix("]").removesuffix(".")
        return loopback(host) or host == self._bound or self.named(host) or self._any_address(host)

    def named(self, host: str) -> bool:
        """Whether PGJOBS_HTTP_HOSTS names it."""
        return "*" in self._named or host in self._named

    def _any_address(self, host: str) -> bool:
        """Bound to all addresses, the service answers to any address: DNS can redirect names only."""
        try:
            return ipaddress.ip_address(self._bound).is_unspecified and bool(ipaddress.ip_address(host))
        except ValueError:
            return False


class Browsers:
    """Refuses what a browser sends for a page of another site; `for_browsers`: to a door that knows a cookie."""

    def __init__(
        self, settings: Settings, trusted: frozenset[str] = frozenset(), *, for_browsers: bool = False
    ) -> None:
        self._hosts = Hosts(settings)
        self._trusted = trusted
        self._for_browsers = for_browsers
        self._guarded = not settings.http_auth or for_browsers

    def check(self, headers: Headers, needed: Scope, method: str) -> None:
        """Raise a Problem (421, 403) if these headers name another host or another site."""
        hosts = headers.getlist("host")
        if self._hosts.checked and any(host and not self._hosts.known(host) for host in hosts):
            hint = "use the address pgjobs web listens on, or add the name to PGJOBS_HTTP_HOSTS"
            raise Problem(421, "foreign_host", f"Host {clipped(hosts[0])} is not a name of this service", hint)
        if self._for_browsers and method in SAFE_METHODS:
            self._check_loading(headers, hosts)
        elif self._guarded and (needed == "control" or self._for_browsers):
            self._check_change(headers, hosts)

    def _check_loading(self, headers: Headers, hosts: list[str]) -> None:
        """Refuse what a page of another site loads into itself; whoever follows a link from there leaves that page."""
        sites = {site.strip().lower() for site in headers.getlist("sec-fetch-site")}
        ways = [headers.get(name, "").strip().lower() for name in ("sec-fetch-mode", "sec-fetch-dest")]
        foreign = not sites.issubset(SAME_SITE) and ways != ["navigate", "document"]
        if foreign or any(not self._same(page, hosts) for page in headers.getlist("origin")):
            hint = "open it in a window of its own; a program needs no browser"
            raise Problem(403, "foreign_site", "a page of another site loads this into itself", hint)

    def _check_change(self, headers: Headers, hosts: list[str]) -> None:
        """Refuse what a page of another site sends, and what is loaded ahead."""
        if any(AHEAD.search(purpose) for name in PURPOSES for purpose in headers.getlist(name)):
            hint = "open the address itself; a page should link to it with POST"
            raise Problem(403, "speculative", "a browser loads this ahead, and nobody has asked for it yet", hint)
        sites = [site.strip().lower() for site in headers.getlist("sec-fetch-site")]
        origins = headers.getlist("origin")
        if origins and self._trusted.issuperset(origins):
            return
        pages = origins + [page for page in headers.getlist("referer") if page and _origin(page) not in self._trusted]
        if any(site not in SAME_SITE for site in sites) or any(not self._same(page, hosts) for page in pages):
            hint = PROXY if self._for_browsers else CALL
            raise Problem(403, "foreign_site", "a browser sends this call for a page of another site", hint)

    def _same(self, page: str, hosts: list[str]) -> bool:
        """Whether a page (its origin or address) has the host of the request, or one that PGJOBS_HTTP_HOSTS names."""
        try:
            parts = urlsplit(page.strip().lower())
            return parts.netloc in {host.strip().lower() for host in hosts if host} or (
                parts.hostname is not None and self._hosts.named(parts.hostname)
            )
        except ValueError:
            return False


def _origin(page: str) -> str:
    """The origin of the address of a page."""
    return "/".join(page.split("/", 3)[:3])
