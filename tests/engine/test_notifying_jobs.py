"""Jobs that notify: their callback address is told of each ended operation once, and then of the end of the job."""

import itertools
import random
import re
import threading
from collections import Counter
from typing import Any

import pytest
from fix_items import Tracked
from fix_jobs import Db, connect, job_in
from fix_receiver import SECRET, Receiver
from fix_rounds import BAD, GOOD, Hand
from fix_services import soon
from psycopg.types.json import Jsonb

from pgjobs.pg.schema import folder


def told(tracked: Tracked, receiver: Receiver, job: int, number: int) -> None:
    """Wait until the end of a job is told; each of so many operations was told once, in a message of its own id."""
    tracked.engine.wait_for(lambda: len(receiver.ends) > 0, "the end is told")
    assert [] == receiver.wrong
    assert {f"{job}-{key}": 1 for key in range(1, number + 1)} == Counter(o["operationId"] for o in receiver.operations)
    accepted = [post for post in receiver.posted if post.answer < 300]
    assert len({post.id for post in accepted}) == len(accepted)
    assert "job" in accepted[-1].body
    assert {"/told?by=pgjobs"} == {post.path for post in receiver.posted}


def test_each_operation_is_told_once_and_then_the_job(tracked: Tracked, receiver: Receiver) -> None:
    """250 operations, good ones and failed ones, come in signed messages of a hundred at most, and the summary last."""
    tracked.rules(retry_limit=0)
    tracked.targets(250)
    tracked.consume(lambda properties, _: GOOD if hash(properties.correlation_id) % 2 else BAD)
    tracked.engine.start(callback_secret=SECRET)
    job = tracked.add_job(notify=True, callback_url=receiver.url)
    told(tracked, receiver, job, 250)
    assert 100 >= max(len(post.operations) for post in receiver.posted)
    assert {"SUCCESSFUL", "ERROR_PROCESSING"} == {each["result"] for each in receiver.operations}
    assert {("FINISHED", str(job))} == {(each["status"], each["jobId"]) for each in receiver.operations}
    (end,) = receiver.ends
    assert str(job) == end["id"]
    summary = end["report"]["summary"]
    assert ("FINISHED", 250, 250) == (summary["status"], summary["total"], summary["finished"]["total"])
    assert 0 == tracked.engine.value("select count(*) from pgjobs.ended_items")


def test_one_operation_has_the_single_form(tracked: Tracked, receiver: Receiver) -> None:
    """Where a message may tell of one operation only, each is {"operation": {…}}."""
    tracked.targets(3)
    tracked.consume(lambda *_: GOOD)
    tracked.engine.start(callback_batch=1, callback_secret=SECRET)
    job = tracked.add_job(notify=True, callback_url=receiver.url)
    told(tracked, receiver, job, 3)
    assert [{"operation"}] * 3 + [{"job"}] == [set(post.body) for post in receiver.posted]


def test_a_message_is_sent_again_as_it_was(tracked: Tracked, receiver: Receiver) -> None:
    """What is not accepted comes again with the same id and the same content, and nothing overtakes it."""
    receiver.answers = [500, 503, 200]
    tracked.targets(2)
    tracked.consume(lambda *_: GOOD)
    tracked.engine.start(callback_batch=2, callback_secret=SECRET)
    job = tracked.add_job(notify=True, callback_url=receiver.url)
    tracked.engine.wait_until("count(*) >= 1 from pgjobs.callback_attempts")
    # The job does not wait for whoever is told of it.
    tracked.engine.wait_status(job, "done")
    for number in (2, 3):
        tracked.engine.execute("update pgjobs.callbacks set due_at = pgjobs.now() where in_flight_until is null")
        tracked.engine.wait_until("count(*) >= %s from pgjobs.callback_attempts", number)
    told(tracked, receiver, job, 2)
    first, second, third = receiver.posted[:3]
    assert (first.id, first.body) == (second.id, second.body) == (third.id, third.body)


def test_one_message_of_a_job_at_a_time(tracked: Tracked, receiver: Receiver) -> None:
    """Two daemons tell a slow receiver of a job: never two at once, and what comes meanwhile goes together."""
    receiver.pause = 0.2
    tracked.targets(300)
    tracked.consume(lambda *_: GOOD)
    for _ in range(2):
        tracked.engine.start(callback_batch=300, callback_secret=SECRET)
    job = tracked.add_job(notify=True, callback_url=receiver.url, rate=300)
    told(tracked, receiver, job, 300)
    assert 1 == receiver.most


