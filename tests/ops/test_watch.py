"""`pgjobs watch`: shows a job to its end, says why it does not move, and ends as the job does."""

import asyncio
import io
import subprocess
import threading
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_cli import HOME, command, environment, run
from fix_daemon import Engine
from fix_terminal import Terminal
from rich.console import Console

from pgjobs.lab.proxy import Proxy
from pgjobs.ops import patience, watch
from pgjobs.ops.progress import Look
from pgjobs.settings import read_settings

MOVING = Look(7, "expired", "in progress", 4000, 1000, 900, 90, 10, 25.0, 512.4, 185.0, "a", "/logs/7", None)

WAITING = {
    "rate": None, "owner": None, "seconds_left": 36_000.0,
    "why": "its window is closed until 2026-03-02T20:00:00Z",
}  # fmt: skip


def test_a_job_that_gets_done(engine: Engine) -> None:
    """Code 0, the last line before the counts says done and 100 %, and the log is named."""
    engine.add_retries(50, msisdns=40)
    engine.start()
    job = engine.add_job("expired")
    said = run("watch", job, database_url=engine.database_url)
    lines = said.out.splitlines()
    assert (0, "") == (said.code, said.err)
    assert f"  job {job} · 100.0 % · done · 50" in lines[-3]
    assert "  50 considered · 40 sent · 10 skipped" == lines[-2]
    assert lines[-1].startswith(f"  log: {engine.log_dir}/job-{job}-")


def test_a_job_that_breaks_off(engine: Engine) -> None:
    """Code 1, and the sentence it broke off with."""
    engine.start()
    job = engine.add_job("injection", file_name="missing.csv")
    said = run("watch", job, database_url=engine.database_url)
    assert 1 == said.code
    assert "error" in said.out
    assert "missing.csv" in said.out


