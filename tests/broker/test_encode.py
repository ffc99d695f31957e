"""Frames are what pika would have sent, lines are what logfmt can read back, confirms settle exactly what they say."""

import asyncio
import datetime as dt
import importlib.metadata
import inspect
import random
from typing import Any

import pika
import pytest
from fix_daemon import read_line
from fix_frames import FRAME_MAX, NOW, by_pika
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.utils.io_services_utils import _AsyncStreamConnector
from pika.channel import Channel

from pgjobs.broker.confirms import Flight
from pgjobs.broker.connection import abort, write_joined
from pgjobs.broker.formats.event import EventFormat
from pgjobs.broker.frames import VARIES, Slot, Template
from pgjobs.broker.publisher import Publisher
from pgjobs.errors import Interrupted
from pgjobs.joblog.format import LogFormat, quoted
from pgjobs.joblog.record import Record, Refusal
from pgjobs.metrics import Metrics

WORDS = (
    ("duplicate", "duplicate", ": "),
    ("returned_unroutable", "Returned by the broker", ": "),
    ("too_long", "Too long msisdn", ", length: "),
    ("wrong_prefix", "Wrong prefix", ": "),
)
AT = dt.datetime(2017, 2, 1, 10, 39, 20, tzinfo=dt.UTC)


def event_by_pika(
    route: tuple[int, str, str], message_id: str, body: bytes, headers: dict[str, object], message_type: str
) -> bytes:
    """One event as pika's basic_publish marshals it."""
    return by_pika(
        *route,
        body,
        content_type="application/json",
        headers=headers,
        delivery_mode=2,
        message_id=message_id,
        timestamp=NOW,
        type=message_type,
        app_id="pgjobs",
    )


ROUTE = st.tuples(st.integers(1, 2047), st.text("abc.é%", max_size=20), st.text("abc.#%", max_size=100))
BODIES = st.binary(max_size=40) | st.integers(0, 3 * FRAME_MAX).map(lambda n: b"x" * n)


@settings(deadline=None)
@given(
    bodies=st.lists(BODIES, max_size=4),
    headers=st.fixed_dictionaries({"x-job-id": st.integers(1, 2**62)}, optional={"x-maybe-duplicate": st.booleans()}),
    route=ROUTE,
    message_type=st.sampled_from(["expired", "injection", "100 %d", "x" * 200]),
    prefix=st.text("0-%é", max_size=40),
    keys=st.lists(st.integers(-(2**62), 2**62) | st.integers(-20, 20) | st.integers(8, 11), unique=True, min_size=4),
    descending=st.booleans(),
)
def test_events_are_those_of_pika(
    *,
    bodies: list[bytes],
    headers: dict[str, object],
    route: tuple[int, str, str],
    message_type: str,
    prefix: str,
    keys: list[int],
    descending: bool,
) -> None:
    """Joined frames equal byte for byte what pika marshals, whatever the size of the bodies and of the keys."""
    channel, exchange, routing_key = route
    form = EventFormat(
        channel=channel, frame_max=FRAME_MAX, exchange=exchange, routing_key=routing_key, message_type=message_type,
        headers=headers,
    )  # fmt: skip
    ordered = sorted(keys[: len(bodies)], reverse=descending)
    records: list[Record] = [(key, b"", None, None, body) for key, body in zip(ordered, bodies, strict=True)]
    expected = [event_by_pika(route, f"{prefix}{r[0]}", r[4], headers, message_type) for r in records]
    assert b"".join(expected) == form.frames(prefix, records, NOW)


HEADERS: dict[str, Any] = {"a": 1, "%": "%d", "none": None, "list": [1, None], "text": "x" * 300, "é": "é%"}
VALUES: dict[str, Any] = {
    "content_type": "application/json", "content_encoding": "utf-8", "headers": HEADERS, "delivery_mode": 2,
    "priority": 4, "correlation_id": "item 7", "reply_to": "answers", "expiration": "60000", "message_id": "7-1",
    "timestamp": NOW, "type": "task", "user_id": "guest", "app_id": "pgjobs", "cluster_id": "c",
}  # fmt: skip
TEXTS = [name for name, value in VALUES.items() if isinstance(value, str)]


