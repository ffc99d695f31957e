"""What a daemon knows of its broker: whether it is reached, and whether an alarm blocks it.

The log says once where either begins and once where it ends, however many connections meet it.
"""

from __future__ import annotations

import logging

from pgjobs.broker.publisher import Publisher
from pgjobs.errors import Interrupted
from pgjobs.metrics import Metrics

logger = logging.getLogger(__name__)


class BrokerState:
    """The publishers of a daemon, and why there is none where the broker can't be reached."""

    def __init__(self, metrics: Metrics) -> None:
        self.publishers: set[Publisher] = set()
        self.trouble = ""
        """Why the broker could not be reached when that was last tried; empty where it was."""
        self._told_blocked = False
        # Computed whenever they are read, so that they are true after a connection was lost as well.
        metrics.broker_connected.set_function(lambda: any(each.usable for each in self.publishers))
        metrics.broker_unreachable.set_function(lambda: bool(self.trouble))
        metrics.broker_blocked.set_function(lambda: self._blocking is not None)

    def reached(self, publisher: Publisher) -> None:
        """It is connected."""
        if self.trouble:
            logger.info("the broker is reached again")
        self.trouble = ""
        self.publishers.add(publisher)
        publisher.connection.alarm_changed = self._tell_alarm

    def missed(self, error: Interrupted) -> None:
        """It could not be reached."""
        if not self.trouble:
            logger.warning(
                "%s; what publishes waits until it is reached (see that RabbitMQ runs, and PGJOBS_AMQP_URL)",
                error.sentence,
            )
        self.trouble = error.sentence

    def forget(self, publisher: Publisher) -> None:
        """A publisher is closed."""
        self.publishers.discard(publisher)
        self._tell_alarm()

    @property
    def words(self) -> str:
        """The state in words, for the heartbeat."""
        if blocking := self._blocking:
            return f"blocked: {blocking.blocked_reason}"
        return self.trouble or ("connected" if any(each.usable for each in self.publishers) else "idle")

    @property
    def _blocking(self) -> Publisher | None:
        """A connection that an alarm of the broker holds up."""
        return next((each for each in self.publishers if each.blocked), None)

    def _tell_alarm(self) -> None:
        """Say that the broker blocks this daemon, or no longer, or that nobody can say any more."""
        blocking = self._blocking
        if (blocking is not None) == self._told_blocked:
            return
        self._told_blocked = blocking is not None
        if blocking is not None:
            logger.warning(
                "the broker is blocked: %s; nothing is published until its alarm ends (rabbitmqctl status)",
                blocking.blocked_reason,
            )
        elif any(each.usable for each in self.publishers):
            logger.info("the broker is free again: its alarm has ended")
        else:
            logger.info("the connection that the broker blocked is gone: the next one shows whether its alarm lasts")
