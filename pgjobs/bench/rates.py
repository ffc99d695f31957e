"""m: how exactly four shards on two daemons keep a rate, how soon another one is in effect, and the rate of a type."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Book, Key, Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, rest
from pgjobs.bench.statements import statement

LETTER = "m"
DAEMONS, SHARDS = 2, 4
EDIT = 4
"""A new rate is so many times the old one; where that would be more than all the others, the old one divided by it."""
JOBS, TYPE_RATE = 10, 500
EDGE_SECONDS = 1.5
"""A rate is watched from its first checkpoint to the first one after the time, which has to come before an edit."""
EDIT_SECONDS = 4.0
NEAR = 0.2
"""A rate is in effect when a second has what it allows, give or take one grant: a fifth of a second's worth."""
FREE = Key(LETTER, f"no rate, {SHARDS} shards, {DAEMONS} daemons", "classic")
"""What the machine can do at that time."""
SUM = Key(LETTER, f"{JOBS} jobs of a type with {TYPE_RATE} a second", "classic")


@dataclass(frozen=True)
class Confirmed:
    """So many messages were confirmed at a moment of the database's clock."""

    at: float
    n: int


def rate_key(rate: float) -> Key:
    """One job with this rate."""
    return Key(LETTER, f"{rate:,g} a second, {SHARDS} shards, {DAEMONS} daemons", "classic")


def edit_key(old: float, new: float) -> Key:
    """Its rate is changed while it runs."""
    return Key(LETTER, f"commit of {new:,g} a second instead of {old:,g} → in effect", "classic")


def edited(rate: float, rates: tuple[float, ...]) -> float:
    """The rate that takes the place of another one."""
    return rate * EDIT if rate * EDIT <= max(rates) else rate / EDIT


def measure(lab: Lab) -> None:
    """A job without a rate for a while, each rate by itself, then ten jobs that share one."""
    with workers.daemons(lab, DAEMONS) as pids:
        lab.say(f"{LETTER}: a job without a rate")
        without(lab, pids)
        for rate in lab.scale.rates:
            lab.say(f"{LETTER}: a job with a rate of {rate:,g} a second")
            one_job(lab, pids, rate)
        lab.say(f"{LETTER}: {JOBS} jobs of a type with a rate of {TYPE_RATE:,g} a second")
        together(lab, pids)


def one_job(lab: Lab, pids: tuple[int, ...], rate: float) -> None:
    """A job with a rate, and then with another one."""
    queue = lab.queue("rate")
    kind, new = lab.type_for("expired", queue), edited(rate, lab.scale.rates)
    rest(lab.trees, lab.scale.rest)
    watch = Watch({"publisher": pids, **lab.trees})
    job = jobs.start(lab, kind, {**lab.range(), "never": 1}, shards=SHARDS, rate=rate).id
    try:
        watch_for(lab, [job])
        spent = watch.spent()
        row = lab.connection.execute(statement("set_rate"), {"id": job, "rate": new}).fetchone()
        changed = float(row[0]) if row else 0.0
        time.sleep(EDIT_SECONDS)
        still_running(lab, [job])
    finally:
        jobs.stop(lab, [job])
    found = confirmed(lab, [job])
    before = [each for each in found if each.at < changed]
    after = [each for each in found if changed <= each.at < changed + EDIT_SECONDS]
    lab.book.add(rate_key(rate), accuracy(before, rate, lab.scale.pace_seconds, spent))
    seconds = in_effect(after, changed, rate, new)
    if seconds is None:
        lab.book.remark(f"m: {new:,g} a second instead of {rate:,g} was not in effect after {EDIT_SECONDS:.0f} s")
        seconds = EDIT_SECONDS
    lab.book.add(edit_key(rate, new), Sample(1, seconds, figures={"after_ms": 1000 * seconds}))
    lab.drop(queue)


