"""`pgjobs log`: the committed lines of a log, the last ones, those of one msisdn, and what is added until the end."""

import json
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fix_cli import HOME, command, environment, run
from fix_daemon import Engine
from fix_jobs import Db, set_status
from fix_logs import FIRST, SECOND, THIRD, Log, log_lines
from fix_terminal import Terminal
from hypothesis import given, settings
from hypothesis import strategies as st

from pgjobs.joblog import committed
from pgjobs.joblog.committed import Part, last_lines
from pgjobs.lab.proxy import Proxy
from pgjobs.lab.roles import member_url


@pytest.fixture
def viewer(database: str) -> str:
    """The test's database, as somebody reaches it who may only look."""
    return member_url(database, "pgjobs_viewer")


@pytest.fixture
def log(db: Db, tmp_path: Path) -> Log:
    """A job whose log is still empty."""
    return Log(db, tmp_path)


def test_only_what_is_committed_is_shown(viewer: str, log: Log) -> None:
    """All files in their order, up to the length that counts; --shard shows those of one."""
    log.add(1, 1, THIRD)
    log.add(0, 2, SECOND, tail=b"half a li")
    log.add(0, 1, FIRST, tail=log_lines([b"923009999999"]))
    said = run("log", log.job, database_url=viewer)
    assert (0, "", (FIRST + SECOND + THIRD).decode()) == (said.code, said.err, said.out)
    assert THIRD.decode() == run("log", log.job, "--shard", 1, database_url=viewer).out


@pytest.mark.parametrize("number", [0, 1, 29, 31, 1000])
def test_the_last_lines_are_shown(viewer: str, log: Log, number: int) -> None:
    """So many as are asked for, or all where there are fewer."""
    log.add(0, 1, FIRST)
    log.add(0, 2, SECOND, tail=b"half a li")
    lines = (FIRST + SECOND).splitlines(keepends=True)
    said = run("log", log.job, "--lines", number, database_url=viewer)
    assert (0, b"".join(lines[max(0, len(lines) - number) :]).decode()) == (said.code, said.out)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 35), st.integers(1, 60))
