"""How agents behave and what becomes of their answers: decided by seed, key and attempt alone, whoever has the item."""

from __future__ import annotations

import random
from dataclasses import dataclass

PATIENT, TIMED, TAKEN = "torture_patient", "torture_timed", "torture_taken"
"""The types: one whose attempts may take long, one whose attempts soon end by time, one that agents take by SQL."""
BY_MESSAGE = (PATIENT, TIMED)
LIMIT_SECONDS = {PATIENT: 600.0, TIMED: 4.0, TAKEN: 5.0}
RETRIES = {PATIENT: 2, TIMED: 1, TAKEN: 1}
WAYS = {"plain": 80, "error": 5, "step": 8, "accept": 7}
"""What a handler does besides."""
HARMLESS = {"straight": 76, "twice": 14, "partial first": 5, "batched": 5}
FATES = {
    PATIENT: HARMLESS,
    TIMED: HARMLESS | {"late": 10, "never": 6},
    TAKEN: HARMLESS | {"late": 8, "never": 6, "dies": 6},
}
"""What becomes of an answer. dies: the agent is gone before it has answered, and another one has the item."""


@dataclass(frozen=True)
class Conduct:
    """What happens in one attempt of an item."""

    good: bool
    way: str
    fate: str


def conduct(seed: int, job_type: str, key: int, attempt: int) -> Conduct:
    """The conduct; one item in ten fails in every attempt."""
    rng = random.Random(f"{seed}/{job_type}/{key}/{attempt}")  # noqa: S311 not a secret
    fails = key % 10 == 0 or rng.random() < 0.15
    fates = FATES[job_type]
    (way,), (fate,) = rng.choices(list(WAYS), list(WAYS.values())), rng.choices(list(fates), list(fates.values()))
    return Conduct(not fails and way != "error", way, fate)