def test_a_job_that_waits_says_why_until_it_is_stopped(engine: Engine) -> None:
    """The reason stands in a line at once; the stop is heard and ends the watch with code 1."""
    engine.execute("insert into xmp_jobs (id, type, run_at) values (7, 'expired', now() + interval '1 hour')")
    with subprocess.Popen(
        command("watch", 7),
        cwd=HOME,
        env=environment(database_url=engine.database_url),
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        timer = threading.Timer(60, watching.kill)
        timer.start()
        assert watching.stdout is not None
        assert "it waits for its run_at" in watching.stdout.readline()
        engine.set_status(7, "canceled")
        rest = watching.stdout.read()
        timer.cancel()
    assert 1 == watching.returncode
    assert "canceled" in rest


def test_every_wait_is_told_as_a_wait(engine: Engine) -> None:
    """A job that waits for its window, is paused, or is held with all others, says so with what it waits for, and not
    that it is in progress, until it is stopped."""
    engine.start()
    engine.add_retries(10)
    engine.execute(
        "insert into xmp_jobs (id, type, schedule) select 7, 'expired', jsonb_build_object('window',"
        " jsonb_build_object('start', to_char(h.at, 'HH24:00'), 'stop', to_char(h.at + interval '1 h', 'HH24:00')))"
        " from (select now() at time zone 'UTC' + interval '2 h') h (at)"
    )
    with subprocess.Popen(
        command("watch", 7),
        cwd=HOME,
        env=environment(database_url=engine.database_url),
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        timer = threading.Timer(60, watching.kill)
        timer.start()
        assert watching.stdout is not None
        for change, words in (
            ("select", "· waits · 0 · its window is closed until 20"),
            ("update xmp_jobs set active = false", "· waits · 0 · it is paused: run "),
            ("update xmp_jobs set active = true", "· waits · 0 · its window is closed until 20"),
            ("select pgjobs.hold_all('a look')", "· waits · 0 · everything is held by "),
        ):
            engine.execute(change)
            assert any(words in line for line in iter(watching.stdout.readline, "")), words
        engine.set_status(7, "canceled")
        assert "canceled" in watching.stdout.read()
        timer.cancel()
    assert 1 == watching.returncode


def test_a_job_there_is_not(engine: Engine) -> None:
    """One sentence and where to look."""
    said = run("watch", 4711, database_url=engine.database_url)
    expected = 'pgjobs: there is no job 4711\n  "pgjobs jobs" lists them\n'
    assert (1, "", expected) == (said.code, said.out, said.err)


@pytest.fixture
def viewer_url(engine: Engine) -> Iterator[str]:
    """The database as somebody of the group pgjobs_viewer reaches it."""
    name = f"watcher_{uuid.uuid4().hex[:8]}"
    role = psycopg.sql.Identifier(name)
    engine.database.execute(psycopg.sql.SQL("create role {} login password 'look' in role pgjobs_viewer").format(role))
    parts = urlsplit(engine.database_url)
    try:
        yield parts._replace(netloc=f"{name}:look@{parts.netloc.rpartition('@')[2]}").geturl()
    finally:
        engine.database.execute(psycopg.sql.SQL("drop role {}").format(role))


def test_a_viewer_may_watch(engine: Engine, viewer_url: str) -> None:
    """Whoever may read the views needs no further right."""
    job = engine.add_job("expired")
    engine.set_status(job, "canceled")
    said = run("watch", job, database_url=viewer_url)
    assert (1, "") == (said.code, said.err)
    assert "it is stopped; to continue it, run " in said.out


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Percent, records, rate and what is left, on a line that is drawn again and again."""
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with watch.screen(console) as screen:
        screen.show(MOVING)
    assert isinstance(console.file, io.StringIO)
    drawn = console.file.getvalue()
    for words in ("job 7", "25.0 %", "1,000", "512/s", "3 min 5 s left"):
        assert words in drawn
    assert "\x1b[" in drawn


def test_a_bar_of_a_job_that_waits_has_the_whole_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a narrow terminal too the state is a wait, and the moment at the end of its sentence is not cut off."""
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    with watch.screen(console) as screen:
        screen.show(Look(**(vars(MOVING) | WAITING)))
    assert isinstance(console.file, io.StringIO)
    drawn = " ".join(console.file.getvalue().split())
    assert "waits" in drawn
    assert "in progress" not in drawn
    for words in ("2026-03-02T20:00:00Z", "10 h 0 min"):
        assert words in drawn


def test_a_wait_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing changes a wait is told once a minute, a change after two seconds, another status at once."""
    now = 100.0
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now))
    console = Console(file=io.StringIO(), width=120)
    waiting = Look(**(vars(MOVING) | WAITING))
    paused = Look(**(vars(waiting) | {"why": "it is paused: set active = true", "seconds_left": None}))
    with watch.screen(console) as screen:
        for second in range(130):
            now = 101.0 + second
            screen.show(waiting)
        for look in (paused, waiting, paused):
            now += 1.0
            screen.show(look)
        screen.show(Look(**(vars(paused) | {"status": "canceled", "why": "it is stopped"})))
    assert isinstance(console.file, io.StringIO)
    wait = "  job 7 · 25.0 % · waits · 1,000 · its window is closed until 2026-03-02T20:00:00Z · 10 h 0 min left"
    assert console.file.getvalue().splitlines() == [
        *[wait] * 3,
        "  job 7 · 25.0 % · waits · 1,000 · it is paused: set active = true",
        "  job 7 · 25.0 % · canceled · 1,000 · it is stopped",
    ]


def test_lines_say_nothing_twice() -> None:
    """Looks that follow each other closely are one line; an end is always told."""
    console = Console(file=io.StringIO(), width=120)
    with watch.screen(console) as screen:
        for _ in range(50):
            screen.show(MOVING)
        screen.show(Look(**(vars(MOVING) | {"status": "done", "percent": 100.0, "why": "it is done"})))
    assert isinstance(console.file, io.StringIO)
    assert ["  job 7 · 100.0 % · done · 1,000 · 512/s"] == console.file.getvalue().splitlines()


def through(proxy: Proxy, url: str) -> str:
    """The database by way of a proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password or ''}@127.0.0.1:{proxy.port}").geturl()


def test_a_database_that_goes_away_is_waited_for(engine: Engine, viewer_url: str) -> None:
    """It is said once, the watch goes on when the database is back, and its code is that of the job."""
    job = engine.add_job("expired")
    parts = urlsplit(viewer_url)
    with (
        Proxy(parts.hostname or "", parts.port or 0) as proxy,
        Terminal("watch", job, database_url=through(proxy, viewer_url)) as terminal,
    ):
        terminal.until(f"job {job}")
        proxy.refuse()
        terminal.until("the database is away: ")
        engine.execute("update xmp_jobs set status = 'canceled' where id = %s", job)
        proxy.heal()
        assert 1 == terminal.end()
        assert "it is stopped" in " ".join(terminal.plain.split())
        assert 1 == terminal.plain.count("the database is away")


def test_a_database_that_stays_away_is_no_job_that_failed(
    engine: Engine, viewer_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After its time the watch ends with a code of its own, and says that the job may go on."""
    job = engine.add_job("expired")
    parts = urlsplit(viewer_url)
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.0)
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    with Proxy(parts.hostname or "", parts.port or 0) as proxy:

        class Gone(watch.Screen):
            """The database goes away as soon as something is shown."""

            def show(self, _look: Look) -> None:
                """Lose it."""
                proxy.refuse()

        monkeypatch.setattr(watch, "screen", lambda _console: Gone())
        monkeypatch.setenv("PGJOBS_DATABASE_URL", through(proxy, viewer_url))
        assert 3 == asyncio.run(watch.watch(read_settings(), job))
    assert f'the job may go on: "pgjobs watch {job}" shows it again' in capsys.readouterr().err
