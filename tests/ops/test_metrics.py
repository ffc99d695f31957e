"""/metrics of the web process, and what a daemon measures: complete, readable by Prometheus, bounded."""

import os
import socket
import uuid

import pytest
from fix_jobs import Db, connect, job_in
from fix_web import Web
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from pgjobs.engine.recent import Recent
from pgjobs.metrics import MOST_BEGUN, MOST_CODES, MOST_TYPES, Metrics, value

BUSINESS = {
    "pending_subscriptions_count",
    "pending_retries_count",
    "blacklisted_count",
    "postpaid_count",
    "buffer_pixels_count",
    "actual_db_size_bytes",
    "capacity_db_size_bytes",
}


def beat(db: Db, name: str = "one", **measured: float) -> uuid.UUID:
    """The heartbeat of a daemon that has measured these numbers."""
    worker = uuid.uuid4()
    statement = "select pgjobs.beat(%s, %s, 'host', %s, '0', 'connected', %s)"
    db.execute(statement.encode(), (worker, name, os.getpid(), Jsonb(measured)))
    return worker


def read(text: str) -> dict[str, Metric]:
    """The families of a text, as Prometheus would read it."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def scrape(web: Web) -> dict[str, Metric]:
    """What Prometheus would read from the web process."""
    answer = web.get("/metrics")
    assert 200 == answer.status_code
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
    return read(answer.text)


def shown(metrics: Metrics) -> dict[str, Metric]:
    """What a daemon would show."""
    return read(generate_latest(metrics.registry).decode())


def test_a_daemon_shows_what_it_has_counted() -> None:
    """Counters, gauges and histograms come out as families of their kind, labels kept, without moments of creation."""
    metrics = Metrics()
    metrics.count_records("expired", "sent", "", 5, dry_run=False)
    metrics.count_records("expired", "skip", "postpaid", 2, dry_run=False)
    for seconds in (0.001, 0.2, 70):
        metrics.confirm_seconds.observe(seconds)
    families = shown(metrics)
    records = families["pgjobs_records"]
    assert "counter" == records.type
    found = {(s.labels["action"], s.labels["code"], s.value) for s in records.samples}
    assert {("sent", "", 5.0), ("skip", "postpaid", 2.0)} == found
    confirm = families["pgjobs_confirm_seconds"]
    assert "histogram" == confirm.type
    buckets = [(float(s.labels["le"]), s.value) for s in confirm.samples if s.name.endswith("_bucket")]
    assert sorted(buckets) == buckets
    assert (float("inf"), 3.0) == buckets[-1]
    assert pytest.approx(70.201) == next(s.value for s in confirm.samples if s.name.endswith("_sum"))
    assert not [name for name in families if name.endswith("_created")]
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "python_info", "pgjobs_build_info"} <= set(families)


def test_two_registries_do_not_meet() -> None:
    """Each daemon counts in a registry of its own, so two in one process do not add up."""
    one, other = Metrics(), Metrics()
    one.published.inc()
    assert (1.0, 0.0) == (value(one.published), value(other.published))


def test_a_dry_run_does_not_count_as_sent() -> None:
    """What a dry run would have sent stands in a series of its own."""
    metrics = Metrics()
    metrics.count_records("expired", "sent", "", 3, dry_run=False)
    metrics.count_records("expired", "sent", "", 40, dry_run=True)
    found = {s.labels["dry_run"]: s.value for s in shown(metrics)["pgjobs_records"].samples}
    assert {"false": 3.0, "true": 40.0} == found


def test_the_series_of_a_daemon_are_bounded() -> None:
    """However many types, codes and letters there are, the number of series ends somewhere, and nothing is lost."""
    metrics = Metrics()
    for number in range(2 * MOST_TYPES):
        metrics.count_records(f"type {number}", "sent", "", 1, dry_run=False)
        metrics.note_backlog(f"type {number}", number)
    for number in range(2 * MOST_CODES):
        metrics.count_records("type 0", "skip", f"{number} {1000 * 'x'}", 1, dry_run=False)
    families = shown(metrics)
    records = families["pgjobs_records"].samples
    assert MOST_TYPES + 1 == len({s.labels["type"] for s in records})
    assert len(records) <= MOST_CODES + MOST_TYPES + 2
    assert 2 * (MOST_TYPES + MOST_CODES) == sum(s.value for s in records)
    assert max(len(s.labels["code"]) for s in records) <= 80
    assert MOST_TYPES + 1 == len(families["pgjobs_queue_messages"].samples)


def test_what_types_send_is_shown_before_their_first_record() -> None:
    """Types that are registered have a series at 0, so many at the most; others still get one of their own."""
    metrics = Metrics()
    for _ in range(2):
        metrics.begin_counts(f"type {number}" for number in range(2 * MOST_BEGUN))
    metrics.count_records("another", "sent", "", 3, dry_run=False)
    metrics.count_records("type 0", "sent", "", 2, dry_run=False)
    samples = shown(metrics)["pgjobs_records"].samples
    assert {("sent", "", "false")} == {(s.labels["action"], s.labels["code"], s.labels["dry_run"]) for s in samples}
    began = {f"type {number}": 0.0 for number in range(MOST_BEGUN)}
    assert began | {"another": 3.0, "type 0": 2.0} == {s.labels["type"]: s.value for s in samples}


def test_the_last_minutes_are_told_from_the_counters() -> None:
    """What grew within five, ten, fifteen and sixty minutes is what was counted in that time; a daemon that is younger
    counts from its beginning."""
    metrics = Metrics()
    recent = Recent(metrics)
    told = recent.look(0)
    for minute in range(1, 121):
        metrics.published.inc(10)
        metrics.confirmed.inc(9)
        metrics.nacked.inc(minute > 118)
        metrics.running_shards.set(minute > 112)
        told = recent.look(60 * minute)
        if minute == 3:
            assert (30, 27) == (told["published_5m"], told["confirmed_60m"])
    assert {
        "published_5m": 50, "refused_5m": 2, "confirmed_10m": 90, "confirmed_60m": 540, "busy_10m": 0, "fenced_15m": 0,
    } == told  # fmt: skip


def test_a_silent_daemon_shows_its_silence(web: Web, db: Db) -> None:
    """The age of its heartbeat stays for the alert when a daemon has died, and it counts as alive no more."""
    worker = beat(db)
    assert 1 == scrape(web)["pgjobs_daemons"].samples[0].value
    db.execute("update pgjobs.daemons set seen_at = now() - interval '2 minutes' where id = %s", (worker,))
    families = scrape(web)
    assert 0 == families["pgjobs_daemons"].samples[0].value
    [age] = families["pgjobs_daemon_heartbeat_age_seconds"].samples
    assert {"daemon": "one"} == age.labels
    assert 119 < age.value < 180


@pytest.mark.parametrize(
    "garbage", [[], "x", 5, None, {"listen_down_seconds": "x", "published_5m": None, "snapshot_age": []}]
)
def test_a_garbled_heartbeat_spoils_nothing(web: Web, db: Db, garbage: object) -> None:
    """What one daemon garbles is left out; metrics and alerts are there all the same."""
    db.execute("select pgjobs.beat(%s, 'odd', 'host', 3, '0', '', %s)", (uuid.uuid4(), Jsonb(garbage)))
    assert "pgjobs_daemons" in scrape(web)
    assert [] == db.column("select name from pgjobs.alerts")


def test_prometheus_is_told_where_the_daemons_are(web: Web, db: Db) -> None:
    """Each daemon stands with its address and name; one of loopback on another host, one without a listener and the
    former life of an address do not."""
    here = socket.gethostname()
    statement = "select pgjobs.beat(gen_random_uuid(), %s, %s, 1, '0', '', '{}', %s)"
    for name, host, address in (
        ("own", here, "127.0.0.1:50304"),
        ("far", "far", "far:50304"),
        ("hidden", "far", "127.0.0.1:50304"),
        ("mute", here, ""),
    ):
        db.execute(statement.encode(), (name, host, address))
    db.execute(
        "insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at, metrics_address)"
        " values (gen_random_uuid(), 'before', %s, 1, '0', now(), now() - interval '5 minutes', '127.0.0.1:50304')",
        (here,),
    )
    answer = web.get("/metrics/targets")
    assert "application/json" == answer.headers["content-type"]
    assert {
        "127.0.0.1:50304": {"daemon": "own", "host": here},
        "far:50304": {"daemon": "far", "host": "far"},
    } == {group["targets"][0]: group["labels"] for group in answer.json()}


def counted(web: Web, name: str = "pgjobs_jobs") -> dict[tuple[str, str], float]:
    """The numbers of jobs by type and status, without those that are 0."""
    return {(s.labels["type"], s.labels["status"]): s.value for s in scrape(web)[name].samples if s.value}


def real(db: Db) -> dict[tuple[str, str], float]:
    """The numbers of jobs as xmp_jobs has them."""
    rows = db.execute("select type, status, count(*) from xmp_jobs group by 1, 2").fetchall()
    return {(kind, status): n for kind, status, n in rows}


def test_jobs_are_counted_by_type_and_status(web: Web, db: Db) -> None:
    """Whatever becomes of jobs, inserted, changed, deleted, put into another type, undone: the gauge has their numbers,
    and the counter of transitions only ever grows."""
    for status in ("ready", "ready", "in progress", "done", "error", "canceled"):
        job_in(db, status)
    assert real(db) == counted(web)
    before = counted(web, "pgjobs_transitions")
    moved, gone = job_in(db, "ready"), job_in(db, "canceled")
    db.execute("update xmp_jobs set type = 'injection', file_name = 'x.csv' where id = %s", (moved,))
    db.execute("delete from xmp_jobs where id = %s", (gone,))
    with db.transaction(force_rollback=True):
        job_in(db, "done")
    assert real(db) == counted(web)
    assert 1 == counted(web)["injection", "ready"]
    assert ("injection", "ready") not in counted(web, "pgjobs_transitions")
    after = counted(web, "pgjobs_transitions")
    assert before["expired", "canceled"] + 1 == after["expired", "canceled"]
    assert all(after[key] >= value for key, value in before.items())


def test_folding_changes_no_number(web: Web, db: Db) -> None:
    """Maintenance puts the rows of the counters together, a bounded number a call, and no sum changes."""
    db.execute("insert into xmp_jobs (type) select 'expired' from generate_series(1, 50)")
    db.execute("update xmp_jobs set status = 'error'")
    before = counted(web), counted(web, "pgjobs_transitions")
    rows = db.value("select count(*) from pgjobs.job_counts")
    assert 20 == db.value("select pgjobs.fold_counts(20)")
    assert rows > db.value("select count(*) from pgjobs.job_counts") > rows - 20
    db.execute("select pgjobs.fold_counts()")
    assert 2 == db.value("select count(*) from pgjobs.job_counts")
    assert before == (counted(web), counted(web, "pgjobs_transitions"))


def test_numbers_that_went_wrong_are_put_right(web: Web, db: Db) -> None:
    """Jobs that came and went behind the triggers are counted once the jobs are counted anew; transitions stay."""
    job_in(db, "ready")
    transitions = counted(web, "pgjobs_transitions")
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute("insert into xmp_jobs (type, status) values ('expired', 'done')")
        db.execute("delete from xmp_jobs where status = 'ready'")
    assert real(db) != counted(web)
    db.execute("select pgjobs.recount_jobs('0 s')")
    assert (real(db), transitions) == (counted(web), counted(web, "pgjobs_transitions"))


def test_two_transactions_of_many_jobs_do_not_wait_for_each_other(db: Db, database: str) -> None:
    """While a transaction that has inserted many jobs is open, others insert and end jobs of the same type."""
    with connect(database) as other, other.transaction():
        other.execute("insert into xmp_jobs (type) select 'expired' from generate_series(1, 2000)")
        db.execute("set lock_timeout = '50ms'")
        job_in(db, "done")
        db.execute("select pgjobs.fold_counts()")


def test_of_very_many_running_jobs_the_oldest_and_the_newest_are_shown(web: Web, db: Db) -> None:
    """The number of series is bounded: of 150 running jobs the 50 oldest and the 50 newest have some."""
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute(
            "insert into xmp_jobs (id, type, status) select g, 'expired', 'in progress' from generate_series(1, 150) g"
        )
        db.execute("insert into pgjobs.shards (job_id) select id from xmp_jobs")
    shown = {int(s.labels["job_id"]) for s in scrape(web)["pgjobs_job_progress_ratio"].samples}
    assert {*range(1, 51), *range(101, 151)} == shown


def test_running_jobs_show_their_progress(web: Web, db: Db) -> None:
    """A running job has its own series; they go with the end of it."""
    job = job_in(db, "in progress")
    db.execute(
        "update pgjobs.shards set considered = 10, sent = 10, updated_at = now() - interval '5 s' where job_id = %s",
        (job,),
    )
    families = scrape(web)
    sample = families["pgjobs_job_considered_records"].samples[0]
    assert ({"job_id": str(job), "type": "expired"}, 10.0) == (sample.labels, sample.value)
    assert 5 <= families["pgjobs_job_checkpoint_age_seconds"].samples[0].value < 60
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    assert "pgjobs_job_considered_records" not in scrape(web)


def test_business_gauges_come_from_their_last_refresh(web: Web, db: Db) -> None:
    """The predecessor's gauges have their old names, and a scrape counts nothing itself."""
    assert not BUSINESS & set(scrape(web))
    db.execute("insert into xmp_msisdn_blacklist (msisdn) select g::text from generate_series(1, 7) g")
    db.execute("select pgjobs.refresh_gauges(1e9, '0 s')")
    db.execute("delete from xmp_msisdn_blacklist")
    families = scrape(web)
    assert set(families) >= BUSINESS
    assert ("gauge", 7.0) == (families["blacklisted_count"].type, families["blacklisted_count"].samples[0].value)
    assert 1e9 == families["capacity_db_size_bytes"].samples[0].value


