"""A row of xmp_jobs becomes messages, log lines and counters: the real daemon, run to the end of the job."""

import dataclasses
import datetime as dt
import gzip
import itertools
from pathlib import Path

import psycopg
import pytest
from fix_daemon import Counters, DaemonProcess, Engine, LogLine

from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

BAD_FILE = b"".join(
    (
        b"\xef\xbb\xbf923000000001\r\n",
        b'"923000000002","a ""quoted"" remark"\n',
        b"tel: +923000000003 ;x\ty\n",
        b"\n",
        b"9230\n",
        b"  923000000001\r\n",
        b"123123123123\n",
        b"9" * 21 + b"\n",
        b"92300\x000004\n",
        b"92\xff\xfe5\n",
        b"92" + b"3" * 100_000 + b"\n",
        b"923000000005 action=sent id=99\n",
        b'msg="\\n" time=x\r\n',
        "٩٢٣٠٠٠٠٠٠٠٠١\n".encode(),
        b'"923000000008\n',
        b"923000000007",
    )
)
BAD_LINES: list[tuple[bytes, str | None]] = [
    (b"923000000001", None),
    (b'"923000000002","a ""quoted"" remark"', None),
    (b"tel: +923000000003 ;x\ty", None),
    (b"", "Too short msisdn, length: 0"),
    (b"9230", "Too short msisdn, length: 4"),
    (b"  923000000001", "duplicate"),
    (b"123123123123", "Wrong prefix: 123123123123"),
    (b"9" * 21, "Too long msisdn, length: 21"),
    (b"92300\x000004", "Not a number: 92300 0004"),
    (b"92\xff\xfe5", "Not a number: 92  5"),
    (b"92" + b"3" * 4094, "Line too long, length: 100002"),
    (b"923000000005 action=sent id=99", "Too long msisdn, length: 30"),
    (b'msg="\\n" time=x', "Too short msisdn, length: 0"),
    ("٩٢٣٠٠٠٠٠٠٠٠١".encode(), "Too short msisdn, length: 0"),
    (b'"923000000008', None),
    (b"923000000007", "Incomplete last line"),
]


def check_agreement(engine: Engine, job: int) -> list[LogLine]:
    """Queue, log and counters of an undisturbed job say the same; its log."""
    lines = engine.log_lines(job)
    sent = [line.key for line in lines if line.action == "sent"]
    messages = engine.drain()
    assert sent == [message.key for message in messages]
    assert not [message for message in messages if message.marked]
    assert Counters(len(lines), len(sent), len(lines) - len(sent), 0) == engine.counters(job)
    return lines


def test_expired_job(engine: Engine, daemon: DaemonProcess) -> None:
    """An expired job sends one message per msisdn in order of id, and queue, log and counters agree."""
    engine.add_retries(100, msisdns=40)
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    assert {("sent", None): 40, ("skip", "duplicate"): 60} == engine.outcomes(job)
    lines = check_agreement(engine, job)
    assert list(range(1, 101)) == [line.key for line in lines]
    assert f"{923000000001}".encode() == lines[0].msg
    assert daemon.running


def test_the_log_is_where_the_job_says(engine: Engine, daemon: DaemonProcess) -> None:
    """log_path names the job's log file, which holds nothing but its committed lines."""
    engine.add_retries(20)
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    path = Path(engine.value("select log_path from xmp_jobs where id = %s", job))
    assert engine.log_dir == path.parent
    assert engine.raw_log(job) == path.read_bytes()
    assert 20 == len(path.read_bytes().splitlines())
    assert daemon.running


@pytest.mark.usefixtures("daemon")
def test_message_of_a_full_row(engine: Engine) -> None:
    """A message has the properties and the fields of the contract, moments in RFC 3339, codes as strings."""
    row: dict[str, object] = {
        "id": 11, "msisdn": "923000217540", "tid": 'a "tid" \\ é', "operator_code": 41001, "country_code": 92,
        "id_service": 5, "id_campaign": 7, "id_subscription": 9, "created_at": "2017-02-01 10:39:20.5+00",
        "last_pay_attempt_at": "2017-02-01 12:31:44+02", "attempts_count": 4, "price": 10, "keep_days": 3,
        "delay_hours": 2,
    }  # fmt: skip
    engine.insert("xmp_retries_expired", [row])
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    (message,) = engine.drain()
    assert {
        "type": "expired", "msisdn": "923000217540", "tid": 'a "tid" \\ é', "operator_code": 41001,
        "country_code": 92, "service_code": "5", "campaign_id": "7", "subscription_id": 9, "retry_id": 11,
        "created_at": "2017-02-01T10:39:20.5Z", "last_pay_attempt_at": "2017-02-01T10:31:44Z",
        "attempts_count": 10, "price": 10, "retry_days": 3, "delay_hours": 2,
    } == message.event  # fmt: skip
    properties = message.properties
    assert f"{job}-11" == properties.message_id
    assert "expired" == properties.type
    assert "pgjobs" == properties.app_id
    assert {"x-job-id": job} == properties.headers
    assert 2 == properties.delivery_mode
    assert "application/json" == properties.content_type
    sent_at = dt.datetime.fromtimestamp(float(str(properties.timestamp)), dt.UTC)
    assert before <= sent_at <= dt.datetime.now(dt.UTC)


