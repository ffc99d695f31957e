"""What moves, as browsers get it: real streams of a real web process, beside a real daemon."""

import asyncio
import re
import signal
from collections.abc import Iterator

import httpx
import pytest
from fix_daemon import Engine
from fix_jobs import Db, connect, insert_job
from fix_services import private_postgres, soon, soon_async
from fix_stream import Event, events, figure
from fix_web import Web, WebProcess

from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.process import listening
from pgjobs.ops.tokens import make_token
from pgjobs.pg.migrate import migrate
from pgjobs.settings import read_settings
from pgjobs.web.doors.page.stream import EVENT_STREAM

CONNECTIONS = (
    "select application_name, count(*) from pg_stat_activity"
    " where datname = current_database() and application_name in ('pgjobs web', 'pgjobs watch') group by 1"
)
VIEWERS = 200


def browser(web: WebProcess) -> httpx.AsyncClient:
    """A client that keeps as many streams open as it likes."""
    return httpx.AsyncClient(base_url=web.client.base_url, limits=httpx.Limits(max_connections=None), timeout=40)


def slow_job(engine: Engine, records: int, rate: int) -> int:
    """A job that waits to be started and then sends so many records, so many a second."""
    engine.add_retries(records)
    job = engine.add_job("expired")
    engine.execute("update xmp_jobs set active = false, rate = %s where id = %s", rate, job)
    return job


def test_a_job_is_watched_to_its_end(engine: Engine, web_url: str) -> None:
    """A browser sees a job begin, move and end: counts that only grow, and as the last event all of it."""
    job = slow_job(engine, 400, 100)
    engine.start()

    async def watch(web: WebProcess) -> list[Event]:
        seen: list[Event] = []
        async with browser(web) as client:
            async for event in events(client, f"/job/{job}/live"):
                if not seen:
                    await asyncio.to_thread(engine.execute, "update xmp_jobs set active = true where id = %s", job)
                seen.append(event)
        return seen

    with WebProcess(database_url=web_url) as web:
        seen = asyncio.run(watch(web))
    assert {"progress"} == {event.name for event in seen[:-1]}
    assert "ended" == seen[-1].name
    considered = [figure(event.data, "considered") for event in seen]
    assert (0, 400) == (considered[0], considered[-1])
    assert sorted(considered) == considered
    assert len(set(considered)) > 2, "it was seen on its way"
    assert (400, 0) == (figure(seen[-1].data, "sent"), figure(seen[-1].data, "skipped"))
    assert all('data-status="Finished"' in event.data for event in seen[-1:])
    assert engine.counters(job).sent == 400


def test_two_hundred_viewers_cost_one_connection(engine: Engine, web_url: str) -> None:
    """200 browsers watch one job: each sees it on its way and at its end, none misses that, and there is one
    connection for all of them beside those of the requests."""
    job = slow_job(engine, 600, 150)
    engine.start()
    most: dict[str, int] = {}

    async def one(client: httpx.AsyncClient, begun: asyncio.Event) -> list[Event]:
        seen = []
        async for event in events(client, f"/job/{job}/live"):
            seen.append(event)
            begun.set()
        return seen

    async def watch(web: WebProcess) -> list[list[Event]]:
        with connect(engine.database_url) as db:
            async with browser(web) as client:
                begun = [asyncio.Event() for _ in range(VIEWERS)]
                watching = asyncio.gather(*(one(client, each) for each in begun))
                for each in begun:
                    await each.wait()
                db.execute("update xmp_jobs set active = true where id = %s", (job,))
                while not watching.done():
                    for name, number in db.execute(CONNECTIONS).fetchall():
                        most[name] = max(number, most.get(name, 0))
                    await asyncio.wait({watching}, timeout=0.1)
                return await watching

    with WebProcess(database_url=web_url) as web:
        all_seen = asyncio.run(watch(web))
    for seen in all_seen:
        assert ("ended", 600) == (seen[-1].name, figure(seen[-1].data, "sent"))
        assert "ended" not in {event.name for event in seen[:-1]}
        considered = [figure(event.data, "considered") for event in seen]
        assert sorted(considered) == considered
        assert len(set(considered)) > 2
    assert 1 == most.pop("pgjobs watch")
    assert 8 >= sum(most.values())


