"""Whatever daemons, consumers and people do to the items of a job, in whatever order, it is what the model says.

Hypothesis plays them against the real database, with its clock in its hand; there is no process and no broker.
PGJOBS_TEST_LONG=1 plays 3,000 new games, not the same 200.
"""

import os

import hypothesis
from fix_items import Tracked
from game_items import Items
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from model_items import DELAY, KEYS, LIMIT, RETRIES

_PHASE = hypothesis.Phase
LONG = bool(os.environ.get("PGJOBS_TEST_LONG"))
RUN = settings(
    max_examples=3000 if LONG else 200,
    derandomize=not LONG,
    stateful_step_count=60,
    deadline=None,
    print_blob=True,
    # A game that is lost is told as it was played: to make it shorter takes minutes.
    phases=(_PHASE.explicit, _PHASE.reuse, _PHASE.generate, *([_PHASE.shrink] if LONG else [])),
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_items(tracked: Tracked) -> None:
    """Two hundred games of up to sixty moves: each item, each counter and each due time is as the contract says."""
    tracked.targets(len(KEYS))
    tracked.rules(retry_limit=RETRIES, execution_limit=f"{LIMIT} s", delay_to_retry=f"{DELAY} s")

    class Game(Items):
        def __init__(self) -> None:
            super().__init__(tracked)

    run_state_machine_as_test(Game, settings=RUN)
