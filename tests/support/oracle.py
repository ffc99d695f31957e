"""Glue: the oracle that judges what jobs left behind, for the engine of a test."""

from collections.abc import Collection, Mapping

from fix_daemon import Engine

from pgjobs.lab.draining import drain
from pgjobs.torture.oracle import Certificate, judge


def certify(engine: Engine, jobs: Mapping[int, Collection[int] | None], *, faults: int, window: int = 7) -> Certificate:
    """Drain the queue and judge the jobs; a violation fails the test, what was counted is given back."""
    certificate = judge(engine.database, drain(engine.amqp_url, engine.queue), jobs, faults=faults, window=window)
    assert not certificate.violations, "\n".join([certificate.words(), *certificate.violations])
    return certificate