def test_whoever_comes_back_misses_nothing(web_url: str, db: Db) -> None:
    """A browser that connects again with the id of the last event gets the next state alone, whatever came between."""
    job = insert_job(db)

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            stream = events(client, f"/job/{job}/live")
            before = await anext(stream)
            await stream.aclose()
            db.execute("update xmp_jobs set active = false where id = %s", (job,))
            db.execute("update xmp_jobs set active = true where id = %s", (job,))
            db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
            stream = events(client, f"/job/{job}/live", last_event_id=before.id)
            after = await anext(stream)
            assert 'data-status="Stopped"' in after.data
            await stream.aclose()
            stream = events(client, f"/job/{job}/live", last_event_id=after.id)
            following = asyncio.ensure_future(anext(stream))
            assert not (await asyncio.wait({following}, timeout=1.0))[0], "that it has shown already"
            db.execute("update xmp_jobs set status = 'ready' where id = %s", (job,))
            assert 'data-status="Waiting"' in (await following).data
            await stream.aclose()

    with WebProcess(database_url=web_url) as web:
        asyncio.run(watch(web))


def test_polling_shows_the_same(web: Web, db: Db) -> None:
    """Where streams are cut, the same part of the page is asked for; it is in the page itself as well."""
    job = insert_job(db, rate=5)
    part = web.get(f"/job/{job}/progress")
    assert (200, "text/html; charset=utf-8") == (part.status_code, part.headers["content-type"])
    assert part.text.strip() in web.get(f"/job/{job}").text
    assert 'data-status="Waiting"' in part.text


@pytest.mark.parametrize("path", ["progress", "live"])
def test_a_job_that_is_not_there_is_404(web: Web, db: Db, path: str) -> None:
    """Stream and part of an unknown job are a 404, with the number in the sentence."""
    job = insert_job(db)
    answer = web.get(f"/job/{job + 1}/{path}")
    assert 404 == answer.status_code
    assert f"here is no job {job + 1}" in answer.text


@pytest.mark.parametrize("path", ["/live", "/live/rows"])
@pytest.mark.parametrize("ids", ["", "x", "1,,2", "1;2", str(2**63), ",".join(map(str, range(101)))])
def test_bad_numbers_of_a_list_are_refused(web: Web, path: str, ids: str) -> None:
    """What names no jobs, or too many, is a 400 with the field."""
    answer = web.get(path, params={"ids": ids})
    assert 400 == answer.status_code
    assert "Ids: " in answer.text


def test_the_rows_of_a_list_move(web_url: str, db: Db) -> None:
    """The stream of a list begins with all its jobs, and goes on with those that change."""
    jobs = [insert_job(db) for _ in range(3)]

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            stream = events(client, f"/live?ids={','.join(map(str, jobs))}")
            told = "".join([(await anext(stream)).data for _ in jobs])
            for job in jobs:
                assert f'data-job="{job}" data-status="Waiting"' in told
            db.execute("update xmp_jobs set status = 'canceled' where id = %s", (jobs[1],))
            changed = await anext(stream)
            assert f'data-job="{jobs[1]}" data-status="Stopped"' in changed.data
            await stream.aclose()

    with WebProcess(database_url=web_url) as web:
        asyncio.run(watch(web))
        rows = web.client.get("/live/rows", params={"ids": f"{jobs[0]},{jobs[1]}"}).text
    assert ["Waiting", "Stopped"] == re.findall(r'data-status="(\w+)"', rows)