@settings(deadline=None)
@given(
    route=ROUTE,
    own_key=st.none() | st.text("abc.#%é", max_size=100),
    constant=st.sets(st.sampled_from(list(VALUES))),
    slots=st.dictionaries(st.sampled_from(TEXTS), st.text("ab%é", max_size=60)),
    headers=st.dictionaries(st.sampled_from(list(HEADERS)), st.text("ab%é", max_size=300)),
    body=BODIES,
)
def test_a_template_with_any_slots(
    route: tuple[int, str, str],
    own_key: str | None,
    constant: set[str],
    slots: dict[str, str],
    headers: dict[str, str],
    body: bytes,
) -> None:
    """Whichever properties, headers and routing keys are the same and whichever vary, the frames are those of pika."""
    channel, exchange, routing_key = route
    same = {name: VALUES[name] for name in VALUES if name in constant and name not in slots}
    texts = {f"headers.{name}": headers[name] for name in HEADERS if name in headers and "headers" in same}
    texts |= {name: slots[name] for name in VALUES if name in slots}
    varying = dict.fromkeys(slots, VARIES)
    if "timestamp" in same:
        varying["timestamp"] = VARIES
    if "headers" in same:
        varying["headers"] = HEADERS | dict.fromkeys(headers, VARIES)
    template = Template(
        channel=channel, frame_max=FRAME_MAX, exchange=exchange, routing_key=routing_key, properties=same | varying
    )
    head = template.head(len(body), NOW, {name: Slot(b"%b", len(text.encode())) for name, text in texts.items()})
    method = template.method(None if own_key is None else own_key.encode())
    filled = same | slots | ({"headers": HEADERS | headers} if "headers" in same else {})
    expected = by_pika(channel, exchange, routing_key if own_key is None else own_key, body, **filled)
    in_order = sorted(texts, key=lambda name: (list(VALUES).index(name.partition(".")[0]), list(texts).index(name)))
    values = tuple(texts[name].encode() for name in in_order)
    assert expected == b"".join([method, head % values, *template.body(body)])


def test_bodies_around_the_frame_limit() -> None:
    """A body that fills a frame exactly is one frame; one byte more makes two; an empty one none, as in pika."""
    form = EventFormat(channel=1, frame_max=FRAME_MAX, exchange="", routing_key="q", message_type="expired", headers={})
    for size in (0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, 2 * FRAME_MAX - 16, 2 * FRAME_MAX):
        body = b"b" * size
        expected = event_by_pika((1, "", "q"), "1-1", body, {}, "expired")
        assert expected == form.frames("1-", [(1, b"", None, None, body)], NOW), size


def test_private_touches_of_pika() -> None:
    """The two private calls into pika still exist and mean what they meant: marshaled frames out, transport down."""
    version = tuple(map(int, importlib.metadata.version("pika").split(".")[:3]))
    assert (1, 4, 4) <= version < (1, 5)
    assert ["self", "marshaled_frames"] == list(
        inspect.signature(AsyncioConnection._output_marshaled_frames).parameters
    )
    assert "_transport" in inspect.getsource(AsyncioConnection.__mro__[1])
    assert ["self", "error"] == list(inspect.signature(AsyncioConnection._terminate_stream).parameters)
    assert _AsyncStreamConnector
    assert "basic_publish" in Channel.__dict__

    class Transport:
        written: list[bytes]
        aborted = False

        def __init__(self) -> None:
            self.written = []

        def write(self, data: bytes) -> None:
            self.written.append(data)

        def abort(self) -> None:
            self.aborted = True

    connection = AsyncioConnection.__new__(AsyncioConnection)
    connection._transport = transport = Transport()
    connection.bytes_sent = connection.frames_sent = 0
    connection._opened, connection._heartbeat_checker = True, None
    connection.connection_state = connection.CONNECTION_OPEN
    write_joined(connection, b"several frames")
    abort(connection)
    assert [b"several frames"] == transport.written
    assert transport.aborted


