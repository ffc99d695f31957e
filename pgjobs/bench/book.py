"""The book: every measurement with its repetitions, and medians over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple


class Key(NamedTuple):
    """What was measured: the letter of the programme, the thing, the type of the queue ("" where none matters)."""

    letter: str
    name: str
    queue: str = ""


@dataclass(frozen=True)
class Sample:
    """One repetition: so many messages, records or lines in so many seconds, and what they cost."""

    count: int
    seconds: float
    cpu: dict[str, float] = field(default_factory=dict)
    """seconds of processor time: publisher (the daemon or what stands in its place), postgres, broker"""
    peak_mb: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    """whatever else this measurement yields"""

    @property
    def rate(self) -> float:
        """Per second."""
        return self.count / self.seconds if self.seconds > 0 else 0.0


class Book:
    """Samples by key, in the order in which the keys first came."""

    def __init__(self) -> None:
        self.samples: dict[Key, list[Sample]] = {}
        self.remarks: list[str] = []

    def add(self, key: Key, sample: Sample) -> None:
        """Write one repetition down."""
        self.samples.setdefault(key, []).append(sample)

    def remark(self, sentence: str) -> None:
        """Say why something was not measured."""
        self.remarks.append(sentence)

    def middle(self, key: Key, value: Callable[[Sample], float | None]) -> float | None:
        """The median of a value over the repetitions; None where it was not measured."""
        found = [each for each in map(value, self.samples.get(key, [])) if each is not None]
        return median(found) if found else None

    def rate(self, key: Key) -> float | None:
        """Median of counts per second."""
        return self.middle(key, lambda sample: sample.rate)

    def micros(self, key: Key, who: str) -> float | None:
        """Median of microseconds of processor time for each counted thing."""
        return self.middle(
            key, lambda sample: sample.cpu[who] / sample.count * 1e6 if who in sample.cpu and sample.count else None
        )

    def peak(self, key: Key) -> float | None:
        """The highest peak of memory, in MB."""
        return max((s.peak_mb for s in self.samples.get(key, []) if s.peak_mb is not None), default=None)

    def figure(self, key: Key, name: str) -> float | None:
        """Median of a further figure."""
        return self.middle(key, lambda sample: sample.figures.get(name))

    def ratio(self, one: Key, other: Key) -> float | None:
        """Rate ÷ rate: median over the pairs where both alternated, else of the medians."""
        ones, others = self.samples.get(one, []), self.samples.get(other, [])
        if len(ones) == len(others) and ones:
            return median(a.rate / b.rate for a, b in zip(ones, others, strict=True) if b.rate)
        first, second = self.rate(one), self.rate(other)
        return first / second if first is not None and second else None


def percentile(values: list[float], percent: float) -> float:
    """The smallest of the values that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]
