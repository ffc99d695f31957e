"""The hub: one connection for all who watch, however many, slow or far away they are, and whatever becomes of it."""

import asyncio
from urllib.parse import urlsplit

import pytest
from fix_jobs import Db, claim, insert_job, set_status
from fix_services import soon_async
from fix_stream import Event, Notes, a_hub, read_event

from pgjobs.lab.proxy import Proxy
from pgjobs.web.doors.page import hub as hubs
from pgjobs.web.doors.page.viewer import PING, Key, State, Update, Viewer, update
from pgjobs.web.errors import Problem
from pgjobs.web.identity import digest

WATCHING = (
    "select count(*) from pg_stat_activity where application_name = 'pgjobs watch' and datname = current_database()"
)
ASKED = "select coalesce(sum(calls), 0) from pg_stat_user_functions where funcname = 'page_progress'"


def count_calls(db: Db) -> None:
    """Have the database count how often functions are called, in sessions that begin from now on."""
    name = db.value("select current_database()")
    db.execute(f"alter database \"{name}\" set track_functions = 'pl'".encode())


def test_everybody_is_told_by_one_connection(web_url: str, db: Db) -> None:
    """However many watch ten jobs, there is one connection, each sees its job, and one statement asks for all."""
    count_calls(db)
    jobs = [insert_job(db) for _ in range(10)]

    async def watch() -> None:
        async with a_hub(web_url, 300) as hub:
            viewers = [Notes(hub, [jobs[n % 10]]).__enter__() for n in range(200)]
            for each in viewers:
                await each.sees(lambda notes: len(notes.states) >= 1)
            assert 1 == db.value(WATCHING)
            for job in jobs:
                db.execute("update xmp_jobs set active = false where id = %s", (job,))
            for n, each in enumerate(viewers):
                await each.sees_state("inactive")
                assert {jobs[n % 10]} == {state["id"] for state in each.states}
            assert 1 == db.value(WATCHING)
            # Each notification alone would have been a reading, and so would each viewer.
            assert await soon_async(lambda: db.value(ASKED) > 0)
            assert 20 > db.value(ASKED)
            for each in viewers:
                each.__exit__()

    asyncio.run(watch())


