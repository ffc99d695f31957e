"""GET /api: a request that a daemon answers within the time limit, and what is said where none does."""

import asyncio
import uuid
from collections.abc import Awaitable

import httpx
from fix_jobs import Db, connect
from fix_services import soon
from fix_web import Web

from pgjobs.settings import read_settings


async def play_daemon(database: str, published: int | None, error: str | None = None) -> uuid.UUID:
    """Claim the next request of /api as a daemon does, and answer it with `published` unless that is None."""
    worker = uuid.uuid4()
    with connect(database) as connection:
        claimed: list[int] = []

        def claims() -> bool:
            claimed.extend(connection.column("select id from pgjobs.claim_api_request(%s, '30 s')", worker))
            return claimed != []

        assert await asyncio.to_thread(soon, claims)
        if published is not None:
            close = "select pgjobs.close_api_request(%s, %s, %s, %s)"
            await asyncio.to_thread(connection.value, close, claimed[0], worker, published, error)
    return worker


def call_api(web: Web, path: str, daemon: Awaitable[object]) -> httpx.Response:
    """Call /api while a daemon works."""

    async def both(client: httpx.AsyncClient) -> httpx.Response:
        answer, _ = await asyncio.gather(client.get(path), daemon)
        return answer

    return web.within(both)


def test_api_answers_with_the_bare_number(web: Web, db: Db, database: str) -> None:
    """The number that a daemon has published is the whole body; limit and hours are stored; no job is made."""
    answer = call_api(web, "/api?limit=12&hours=3", play_daemon(database, 12))
    assert (200, "12", "application/json") == (
        answer.status_code,
        answer.text,
        answer.headers["content-type"],
    )
    assert ({"limit": 12, "hours": 3},) == db.row("select params from pgjobs.api_requests")
    assert (0,) == db.row("select count(*) from xmp_jobs")


def test_api_has_the_defaults_of_the_contract(web: Web, db: Db, database: str) -> None:
    """Without parameters 1000 subscriptions older than one hour are meant."""
    assert "0" == call_api(web, "/api", play_daemon(database, 0)).text
    assert ({"limit": 1000, "hours": 1},) == db.row("select params from pgjobs.api_requests")


def test_api_answers_with_the_error_of_the_daemon(web: Web, database: str) -> None:
    """A request that failed in the daemon is a 503 with the daemon's sentence."""
    answer = call_api(web, "/api", play_daemon(database, 0, "queue mobilink_mo_tarifficate does not exist"))
    assert (503, "call_failed", "queue mobilink_mo_tarifficate does not exist") == (
        answer.status_code,
        answer.json()["code"],
        answer.json()["error"],
    )


def test_api_without_a_daemon_withdraws_its_request(impatient_web: Web, db: Db) -> None:
    """A request that no daemon has claimed in time is closed, so that none can claim it any more."""
    answer = impatient_web.get("/api")
    assert (503, "no_daemon") == (answer.status_code, answer.json()["code"])
    assert [] == db.column("select id from pgjobs.claim_api_request(%s, '30 s')", uuid.uuid4())
    assert (True, None) == db.row("select closed_at is not null, published from pgjobs.api_requests")


def test_api_says_that_a_daemon_still_works_on_its_request(web_url: str, db: Db, database: str) -> None:
    """If a daemon is still publishing at the time limit, the answer says so, and where the number will be."""
    # So long the daemon has to take the request.
    with Web(read_settings(database_url=web_url, http_patience=3)) as web:
        answer = call_api(web, "/api", play_daemon(database, None))
    row = db.row("select id, closed_at from pgjobs.api_requests")
    assert row is not None
    assert (503, "call_goes_on") == (answer.status_code, answer.json()["code"])
    assert f"row {row[0]} of pgjobs.api_requests" in answer.json()["hint"]
    assert row[1] is None


def test_api_says_that_its_daemon_was_lost(web: Web, db: Db, database: str) -> None:
    """A request whose daemon is gone is answered at once, not at the time limit."""

    async def die() -> None:
        await play_daemon(database, None)
        db.execute("update pgjobs.api_requests set lease_until = now() - interval '1 s'")

    answer = call_api(web, "/api", die())
    assert (503, "call_lost") == (answer.status_code, answer.json()["code"])
