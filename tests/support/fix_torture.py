"""Fixtures: servers that a test may kill, and what torture says meanwhile."""

from collections.abc import Iterator

import pytest

from pgjobs.lab.services import Services, running_services
from pgjobs.torture.parts.trial import Result


@pytest.fixture(scope="session")
def own_servers() -> Iterator[Services]:
    """Private servers of this worker, which a test may kill, restart and starve; it leaves them in order."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PGJOBS_DATABASE_URL", "PGJOBS_AMQP_URL"):
            patch.delenv(name, raising=False)
        # The tests of other workers run beside.
        patch.setattr(Result, "slack", 3.0)
        with running_services(fsync=False) as services:
            yield services


def quiet(_words: str) -> None:
    """Shows no progress."""
