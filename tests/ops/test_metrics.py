"""/metrics and the samples of the daemons: complete, readable by Prometheus, bounded."""

import os
import uuid

import pytest
from fix_daemon import Engine
from fix_jobs import Db, connect, job_in
from fix_web import Web
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from pgjobs.metrics import Growth, Metrics

BUSINESS = {
    "pending_subscriptions_count",
    "pending_retries_count",
    "blacklisted_count",
    "postpaid_count",
    "buffer_pixels_count",
    "actual_db_size_bytes",
    "capacity_db_size_bytes",
}


class Daemon:
    """A daemon that only measures and beats; a life of its own behind a name that it may share."""

    def __init__(self, db: Db, metrics: Metrics | None = None, name: str = "one") -> None:
        self.db = db
        self.metrics = metrics or Metrics()
        self.growth = Growth(self.metrics)
        self.worker = uuid.uuid4()
        self.name = name

    def beat(self, *, heard: bool = True) -> None:
        """Send a heartbeat; `heard`: the answer of the database arrives."""
        number, growth = self.growth.next()
        self.db.execute(
            "select pgjobs.beat(%s, %s, 'host', %s, '0', 'up', %s, %s, %s)",
            (self.worker, self.name, os.getpid(), Jsonb(self.metrics.gauges()), number, Jsonb(growth)),
        )
        if heard:
            self.growth.taken()


def beat(db: Db, metrics: Metrics, name: str = "one") -> uuid.UUID:
    """Send the first heartbeat of a daemon."""
    daemon = Daemon(db, metrics, name)
    daemon.beat()
    return daemon.worker


