"""The broker dies, raises its alarm, or its connections break; the same for the database's connections."""

import asyncio
import time

import psycopg
import pytest
from fix_torture import quiet

from pgjobs.lab.proxy import Proxy
from pgjobs.lab.services import Services
from pgjobs.pg import connection as db
from pgjobs.torture.fleet import in_front_of, rerouted
from pgjobs.torture.parts.broker import alarm, kills
from pgjobs.torture.parts.cuts import WAYS, cuts, outages
from pgjobs.torture.parts.trial import Result


def check(result: Result) -> None:
    """Every number was kept, nothing was lost, and something was at work."""
    assert result.good, (result.findings, result.figures, result.certificate)
    assert result.certificate is not None
    assert 0 == result.certificate.lost
    assert result.certificate.records > 0


@pytest.mark.long
@pytest.mark.parametrize(("queue", "times"), [("quorum", 2), ("classic", 1)])
def test_broker_killed(own_servers: Services, queue: str, times: int) -> None:
    """T3: kill -9 of the broker in full stream: nothing confirmed is lost, work resumes within 15 s of its return."""
    result = kills(times, quiet, queue, own_servers)
    check(result)
    assert "slowest resume" in result.figures


@pytest.mark.long
def test_memory_alarm(own_servers: Services) -> None:
    """T5: an alarm is shown within 2 s and costs at most 20 MB; stop works within 5 s; after it, resume within 5 s."""
    result = alarm(1, quiet, own_servers)
    check(result)
    assert {"alarm shown after", "memory growth", "stop during the alarm", "resume after the alarm"} <= set(
        result.figures
    )


@pytest.mark.long
def test_connections_cut(own_servers: Services) -> None:
    """T7, T8: connections terminated, reset, cut mid-frame and black-holed, the database restarted: 0 violations."""
    result = cuts(len(WAYS), quiet, own_servers)
    check(result)


@pytest.mark.long
def test_servers_away(own_servers: Services) -> None:
    """A server that refuses or is a black hole: under 20 % of a processor, no more than one attempt a second."""
    result = outages(5, quiet, own_servers)
    check(result)
    assert "processor while a server is away" in result.figures
    assert any(name.startswith("reconnects per second of the broker") for name in result.figures)


def test_patience_of_a_connection(services: Services) -> None:
    """A connection that died without a word ends the wait of whoever asks, when its patience is over."""

    async def ask(proxy: Proxy) -> float:
        url = rerouted(services.database_url, proxy.port)
        connection = await db.connect(url, "test", patience=1)
        assert 7 == await db.value(connection, "select 7")
        proxy.lose()
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError):
            await db.value(connection, "select 8")
        assert connection.closed
        return time.monotonic() - began

    with in_front_of(services.database_url, 5432) as proxy:
        assert 1 <= asyncio.run(ask(proxy)) < 20
