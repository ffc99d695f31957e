"""p: records that are kept as items until they are answered: launch, answers, both together, and what they leave."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

import pika

from pgjobs.bench import jobs, workers
from pgjobs.bench.answering import ONE, properties
from pgjobs.bench.book import Book, Key, Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.live import check
from pgjobs.bench.meter import Watch, cpu_seconds, forget_peak, peak_mb, rest
from pgjobs.bench.statements import statement
from pgjobs.lab.process import Child

LETTER = "p"
TOGETHER = 100
SECONDS = 1800.0
FILL_SECONDS = 60.0
"""Answers that are put on a queue have arrived after so long."""
UNTRACKED = Key(LETTER, "untracked", "classic")
EXPANSION = Key(LETTER, "tracked: items are written")
LAUNCH = Key(LETTER, "tracked: sent, nobody answers", "classic")
REPLIES = Key(LETTER, "answers alone", "classic")
SIZE = Key(LETTER, "size of closed items")


def end_key(together: int) -> Key:
    """From the insertion of the job to its end, with an agent that puts so many answers into one message."""
    return Key(
        LETTER,
        f"tracked: to the end, {'each answer alone' if together == 1 else f'{together} answers together'}",
        "classic",
    )


class Look(NamedTuple):
    """How far a tracked job is."""

    written: bool
    sent: bool
    closed: int
    at: datetime


def measure(lab: Lab) -> None:
    """In turns: untracked, tracked and unanswered, its answers alone, with an agent; then what lies in the database."""
    scale = lab.scale
    params: dict[str, object] = {**lab.range(), "never": 1, "count": scale.tracked or scale.part}
    with workers.daemon(lab) as pid:
        for turn in range(scale.repeat):
            lab.say(f"{LETTER}: untracked, turn {turn + 1} of {scale.repeat}")
            lab.book.add(UNTRACKED, untracked(lab, pid, params))
            lab.say(f"{LETTER}: launch, then its answers, turn {turn + 1} of {scale.repeat}")
            answers = lab.queue("answers")
            with contextlib.ExitStack() as held:
                held.enter_context(kept_to_itself(lab, answers))
                job = launch(lab, pid, params, answers)
                lab.book.add(REPLIES, replies(lab, pid, job, answers, held.close))
            for together in (1, TOGETHER):
                lab.say(f"{LETTER}: {end_key(together).name}, turn {turn + 1} of {scale.repeat}")
                lab.book.add(end_key(together), answered(lab, pid, params, together))
    lab.say(f"{LETTER}: vacuum")
    lab.book.add(SIZE, size(lab))


def tracked_type(lab: Lab, queue: str, replies: str) -> str:
    """A type like `expired` whose items are answered on this queue."""
    kind = lab.type_for("expired", queue)
    lab.connection.execute(statement("track_type"), {"name": kind, "replies": replies})
    return kind


def look(lab: Lab, job: int) -> Look:
    """How far a tracked job is."""
    row = lab.connection.execute(statement("tracked_state"), {"id": job}).fetchone()
    if row is None:
        raise workers.BenchError(f"job {job} is gone")
    return Look(*row)


def until(lab: Lab, job: int, reached: Callable[[Look], bool]) -> Look:
    """Look until it has come so far."""
    deadline = time.monotonic() + SECONDS
    while not reached(found := look(lab, job)):
        state = jobs.look(lab, job)
        if state.status in ("error", "canceled") or time.monotonic() > deadline:
            raise workers.BenchError(f"job {job} did not come on: {state.status} {state.words}")
        time.sleep(0.02)
    return found


def untracked(lab: Lab, pid: int, params: dict[str, object]) -> Sample:
    """The live job with which the others are compared."""
    queue = lab.queue("untracked")
    _, sample = jobs.run(lab, pid, lab.type_for("expired", queue), params)
    check(lab, queue, sample.count)
    lab.drop(queue)
    return sample


@contextlib.contextmanager
def kept_to_itself(lab: Lab, queue: str) -> Iterator[None]:
    """Nobody else can consume a queue meanwhile; at most one of its messages is taken, and given back."""
    parameters = pika.URLParameters(lab.amqp_url)
    parameters.heartbeat = 0
    connection = pika.BlockingConnection(parameters)
    try:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, lambda *_: None, exclusive=True)
        yield
    finally:
        with contextlib.suppress(pika.exceptions.AMQPError):
            connection.close()


def launch(lab: Lab, pid: int, params: dict[str, object], answers: str) -> int:
    """A tracked job until everything is sent; its number."""
    queue = lab.queue("launched")
    kind = tracked_type(lab, queue, answers)
    rest(lab.trees, lab.scale.rest)
    forget_peak(pid)
    watch = Watch({"publisher": pid, **lab.trees})
    job = jobs.start(lab, kind, params)
    written = until(lab, job.id, lambda seen: seen.written)
    spent = watch.spent()
    watch = Watch({"publisher": pid, **lab.trees})
    looks: list[jobs.State] = []
    while not look(lab, job.id).sent:
        state = jobs.look(lab, job.id)
        if state.considered and (not looks or state.considered > looks[-1].considered):
            looks.append(state)
        time.sleep(0.02)
    over, spent_sending = look(lab, job.id), watch.spent()
    looks.append(last := jobs.look(lab, job.id))
    lab.book.add(EXPANSION, Sample(last.considered, (written.at - job.at).total_seconds(), spent))
    streamed = jobs.stream_rate(looks, "sent")
    figures = {} if streamed is None else {"stream_rate": streamed}
    lab.book.add(
        LAUNCH, Sample(last.sent, (over.at - written.at).total_seconds(), spent_sending, peak_mb(pid), figures)
    )
    check(lab, queue, last.sent)
    lab.drop(queue)
    return job.id


def replies(lab: Lab, pid: int, job: int, queue: str, give: Callable[[], None]) -> Sample:
    """The answers to all items of a job that wait on a queue, from the first ones taken on, once it is given free."""
    asked = [row[0] for row in lab.connection.execute(statement("launched_items"), {"id": job})]
    with lab.channel() as channel:
        for each in asked:
            channel.basic_publish("", queue, ONE, properties(each))
    deadline = time.monotonic() + FILL_SECONDS
    # One of them is with whoever keeps the queue.
    while lab.depth(queue) < len(asked) - 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    check(lab, queue, len(asked) - 1)
    rest(lab.trees, lab.scale.rest)
    forget_peak(pid)
    give()
    began = until(lab, job, lambda seen: seen.closed > 0)
    watch = Watch({"publisher": pid, **lab.trees})
    ended = until(lab, job, lambda seen: seen.closed >= len(asked))
    sample = Sample(ended.closed - began.closed, (ended.at - began.at).total_seconds(), watch.spent(), peak_mb(pid))
    jobs.wait_for(lab, job)
    lab.drop(queue)
    return sample


def answered(lab: Lab, pid: int, params: dict[str, object], together: int) -> Sample:
    """A tracked job with an agent, from its insertion to its end."""
    queue = lab.queue("answered")
    kind = tracked_type(lab, queue, lab.queue("replies"))
    with agent(lab, queue, together) as agent_pid:
        before = cpu_seconds(agent_pid)
        _, sample = jobs.run(lab, pid, kind, params)
        sample.figures["agent_us"] = (cpu_seconds(agent_pid) - before) / sample.count * 1e6
    lab.drop(queue)
    return sample


@contextlib.contextmanager
def agent(lab: Lab, queue: str, together: int) -> Iterator[int]:
    """An agent that consumes a queue; its pid."""
    command = [sys.executable, "-m", "pgjobs.bench.answering", queue, str(together)]
    child = Child(command, log=lab.folder / "agent.log", env=workers.environment(lab), death_signal=signal.SIGKILL)

    def consumes() -> bool:
        with lab.channel() as channel:
            return bool(channel.queue_declare(queue, passive=True).method.consumer_count)

    try:
        child.wait_until(consumes, seconds=60)
        yield child.pid
    finally:
        child.end(signal.SIGTERM, seconds=20)


def size(lab: Lab) -> Sample:
    """What all items of the measurement take, once they are closed and vacuumed."""
    tables = [row[0] for row in lab.connection.execute(statement("item_tables"))]

    def sizes() -> tuple[int, ...]:
        row = lab.connection.execute(statement("item_sizes"), {"tables": tables}).fetchone()
        assert row is not None  # noqa: S101 a select without from answers with a row
        return tuple(map(int, row))

    dead = sizes()[-1]
    began = time.monotonic()
    lab.connection.execute(f"vacuum {', '.join(tables)}".encode())
    seconds = time.monotonic() - began
    closed, items, everything, heap, bodies, given, left = sizes()
    each = {"bytes each": items, "all tables": everything, "without index": heap}
    each |= {"bodies": bodies, "target and body": given}
    figures = {name: total / closed for name, total in each.items()}
    return Sample(closed, seconds, figures=figures | {"dead before vacuum": float(dead), "dead behind it": float(left)})


def launch_ratio(book: Book) -> float | None:
    """How fast a tracked job sends, ÷ an untracked one: both from the first checkpoint that was seen to the last."""
    tracked, plain = book.figure(LAUNCH, "stream_rate"), book.figure(UNTRACKED, "stream_rate")
    return tracked / plain if tracked is not None and plain else None
