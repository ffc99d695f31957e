"""pgjobs.alerts: each alert fires in the state it is about and in no other; what it costs, and who may read it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from fix_database import shared_database
from fix_jobs import Db, claim, connect, insert_job, job_in, prepare
from fix_roles import PASSWORD, Login
from psycopg.types.json import Jsonb

from pgjobs.bench import crowded as bench
from pgjobs.lab.roles import as_role
from pgjobs.lab.services import Services

FIRING = "select name, severity, subject from pgjobs.alerts order by name, subject"


def daemon(db: Db, name: str = "one", broker: str = "connected", **measured: float) -> uuid.UUID:
    """A daemon that is alive and has measured this."""
    worker = uuid.uuid4()
    db.execute("select pgjobs.beat(%s, %s, 'h', 1, '0', %s, %s)", (worker, name, broker, Jsonb(measured)))
    return worker


def firing(db: Db) -> list[tuple[str, str]]:
    """(name, subject) of what fires."""
    return [(name, subject) for name, _, subject in db.execute(FIRING.encode()).fetchall()]


def held_shard(db: Db, minutes: float, *, prepared: bool = True) -> int:
    """A job whose daemon holds a shard and has finished no window for so long."""
    db.execute("insert into xmp_retries_expired (id, msisdn) select g, g::text from generate_series(1, 9) g")
    job = insert_job(db)
    claimed = claim(db, job)
    if prepared:
        prepare(db, claimed)
    db.execute(
        "update pgjobs.shards set claimed_at = now() - interval '8 hours', lease_until = now() + interval '1 h',"
        " updated_at = now() - make_interval(secs => %s) where job_id = %s",
        (60 * minutes, job),
    )
    return job


def no_daemon(db: Db) -> str:
    worker = daemon(db, "two")
    db.execute("update pgjobs.daemons set seen_at = now() - interval '16 s' where id = %s", (worker,))
    return "daemons"


def silent_daemon(db: Db) -> str:
    worker = daemon(db, "two")
    db.execute("update pgjobs.daemons set seen_at = now() - interval '61 s' where id = %s", (worker,))
    return "daemon two"


def blocked_broker(db: Db) -> str:
    worker = daemon(db, "two", "blocked: low on memory")
    db.execute("update pgjobs.daemons set broker_at = now() - interval '121 s' where id = %s", (worker,))
    return "daemon two"


def broker_away(db: Db) -> str:
    worker = daemon(db, "two", "broker unreachable: connection refused")
    db.execute("update pgjobs.daemons set broker_at = now() - interval '121 s' where id = %s", (worker,))
    return "daemon two"


def not_listening(db: Db) -> str:
    daemon(db, "two", listen_down_seconds=61)
    return "daemon two"


def rejected(db: Db) -> str:
    daemon(db, "two", published_5m=1000, refused_5m=11)
    return "daemon two"


def slow(db: Db) -> str:
    worker = daemon(db, "two", busy_10m=1, confirmed_10m=590, confirmed_60m=36000)
    db.execute("update pgjobs.daemons set started_at = now() - interval '61 minutes' where id = %s", (worker,))
    return "daemons"


def fenced(db: Db) -> str:
    daemon(db, "two", fenced_15m=1)
    return "daemon two"


def full_volume(db: Db) -> str:
    daemon(db, "two", log_volume_size=100, log_volume_free=14)
    return "daemon two"


def old_snapshot(db: Db) -> str:
    daemon(db, "two", snapshot_age=61)
    return "daemon two"


def stalled(db: Db) -> str:
    return f"job {held_shard(db, 5.1)}"


def waiting(db: Db) -> str:
    insert_job(db, run_at="2020-01-01")
    return "jobs"


def too_slow_for_its_stop(db: Db) -> str:
    db.execute("insert into xmp_retries_expired (id, msisdn) select g, g::text from generate_series(1, 999) g")
    job = insert_job(db, rate=0.01, stop_at="2100-01-01")
    prepare(db, claim(db, job))
    db.execute("update pgjobs.shards set estimate = 999 where job_id = %s", (job,))
    db.execute("update xmp_jobs set stop_at = now() + interval '1 hour' where id = %s", (job,))
    return f"job {job}"


def broken(db: Db) -> str:
    return f"job {job_in(db, 'error')}"


def behind(db: Db) -> str:
    db.execute("select pgjobs.request_suspended(1, 1, '30 s')")
    db.execute("update pgjobs.api_requests set asked_at = now() - interval '2 days 1 hour'")
    return "api_requests"


STATES: dict[str, Callable[[Db], str]] = {
    "PgjobsNoDaemon": no_daemon,
    "PgjobsDaemonSilent": silent_daemon,
    "PgjobsBrokerBlocked": blocked_broker,
    "PgjobsBrokerUnreachable": broker_away,
    "PgjobsListenDown": not_listening,
    "PgjobsMessagesRejected": rejected,
    "PgjobsThroughputLow": slow,
    "PgjobsShardsFenced": fenced,
    "PgjobsLogVolumeFull": full_volume,
    "PgjobsOldSnapshot": old_snapshot,
    "PgjobsJobStalled": stalled,
    "PgjobsJobsWaiting": waiting,
    "PgjobsEtaPastStop": too_slow_for_its_stop,
    "PgjobsJobBroken": broken,
    "PgjobsRetentionBehind": behind,
}


def test_every_alert_has_a_state(db: Db) -> None:
    """Each rule of the view is brought about here."""
    assert set(STATES) == set(db.column("select name from pgjobs.alert_rules()"))


@pytest.fixture(autouse=True)
def young(db: Db) -> None:
    """The database was made just now; what it is copied from may be old enough for a daemon to be missed."""
    db.execute("update pgjobs.schema_state set applied_at = now()")


def test_nothing_fires_where_nothing_is_wrong(db: Db) -> None:
    """A fresh database, and one with a daemon, jobs that run, wait for their time and have ended, have no alert."""
    assert [] == firing(db)
    daemon(db)
    insert_job(db, run_at="2100-01-01")
    job_in(db, "done")
    job_in(db, "canceled")
    prepare(db, claim(db, insert_job(db)))
    assert [] == firing(db)


@pytest.mark.parametrize("name", STATES)
def test_each_alert_fires_in_its_state(db: Db, name: str) -> None:
    """In the state that an alert is about it fires, it alone, with its severity and what to do."""
    if name != "PgjobsNoDaemon":
        daemon(db)
    subject = STATES[name](db)
    assert [(name, subject)] == firing(db)
    row = db.row("select since, summary, what_to_do, severity from pgjobs.alerts")
    assert row[0] is not None or name == "PgjobsEtaPastStop"
    assert row[1]
    to_do, severity = db.row("select what_to_do, severity from pgjobs.alert_rules() where name = %s", name)
    assert row[2:] == (re.sub(r"\bJOB\b", subject.removeprefix("job "), to_do), severity)
    assert not re.search(r"\bJOB\b", row[2])


NEAR: dict[str, Callable[[Db], object]] = {
    "a database that has just been made": lambda db: db.execute(
        "update pgjobs.schema_state set applied_at = now() - interval '4 minutes'"
    ),
    "a daemon whose heartbeat is late": lambda db: db.execute(
        "update pgjobs.daemons set seen_at = now() - interval '10 s' where id = %s", (daemon(db, "two"),)
    ),
    "a broker that was just lost": lambda db: daemon(db, "two", "blocked: low on memory"),
    "few refused messages": lambda db: daemon(db, "two", published_5m=1000, refused_5m=10),
    "a rate like ever": lambda db: daemon(db, "two", busy_10m=1, confirmed_10m=700, confirmed_60m=36000),
    "a daemon that is young": lambda db: daemon(db, "two", busy_10m=1, confirmed_10m=0, confirmed_60m=36000),
    "nothing to do": lambda db: daemon(db, "two", busy_10m=0, confirmed_10m=0, confirmed_60m=36000),
    "a volume with room": lambda db: daemon(db, "two", log_volume_size=100, log_volume_free=16),
    "a volume that is unknown": lambda db: daemon(db, "two", log_volume_size=0, log_volume_free=0),
    "a window that takes long": lambda db: held_shard(db, 4.5),
    "a file that is read": lambda db: held_shard(db, 30, prepared=False),
    "a job that waits for its pace": lambda db: db.execute(
        "update pgjobs.shards set owner = null, lease_until = null, due_at = now() + interval '1 h' where job_id = %s",
        (held_shard(db, 60),),
    ),
    "jobs that are held": lambda db: (insert_job(db, run_at="2020-01-01"), db.execute("select pgjobs.hold_all('x')")),
    "an error of yesterday": lambda db: db.execute(
        "set session_replication_role = replica; insert into xmp_jobs (type, status, finish_at)"
        " values ('expired', 'error', now() - interval '1 day'); reset session_replication_role"
    ),
    "a job that will be through": lambda db: prepare(
        db, claim(db, insert_job(db, rate=100, stop_at="2100-01-01", run_at="2020-01-01"))
    ),
}


@pytest.mark.parametrize("state", NEAR)
def test_states_that_are_near_to_an_alert(db: Db, state: str) -> None:
    """What is nearly as bad, or only looks so, is no alert."""
    if state not in ("a database that has just been made", "a daemon whose heartbeat is late"):
        daemon(db)
    NEAR[state](db)
    assert [] == firing(db)


def test_a_restarted_daemon_is_not_missed(db: Db) -> None:
    """A daemon whose former life was killed is not silent once its next life beats."""
    worker = daemon(db)
    db.execute("update pgjobs.daemons set seen_at = now() - interval '2 minutes' where id = %s", (worker,))
    assert [("PgjobsDaemonSilent", "daemon one"), ("PgjobsNoDaemon", "daemons")] == firing(db)
    daemon(db)
    assert [] == firing(db)


def test_a_database_without_any_daemon_is_told(db: Db) -> None:
    """Where no daemon was ever heard of, that is an alert five minutes after the database was made."""
    db.execute("update pgjobs.schema_state set applied_at = now() - interval '6 minutes'")
    assert [("PgjobsNoDaemon", "daemons")] == firing(db)


def test_nobody_promises_a_daemon_that_does_not_live(db: Db) -> None:
    """When the only daemon dies, the worst is that none is alive, with the command that starts one; of the silent one
    nothing says that another takes its shards over."""
    worker = daemon(db)
    db.execute("update pgjobs.daemons set seen_at = now() - interval '83 s' where id = %s", (worker,))
    none, silent = db.execute("select name, summary, what_to_do from pgjobs.alerts").fetchall()
    assert ("PgjobsNoDaemon", "no daemon is alive") == none[:2]
    assert "pgjobs daemon" in none[2]
    assert "PgjobsDaemonSilent" == silent[0]
    assert "if none does, start one: pgjobs daemon" in silent[2]


def test_since_when_the_broker_is_away(db: Db) -> None:
    """The moment is that of the change, not that of the last heartbeat."""
    worker = daemon(db)
    told = "select pgjobs.beat(%s, 'one', 'h', 1, '0', %s)"
    since = "select broker_at from pgjobs.daemons"
    db.execute(told.encode(), (worker, "broker unreachable"))
    began = db.value(since)
    db.execute(told.encode(), (worker, "broker unreachable"))
    assert began == db.value(since)
    db.execute(told.encode(), (worker, "connected"))
    assert began < db.value(since)


def test_the_worst_comes_first(db: Db) -> None:
    """What is critical stands above the warnings, in the view and in what the page shows."""
    daemon(db)
    for bring in (broken, not_listening, full_volume, waiting):
        bring(db)
    severities = db.column("select severity from pgjobs.alerts")
    assert sorted(severities) == severities
    assert {"critical", "warning"} == set(severities)
    shown = db.value("select pgjobs.page_alerts()")
    assert severities == [alert["severity"] for alert in shown["alerts"]]
    assert {"name", "severity", "subject", "since", "summary", "what_to_do"} == set(shown["alerts"][0])


@pytest.mark.parametrize("role", ["viewer", "operator", "web"])
def test_who_may_read_it(db: Db, login: Login, role: str) -> None:
    """People who look, those who steer, and the web process read the alerts without rights on any table."""
    broken(db)
    reader = login(f"pgjobs_{role}")
    assert ["PgjobsJobBroken"] == reader.column("select name from pgjobs.alerts")
    assert 1 == len(reader.value("select pgjobs.page_alerts()")["alerts"])


def test_a_snapshot_of_a_daemon_is_seen(database: str, login: Login) -> None:
    """How old the oldest snapshot of the sessions of a role is, that role itself is told; others do not count."""
    one, other = login("pgjobs_daemon"), login("pgjobs_viewer")
    for each in (one, other):
        each.execute("set application_name = 'pgjobs reader'")
    one.execute("begin isolation level repeatable read")
    one.execute("select 1 from pgjobs.schema_state")
    with connect(as_role(database, one.info.user, PASSWORD)) as asking:
        deadline = time.monotonic() + 20
        while asking.value("select pgjobs.snapshot_age()") < 0.05:
            assert time.monotonic() < deadline
        one.execute("rollback")
        other.execute("begin isolation level repeatable read")
        other.execute("select 1 from pgjobs.schema_state")
        assert 0 == asking.value("select pgjobs.snapshot_age()")


@pytest.fixture(scope="module")
def crowd(services: Services, template_database: str) -> Iterator[str]:
    """A database in which 50,000 jobs have ended, 10,000 wait and 500 run."""
    with shared_database(services, template_database, "alerts") as url:
        with connect(url) as db:
            for text in bench.fill(bench.Size(50_000, 10_000, 500)):
                db.execute(text)
        yield url


@pytest.mark.parametrize("statement", ["table pgjobs.alerts", "select pgjobs.page_alerts()"])
def test_what_it_costs(crowd: str, statement: str) -> None:
    """However many jobs have ended, wait and run, the alerts read a few rows of what is open."""
    with connect(crowd) as db, db.transaction(force_rollback=True):
        db.execute("select pgjobs.beat(gen_random_uuid(), 'one', 'h', 1, '0', 'connected')")
        for _ in range(7):  # later a plan may be one for all arguments
            assert db.rows_read(statement) <= 3000
