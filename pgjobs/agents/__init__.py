"""The kit for consumers of tracked jobs: an agent takes messages, works on them, answers, and only then acknowledges.

It stands alone: of pgjobs it imports two small modules, and from outside pika alone.
"""

from pgjobs.agents.agent import Agent
from pgjobs.agents.item import Item, Result

__all__ = ["Agent", "Item", "Result"]
