"""Which fault, when, on whom: wholly determined by the seed, so that a run that finds something can be run again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

GAP_SECONDS = 1.0


class Kind(NamedTuple):
    """A kind of fault: how often among others, how long it lasts, and what it needs."""

    weight: float
    seconds: tuple[float, float] = (0.0, 0.0)
    proxied: bool = False
    private: bool = False


KINDS = {
    "kill -9": Kind(28),
    "SIGSTOP": Kind(14, (0.3, 5.0)),
    "SIGTERM": Kind(12),
    "backend terminated": Kind(14),
    "crash point": Kind(6),
    "failing call": Kind(4),
    "full log disk": Kind(2),
    "missed notification": Kind(3),
    "stray notifications": Kind(4),
    "listeners terminated": Kind(2),
    "changed setting": Kind(6, (0.5, 4.0)),
    "trigger that refuses": Kind(4, (0.5, 4.0)),
    "cut": Kind(6, proxied=True),
    "cut mid-frame": Kind(6, proxied=True),
    "black hole": Kind(4, (1.0, 6.0), proxied=True),
    "late delivery": Kind(3, (1.0, 6.0), proxied=True),
    "delay": Kind(3, (1.0, 3.0), proxied=True),
    "PostgreSQL restart": Kind(1.5, private=True),
    "broker kill -9": Kind(1.5, (0.0, 1.0), private=True),
    "memory alarm": Kind(1.0, (1.0, 4.0), private=True),
}


@dataclass(frozen=True)
class Fault:
    """One fault; `seed` decides whatever else has to be chosen when it is injected."""

    number: int
    at: float
    kind: str
    daemon: int
    seconds: float
    seed: int


@dataclass(frozen=True)
class Order:
    """What a user does meanwhile: stop a job, and resume it after a while."""

    at: float
    seconds: float
    seed: int


@dataclass(frozen=True)
class Hold:
    """The kill switch: everything is held, and released after a while."""

    at: float
    seconds: float


def holds(seed: int, seconds: float) -> list[Hold]:
    """A hold every 12 s; the other kinds of events stay what they are without it."""
    rng = random.Random(seed + 3)  # noqa: S311 a schedule is no secret
    return [Hold(each * 12 - rng.uniform(0, 12), rng.uniform(0.3, 1)) for each in range(1, int(seconds / 12) + 1)]


def make(
    seed: int, count: int, seconds: float, *, daemons: int, proxied: list[int], private: bool
) -> tuple[list[Fault], list[Order]]:
    """`count` faults over `seconds`, every possible kind at least once where there is room, and a stop every 7 s."""
    rng = random.Random(seed)  # noqa: S311 a schedule is no secret
    possible = {
        name: kind for name, kind in KINDS.items() if (private or not kind.private) and (proxied or not kind.proxied)
    }
    kinds = list(possible)
    rng.shuffle(kinds)
    kinds = kinds[:count]
    kinds += rng.choices(list(possible), [kind.weight for kind in possible.values()], k=count - len(kinds))
    rng.shuffle(kinds)
    faults = []
    for number, name in enumerate(kinds, 1):
        kind = possible[name]
        at = (number - rng.random()) * seconds / count
        daemon = rng.choice(proxied) if kind.proxied else rng.randrange(daemons)
        faults.append(Fault(number, at, name, daemon, rng.uniform(*kind.seconds), rng.getrandbits(32)))
    orders = [
        Order(each * 7 - rng.uniform(0, 7), rng.uniform(0.2, 2), rng.getrandbits(32))
        for each in range(1, int(seconds / 7) + 1)
    ]
    return faults, orders
