"""A real Prometheus reads a running job, as the README sets it up: addresses, metrics, dashboard and alerts.

PGJOBS_TEST_LONG=1 (make soak) lets it read for longer, until every panel has data and the alerts that a lab can bring
about have fired.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fix_broker import Drain
from fix_daemon import Engine
from fix_prometheus import PrivatePrometheus, promtool
from fix_web import WebProcess

from pgjobs import monitoring
from pgjobs.lab.rabbitmq import PrivateBroker
from pgjobs.lab.roles import member_url

LONG = os.environ.get("PGJOBS_TEST_LONG") == "1"
PANELS: list[dict[str, Any]] = [
    panel for panel in json.loads(monitoring.text("grafana"))["panels"] if "targets" in panel
]
QUERIES = {f"{panel['title']}, {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]}
VARIABLES = {"$daemon": ".*", "$type": ".*", "$__rate_interval": "4s"}
KEPT_NAMES = {
    "pending_subscriptions_count", "pending_retries_count", "blacklisted_count", "postpaid_count",
    "buffer_pixels_count",
}  # fmt: skip
"""Gauges whose names the alerts of the predecessor know, although promtool does not like them."""
WITHOUT_TROUBLE = {
    "Alerts that fire, A", "Left at the stop, A", "Since the last checkpoint, B", "Lost connections, A",
    "Answers that could not be used, A", "Messages in target queues, A",
}  # fmt: skip
"""Queries that have nothing to show where nothing is wrong and no job has a backlog."""


def filled(expression: str) -> str:
    """A query as Grafana sends it, with its variables filled in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


@pytest.fixture
def web(engine: Engine) -> Iterator[WebProcess]:
    """A web process on the database of the engine."""
    with WebProcess(database_url=member_url(engine.database_url, "pgjobs_web")) as running:
        yield running