def test_however_an_operation_ends_it_is_told(tracked: Tracked, receiver: Receiver) -> None:
    """By an answer, before its launch was accounted for, refused, by its time, alone, by the stop of the job."""
    tracked.rules(retry_limit=1, retry_results=["ERROR_TIMEOUT"], delay_to_retry="1 day")
    tracked.targets(7)
    tracked.engine.execute("update public.targets set code = 'suppressed' where id = 1")
    job = tracked.add_job(notify=True, callback_url=receiver.url)
    keys = "select array_agg(k order by k) from pgjobs.ended_items e, unnest(e.keys) k"
    hand = Hand(tracked, job)
    hand.announce(6)
    tracked.report((f"{job}-2", GOOD))
    assert tracked.engine.value(keys) is None
    hand.checkpoint(2, 3, 4, 5, 6)
    assert [1, 2] == tracked.engine.value(keys)
    tracked.report((f"{job}-3", BAD), (f"{job}-3", GOOD), (f"{job}-4", {"result": "ERROR_TIMEOUT"}))
    assert [1, 2, 3] == tracked.engine.value(keys)
    tracked.rules(retry_limit=0, execution_limit="1 min")
    for table in ("items", "item_launches"):
        tracked.engine.execute(f"update pgjobs.{table} set launched_at = launched_at - interval '1 hour'")  # noqa: S608 of two
    tracked.engine.execute("select pgjobs.close_overdue(%s, 0)", job)
    assert [1, 2, 3, 5, 6] == tracked.engine.value(keys)
    tracked.engine.execute("select pgjobs.cancel_items(%s, '{7}')", job)
    assert [1, 2, 3, 5, 6, 7] == tracked.engine.value(keys)
    tracked.engine.execute("select pgjobs.close_items(%s, 0, 't', 'timed_out')", job)
    assert [1, 2, 3, 4, 5, 6, 7] == tracked.engine.value(keys)


def test_whoever_closes_items_says_so() -> None:
    """Each function that closes items also notes them for those who are told: nobody else would find them."""
    closing = [
        path
        for path in folder("sql").rglob("*.sql")
        if re.search(r"update pgjobs\.items .*?\bset .*?closed_at = ", path.read_text(), re.DOTALL)
    ]
    assert len(closing) >= 6
    assert [] == [path.name for path in closing if "insert into pgjobs.ended_items" not in path.read_text()]


def test_a_cancelled_job_is_told_after_its_operations(tracked: Tracked, receiver: Receiver) -> None:
    """Its open operations are told as cancelled, and the job when that is done."""
    tracked.targets(5)
    job = tracked.add_job(notify=True, callback_url=receiver.url)
    Hand(tracked, job).lose()
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    tracked.engine.start(callback_secret=SECRET)
    told(tracked, receiver, job, 5)
    assert {"CANCELLED"} == {each["result"] for each in receiver.operations}
    assert "CANCELLED" == receiver.ends[0]["report"]["summary"]["status"]


def test_a_job_that_does_not_notify_keeps_nothing(tracked: Tracked, receiver: Receiver) -> None:
    """Nothing is written for it; its address is called by GET when it ends, as that of any job."""
    tracked.targets(5)
    tracked.consume(lambda *_: GOOD)
    tracked.engine.start(callback_secret=SECRET)
    job = tracked.add_job(notify=False, callback_url=receiver.url)
    tracked.engine.wait_for(lambda: len(receiver.wrong) > 0, "it is called")
    assert [f"GET /told?by=pgjobs&id={job}&status=done"] == receiver.wrong[:1]
    assert 0 == tracked.engine.value("select count(*) from pgjobs.callbacks where posts")
    assert 0 == tracked.engine.value("select coalesce(max(id), 0) from pgjobs.ended_items")


def test_an_untracked_job_is_told_when_it_ends(db: Db) -> None:
    """A job without items has its end posted."""
    job = job_in(db, "canceled", notify=True, callback_url="https://partner/x")
    assert [True] == db.column("select posts from pgjobs.callbacks")
    ((number, body),) = db.execute("select job_id, body::json from pgjobs.claim_callback('30 s', false, '{}', 9)")
    assert job == number
    assert {"id", "report"} == set(body["job"])


