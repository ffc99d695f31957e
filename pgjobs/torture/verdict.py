"""What a random run showed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pgjobs.torture.oracle import Certificate


@dataclass
class Verdict:
    """What was done and what was found."""

    seed: int
    queue: str
    faults: Counter[str]
    jobs: int
    stops: int
    seconds: float
    certificate: Certificate
    findings: list[str] = field(default_factory=list)
    halted: Counter[str] = field(default_factory=Counter)
    timed_out: int = 0
    kept: Path | None = None
    alone: bool = False
    """Whether there were tracked jobs only."""
    deeds: Counter[str] = field(default_factory=Counter)
    """What happened to agents and tracked jobs besides the faults."""
    items: Counter[str] = field(default_factory=Counter)
    """What was counted of them."""

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings and not self.certificate.violations