def without(lab: Lab, pids: tuple[int, ...]) -> None:
    """The same job with nothing that limits it, for a third of the time, or as long as it lasts."""
    queue = lab.queue("rate")
    rest(lab.trees, lab.scale.rest)
    watch = Watch({"publisher": pids, **lab.trees})
    job = jobs.start(lab, lab.type_for("expired", queue), {**lab.range(), "never": 1}, shards=SHARDS).id
    try:
        jobs.wait_for(lab, job, considered=1, seconds=60)
        time.sleep(lab.scale.pace_seconds / 3)
        spent = watch.spent()
    finally:
        jobs.stop(lab, [job])
    found = confirmed(lab, [job])
    count, span = counted(found, lab.scale.pace_seconds / 3)
    lab.book.add(FREE, Sample(count, span, spent))
    lab.drop(queue)


def together(lab: Lab, pids: tuple[int, ...]) -> None:
    """Jobs of one type that has a rate: what they send together, and how much less than its part one of them sends."""
    queue = lab.queue("type-rate")
    kind = lab.type_for("expired", queue)
    lab.connection.execute(statement("set_type_rate"), {"type": kind, "rate": TYPE_RATE})
    rest(lab.trees, lab.scale.rest)
    watch = Watch({"publisher": pids, **lab.trees})
    started = [jobs.start(lab, kind, {**lab.range(), "never": 1}).id for _ in range(JOBS)]
    try:
        watch_for(lab, started)
        spent = watch.spent()
        sent = [jobs.look(lab, job).sent for job in started]
    finally:
        jobs.stop(lab, started)
    sample = accuracy(confirmed(lab, started), TYPE_RATE, lab.scale.pace_seconds, spent)
    sample.figures["poorest_percent"] = 100 * min(sent) * JOBS / sum(sent)
    lab.book.add(SUM, sample)
    lab.drop(queue)


def watch_for(lab: Lab, started: list[int]) -> None:
    """Let jobs run for as long as a rate is watched."""
    for job in started:
        jobs.wait_for(lab, job, considered=1, seconds=60)
    time.sleep(lab.scale.pace_seconds + EDGE_SECONDS)
    still_running(lab, started)


def still_running(lab: Lab, started: list[int]) -> None:
    """Refuse what was measured of jobs that have ended meanwhile."""
    if any(jobs.look(lab, job).status != "in progress" for job in started):
        raise workers.BenchError("a job with a rate ended before it was watched long enough: the table is too small")


def confirmed(lab: Lab, started: list[int]) -> list[Confirmed]:
    """What was confirmed of jobs, in order."""
    return [Confirmed(*row) for row in lab.connection.execute(statement("confirmed"), {"ids": started})]


def counted(found: list[Confirmed], seconds: float) -> tuple[int, float]:
    """How many messages, in which time, came behind those of the first checkpoint."""
    begin = found[0].at
    last = next((i for i, each in enumerate(found) if each.at >= begin + seconds), len(found) - 1)
    span, count = found[last].at - begin, sum(each.n for each in found[1 : last + 1])
    if not last or not span:
        raise workers.BenchError("only the messages of the first checkpoint were confirmed")
    return count, span


def accuracy(found: list[Confirmed], rate: float, seconds: float, spent: dict[str, float]) -> Sample:
    """The rate from the first checkpoint, which is not counted, to the first one after so many seconds."""
    count, span = counted(found, seconds)
    error = 100 * (count / span / rate - 1)
    return Sample(count, span, spent, figures={"error_percent": error, "fullest_times": fullest(found) / rate})


def fullest(found: list[Confirmed]) -> int:
    """The most messages that were confirmed within one second."""
    return max(within(found, each.at - 1e-9, each.at + 1) for each in found)


def within(found: list[Confirmed], first: float, last: float) -> int:
    """How many messages were confirmed after a moment, up to another one."""
    return sum(each.n for each in found if first < each.at <= last)


def in_effect(found: list[Confirmed], changed: float, old: float, new: float) -> float | None:
    """Seconds until the second begins in which what is confirmed is as the new rate allows; None: it was not seen."""
    for moment in (changed, *(each.at for each in found)):
        if moment + 1 > changed + EDIT_SECONDS:
            break
        n = within(found, moment, moment + 1)
        if (n >= new * (1 - NEAR)) if new > old else (n <= new * (1 + NEAR)):
            return moment - changed
    return None


def worst(book: Book, name: str) -> float | None:
    """The greatest one of a figure over everything measured here, without its sign."""
    found = [book.figure(key, name) for key in book.samples if key.letter == LETTER]
    return max((abs(each) for each in found if each is not None), default=None)
