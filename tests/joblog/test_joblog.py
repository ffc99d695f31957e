"""A job's log is whole lines up to its committed length, and who lost the shard changes none of them."""

import asyncio
import errno
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgjobs import failpoints as faults
from pgjobs.engine.claim import Claim
from pgjobs.engine.control import Control
from pgjobs.engine.shard import Shard
from pgjobs.errors import Fenced, LogError
from pgjobs.joblog import writer as joblog
from pgjobs.joblog.rules import LogRules
from pgjobs.joblog.writer import JobLog
from pgjobs.pg import connection as db
from pgjobs.settings import read_settings


@pytest.fixture
def job(database: str) -> Iterator[int]:
    """A job whose shard 0 is held under epoch 1."""
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute("insert into xmp_jobs (type) values ('expired') returning id").fetchone()
        assert row is not None
        claim(connection)
        yield row[0]


def claim(connection: psycopg.Connection[Any]) -> None:
    """Take the shard, as a further owner."""
    connection.execute(
        "update pgjobs.shards set lease_until = clock_timestamp() - interval '1 s', lease_check_at = '-infinity'"
    )
    call = "select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 min')"
    assert connection.execute(call).fetchone() is not None


def commit(connection: psycopg.Connection[Any], log: JobLog, epoch: int) -> None:
    """Make what is in the log count."""
    connection.execute("update pgjobs.log_segments set bytes = %s where epoch = %s", (log.committed, epoch))


class One(Control):
    """A single connection for everything."""

    def __init__(self, connection: db.Connection) -> None:
        super().__init__(read_settings())
        self._only = connection

    async def _take(self) -> db.Connection:
        return self._only


async def open_log(control: db.Connection, job: int, epoch: int, path: Path, rules: LogRules | None = None) -> JobLog:
    """The log of shard 0 as its owner of this epoch opens it."""
    shard = Shard(Claim(job, 0, epoch, "x", "", "q", False, "", False, False, True, None, 0), One(control), 60, 0)
    return await JobLog.open(shard.open_log, path, rules)


def play(database: str, story: Callable[[db.Connection], Awaitable[None]]) -> None:
    """Run a story on a connection of its own."""

    async def run() -> None:
        async with await db.connect(database, "test") as control:
            await story(control)

    asyncio.run(run())


def test_uncommitted_lines_are_cut_off(database: str, job: int, tmp_path: Path) -> None:
    """A new owner begins at the committed length: lines behind it, also half ones, are gone."""
    path = tmp_path / "job.log"

    async def story(control: db.Connection) -> None:
        first = await open_log(control, job, 1, path)
        await first.append([b"one\n", b"two\n"])
        with psycopg.connect(database, autocommit=True) as connection:
            commit(connection, first, 1)
            await first.append([b"three\n"])
            first.close()
            with path.open("ab") as file:
                file.write(b"fo")
            claim(connection)
        second = await open_log(control, job, 2, tmp_path / "another name.log")
        assert (path, 8) == (second.path, second.committed)
        await second.append([b"four\n"])
        second.close()

    play(database, story)
    assert b"one\ntwo\nfour\n" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_living_former_owner_writes_into_an_orphan(database: str, job: int, tmp_path: Path) -> None:
    """Where the former owner still holds the file, the committed part is copied away from under it."""
    path = tmp_path / "job.log"

    async def story(control: db.Connection) -> None:
        stale = await open_log(control, job, 1, path)
        await stale.append([b"one\n"])
        with psycopg.connect(database, autocommit=True) as connection:
            commit(connection, stale, 1)
            claim(connection)
        fresh = await open_log(control, job, 2, path)
        for line in (b"two\n", b"three\n"):
            with pytest.raises(Fenced):
                await stale.append([b"stale\n"])
            await fresh.append([line])
        stale.close()
        fresh.close()
        with pytest.raises(Fenced):
            await open_log(control, job, 1, path)

    play(database, story)
    assert b"one\ntwo\nthree\n" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("oldest_dies", [False, True])
