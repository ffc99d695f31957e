"""The oracle is tested itself: of what a clean run left behind it has nothing to say, and every doctored piece of
it is named."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from fix_daemon import Engine
from psycopg.types.json import Jsonb

from pgjobs.lab.draining import drain
from pgjobs.lab.services import Services
from pgjobs.torture.oracle import Certificate, judge

WINDOW = 7
Messages = list[tuple[str, dict[str, Any]]]


class Left:
    """What a clean job of 40 records, every fourth a duplicate, left behind; a test doctors it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        engine.add_retries(40, msisdns=30)
        self.job = engine.add_job("expired")
        daemon = engine.start()
        engine.wait_status(self.job, "done")
        daemon.terminate()
        self.keys = range(1, 41)
        self.messages: Messages = [(name, dict(headers)) for name, headers in drain(engine.amqp_url, engine.queue)]
        self.log = Path(engine.value("select log_path from xmp_jobs"))

    def judge(self, faults: int = 0, window: int = WINDOW) -> Certificate:
        """The verdict over what there is now."""
        return judge(self.engine.database, self.messages, {self.job: self.keys}, faults=faults, window=window)

    def add_range(self, after: int | None, to: int) -> None:
        """A range the database calls uncertain."""
        self.engine.execute(
            "insert into pgjobs.uncertain_ranges values (%s, 0, %s, %s, %s, now())", self.job, to, after, to
        )

    def rewrite(self, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Change the lines of the log and have the database know its new length."""
        content = b"".join(change(self.log.read_bytes().splitlines(keepends=True)))
        self.log.write_bytes(content)
        self.engine.execute("update pgjobs.log_segments set bytes = %s", len(content))

    def again(self, key: int, *, marked: bool) -> None:
        """A further copy of a message."""
        headers: dict[str, Any] = {"x-job-id": self.job} | ({"x-maybe-duplicate": True} if marked else {})
        self.messages.append((f"{self.job}-{key}", headers))


@pytest.fixture
def left(engine: Engine) -> Left:
    """What a clean job left behind."""
    return Left(engine)


def test_a_clean_job(left: Left) -> None:
    """A clean run has no violation, and the certificate counts what there is."""
    certificate = left.judge()
    assert [] == certificate.violations
    assert (40, 30, 30, 0, 0) == (
        certificate.records, certificate.messages, certificate.sent, certificate.lost, certificate.duplicated,
    )  # fmt: skip
    assert "40 records, 30 messages, lost 0, duplicated 0 of at most 0, 0 uncertain ranges, 0 violations" == (
        certificate.words()
    )


def test_known_duplicates_are_allowed(left: Left) -> None:
    """Marked second copies inside an uncertain range are no violation, they are counted."""
    left.add_range(7, 14)
    for key in range(8, 15):
        left.again(key, marked=True)
    certificate = left.judge(faults=1)
    assert [] == certificate.violations
    assert (7, 14, 1) == (certificate.duplicated, certificate.at_most, certificate.ranges)


@pytest.mark.parametrize("descending", [False, True])
def test_a_range_has_its_ends(left: Left, descending: bool) -> None:
    """A range begins behind its first key and ends with its last one, in the order of the job."""
    after, to = (15, 8) if descending else (7, 14)
    left.add_range(after, to)
    left.engine.execute("alter table xmp_jobs disable trigger user")
    left.engine.execute("update xmp_jobs set params = %s", Jsonb({"order": "desc" if descending else "asc"}))
    left.rewrite(lambda lines: lines[::-1] if descending else lines)
    for key in (7, 8, 14, 15):
        left.again(key, marked=True)
    violations = [found.partition(": ")[2] for found in left.judge(faults=1).violations]
    outside = (15, 7) if descending else (7, 15)
    assert f"sent again outside the uncertain ranges: 2 {outside}" in violations


def lose_a_message(left: Left) -> None:
    del left.messages[4]


def double_outside(left: Left) -> None:
    left.again(3, marked=True)


def double_unmarked(left: Left) -> None:
    left.add_range(None, 7)
    left.again(3, marked=False)


def mark_without_reason(left: Left) -> None:
    left.messages[8][1]["x-maybe-duplicate"] = True


def too_many_copies(left: Left) -> None:
    left.add_range(None, 30)
    for key in range(1, 16):
        left.again(key, marked=True)


def foreign_message(left: Left) -> None:
    left.messages.append(("4711-1", {"x-job-id": 4711}))


def nameless_message(left: Left) -> None:
    left.messages.append(("None", {}))


def message_of_another_header(left: Left) -> None:
    left.messages[0] = (left.messages[0][0], {"x-job-id": left.job + 1})


def message_of_no_record(left: Left) -> None:
    left.again(41, marked=False)


def message_of_a_skipped_record(left: Left) -> None:
    left.again(40, marked=False)


def lose_a_line(left: Left) -> None:
    left.rewrite(lambda lines: lines[:10] + lines[11:])


def double_a_line(left: Left) -> None:
    left.rewrite(lambda lines: [*lines[:10], lines[9], *lines[10:]])


def swap_lines(left: Left) -> None:
    left.rewrite(lambda lines: [*lines[:10], lines[11], lines[10], *lines[12:]])


def half_a_line(left: Left) -> None:
    left.rewrite(lambda lines: [*lines[:-1], lines[-1][:-9]])


def line_of_nobody(left: Left) -> None:
    left.rewrite(lambda lines: [*lines, lines[-1].replace(b"id=40", b"id=41")])


def two_lines_in_one(left: Left) -> None:
    left.rewrite(lambda lines: [*lines[:5], lines[5].rstrip() + b" " + lines[6], *lines[7:]])


def shorten_the_log(left: Left) -> None:
    left.log.write_bytes(left.log.read_bytes()[:-1])


def lose_the_log(left: Left) -> None:
    left.log.unlink()


def turn_a_line(left: Left) -> None:
    left.rewrite(lambda lines: [*lines[:2], lines[2].replace(b"=sent", b"=skip error=x"), *lines[3:]])


def count_one_more(left: Left) -> None:
    left.engine.execute("update pgjobs.shards set considered = considered + 1, sent = sent + 1")


def count_otherwise(left: Left) -> None:
    left.engine.execute("update pgjobs.shards set sent = sent - 1, returned = returned + 1")


def miscount_outcomes(left: Left) -> None:
    left.engine.execute("update pgjobs.outcomes set n = n + 1 where action = 'skip'")


def narrow_the_range(left: Left) -> None:
    left.engine.execute("update pgjobs.shards set end_key = 39")


def leave_a_shard_open(left: Left) -> None:
    left.engine.execute("update pgjobs.shards set finished_at = null")


def end_otherwise(left: Left) -> None:
    left.engine.execute("alter table xmp_jobs disable trigger user")
    left.engine.execute("update xmp_jobs set status = 'error'")


def forget_the_job(left: Left) -> None:
    left.engine.execute("alter table xmp_jobs disable trigger user")
    left.engine.execute("delete from xmp_jobs")


DOCTORED: list[tuple[Callable[[Left], None], str]] = [
    (lose_a_message, "sent and not in the queue: 1 (5)"),
    (double_outside, "sent again outside the uncertain ranges: 1 (3)"),
    (double_unmarked, "sent again without the header x-maybe-duplicate: 1 (3)"),
    (mark_without_reason, "marked as maybe a duplicate outside the uncertain ranges: 1 (9)"),
    (too_many_copies, "15 messages came again, which is more than 2 windows of 7 for each of 1 faults"),
    (foreign_message, "messages that no job sent: 1 (4711-1 of job 4711)"),
    (nameless_message, "messages that no job sent: 1 (None of job None)"),
    (message_of_another_header, "messages that no job sent: 1 (1-1 of job 2)"),
    (message_of_no_record, "messages without a line: 1 (41)"),
    (message_of_a_skipped_record, "skipped and yet in the queue: 1 (40)"),
    (lose_a_line, "records without a line: 1 (11)"),
    (double_a_line, "more than one line for a record: 1 (10)"),
    (swap_lines, "lines that are not in the job's order: 1 (11)"),
    (half_a_line, "line 40: not a whole line"),
    (narrow_the_range, "lines outside the range of their shard: 1 (40)"),
    (line_of_nobody, "lines of records nobody selected: 1 (41)"),
    (two_lines_in_one, "line 6: not a whole line"),
    (shorten_the_log, "bytes are committed"),
    (lose_the_log, "bytes are committed, 0 are there"),
    (turn_a_line, "skipped and yet in the queue: 1 (3)"),
    (count_one_more, "progress: sent is 31, the log says 30"),
    (count_otherwise, "progress: skipped and returned is 11, the log says 10"),
    (miscount_outcomes, "outcomes: not sent is 11, the log says 10"),
    (leave_a_shard_open, "is not finished"),
    (end_otherwise, "is error, not done"),
    (forget_the_job, "does not exist"),
]


def test_everything_doctored_is_named(left: Left) -> None:
    """Each piece that is doctored is a violation and is named; put right again, there is none."""
    content, messages = left.log.read_bytes(), list(left.messages)
    for doctor, words in DOCTORED:
        with left.engine.database.transaction(force_rollback=True):
            left.messages = [(name, dict(headers)) for name, headers in messages]
            doctor(left)
            found = left.judge(faults=1).violations
        left.log.write_bytes(content)
        assert any(words in violation for violation in found), f"{doctor.__name__}: {found}"
    left.messages = messages
    assert [] == left.judge().violations


def test_without_a_known_selection(left: Left) -> None:
    """Where the selection moved under the job, a message without a line is allowed in an uncertain range only."""
    left.again(41, marked=True)
    outside = judge(left.engine.database, left.messages, {left.job: None}, faults=1, window=WINDOW)
    assert ["messages without a line: 1 (41)"] == [violation[len("job 1: ") :] for violation in outside.violations]
    left.add_range(40, 47)
    inside = judge(left.engine.database, left.messages, {left.job: None}, faults=1, window=WINDOW)
    assert ([], 0) == (inside.violations, inside.duplicated)
    left.again(41, marked=True)
    twice = judge(left.engine.database, left.messages, {left.job: None}, faults=1, window=WINDOW)
    assert ([], 1) == (twice.violations, twice.duplicated)


def fill(channel: Any, queue: str, numbers: Iterator[int]) -> None:
    """Messages named by numbers."""
    for number in numbers:
        properties = pika.BasicProperties(message_id=str(number), headers={"number": number})
        channel.basic_publish("", queue, b"x", properties)


def test_draining_ends_by_counts(services: Services, queue: str) -> None:
    """A queue is drained to its last message, in order, also beyond the prefetch; it is empty afterwards."""
    with pika.BlockingConnection(pika.URLParameters(services.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        assert [] == list(drain(services.amqp_url, queue))
        fill(channel, queue, iter(range(2500)))
        assert [(str(n), {"number": n}) for n in range(2500)] == list(drain(services.amqp_url, queue))
        assert 0 == channel.queue_declare(queue, passive=True).method.message_count


def test_what_another_consumer_held_is_drained(services: Services, queue: str) -> None:
    """Messages that come back while the queue is drained are taken as well."""
    with pika.BlockingConnection(pika.URLParameters(services.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        fill(channel, queue, iter(range(50)))
        other = connection.channel()
        held = [other.basic_get(queue)[0] for _ in range(10)]
        assert all(held)
        taken: list[str] = []
        stream = drain(services.amqp_url, queue)
        taken += [name for name, _ in itertools.islice(stream, 5)]
        other.close()
        rest = threading.Thread(target=lambda: taken.extend(name for name, _ in stream))
        rest.start()
        rest.join()
        assert sorted(map(str, range(50))) == sorted(taken)
