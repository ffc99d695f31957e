"""How much is measured: the default, a quick look, the whole programme, and a miniature for the tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

LETTERS = "abcdefghijklmnopqrs"


@dataclass(frozen=True)
class Scale:
    """Counts and seconds of every measurement."""

    records: int = 1_000_000
    """rows of the table of retries; there are twice as many transactions"""
    repeat: int = 3
    part: int = 200_000
    """records of one alternating repetition"""
    other_seconds: float = 8.0
    """time each of the other ways gets"""
    rest: float = 8.0
    """seconds the servers get at most to clear up before a measurement"""
    lines: int = 1_000_000
    starts: int = 200
    stops: int = 30
    urgent: int = 5
    growth: tuple[int, ...] = (100_000, 1_000_000)
    """sizes of the table, the smallest first"""
    history: int = 1_000_000
    """jobs that have ended, on the crowded database"""
    views: int = 300_000
    """jobs of the history over which the views of the jobs page are asked for"""
    asks: int = 40
    """how often each statement is asked on it"""
    small: int = 2_000
    """small jobs that are inserted together; a quarter as many fall due together"""
    rates: tuple[float, ...] = (5, 50, 5000)
    """records per second that a job is limited to"""
    pace_seconds: float = 30.0
    """how long a rate, a backlog and a daemon at rest are watched"""
    waiting: int = 10_000
    """jobs that wait beside a daemon at rest"""
    dues: int = 100
    """jobs that fall due one after another beside them"""
    tracked: int | None = None
    """records of a tracked job; None: as many as part"""
    resume_at: float = 0.9
    """where a growing job is stopped and resumed"""
    letters: str = LETTERS


QUICK = Scale(
    records=200_000,
    repeat=2,
    part=60_000,
    other_seconds=2.5,
    lines=100_000,
    starts=50,
    stops=8,
    urgent=3,
    growth=(50_000, 200_000),
    history=100_000,
    views=100_000,
    asks=15,
    small=400,
    pace_seconds=10.0,
    dues=30,
)


def choose(*, records: int | None, repeat: int | None, letters: str, quick: bool, full: bool) -> Scale:
    """The scale of a run from what the command line says."""
    scale = QUICK if quick else Scale()
    if records is not None:
        part = min(records, max(20_000, records // 5))
        scale = replace(
            scale,
            records=records,
            part=part,
            lines=records,
            growth=tuple(sorted({min(records, max(50_000, records // 10)), records})),
        )
    if full:
        scale = replace(scale, growth=(100_000, 1_000_000, 10_000_000), tracked=scale.records, views=10_000_000)
    if repeat is not None:
        scale = replace(scale, repeat=repeat)
    return replace(scale, letters=letters or LETTERS)