@pytest.mark.usefixtures("daemon")
def test_message_of_an_empty_row(engine: Engine) -> None:
    """Empty values (0, '') are left out of a message."""
    row = {"id": 3, "msisdn": "92300", "created_at": "2017-02-01", "last_pay_attempt_at": "2017-02-02"}
    engine.insert("xmp_retries_expired", [row])
    engine.wait_status(engine.add_job("expired"), "done")
    (message,) = engine.drain()
    assert {
        "type": "expired", "msisdn": "92300", "retry_id": 3, "attempts_count": 10,
        "created_at": "2017-02-01T00:00:00Z", "last_pay_attempt_at": "2017-02-02T00:00:00Z",
    } == message.event  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.usefixtures("daemon")
def test_every_kind_of_bad_line(engine: Engine, packed: bool) -> None:
    """Every line of a hostile file ends as one line of the log with its reason, numbered as editors count."""
    name = engine.add_file("bad.csv", gzip.compress(BAD_FILE) if packed else BAD_FILE)
    job = engine.add_job("injection", name)
    engine.wait_status(job, "done")
    lines = check_agreement(engine, job)
    assert BAD_LINES == [(line.msg, line.error) for line in lines]
    assert list(range(1, len(BAD_LINES) + 1)) == [line.key for line in lines]


@pytest.mark.usefixtures("daemon")
def test_message_of_a_line(engine: Engine) -> None:
    """An injection message carries the service's price, the params' ids, the operator of the longest prefix."""
    engine.insert("xmp_services", [{"id": 5, "price": 12.5}])
    operators = [{"operator_code": 7, "prefix": "923"}, {"operator_code": 8, "prefix": "92300"}]
    engine.insert("xmp_operator_msisdn_prefix", operators)
    name = engine.add_file("numbers.csv", b"923000000001\n924000000001\n923100000001\n")
    job = engine.add_job("injection", name, service_code="5", campaign_id=3)
    engine.wait_status(job, "done")
    events = [message.event for message in engine.drain()]
    assert 3 == len({event.pop("tid") for event in events})
    common = {
        "type": "injection", "country_code": 92, "service_code": "5", "campaign_id": "3", "attempts_count": 10,
        "price": "12.5",
    }  # fmt: skip
    expected = [("923000000001", 8), ("924000000001", 41001), ("923100000001", 7)]
    assert [common | {"msisdn": msisdn, "operator_code": code} for msisdn, code in expected] == events


@pytest.mark.usefixtures("daemon")
def test_slices_tile_a_file(engine: Engine) -> None:
    """Offset and count cut a file into slices that together consider every line exactly once."""
    content = b"".join(b"92300%07d\n" % (i % 30) for i in range(50))
    name = engine.add_file("slices.csv", content)
    jobs = [engine.add_job("injection", name, offset=start, count=8) for start in range(0, 50, 8)]
    for job in jobs:
        engine.wait_status(job, "done")
    keys = [[line.key for line in engine.log_lines(job)] for job in jobs]
    assert list(range(1, 51)) == list(itertools.chain(*keys))
    assert {8, 2} == {len(each) for each in keys}


@pytest.mark.usefixtures("daemon")
def test_dry_run(engine: Engine) -> None:
    """A dry run logs and counts the same as the real one and publishes nothing."""
    engine.add_retries(60, msisdns=25)
    name = engine.add_file("bad.csv", BAD_FILE)
    for job_type, file_name in (("expired", ""), ("injection", name)):
        dry = engine.add_job(job_type, file_name, dry_run="true")
        engine.wait_status(dry, "done")
        assert [] == engine.drain()
        wet = engine.add_job(job_type, file_name)
        engine.wait_status(wet, "done")
        told = [[dataclasses.replace(line, time="") for line in engine.log_lines(job)] for job in (dry, wet)]
        assert told[0] == told[1]
        assert engine.outcomes(dry) == engine.outcomes(wet)
        assert engine.counters(dry) == engine.counters(wet)
        assert engine.counters(wet).sent == len(engine.drain())


