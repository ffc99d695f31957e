"""Background tasks of the daemon: one that ends is logged once and started again, or the daemon ends with a code."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fix_daemon import Engine
from fix_services import soon

from pgjobs import log
from pgjobs.backoff import Backoff
from pgjobs.engine import daemon as daemons
from pgjobs.engine import supervisor
from pgjobs.engine.api_requests import Calls
from pgjobs.engine.callbacks import Callbacks
from pgjobs.engine.claims import Claims
from pgjobs.engine.connections import ConnectionPool
from pgjobs.engine.heartbeat import Heartbeat
from pgjobs.engine.leases import Leases
from pgjobs.engine.listen import Listener
from pgjobs.engine.maintenance import Maintenance
from pgjobs.errors import PgjobsError, SchemaError, TaskError
from pgjobs.settings import Settings

TASKS: dict[str, tuple[type, str]] = {
    "listener": (Listener, "_listen"),
    "leases": (Leases, "run"),
    "heartbeat": (Heartbeat, "run"),
    "chores": (Maintenance, "run"),
    "api requests": (Calls, "run"),
    "callbacks": (Callbacks, "run"),
    "connections": (ConnectionPool, "keep"),
    "claims": (Claims, "run"),
}


class Unheard(Exception):
    """An error that no code names."""


class Stranger(BaseException):
    """One that is not even an Exception."""


class Child:
    """A daemon in a forked process, with something in it changed beforehand."""

    def __init__(self, settings: Settings, change: Callable[[], None]) -> None:
        self._log = settings.log_dir.parent / f"child-{settings.daemon_name}.txt"
        self._code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 99
            try:
                output = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(output, 2)
                sys.stderr = os.fdopen(2, "w", closefd=False)  # pytest's own is no file
                change()
                code = _main(settings)
            finally:
                os._exit(code)

    @property
    def said(self) -> str:
        """Everything it has logged so far."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is None

    def end(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask it to end, and wait for its exit code."""
        if self.running:
            os.kill(self.pid, number)
        if not soon(lambda: not self.running):
            os.kill(self.pid, signal.SIGKILL)
            soon(lambda: not self.running)
        return self._code


def _main(settings: Settings) -> int:
    log.configure("INFO")
    try:
        asyncio.run(daemons.run(settings))
    except PgjobsError as error:
        os.write(2, f"{type(error).__name__}: {error.sentence}\n".encode())
        return 70
    return 0


def settings_of(engine: Engine, **more: object) -> Settings:
    """The settings of a daemon that finds work by notifications alone."""
    return Settings(
        database_url=engine.daemon_url,
        amqp_url=engine.amqp_url,
        log_dir=engine.log_dir,
        injections_dir=engine.injections_dir,
        lease_seconds=2,
        poll_seconds=600,
        callback_url="http://127.0.0.1:9/none",
        **more,  # type: ignore[arg-type]
    )


def failing_once(task: str, failure: Callable[[], None]) -> Callable[[], None]:
    """A change by which a task ends at its first run, and works from then on."""
    owner, method = TASKS[task]
    usual = getattr(owner, method)
    ran: list[int] = []

    async def replaced(*args: Any) -> None:
        ran.append(1)
        if len(ran) == 1:
            return failure()
        if len(ran) == 2:
            os.write(2, b"started again\n")
        await usual(*args)
        return None

    return lambda: setattr(owner, method, replaced)


def fails(error: BaseException) -> Callable[[], None]:
    """A way to end: by this exception."""

    def end() -> None:
        raise error

    return end


ENDS: dict[str, Callable[[], None]] = {
    "unknown kind": fails(Unheard("unheard of")),
    "no Exception": fails(Stranger("strange")),
    "recursion": fails(RecursionError("too deep")),
    "cancelled by nobody": fails(asyncio.CancelledError()),
    "plain return": lambda: None,
}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_ends_is_logged_and_started_again(engine: Engine, task: str) -> None:
    """After an exception of a kind that no code names, each task runs again, the daemon works and ends with 0."""
    child = Child(settings_of(engine), failing_once(task, fails(Unheard("unheard of"))))
    try:
        assert soon(lambda: "started again\n" in child.said.splitlines(keepends=True)), child.said
        engine.wait_status(engine.add_job("expired"), "done")
    finally:
        code = child.end()
    assert 0 == code, child.said
    told = [line for line in child.said.splitlines() if f"background task {task} has ended" in line]
    assert 1 == len(told)
    assert " ERROR " in told[0]
    assert "Unheard: unheard of" in told[0]
    assert "traceback=" in told[0]


@pytest.mark.parametrize("end", ENDS)
def test_no_way_to_end_is_final(engine: Engine, end: str) -> None:
    """Whichever way a task ends, it is started again."""
    child = Child(settings_of(engine), failing_once("heartbeat", ENDS[end]))
    try:
        assert soon(lambda: "started again\n" in child.said.splitlines(keepends=True)), child.said
        assert 1 == child.said.count("background task heartbeat has ended")
    finally:
        assert 0 == child.end(), child.said


def test_a_task_that_keeps_failing_ends_the_daemon_with_a_code(engine: Engine) -> None:
    """A process that cannot be useful does not stay: it hands its jobs back, says why, and ends."""
    owner, method = TASKS["listener"]

    async def broken(*_: Any) -> None:
        raise Unheard("for ever")

    def change() -> None:
        setattr(owner, method, broken)
        supervisor.MOST_FAILURES = 2

    child = Child(settings_of(engine), change)
    assert soon(lambda: not child.running), child.said
    assert 70 == child.end()
    assert "TaskError: background task listener has failed 2 times in a row: Unheard: for ever" in child.said
    assert "has let go of everything" in child.said


def test_a_schema_of_another_version_ends_the_daemon(engine: Engine) -> None:
    """When a version has migrated that this one can't work with, the daemon says so at its next heartbeat and ends."""
    child = Child(settings_of(engine, daemon_name="old"), lambda: None)
    try:
        assert soon(lambda: " is up as " in child.said), child.said
        engine.wait_until("exists (select from pgjobs.daemons)")
        engine.execute("update pgjobs.schema_state set version = '99.1', compatible_from = '99.0'")
        assert soon(lambda: not child.running), child.said
    finally:
        code = child.end()
    assert 70 == code
    assert "SchemaError: this is pgjobs 0.1.0, and the database works with pgjobs 99.0 or later" in child.said


def test_sighup_lets_go_as_sigterm_does(engine: Engine) -> None:
    """When the terminal goes away, what is in flight is drained and handed back."""
    engine.add_retries(20_000)
    child = Child(settings_of(engine, window=1), lambda: None)
    job = engine.add_job("expired")
    engine.wait_considered(job, 10)
    assert 0 == child.end(signal.SIGHUP)
    assert "has let go of everything" in child.said
    engine.wait_status(job, "ready")
    assert 0 == engine.value("select count(*) from pgjobs.job_uncertain where job_id = %s", job)


def test_a_failure_after_steady_work_begins_to_count_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures days apart never add up to an end."""
    monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "MOST_FAILURES", 2)
    monkeypatch.setattr(Backoff, "pause", lambda _self: asyncio.sleep(0))  # no pause
    runs: list[int] = []

    async def work(_works: Callable[[], None]) -> None:
        runs.append(1)
        if len(runs) == 5:
            raise SchemaError("that is enough")
        raise Unheard("now and then")

    async def nothing() -> None:
        return

    async def act() -> PgjobsError:
        kept = supervisor.Supervisor(nothing, asyncio.Event())
        kept.start("task", work)
        return await kept.failed

    assert "that is enough" == asyncio.run(act()).sentence
    assert issubclass(TaskError, PgjobsError)
