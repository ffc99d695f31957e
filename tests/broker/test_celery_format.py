"""Messages for Celery are those of Celery's own publisher, and a body that is no task never stops anything."""

import datetime as dt
import json
from typing import Any

import pytest
from amqp.basic_message import Message as AmqpMessage
from celery import Celery
from celery.utils.saferepr import saferepr
from celery.worker.request import Request
from fix_frames import FRAME_MAX, NOW, Sent, read_messages
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kombu import Producer
from kombu.transport.pyamqp import Channel as AmqpChannel
from kombu.transport.pyamqp import Message as KombuMessage

from pgjobs.broker.formats.choice import check_for, format_for
from pgjobs.broker.formats.shown import LONGEST, shown
from pgjobs.errors import ConfigurationError
from pgjobs.joblog.record import Record

APP = Celery("tests", set_as_current=False)
PUBLISHED = dt.datetime.fromtimestamp(NOW, dt.UTC)
TEXTS = st.text(max_size=12) | st.text("a'\"\\%\n{[é", max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
NAMES = st.text(min_size=1, max_size=60).filter(lambda text: len(text.encode()) <= 255)
MOMENTS = st.datetimes(timezones=st.none() | st.just(dt.UTC))
SECONDS = st.integers(1, 10**6)


JOB: dict[str, Any] = {
    "channel": 1, "frame_max": FRAME_MAX, "exchange": "", "routing_key": "q", "message_type": None,
    "headers": {"x-job-id": 7},
}  # fmt: skip


class Recorder:
    """Stands for a channel of kombu; keeps the message that Celery publishes through it."""

    def __init__(self) -> None:
        self.connection = None
        self.message: Any = None

    def prepare_message(self, *args: Any, **kwargs: Any) -> Any:
        """As kombu makes it."""
        return AmqpChannel.prepare_message(self, *args, **kwargs)

    def basic_publish(self, message: Any, **_where: Any) -> None:
        """The message as it goes to the wire."""
        self.message = message


def by_celery(task_id: str, name: str, args: Any, kwargs: Any, **given: Any) -> tuple[bytes, bytes]:
    """The properties and the body of one task as Celery and kombu write them, with our message id and headers."""
    publishing = {key: given.pop(key) for key in ("priority", "headers", "message_id")}
    task = APP.amqp.as_task_v2(task_id, name, args, kwargs, origin="pgjobs", **given)
    recorder = Recorder()
    APP.amqp.send_task_message(
        Producer(recorder), name, task, exchange="", routing_key="q", retry=False, delivery_mode=2, **publishing
    )
    return recorder.message._serialize_properties(), recorder.message.body.encode()


def sent(body: dict[str, Any] | bytes, key: int = 5, **of_the_job: Any) -> Sent:
    """The one message that a record with this body becomes."""
    form = format_for("celery", **JOB | of_the_job)
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    (message,) = read_messages(form.frames("7-", [(key, b"", None, None, text)], NOW))
    return message


@settings(deadline=None)
@given(
    name=NAMES,
    args=st.lists(JSON, max_size=4),
    kwargs=st.dictionaries(TEXTS, JSON, max_size=4),
    ascii_only=st.booleans(),
    eta=st.none() | MOMENTS,
    expires=st.none() | MOMENTS | SECONDS,
    limits=st.tuples(st.none() | SECONDS, st.none() | SECONDS),
    priority=st.none() | st.integers(0, 255),
    shadow=st.none() | NAMES,
    ignore_result=st.none() | st.booleans(),
    key=st.integers(-(2**62), 2**62),
    attempt=st.none() | st.integers(1, 300),
    reply_to=st.none() | st.text("abc", min_size=1, max_size=60),
    by_option=st.booleans(),
)
def test_messages_are_those_of_celery(
    *,
    name: str,
    args: list[Any],
    kwargs: dict[str, Any],
    ascii_only: bool,
    eta: dt.datetime | None,
    expires: dt.datetime | int | None,
    limits: tuple[int | None, int | None],
    priority: int | None,
    shadow: str | None,
    ignore_result: bool | None,
    key: int,
    attempt: int | None,
    reply_to: str | None,
    by_option: bool,
) -> None:
    """Properties, headers and body equal those of Celery and kombu byte for byte, whatever is asked of the task."""
    assume(len(saferepr(args, LONGEST)) < LONGEST - 9 > len(saferepr(kwargs, LONGEST)))
    given: dict[str, Any] = {
        "task": name,
        "expires": expires.isoformat() if isinstance(expires, dt.datetime) else expires,
        "timelimit": list(limits),
        "priority": priority,
        "ignore_result": ignore_result,
    }
    fields = {"args": args, "kwargs": kwargs, "eta": eta and eta.isoformat(), "shadow": shadow}
    body = json.dumps(fields if by_option else fields | given, ensure_ascii=ascii_only).encode()
    options = given if by_option else {}
    message = sent(body, key=key, options=options, attempt=attempt, reply_to=reply_to)
    message_id = f"7-{key}" if attempt is None else f"7-{key}-{attempt}"
    properties, text = by_celery(
        f"7-{key}" if attempt in {None, 1} else message_id,
        name,
        args,
        kwargs,
        eta=eta,
        expires=expires,
        now=PUBLISHED,
        timezone=dt.UTC,
        time_limit=limits[0],
        soft_time_limit=limits[1],
        shadow=shadow,
        ignore_result=ignore_result if ignore_result is not None or not reply_to else False,
        reply_to=reply_to,
        priority=priority or 0,
        headers={"x-job-id": 7},
        message_id=message_id,
    )
    assert text == message.body
    assert properties == message.header
    assert message.properties.headers["task"] == name
    assert message.properties.correlation_id == message.properties.headers["id"]


def test_a_worker_reads_what_is_sent() -> None:
    """A worker's own code finds task, arguments, limits, moments, and whom to answer, where it looks for them."""

    def renew() -> None:
        """A worker has to know its name."""

    APP.task(renew, name="orders.renew")
    message = sent(
        {"task": "orders.renew", "args": [1, "é"], "kwargs": {"a": None}, "eta": "2031-01-02T03:04:05+02:00"}
        | {"expires": 60, "timelimit": [30, 20], "priority": 3, "shadow": "renewal"},
        attempt=2,
        reply_to="answers",
    )
    raw = AmqpMessage(message.body, channel=Recorder())
    raw._load_properties(60, message.header, 0)
    raw.delivery_info = {"delivery_tag": 1, "exchange": "", "routing_key": "q", "redelivered": False}
    request = Request(KombuMessage(raw, channel=Recorder(), accept={"application/json"}), app=APP)
    assert ("7-5-2", "orders.renew", "renewal", "7-5-2") == (
        request.id, request.type, request.name, request.root_id,
    )  # fmt: skip
    assert ([1, "é"], {"a": None}) == (request.args, request.kwargs)
    assert ("answers", "7-5-2", False) == (request.reply_to, request.correlation_id, request.ignore_result)
    assert [30, 20] == request.time_limits
    assert dt.datetime(2031, 1, 2, 1, 4, 5, tzinfo=dt.UTC) == request.eta
    assert PUBLISHED + dt.timedelta(seconds=60) == request.expires


def test_ids_of_attempts() -> None:
    """No two attempts have one id of a task, for a worker refuses one that has expired; the first names the record."""
    ids = [
        (each.properties.headers["id"], each.properties.correlation_id, each.properties.message_id)
        for each in (sent({"task": "t"}, attempt=attempt) for attempt in (None, 1, 2, 3))
    ]
    assert [
        ("7-5", "7-5", "7-5"), ("7-5", "7-5", "7-5-1"), ("7-5-2", "7-5-2", "7-5-2"), ("7-5-3", "7-5-3", "7-5-3"),
    ] == ids  # fmt: skip


def test_our_headers_stand_behind_celery_s() -> None:
    """A message that may have been sent before says so, and what a record leaves out comes from its type."""
    message = sent(
        {"priority": None, "expires": "2031-01-01"},
        headers={"x-job-id": 7, "x-maybe-duplicate": True},
        options={"task": "of.the.type", "priority": 9, "expires": 5},
    )
    headers = message.properties.headers
    assert ["x-job-id", "x-maybe-duplicate"] == list(headers)[-2:]
    assert ("of.the.type", "2031-01-01T00:00:00", 9) == (
        headers["task"], headers["expires"], message.properties.priority,
    )  # fmt: skip


def test_messages_of_many_kinds() -> None:
    """More kinds of messages than are kept compiled come out right, as do bodies of any size on routes of their own."""
    form = format_for("celery", **JOB)
    records: list[Record] = [
        (key, b"", None, None, json.dumps({"task": "t", "timelimit": key, "args": ["x" * key]}).encode(), b"k%d" % key)
        for key in range(1, 5001)
    ]
    messages = read_messages(form.frames("1-", records, NOW))
    assert [[key, None] for key in range(1, 5001)] == [each.properties.headers["timelimit"] for each in messages]
    assert [f"k{key}" for key in range(1, 5001)] == [each.routing_key for each in messages]
    assert list(range(1, 5001)) == [len(json.loads(each.body)[0][0]) for each in messages]


@settings(deadline=None)
@given(value=JSON)
def test_arguments_are_shown_as_celery_shows_them(value: Any) -> None:
    """What a worker logs is the same; only what is too long is cut in a simpler way."""
    text = shown(value)
    expected = saferepr(value, 10 * LONGEST)
    assert expected == text if len(expected) <= LONGEST else text == f"{expected[:LONGEST]}..."


@pytest.mark.parametrize("value", [["x" * 5000], [["[" * 2000]] * 3, list(range(5000)), {"'" * 3000: 1}])
def test_what_is_shown_is_cut(value: Any) -> None:
    """Headers have to fit into one frame: the text of arguments ends at Celery's length."""
    assert shown(value) == saferepr(value)[:LONGEST] + "..."


BAD = {
    b"": "no JSON: Expecting value: line 1 column 1 (char 0)",
    b"\xff": "no JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
    b'{"task": "t", "args": [NaN]}': "no JSON: NaN is no number",
    b'{"task": "t", "args": [-1e999]}': "no JSON: -1e999 is too large a number",
    b"[" * 100_000: "no JSON: maximum recursion depth exceeded while decoding a JSON array from a unicode string",
    b'{"task": "t", "args": ' + b"[" * 100 + b"]" * 100 + b"}": "more than 100 levels deep",
    b"null": "no JSON object",
    b'["t"]': "no JSON object",
    b"{}": "task is missing",
    b'{"task": null}': "task is missing",
    b'{"task": ""}': "task has to be a text of 1 to 255 bytes",
    b'{"task": 1}': "task has to be a text of 1 to 255 bytes",
    b'{"task": "\\ud800"}': "task has to be a text of 1 to 255 bytes",
    b'{"task": "%s"}' % (b"x" * 256): "task has to be a text of 1 to 255 bytes",
    b'{"task": "t", "shadow": {}}': "shadow has to be a text of 1 to 255 bytes",
    b'{"task": "t", "arg": []}': (
        "arg is none of task, expires, timelimit, priority, ignore_result, args, kwargs, eta, shadow"
    ),
    b'{"task": "t", "args": {}}': "args has to be an array",
    b'{"task": "t", "kwargs": []}': "kwargs has to be an object",
    b'{"task": "t", "eta": 5}': "eta has to be a moment in ISO 8601",
    b'{"task": "t", "eta": "soon"}': "eta has to be a moment in ISO 8601",
    b'{"task": "t", "eta": "0001-01-01T00:00:00+05:00"}': "eta has to be a moment in ISO 8601",
    b'{"task": "t", "expires": 0}': "expires has to be a moment in ISO 8601, or seconds up to 315360000",
    b'{"task": "t", "expires": true}': "expires has to be a moment in ISO 8601, or seconds up to 315360000",
    b'{"task": "t", "expires": 1e300}': "expires has to be a moment in ISO 8601, or seconds up to 315360000",
    b'{"task": "t", "timelimit": 1.5}': "timelimit has to be whole seconds up to 315360000, or [hard, soft]",
    b'{"task": "t", "timelimit": [1, 2, 3]}': "timelimit has to be whole seconds up to 315360000, or [hard, soft]",
    b'{"task": "t", "timelimit": ["1", 2]}': "timelimit has to be whole seconds up to 315360000, or [hard, soft]",
    b'{"task": "t", "priority": -1}': "priority has to be a whole number from 0 to 255",
    b'{"task": "t", "priority": "high"}': "priority has to be a whole number from 0 to 255",
    b'{"task": "t", "ignore_result": 1}': "ignore_result has to be true or false",
}


@pytest.mark.parametrize("body", BAD, ids=lambda body: body[:40].decode(errors="replace"))
def test_a_body_that_is_no_task(body: bytes) -> None:
    """It makes its record unfit with what is wrong, and leaves the others alone."""
    records: list[Record] = [(1, b"", None, None, body), (2, b"", None, None, b'{"task": "t"}')]
    (key, (code, detail)), = check_for("celery")(records).items()  # fmt: skip
    assert (1, b"bad_body", BAD[body]) == (key, code, (detail or b"").decode())


FIELDS = st.sampled_from(["task", "args", "kwargs", "eta", "expires", "timelimit", "priority", "shadow", "x"])


@settings(deadline=None)
@given(
    body=st.binary(max_size=30) | st.dictionaries(FIELDS, JSON | MOMENTS.map(str)).map(lambda o: json.dumps(o).encode())
)
def test_any_body_is_fit_or_refused(body: bytes) -> None:
    """Whatever a selector gives, it is either sent or skipped with a reason; nothing is raised."""
    refused = check_for("celery")([(1, b"", None, None, body)])
    if refused:
        assert refused[1].detail
    else:
        assert sent(body).properties.message_id == "7-5"


@pytest.mark.parametrize("given", [{"expires": "never"}, {"timelimit": []}, {"ignore_result": "no"}, {"task": ""}])
def test_options_that_no_task_can_have(given: dict[str, Any]) -> None:
    """The options of a type are refused with the field, before any of its records is looked at."""
    with pytest.raises(ConfigurationError, match=f"^format_options: {next(iter(given))} has to be "):
        check_for("celery", given)
