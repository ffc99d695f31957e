"""The agents: processes of the kit that are killed and started anew, and one that works in SQL alone."""

from __future__ import annotations

import heapq
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import psycopg

from pgjobs.lab.roles import member_url
from pgjobs.torture.place import OWN_SETTINGS, Place
from pgjobs.torture.tracked.agent import VARIABLE
from pgjobs.torture.tracked.book import Attempt, Book
from pgjobs.torture.tracked.conduct import LIMIT_SECONDS, TAKEN, Conduct, conduct

MOST = 25
LEASE = "2 s"
LATE_SECONDS = 1.0
"""So long after the end of an attempt a late answer comes."""
TAKE = "select id, job_id, item, attempt from pgjobs.take_items(%s, %s, %s, %s::interval)"
REPORT = "select pgjobs.report_items(%s::text[], %s::text[])"
SETTLE = "select pgjobs.settle_items()"


class KitAgent:
    """A process that is started under the same name again and again."""

    def __init__(self, place: Place, name: str, queue: str, replies: str, seed: int) -> None:
        told = {"url": place.amqp_url, "name": name, "queue": queue, "replies": replies, "seed": seed}
        self._environment = {**os.environ, VARIABLE: json.dumps(told)}
        self._log = place.folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it is running."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-m", "pgjobs.torture.tracked.agent"]
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log
                )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()


class SqlAgent(threading.Thread):
    """Takes items and reports them, on a connection that comes back."""

    def __init__(self, place: Place, seed: int, book: Book) -> None:
        super().__init__(name="torture-sql-agent", daemon=True)
        options = " ".join(f"-c {name}={value}" for name, value in OWN_SETTINGS.items())
        self._url = member_url(place.database_url, "pgjobs_agent")
        self._options = options
        self._seed = seed
        self._book = book
        self._ended = threading.Event()
        self._late: list[tuple[float, int, str, Conduct]] = []
        self._died: set[tuple[int, int, int]] = set()

    @property
    def idle(self) -> bool:
        """Whether it owes no late answer."""
        return not self._late

    def run(self) -> None:
        """Work until it is closed."""
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, options=self._options) as connection:
                    while not self._ended.is_set():
                        self._turn(connection)
            except psycopg.Error as error:
                self._book.troubles[f"SQL agent: {type(error).__name__}"] += 1
                self._ended.wait(0.3)

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self.join(30)

    def _turn(self, connection: psycopg.Connection[Any]) -> None:
        """Take some items, and answer what is to be answered now."""
        now = time.monotonic()
        answers: list[tuple[str, int, Conduct]] = []
        while self._late and self._late[0][0] <= now:
            _, attempt, item_id, planned = self._late[0]
            self._report(connection, [(item_id, attempt, planned)])
            heapq.heappop(self._late)
        taken = connection.execute(TAKE, ("sql-1", TAKEN, MOST, LEASE)).fetchall()
        for item_id, *place_of in taken:
            place: Attempt = (place_of[0], place_of[1], place_of[2])
            again = self._book.saw_taken(place)
            planned = conduct(self._seed, TAKEN, place[1], place[2])
            if planned.fate == "dies" and place not in self._died:
                self._died.add(place)
                self._book.fates["dies"] += 1
                # Whatever else it has taken is lost with it, until the lease is over.
                connection.close()
                return
            if planned.fate == "late" and not again:
                heapq.heappush(self._late, (now + LIMIT_SECONDS[TAKEN] + LATE_SECONDS, place[2], item_id, planned))
                self._book.fates["late"] += 1
            elif planned.fate not in ("late", "never"):
                answers.append((item_id, place[2], planned))
        if answers:
            self._report(connection, answers)
        elif not taken:
            self._ended.wait(0.1)

    def _report(self, connection: psycopg.Connection[Any], answers: list[tuple[str, int, Conduct]]) -> None:
        """Report answers; those that come twice come in one statement, or in two."""
        ids, bodies = [], []
        for item_id, attempt, planned in answers:
            self._book.answers_now(item_id, good=planned.good)
            result = {"result": "SUCCESSFUL" if planned.good else "NOT_FOUND", "agent": "sql-1", "attempt": attempt}
            if planned.fate == "partial first":
                ids.append(item_id)
                bodies.append(json.dumps({"status": "partial", "steps": [{"name": "looked up"}]}))
            for _ in range(2 if planned.fate in ("twice", "batched") else 1):
                ids.append(item_id)
                bodies.append(json.dumps(result))
        connection.execute(REPORT, (ids, bodies))
        for item_id, attempt, planned in answers:
            self._book.fates[planned.fate] += planned.fate not in ("late", "dies")
            for _ in range(2 if planned.fate in ("twice", "batched") else 1):
                self._book.answered(item_id, attempt, good=planned.good)
        connection.execute(SETTLE)
