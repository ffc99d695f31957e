"""Fixtures of tests about `pgjobs doctor`: its findings about the engine of a test, and a role that may do little."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from fix_daemon import Engine

from pgjobs.ops.doctor import findings
from pgjobs.ops.doctor.finding import Finding
from pgjobs.settings import read_settings

Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(engine: Engine) -> Examine:
    """Examine that engine, with other settings where a test says so."""

    def collected(**settings: Any) -> list[Finding]:
        known = {
            "database_url": engine.daemon_url,
            "amqp_url": engine.amqp_url,
            "log_dir": engine.log_dir,
            "injections_dir": engine.injections_dir,
        }

        async def collect() -> list[Finding]:
            return [found async for found in findings(read_settings(**(known | settings)))]

        return asyncio.run(collect())

    return collected


def about(found: list[Finding], what: str) -> Finding:
    """The worst finding about a thing."""
    order = ("problem", "warning", "ok")
    return min((one for one in found if one.about == what), key=lambda one: order.index(one.level))


def levels(found: list[Finding], level: str) -> set[str]:
    return {one.about for one in found if one.level == level}


@pytest.fixture
def stranger(engine: Engine) -> Iterator[str]:
    """The URL of a role that may use the engine's schema and nothing of the operator's tables."""
    name = f"pgjobs_stranger_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(engine.database_url)
    engine.execute(f"create role {name} login password 'pw42'")
    engine.execute(f"grant usage on schema pgjobs to {name}")
    engine.execute(f"grant all on all tables in schema pgjobs to {name}")
    engine.execute(f"grant execute on all functions in schema pgjobs to {name}")
    try:
        yield parts._replace(netloc=f"{name}:pw42@{parts.hostname}:{parts.port}").geturl()
    finally:
        engine.execute(f"reassign owned by {name} to current_user; drop owned by {name}")
        engine.execute(f"drop role {name}")
