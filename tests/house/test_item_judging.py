"""The judge of items is tested itself: it finds nothing in a job that nobody touched, and names each broken promise."""

from typing import Any

import pika
import pytest
from fix_items import Consumer, Tracked
from psycopg.types.json import Jsonb

from pgjobs.lab.services import Services
from pgjobs.torture.halts import Halts
from pgjobs.torture.oracle import Certificate
from pgjobs.torture.place import Place, Scale
from pgjobs.torture.tracked.book import Book, Copy
from pgjobs.torture.tracked.conduct import PATIENT
from pgjobs.torture.tracked.jobs import TrackedJobs
from pgjobs.torture.tracked.judging import AUDIT, judge

NUMBER = 30


class Judged:
    """A job whose items were all answered well."""

    def __init__(self, tracked: Tracked, services: Services) -> None:
        engine = self.engine = tracked.engine
        self.place = Place(services, engine.database_url, engine.amqp_url, engine.queue, engine.folder, Scale())
        self.book = Book()
        self.jobs = TrackedJobs(self.place, Halts(self.place), 1, 1)
        self.jobs.prepare(engine.queue, tracked.replies)
        self.place.rows(AUDIT)
        consumer = Consumer(engine.amqp_url, engine.queue, self._answer)
        daemon = engine.start()
        add = "insert into xmp_jobs (type, params) values (%s, %s) returning id"
        self.job = int(engine.value(add, PATIENT, Jsonb({"service_id": NUMBER})))
        engine.wait_status(self.job, "done")
        daemon.terminate()
        consumer.close()

    def _answer(self, properties: pika.BasicProperties, _body: Any) -> object:
        item = str(properties.correlation_id)
        self.book.saw(properties, 1, redelivered=False)
        self.book.answers_now(item, good=True)
        self.book.answered(item, 1, good=True)
        return {"result": "SUCCESSFUL"}

    def violations(self) -> list[str]:
        """What the judge says."""
        certificate = Certificate()
        judge(self.place, self.book, self.jobs.expected(), certificate)
        self.place.close()
        return [sentence.removeprefix(f"job {self.job} ({PATIENT}): ") for sentence in certificate.violations]


@pytest.fixture
def judged(tracked: Tracked, services: Services) -> Judged:
    """Such a job."""
    return Judged(tracked, services)


def test_each_broken_promise_of_items_is_named(judged: Judged) -> None:
    """Of an untouched job nothing is said; of an item lost, closed twice, left open or tried too often something is."""
    assert [] == judged.violations()
    execute, job = judged.engine.execute, judged.job
    execute("update pgjobs.items set status = 'f' where key = 1")
    found = judged.violations()
    assert "items that were closed and changed again: 1 (1)" in found
    assert "items that were given up before their last attempt: 1 (1)" in found
    assert "items that were answered good in time and are not: 1 (1)" in found
    assert f"job {job}: the counters are {{'s': 30}}, a count gives {{'s': 29, 'f': 1}}" in [
        each.replace("{'f': 1, 's': 29}", "{'s': 29, 'f': 1}") for each in found
    ]
    execute("update pgjobs.items set status = 'l' where key = 2")
    assert "items that are open for ever: 1 (2)" in judged.violations()
    execute("update pgjobs.items set attempts = attempts + 2 where key = 3")
    assert "items with too many attempts: 1 (3)" in judged.violations()
    execute("delete from pgjobs.items where key = 4")
    assert "records without an item: 1 (4)" in judged.violations()
    execute("insert into pgjobs.items (job_id, key) values (%s, 31)", job)
    assert "items of records nobody selected: 1 (31)" in judged.violations()


def test_what_agents_saw_and_said_has_to_be_in_the_books(judged: Judged) -> None:
    """A message that came twice, an attempt that nobody saw, and an answer that was forgotten are each named."""
    job, book = judged.job, judged.book
    copies = book.seen[job, 5, 1]
    copies.append(Copy(marked=False, generation=2))
    assert [] == judged.violations()
    copies.append(Copy(marked=False, generation=2))
    copies.append(Copy(marked=True, generation=2))
    assert [
        "messages marked as maybe a duplicate outside the uncertain ranges: 1 (5-1)",
        "messages sent again without the header x-maybe-duplicate: 1 (5-1)",
    ] == judged.violations()
    book.seen[job, 5, 1] = copies[:1]
    del book.seen[job, 6, 1]
    assert ["attempts that no agent has seen: 1 (6-1)"] == judged.violations()
    book.seen[job, 6, 1] = copies[:1]
    book.seen[job, 7, 2] = copies[:1]
    assert ["messages of attempts that were not counted: 1 (7-2)"] == judged.violations()
    del book.seen[job, 7, 2]
    book.answered(f"{job}-8", 1, good=True)
    assert ["31 answers were given, 30 counted, 0 late or repeated"] == judged.violations()
    book.answers[job, 8].pop()
    book.good.remove((job, 9))
    assert ["items that are good and were never answered so: 1 (9)"] == judged.violations()
    book.good.add((job, 9))
    judged.engine.execute("insert into pgjobs.reply_faults values ('not_launched', 2, now(), '1-1')")
    assert ["2 answers were counted as not_launched, such as '1-1'"] == judged.violations()
