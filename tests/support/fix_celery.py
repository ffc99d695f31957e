"""Fixtures: Celery workers as processes, started the ordinary way, with the app of pgjobs/agents/README.md."""

import functools
import json
import os
import re
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from celery import Celery
from fix_broker import Drain
from fix_items import Tracked
from fix_services import soon

import pgjobs
from pgjobs.lab.services import Services

PAGE = (Path(pgjobs.__file__).parent / "agents" / "README.md").read_text()
DEATH = ("setpriv", "--pdeathsig=KILL", "--")
QUIET = ("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel=WARNING")
BACKEND, PERSISTENT = ', backend="rpc://"', "app.conf.result_persistent = True"
"""Parts of the app that a worker may do without."""
TASKS = """

import os
import signal
import threading
import time
from pathlib import Path

from celery.exceptions import Ignore, Reject


@app.task
def nothing():
    pass


@app.task(ignore_result=True)
def silent():
    return "said all the same"


@app.task
def broken(*words):
    raise ValueError(*words)


@app.task(bind=True, default_retry_delay=0)
def flaky(self, fails):
    if self.request.retries < fails:
        raise self.retry(exc=KeyError("not yet"))
    return f"good after {self.request.retries}"


@app.task(bind=True)
def second_attempt(self):
    if self.request.id.count("-") == 1:
        raise ValueError("at first")


@app.task
def given_up():
    raise Ignore()


@app.task
def rejected():
    raise Reject("not for me", requeue=False)


@app.task
def endless():
    threading.Event().wait()


@app.task
def dies():
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(track_started=True)
def gated(name):
    _wait(name)
    return "through"


@app.task(acks_late=True)
def late(name):
    _wait(name)
    return "through"


@app.task(bind=True)
def told(self, *args, **kwargs):
    request = self.request
    return [args, kwargs, request.eta, request.timelimit, request.delivery_info["priority"]]


@app.task
def poison(kind):
    return {
        "object": object(),
        "nan": {"mean": float("nan"), "more": [float("-inf"), "NaN"]},
        "zero": "before\\0behind",
        "half": "half \\ud83d, whole \\U0001f600, \\\\u0000",
        "huge": "x" * 1_000_000,
        "long": "y" * 5000,
        "nested": {"a": [1, {"b": None}]},
    }[kind]


def _wait(name):
    Path(f"begun-{name}").touch()
    while not Path(f"go-{name}").exists():
        time.sleep(0.01)
"""
"""What stands behind the app of the page: tasks that fail in every way."""


@functools.cache
def of_the_page(language: str) -> str:
    """The example of the page's section about Celery that is written in this language."""
    section = PAGE.partition("\n## Celery workers\n")[2]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found, language
    return found[1]