@pytest.mark.usefixtures("daemon")
def test_empty_selection(engine: Engine) -> None:
    """A job that selects nothing is done with an empty log."""
    for params in ("{}", '{"offset": 1000000}', '{"service_id": 77}'):
        job = engine.value("insert into xmp_jobs (type, params) values ('expired', %s) returning id", params)
        engine.wait_status(job, "done")
        assert [] == check_agreement(engine, job)


@pytest.mark.usefixtures("daemon")
def test_ids_beyond_32_bits(engine: Engine) -> None:
    """Ids of jobs and rows beyond 2^31 and 2^53 go through every part of the engine."""
    first = 2**60 + 1
    engine.add_retries(20, first=first)
    engine.execute("alter table xmp_jobs alter column id restart with 3000000000")
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    messages = engine.drain()
    assert 3000000000 == job
    assert list(range(first, first + 20)) == [line.key for line in engine.log_lines(job)]
    assert [f"{job}-{first + i}" for i in range(20)] == [str(m.properties.message_id) for m in messages]
    assert b'"retry_id":1152921504606846977' in messages[0].body


@pytest.mark.usefixtures("daemon")
def test_unknown_service(engine: Engine) -> None:
    """An injection job of a service without a price breaks off, and goes on when the service is there."""
    name = engine.add_file("one.csv", b"923000000001\n")
    job = engine.add_job("injection", name, service_id=9)
    engine.wait_status(job, "error")
    assert "service_id: 9 is not in xmp_services" in engine.error_of(job)
    engine.insert("xmp_services", [{"id": 9, "price": 1}])
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert 1 == len(check_agreement(engine, job))


PREDECESSOR = """
create table xmp_job_types (name varchar(127) primary key);
create table xmp_jobs (
  id serial primary key, created_at timestamp not null default now(), id_user int not null default 0,
  type varchar(127) not null, status varchar(127) not null default 'ready', params jsonb not null default '{}',
  file_name varchar(127) not null default '', skip int not null default 0,
  run_at timestamp not null default now(), finished_at timestamp not null default '1970-01-01',
  log_path varchar(127) not null default '');
create table xmp_retries_expired (
  id serial primary key, status varchar(127) not null default '', tid varchar(127) not null default '',
  created_at timestamp not null default now(), updated_at timestamp not null default now(),
  expired_at timestamp not null default now(), last_pay_attempt_at timestamp not null default now(),
  attempts_count int not null default 1, price int not null default 0, keep_days int not null default 0,
  delay_hours int not null default 0, msisdn varchar(32) not null, operator_code int not null default 0,
  country_code int not null default 0, id_service int not null default 0,
  id_subscription int not null default 0, id_campaign int not null default 0);
insert into xmp_retries_expired (msisdn, created_at, last_pay_attempt_at) values
  ('923000000001', '2017-01-31 23:59:59', '2017-02-01'), ('923000000002', '2017-02-01 00:00:00', '2017-02-01'),
  ('923000000003', '2017-02-01 23:59:59', '2017-02-01'), ('923000000004', '2017-02-02 00:00:00', '2017-02-01');
"""


def test_tables_of_the_predecessor(empty_database: str, services: Services, queue: str, tmp_path: Path) -> None:
    """A job runs on the operator's old tables, whose moments have no zone and mean UTC wherever the server is."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(PREDECESSOR)
        name = psycopg.sql.Identifier(connection.info.dbname)
        statement = psycopg.sql.SQL("alter database {} set timezone = 'Asia/Karachi'")
        connection.execute(statement.format(name))
    migrate(empty_database)
    with Engine(empty_database, services.amqp_url, queue, tmp_path) as engine:
        engine.start()
        job = engine.add_job("expired", date_from="2017-02-01", date_to="2017-02-02")
        engine.wait_status(job, "done")
        events = [message.event for message in engine.drain()]
        assert ["923000000002", "923000000003"] == [event["msisdn"] for event in events]
        assert ["2017-02-01T00:00:00Z", "2017-02-01T23:59:59Z"] == [event["created_at"] for event in events]
        age = "select abs(extract(epoch from timezone('UTC', now()) - finished_at)) < 60 from xmp_jobs where id = %s"
        assert engine.value(age, job)
