"""The metrics listener of a daemon: what it answers, what it refuses, and that the work never depends on it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
from fix_daemon import Engine
from fix_services import soon_async
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from pgjobs.engine import exposition
from pgjobs.engine.exposition import MOST_CONNECTIONS, RANGE, REQUEST_BYTES, MetricsListener
from pgjobs.errors import PgjobsError
from pgjobs.joblog.rules import HOST
from pgjobs.lab.process import free_port
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings


@contextlib.asynccontextmanager
async def listening(bind: str) -> AsyncIterator[MetricsListener]:
    """A listener that serves."""
    listener = MetricsListener(bind, Metrics())
    serving = asyncio.create_task(listener.run(lambda: None))
    try:
        assert await soon_async(lambda: bool(listener.address))
        yield listener
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def within(act: Callable[[MetricsListener], Awaitable[None]], bind: str = "127.0.0.1:0") -> None:
    """Do something with a listener that serves."""

    async def run() -> None:
        async with listening(bind) as listener:
            await act(listener)

    asyncio.run(run())


async def said(address: str, request: bytes) -> bytes:
    """All that comes back for these bytes."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    received = b""
    with contextlib.suppress(ConnectionError):
        writer.write(request)
        received = await reader.read()
    writer.close()
    return received


def test_it_answers_a_scrape() -> None:
    """GET /metrics is answered with the text format of Prometheus, whatever stands in the query string."""

    async def act(listener: MetricsListener) -> None:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://{listener.address}/metrics?a=b")
            head = await client.head(f"http://{listener.address}/metrics")
        assert (200, 200) == (answer.status_code, head.status_code)
        assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
        assert "pgjobs_published" in {family.name for family in text_string_to_metric_families(answer.text)}
        assert b"" == head.content

    within(act)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /metrics/ HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"\x00\xff", b"404"),
        (b"", b"404"),
    ],
)
def test_it_answers_nothing_else(request_line: bytes, status: bytes) -> None:
    """Other paths, other methods and rubbish are refused, and the connection is closed."""

    async def act(listener: MetricsListener) -> None:
        answer = await said(listener.address, request_line + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b"pgjobs_published" not in answer

    within(act)


def test_a_request_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends too much, or too slowly, gets no answer; neither they nor a crowd keep others out for long."""
    monkeypatch.setattr(exposition, "REQUEST_SECONDS", 0.3)

    async def act(listener: MetricsListener) -> None:
        assert b"" == await said(listener.address, b"GET /metrics HTTP/1.1\r\nx: " + b"x" * 3 * REQUEST_BYTES)
        assert b"" == await said(listener.address, b"GET /metrics HTTP/1.1\r\n")
        crowd = await asyncio.gather(*(said(listener.address, b"GET /") for _ in range(3 * MOST_CONNECTIONS)))
        assert {b""} == set(crowd)
        monkeypatch.setattr(exposition, "REQUEST_SECONDS", 30)  # this one has its time on a busy machine, too
        assert (await said(listener.address, b"GET /metrics HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")

    within(act)


def test_the_next_daemon_takes_the_next_port(caplog: pytest.LogCaptureFixture) -> None:
    """A second one of the same machine listens beside the first, and says where; a third one, too."""
    caplog.set_level(logging.INFO)

    async def act() -> None:
        port = free_port()
        bind = f"127.0.0.1:{port}"
        async with listening(bind) as one, listening(bind) as two, listening(bind) as three:
            ports = [int(each.address.rpartition(":")[2]) for each in (one, two, three)]
            assert port == ports[0] < ports[1] < ports[2] < port + RANGE
            assert f"metrics are at http://{two.address}/metrics; port {port} is taken" in caplog.text
            assert (await said(three.address, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200")

    asyncio.run(act())


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address whose whole range of ports is taken."""
    monkeypatch.setattr(exposition, "RANGE", 1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def test_a_range_that_is_taken_is_told_and_tried_again(
    taken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A listener that finds no port says so, goes on trying, and ends nothing."""
    monkeypatch.setattr(exposition, "RETRY_SECONDS", 0.01)

    async def act() -> None:
        listener = MetricsListener(taken, Metrics())
        serving = asyncio.create_task(listener.run(lambda: None))
        assert await soon_async(lambda: caplog.text.count(f"PGJOBS_METRICS_BIND {taken}: Prometheus is not served") > 1)
        assert not serving.done()
        assert "" == listener.address
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(act())


def test_without_an_address_nobody_listens() -> None:
    """With an empty setting the listener has nothing to do, and its task ends."""

    async def act() -> None:
        listener = MetricsListener("", Metrics())
        await asyncio.wait_for(listener.run(lambda: None), 10)
        assert "" == listener.address

    asyncio.run(act())


def test_an_address_for_other_machines_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond loopback the log says that others may read; where it listens everywhere, the host's name is told."""
    caplog.set_level(logging.INFO)

    async def act(listener: MetricsListener) -> None:
        assert listener.address.startswith(f"{HOST}:")
        assert "other machines may read them" in caplog.text

    within(act, "0.0.0.0:0")


@pytest.mark.parametrize("bind", ["127.0.0.1:50304", "[::1]:0", "localhost:9", "0.0.0.0:50304", ""])
def test_addresses_that_can_be_set(bind: str) -> None:
    """It is an address with a port; an empty one is none."""
    assert bind == read_settings(metrics_bind=bind).metrics_bind


@pytest.mark.parametrize("bind", ["50304", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:", ":50304", "x"])
def test_addresses_that_are_refused(bind: str) -> None:
    """Anything else is one sentence that says what it has to be."""
    with pytest.raises(PgjobsError, match="it has to be address:port"):
        read_settings(metrics_bind=bind)


def test_counters_are_there_before_the_first_record(engine: Engine) -> None:
    """Whoever finds a daemon finds its counters at 0: what each type has sent, too. So the first increase is seen."""
    engine.start(metrics_bind="127.0.0.1:0")
    engine.wait_until("exists (select from pgjobs.daemons where metrics_address <> '')")
    address = engine.value("select metrics_address from pgjobs.daemons")
    text = httpx.get(f"http://{address}/metrics", timeout=30).text
    families = {f.name: f for f in text_string_to_metric_families(text)}
    counters = {name: family for name, family in families.items() if family.type == "counter" and "pgjobs" in name}
    assert {"pgjobs_broker_reconnects"} == {name for name, family in counters.items() if not family.samples}
    assert {0.0} == {sample.value for family in counters.values() for sample in family.samples}
    types = engine.value("select array_agg(name::text order by name) from xmp_job_types")
    assert types
    assert types == sorted(sample.labels["type"] for sample in counters["pgjobs_records"].samples)


def test_a_daemon_shows_what_it_does(engine: Engine) -> None:
    """What a running daemon has published and confirmed is at the address that stands in pgjobs.daemons, and its
    heartbeat is told; when it ends, the address goes."""
    engine.add_retries(40)
    daemon = engine.start(metrics_bind="127.0.0.1:0", window=10)
    engine.wait_until("exists (select from pgjobs.daemons where metrics_address <> '')")
    engine.wait_status(engine.add_job("expired"), "done")
    address = engine.value("select metrics_address from pgjobs.daemons")
    families: dict[str, Metric] = {}

    def all_are_counted() -> bool:
        """A daemon counts a window when its checkpoint is stored, so a moment after the job is done."""
        text = httpx.get(f"http://{address}/metrics", timeout=30).text
        families.update({family.name: family for family in text_string_to_metric_families(text)})
        return 40 == sum(sample.value for sample in families["pgjobs_records"].samples)

    engine.wait_for(all_are_counted, "every record is counted")
    numbers = {name: family.samples[0].value for name, family in families.items() if len(family.samples) == 1}
    assert (40, 40, 4) == tuple(numbers[f"pgjobs_{name}"] for name in ("published", "confirmed", "windows_published"))
    [sent] = [s for s in families["pgjobs_records"].samples if s.value]
    assert ({"type": "expired", "action": "sent", "code": "", "dry_run": "false"}, 40) == (sent.labels, sent.value)
    assert numbers["pgjobs_last_beat_timestamp_seconds"] > 1e9
    assert numbers["pgjobs_log_volume_size_bytes"] >= numbers["pgjobs_log_volume_free_bytes"] > 0
    assert 1 == numbers["pgjobs_listening"]
    assert 0 == daemon.terminate()
    assert 0 == engine.value("select count(*) from pgjobs.daemons")