class Senders:
    """Two daemons that tell of a job, while its items end and it is stopped and resumed."""

    def __init__(self, db: Db, job: int, rng: random.Random) -> None:
        self.db, self.job, self.rng = db, job, rng
        self.left = list(range(1, 301))
        self.flying: list[tuple[int, int, tuple[int, ...], bool]] = []
        self.given: dict[int, tuple[int, ...]] = {}
        self.told: list[int] = []

    def end(self) -> None:
        """Some items end."""
        keys = [self.left.pop() for _ in range(min(len(self.left), self.rng.randint(1, 40)))]
        self.db.execute(
            "insert into pgjobs.ended_items (job_id, at, keys)"
            " select %s, pgjobs.now(), p.keys from pgjobs.key_parts(%s) p (keys)",
            (self.job, keys or None),
        )

    def change(self) -> None:
        """The job is stopped, or resumed."""
        to = "ready" if self.db.value("select status from xmp_jobs") == "canceled" else "canceled"
        self.db.execute("update xmp_jobs set status = %s, run_at = '2100-01-01'", (to,))

    def take(self) -> None:
        """A daemon takes what is due."""
        claim = "select id, attempt, body from pgjobs.claim_callback('30 s', false, '{}', 25)"
        for id_, attempt, _ in self.db.execute(claim.encode()).fetchall():
            keys = self.db.value("select keys from pgjobs.callbacks where id = %s", id_)
            assert [] == self.flying, "two messages of a job at once"
            if keys is None:
                assert 0 == self.db.value("select count(*) from pgjobs.ended_items"), "the end before its operations"
            else:
                assert tuple(keys) == self.given.setdefault(id_, tuple(keys)), "another content under one id"
                assert len(keys) <= 25
            self.flying.append((id_, attempt, tuple(keys or ()), keys is None))

    def answer(self) -> None:
        """The receiver answers."""
        if self.flying:
            id_, attempt, keys, _ = self.flying.pop()
            answer = self.rng.choice([200, 500])
            record = "select pgjobs.record_callback(%s, %s, 'http://x', %s, null, 1, 1000)"
            self.db.execute(record.encode(), (id_, attempt, answer))
            self.told += keys if answer == 200 else ()

    def wait(self) -> None:
        """The pauses are over."""
        self.db.execute("update pgjobs.callbacks set due_at = pgjobs.now() where in_flight_until is null")


@pytest.mark.parametrize("seed", range(3))
def test_every_operation_is_in_one_message(tracked: Tracked, db: Db, seed: int) -> None:
    """However items end, messages fail and the job is stopped and resumed: each operation is in one message, whose
    content never changes, and the end of the job comes after them."""
    tracked.targets(300)
    job = tracked.add_job(notify=True, callback_url="https://partner/x")
    Hand(tracked, job).lose()
    tracked.engine.execute("update xmp_jobs set status = 'ready', run_at = '2100-01-01'")
    senders = Senders(db, job, random.Random(seed))  # noqa: S311 - no secret
    steps = [senders.end, senders.change, senders.take, senders.take, senders.answer, senders.wait]
    for _ in range(200):
        senders.rng.choice(steps)()
    while senders.left:
        senders.end()
    for _ in range(200):
        senders.answer()
        senders.wait()
        senders.take()
    assert list(range(1, 301)) == sorted(itertools.chain.from_iterable(senders.given.values()))
    assert list(range(1, 301)) == sorted(senders.told)