def test_two_former_owners(database: str, job: int, tmp_path: Path, *, oldest_dies: bool) -> None:
    """One former owner holds the file, or did, another fell silent with the copy in its hands: a further file goes on,
    and the silent one may put its copy into place afterwards without losing a line."""
    path = tmp_path / "job.log"

    async def story(control: db.Connection) -> None:
        oldest = await open_log(control, job, 1, path)
        await oldest.append([b"one\n"])
        with psycopg.connect(database, autocommit=True) as connection:
            commit(connection, oldest, 1)
            claim(connection)
            silent = joblog._lock(path, 4)
            assert silent is not None
            assert silent[1], "it holds the copy"
            if oldest_dies:
                oldest.close()
            claim(connection)
        fresh = await open_log(control, job, 3, path)
        assert (tmp_path / "job.2.log", 0) == (fresh.path, fresh.committed)
        await fresh.append([b"two\n"])
        joblog._take_over(path, silent[0], 4, is_copy=True)
        os.close(silent[0])
        if not oldest_dies:
            oldest.close()
        fresh.close()

    play(database, story)
    assert b"one\n" == path.read_bytes()
    assert b"two\n" == (tmp_path / "job.2.log").read_bytes()


def test_an_owner_that_slept_while_it_opened_its_log(
    database: str, job: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between being told the committed length and locking the file, an owner may sleep for so long that another one
    has written to it and gone: it must not cut off a byte of that."""
    path, lock = tmp_path / "job.log", joblog._lock

    async def another(control: db.Connection) -> None:
        second = await open_log(control, job, 2, path)
        await second.append([b"one\n", b"two\n"])
        with psycopg.connect(database, autocommit=True) as connection:
            commit(connection, second, 2)
        second.close()

    def sleep_before(found: Path, committed: int) -> joblog.Held | None:
        monkeypatch.setattr(joblog, "_lock", lock)
        with psycopg.connect(database, autocommit=True) as connection:
            claim(connection)
        play(database, another)
        return lock(found, committed)

    async def slow(control: db.Connection) -> None:
        monkeypatch.setattr(joblog, "_lock", sleep_before)
        with pytest.raises(Fenced):
            await open_log(control, job, 1, path)

    play(database, slow)
    assert b"one\ntwo\n" == path.read_bytes()


def test_a_log_out_of_reach_gets_a_further_segment(database: str, job: int, tmp_path: Path) -> None:
    """A log that is shorter than what was committed is left alone; a further segment goes on."""
    path = tmp_path / "job.log"

    async def story(control: db.Connection) -> None:
        first = await open_log(control, job, 1, path)
        await first.append([b"one\n", b"two\n"])
        first.close()
        with psycopg.connect(database, autocommit=True) as connection:
            commit(connection, first, 1)
            path.write_bytes(b"one\n")
            claim(connection)
        second = await open_log(control, job, 2, path)
        assert (tmp_path / "job.2.log", 0) == (second.path, second.committed)
        await second.append([b"three\n"])
        second.close()

    play(database, story)
    assert b"one\n" == path.read_bytes()
    assert b"three\n" == (tmp_path / "job.2.log").read_bytes()


@pytest.mark.parametrize("fault", ["log_full", "log_sync"])
def test_a_failed_write_is_an_error(database: str, job: int, tmp_path: Path, fault: str) -> None:
    """A full disk or a failed fsync ends the run with the name of the log; nothing counts as committed."""

    async def story(control: db.Connection) -> None:
        log = await open_log(control, job, 1, tmp_path / "job.log")
        faults.arm(f"{fault}:1")
        with pytest.raises(LogError, match=r"job\.log: (No space left|Input/output error)"):
            await log.append([b"one\n"])
        assert 0 == log.committed
        log.close()

    try:
        play(database, story)
    finally:
        faults.arm("")


def test_short_writes(database: str, job: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes a few bytes at a time gets the rest as well."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))

    async def story(control: db.Connection) -> None:
        log = await open_log(control, job, 1, tmp_path / "job.log")
        await log.append([b"a longer line\n"])
        log.close()

    play(database, story)
    assert b"a longer line\n" == (tmp_path / "job.log").read_bytes()


def test_a_link_is_not_followed(database: str, job: int, tmp_path: Path) -> None:
    """A symbolic link in the place of the log is refused: the daemon writes to no file it did not make."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious\n")
    (tmp_path / "job.log").symlink_to(victim)

    async def story(control: db.Connection) -> None:
        with pytest.raises(LogError, match=os.strerror(errno.ELOOP)):
            await open_log(control, job, 1, tmp_path / "job.log")

    play(database, story)
    assert b"precious\n" == victim.read_bytes()