def test_what_stands_above_the_list_moves(web_url: str, db: Db) -> None:
    """Whoever watches the list is told without a reload what is wrong, the numbers, and which jobs are new; polling
    shows the same, also where the list shows no job."""

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            stream = events(client, "/live?top=*")
            first = await anext(stream)
            assert ("top", False) == (first.name, "What is wrong" in first.data)
            assert '<span data-words="Waiting">0</span>' in first.data
            job = insert_job(db)
            told = (await anext(stream)).data
            for words in ("No daemon is alive", f'data-now="{job}"', '<span data-words="Waiting">1</span>'):
                assert words in told
            db.execute("select pgjobs.hold_all('an incident')")
            assert "an incident" in (await anext(stream)).data
            await stream.aclose()

    with WebProcess(database_url=web_url) as web:
        asyncio.run(watch(web))
        polled = web.client.get("/live/rows", params={"top": "*"}).text
        other = web.client.get("/live/rows", params={"top": "injection"}).text
        page = web.client.get("/").text
    assert '<span data-words="Waiting">1</span>' in polled
    assert '<span data-words="Waiting">0</span>' in other
    assert "an incident" in page
    assert 'data-top="" data-newest="1" data-first' in page


@pytest.mark.parametrize("path", ["/system", "/alerts"])
def test_pages_without_a_stream_are_loaded_anew(web: Web, path: str) -> None:
    """What stands on these pages is renewed by the script while somebody looks."""
    assert "data-renew" in web.get(path).text


def test_a_stream_is_for_browsers_and_proxies_as_it_is(web_url: str, db: Db) -> None:
    """No proxy keeps it back, nothing compresses it, and HEAD ends at once."""
    job = insert_job(db)
    with WebProcess(database_url=web_url) as web:
        with web.client.stream("GET", f"/job/{job}/live", headers={"Accept-Encoding": "gzip"}) as answer:
            assert ("no", None, "no-store") == tuple(
                answer.headers.get(name) for name in ("x-accel-buffering", "content-encoding", "cache-control")
            )
            parts = answer.iter_text()
            text = ""
            while "event: progress" not in text:
                text += next(parts)
            assert text.startswith("retry: ")
        head = web.client.head(f"/job/{job}/live")
        assert (200, "text/event-stream; charset=utf-8") == (head.status_code, head.headers["content-type"])


def test_head_of_a_stream_has_the_status_of_get(web: Web, db: Db) -> None:
    """Of a job that there is not, of a deleted one and of a wrong address HEAD says what GET does; of a stream that
    goes on it has the head alone."""
    job, deleted = insert_job(db), insert_job(db)
    db.execute("delete from xmp_jobs where id = %s", (deleted,))
    paths = {f"/job/{deleted}/live": 404, "/job/4711/live": 404, f"/job/{2**63}/live": 400, "/live?ids=x": 400}
    for path, status in paths.items():
        get, head = web.get(path), web.call("HEAD", path)
        assert (status, status) == (get.status_code, head.status_code), path
        assert get.headers["content-type"] == head.headers["content-type"]
    for path in (f"/job/{job}/live", f"/live?ids={job}"):
        head = web.call("HEAD", path)
        assert (200, f"{EVENT_STREAM}; charset=utf-8") == (head.status_code, head.headers["content-type"])
        assert "content-length" not in head.headers


def test_head_of_a_stream_leaves_nobody_watching(web_url: str, db: Db) -> None:
    """However often it is asked for, it takes no place of those who watch."""
    job = insert_job(db)
    with Web(read_settings(database_url=web_url, http_connections=8)) as web:
        for path in 4 * (f"/job/{job}/live", f"/live?ids={job}", "/job/4711/live"):
            assert (404 if "4711" in path else 200) == web.call("HEAD", path).status_code


def test_streams_leave_room_for_everybody_else(web_url: str, db: Db) -> None:
    """Half of the connections at most are streams; the next one is refused, and told when to come again."""
    job = insert_job(db)

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            streams = [events(client, f"/job/{job}/live") for _ in range(20)]
            for stream in streams:
                assert "progress" == (await anext(stream)).name
            refused = await client.get(f"/job/{job}/live")
            assert (503, "30") == (refused.status_code, refused.headers["retry-after"])
            assert 200 == (await client.get(f"/job/{job}/progress")).status_code
            await streams.pop().aclose()

            status = 503
            while status == 503:
                async with client.stream("GET", f"/job/{job}/live") as answer:
                    status = answer.status_code
            assert 200 == status
            for stream in streams:
                await stream.aclose()

    with WebProcess(database_url=web_url, http_connections="40") as web:
        asyncio.run(asyncio.wait_for(watch(web), 60))


