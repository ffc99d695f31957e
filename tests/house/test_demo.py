"""`pgjobs demo`: the whole story on servers of its own, accounts that would notice a lie, and nothing left behind."""

import contextlib
import io
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from fix_broker import Drain
from fix_cli import HOME, command, environment
from fix_cli import run as run_command
from pika import BasicProperties
from rich.console import Console

from pgjobs.demo import queues, report, stage
from pgjobs.demo.proof import Account, Log, read_log, read_queue
from pgjobs.errors import PgjobsError
from pgjobs.lab import sample
from pgjobs.lab.process import ServicesError
from pgjobs.lab.services import Services
from pgjobs.ops.progress import Look

SMALL = 20_000

own_servers = pytest.mark.skipif(
    "PGJOBS_AMQP_URL" in os.environ or "PGJOBS_DATABASE_URL" in os.environ,
    reason="the environment names other servers, so none of our own are wanted",
)


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and everything it has started."""
    return [process, *process.children(recursive=True)]


@own_servers
def test_the_story_is_told_to_its_end_and_the_accounts_agree() -> None:
    """An expired job by SQL, an injection job by HTTP, one stopped and resumed, a dry run, /api, two agents, and a
    scene for each door; what is kept running can be used, and Ctrl-C ends it without a trace, with code 0 because the
    accounts agree."""
    with playing("--keep", "--retries", SMALL, until="tail -f") as (demo, said):
        check_story(said)
        found = dict(re.findall(r"(PGJOBS_\w+)='(\S+)'", said))
        with psycopg.connect(found["PGJOBS_DATABASE_URL"]) as connection:
            assert (8,) == connection.execute("select count(*) from pgjobs.job_status where status = 'done'").fetchone()
        assert 0 == run_command("watch", 3, database_url=found["PGJOBS_DATABASE_URL"]).code
        own = {name.removeprefix("PGJOBS_").lower(): value for name, value in found.items()}
        examined = run_command("doctor", **own)
        assert 0 == examined.code, examined.out
        assert "alive: demo" in examined.out
        demo.send_signal(signal.SIGINT)
    assert 0 == demo.returncode
    assert not Path(found["PGJOBS_LOG_DIR"]).exists()


@own_servers
def test_a_signal_in_the_middle_leaves_nothing_behind() -> None:
    """While a job runs, the demo is told to end: every process and every file is gone, and the code says so."""
    with playing("--retries", SMALL, until="insert into xmp_jobs") as (demo, _):
        words = [word for process in family(psutil.Process(demo.pid)) for word in process.cmdline()]
        demo.send_signal(signal.SIGTERM)
    assert 130 == demo.returncode
    folders = {Path(word) for word in words if word.startswith("/") and "pgjobs-services-" in word}
    assert folders
    assert [] == [folder for folder in folders if folder.exists()]


@contextlib.contextmanager
def playing(*args: object, until: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A demo that has come to a certain word, and what it said so far; afterwards no process of it may be left."""
    with subprocess.Popen(
        command("demo", *args), cwd=HOME, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        said = ""
        try:
            for line in demo.stdout:
                said += line
                if until in line:
                    break
            assert until in said, said
            processes = family(psutil.Process(demo.pid))
            assert len(processes) > 6
            yield demo, said
        except BaseException:
            demo.terminate()
            raise
        demo.stdout.read()
    assert [] == psutil.wait_procs(processes, timeout=20)[1]


def check_story(said: str) -> None:
    """Read the story as a person would: the accounts agree line by line, and the stop was one."""
    assert "✓ queue, log and SQL agree for every job" in said, said
    assert "sample registry: 11 types of jobs whose records are for agents, and 8 agents" in said
    accounts = re.findall(r"^  (job \d .*?|/api)  +((?:[\d,]+ +)+)✓$", said, re.MULTILINE)
    names = ["job 1 expired", "job 2 injection", "job 3 expired", "job 4 expired, dry run", "/api"]
    assert names == [name.strip() for name, _ in accounts]
    numbers = [[int(number.replace(",", "")) for number in row.split()] for _, row in accounts]
    for sent, logged, queued, skipped, lines in numbers[:4]:
        assert sent == logged > 0
        assert skipped == lines > 0
        assert queued in (sent, 0)
    assert (0, [1000, 1000]) == (numbers[3][2], numbers[4])
    stopped = re.search(r'"status": "canceled", "considered": (\d+).*it is stopped', said)
    assert stopped, said
    assert 0 < int(stopped[1]) < SMALL
    told = re.search(
        r"items 1,200 · answered by one (\S+) · two (\S+) · redelivered (\d+) · lost 0$", said, re.MULTILINE
    )
    assert told, said
    one, two, again = (int(number.replace(",", "")) for number in told.groups())
    assert 1200 == one + two
    assert one > 0
    assert 0 < again < two
    for words in ('"status_message": "Processed"', '{"status": "SENT", "count": 2}', '"successful": 250}'):
        assert words in said, said
    for words in ("x-job-id", '"event_name": "charge"', "action=skip error=duplicate", "pgjobs_records_total{"):
        assert words in said


@pytest.fixture
def strange_queues() -> tuple[str, str]:
    """Names of queues that nobody else uses."""
    return f"demo-{uuid.uuid4().hex[:8]}", f"demo-{uuid.uuid4().hex[:8]}"


def test_on_a_broker_of_somebody_else_only_new_queues_are_used(
    services: Services, strange_queues: tuple[str, str]
) -> None:
    """They are declared durable and removed afterwards."""
    with queues.declared(services, strange_queues), Drain(services.amqp_url) as drain:
        assert [0, 0] == [drain.depth(name) for name in strange_queues]
    assert [False, False] == [queues._is_there(services.amqp_url, name) for name in strange_queues]


def test_a_queue_that_is_there_already_is_never_written_to(
    services: Services, strange_queues: tuple[str, str], drain: Drain
) -> None:
    """Its consumer might charge people: the demo refuses, says so, and takes back what it had declared."""
    drain.channel.queue_declare(strange_queues[1], durable=True)
    with pytest.raises(ServicesError, match="could charge people"), queues.declared(services, strange_queues):
        raise AssertionError("not refused")
    assert not queues._is_there(services.amqp_url, strange_queues[0])
    drain.channel.queue_delete(strange_queues[1])


def test_the_password_of_somebody_elses_server_is_not_printed(tmp_path: Path) -> None:
    """The addresses of --keep are whole only for servers that live as long as the demo."""
    url = "postgresql://someone:pw42@db/pgjobs"
    for private, hidden in ((True, False), (False, True)):
        console = Console(file=io.StringIO(), width=120)
        report.addresses(console, stage.Stage(url, url, "amqp://guest:pw42@mq/", "http://web", tmp_path, private, ()))
        assert isinstance(console.file, io.StringIO)
        assert hidden == ("pw42" not in console.file.getvalue())
        assert "someone" in console.file.getvalue()


def test_on_a_server_of_somebody_else_a_new_database_is_used(services: Services) -> None:
    """The one that is named in the setting stays as it is; the new one is dropped afterwards."""
    with stage._database(services) as url:
        assert url != services.database_url
        with psycopg.connect(url) as connection:
            name = connection.info.dbname
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute("select from pg_database where datname = %s", (name,)).fetchone() is None


# --- the sample --------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(database: str) -> Iterator[psycopg.Connection[Any]]:
    """A database with a small sample, and nothing of what the template holds."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("truncate xmp_services restart identity")
        sample.load(database, 4000, 8000)
        yield connection


def fingerprint(connection: psycopg.Connection[Any]) -> Any:
    """Everything that has to be the same in two samples of one size."""
    tables = ("xmp_retries_expired", "xmp_transactions", "xmp_services", "xmp_msisdn_blacklist", "xmp_msisdn_postpaid")
    query = "select md5(string_agg(t::text, ',' order by id)) from {} t"
    return [connection.execute(query.format(table).encode()).fetchall() for table in tables]


def test_the_sample_is_the_same_every_time(loaded: psycopg.Connection[Any], database: str) -> None:
    """Every row follows from its number."""
    before = fingerprint(loaded)
    loaded.execute(f"truncate {', '.join(sample.TABLES)} restart identity".encode())
    sample.load(database, 4000, 8000)
    assert before == fingerprint(loaded)


def test_the_sample_is_like_life(loaded: psycopg.Connection[Any]) -> None:
    """About 15 % duplicates, 30 days, five services, a share of payers, and the indexes are back and valid."""
    rows = loaded.execute(
        "select count(*), count(*) - count(distinct msisdn), count(distinct created_at::date),"
        " count(distinct id_service), count(*) filter (where msisdn !~ '^923[0-9]{9}$') from xmp_retries_expired"
    ).fetchone()
    assert (4000, 600, 30, 5, 0) == (rows and (rows[0], round(rows[1], -1), *rows[2:]))
    payers = loaded.execute(
        "select count(distinct r.msisdn) from xmp_retries_expired r join xmp_transactions t using (msisdn)"
        " where t.result in ('paid', 'retry_paid', 'injection_paid', 'expired_paid')"
    ).fetchone()
    assert payers
    assert 500 < payers[0] < 1500
    indexes = loaded.execute(
        "select count(*) from pg_class c join pg_index i on i.indexrelid = c.oid where relname like 'pgjobs\\_%'"
        " and i.indisvalid and i.indrelid::regclass::text like 'xmp%'"
    ).fetchone()
    assert loaded.execute("select count(*) from pgjobs.wanted_indexes()").fetchone() == indexes


def test_python_and_sql_agree_on_a_subscribers_number(loaded: psycopg.Connection[Any]) -> None:
    """The injection file is written by Python and has to meet what SQL has made."""
    row = loaded.execute(
        "select b.msisdn, p.msisdn from xmp_msisdn_blacklist b, xmp_msisdn_postpaid p where b.id = 1 and p.id = 7"
    ).fetchone()
    expected = sample.msisdn(sample.BLACKLISTED + 1).decode(), sample.msisdn(sample.POSTPAID + 7).decode()
    assert expected == row


def test_the_sample_keeps_away_from_tables_that_hold_something(loaded: psycopg.Connection[Any], database: str) -> None:
    """Nobody's rows are mixed with ours."""
    with pytest.raises(PgjobsError, match="xmp_retries_expired holds rows already"):
        sample.load(database, 10, 10)
    assert (4000,) == loaded.execute("select count(*) from xmp_retries_expired").fetchone()


def test_the_injection_file_has_every_kind_of_line(tmp_path: Path) -> None:
    """A byte order mark, CRLF, quotes, NUL, bytes that are no UTF-8, empty lines and all the rest."""
    path = tmp_path / "file.csv"
    sample.write_injection_file(path, 20_000)
    content = path.read_bytes()
    lines = content.split(b"\n")
    assert 20_001 == len(lines)
    assert content.startswith(b"\xef\xbb\xbf")
    kinds = {
        "crlf": rb"\r\n", "quoted": rb'(?m)^"923', "nul": rb"\d\x00\d", "not utf-8": rb"\xff\xfe", "empty": rb"\n\n",
        "letters": rb"\dabc\d", "too long": rb"(?m)^\d{24}$", "too short": rb"(?m)^\d{4}$", "prefix": rb"(?m)^86",
        "spaces": rb"(?m)^ +923", "plus": rb"(?m)^\+923",
    }  # fmt: skip
    assert [] == [kind for kind, pattern in kinds.items() if not re.search(pattern, content)]
    assert len(set(lines)) < len(lines)


# --- the accounts ---------------------------------------------------------------------------------------------

LOOK = Look(3, "expired", "done", 4, 4, 2, 1, 1, 100.0, None, None, None, "x", "it is done")


def account(**changes: Any) -> Account:
    """Books that agree, but for the changes."""
    right: dict[str, Any] = {"look": LOOK, "dry_run": False, "log": Log([1, 4], [2, 3]), "queued": [1, 4]}
    return Account(**(right | changes))


def test_accounts_that_agree() -> None:
    """No difference, in a dry run neither."""
    assert [] == account().differences
    assert [] == account(dry_run=True, queued=[]).differences


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"queued": [1]}, "the queue holds 1"),
        ({"queued": [1, 5]}, "log and queue differ in 2 records, record 4 first"),
        ({"queued": [1, 1]}, "more than once in the queue, record 1 first"),
        ({"log": Log([1, 4], [2])}, "skipped, SQL counts 2, the log has 1"),
        ({"log": Log([1, 4], [2, 4])}, "more than once in the log, record 4 first"),
        ({"log": Log([1, 4], [2, 3], faulty=1)}, "1 lines of the log have no action"),
        ({"dry_run": True}, "the queue holds 2"),
        ({"look": Look(**(vars(LOOK) | {"status": "error", "why": "broke"}))}, "job 3 is error: broke"),
    ],
    ids=str,
)
def test_accounts_that_do_not_agree_say_where(changes: dict[str, Any], words: str) -> None:
    """Each kind of lie is noticed and named."""
    assert words in " | ".join(account(**changes).differences)


