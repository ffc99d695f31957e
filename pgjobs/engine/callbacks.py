"""Call outside systems when jobs have ended: the calls of one job in order, the calls of several jobs side by side.

A job that notifies is told of by POST, its ended operations as well; any other one by GET. The database decides which
callbacks are due, and what they say. Every call is recorded as one attempt, whatever its result. A slow or
silent system does not delay the calls to other systems.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from pgjobs import failpoints as faults
from pgjobs.backoff import set_within
from pgjobs.callback_hosts import hosts_of
from pgjobs.engine.caller import Answered, Caller, addresses_of
from pgjobs.engine.control import Control
from pgjobs.errors import one_line
from pgjobs.settings import Settings
from pgjobs.signatures import secrets_of, signed

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)
MOST_CALLS = 8
MOST_OF_ONE_HOST = 2
ANNOUNCE_SECONDS = 60.0
GATHER_SECONDS = 0.05
"""Jobs that end within so short a time are looked for together."""
LONGEST = 2500
USERINFO = re.compile(r"//[^/?#]*@")


class Callback(NamedTuple):
    """A callback that is due now; `url` is the job's own address, if it has one, `body` what is to be posted."""

    id: int
    attempt: int
    job_id: int
    status: str
    host: str
    url: str | None
    message_id: str
    body: str | None


class Callbacks:
    """Claims due callbacks and makes the calls."""

    def __init__(self, settings: Settings, control: Control) -> None:
        self._settings = settings
        self._control = control
        self._woken = asyncio.Event()
        self._calls: dict[asyncio.Task[None], Callback] = {}
        self._caller = Caller(MOST_CALLS, settings.callback_timeout)
        self._hosts = hosts_of(settings.callback_hosts)
        self._secrets = secrets_of(settings.callback_secret)

    def wake(self) -> None:
        """Look for due callbacks now, because a job may have ended."""
        self._woken.set()

    async def announce(self) -> None:
        """Tell the database whether there is an address to call, and whom jobs may name, before the first job ends."""
        said = bool(self._settings.callback_url), self._hosts
        await self._control.row("select pgjobs.announce_callbacks(%s, %s::text[])", said)

    async def run(self, works: Callable[[], None]) -> None:
        """Make calls until cancelled; `works` is called after each answer of the database."""
        try:
            await self._claim_for_ever(works)
        finally:
            for task in self._calls:
                task.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)
            self._calls.clear()
            await self._caller.close()

    async def _claim_for_ever(self, works: Callable[[], None]) -> None:
        wanted = bool(self._settings.callback_url)
        announce_at = 0.0
        while True:
            self._woken.clear()
            if time.monotonic() >= announce_at:
                await self.announce()
                announce_at = time.monotonic() + ANNOUNCE_SECONDS
            for task in [task for task in self._calls if task.done()]:
                del self._calls[task]
                task.result()
            while len(self._calls) < MOST_CALLS and (callback := await self._claim()) is not None:
                task = asyncio.create_task(self._attempt(callback))
                self._calls[task] = callback
                task.add_done_callback(lambda _: self._woken.set())
            works()
            pause = self._settings.poll_seconds
            if len(self._calls) < MOST_CALLS:
                call = "select pgjobs.next_callback(%s, %s)"
                due = await self._control.value(call, wanted, self._busy())
                pause = pause if due is None else min(pause, max(0.5, due))
            if await set_within(self._woken, pause) and not self._calls:
                await asyncio.sleep(GATHER_SECONDS)

    def _busy(self) -> list[str]:
        """The hosts that have as many calls in progress as one host may have."""
        hosts = [callback.host for callback in self._calls.values()]
        return [host for host in set(hosts) if hosts.count(host) >= MOST_OF_ONE_HOST]

    async def _claim(self) -> Callback | None:
        patience = timedelta(seconds=2 * self._settings.callback_timeout + 10)
        most = self._settings.callback_batch
        call = (
            "select id, attempt, job_id, status, host, url, message_id, body from pgjobs.claim_callback(%s, %s, %s, %s)"
        )
        row = await self._control.row(call, (patience, bool(self._settings.callback_url), self._busy(), most))
        return Callback(*row) if row else None

    async def _attempt(self, callback: Callback) -> None:
        """Make one attempt and record it."""
        await asyncio.to_thread(_load_client)
        began = time.monotonic()
        answer = Answered(None, None)
        problem: str | None = None
        url = self._address(callback)
        if url is None:
            problem = "its address can't be called"
        else:
            seconds = self._settings.callback_timeout
            try:
                async with asyncio.timeout(seconds):
                    answer = await self._call(url, callback)
            except TimeoutError:
                problem = f"no answer within {seconds:g} s"
            except Exception as error:  # noqa: BLE001 every error of a call is recorded as its result
                problem = _shown(one_line(error))
        faults.reach("after_callback")
        milliseconds = int((time.monotonic() - began) * 1000)
        shown = _shown(str(url or callback.url or self._settings.callback_url))
        call = "select pgjobs.record_callback(%s, %s, %s, %s, %s, %s, %s, %s)"
        noted = (callback.id, callback.attempt, shown, answer.status, problem, milliseconds)
        await self._control.row(call, (*noted, self._settings.callback_attempts, answer.retry_after))
        job, status, number = callback.job_id, callback.status, callback.attempt
        if answer.status is not None and 200 <= answer.status <= 299:
            logger.info("callback of job %s (%s): answered with %s", job, status, answer.status)
        else:
            why, last = answer.status or problem, number >= self._settings.callback_attempts
            given_up = "; it is given up (PGJOBS_CALLBACK_ATTEMPTS)" if last else ""
            logger.warning("callback of job %s (%s) failed, attempt %s: %s%s", job, status, number, why, given_up)

    def _address(self, callback: Callback) -> httpx.URL | None:
        """The URL to call, by GET with job and status; None if the address is not valid."""
        import httpx  # noqa: PLC0415 only where somebody is to be called

        status = callback.status.replace("cancelled", self._settings.callback_spelling)
        try:
            url = httpx.URL(callback.url or self._settings.callback_url)
            if callback.body is not None:
                return url
            return url.copy_merge_params({"id": str(callback.job_id), "status": status})
        except (httpx.InvalidURL, ValueError):
            return None

    async def _call(self, url: httpx.URL, callback: Callback) -> Answered:
        """The answer; PermissionError where nobody may be called whom this job names."""
        addresses: list[str] = []
        # Whom the operator names may be anybody.
        if callback.url is not None:
            addresses = await addresses_of(url)
            asked = (url.raw_host.decode("ascii"), addresses, self._hosts)
            if fault := await self._control.value("select pgjobs.callback_fault(%s, %s::text[], %s::text[])", *asked):
                raise PermissionError(f"{fault} (PGJOBS_CALLBACK_HOSTS)")
        if callback.body is None:
            return await self._caller.call("GET", url, {}, None, addresses)
        content = callback.body.encode()
        headers = {"Content-Type": "application/json"}
        headers |= signed(callback.message_id, content, self._secrets, int(time.time()))
        return await self._caller.call("POST", url, headers, content, addresses)


def _load_client() -> None:
    """Import what makes the calls: it takes a fifth of the start of a daemon, and most of them never call anybody."""
    import httpx  # noqa: F401, PLC0415 the module is kept for later imports


def _shown(text: str) -> str:
    """A text for logs and tables: without user and password, printable, of limited length."""
    hidden = USERINFO.sub("//***@", text)
    return "".join(one if one.isprintable() else "?" for one in hidden)[:LONGEST]
