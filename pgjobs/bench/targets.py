"""The targets of the programme, each with the value this run has for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pgjobs.bench import (
    backlog,
    comparisons,
    crowd,
    crowded,
    doors,
    fairness,
    growth,
    injecting,
    latency,
    live,
    rates,
    selecting,
    sharding,
    small,
    tracking,
    viewers,
    views,
    waiting,
)
from pgjobs.bench.book import Book, Key

Value = Callable[[Book], float | None]
BIG = 10_000_000


@dataclass(frozen=True)
class Target:
    """What is wanted: a value and its bound."""

    what: str
    bound: float
    at_least: bool
    unit: str
    value: Value

    def met(self, book: Book) -> bool | None:
        """Whether it is met; None where it was not measured."""
        found = self.value(book)
        if found is None:
            return None
        return found >= self.bound if self.at_least else found <= self.bound

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:g} {self.unit}".strip()


def _live(kind: str) -> Key:
    return Key("b", live.LIVE, kind)


def _over(one: Key, other: Key) -> Value:
    return lambda book: book.ratio(one, other)


def _micros(who: str) -> Value:
    def value(book: Book) -> float | None:
        found = [book.micros(_live(kind), who) for kind in ("classic", "quorum")]
        return max((each for each in found if each is not None), default=None)

    return value


def _figure(key: Key, name: str) -> Value:
    return lambda book: book.figure(key, name)


def _worst_start(book: Book) -> float | None:
    found = [book.figure(Key("f", latency.CONFIRMED, kind), "p99_ms") for kind in ("classic", "quorum")]
    return max((each for each in found if each is not None), default=None)


def _seconds(book: Book, rows: int) -> float | None:
    return book.middle(growth.key(rows), lambda sample: sample.seconds)


def _growth(book: Book) -> float | None:
    big, small = _seconds(book, BIG), _seconds(book, BIG // 10)
    return big / small if big is not None and small else None


def _more_memory(book: Book) -> float | None:
    big, small = book.peak(growth.key(BIG)), book.peak(growth.key(BIG // 100))
    return big - small if big is not None and small is not None else None


def _peak(book: Book) -> float | None:
    peaks = [book.peak(key) for key in book.samples if key.letter in ("b", "g")]
    return max((peak for peak in peaks if peak is not None), default=None)


def _dearer(*, dry: bool) -> Value:
    """How many times as much processor time of PostgreSQL a record costs in shards as it does in one, at the worst."""

    def value(book: Book) -> float | None:
        one, *more = (book.micros(sharding.key(shards, dry=dry), "postgres") for shards in sharding.SHARDS)
        found = [each / one for each in more if one and each is not None]
        return max(found, default=None)

    return value


def _worst_rate(name: str) -> Value:
    return lambda book: rates.worst(book, name)


def _other(name: str) -> Key:
    return Key("c", name, comparisons.KIND)


DRY = Key("d", selecting.DRY)
CLASSIC, QUORUM = _live("classic"), _live("quorum")
TOP = {kind: Key("a", live.CEILING, kind) for kind in ("classic", "quorum")}
ONE, MANY, URGENT = (Key("h", name, "classic") for name in (crowd.ONE, crowd.MANY, crowd.URGENT))
STOP = Key("f", latency.STOP, "classic")
TARGETS = (
    Target("live ÷ ceiling, classic queue", 0.90, True, "", _over(CLASSIC, TOP["classic"])),
    Target("live ÷ ceiling, quorum queue", 0.80, True, "", _over(QUORUM, TOP["quorum"])),
    Target("daemon CPU per live record", 7, False, "µs", _micros("publisher")),
    Target("PostgreSQL CPU per live record", 12, False, "µs", _micros("postgres")),
    Target("live ÷ Celery with confirms", 15, True, "", _over(CLASSIC, _other(comparisons.CELERY_CONFIRMS))),
    Target("live ÷ Celery without confirms", 5, True, "", _over(CLASSIC, _other(comparisons.CELERY))),
    Target("live ÷ pika blocking with confirms", 10, True, "", _over(CLASSIC, _other(comparisons.PIKA_CONFIRMS))),
    Target("dry run time ÷ COPY of the same selection", 2, False, "", _over(Key("d", selecting.COPY), DRY)),
    Target("injection, dry run, lines ÷ dry run of expired", 0.7, True, "", _over(Key("e", injecting.DRY), DRY)),
    Target("commit → first confirmed message, p99", 50, False, "ms", _worst_start),
    Target("stop → last message, p99", 250, False, "ms", _figure(STOP, "p99_ms")),
    Target("peak memory at 10,000,000 rows minus at 100,000", 10, False, "MB", _more_memory),
    Target("peak memory of the daemon", 80, False, "MB", _peak),
    Target("time at 10,000,000 ÷ time at 1,000,000", 10.5, False, "", _growth),
    Target("first message of a resume at 90 % of 10,000,000", 1000, False, "ms", _figure(growth.key(BIG), "resume_ms")),
    Target("eight jobs at once ÷ one job", 0.95, True, "", _over(MANY, ONE)),
    Target("PostgreSQL CPU in 4 or 16 shards ÷ in one, dry run", 1.1, False, "", _dearer(dry=True)),
    Target("PostgreSQL CPU in 4 or 16 shards ÷ in one, live", 1.1, False, "", _dearer(dry=False)),
    Target("crowded database ÷ small one, the worst of the statements", 2, False, "", crowded.worst),
    Target("small jobs inserted together, a second", 150, True, "", lambda book: book.rate(small.INSERTED)),
    Target("500 small jobs due in one second, the last one done", 4, False, "s", _figure(small.DUE, "all_seconds")),
    Target("urgent job among four giants: first record", 1000, False, "ms", _figure(URGENT, "max_ms")),
    Target(fairness.URGENT, 1000, False, "ms", _figure(fairness.KEY, "max_ms")),
    Target("difference from a rate, the worst", 2, False, "%", _worst_rate("error_percent")),
    Target("messages within one second ÷ the rate, the worst", 2, False, "", _worst_rate("fullest_times")),
    Target("another rate in effect, the worst", 1000, False, "ms", _worst_rate("after_ms")),
    Target("ready messages with a max_backlog of 1,000", 3000, False, "", _figure(backlog.KEY, "most ready")),
    Target("slow consumer finds nothing", 0, False, "%", _figure(backlog.KEY, "found nothing_percent")),
    Target("ready messages 1 s after a stop", 1000, False, "", _figure(backlog.KEY, "left")),
    Target("CPU of daemon and PostgreSQL for waiting jobs, each second", 5, False, "ms", waiting.dearer),
    Target("job that falls due beside waiting ones: p99 later by", 100, False, "ms", waiting.later),
    Target("tracked ÷ untracked, from checkpoint to checkpoint", 0.5, True, "", tracking.launch_ratio),
    Target("answers alone, a second", 10_000, True, "", lambda book: book.rate(tracking.REPLIES)),
    Target(
        "tracked to the end ÷ untracked, each answer alone",
        0.3,
        True,
        "",
        _over(tracking.end_key(1), tracking.UNTRACKED),
    ),
    Target(
        "tracked to the end ÷ untracked, answers together",
        0.3,
        True,
        "",
        _over(tracking.end_key(tracking.TOGETHER), tracking.UNTRACKED),
    ),
    Target("job beside 200 status calls a second ÷ job alone", 0.95, True, "", _over(doors.ASKED, doors.ALONE)),
    Target("job with 200 viewers ÷ job nobody watches", 0.98, True, "", _over(viewers.WATCHED, viewers.ALONE)),
    Target("connections of the web process with 200 viewers", 9, False, "", _figure(viewers.WATCHED, "connections")),
    Target("viewers that did not see the end", 0, False, "", _figure(viewers.WATCHED, "lost")),
    Target("views of the jobs page over a long history: first byte, the slowest", 200, False, "ms", views.slowest),
    Target("database bytes per closed item", 400, False, "", _figure(tracking.SIZE, "all tables")),
)
