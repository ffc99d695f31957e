"""The agent for an HTTP gateway: each message becomes one POST, and what the gateway says becomes the answer.

A call that fails is no longer the agent's: the engine tries the item again, by the rules of its type, until its job
stops. If the gateway seems to be down, one message is tried each second, and each time the next one: so those that
the gateway can't send keep the others waiting for a second each, and no longer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pika
from pika import exceptions

from pgjobs.agents.item import Item, Result

logger = logging.getLogger("pgjobs.agents")
FAILED, REFUSED, TOO_LATE = "GATEWAY_ERROR", "GATEWAY_REFUSED", "ERROR_TIMEOUT"
"""Results: to be tried again; the gateway does not want this message; the job has stopped meanwhile."""
FINAL = frozenset({400, 413, 422})
"""With these a gateway refuses the message itself. Others, 401 and 404 too, say something of address, token or load."""
MOST_BYTES = 64 * 1024
MOST_SHOWN = 200
PATIENCE = 5
"""So many calls in a row may fail before the others wait."""
PAUSE = 1.0
"""Seconds from one try to the next one. It does not grow: what fails may be the recipients, and others wait behind."""


class Unfit(Exception):
    """What came back does not say that the message was taken. works: it is an answer of a gateway that works."""

    def __init__(self, sentence: str, *, works: bool = False) -> None:
        super().__init__(sentence)
        self.works = works


class Breaker:
    """Lets calls through while the gateway works; while it fails, one call after each pause."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._clock = clock
        self._wait = wait
        self._lock = threading.Lock()
        self._failures = 0
        self._open_at = 0.0

    def enter(self) -> None:
        """Wait until a call may be made."""
        while True:
            with self._lock:
                pause = self._open_at - self._clock()
                if pause <= 0:
                    if self._failures >= PATIENCE:
                        # This call tries; the others wait for what it finds.
                        self._open_at = self._clock() + PAUSE
                    return
            self._wait(pause)

    def note(self, *, works: bool) -> bool:
        """Note how a call ended; whether this changes what is known of the gateway."""
        with self._lock:
            before = self._failures >= PATIENCE
            self._failures = 0 if works else self._failures + 1
            after = self._failures >= PATIENCE
            if before != after:
                self._open_at = self._clock() + PAUSE if after else 0.0
            return before != after


