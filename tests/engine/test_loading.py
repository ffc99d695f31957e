"""The lines of a file come into the database all or not at all, by one loader at a time, whoever else does what."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from fix_daemon import Engine
from fix_jobs import Db, connect, insert_job
from fix_services import soon
from psycopg import sql

from pgjobs.errors import FileError, NotReady
from pgjobs.injection import lines as file_lines
from pgjobs.injection import loading
from pgjobs.settings import Settings, read_settings

KEYS = ("hashtextextended('pgjobs.lines', {})", "hashtextextended('pgjobs.refresh_gauges', 0)")
"""Advisory locks that were asked for once."""
HERE = "datname = current_database()"
LOADING = f"select count(*) from pg_stat_activity where application_name = 'pgjobs load' and {HERE}"  # noqa: S608 text of the test
COPYING = f"from pg_stat_progress_copy where {HERE} and tuples_processed > 9999"


@pytest.fixture
def job(db: Db) -> int:
    """An injection job of the file lines.csv."""
    return insert_job(db, "injection")


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a daemon whose injections directory is the test's own."""
    return read_settings(database_url=database, injections_dir=tmp_path, injection_settle_seconds=0)


def write(folder: Path, number: int) -> None:
    """A list of so many numbers."""
    (folder / "lines.csv").write_bytes(b"".join(b"92300%07d\n" % each for each in range(number)))


def load(settings: Settings, job: int) -> None:
    """Load the job's file."""
    asyncio.run(loading.load(settings, job, "lines.csv"))


def loaded(db: Db, job: int) -> int:
    """How many lines a job has."""
    return int(db.value("select count(*) from pgjobs.injection_lines where job_id = %s", job))


def open_files(folder: Path) -> list[Path]:
    """Files of a folder that this process has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found.append(descriptor.readlink())
    return [path for path in found if path.parent == folder]


def test_advisory_locks_of_others_hold_nothing_up(
    database: str, db: Db, job: int, settings: Settings, tmp_path: Path
) -> None:
    """Advisory locks can be taken by anybody who may connect: no file and no gauge waits for one."""
    write(tmp_path, 3)
    with connect(database) as other:
        for key in KEYS:
            other.execute(f"select pg_advisory_lock({key.format(job)})".encode())
        load(settings, job)
        assert 3 == loaded(db, job)
        assert db.value("select pgjobs.refresh_gauges(0, interval '1 hour')") is True


def test_one_refreshes_the_gauges(database: str, db: Db) -> None:
    """While one daemon refreshes the gauges, and for as long as asked afterwards, no other does, nor waits for it."""
    call = "select pgjobs.refresh_gauges(0, interval '1 hour')"
    with connect(database) as other, other.transaction():
        assert other.value(call) is True
        assert db.value(call) is False
    assert db.value(call) is False


def test_one_loads_at_a_time(database: str, db: Db, job: int, settings: Settings, tmp_path: Path) -> None:
    """While one daemon reads the file another one is told so, and finds its lines afterwards."""
    write(tmp_path, 3)
    with connect(database) as other:
        with other.transaction():
            copy_lines = other.value("select pgjobs.open_lines(%s)", job)
            with pytest.raises(NotReady, match=r"'lines\.csv' is being read by another daemon"):
                load(settings, job)
            with other.cursor().copy(copy_lines.encode()) as copy:
                copy.write_row((job, 1, b"923000000001", "923000000001", None, None))
            other.execute("select pgjobs.close_lines(%s)", (job,))
        load(settings, job)
    assert 1 == loaded(db, job)
    assert 0 == db.value("select count(*) from pgjobs.file_loads")


def test_a_loader_that_broke_off_leaves_the_file_to_the_next(
    database: str, db: Db, job: int, settings: Settings, tmp_path: Path
) -> None:
    """The turn ends with the transaction of whoever had it, however that ends."""
    write(tmp_path, 3)
    with connect(database) as other:
        other.execute("begin")
        other.value("select pgjobs.open_lines(%s)", job)
    load(settings, job)
    assert 3 == loaded(db, job)


def test_a_refused_file_leaves_no_line(db: Db, job: int, settings: Settings, tmp_path: Path) -> None:
    """What is found wrong at the very end takes back every line before it."""
    write(tmp_path, 30_000)
    small = settings.model_copy(update={"injection_max_lines": 29_999})
    with pytest.raises(FileError, match="more than 29999 lines"):
        load(small, job)
    assert 0 == loaded(db, job)
    load(settings, job)
    assert 30_000 == loaded(db, job)


def test_limits_of_a_role_or_database_are_not_those_of_a_load(
    db: Db, job: int, settings: Settings, tmp_path: Path
) -> None:
    """A load takes as long as it takes, whatever time the database gives a statement or a transaction."""
    write(tmp_path, 100_000)
    names = ["statement_timeout", "idle_in_transaction_session_timeout"]
    if db.info.server_version >= 170_000:
        names.append("transaction_timeout")
    for name in names:
        change = sql.SQL("alter database {} set {} = '30ms'")
        db.execute(change.format(sql.Identifier(db.info.dbname), sql.Identifier(name)))
    load(settings, job)
    assert 100_000 == loaded(db, job)


def cancel(settings: Settings, job: int, when: Callable[[], bool]) -> None:
    """Begin to load a job's file, and cancel it when a condition is met."""

    async def story() -> None:
        task = asyncio.create_task(loading.load(settings, job, "lines.csv"))
        assert await asyncio.to_thread(soon, when)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def test_a_cancelled_load_leaves_nothing(db: Db, job: int, settings: Settings, tmp_path: Path) -> None:
    """Cancelled in the middle of a file: no line, no turn, no session and no open file is left of it."""
    write(tmp_path, 1_000_000)
    cancel(settings, job, lambda: db.value(f"select count(*) {COPYING}") == 1)
    assert soon(lambda: db.value(LOADING) == 0)
    assert 0 == loaded(db, job)
    assert 0 == db.value("select count(*) from pgjobs.file_loads")
    assert [] == open_files(tmp_path)
    write(tmp_path, 5)
    load(settings, job)
    assert 5 == loaded(db, job)


