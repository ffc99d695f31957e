"""Processes of a measurement: a real daemon, and scripts that begin when told so and say what they did."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pgjobs.bench.book import Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, rest
from pgjobs.errors import PgjobsError
from pgjobs.lab.process import Child
from pgjobs.lab.roles import member_url


class BenchError(PgjobsError):
    """A measurement failed."""

    hint = "run it alone with --only, and see whether the same job runs without the benchmark"


def environment(lab: Lab) -> dict[str, str]:
    """The caller's settings, but the benchmark's database, broker and folders."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_TEST_")}
    return inherited | {
        "PGJOBS_DATABASE_URL": lab.database_url,
        "PGJOBS_AMQP_URL": lab.amqp_url,
        "PGJOBS_LOG_DIR": str(lab.logs),
        "PGJOBS_INJECTIONS_DIR": str(lab.injections),
        "PGJOBS_INJECTION_SETTLE_SECONDS": "0",
        "PGJOBS_CALLBACK_URL": "",
        "PGJOBS_REPLICA_URL": "",
        "PGJOBS_AUTOSTART": "true",
        "PGJOBS_METRICS_BIND": "127.0.0.1:0",
        "PGJOBS_DAEMON_NAME": "bench",
    }


@contextlib.contextmanager
def daemon(lab: Lab, **settings: object) -> Iterator[int]:
    """A daemon process that has beaten once and has opened its connections; yields its pid."""
    log = lab.folder / "daemon.log"
    chosen = {f"PGJOBS_{name.upper()}": str(value) for name, value in settings.items()}
    own = environment(lab) | {"PGJOBS_DATABASE_URL": member_url(lab.database_url, "pgjobs_daemon")} | chosen
    child = Child([sys.executable, "-m", "pgjobs", "daemon"], log=log, env=own, death_signal=signal.SIGKILL)
    try:
        child.wait_until(lambda: _beats(lab, child.pid), seconds=60)
        time.sleep(0.5)
        yield child.pid
    finally:
        child.end(signal.SIGTERM, seconds=20)


@contextlib.contextmanager
def daemons(lab: Lab, number: int, **settings: object) -> Iterator[tuple[int, ...]]:
    """So many daemons side by side; yields their pids."""
    with contextlib.ExitStack() as stack:
        yield tuple(stack.enter_context(daemon(lab, **settings)) for _ in range(number))


def _beats(lab: Lab, pid: int) -> bool:
    row = lab.connection.execute("select count(*) from pgjobs.daemons where pid = %s", (pid,)).fetchone()
    return row is not None and row[0] > 0


def run_script(lab: Lab, module: str, *args: str) -> Sample:
    """Run a script of this package in a process of its own, from the moment on at which it is ready."""
    command = ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", f"pgjobs.bench.{module}", *args]
    errors = lab.folder / "script.log"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment(lab)
        ) as process,
    ):
        try:
            sample = _conduct(lab, process)
            process.wait(30)
        except (ValueError, KeyError, OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"{module} failed: {_last_line(errors) or error}") from error
        finally:
            process.kill()
    return sample


def _conduct(lab: Lab, process: subprocess.Popen[bytes]) -> Sample:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 both are pipes
    if process.stdout.readline() != b"ready\n":
        raise ValueError("the script did not get ready")
    rest(lab.trees, lab.scale.rest)
    watch = Watch(lab.trees)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    spent = watch.spent()
    return Sample(
        count=answer["count"],
        seconds=answer["seconds"],
        cpu={"publisher": answer["cpu"], **spent},
        peak_mb=answer["peak_mb"],
    )


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