class Gateway:
    """Sends messages to {url}/v1/send/{id} with a bearer token; `send` is a handler, for as many threads as there are.

    seconds: how long one call may take from its first to its last byte. numbers: ids are numbers instead of job-key.
    """

    def __init__(self, url: str, token: str, *, seconds: float = 10.0, numbers: bool = False) -> None:
        self._url = url.rstrip("/") + "/v1/send/"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            # What is packed could unpack to more than anybody wants to read.
            "Accept-Encoding": "identity",
            "User-Agent": "pgjobs",
        }
        self._seconds = seconds
        self._numbers = numbers
        self._breaker = Breaker()
        self.trouble = ""
        """Why messages wait, in a sentence; empty while the gateway works."""
        # A bare transport follows no redirects, keeps no cookies, and knows no proxies of the environment.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=2)
        )
        # Only a loop can say of a whole call that its time is over.
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self._leaving = asyncio.Event()
        self._thread = threading.Thread(target=self._runner.run, args=(self._serve(),), name="gateway", daemon=True)
        self._thread.start()

    def send(self, item: Item) -> Result:
        """Send the message of an item, once."""
        try:
            request = self._request(item)
        except (ValueError, TypeError) as error:
            return Result(REFUSED, f"its message can't be sent: {error}"[:MOST_SHOWN], status="failed")
        if not _is_over(item):
            self._breaker.enter()
        if _is_over(item):
            return Result(TOO_LATE, "the job has stopped: nothing was sent", status="failed")
        works, trouble = False, ""
        try:
            result = _judged(*asyncio.run_coroutine_threadsafe(self._call(request), self._loop).result())
            works = True
        except Unfit as unfit:
            works, trouble = unfit.works, str(unfit)
        except TimeoutError:
            trouble = f"no whole answer within {self._seconds:g} s"
        except Exception as error:  # noqa: BLE001 whatever goes wrong with a call is what became of it
            trouble = f"{type(error).__name__}: {error}"
        if self._breaker.note(works=works):
            self.trouble = "" if works else f"the gateway fails, one message is tried each second: {trouble}"
            if works:
                logger.info("the gateway works again")
            else:
                logger.warning("%s", self.trouble)
        return Result(FAILED, trouble[:MOST_SHOWN], status="failed") if trouble else result

    def close(self) -> None:
        """Close its connections; nothing may be sent any more."""
        self._loop.call_soon_threadsafe(self._leaving.set)
        self._thread.join()
        # An answer that is not read to its end leaves generators behind; the runner closes them, a bare loop does not.
        self._runner.close()

    async def _serve(self) -> None:
        """Keep the loop for the calls, until the end."""
        await self._leaving.wait()
        await self._transport.aclose()

    def _request(self, item: Item) -> httpx.Request:
        name, content = item.id, item.raw
        if self._numbers:
            number = number_of(item)
            name, content = str(number), json.dumps({**item.body, "id": number}, ensure_ascii=False).encode()
        return httpx.Request("POST", f"{self._url}{name}", headers=self._headers, content=content)

    async def _call(self, request: httpx.Request) -> tuple[int, bytes]:
        """The status and the body of the gateway's answer."""
        async with asyncio.timeout(self._seconds):
            response = await self._transport.handle_async_request(request)
            try:
                body = bytearray()
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise Unfit(f"the gateway's answer is larger than {MOST_BYTES // 1024} kB")
            finally:
                await response.aclose()
        return response.status_code, bytes(body)


def number_of(item: Item) -> int:
    """Job and key of an item as one number, for gateways that know no other ids; ValueError where they do not fit."""
    # Above its lowest 40 bits the key may have the zone of the client, who is in a job once.
    key = item.key & (2**40 - 1)
    if item.job >= 2**31 or item.key < 0 or key >= 2**32:
        raise ValueError(f"item {item.id} has no number: set PGJOBS_GATEWAY_IDS=text")
    return item.job << 32 | key


def declare(url: str, *queues: str) -> None:
    """Make those of the queues that are missing, durable and replicated; what can't be made is logged."""
    try:
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            for queue in queues:
                try:
                    connection.channel().queue_declare(queue, passive=True)
                except exceptions.ChannelClosedByBroker:
                    connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
                    logger.info("queue %s is made", queue)
    except (exceptions.AMQPError, OSError) as error:
        logger.warning("the queues %s could not be made: %s", ", ".join(queues), error)


def _judged(status: int, body: bytes) -> Result:
    """What the gateway's answer means for the item; Unfit where it is to be tried again."""
    if status in FINAL:
        return Result(REFUSED, f"the gateway answers {status}: {_shown(body)}", status="failed")
    if not 200 <= status <= 299:
        raise Unfit(f"the gateway answers {status}: {_shown(body)}")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Unfit(f"the gateway answers {status} with no JSON: {_shown(body)}") from None
    code: Any = said.get("code") if isinstance(said, dict) else None
    if type(code) is not int or code != 0:
        raise Unfit(f"the gateway answers {status} without code 0: {_shown(body)}", works=type(code) is int)
    return Result(description=str(said.get("message", ""))[:MOST_SHOWN])


def _shown(body: bytes) -> str:
    text = body[: 4 * MOST_SHOWN].decode(errors="replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)[:MOST_SHOWN].strip() or "nothing"


def _is_over(item: Item) -> bool:
    """Whether the job of an item has stopped."""
    stop_at = item.headers.get("x-stop-at")
    try:
        return isinstance(stop_at, str) and datetime.fromisoformat(stop_at) <= datetime.now(UTC)
    except (ValueError, TypeError):
        return False
