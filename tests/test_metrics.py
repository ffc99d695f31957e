"""/metrics and the samples of the daemons: complete, readable by Prometheus, bounded."""

import os
import uuid

import pytest
from fix_jobs import Db, connect, job_in
from fix_web import Web
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from pgjobs.metrics import Metrics

BUSINESS = {
    "pending_subscriptions_count",
    "pending_retries_count",
    "blacklisted_count",
    "postpaid_count",
    "buffer_pixels_count",
    "actual_db_size_bytes",
    "capacity_db_size_bytes",
}


def beat(db: Db, metrics: Metrics, name: str = "one", pid: int | None = None) -> uuid.UUID:
    """Send a heartbeat like a daemon."""
    worker = uuid.uuid4()
    db.execute(
        "select pgjobs.beat(%s, %s, 'host', %s, '0', 'up', %s)",
        (worker, name, pid or os.getpid(), Jsonb(metrics.samples())),
    )
    return worker


def scrape(web: Web) -> dict[str, Metric]:
    """What Prometheus would read."""
    answer = web.get("/metrics")
    assert 200 == answer.status_code
    assert answer.headers["content-type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def busy() -> Metrics:
    """Metrics of a daemon that has worked."""
    metrics = Metrics()
    metrics.records.labels(type="expired", action="sent").inc(5)
    metrics.records.labels(type="expired", action="skip").inc(2)
    metrics.published.inc(5)
    metrics.broker_reconnects.labels(reason="StreamLostError").inc()
    for seconds in (0.001, 0.2, 70):
        metrics.confirm_seconds.observe(seconds)
    metrics.window_records.observe(2000)
    metrics.listening.set(1)
    return metrics


def test_samples_say_what_the_registry_says() -> None:
    """The form for the heartbeat carries every sample under its full name, with its family's kind."""
    samples = {(s["name"], tuple(dict(s["labels"]).items())): s for s in busy().samples()}  # type: ignore[call-overload]
    assert 5 == samples["pgjobs_published_total", ()]["value"]
    assert "counter" == samples["pgjobs_published_total", ()]["kind"]
    assert 5 == samples["pgjobs_records_total", (("type", "expired"), ("action", "sent"))]["value"]
    assert 3 == samples["pgjobs_confirm_seconds_bucket", (("le", "+Inf"),)]["value"]
    assert "histogram" == samples["pgjobs_confirm_seconds_count", ()]["kind"]
    assert ("gauge", 1) == (samples["pgjobs_listening", ()]["kind"], samples["pgjobs_listening", ()]["value"])
    assert not [name for name, _ in samples if str(name).endswith("_created")]


def test_two_registries_do_not_meet() -> None:
    """Each daemon counts in a registry of its own, so two in one process do not add up."""
    one, other = Metrics(), Metrics()
    one.published.inc()
    assert [0.0] == [s["value"] for s in other.samples() if s["name"] == "pgjobs_published_total"]


def test_a_daemon_is_shown_as_it_counts(web: Web, db: Db) -> None:
    """Counters, gauges and histograms of a heartbeat come out as families of their kind, labels kept."""
    beat(db, busy())
    families = scrape(web)
    labels = {"daemon": "one", "process": f"host:{os.getpid()}"}
    records = families["pgjobs_records"]
    assert "counter" == records.type
    assert {("sent", 5.0), ("skip", 2.0)} == {(s.labels["action"], s.value) for s in records.samples}
    assert [labels] == [dict(s.labels) for s in families["pgjobs_listening"].samples]
    confirm = families["pgjobs_confirm_seconds"]
    assert "histogram" == confirm.type
    buckets = [(float(s.labels["le"]), s.value) for s in confirm.samples if s.name.endswith("_bucket")]
    assert sorted(buckets) == buckets
    assert (float("inf"), 3.0) == buckets[-1]
    assert [count for _, count in buckets] == sorted(count for _, count in buckets)
    assert 3.0 == next(s.value for s in confirm.samples if s.name.endswith("_count"))
    assert pytest.approx(70.201) == next(s.value for s in confirm.samples if s.name.endswith("_sum"))


def test_daemons_are_kept_apart(web: Web, db: Db) -> None:
    """Two daemons of one name are two series: added up, their counters would fall when one ends."""
    beat(db, busy(), pid=1)
    beat(db, busy(), pid=2)
    assert {"host:1", "host:2"} == {s.labels["process"] for s in scrape(web)["pgjobs_published"].samples}


def test_a_silent_daemon_shows_only_its_silence(web: Web, db: Db) -> None:
    """Counters of a daemon that has died are gone after 30 s; the age of its heartbeat stays for the alert."""
    worker = beat(db, busy())
    db.execute("update pgjobs.daemons set seen_at = now() - interval '2 minutes' where id = %s", (worker,))
    families = scrape(web)
    assert "pgjobs_published" not in families
    assert 119 < families["pgjobs_daemon_heartbeat_age_seconds"].samples[0].value < 180


def test_a_daemon_restarted_in_place_is_shown_once(web: Web, db: Db) -> None:
    """Where host and pid are the same again, as in a container, only the newer process counts."""
    beat(db, busy(), pid=1)
    beat(db, Metrics(), pid=1)
    assert [0.0] == [s.value for s in scrape(web)["pgjobs_published"].samples]


@pytest.mark.parametrize("garbage", [{}, "x", 5, None, [1, "x", {}, {"name": "x"}, {"name": "x", "value": "NaN"}]])
def test_a_garbled_heartbeat_spoils_nothing(web: Web, db: Db, garbage: object) -> None:
    """What one daemon garbles is left out; the rest is shown."""
    db.execute("select pgjobs.beat(%s, 'odd', 'host', 3, '0', '', %s)", (uuid.uuid4(), Jsonb(garbage)))
    beat(db, busy())
    assert "pgjobs_published" in scrape(web)


def test_jobs_are_counted_by_type_and_status(web: Web, db: Db) -> None:
    """Open jobs and those that ended within a day are counted; older ones are history."""
    for status in ("ready", "ready", "in progress", "done", "error", "canceled"):
        job_in(db, status)
    old = job_in(db, "done")
    db.execute("set session_replication_role = replica")
    db.execute("update xmp_jobs set finish_at = now() - interval '2 days' where id = %s", (old,))
    counted = {s.labels["status"]: s.value for s in scrape(web)["pgjobs_jobs"].samples}
    assert {"ready": 2, "in progress": 1, "done": 1, "error": 1} == {
        k: v for k, v in counted.items() if k != "canceled"
    }


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
    db.execute("insert into pgjobs.outcomes select j.id, 0, 'skip', 'reason ' || j.id, 1 from xmp_jobs j")
    assert before == series()
    assert before < 100


def test_a_scrape_touches_no_big_table(db: Db, database: str) -> None:
    """Among thousands of jobs a scrape looks up the progress of the running one only, and no record table."""
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
    assert set(read) <= {"xmp_jobs", "shards", "daemons", "callbacks", "gauges", "xmp_job_types"}
    assert 2 >= read["shards"]


def test_labels_survive_quotes_and_lines(web: Web, db: Db) -> None:
    """A name with quotes, backslashes and line breaks comes back as it was."""
    odd = 'a"b\\c\nd'
    beat(db, busy(), name=odd)
    assert odd == scrape(web)["pgjobs_published"].samples[0].labels["daemon"]