def test_a_log_is_read_line_by_line(tmp_path: Path) -> None:
    """Sent, skipped with a reason that looks like a field, and a line that has no action."""
    path = tmp_path / "log"
    path.write_bytes(
        b'time="2017-02-01T10:39:20Z" level=info msg=1 action=sent id=7\n'
        b'time="2017-02-01T10:39:20Z" level=info msg="a action=sent b" action=skip error="x id=9" id=8\n'
        b'time="2017-02-01T10:39:20Z" level=info msg=1 id=9\n'
    )
    assert Log([7], [8], 1) == read_log(path)


def test_a_queue_is_read_to_its_end(services: Services, queue: str, drain: Drain) -> None:
    """Every message is counted by its job, an empty queue ends at once."""
    drain.channel.confirm_delivery()
    for record in range(5):
        properties = BasicProperties(message_id=f"3-{record}", headers={"x-job-id": 3 + record % 2})
        drain.channel.basic_publish("", queue, b"{}", properties)
    began = time.monotonic()
    read = read_queue(services.amqp_url, queue)
    assert (5, {3: [0, 2, 4], 4: [1, 3]}) == (read.depth, read.records)
    assert (0, {}, None) == tuple(vars(read_queue(services.amqp_url, queue)).values())
    assert time.monotonic() - began < 10