def test_whoever_comes_is_told_at_once(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer that comes while the hub listens does not wait until that is over."""
    monkeypatch.setattr(hubs, "DEBOUNCE_SECONDS", 3600)
    jobs = [insert_job(db) for _ in range(5)]

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            eyes = []
            for job in jobs:
                eyes.append(Notes(hub, [job]).__enter__())
                await eyes[-1].sees(lambda notes: len(notes.states) == 1)
            # Nor did it have to be connected anew for that: a connection that says nothing for long is given up.
            assert [["progress"]] * 5 == [each.names for each in eyes]
            for each in eyes:
                each.__exit__()

    asyncio.run(watch())


def test_with_nobody_watching_nothing_is_asked(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last one has left, the connection is closed after a while; whoever comes later is served again."""
    monkeypatch.setattr(hubs, "LINGER_SECONDS", 0.5)
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            assert 0 == db.value(WATCHING)
            for _ in range(2):
                with Notes(hub, [job]) as notes:
                    await notes.sees(lambda notes: len(notes.states) == 1)
                    assert 1 == db.value(WATCHING)
                assert await soon_async(lambda: db.value(WATCHING) == 0)

    asyncio.run(watch())


def test_a_notification_is_no_more_than_a_hint(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is notified makes the hub read, and the database alone says what is; garbage is harmless."""
    monkeypatch.setattr(hubs, "RESTING_SECONDS", 3600)
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            with Notes(hub, [job]) as notes:
                await notes.sees(lambda notes: len(notes.states) == 1)
                for payload in ("", "{", "probe x", '{"id": 1e999}', "[" * 7000, f'{{"id": {job}, "status": "done"}}'):
                    db.execute("select pg_notify('pgjobs', %s)", (payload,))
                db.execute("select pg_notify('pgjobs', i::text) from generate_series(1, 5000) i")
                # No timer reads it within an hour: the trigger's notification is what shows it.
                db.execute("update xmp_jobs set active = false where id = %s", (job,))
                await notes.sees_state("inactive")
                assert ["waiting", "inactive"] == [state["state"] for state in notes.states]

    asyncio.run(watch())


def test_what_nobody_announced_is_seen(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change without a notification is found by reading."""
    monkeypatch.setattr(hubs, "RESTING_SECONDS", 0.5)
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            with Notes(hub, [job]) as notes:
                await notes.sees(lambda notes: len(notes.states) == 1)
                with db.transaction():
                    db.execute("set local pgjobs.mute = 'on'")
                    db.execute("update xmp_jobs set active = false where id = %s", (job,))
                await notes.sees_state("inactive")

    asyncio.run(watch())


def test_the_last_state_ends_it(web_url: str, db: Db) -> None:
    """The end of a job is the last event; whoever comes later is told the end alone."""
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            with Notes(hub, [job]) as notes:
                await notes.sees(lambda notes: len(notes.states) == 1)
                claim(db, job)
                await notes.sees_state("preparing")
                db.execute("update pgjobs.shards set finished_at = now(), owner = null where job_id = %s", (job,))
                set_status(db, job, "done")
                await notes.sees(lambda notes: notes.over)
                assert ("ended", "finished", "Finished") == (
                    notes.names[-1],
                    notes.states[-1]["state"],
                    notes.states[-1]["status"],
                )
            with Notes(hub, [job]) as late:
                await late.sees(lambda late: late.over)
                assert ["ended"] == late.names

    asyncio.run(watch())


def test_a_deleted_job_is_gone(web_url: str, db: Db) -> None:
    """A job that is deleted, or never was, is told as gone."""
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            with Notes(hub, [job, job + 1000]) as notes:
                await notes.sees(lambda notes: len(notes.events) == 2)
                assert {"progress", "gone"} == set(notes.names)
                db.execute("delete from xmp_jobs where id = %s", (job,))
                await notes.sees(lambda notes: len(notes.events) >= 3)
                assert ("gone", str(job)) == (notes.events[-1].name, notes.events[-1].data)

    asyncio.run(watch())


def plain(_job: Key, state: State | None) -> Update:
    """The state of a job in one word."""
    return update("progress", state["state"] if state else "gone")


def test_a_slow_viewer_slows_nobody(web_url: str, db: Db) -> None:
    """One that reads nothing keeps one event about a job, the newest; the others are told all the same."""
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            slow = Viewer([job], plain)
            hub.join(slow)
            with Notes(hub, [job]) as notes:
                for active in (False, True) * 3:
                    await notes.sees(lambda notes: len(notes.states) >= 1)
                    db.execute("update xmp_jobs set active = %s where id = %s", (active, job))
                    wanted = "waiting" if active else "inactive"
                    await notes.sees_state(wanted)
                    assert 1 == slow.unread
            (newest,) = await slow.next()
            assert Event("progress", newest.id, "waiting") == read_event(newest.sent.decode())

    asyncio.run(watch())


def test_a_state_is_rendered_once(web_url: str, db: Db) -> None:
    """However many watch a job in the same way, each of its states is made into a part of a page once."""
    job = insert_job(db)
    made: list[str] = []

    def shown(_job: Key, state: State | None) -> Update:
        assert state is not None
        made.append(state["state"])
        return update("progress", "{}" if state["state"] == "waiting" else "[]")

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            viewers = [Notes(hub, [job], shown=shown).__enter__() for _ in range(50)]
            for each in viewers:
                await each.sees(lambda notes: len(notes.events) == 1)
            db.execute("update xmp_jobs set active = false where id = %s", (job,))
            for each in viewers:
                await each.sees(lambda notes: len(notes.events) == 2)
            assert ["waiting", "inactive"] == made
            for each in viewers:
                each.__exit__()

    asyncio.run(watch())


def test_what_stands_above_the_list_is_read_once_for_all(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many watch the list, what stands above it is read for all together, and told when it has changed."""
    monkeypatch.setattr(hubs, "RESTING_SECONDS", 0.5)
    made: list[int] = []

    def shown(key: Key, state: State | None) -> Update:
        assert (key, state is None) == ("", False)
        made.append((state or {})["counts"]["jobs"])
        return update("top", "[]" if made[-1] else "{}")

    async def watch() -> None:
        async with a_hub(web_url, 100) as hub:
            viewers = [Notes(hub, [""], shown=shown).__enter__() for _ in range(50)]
            for each in viewers:
                await each.sees(lambda notes: len(notes.events) == 1)
            insert_job(db)
            for each in viewers:
                await each.sees(lambda notes: len(notes.events) == 2)
            assert [0, 1] == made
            assert 1 == db.value(WATCHING)
            for each in viewers:
                each.__exit__()

    asyncio.run(watch())


def test_a_killed_connection_is_made_anew(web_url: str, db: Db) -> None:
    """When the server ends the connection, viewers are told "away", and then what they have missed."""
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            with Notes(hub, [job]) as notes:
                await notes.sees(lambda notes: len(notes.states) == 1)
                with db.transaction():
                    db.execute("set local pgjobs.mute = 'on'")
                    db.execute("update xmp_jobs set active = false where id = %s", (job,))
                    db.execute(
                        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                        " where application_name = 'pgjobs watch' and datname = current_database()"
                    )
                await notes.sees_state("inactive")
                assert ["progress", "away", "progress"] == notes.names

    asyncio.run(watch())


def test_a_connection_that_died_without_a_word_is_noticed(
    web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that a firewall has forgotten answers nothing: it is given up in time, and made anew."""
    monkeypatch.setattr(hubs, "PATIENCE_SECONDS", 2.5)
    parts = urlsplit(web_url)
    job = insert_job(db)

    async def watch(proxy: Proxy) -> None:
        through = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()
        async with a_hub(through) as hub:
            with Notes(hub, [job]) as notes:
                await notes.sees(lambda notes: len(notes.states) == 1)
                await asyncio.to_thread(proxy.lose)
                db.execute("update xmp_jobs set active = false where id = %s", (job,))
                await notes.sees_state("inactive")
                # On a busy machine a connection that lives may be given up as well.
                assert ["progress", "away", "progress"] == [*notes.names[:2], notes.names[-1]]

    with Proxy(parts.hostname or "", parts.port or 5432) as proxy:
        asyncio.run(watch(proxy))


def test_whoever_comes_while_the_database_is_away_is_told_so(web_url: str, db: Db) -> None:
    """Who joins meanwhile is told "away" at once, and the state when the database is back."""
    parts = urlsplit(web_url)
    job = insert_job(db)

    async def watch(proxy: Proxy) -> None:
        through = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()
        await asyncio.to_thread(proxy.refuse)
        async with a_hub(through) as hub:
            with Notes(hub, [job]) as first:
                await first.sees(lambda notes: notes.names == ["away"])
                with Notes(hub, [job]) as second:
                    await second.sees(lambda notes: notes.names == ["away"])
                    await asyncio.to_thread(proxy.heal)
                    for notes in (first, second):
                        await notes.sees(lambda notes: notes.names == ["away", "progress"])

    with Proxy(parts.hostname or "", parts.port or 5432) as proxy:
        asyncio.run(watch(proxy))


def test_a_dropped_token_ends_its_streams(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams of a token end soon after it is dropped, or loses its scope; those of others go on."""
    monkeypatch.setattr(hubs, "CHECK_SECONDS", 0.3)
    job = insert_job(db)
    scopes = {"kept": "page:read", "all-doors": "control", "dropped": "read", "elsewhere": "cms:read"}
    for name, scope in scopes.items():
        db.execute("select pgjobs.add_token(%s, %s, %s, null)", (name, digest(name), [scope]))

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            viewers = {name: Notes(hub, [job], digest(name)).__enter__() for name in ("kept", "all-doors", "dropped")}
            nobody = Notes(hub, [job]).__enter__()
            for each in (*viewers.values(), nobody):
                await each.sees(lambda notes: len(notes.states) == 1)
            elsewhere = Notes(hub, [job], digest("elsewhere")).__enter__()
            await elsewhere.sees(lambda notes: notes.over)
            db.execute("select pgjobs.drop_token('dropped')")
            await viewers["dropped"].sees(lambda notes: notes.over)
            assert ["progress", "signed-out"] == viewers["dropped"].names
            db.execute("update xmp_jobs set active = false where id = %s", (job,))
            for each in (viewers["kept"], viewers["all-doors"], nobody):
                await each.sees_state("inactive")
                assert not each.over

    asyncio.run(watch())


def test_more_viewers_than_there_may_be_are_refused(web_url: str, db: Db) -> None:
    """The one too many gets a 503 that says when to ask again; a place that somebody leaves is free."""
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url, most=2) as hub:
            with Notes(hub, [job]), Notes(hub, [job]):
                with pytest.raises(Problem) as refused:
                    hub.join(Viewer([job], lambda _, __: PING))
                assert (503, "30") == (refused.value.status, refused.value.headers["Retry-After"])
            with Notes(hub, [job]) as notes:
                await notes.sees(lambda notes: len(notes.states) == 1)

    asyncio.run(watch())


def test_whoever_is_told_nothing_gets_a_comment(web_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment comes now and then, by which a dead connection shows; it is no event."""
    job = insert_job(db)

    async def watch() -> None:
        async with a_hub(web_url) as hub:
            viewer = Viewer([job], lambda _, __: update("progress", "as ever"))
            hub.join(viewer)
            told = [*(await viewer.next())]
            monkeypatch.setattr(hubs, "PING_SECONDS", 0.5)
            told += await viewer.next()
            assert [Event("progress", told[0].id, "as ever"), None] == [
                read_event(each.sent.decode().removesuffix("\n\n")) for each in told
            ]
            hub.leave(viewer)

    asyncio.run(watch())


def test_the_end_of_the_process_ends_the_streams(web_url: str, db: Db) -> None:
    """When the process begins to end, every stream does, and nobody else may join."""
    job = insert_job(db)

    async def watch() -> None:
        leaving = asyncio.Event()
        hub = hubs.Hub(web_url, leaving, 10)
        with Notes(hub, [job]) as notes:
            await notes.sees(lambda notes: len(notes.states) == 1)
            leaving.set()
            await notes.sees(lambda notes: notes.over)
            with pytest.raises(Problem, match="the service ends"):
                hub.join(Viewer([job], lambda _, __: PING))
        await hub.close()

    asyncio.run(watch())