@pytest.fixture
def prometheus(web: WebProcess, tmp_path: Path) -> Iterator[PrivatePrometheus]:
    """A Prometheus that reads that web process, and what that names."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with PrivatePrometheus(folder, str(web.client.base_url)) as running:
        yield running


def start(engine: Engine, **settings: float) -> None:
    """Start a daemon with a listener, and wait until the database knows where it is."""
    chosen: dict[str, Any] = {"metrics_bind": "127.0.0.1:0", "gauges_seconds": 0.5} | settings
    engine.start(**chosen)
    engine.wait_until("exists (select from pgjobs.daemons where metrics_address <> '')")


def running_job(engine: Engine) -> int:
    """A job that runs for as long as it is looked at, three minutes, some of whose records are skipped."""
    engine.add_retries(20_000)
    engine.execute("update xmp_retries_expired set msisdn = '' where id %% 10 = 0")
    engine.execute("analyze xmp_retries_expired")
    engine.execute("update xmp_job_types set rate = 100 where name = 'expired'")
    job = engine.add_job("expired")
    engine.wait_considered(job, 10)
    return job


def has(prometheus: PrivatePrometheus, expression: str) -> bool:
    """Whether an expression has any series now."""
    return bool(prometheus.query(expression))


def test_promtool_likes_what_is_shown(engine: Engine, web: WebProcess) -> None:
    """promtool check metrics has nothing to say of a daemon, and of the web process nothing but that five names of the
    predecessor end in _count."""
    start(engine)
    running_job(engine)
    engine.wait_until("exists (select from pgjobs.gauges where value is not null)")
    address = engine.value("select metrics_address from pgjobs.daemons")
    checked = promtool("check", "metrics", given=httpx.get(f"http://{address}/metrics", timeout=30).text)
    assert (0, "") == (checked.returncode, checked.stdout)
    checked = promtool("check", "metrics", given=web.client.get("/metrics").text)
    said = dict(line.split(" ", 1) for line in checked.stdout.splitlines())
    assert KEPT_NAMES == set(said)
    assert all('should not have "_count" suffix' in words for words in said.values())


def test_prometheus_reads_a_running_job(engine: Engine, prometheus: PrivatePrometheus) -> None:
    """It finds the daemon by itself; every query of the dashboard and every rule is one that it can compute, and those
    that have to do with a job that runs have data."""
    start(engine)
    job = running_job(engine)
    prometheus.wait_for(lambda: has(prometheus, 'up{job="pgjobs-daemons", daemon="daemon-1"} == 1'), "the daemon")
    prometheus.wait_for(lambda: has(prometheus, f'pgjobs_job_progress_ratio{{job_id="{job}"}} > 0'), "the job")
    prometheus.wait_for(lambda: has(prometheus, "rate(pgjobs_confirmed_total[4s]) > 0"), "its messages")
    for expression in QUERIES.values():
        prometheus.query(filled(expression))
    groups = prometheus.ask("/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == len(
        [rule for group in yaml.safe_load(monitoring.text("alerts"))["groups"] for rule in group["rules"]]
    )
    prometheus.wait_for(
        lambda: all(rule["health"] == "ok" for group in prometheus.ask("/rules")["groups"] for rule in group["rules"]),
        "every rule evaluated",
    )
    prometheus.wait_for(
        lambda: set() == without_data(prometheus) - WITHOUT_TROUBLE,
        lambda: f"data for {without_data(prometheus) - WITHOUT_TROUBLE}",
    )
    assert set() == prometheus.firing()


def without_data(prometheus: PrivatePrometheus, names: Iterable[str] = tuple(QUERIES)) -> set[str]:
    """Those of these queries of the dashboard that have nothing to show now."""
    return {name for name in names if not has(prometheus, filled(QUERIES[name]))}


@pytest.mark.skipif(not LONG, reason="takes minutes: make soak")
def test_alerts_fire_in_earnest(database: str, queue: str, tmp_path: Path) -> None:
    """Every panel gets data where a broker dies, jobs break off, stand still and will not be through; and the alerts
    that a lab can bring about fire, in Prometheus and in the database alike."""
    broker = PrivateBroker(tmp_path / "rabbitmq")
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(broker.discard)
        broker.start()
        engine = stack.enter_context(Engine(database, broker.url, queue, tmp_path))
        with Drain(broker.url) as drain:
            drain.channel.queue_declare(queue, durable=True)
        web = stack.enter_context(WebProcess(database_url=member_url(database, "pgjobs_web")))
        seen = stack.enter_context(PrivatePrometheus(folder, str(web.client.base_url), impatient=True))
        start(engine, stall_seconds=5)
        job = running_job(engine)
        missing = set(QUERIES)

        def nothing_missing() -> bool:
            missing.intersection_update(without_data(seen, missing))
            return not missing

        # It will not be through at its stop, and asks how long its queue is.
        engine.execute(
            "update xmp_jobs set rate = 5, stop_at = now() + interval '9 min', max_backlog = 1000000 where id = %s",
            job,
        )
        engine.execute("select pgjobs.count_reply_fault('no_json', 'x')")
        seen.wait_for(lambda: has(seen, 'pgjobs_transitions_total{type="expired", status="error"}'), "the types")
        engine.set_status(engine.add_job("expired", dry_run=True), "error")
        seen.wait_for(lambda: {"PgjobsEtaPastStop", "PgjobsJobBroken"} <= seen.firing(), "bad jobs")
        assert {"PgjobsEtaPastStop", "PgjobsJobBroken"} <= names(engine)
        seen.wait_for(lambda: nothing_missing() or "Left at the stop, A" not in missing, "what is left at the stop")
        broker.kill()
        seen.wait_for(lambda: "PgjobsBrokerUnreachable" in seen.firing(), "the dead broker")
        broker.start()
        engine.wait_until("(select broker = 'connected' from pgjobs.daemons)")
        seen.wait_for(lambda: has(seen, "pgjobs_broker_connected == 1"), "the broker that is back")
        # A daemon that stands still holds its shard until another one takes it over.
        engine.execute("update xmp_jobs set rate = null where id = %s", job)
        engine.wait_until("exists (select from pgjobs.shards where owner is not null)")
        engine.daemons[0].pause()
        seen.wait_for(lambda: "PgjobsDaemonNotScraped" in seen.firing(), "a daemon that does not answer")
        seen.wait_for(nothing_missing, lambda: f"data for {missing}", 150)
        engine.add_job("expired")
        engine.execute("update pgjobs.shards set due_at = now() - interval '10 minutes' where owner is null")
        engine.daemons[0].kill()
        wanted = {"PgjobsNoDaemon", "PgjobsDaemonSilent", "PgjobsJobsWaiting"}
        fired: set[str] = set()

        def all_fired() -> bool:
            fired.update(seen.firing())
            return wanted <= fired

        seen.wait_for(all_fired, f"{wanted} without a daemon", 180)
        assert {"PgjobsDaemonSilent", "PgjobsJobsWaiting"} <= names(engine)
        web.end()
        seen.wait_for(lambda: "PgjobsWebDown" in seen.firing(), "the end of the web process")


def names(engine: Engine) -> set[str]:
    """The alerts that the database tells of now."""
    return {row["name"] for row in engine.rows("select name from pgjobs.alerts")}
