"""An agent of the demo, in a process of its own: `python -m pgjobs.demo.agent NAME`."""

from __future__ import annotations

import os
import sys
import time

from pgjobs.agents import Agent, Item, Result
from pgjobs.demo.stage import DEVICES_QUEUE, MAILINGS_QUEUE, PARTNER_QUEUE, REPLY_QUEUE, UNITS_QUEUE

WORK_SECONDS = 0.02
AGAIN = ", redelivered"


def main(name: str) -> None:
    """Work until somebody ends it; each answer says who gives it, and whether another one had the message before."""
    agent = Agent(os.environ["PGJOBS_AMQP_URL"], name, reply_queue=REPLY_QUEUE)

    @agent.handles("unit", queue=UNITS_QUEUE)
    def unit(item: Item) -> Result:
        time.sleep(WORK_SECONDS)
        return Result(description=f"{name}{AGAIN if item.maybe_duplicate else ''}")

    agent.run()


def answer_doors(name: str) -> None:
    """Work on what comes through the doors: whatever is asked is done."""
    agent = Agent(os.environ["PGJOBS_AMQP_URL"], name, reply_queue=REPLY_QUEUE)

    def done(item: Item) -> Result:
        item.step("received")
        return Result(description=f"{name} has done it")

    for type_, queue in ("json-rfq-import", PARTNER_QUEUE), ("mailing", MAILINGS_QUEUE), ("reboot", DEVICES_QUEUE):
        agent.handles(type_, queue=queue)(done)
    agent.run()


if __name__ == "__main__":
    (answer_doors if sys.argv[1] == "doors" else main)(sys.argv[1])
