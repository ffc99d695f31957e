"""An agent of the torture, a process of its own: `python -m pgjobs.torture.tracked.agent`, told by its environment."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from functools import partial

from pgjobs.agents import Agent, Item, Result
from pgjobs.torture.tracked.conduct import BY_MESSAGE, conduct

VARIABLE = "PGJOBS_TORTURE_AGENT"


def work(seed: int, item: Item) -> Result:
    """Do what this attempt is meant to do."""
    planned = conduct(seed, item.type, item.key, item.attempt)
    if planned.way == "error":
        raise RuntimeError("a handler that breaks off, on purpose")
    if planned.way == "step":
        item.step("looked up")
    if planned.way == "accept":
        item.accept()
        time.sleep(0.05)
    return Result() if planned.good else Result("NOT_FOUND", "on purpose")


def main() -> None:
    """Work until SIGTERM, or until whoever started it is gone."""
    told = json.loads(os.environ[VARIABLE])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    agent = Agent(told["url"], told["name"], reply_queue=told["replies"], prefetch=40, drain_seconds=2)
    for job_type in BY_MESSAGE:
        agent.handles(job_type, queue=told["queue"])(partial(work, told["seed"]))
    agent.run()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
