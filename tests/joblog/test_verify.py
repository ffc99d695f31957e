"""`pgjobs verify`: a job whose log, checkpoints, outcomes and counters agree; and each of them changed afterwards."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_daemon import Engine
from fix_jobs import Db, insert_job, set_status

from pgjobs.joblog.chain import chained, line_checks
from pgjobs.joblog.reader import read_line
from pgjobs.joblog.rules import HOST
from pgjobs.joblog.verdict import Verdict
from pgjobs.joblog.verify import examine


def verdict(engine: Engine, job: int) -> Verdict:
    """What verify says of a job."""
    return asyncio.run(examine(engine.database_url, job))


class Done:
    """A job of 60 records in nine windows, every third a duplicate, that is done; a test changes what it left."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        engine.add_retries(60, msisdns=40)
        self.job = engine.add_job("expired")
        daemon = engine.start()
        engine.wait_status(self.job, "done")
        daemon.terminate()
        self.log = Path(engine.value("select log_path from xmp_jobs"))

    def findings(self) -> list[str]:
        """What verify finds."""
        return verdict(self.engine, self.job).findings

    def patch(self, at: int, byte: bytes) -> None:
        """Change a byte of the log."""
        with self.log.open("r+b") as file:
            file.seek(at)
            file.write(byte)


@pytest.fixture
def done(engine: Engine) -> Done:
    """A job that is done."""
    return Done(engine)