@pytest.mark.parametrize("ends_first", [False, True], ids=["the loop goes on", "the loop ends"])
def test_a_cancelled_load_does_not_wait_for_the_disk(
    db: Db, job: int, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends_first: bool
) -> None:
    """A read that hangs holds nobody up: the load is over at once, and the file is closed when the read comes back."""
    write(tmp_path, 20_000)
    hanging, comes_back, row = threading.Event(), threading.Event(), file_lines._row

    def hang(job_id: int, number: int, line: bytes, size: int) -> bytes:
        hanging.set()
        comes_back.wait(60)
        return row(job_id, number, line, size)

    monkeypatch.setattr(file_lines, "_row", hang)

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            comes_back.set()

    async def story() -> asyncio.Task[None]:
        task = asyncio.create_task(loading.load(settings, job, "lines.csv"))
        assert await asyncio.to_thread(hanging.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [tmp_path / "lines.csv"] == open_files(tmp_path)
        ending = asyncio.create_task(last())
        await asyncio.sleep(0)  # one turn of the loop, in which it begins
        if not ends_first:
            comes_back.set()
            assert await asyncio.to_thread(soon, lambda: open_files(tmp_path) == [])
        return ending

    asyncio.run(story())
    assert soon(lambda: open_files(tmp_path) == [])
    assert soon(lambda: db.value(LOADING) == 0)
    assert 0 == loaded(db, job)


def test_a_load_whose_server_ends_it_closes_its_file(db: Db, job: int, settings: Settings, tmp_path: Path) -> None:
    """A session that is terminated in the middle of a file leaves no line and no open file."""
    write(tmp_path, 1_000_000)

    async def story() -> None:
        task = asyncio.create_task(loading.load(settings, job, "lines.csv"))
        end = f"select coalesce(bool_or(pg_terminate_backend(pid)), false) {COPYING}"
        assert await asyncio.to_thread(soon, lambda: db.value(end))
        with pytest.raises(psycopg.OperationalError):
            await task

    asyncio.run(story())
    assert 0 == loaded(db, job)
    assert [] == open_files(tmp_path)


def test_a_stop_is_obeyed_while_a_file_is_read(engine: Engine) -> None:
    """A job that is stopped in the middle of its file lets go with none of its lines, and can be resumed."""
    write(engine.injections_dir, 1_500_000)
    engine.start()
    job = engine.add_job("injection", "lines.csv")
    engine.wait_until(f"exists (select {COPYING})")
    engine.set_status(job, "canceled")
    engine.wait_status(job, "canceled")
    assert 0 == engine.value("select count(*) from pgjobs.injection_lines")
    engine.wait_until(f"({LOADING}) = 0")
    write(engine.injections_dir, 3)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert 3 == len(engine.drain())