@settings(deadline=None)
@given(value=st.binary(max_size=60))
def test_any_bytes_survive_quoting(value: bytes) -> None:
    """Whatever a line of a file holds, its log line is one line of UTF-8 and gives the bytes back."""
    (line,) = LogFormat().lines(AT, [(7, value, None, None, b"")], {})
    assert line.endswith(b"\n")
    assert 1 == len(line.decode().splitlines())
    read = read_line(line[:-1])
    assert (value, "sent", None, 7, "2017-02-01T10:39:20Z") == (
        read.msg, read.action, read.error, read.key, read.time,
    )  # fmt: skip


@settings(deadline=None)
@given(value=st.text(max_size=40), detail=st.text(max_size=40))
def test_any_text_survives_quoting(value: str, detail: str) -> None:
    """Targets and details of any script survive, and can't end a line or forge a field."""
    (line,) = LogFormat(WORDS).lines(AT, [(7, value.encode(), b"too_long", detail.encode(), b"")], {})
    read = read_line(line[:-1])
    assert (value.encode(), "skip", f"Too long msisdn, length: {detail}") == (read.msg, read.action, read.error)
    assert quoted(value.encode()).isascii() or all(char.isprintable() for char in quoted(value.encode()).decode())


def test_lines_of_the_contract() -> None:
    """The two lines that the contract shows come out letter by letter; what the broker gave back is a skip."""
    records = [
        (1, b"123123123123", b"wrong_prefix", b"123123123123", b""),
        (365256, b"923000217540", None, None, b""),
        (9, b"923000217541", None, None, b""),
        (10, b"923000217542", b"duplicate", None, b""),
        (11, b"923000217543", b"never_heard_of", None, b""),
        (12, b"923000217543", b"never_heard_of", b"at all", b""),
    ]
    stamp = b'time="2017-02-01T10:39:20Z" level=info '
    assert [
        stamp + b'msg=123123123123 action=skip error="Wrong prefix: 123123123123" id=1\n',
        stamp + b"msg=923000217540 action=sent id=365256\n",
        stamp + b'msg=923000217541 action=skip error="Returned by the broker: 312 NO_ROUTE" id=9\n',
        stamp + b"msg=923000217542 action=skip error=duplicate id=10\n",
        stamp + b"msg=923000217543 action=skip error=never_heard_of id=11\n",
        stamp + b'msg=923000217543 action=skip error="never_heard_of: at all" id=12\n',
    ] == LogFormat(WORDS).lines(AT, records, {9: Refusal(b"returned_unroutable", b"312 NO_ROUTE")})


@given(code=st.sampled_from([b"too_long", b"duplicate", b"no_words"]), detail=st.none() | st.text(max_size=20))
def test_the_code_of_a_line_is_found_again(code: bytes, detail: str | None) -> None:
    """What a line says of a record that was not sent leads back to its code, whatever the detail is."""
    log_format = LogFormat(WORDS)
    (line,) = log_format.lines(AT, [(7, b"x", code, None if detail is None else detail.encode(), b"")], {})
    error = read_line(line[:-1]).error
    assert error is not None
    assert code.decode() == log_format.code_of(error)
    assert "Something else" == log_format.code_of("Something else")


class Wire(Publisher):
    """A publisher without a broker: what it writes is kept, what the broker answers is made up."""

    def __init__(self) -> None:
        super().__init__(Metrics(), stall_seconds=5)
        self.connection.raw = AsyncioConnection.__new__(AsyncioConnection)
        self.connection.raw._output_marshaled_frames = lambda _frames: None
        self.made = EventFormat(
            channel=1, exchange="", routing_key="q", message_type="t", headers={}, frame_max=FRAME_MAX
        )

    def send(self, *keys: int) -> Flight:
        """Publish records with these keys."""
        return self.publish([(self.made, [(key, b"", None, None, b"{}") for key in keys])], "1-")

    def answer(self, tag: int, *, multiple: bool = False, nack: bool = False) -> None:
        """An answer of the broker."""
        kind = spec.Basic.Nack if nack else spec.Basic.Ack
        self._on_confirm(pika.frame.Method(1, kind(delivery_tag=tag, multiple=multiple)))


