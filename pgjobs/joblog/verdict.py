"""The verdict of `pgjobs verify`: what was looked at, what does not agree, and what can't be checked (any more)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pgjobs.joblog.rules import HOST
from pgjobs.words import counted

MOST = 200
COUNTS = ("sent", "skipped", "returned")


@dataclass
class Verdict:
    """What was looked at, and everything that does not agree."""

    job_id: int
    log_host: str = HOST
    shards: int = 0
    checkpoints: int = 0
    lines: int = 0
    items: int = 0
    """Of a tracked job."""
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """What can't be checked here, and is no finding."""
    cleared: list[str] = field(default_factory=list)
    """What can't be checked any more, because it was cleared after its keep time."""
    more: int = 0

    def say(self, sentence: str) -> None:
        """Note a finding; of very many only the first are kept."""
        if len(self.findings) < MOST:
            self.findings.append(sentence)
        else:
            self.more += 1

    def words(self) -> list[str]:
        """The verdict, a line each."""
        job = f"job {self.job_id}"
        if self.findings:
            more = [f"… and {self.more:,} more"] if self.more else []
            unchecked = [*self.cleared, *self.elsewhere]
            return [*unchecked, *self.findings, *more, f"{job}: {counted(len(self.findings) + self.more, 'finding')}"]
        if self.elsewhere:
            hint = "run verify there, or set PGJOBS_LOG_HOST where this is the same volume"
            what = f"{counted(len(self.elsewhere), 'segment')} of its log can't be checked here"
            return [*self.cleared, *self.elsewhere, f"{job}: nothing disagrees, but {what}: {hint}"]
        if self.cleared:
            what = "what was cleared can't be checked any more (see pgjobs.retention)"
            return [*self.cleared, f"{job}: nothing disagrees, but {what}"]
        counts = ", ".join(f"{self.counts[name]:,} {name}" for name in COUNTS)
        logged = f"{counted(self.lines, 'line')} of {counted(self.checkpoints, 'checkpoint')}"
        what = f"{logged} in {counted(self.shards, 'shard')}: {counts}"
        if self.items:
            return [
                f"{job}: log, checkpoints, outcomes, items and counters agree: {what}, {counted(self.items, 'item')}"
            ]
        return [f"{job}: log, checkpoints, outcomes and counters agree: {what}"]
