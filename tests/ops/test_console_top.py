"""`pgjobs top`: a table that lives at a terminal until a key or a signal ends it, and a snapshot elsewhere."""

import json
import signal
import uuid
from urllib.parse import urlsplit

import pytest
from fix_cli import run
from fix_jobs import Db, job_in
from fix_terminal import Terminal, at_terminal
from psycopg.types.json import Jsonb

from pgjobs.lab.proxy import Proxy
from pgjobs.lab.roles import member_url


@pytest.fixture
def viewer(database: str) -> str:
    """The test's database, as somebody reaches it who may only look."""
    return member_url(database, "pgjobs_viewer")


def beat(db: Db, name: str = "north", broker: str = "connected") -> uuid.UUID:
    """A daemon is heard of; its id."""
    worker = uuid.uuid4()
    db.execute("select pgjobs.beat(%s, %s, 'app-7', 4711, '0.1.0', %s, %s)", (worker, name, broker, Jsonb([])))
    return worker


def test_a_snapshot_is_told_elsewhere(viewer: str, db: Db) -> None:
    """Without a terminal: jobs that run, daemons, what is wrong first; with --json as one object."""
    said = run("top", database_url=viewer)
    assert (0, "") == (said.code, said.err)
    assert 'no daemon is alive: start one with "pgjobs daemon"' == said.out.splitlines()[1]
    assert "no job is in progress" in said.out
    job = job_in(db, "in progress")
    job_in(db, "error")
    beat(db)
    beat(db, "south", "blocked: memory")
    db.execute(
        "update pgjobs.daemons set seen_at = now() + case name when 'south' then interval '-1 hour' else '1 minute' end"
    )
    db.execute("select pgjobs.hold_all('a deploy')")
    db.execute(
        "insert into pgjobs.queue_depths (queue, ready, consumers, measured_at)"
        " select routing_key, 12345, 2, '2026-11-26 19:30:05Z' from xmp_job_types where name = 'expired'"
    )
    head, held, *lines = run("top", database_url=viewer).out.splitlines()
    assert "1 in progress · 1 error" in head
    assert "a deploy" in held
    assert ["job", "type", "done", "per", "s", "ends", "(UTC)", "by", "why"] == lines[1].split()
    assert [str(job), "expired"] == lines[2].split()[:2]
    assert ["north", "alive", "0", "connected"] == lines[5].split()[:4]
    assert ["south", "silent", "0", "not", "known"] == lines[6].split()[:5], "what it said last is not how it is"
    assert ["queue", "ready", "consumers", "measured", "(UTC)", "for", "trouble"] == lines[8].split()
    assert ["mobilink_requests", "12,345", "2", "2026-11-26", "19:30:05"] == lines[9].split()[:5]
    shown = json.loads(run("top", "--json", database_url=viewer).out)
    assert ({"in progress": 1, "error": 1}, [job]) == (shown["counts"], [one["id"] for one in shown["jobs"]])
    assert {"north": "connected", "south": None} == {one["name"]: one["broker"] for one in shown["daemons"]}


def test_it_lives_until_q_is_pressed(viewer: str, db: Db) -> None:
    """It takes the whole terminal, shows what is new, and leaves everything as it was."""
    with Terminal("top", "--every", 0.5, database_url=viewer) as terminal:
        terminal.until("no job is in progress")
        job_in(db, "in progress")
        terminal.until("1 in progress")
        terminal.press("x")
        terminal.press("q")
        assert 0 == terminal.end()
        assert terminal.is_as_before
        assert "\x1b[?1049h" in terminal.written
        assert terminal.written.rindex("\x1b[?1049l") > terminal.written.rindex("1 in progress")
        assert "\x1b[?25h" in terminal.written[terminal.written.rindex("1 in progress") :], "the cursor is shown again"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(viewer: str, number: int, code: int) -> None:
    """Ctrl-C and SIGTERM end it with their codes, and the terminal is usable afterwards."""
    with Terminal("top", database_url=viewer) as terminal:
        terminal.until("no job is in progress")
        terminal.send(number)
        assert code == terminal.end()
        assert terminal.is_as_before
        assert "\x1b[?1049l" in terminal.written
        assert "Traceback" not in terminal.plain


def test_a_database_that_goes_away_is_told_and_asked_again(viewer: str, db: Db) -> None:
    """The last answer stays with what is wrong, and the next one takes its place."""
    parts = urlsplit(viewer)
    with Proxy(parts.hostname or "", parts.port or 0) as proxy:
        way = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()
        with Terminal("top", "--every", 0.5, columns=150, database_url=way) as terminal:
            terminal.until("no job is in progress")
            proxy.refuse()
            terminal.until("no answer since then: PostgreSQL: ")
            job_in(db, "in progress")
            proxy.heal()
            terminal.until("1 in progress")
            terminal.press("q")
            assert 0 == terminal.end()
    away = parts._replace(netloc="someone:pw42@127.0.0.1:1").geturl()
    said = at_terminal("top", database_url=away)
    assert 1 == said.code
    assert "check host and port" in said.out


def test_it_fits_the_terminal(viewer: str, db: Db) -> None:
    """With more jobs than rows, what is too much is told in one line, and no line is wider than the terminal."""
    for _ in range(60):
        job_in(db, "in progress")
    with Terminal("top", columns=60, rows=10, database_url=viewer) as terminal:
        terminal.until("more lines")
        terminal.press("q")
        assert 0 == terminal.end()
    assert "and 10 more" in run("top", database_url=viewer).out