def test_daemons_at_once_share_what_is_to_be_told(tracked: Tracked, db: Db, database: str) -> None:
    """Four daemons gather and claim at once while items end: each operation is in one message, and of a job one message
    is on its way at a time."""
    tracked.targets(600)
    job = tracked.add_job(notify=True, callback_url="https://partner/x")
    Hand(tracked, job)
    told: list[int] = []
    flying: list[int] = []
    wrong: list[list[int]] = []
    done = threading.Event()

    def send() -> None:
        with connect(database) as own:
            while not done.is_set():
                claim = "select id, attempt from pgjobs.claim_callback('30 s', false, '{}', 7)"
                for id_, attempt in own.execute(claim.encode()).fetchall():
                    flying.append(id_)
                    wrong.extend([flying] * (len(flying) > 1))
                    told.extend(own.value("select keys from pgjobs.callbacks where id = %s", id_))
                    flying.remove(id_)
                    own.execute("select pgjobs.record_callback(%s, %s, 'http://x', 200, null, 1, 9)", (id_, attempt))

    daemons = [threading.Thread(target=send) for _ in range(4)]
    for daemon in daemons:
        daemon.start()
    try:
        ending = "insert into pgjobs.ended_items (job_id, at, keys) values (%s, pgjobs.now(), %s)"
        for key in range(1, 601, 3):
            db.execute(ending.encode(), (job, [key, key + 1, key + 2]))
        assert soon(lambda: len(told) >= 600, 60)
    finally:
        done.set()
        for daemon in daemons:
            daemon.join()
    assert [] == wrong
    assert list(range(1, 601)) == sorted(told)


def ended(db: Db, job: int, number: int) -> None:
    """So many items of a job have ended, each noted on its own."""
    db.execute(
        "insert into pgjobs.ended_items (job_id, at, keys)"
        " select %s, pgjobs.now(), array[i] from generate_series(1, %s) i",
        (job, number),
    )


def test_nothing_stays_of_what_nobody_hears(tracked: Tracked, db: Db) -> None:
    """What ended a day ago is not told any more; nor is what ended of a job that is deleted, or notifies no longer."""
    tracked.targets(5)
    jobs = [tracked.add_job(notify=True, callback_url="https://partner/x", active=False) for _ in range(3)]
    for job in jobs:
        ended(db, job, 5)
    db.execute("update pgjobs.ended_items set at = at - interval '25 hours' where job_id = %s", (jobs[0],))
    db.execute("select pgjobs.sweep()")
    assert jobs[1:] == db.column("select distinct job_id from pgjobs.ended_items order by 1")
    db.execute("delete from xmp_jobs where id = %s", (jobs[1],))
    db.execute("update xmp_jobs set notify = false where id = %s", (jobs[2],))
    assert [] == db.column("select id from pgjobs.claim_callback('30 s', false, '{}', 100)")
    assert 0 == db.value("select count(*) from pgjobs.ended_items")


def test_large_answers_go_in_small_messages(tracked: Tracked, db: Db) -> None:
    """Where operations have long lists of steps, a message tells of fewer, and no operation is left out."""
    tracked.targets(30)
    job = tracked.add_job(notify=True, callback_url="https://partner/x")
    Hand(tracked, job).lose()
    steps: list[dict[str, Any]] = [{"name": "x", "description": random.Random(1).randbytes(30_000).hex()}]  # noqa: S311 - no secret
    db.execute("update pgjobs.items set steps = %s", (Jsonb(steps),))
    ended(db, job, 30)
    sizes: list[int] = []
    record = "select pgjobs.record_callback(%s, 1, 'http://x', 200, null, 1, 20)"
    while taken := db.execute("select id, body from pgjobs.claim_callback('30 s', false, '{}', 100)").fetchall():
        sizes.append(len(taken[0][1]))
        db.execute(record, (taken[0][0],))
    assert len(sizes) == 2
    assert 1_100_000 > max(sizes)
    assert 30 == db.value("select sum(cardinality(keys)) from pgjobs.callbacks")


def test_telling_of_a_giant_reads_its_next_message(tracked: Tracked, db: Db) -> None:
    """A job with thousands of messages behind it, and as many items that wait to be told: the next one reads few."""
    tracked.targets(10)
    job = tracked.add_job(notify=True, callback_url="https://partner/x")
    Hand(tracked, job).lose()
    ended(db, job, 20_000)
    db.execute(
        "insert into pgjobs.callbacks (job_id, status, created_at, due_at, closed_at, host, posts, keys)"
        " select %s, 'operations', now(), now(), now(), 'partner', true, '{1}' from generate_series(1, 20000)",
        (job,),
    )
    db.execute("vacuum analyze pgjobs.callbacks, pgjobs.ended_items")
    with db.transaction():
        assert 1500 > db.rows_read("select * from pgjobs.claim_callback('30 s', false, '{}', 10)")
        assert 500 > db.rows_read("select * from pgjobs.claim_callback('30 s', false, '{}', 10)")
        assert 500 > db.rows_read("select pgjobs.next_callback(false, '{}')")