def test_sigterm_ends_the_streams(web_url: str, db: Db) -> None:
    """Whoever watches keeps no process alive: it ends in order."""
    job = insert_job(db)

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            stream = events(client, f"/job/{job}/live")
            await anext(stream)
            web.process.send_signal(signal.SIGTERM)
            assert [] == [event async for event in stream]

    with WebProcess(database_url=web_url) as web:
        asyncio.run(watch(web))
        assert soon(lambda: not listening(web.client.base_url.port or 0))
        assert 0 == web.process.wait(20)


def test_a_dropped_token_ends_the_stream(web_url: str, db: Db) -> None:
    """A stream needs a token, in the header or in the cookie; when it is dropped, the stream says so and ends."""
    job = insert_job(db)
    token, digest = make_token()
    db.execute("select pgjobs.add_token('viewer', %s, '{page:read}', null)", (digest,))

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            assert 401 == (await client.get(f"/job/{job}/live", headers={"Accept": "text/event-stream"})).status_code
            shown = ({"authorization": f"Bearer {token}"}, {"cookie": f"pgjobs_token={token}"})
            streams = [events(client, f"/job/{job}/live", **headers) for headers in shown]
            for stream in streams:
                assert "progress" == (await anext(stream)).name
            db.execute("select pgjobs.drop_token('viewer')")
            for stream in streams:
                assert ["signed-out"] == [event.name async for event in stream]

    with WebProcess(database_url=web_url, http_auth="true") as web:
        asyncio.run(watch(web))


@pytest.fixture(scope="module")
def fragile_postgres() -> Iterator[EmbeddedPostgres]:
    """A migrated server of this module's own, which is stopped and started."""
    with private_postgres() as server:
        migrate(server.url)
        yield server


def test_a_database_that_goes_and_comes_back(fragile_postgres: EmbeddedPostgres) -> None:
    """Browsers that watch are told "away" when the server dies, and go on by themselves when it is back."""
    with connect(fragile_postgres.url) as db:
        job = insert_job(db)

    async def watch(web: WebProcess) -> None:
        async with browser(web) as client:
            streams = [events(client, f"/job/{job}/live") for _ in range(5)]
            for stream in streams:
                assert "progress" == (await anext(stream)).name
            await asyncio.to_thread(fragile_postgres.stop, "immediate")
            for stream in streams:
                assert "away" == (await anext(stream)).name
            await asyncio.to_thread(fragile_postgres.start)
            for stream in streams:
                event = await anext(stream)
                assert "progress" == event.name
                assert 'data-status="Waiting"' in event.data
                await stream.aclose()

    with WebProcess(database_url=fragile_postgres.url) as web:
        asyncio.run(watch(web))
        assert 0 == web.end()
    assert 1 == sum("what moves cannot be shown" in line for line in web.log)
    assert 1 == sum("what moves is shown again" in line for line in web.log)


def test_a_browser_that_does_not_read_holds_up_nobody(web_url: str, db: Db) -> None:
    """One viewer leaves its answers unread; the others are told every change all the same."""
    job = insert_job(db)

    async def watch(web: WebProcess) -> None:
        with web.connect() as stalled:
            stalled.sendall(f"GET /job/{job}/live HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            async with browser(web) as client:
                stream = events(client, f"/job/{job}/live")
                await anext(stream)
                for number in range(20):
                    db.execute("update xmp_jobs set active = %s where id = %s", (number % 2 == 1, job))
                    event = await anext(stream)
                    assert ("set active = true" in event.data or "is not active" in event.data) == (number % 2 == 0)
                await stream.aclose()
        assert await soon_async(lambda: web.client.get("/healthz").status_code == 200)

    with WebProcess(database_url=web_url) as web:
        asyncio.run(watch(web))