def scrape(web: Web) -> dict[str, Metric]:
    """What Prometheus would read."""
    answer = web.get("/metrics")
    assert 200 == answer.status_code
    assert answer.headers["content-type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def busy() -> Metrics:
    """Metrics of a daemon that has worked."""
    metrics = Metrics()
    metrics.count_records("expired", "sent", 5, dry_run=False)
    metrics.count_records("expired", "skip", 2, dry_run=False)
    metrics.published.inc(5)
    metrics.broker_reconnects.labels(reason="StreamLostError").inc()
    for seconds in (0.001, 0.2, 70):
        metrics.confirm_seconds.observe(seconds)
    metrics.window_records.observe(2000)
    metrics.listening.set(1)
    return metrics


def test_samples_say_what_the_registry_says() -> None:
    """The form for the heartbeat carries every sample under its full name, with its family's kind."""
    metrics = busy()
    samples = {(s["name"], tuple(dict(s["labels"]).items())): s for s in metrics.counted()}  # type: ignore[call-overload]
    assert 5 == samples["pgjobs_published_total", ()]["value"]
    assert "counter" == samples["pgjobs_published_total", ()]["kind"]
    labels = (("type", "expired"), ("action", "sent"), ("dry_run", "false"))
    assert 5 == samples["pgjobs_records_total", labels]["value"]
    assert 3 == samples["pgjobs_confirm_seconds_bucket", (("le", "+Inf"),)]["value"]
    assert "histogram" == samples["pgjobs_confirm_seconds_count", ()]["kind"]
    assert not [name for name, _ in samples if str(name).endswith("_created")]
    gauges = {s["name"]: (s["kind"], s["value"]) for s in metrics.gauges()}
    assert ("gauge", 1) == gauges["pgjobs_listening"]
    assert {
        "pgjobs_listening", "pgjobs_running_shards", "pgjobs_connections_limit", "pgjobs_broker_connected",
        "pgjobs_broker_blocked",
    } == set(gauges)  # fmt: skip


def test_two_registries_do_not_meet() -> None:
    """Each daemon counts in a registry of its own, so two in one process do not add up."""
    one, other = Metrics(), Metrics()
    one.published.inc()
    assert [0.0] == [s["value"] for s in other.counted() if s["name"] == "pgjobs_published_total"]


def test_a_daemon_is_shown_as_it_counts(web: Web, db: Db) -> None:
    """Counters, gauges and histograms of a heartbeat come out as families of their kind, labels kept."""
    beat(db, busy())
    families = scrape(web)
    records = families["pgjobs_records"]
    assert "counter" == records.type
    assert {("sent", 5.0), ("skip", 2.0)} == {(s.labels["action"], s.value) for s in records.samples}
    assert [{"daemon": "one"}] == [dict(s.labels) for s in families["pgjobs_listening"].samples]
    confirm = families["pgjobs_confirm_seconds"]
    assert "histogram" == confirm.type
    buckets = [(float(s.labels["le"]), s.value) for s in confirm.samples if s.name.endswith("_bucket")]
    assert sorted(buckets) == buckets
    assert (float("inf"), 3.0) == buckets[-1]
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert 3.0 == next(s.value for s in confirm.samples if s.name.endswith("_count"))
    assert pytest.approx(70.201) == next(s.value for s in confirm.samples if s.name.endswith("_sum"))


def counter(web: Web, name: str = "pgjobs_published", **labels: str) -> float:
    """The one series of a counter that has these labels."""
    [found] = [s.value for s in scrape(web)[name].samples if s.labels.items() >= labels.items()]
    return found


def test_what_was_counted_survives_the_daemon(web: Web, db: Db) -> None:
    """A daemon that is killed loses what it counted after its last heartbeat; its next life goes on from there, and at
    no moment the counter goes down."""
    first = Daemon(db)
    seen = []
    for _ in range(3):
        first.metrics.published.inc(5)
        first.beat()
        seen.append(counter(web))
    first.metrics.published.inc(1000)  # never told: killed
    db.execute("update pgjobs.daemons set seen_at = now() - interval '2 minutes'")
    seen.append(counter(web))
    second = Daemon(db)
    second.beat()
    seen.append(counter(web))
    second.metrics.published.inc(7)
    second.beat()
    seen.append(counter(web))
    db.execute("select pgjobs.leave(%s)", (second.worker,))
    seen.append(counter(web))
    assert [5, 10, 15, 15, 15, 22, 22] == seen


def test_what_a_daemon_sent_is_counted_whatever_its_end(engine: Engine) -> None:
    """A daemon that is told to end counts all it sent, however short its life; a killed one loses nothing that its
    last heartbeat told; a dry run is counted apart."""
    sent = (
        "coalesce((select sum(value) from pgjobs.metrics() where name = 'pgjobs_records_total'"
        ' and labels @> \'{"action": "sent", "dry_run": "%s"}\'), 0) = %s'
    )
    engine.add_retries(40)
    first = engine.start()
    engine.wait_status(engine.add_job("expired"), "done")
    first.terminate()
    assert engine.value(f"select {sent % ('false', 40)}")
    second = engine.start()
    engine.wait_status(engine.add_job("expired"), "done")
    engine.wait_until(sent % ("false", 80))
    second.kill()
    engine.start()
    engine.wait_status(engine.add_job("expired", dry_run=True), "done")
    engine.wait_until(sent % ("true", 40))
    assert engine.value(f"select {sent % ('false', 80)}")


def test_a_beat_whose_answer_was_lost_counts_once(web: Web, db: Db) -> None:
    """A heartbeat that is sent again because nobody knows whether it arrived is added up once, with what it carried."""
    daemon = Daemon(db)
    daemon.metrics.published.inc(5)
    daemon.beat(heard=False)
    daemon.metrics.published.inc(3)
    daemon.beat()
    assert 5 == counter(web)
    daemon.beat()
    assert 8 == counter(web)


def test_daemons_of_one_name_are_one_series(web: Web, db: Db) -> None:
    """Two daemons of one name count together, before and after one of them ends; their gauges are one series, too."""
    one, other = Daemon(db, busy()), Daemon(db, busy())
    one.metrics.running_shards.set(2)
    other.metrics.running_shards.set(3)
    other.metrics.listening.set(0)
    one.beat()
    other.beat()
    families = scrape(web)
    for name, value in (("published", 10.0), ("running_shards", 5.0), ("listening", 0.0)):
        assert [({"daemon": "one"}, value)] == [(s.labels, s.value) for s in families[f"pgjobs_{name}"].samples]
    db.execute("select pgjobs.leave(%s)", (other.worker,))
    assert 10 == counter(web)


def test_a_dry_run_does_not_count_as_sent(web: Web, db: Db) -> None:
    """What a dry run would have sent stands in a series of its own."""
    daemon = Daemon(db)
    daemon.metrics.count_records("expired", "sent", 3, dry_run=False)
    daemon.metrics.count_records("expired", "sent", 40, dry_run=True)
    daemon.beat()
    assert 3 == counter(web, "pgjobs_records", action="sent", dry_run="false")
    assert 40 == counter(web, "pgjobs_records", action="sent", dry_run="true")


def test_only_registered_types_are_labels(web: Web, db: Db) -> None:
    """Counters of a type that is not registered any more are kept and not shown."""
    daemon = Daemon(db)
    daemon.metrics.count_records("of old", "sent", 3, dry_run=False)
    daemon.beat()
    assert "pgjobs_records" not in scrape(web)
    db.execute("insert into xmp_job_types (name) values ('of old')")
    assert 3 == counter(web, "pgjobs_records", type="of old")


def test_a_silent_daemon_shows_its_silence(web: Web, db: Db) -> None:
    """The gauges of a daemon that has died are gone after 30 s, its counters stay where they were; the age of its
    heartbeat stays for the alert."""
    worker = beat(db, busy())
    db.execute("update pgjobs.daemons set seen_at = now() - interval '2 minutes' where id = %s", (worker,))
    families = scrape(web)
    assert "pgjobs_listening" not in families
    assert [5.0] == [s.value for s in families["pgjobs_published"].samples]
    assert 119 < families["pgjobs_daemon_heartbeat_age_seconds"].samples[0].value < 180


@pytest.mark.parametrize("garbage", [{}, "x", 5, None, [1, "x", {}, {"name": "x"}, {"name": "x", "value": "NaN"}]])
def test_a_garbled_heartbeat_spoils_nothing(web: Web, db: Db, garbage: object) -> None:
    """What one daemon garbles is left out; the rest is shown."""
    db.execute("select pgjobs.beat(%s, 'odd', 'host', 3, '0', '', %s, 1, %s)", (uuid.uuid4(), *2 * [Jsonb(garbage)]))
    beat(db, busy())
    assert "pgjobs_published" in scrape(web)


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
    shown = {int(s.labels["job_id"]) for s in scrape(web)["pgjobs_job_percent"].samples}
    assert {*range(1, 51), *range(101, 151)} == shown


def test_running_jobs_show_their_progress(web: Web, db: Db) -> None:
    """A running job has its own series; they go with the end of it."""
    job = job_in(db, "in progress")
    db.execute(
        "update pgjobs.shards set considered = 10, sent = 10, updated_at = now() - interval '5 s' where job_id = %s",
        (job,),
    )
    families = scrape(web)
    sample = families["pgjobs_job_considered"].samples[0]
    assert ({"job_id": str(job), "type": "expired"}, 10.0) == (sample.labels, sample.value)
    assert 5 <= families["pgjobs_job_checkpoint_age_seconds"].samples[0].value < 60
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    assert "pgjobs_job_considered" not in scrape(web)


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
    beat(db, busy())
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
    assert before < 100


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
        "daemon_counters",
        "callbacks",
        "gauges",
        "xmp_job_types",
        "job_counts",
        "switch",
        "reply_faults",
        "item_counts",
        "item_totals",
        "open_totals",
    }
    assert set(read) <= known
    assert 2 >= read["shards"]


def test_labels_survive_quotes_and_lines(web: Web, db: Db) -> None:
    """A name with quotes, backslashes and line breaks comes back as it was."""
    odd = 'a"b\\c\nd'
    beat(db, busy(), name=odd)
    assert odd == scrape(web)["pgjobs_published"].samples[0].labels["daemon"]