def test_the_number_of_series_does_not_grow_with_history(web: Web, db: Db) -> None:
    """Five hundred ended jobs with all their events, outcomes and calls add no series."""
    beat(db)
    db.execute("select pgjobs.refresh_gauges(0, '0 s')")
    for status in ("ready", "done", "error", "canceled"):
        job_in(db, status)

    def series() -> int:
        return sum(len(family.samples) for family in scrape(web).values())

    before = series()
    db.execute(
        "insert into xmp_jobs (type, params)"
        " select 'expired', jsonb_build_object('count', g) from generate_series(1, 500) g"
    )
    db.execute("update xmp_jobs set status = 'error' where status = 'ready' and params ? 'count'")
    db.execute("insert into pgjobs.outcomes select j.id, 0, 'skip', 'code_' || j.id, 1 from xmp_jobs j")
    assert before == series()
    assert before < 200


def test_a_scrape_touches_no_big_table(db: Db, database: str) -> None:
    """Among thousands of jobs a scrape looks up the progress of the running one only, and no table of records."""
    db.execute("insert into xmp_jobs (type) select 'expired' from generate_series(1, 3000)")
    db.execute("update xmp_jobs set status = 'error'")
    job_in(db, "in progress")
    db.execute("analyze xmp_jobs")
    scans = (
        "select relname::text, seq_scan + coalesce(idx_scan, 0) from pg_stat_xact_user_tables"
        " where seq_scan + coalesce(idx_scan, 0) > 0"
    )
    # A session counts what it has read since its last report, so this one is a fresh one.
    with connect(database) as scraper, scraper.transaction():
        scraper.execute("select pgjobs.metrics()")
        read = dict(scraper.execute(scans).fetchall())
    known = {
        "xmp_jobs",
        "shards",
        "daemons",
        "retention",
        "requests",
        "api_requests",
        "task_progress",
        "callbacks",
        "gauges",
        "xmp_job_types",
        "job_counts",
        "switch",
        "switch_holds",
        "reply_faults",
        "item_counts",
        "item_totals",
        "open_totals",
    }
    assert set(read) <= known
    # Once for each job that runs, and once each for what is due, stalled and planned.
    assert 6 >= read["shards"]