def test_the_log_is_not_for_everybody(database: str, job: int, tmp_path: Path) -> None:
    """A log holds msisdns: others may not read it."""

    async def story(control: db.Connection) -> None:
        (await open_log(control, job, 1, tmp_path / "job.log")).close()

    play(database, story)
    assert 0 == (tmp_path / "job.log").stat().st_mode & 0o007


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_mode_and_group_are_as_they_were_set(database: str, job: int, tmp_path: Path, umask: int, mode: int) -> None:
    """Mode and group of a log and of a copy of it are those of the settings, whatever the umask."""
    path = tmp_path / "job.log"
    gid = 4711 if os.geteuid() == 0 else os.getegid()
    os.umask(umask)

    async def story(control: db.Connection) -> None:
        stale = await open_log(control, job, 1, path, LogRules(mode=mode, gid=gid))
        await stale.append([b"one\n"])
        first = path.stat()
        with psycopg.connect(database, autocommit=True) as connection:
            commit(connection, stale, 1)
            claim(connection)
        (await open_log(control, job, 2, path, LogRules(mode=mode, gid=gid))).close()
        stale.close()
        assert [(mode, gid)] * 2 == [(status.st_mode & 0o7777, status.st_gid) for status in (first, path.stat())]
        assert first.st_ino != path.stat().st_ino, "it is a copy"

    play(database, story)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """Puts the umask back."""
    usual = os.umask(0o022)
    yield
    os.umask(usual)


def test_a_pipe_is_no_log(database: str, job: int, tmp_path: Path) -> None:
    """A FIFO in the place of the log is refused at once: what is written to it would be read by somebody, or wait."""
    os.mkfifo(tmp_path / "job.log")

    async def story(control: db.Connection) -> None:
        with pytest.raises(LogError, match=r"job\.log: it is not a regular file"):
            await open_log(control, job, 1, tmp_path / "job.log")

    play(database, story)


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def replace_by_file(path: Path) -> None:
    path.rename(path.with_name("job.log.1"))
    path.touch()


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("job.log.1"))
    path.symlink_to("job.log.1")


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("other"))
    path.parent.mkdir()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (Path.unlink, "somebody moved or removed it"),
        (remove_folder, "somebody moved or removed it"),
        (replace_folder, "somebody moved or removed it"),
        (replace_by_file, "somebody put another file in its place"),
        (replace_by_link, "somebody put another file in its place"),
        (replace_by_pipe, "somebody put another file in its place"),
    ],
)
def test_a_log_that_is_taken_away(
    database: str, job: int, tmp_path: Path, change: Callable[[Path], None], sentence: str
) -> None:
    """A log that is moved, removed or replaced under a living owner breaks off before the next checkpoint."""
    path = tmp_path / "logs" / "job.log"
    path.parent.mkdir()

    async def story(control: db.Connection) -> None:
        log = await open_log(control, job, 1, path)
        await log.append([b"one\n"])
        change(path)
        with pytest.raises(LogError, match=rf"job\.log: {sentence}"):
            await log.append([b"two\n"])
        assert 4 == log.committed
        log.close()

    play(database, story)
