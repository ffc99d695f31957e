"""A message that makes the broker close the channel is found in ever smaller windows, and passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pgjobs.engine.window import Window
from pgjobs.errors import ConfigurationError, Poisoned
from pgjobs.joblog.record import Refusal

NARROWER = 8
MOST = 10


@dataclass
class Suspicion:
    """What a daemon remembers of a shard from one run to the next.

    `window`: so many records may be in flight; `unknown`: so many runs in a row ended in an error nobody expected.
    """

    window: int | None = None
    found: int = 0
    unknown: int = 0

    def isolate(self, windows: Sequence[Window], error: Poisoned) -> Window | None:
        """The window whose one message is to blame, noted as returned; None while more than one may be.

        ConfigurationError when there are so many that the configuration is to blame.
        """
        published = [record for window in windows for record in window.sendable]
        if len(published) > 1:
            self.window = max(1, min(len(published), self.window or len(published)) // NARROWER)
            return None
        self.window = None
        self.found += 1
        if self.found > MOST:
            raise ConfigurationError(f"{self.found} messages were refused one by one: {error.sentence}")
        windows[0].returned[published[0][0]] = Refusal(b"returned_poisonous", error.sentence.encode())
        return windows[0]