def test_labels_survive_quotes_and_lines(web: Web, db: Db) -> None:
    """A name with quotes, backslashes and line breaks comes back as it was."""
    odd = 'a"b\\c\nd'
    beat(db, name=odd)
    assert odd == scrape(web)["pgjobs_daemon_heartbeat_age_seconds"].samples[0].labels["daemon"]


def test_types_beyond_the_hundredth_are_shown_together(web: Web, db: Db) -> None:
    """However many types are registered, a hundred have series of their own, and no job is lost."""
    db.execute("insert into xmp_job_types (name) select 'type ' || to_char(g, 'FM000') from generate_series(1, 150) g")
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute("insert into xmp_jobs (type) select 'type ' || to_char(g, 'FM000') from generate_series(1, 150) g")
    db.execute("select pgjobs.recount_jobs('0 s')")
    found = counted(web)
    assert 101 == len({s.labels["type"] for s in scrape(web)["pgjobs_jobs"].samples})
    assert 150 == sum(found.values())
    assert found["other", "ready"] > 50


def test_a_counter_is_there_before_it_counts(web: Web, db: Db) -> None:
    """Prometheus sees the first job that breaks off, for the series was there with 0 before."""
    series = {(s.labels["type"], s.labels["status"]): s.value for s in scrape(web)["pgjobs_transitions"].samples}
    assert 0 == series["expired", "error"]
    job_in(db, "error")
    assert 1 == counted(web, "pgjobs_transitions")["expired", "error"]