def test_confirms_as_ranges() -> None:
    """A multiple confirm settles everything up to its tag, a single one only itself, in any order."""

    async def play() -> None:
        wire = Wire()
        assert 0 == wire._confirms.behind
        first, second = wire.send(10, 11, 12), wire.send(20, 21)
        assert 2 == wire._confirms.behind
        wire.answer(3)
        wire.answer(5)
        assert not first.done.done()
        wire.answer(2, multiple=True)
        assert first.done.done()
        assert 0 == wire._confirms.behind
        assert not second.done.done()
        wire.answer(4)
        assert second.done.done()
        assert [] == first.nacked == second.nacked

    asyncio.run(play())


def test_nacks_name_their_records() -> None:
    """A nack, single or of a range, names exactly the records it is about, also across two flights."""

    async def play() -> None:
        wire = Wire()
        first, second = wire.send(10, 11, 12), wire.send(20, 21)
        wire.answer(2)
        wire.answer(4, multiple=True, nack=True)
        wire.answer(5)
        assert first.done.done()
        assert second.done.done()
        assert [10, 12] == first.nacked
        assert [20] == second.nacked
        again = wire.send(10, 12)
        wire.answer(6, nack=True)
        wire.answer(7, multiple=True)
        assert [10] == again.nacked

    asyncio.run(play())


def test_nothing_to_publish() -> None:
    """A window without messages is settled at once and takes no tag."""

    async def play() -> None:
        wire = Wire()
        assert wire.send().done.done()
        flight = wire.send(1)
        wire.answer(1)
        assert flight.done.done()

    asyncio.run(play())


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 6), min_size=1, max_size=6), seed=st.integers(0, 2**32), refused=st.floats(0, 1))
def test_any_order_of_confirms(sizes: list[int], seed: int, refused: float) -> None:
    """Whatever ranges and order the broker answers in, a flight is done exactly when all of it is answered."""

    async def play() -> None:
        rng = random.Random(seed)  # noqa: S311 - an order to be repeated, not a secret
        wire = Wire()
        flights: list[tuple[Flight, list[int]]] = []
        tag_of: dict[int, int] = {}
        for number, size in enumerate(sizes):
            keys = [number * 10 + i for i in range(size)]
            flights.append((wire.send(*keys), keys))
            tag_of |= {key: len(tag_of) + i + 1 for i, key in enumerate(keys)}
        open_tags, nacked = set(tag_of.values()), set()
        while open_tags:
            tag, multiple, nack = rng.choice(sorted(open_tags)), rng.random() < 0.5, rng.random() < refused
            settled = {each for each in open_tags if each <= tag} if multiple else {tag}
            wire.answer(tag, multiple=multiple, nack=nack)
            nacked |= settled if nack else set()
            open_tags -= settled
            done = True
            for flight, keys in flights:
                done = done and not any(tag_of[key] in open_tags for key in keys)
                assert (done or not keys) == flight.done.done()
        for flight, keys in flights:
            assert {key for key in keys if tag_of[key] in nacked} == set(flight.nacked)
            assert len(flight.nacked) == len(set(flight.nacked))

    asyncio.run(play())


def test_returned_messages_are_matched() -> None:
    """What the broker gives back is matched to its record by message id, once."""

    async def play() -> None:
        wire = Wire()
        wire.send(1, 2)
        method = spec.Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="", routing_key="q")
        wire._on_return(None, method, pika.BasicProperties(message_id="1-2"), b"{}")
        records = [(1, b"", None, None, b""), (2, b"", None, None, b"")]
        assert {2: Refusal(b"returned_unroutable", b"312 NO_ROUTE")} == wire.take_returned("1-", records)
        assert {} == wire.take_returned("1-", records)

    asyncio.run(play())


def test_silence_of_the_broker_is_bounded() -> None:
    """A broker that never confirms interrupts the run after stall_seconds; a blocked one does not."""

    async def play() -> None:
        wire = Wire()
        wire.connection.stall_seconds = 0.01
        flight = wire.send(1)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            ticks += 1
            if wire.blocked_since is not None:
                wire.answer(1)

        with pytest.raises(Interrupted, match="no confirm from the broker"):
            await wire.settle(flight, tick)
        assert 1 == ticks
        wire.connection.blocked_since = 1.0
        await wire.settle(flight, tick)
        assert flight.done.done()

    asyncio.run(play())
