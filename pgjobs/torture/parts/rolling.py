"""Rolling restarts: every daemon in turn is told to end and comes back, again and again; nobody may notice."""

from __future__ import annotations

import time

from pgjobs.lab.services import Services
from pgjobs.torture.parts.trial import Result, Tell, Trial, trial
from pgjobs.torture.place import Scale

SHARE = 0.9


def rolling(
    seconds: float,
    tell: Tell,
    every: float = 10.0,
    share: float = SHARE,
    scale: Scale | None = None,
    services: Services | None = None,
) -> Result:
    """Restart all daemons in turn every so often; nothing lost, nothing twice, never under `share` of the speed."""
    result = Result("rolling", f"restart of every daemon each {every:g} s for {seconds:g} s", 0)
    scale = scale or Scale(retries=100_000, lines=10, window=20, lease_seconds=10)
    with trial(result, tell, scale=scale, daemons=2, services=services) as run:
        for daemon in run.fleet:
            daemon.start()
        run.moves(60, windows=3)
        with run.taking():
            tell("undisturbed, to compare")
            usual = _rate(run, max(every, seconds / 5), every, restart=False)
            tell(f"restarts for {seconds:g} s")
            disturbed = _rate(run, seconds, every, restart=True)
        result.figures |= {
            "records per second undisturbed": round(usual),
            "records per second": round(disturbed),
            "share": round(disturbed / usual, 2),
        }
        if disturbed < share * usual:
            result.findings.append(f"throughput fell to {disturbed / usual:.2f} of the undisturbed one")
        run.finish(600)
        if result.certificate and result.certificate.duplicated:
            result.findings.append(f"{result.certificate.duplicated} messages were sent twice")
    return result


def _rate(run: Trial, seconds: float, every: float, *, restart: bool) -> float:
    """Records per second while there is always work."""
    before, began = run.considered(), time.monotonic()
    due = began + every
    while (now := time.monotonic()) < began + seconds:
        # As many as all daemons have places: whoever comes back finds work.
        run.busy(jobs=len(run.fleet) * run.place.scale.places)
        if restart and now >= due:
            due += every
            for daemon in run.fleet:
                run.result.times += 1
                asked = time.monotonic()
                if not daemon.end():
                    run.result.findings.append(f"daemon {daemon.index} did not let go within 15 s of SIGTERM")
                run.result.worst("slowest end", time.monotonic() - asked, 15)
                daemon.start()
                _up(run, daemon.index)
        time.sleep(0.1)
    return (run.considered() - before) / (time.monotonic() - began)


def _up(run: Trial, index: int) -> None:
    """The next one is restarted only when this one is up, as anybody would do it."""
    daemon = run.fleet[index]
    run.wait(lambda: daemon.said.count(" is up as ") == daemon.starts, f"daemon {index} is up", 30)
