"""q: the status call of each HTTP door while a job runs at full speed, and what it costs the job."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Key, Sample, percentile
from pgjobs.bench.lab import Lab
from pgjobs.bench.live import check
from pgjobs.bench.meter import cpu_seconds
from pgjobs.bench.statements import statement
from pgjobs.lab.process import Child, free_port
from pgjobs.lab.roles import member_url

LETTER = "q"
CLIENTS = 50
RATE = 200.0
ALONE = Key(LETTER, "job alone", "classic")
ASKED = Key(LETTER, f"job, {RATE:g} status calls a second", "classic")
LATE = "2037-01-01"
DOORS = ("cms", "partner", "mailings", "operations")


def door_key(door: str) -> Key:
    """The status call of a door, as often as CLIENTS can ask."""
    return Key(LETTER, f"status call of door {door}, {CLIENTS} clients")


def measure(lab: Lab) -> None:
    """In turns: a job alone, the same beside a steady rate of calls of all doors; then each door at its limit."""
    with workers.daemon(lab) as pid, web(lab) as (web_pid, port):
        paths = status_paths(lab, port)
        for turn in range(lab.scale.repeat):
            lab.say(f"{LETTER}: a job alone, and beside {RATE:g} calls a second, turn {turn + 1} of {lab.scale.repeat}")
            lab.book.add(ALONE, job(lab, pid))
            with asking(lab, port, RATE, *paths.values()) as answered:
                sample = job(lab, pid)
            lab.book.add(ASKED, sample)
            sample.figures["calls_rate"] = answered["count"] / answered["seconds"]
            for door in DOORS:
                lab.say(f"{LETTER}: door {door}, turn {turn + 1} of {lab.scale.repeat}")
                lab.book.add(door_key(door), limit(lab, pid, web_pid, port, paths[door]))


def status_paths(lab: Lab, port: int) -> dict[str, str]:
    """The status call of each door, about a job of its own that waits; by the door's name."""
    lab.connection.execute(statement("add_operation"), {"queue": f"pgjobs-bench-{lab.mark}-operations"})
    held = jobs.start(lab, "expired", {**lab.range(), "never": 1}, active=False).id
    row = lab.connection.execute(
        "select pgjobs.guid_of(id, guid) from public.xmp_jobs where id = %s", (held,)
    ).fetchone()
    assert row is not None  # noqa: S101 it was inserted just now
    mailing = {"start_time": LATE, "end_time": f"{LATE[:3]}8-01-01", "text": "hello"}
    operation = {"job": {"request": {"name": "BENCH_OPERATION", "active": False}}}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        made = [
            http.post("/api/v1/mailings/", json=mailing).raise_for_status().json()["id"],
            http.post("/north/v80/operation/jobs", json=operation).raise_for_status().json()["id"],
        ]
    return {
        "cms": f"/jobs/status?id={held}",
        "partner": f"/pig/1.0/partner/exec/{row[0]}/status",
        "mailings": f"/api/v1/mailings/{made[0]}",
        "operations": f"/north/v80/operation/jobs/{made[1]}",
    }


def job(lab: Lab, pid: int) -> Sample:
    """One live job from its insertion to its end."""
    queue = lab.queue("asked")
    params: dict[str, object] = {**lab.range(), "never": 1, "count": lab.scale.part}
    _, sample = jobs.run(lab, pid, lab.type_for("expired", queue), params)
    check(lab, queue, sample.count)
    lab.drop(queue)
    return sample


def limit(lab: Lab, pid: int, web_pid: int, port: int, path: str) -> Sample:
    """Calls of one door, as many as the clients can make while a job runs."""
    before = cpu_seconds(web_pid)
    with asking(lab, port, 0, path) as answered:
        beside = job(lab, pid)
    spent = {"publisher": cpu_seconds(web_pid) - before}
    millis = answered["millis"]
    figures = {f"p{percent}_ms": percentile(millis, percent) for percent in (50, 99)} | {"job_rate": beside.rate}
    return Sample(answered["count"], answered["seconds"], spent, figures=figures)


@contextlib.contextmanager
def web(lab: Lab, url: str | None = None, **settings: object) -> Iterator[tuple[int, int]]:
    """A web process that serves, of the laboratory's database or another one; its pid and its port."""
    port = free_port()
    environment = workers.environment(lab) | {
        "PGJOBS_DATABASE_URL": member_url(url or lab.database_url, "pgjobs_web"),
        "PGJOBS_HTTP_BIND": f"127.0.0.1:{port}",
        **{f"PGJOBS_{name.upper()}": str(value) for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "pgjobs", "web"]
    child = Child(command, log=lab.folder / "web.log", env=environment, death_signal=signal.SIGKILL)

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    try:
        child.wait_until(ready, seconds=60)
        yield child.pid, port
    finally:
        child.end(signal.SIGTERM, seconds=20)


@contextlib.contextmanager
def asking(lab: Lab, port: int, rate: float, *paths: str) -> Iterator[dict[str, Any]]:
    """Clients that ask meanwhile; at the end the mapping says how many were answered, and how fast."""
    answered: dict[str, Any] = {}
    module = ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", "pgjobs.bench.asking"]
    command = [*module, str(port), str(CLIENTS), str(rate), *paths]
    errors = lab.folder / "asking.log"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=workers.environment(lab)) as process,
    ):
        try:
            assert process.stdout is not None  # noqa: S101 it is a pipe
            if process.stdout.readline() != b"ready\n":
                raise workers.BenchError(f"the clients did not start: {errors.read_text(errors='replace')[-300:]}")
            yield answered
            process.send_signal(signal.SIGTERM)
            answered |= json.loads(process.stdout.readline())
        finally:
            process.kill()
    if answered["failed"] or not answered["count"]:
        raise workers.BenchError(f"{answered['failed']} of {answered['count']} status calls were not answered with 200")