def test_everything_agrees(done: Done) -> None:
    """A job nobody has touched agrees with itself, and the command says so with exit code 0."""
    assert [] == done.findings()
    found = verdict(done.engine, done.job)
    assert (60, 9, {"sent": 40, "skipped": 20, "returned": 0}) == (found.lines, found.checkpoints, found.counts)
    environment = os.environ | {"PGJOBS_DATABASE_URL": done.engine.database_url}
    command = [sys.executable, "-m", "pgjobs", "verify", str(done.job)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode
    words = "60 lines of 9 checkpoints in 1 shard: 40 sent, 20 skipped, 0 returned"
    assert f"job {done.job}: log, checkpoints, outcomes and counters agree: {words}\n" == ran.stdout
    done.patch(0, b"T")
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert 1 == ran.returncode
    assert f"log {done.log}, line 1: changed since checkpoint 1 was made" in ran.stdout
    command[-1] = "4711"
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert 1 == ran.returncode
    assert "there is no job 4711" in ran.stderr


def test_every_flipped_byte_is_named(done: Done) -> None:
    """Whichever byte of the log is flipped, in whichever line, the finding names the file and that line alone."""
    content = done.log.read_bytes()
    starts = [0, *(at + 1 for at, byte in enumerate(content[:-1]) if byte == 10)]
    for number in (1, 2, 7, 8, 31, 59, 60):
        line = content[starts[number - 1] :].split(b"\n")[0] + b"\n"
        for offset in (0, len(line) // 2, len(line) - 3, len(line) - 2):
            at = starts[number - 1] + offset
            done.patch(at, bytes([content[at] ^ 1]))
            assert [f"job {done.job}, shard 0: log {done.log}, line {number}: changed since checkpoint"] == [
                finding.rpartition(" was made")[0].rstrip("0123456789").rstrip() for finding in done.findings()
            ]
            done.patch(at, content[at : at + 1])
    assert [] == done.findings()


def test_a_lost_newline_is_named(done: Done) -> None:
    """Two lines made one, or one made two, are named as well."""
    content = done.log.read_bytes()
    at = content.index(b"\n")
    done.patch(at, b" ")
    (finding,) = done.findings()
    assert f"log {done.log}, line 1: changed (checkpoint 1 has 7 lines, here: 6)" in finding
    done.patch(at, b"\n")
    done.patch(5, b"\n")
    (finding,) = done.findings()
    assert f"log {done.log}, line 1: changed (checkpoint 1 has 7 lines, here: 8)" in finding


def truncate(done: Done) -> None:
    os.truncate(done.log, done.log.stat().st_size - 100)


def empty(done: Done) -> None:
    os.truncate(done.log, 0)


def remove(done: Done) -> None:
    done.log.unlink()


def pipe(done: Done) -> None:
    done.log.unlink()
    os.mkfifo(done.log)


def append(done: Done) -> None:
    with done.log.open("ab") as file:
        file.write(b"one more\n")


def sql(statement: str) -> Callable[[Done], None]:
    """A change of the database."""
    return lambda done: done.engine.execute(statement)


def cut_short(done: Done) -> None:
    """The last checkpoint and all counters as if it had never been: nothing but the log knows of its lines."""
    done.engine.execute("delete from pgjobs.checkpoints where number = 9")
    done.engine.execute(
        "update pgjobs.shards set checkpoints = 8, considered = 56, skipped = 16,"
        " after_key = (select last_key from pgjobs.checkpoints where number = 8)"
    )
    done.engine.execute("update pgjobs.outcomes set n = n - 4 where action = 'skip'")


def forge(done: Done) -> None:
    """A line turned, with its window's check, chain and counts made to fit: the next window does not follow."""
    lines = done.log.read_bytes().splitlines(keepends=True)
    lines[6] = lines[6].replace(b"action=sent", b"action=send")
    done.log.write_bytes(b"".join(lines))
    done.engine.execute(
        "update pgjobs.checkpoints set chain = %s, checks = %s where number = 1",
        chained(b"", b"".join(lines[:7])),
        line_checks(lines[:7]),
    )


CHANGED: list[tuple[Callable[[Done], None], str]] = [
    (truncate, "truncated: "),
    (empty, "truncated: it has 0 of its"),
    (remove, "can't be read: No such file or directory"),
    (pipe, "can't be read: it is not a file"),
    (append, "bytes were appended behind its committed end: 9"),
    (cut_short, "committed bytes belong to no checkpoint"),
    (forge, "log {log}, line 7: not a line of a job's log"),
    (forge, "lines 8 to 14: they or the chain of checkpoint 2 were changed"),
    (sql("delete from pgjobs.checkpoints where number = 1"), "checkpoint 1 is missing"),
    (sql("delete from pgjobs.checkpoints where number in (4, 5)"), "checkpoint 4 to 5 is missing"),
    (sql("delete from pgjobs.checkpoints where number = 9"), "9 checkpoints, the last one is number 8"),
    (sql("delete from pgjobs.checkpoints"), "its lines belong to no checkpoint"),
    (sql("update pgjobs.checkpoints set chain = '\\x00' where number = 3"), "chain of checkpoint 3 were changed"),
    (sql("update pgjobs.checkpoints set checks = '\\x0000' where number = 3"), "its checks or counts were changed"),
    (sql("update pgjobs.checkpoints set sent = 6, skipped = 1 where number = 1"), "it counts 6 sent, its lines 7"),
    (sql("update pgjobs.checkpoints set skipped = 1 where number = 1"), "its checks or counts were changed"),
    (sql("update pgjobs.checkpoints set last_key = 8 where number = 1"), "its last key is 8, its last line's 7"),
    (sql("update pgjobs.checkpoints set bytes = bytes + 1 where number = 2"), "line 15"),
    (sql("update pgjobs.checkpoints set bytes = 1 where number = 2"), "a checkpoint ends at byte 1"),
    (sql("update pgjobs.shards set sent = 41, considered = 61"), "progress counts 41 sent, the checkpoints 40"),
    (sql("update pgjobs.shards set sent = 41, considered = 61"), "counts 61 considered, the checkpoints 60"),
    (sql("update pgjobs.shards set after_key = 59"), "progress has come to key 59, the last checkpoint to 60"),
    (sql("update pgjobs.shards set end_key = 59"), "its log goes on to key 60, and its range ends at 59"),
    (sql("update pgjobs.shards set parts = 2"), "it was cut into 2 shards, and 1 have progress"),
    (
        sql("insert into pgjobs.shards (job_id, shard, start_key) select job_id, 1, 61 from pgjobs.shards"),
        "shard 0 ends at key 60, and shard 1 begins behind key 61",
    ),
    (sql("update pgjobs.shards set log_bytes = 1"), "progress counts 1 bytes of its log"),
    (sql("update pgjobs.shards set finished_at = null"), "it is done and shard 0 is not finished"),
    (sql("update pgjobs.outcomes set n = n + 1 where action = 'sent'"), "outcomes count 41 sent, the checkpoints 40"),
    (
        sql("update pgjobs.outcomes set code = 'other' where action = 'skip'"),
        "outcomes count 20 skip other, the log 0",
    ),
    (sql("update pgjobs.outcomes set code = 'other' where action = 'skip'"), "count 0 skip duplicate, the log 20"),
    (sql("update pgjobs.log_segments set bytes = bytes - 1"), "which does not fit"),
    (sql("delete from pgjobs.shards"), "shard 0: it has checkpoints, and no progress"),
    (sql("delete from pgjobs.shards"), "it was cut into 1 shard, and 0 have progress"),
    (sql("delete from pgjobs.log_segments"), "no segment of the log holds what was checkpointed last"),
]


def test_everything_changed_is_named(done: Done) -> None:
    """A file cut, lost or moved, a checkpoint deleted or changed, any counter changed: each is found and named."""
    content = done.log.read_bytes()
    for number, (change, words) in enumerate(CHANGED):
        done.engine.execute("create schema saved")
        for table in ("shards", "checkpoints", "outcomes", "log_segments"):
            done.engine.execute(f"create table saved.{table} as table pgjobs.{table}")
        change(done)
        findings = done.findings()
        assert any(words.format(log=done.log) in finding for finding in findings), f"{number}, {words}: {findings}"
        done.log.unlink(missing_ok=True)
        done.log.write_bytes(content)
        for table in ("shards", "checkpoints", "outcomes", "log_segments"):
            done.engine.execute(f"truncate pgjobs.{table}")
            done.engine.execute(f"insert into pgjobs.{table} table saved.{table}")
        done.engine.execute("drop schema saved cascade")
        assert [] == done.findings(), f"{number}: {words}"


def test_a_job_in_the_middle(engine: Engine) -> None:
    """A job that was stopped, killed, and cut into shards agrees with itself at any time."""
    engine.add_retries(900, msisdns=700)
    job = engine.value("insert into xmp_jobs (type, shards) values ('expired', 3) returning id")
    assert [] == verdict(engine, job).findings
    daemon = engine.start()
    engine.wait_considered(job, 60)
    assert [] == verdict(engine, job).findings
    daemon.kill()
    assert [] == verdict(engine, job).findings
    engine.start()
    engine.wait_status(job, "done")
    found = verdict(engine, job)
    assert [] == found.findings
    assert (3, 900) == (found.shards, found.lines)


def test_descending_and_further_segments(engine: Engine) -> None:
    """The other order and a log in two files are followed; a byte of the second file is named there."""
    engine.add_retries(60)
    job = engine.add_job("expired", order="desc")
    engine.stop_when_considered(job, 20)
    engine.start()
    engine.wait_status(job, "canceled")
    engine.execute("update pgjobs.log_segments set host = 'elsewhere'")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    found = verdict(engine, job)
    (elsewhere,) = found.elsewhere
    assert "segment 1 lies on host elsewhere" in elsewhere
    assert [] == found.findings
    engine.execute("update pgjobs.log_segments set host = %s", HOST)
    assert [] == verdict(engine, job).findings
    second = Path(engine.value("select path from pgjobs.log_segments where segment = 2"))
    content = second.read_bytes()
    second.write_bytes(content.replace(b"id=5\n", b"id=4\n"))
    (finding,) = verdict(engine, job).findings
    assert f"log {second}, line {content[: content.index(b'id=5' + bytes([10]))].count(bytes([10])) + 1}: " in finding


def test_a_log_on_another_host_is_a_verdict_of_its_own(done: Done) -> None:
    """What lies elsewhere is no finding: exit code 3 says so, 1 comes first, and the volume may have a name."""
    done.engine.execute("update pgjobs.log_segments set host = 'elsewhere'")
    environment = os.environ | {"PGJOBS_DATABASE_URL": done.engine.database_url}
    command = [sys.executable, "-m", "pgjobs", "verify", str(done.job)]

    def run(**more: str) -> tuple[int, str]:
        ran = subprocess.run(command, env=environment | more, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout

    code, said = run()
    assert 3 == code
    assert f"log {done.log}: segment 1 lies on host elsewhere and can only be checked there" in said
    assert "nothing disagrees, but 1 segment of its log can't be checked here" in said
    assert 0 == run(PGJOBS_LOG_HOST="elsewhere")[0]
    done.engine.execute("update pgjobs.outcomes set n = n - 1 where action = 'skip'")
    code, said = run()
    assert 1 == code
    assert "outcomes count 19 not sent, the checkpoints 20" in said


def test_a_link_in_the_place_of_a_log_is_not_followed(done: Done) -> None:
    """A link where the log was is named, even one to a copy that agrees."""
    done.log.rename(done.log.with_name("moved"))
    done.log.symlink_to(done.log.with_name("moved"))
    assert any("can't be read: Too many levels of symbolic links" in finding for finding in done.findings())


def test_strange_lines_are_read(engine: Engine) -> None:
    """Lines with quotes, escapes and hostile messages are told from one another by the same strict reader."""
    content = (
        b'923000000001 action=sent id=99\n"a ""b"" \\\\ c",x\n\xff\xfe\n\n92300\x001\nmsg="\\n" error=x\n923000000002\n'
    )
    job = engine.add_job("injection", engine.add_file("odd.csv", content * 3))
    engine.start()
    engine.wait_status(job, "done")
    assert [] == verdict(engine, job).findings
    assert 21 == verdict(engine, job).lines


@pytest.mark.parametrize(
    "line",
    [
        b'time="2026-01-01T00:00:00Z" level=info msg=a action=sent id=1',
        b'time="2026-01-01T00:00:00Z" level=info msg=a action=sent id=x\n',
        b'time="2026-01-01T00:00:00Z" level=info msg=a b action=sent id=1\n',
        b'time="2026-01-01T00:00:00Z" level=info msg=a action=skip id=1\n',
        b'time="2026-01-01T00:00:00Z" level=info msg=a action=sent error=x id=1\n',
        b'time="2026-01-01T00:00:00Z" level=info msg="a action=sent id=1\n',
        b'time="2026" level=info msg=a action=sent id=1\n',
        b" \n",
        b"\n",
    ],
)
def test_what_is_no_line(line: bytes) -> None:
    """A line that is not exactly one the engine writes is no line."""
    assert read_line(line) is None


def test_a_long_log_in_constant_memory(db: Db, database: str, tmp_path: Path) -> None:
    """A log of 400,000 lines is checked with no more memory than one window needs, and the flipped byte is found."""
    lines, window = 400_000, 2000
    job = insert_job(db)
    set_status(db, job, "in progress")
    path = tmp_path / "long.log"
    chain, length = b"", 0
    copy = (
        "copy pgjobs.checkpoints"
        " (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks) from stdin"
    )
    with path.open("wb") as file, db.cursor() as cursor, cursor.copy(copy) as rows:
        for number in range(1, lines // window + 1):
            first = (number - 1) * window + 1
            text = [
                b'time="2026-01-01T00:00:00Z" level=info msg=923%09d action=sent id=%d\n' % (key, key)
                for key in range(first, first + window)
            ]
            data = b"".join(text)
            file.write(data)
            chain, length = chained(chain, data), length + len(data)
            last = first + window - 1
            rows.write_row((job, 0, number, 1, "2026-01-01", last, window, 0, 0, length, chain, line_checks(text)))
    db.execute(
        "update pgjobs.shards set considered = %s, sent = %s, checkpoints = %s, after_key = %s, log_bytes = %s",
        (lines, lines, lines // window, lines, length),
    )
    db.execute("insert into pgjobs.outcomes values (%s, 0, 'sent', '', %s)", (job, lines))
    db.execute("insert into pgjobs.log_segments values (%s, 0, 1, 1, %s, %s, %s)", (job, HOST, str(path), length))
    asyncio.run(examine(database, insert_job(db)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = asyncio.run(examine(database, job))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert [] == found.findings
    assert lines == found.lines
    assert grown < 8 * 1024, f"{grown} KB for {length // 1024} KB of log"
    with path.open("r+b") as file:
        file.seek(length // 2)
        byte = file.read(1)
        file.seek(length // 2)
        file.write(bytes([byte[0] ^ 1]))
    (finding,) = asyncio.run(examine(database, job)).findings
    number = path.read_bytes()[: length // 2].count(b"\n") + 1
    assert f"log {path}, line {number}: changed since checkpoint" in finding
