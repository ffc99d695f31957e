"""e: an injection file, read, checked, logged and counted; dry and live."""

from __future__ import annotations

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Key
from pgjobs.bench.lab import Lab
from pgjobs.bench.live import check
from pgjobs.lab import sample as samples

DRY, LIVE = "injection, dry run", "injection, live"
FILE = "bench.csv"


def measure(lab: Lab) -> None:
    """One file; dry as often as everything else, live once."""
    lab.say(f"e: injection of {lab.scale.lines:,} lines")
    samples.write_injection_file(lab.injections / FILE, lab.scale.lines, lab.scale.records)
    with workers.daemon(lab) as pid:
        for turn in range(lab.scale.repeat + 1):
            dry = turn < lab.scale.repeat
            queue = lab.queue("injection")
            params: dict[str, object] = {"service_id": 421, "campaign_id": 290, "never": 1, "dry_run": dry}
            _, sample = jobs.run(lab, pid, lab.type_for("injection", queue), params, FILE, of="considered")
            if sample.count != lab.scale.lines:
                raise workers.BenchError(f"{lab.scale.lines} lines were written, and {sample.count} considered")
            check(lab, queue, 0 if dry else int(sample.figures["sent"]))
            lab.book.add(Key("e", DRY if dry else LIVE, "" if dry else "classic"), sample)
            lab.drop(queue)