def test_last_lines_of_any_file(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], number: int, block: int
) -> None:
    """Whatever the lengths of lines and blocks are, the last lines begin where they begin."""
    lines = [b"x" * size + b"\n" for size in sizes]
    path = tmp_path_factory.getbasetemp() / "last-lines"
    path.write_bytes(b"".join(lines) + b"never committed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(committed, "BLOCK", block)
        begin = last_lines(Part(str(path), sum(map(len, lines))), number)
    assert sum(map(len, lines[: max(0, len(lines) - number)])) == begin


def test_the_lines_of_one_msisdn(viewer: str, log: Log) -> None:
    """Those whose first column it is, and no others with its digits; the last of them where so many are asked for."""
    wanted = log_lines([b"923000217540;x", b"+923000217540"], 100)
    log.add(0, 1, FIRST + log_lines([b"9230002175401"], 200) + wanted)
    args = ("log", log.job, "--msisdn", "923000217540")
    assert wanted.decode() == run(*args, database_url=viewer).out
    assert wanted.splitlines(keepends=True)[1].decode() == run(*args, "-n", 1, database_url=viewer).out
    bad = run("log", log.job, "--msisdn", "923x", database_url=viewer)
    assert (2, "pgjobs: --msisdn: it is no number of 5 to 20 digits") == (bad.code, bad.err.splitlines()[0])


def test_lines_are_told_as_json(viewer: str, log: Log) -> None:
    """An object a line, with the code of what was not sent; what is no line of a log is told as that."""
    skipped = log_lines([b'9"\x1b[31m'], 7, b"wrong_prefix", b"49")
    log.add(0, 1, log_lines([b"923000217540"], 5) + skipped + b"by hand \x1b[31m\n")
    said = run("log", log.job, "--json", database_url=viewer)
    assert said.out.replace("\n", "").isprintable()
    first, second, third = map(json.loads, said.out.splitlines())
    expected = {"time": "2026-01-02T03:04:05Z", "shard": 0, "id": 5, "target": "923000217540", "action": "sent"}
    assert expected | {"error": None, "code": None} == first
    assert (7, '9"\x1b[31m', "skip", "wrong_prefix") == (
        second["id"],
        second["target"],
        second["action"],
        second["code"],
    )
    assert {"shard": 0, "unreadable": "by hand \\x1b[31m"} == third
    assert "by hand \\x1b[31m\n" in run("log", log.job, database_url=viewer).out


def test_a_log_that_cannot_be_read_says_why(viewer: str, db: Db, log: Log) -> None:
    """It has not begun, lies on another host, was removed after its keep time, or was cut: a sentence and code 1."""

    def refused(*args: object) -> tuple[str, str]:
        said = run("log", log.job, *args, database_url=viewer)
        assert (1, "") == (said.code, said.out)
        sentence, remedy = said.err.splitlines()
        return sentence.removeprefix("pgjobs: "), remedy

    sentence, remedy = refused()
    assert f"job {log.job} has no log yet" == sentence
    assert f'"pgjobs why {log.job}" says what the job waits for' in remedy
    assert f'"pgjobs log {log.job} --follow" waits for it' in remedy
    path = log.add(1, 1, SECOND, host="other-host")
    for args in ((), ("--follow",)):
        sentence, remedy = refused(*args)
        assert f"shard 1 of the log of job {log.job} lies on host other-host, and this is " in sentence
        assert str(path) in remedy
    log.add(0, 1, FIRST)
    said = run("log", log.job, database_url=viewer)
    assert (1, FIRST.decode()) == (said.code, said.out)
    assert "lies on host other-host" in said.err
    assert (0, FIRST.decode()) == run("log", log.job, "--shard", 0, database_url=viewer)[:2]
    (path.parent / f"job-{log.job}-0-1.log").write_bytes(FIRST[:-5])
    assert "is shorter than" in refused("--shard", 0)[0]
    db.execute("update pgjobs.log_segments set remove_asked_at = now()")
    assert f"the log of job {log.job} was removed after its keep time" == refused()[0]


def test_a_log_is_followed_until_its_job_ends(viewer: str, db: Db, log: Log) -> None:
    """From the last ten lines on each further line comes once, of new files and shards too; then code 0."""
    log.add(0, 1, FIRST)
    with subprocess.Popen(
        command("log", log.job, "--follow"), cwd=HOME, env=environment(database_url=viewer),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as followed:  # fmt: skip
        assert followed.stdout is not None
        assert followed.stderr is not None
        read = followed.stdout.readline
        assert FIRST.splitlines(keepends=True)[-10:] == [read() for _ in range(10)]
        log.commit(SECOND)
        assert SECOND == b"".join(read() for _ in range(30))
        (first, *_) = THIRD.splitlines(keepends=True)
        log.add(0, 2, first, tail=b"half")
        assert first == read()
        log.add(3, 1, THIRD)
        assert THIRD == b"".join(read() for _ in range(30))
        last = log_lines([b"923009999999"], 999)
        with db.transaction():
            log.commit(last)
            set_status(db, log.job, "canceled")
        assert (last, b"") == (followed.stdout.read(), followed.stderr.read())
        assert 0 == followed.wait(30)


def test_a_log_is_followed_until_nobody_adds_to_it(viewer: str, db: Db, log: Log) -> None:
    """A job that is stopped is let go by its daemon a moment later: what that still commits is shown as well."""
    log.add(0, 1, FIRST)
    held = "update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + interval '1 h' where job_id = %s"
    db.execute(held, (log.job,))
    with subprocess.Popen(
        command("log", log.job, "--follow"), cwd=HOME, env=environment(database_url=viewer), stdout=subprocess.PIPE
    ) as followed:
        assert followed.stdout is not None
        assert FIRST.splitlines(keepends=True)[-10:] == [followed.stdout.readline() for _ in range(10)]
        set_status(db, log.job, "canceled")
        log.commit(SECOND)
        assert SECOND == b"".join(followed.stdout.readline() for _ in range(30))
        log.commit(THIRD)
        assert THIRD == b"".join(followed.stdout.readline() for _ in range(30))
        db.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", (log.job,))
        assert b"" == followed.stdout.read()
        assert 0 == followed.wait(30)


def test_a_real_log_is_followed_from_before_its_begin(engine: Engine) -> None:
    """Over all shards of a job that had not begun: each line of the log once, and code 0 when it is done."""
    engine.add_retries(60)
    job = int(engine.value("insert into xmp_jobs (type, shards, active) values ('expired', 3, false) returning id"))
    viewer = member_url(engine.database_url, "pgjobs_viewer")
    with subprocess.Popen(
        command("log", job, "-f", "-n", 100), cwd=HOME, env=environment(database_url=viewer), stdout=subprocess.PIPE
    ) as followed:
        engine.start()
        engine.execute("select pgjobs.start_job(%s)", job)
        assert followed.stdout is not None
        out = followed.stdout.read()
        assert 0 == followed.wait(60)
    assert sorted(engine.raw_log(job).splitlines()) == sorted(out.splitlines())
    assert 60 == len(out.splitlines())


def test_a_database_that_goes_away_is_waited_for(viewer: str, db: Db, log: Log) -> None:
    """While a log is followed the database is lost: it is said once, and the lines go on when it is back."""
    log.add(0, 1, FIRST)
    parts = urlsplit(viewer)
    with Proxy(parts.hostname or "", parts.port or 0) as proxy:
        way = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()
        with Terminal("log", log.job, "--follow", columns=300, database_url=way) as terminal:
            terminal.until(FIRST.splitlines()[-1].decode())
            proxy.refuse()
            terminal.until("the database is away: ")
            log.commit(SECOND)
            proxy.heal()
            terminal.until(SECOND.splitlines()[-1].decode())
            assert 1 == terminal.plain.count("the database is away")
            set_status(db, log.job, "canceled")
            assert 0 == terminal.end()


def test_a_follower_ends_by_ctrl_c(viewer: str, log: Log) -> None:
    """130, and no word of it."""
    log.add(0, 1, FIRST)
    with Terminal("log", log.job, "--follow", columns=300, database_url=viewer) as terminal:
        terminal.until(FIRST.splitlines()[-1].decode())
        terminal.press("\x03")
        assert 130 == terminal.end()
        assert "Traceback" not in terminal.plain
