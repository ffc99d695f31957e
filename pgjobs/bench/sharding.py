"""i: one job in one, four and sixteen shards: what the cut costs PostgreSQL, in a dry run and live."""

from __future__ import annotations

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Key
from pgjobs.bench.lab import Lab
from pgjobs.bench.live import check

SHARDS = (1, 4, 16)


def key(shards: int, *, dry: bool) -> Key:
    """One job in so many shards."""
    name = f"{'dry run' if dry else 'live'} in {shards} shard{'s' if shards > 1 else ''}"
    return Key("i", name, "" if dry else "classic")


def measure(lab: Lab) -> None:
    """Alternate the numbers of shards over the same rows."""
    share = min(1.0, 1.5 * lab.scale.part / lab.scale.records)
    with workers.daemon(lab) as pid:
        for turn in range(lab.scale.repeat):
            for dry in (True, False):
                for shards in SHARDS if turn % 2 else SHARDS[::-1]:
                    lab.say(f"i: {key(shards, dry=dry).name}, turn {turn + 1} of {lab.scale.repeat}")
                    queue = lab.queue("shards")
                    params: dict[str, object] = {**lab.range(0.0, share), "never": 1, "dry_run": dry}
                    kind = lab.type_for("expired", queue)
                    _, sample = jobs.run(lab, pid, kind, params, shards=shards, of="considered")
                    check(lab, queue, 0 if dry else round(sample.figures["sent"]))
                    lab.book.add(key(shards, dry=dry), sample)
                    lab.drop(queue)
