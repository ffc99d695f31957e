"""Fixtures: where the session's servers are, and the distribution's own PostgreSQL where one is installed."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.services import Services


def soon(happens: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it happens before the time is up."""
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


async def soon_async(happens: Callable[[], bool], seconds: float = 60) -> bool:
    """The same for what happens on this event loop meanwhile, where no event tells of it."""
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


@pytest.fixture(scope="session")
def services() -> Services:
    """The addresses of the session's servers, which all tests share: nobody may stop them."""
    return Services(os.environ["PGJOBS_TEST_DATABASE_URL"], os.environ["PGJOBS_TEST_AMQP_URL"], None, None)


@contextmanager
def private_postgres(bin_dir: Path | None = None) -> Iterator[EmbeddedPostgres]:
    """A server of whoever asks, run by these binaries or by the embedded ones; nothing of it is left behind."""
    # Not tmp_path: those folders are closed to the unprivileged user that PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="pgjobs-private-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres", bin_dir=bin_dir, fsync=False)
        try:
            server.start()
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture(scope="session")
def distribution_postgres() -> Iterator[EmbeddedPostgres]:
    """A private server run by the newest PostgreSQL of the distribution; skips where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if not found:
        pytest.skip("the distribution's PostgreSQL server is not installed")
    with private_postgres(found[-1].parent) as server:
        yield server


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server of this module's own: roles belong to a whole cluster."""
    with private_postgres() as server:
        yield server
