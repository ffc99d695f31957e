"""What every part of a run is given: the shard it works on, and what its daemon knows and was told."""

from __future__ import annotations

from dataclasses import dataclass

from pgjobs.engine.claim import Claim
from pgjobs.engine.lease import Lease
from pgjobs.engine.poison import Suspicion
from pgjobs.engine.shard import Shard
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings


@dataclass(frozen=True)
class RunContext:
    """The surroundings of one run."""

    shard: Shard
    suspicion: Suspicion
    settings: Settings
    metrics: Metrics

    @property
    def claim(self) -> Claim:
        """Which shard of which job it is, and how it is to be run."""
        return self.shard.claim

    @property
    def window(self) -> int:
        """Records that are published and confirmed together."""
        return self.suspicion.window or self.settings.window

    @property
    def lease(self) -> Lease:
        """Until when the shard is certainly ours."""
        return self.shard.lease
