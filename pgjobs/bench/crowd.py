"""h: eight jobs at once against one over the same rows, and an urgent small job among four giants."""

from __future__ import annotations

import time

from pgjobs.bench import jobs, workers
from pgjobs.bench.arrivals import Arrivals
from pgjobs.bench.book import Key, Sample, percentile
from pgjobs.bench.lab import Lab
from pgjobs.bench.live import check
from pgjobs.bench.meter import Watch, forget_peak, peak_mb, rest

EIGHT, GIANTS = 8, 4
ONE, MANY, URGENT = "one job", "eight jobs at once", "urgent job among four giants: first record"
URGENT_RECORDS = 2000


def measure(lab: Lab) -> None:
    """Alternate one and eight, then let the urgent ones come."""
    with workers.daemon(lab) as pid:
        share = min(1.0, 1.5 * lab.scale.part / lab.scale.records)
        for turn in range(lab.scale.repeat):
            for name, number in ((ONE, 1), (MANY, EIGHT)):
                lab.say(f"h: {name}, turn {turn + 1} of {lab.scale.repeat}")
                lab.book.add(Key("h", name, "classic"), together(lab, pid, number, share))
        lab.say("h: an urgent job among four giants")
        seconds = urgent(lab)
        figures = {"p50_ms": 1000 * percentile(seconds, 50), "max_ms": 1000 * max(seconds)}
        lab.book.add(Key("h", URGENT, "classic"), Sample(len(seconds), sum(seconds), figures=figures))


def together(lab: Lab, pid: int, number: int, share: float) -> Sample:
    """So many jobs side by side, each over its part of the same range of dates."""
    queue = lab.queue("crowd")
    kind = lab.type_for("expired", queue)
    ranges = [lab.range(share * part / number, share * (part + 1) / number) for part in range(number)]
    rest(lab.trees, lab.scale.rest)
    forget_peak(pid)
    watch = Watch({"publisher": pid, **lab.trees})
    started = [jobs.start(lab, kind, {**dates, "never": 1}) for dates in ranges]
    ends = [jobs.wait_for(lab, job.id)[-1] for job in started]
    spent = watch.spent()
    sent = sum(end.sent for end in ends)
    check(lab, queue, sent)
    lab.drop(queue)
    finished = max(end.finish_at for end in ends if end.finish_at is not None)
    seconds = (finished - started[0].at).total_seconds()
    # One job sends each subscriber once, eight do so each by itself: of the same rows they send more.
    figures = {"considered_rate": sum(end.considered for end in ends) / seconds}
    return Sample(sent, seconds, spent, peak_mb(pid), figures)


def urgent(lab: Lab) -> list[float]:
    """Seconds from the commit of a small job to its first message, while four giants run."""
    queue, own = lab.queue("giants", "classic", **{"x-max-length": 100_000}), lab.queue("urgent")
    kind, urgent_kind = lab.type_for("expired", queue), lab.type_for("expired", own)
    giants = [jobs.start(lab, kind, {**lab.range()}).id for _ in range(GIANTS)]
    found = []
    try:
        for giant in giants:
            jobs.wait_for(lab, giant, considered=1)
        with Arrivals(lab, own) as arrivals:
            for turn in range(lab.scale.urgent):
                time.sleep(0.3)
                running = sum(jobs.look(lab, giant).status == "in progress" for giant in giants)
                if running < GIANTS:
                    lab.book.remark(f"h: giants had ended before the urgent job {turn + 1} of {lab.scale.urgent}")
                    break
                job = jobs.start(
                    lab, urgent_kind, {**lab.range(), "count": min(URGENT_RECORDS, lab.scale.records // 10)}
                )
                found.append(arrivals.first(job.id) - job.asked)
                jobs.wait_for(lab, job.id)
    finally:
        jobs.stop(lab, giants)
    if not found:
        raise workers.BenchError("the giants ended before an urgent job could start: the table is too small")
    lab.drop(queue)
    lab.drop(own)
    return found
