"""Fixtures: a real Prometheus of its own port and folder, and promtool, from the distribution's package."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
from fix_services import soon

import pgjobs.monitoring as files
from pgjobs.lab.process import Child, free_port, listening

FOLDER = Path(files.__file__).parent


def promtool(*arguments: str | Path, given: str = "", folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """Run promtool in a folder; what it has said, both streams in one."""
    return subprocess.run(
        ["promtool", *map(str, arguments)],
        input=given,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )


class PrivatePrometheus:
    """Reads what prometheus.yml of the package reads, once a second, from a web process at this address.

    What the rules ask to last for minutes lasts for seconds where the test is `impatient`.
    """

    def __init__(self, folder: Path, web: str, *, impatient: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        address = web.removeprefix("http://").rstrip("/")
        text = files.text("prometheus").replace("127.0.0.1:50303", address)
        assert 2 == text.count(address)
        text = re.sub(r"((?:scrape|evaluation)_interval): \w+", r"\1: 1s", text)
        text = re.sub(r"refresh_interval: \w+", "refresh_interval: 1s", text)
        (folder / "prometheus.yml").write_text(text)
        rules = files.text("alerts")
        (folder / "alerts.yml").write_text(re.sub(r"for: \d+m", "for: 2s", rules) if impatient else rules)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._child = Child(
            [
                "/usr/bin/prometheus",
                f"--config.file={self.folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            log=self.folder / "prometheus.log",
            env=os.environ,
            death_signal=signal.SIGKILL,
        )
        self._child.wait_until(lambda: listening(self.port), 60)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self._child is not None:
            self._child.end(signal.SIGTERM, 20)

    def ask(self, path: str, **parameters: object) -> Any:
        """The data of an answer of its API; an error of it is one of the test."""
        answer = self.client.get(path, params={name: str(value) for name, value in parameters.items()})
        found = answer.json()
        assert "success" == found["status"], found
        return found["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        found: list[dict[str, Any]] = self.ask("/query", query=expression)["result"]
        return found

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {series["metric"]["alertname"] for series in self.query('ALERTS{alertstate="firing"}')}

    def wait_for(self, condition: Callable[[], bool], what: str | Callable[[], str], seconds: float = 60) -> None:
        """Wait until it has seen something."""
        if not soon(condition, seconds):
            what = what if isinstance(what, str) else what()
            raise AssertionError(f"after {seconds:g} s still not: {what}; firing: {self.firing()}\n{self._log()}")

    def _log(self) -> str:
        return (self.folder / "prometheus.log").read_text()[-3000:]
