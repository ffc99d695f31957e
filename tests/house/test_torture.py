"""Random faults by a seed, and restarts of every daemon in turn: nothing is lost, nothing stays unexplained."""

from collections import Counter

import pytest
import typer.testing
from fix_torture import quiet

from pgjobs.cli import app
from pgjobs.lab.services import Services
from pgjobs.torture import chaos, report, schedule
from pgjobs.torture.oracle import Certificate
from pgjobs.torture.parts.rolling import rolling
from pgjobs.torture.place import Scale
from pgjobs.torture.tracked.conduct import TIMED, conduct
from pgjobs.torture.tracked.surroundings import deeds
from pgjobs.torture.verdict import Verdict

SMALL = Scale(retries=5_000, lines=1_000, window=20, lease_seconds=2)


@pytest.mark.long
def test_a_hundred_faults(own_servers: Services) -> None:
    """T2: a hundred faults of every kind on two daemons and both servers; 0 violations, and jobs really ran."""
    verdict = chaos.run(20, 100, 50, daemons=2, scale=SMALL, services=own_servers)
    assert verdict.good, "\n".join(report.certificate(verdict))
    assert 100 == verdict.faults.total()
    assert schedule.KINDS.keys() == verdict.faults.keys()
    assert verdict.certificate.lost == 0
    assert verdict.certificate.records > 5_000
    assert verdict.certificate.ranges > 10
    assert {"rate", "closed window", "paused", "canary", "stop", "everything held"} == verdict.halted.keys()
    assert verdict.timed_out > 0
    assert verdict.items["items"] > 0


@pytest.mark.long
def test_faults_among_tracked_jobs(own_servers: Services) -> None:
    """Forty faults, agents killed, answers doubled, late and lost: every item is closed once, and counted right."""
    verdict = chaos.run(21, 40, 40, daemons=2, alone=True, scale=SMALL, services=own_servers)
    assert verdict.good, "\n".join(report.certificate(verdict))
    assert 40 == verdict.faults.total()
    assert verdict.certificate.records == 0
    assert verdict.items["jobs"] > 3
    assert {"s", "f", "t"} <= verdict.items.keys()
    assert {"agent kill -9", "useless answers"} <= verdict.deeds.keys()
    assert set(report.FATES) <= verdict.items.keys()


@pytest.mark.long
def test_rolling_restart(own_servers: Services) -> None:
    """All daemons restarted in turn every 4 seconds: nothing lost or twice, each gone within 15 s, and work goes on.

    A daemon runs one job at a time and leases outlast the test: work that is not handed back stands still.
    """
    scale = Scale(retries=20_000, lines=10, window=100, lease_seconds=30, places=1)
    result = rolling(20, quiet, every=4, share=0.4, scale=scale, services=own_servers)
    assert result.good, (result.findings, result.certificate)
    assert result.times >= 6
    assert result.certificate is not None
    assert (0, 0) == (result.certificate.lost, result.certificate.duplicated)


def test_the_seed_decides_everything() -> None:
    """The same seed makes the same schedule, another one another; faults that need more are left out without it."""
    settings = {"daemons": 3, "proxied": [2], "private": True}
    first = schedule.make(5, 200, 100, **settings)  # type: ignore[arg-type]  # one value of each kind
    assert first == schedule.make(5, 200, 100, **settings)  # type: ignore[arg-type]
    assert first != schedule.make(6, 200, 100, **settings)  # type: ignore[arg-type]
    faults, orders = first
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert faults[-1].at <= 100
    assert set(schedule.KINDS) == {fault.kind for fault in faults}
    assert {2} == {fault.daemon for fault in faults if schedule.KINDS[fault.kind].proxied}
    assert 14 == len(orders)
    holds = schedule.holds(5, 100)
    assert holds == schedule.holds(5, 100) != schedule.holds(6, 100)
    assert 8 == len(holds)
    troubles = deeds(5, 100)
    assert troubles == deeds(5, 100) != deeds(6, 100)
    assert 50 == len(troubles)
    assert conduct(5, TIMED, 7, 1) == conduct(5, TIMED, 7, 1)
    assert any(conduct(5, TIMED, key, 1) != conduct(6, TIMED, key, 1) for key in range(1, 20))
    elsewhere, _ = schedule.make(5, 200, 100, daemons=2, proxied=[], private=False)
    needy = {name for name, kind in schedule.KINDS.items() if kind.private or kind.proxied}
    assert not needy & {fault.kind for fault in elsewhere}


def test_certificate_of_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A violation ends with code 1, is named, and comes with the command that runs it again."""
    bad = Certificate(records=10, messages=9, lost=1, violations=["job 1: sent and not in the queue: 1 (5)"])
    verdict = Verdict(7, "quorum", Counter({"kill -9": 3}), 1, 0, 1.0, bad)
    monkeypatch.setattr(chaos, "run", lambda *_args, **_named: verdict)
    done = typer.testing.CliRunner().invoke(app, ["torture", "--seed", "7", "--faults", "3"])
    assert 1 == done.exit_code
    assert "VIOLATION   job 1: sent and not in the queue: 1 (5)" in done.output
    assert "pgjobs torture --seed 7 --faults 3 --daemons 3 --queue quorum" in done.output
    bad.violations.clear()
    done = typer.testing.CliRunner().invoke(app, ["torture", "--seed", "7", "--faults", "3"])
    assert 0 == done.exit_code
    assert "every promise was kept" in done.output