class Worker:
    """One process `celery -A shop worker -Q queue`; its folder has the app, and what its tasks leave behind."""

    def __init__(
        self, amqp_url: str, folder: Path, queue: str, *, leave_out: Sequence[str] = (), concurrency: int = 1
    ) -> None:
        self.queue = queue
        self.folder = folder
        self.name = f"w{uuid.uuid4().hex[:12]}@test"
        self._amqp_url = amqp_url
        folder.mkdir(exist_ok=True)
        app = of_the_page("python").replace("amqp://agents:secret@mq/%2F", amqp_url)
        assert amqp_url in app
        for text in leave_out:
            assert text in app
            app = app.replace(text, "")
        (folder / "shop.py").write_text(app + TASKS)
        command = of_the_page("sh").split()
        assert ["celery", "-A", "shop", "worker", "-Q", "charge_queue"] == command
        with (folder / "said.txt").open("ab") as said:
            self._process = subprocess.Popen(
                [
                    *DEATH,
                    sys.executable,
                    "-m",
                    *command[:-1],
                    queue,
                    f"--hostname={self.name}",
                    f"--concurrency={concurrency}",
                    *QUIET,
                ],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def said(self) -> str:
        """Everything that it has logged."""
        return (self.folder / "said.txt").read_text(errors="replace")

    def consumes(self) -> Self:
        """The worker, when it takes messages."""
        with Drain(self._amqp_url) as broker:

            def has_begun() -> bool:
                assert self._process.poll() is None, self.said
                return int(broker.channel.queue_declare(self.queue, passive=True).method.consumer_count) > 0

            assert soon(has_begun), self.said
        return self

    def kill(self) -> None:
        """Take it away without a word, and its children, which die with it."""
        self._process.kill()
        self._process.wait()

    def ended(self) -> int:
        """Its exit code, for which it waits."""
        return self._process.wait(120)

    def has(self, name: str) -> bool:
        """Whether a task has left a file of this name."""
        return (self.folder / name).exists()

    def put(self, name: str) -> None:
        """A file for which a task waits."""
        (self.folder / name).touch()

    def revoke(self, task_id: str, **how: Any) -> None:
        """Revoke a task; the worker has heard of it then."""
        app = Celery(broker=self._amqp_url, set_as_current=False)
        try:
            with app.connection_for_write() as connection:
                heard = app.control.revoke(
                    task_id, destination=[self.name], connection=connection, reply=True, timeout=20, **how
                )
        finally:
            app.close()
        assert [self.name] == [name for one in heard for name in one], heard


Said = tuple[str, str, str | None]
"""Status, result and description of an item."""


class Calls:
    """A tracked type of the format celery, whose records are calls of a worker's tasks."""

    HAS_STARTED = "exists (select from pgjobs.items where job_id = %s and key = %s and acked_at is not null)"
    """Whether a task that tells when it begins has told so."""

    def __init__(self, tracked: Tracked) -> None:
        self.tracked = tracked
        self.engine = tracked.engine
        # A worker keeps the ids of tasks that it has revoked; each test has a database of its own, and so the same ids.
        first = 1 + secrets.randbelow(10**15)
        self.engine.execute(f"alter table xmp_jobs alter column id restart with {first}")

    def add(self, *calls: object, **columns: object) -> int:
        """A job with these calls, with keys from 1 on: the name of a task, or an object."""
        for key, call in enumerate(calls, 1):
            body = {"task": f"shop.{call}"} if isinstance(call, str) else call
            self.engine.execute(
                "insert into public.targets (id, target, body) values (%s, %s, %s)",
                key,
                f"call {key}",
                json.dumps(body),
            )
        return self.tracked.add_job(**columns)

    def done(self, job: int) -> dict[int, Said]:
        """Status, result and description of the items of a job, which it waits for."""
        self.engine.wait_status(job, "done")
        return self.items(job)

    def items(self, job: int) -> dict[int, Said]:
        """The same now."""
        found = self.engine.rows(
            "select key, status::text, result, description from pgjobs.items where job_id = %s order by key", job
        )
        return {row["key"]: (row["status"], row["result"], row["description"]) for row in found}


Start = Callable[..., Worker]


@contextmanager
def celery_queue(amqp_url: str, arguments: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The name of a queue as Celery declares it, or with other arguments."""
    name = f"pgjobs-celery-{uuid.uuid4().hex[:12]}"
    with Drain(amqp_url) as broker:
        broker.channel.queue_declare(name, durable=True, arguments=arguments)
        try:
            yield name
        finally:
            broker.channel.queue_delete(name)


@pytest.fixture(scope="module")
def worker(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker that the tests of a module share, taking messages; nobody may end it."""
    with (
        celery_queue(services.amqp_url) as queue,
        Worker(services.amqp_url, tmp_path_factory.mktemp("celery"), queue) as made,
    ):
        yield made.consumes()


@pytest.fixture
def calls(tracked: Tracked) -> Calls:
    """A tracked type whose records are calls of tasks; its messages go to the queue of the engine."""
    tracked.rules(format="celery")
    return Calls(tracked)


@pytest.fixture
def start_worker(calls: Calls, tmp_path: Path) -> Iterator[Start]:
    """Starts workers of the test's own, on the queue of the engine where no other is named."""
    started: list[Worker] = []

    def start(queue: str = "", **how: Any) -> Worker:
        folder = tmp_path / f"worker-{len(started)}"
        made = Worker(calls.engine.amqp_url, folder, queue or calls.engine.queue, **how)
        started.append(made)
        return made

    try:
        yield start
    finally:
        for each in started:
            each.kill()
