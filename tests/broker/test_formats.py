"""The formats of messages without and with attempts: byte for byte what pika would send, on routes of their own."""

from typing import Any

import pytest
from fix_frames import FRAME_MAX, NOW, by_pika, read_messages
from hypothesis import given, settings
from hypothesis import strategies as st
from pika.exceptions import ShortStringTooLong

from pgjobs.broker.formats.choice import FORMATS, check_for, format_for
from pgjobs.errors import ConfigurationError
from pgjobs.joblog.record import Record, Refusal

JOB: dict[str, Any] = {
    "channel": 1, "frame_max": FRAME_MAX, "exchange": "", "routing_key": "q", "message_type": "t", "headers": {},
}  # fmt: skip
CONSTANT: dict[str, dict[str, Any]] = {
    "event": {"content_type": "application/json", "delivery_mode": 2, "type": "t", "app_id": "pgjobs"},
    "plain": {"content_type": "application/json", "delivery_mode": 2},
}
BODIES = st.binary(max_size=40) | st.integers(0, 3 * FRAME_MAX).map(lambda n: b"x" * n)
KEYS = st.integers(-(2**62), 2**62) | st.integers(-20, 20) | st.integers(8, 11)
NUMBER = 4


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(CONSTANT)),
    bodies=st.lists(BODIES, min_size=NUMBER, max_size=NUMBER),
    headers=st.fixed_dictionaries({"x-job-id": st.integers(1, 2**62)}, optional={"x-maybe-duplicate": st.just(True)}),
    prefix=st.text("0-%é", max_size=40),
    keys=st.lists(KEYS, unique=True, min_size=NUMBER, max_size=NUMBER),
    descending=st.booleans(),
    attempt=st.none() | st.integers(1, 32767),
    reply_to=st.none() | st.text("abc.%", max_size=255),
    routing_keys=st.none()
    | st.lists(st.none() | st.text("abc.%é", max_size=100), min_size=NUMBER, max_size=NUMBER)
    | st.lists(st.text("x", min_size=254, max_size=255), min_size=NUMBER, max_size=NUMBER),
)
def test_messages_are_those_of_pika(
    *,
    name: str,
    bodies: list[bytes],
    headers: dict[str, object],
    prefix: str,
    keys: list[int],
    descending: bool,
    attempt: int | None,
    reply_to: str | None,
    routing_keys: list[str | None] | None,
) -> None:
    """Each property says what it has to, whichever attempt it is, wherever the answer and the message go."""
    form = format_for(name, **JOB | {"headers": headers}, attempt=attempt, reply_to=reply_to)
    records: list[Record] = []
    expected = []
    for key, body, own in zip(sorted(keys, reverse=descending), bodies, routing_keys or [None] * NUMBER, strict=True):
        record = (key, b"", None, None, body)
        records.append(record if routing_keys is None else (*record, None if own is None else own.encode()))
        properties = CONSTANT[name] | {"headers": headers, "timestamp": NOW, "message_id": f"{prefix}{key}"}
        if attempt is not None:
            properties |= {"message_id": f"{prefix}{key}-{attempt}", "correlation_id": f"{prefix}{key}"}
        if reply_to is not None:
            properties["reply_to"] = reply_to
        expected.append(by_pika(1, "", "q" if own is None else own, body, **properties))
    assert b"".join(expected) == form.frames(prefix, records, NOW)


def test_an_attempt_names_itself_and_its_record() -> None:
    """The correlation id is the same for all attempts of a record, and each message id is given once."""
    records: list[Record] = [(key, b"", None, None, b"{}") for key in (-1, 7, 123)]
    for name in CONSTANT:
        sent = [
            [
                (each.properties.correlation_id, each.properties.message_id)
                for each in read_messages(format_for(name, **JOB, attempt=attempt).frames("5-", records, NOW))
            ]
            for attempt in (1, 2)
        ]
        assert [[("5--1", "5--1-1"), ("5-7", "5-7-1"), ("5-123", "5-123-1")],
                [("5--1", "5--1-2"), ("5-7", "5-7-2"), ("5-123", "5-123-2")]] == sent  # fmt: skip


def test_nothing_to_send_is_nothing() -> None:
    """No records make no bytes, in any format."""
    assert [b"" for _ in FORMATS] == [format_for(name, **JOB).frames("1-", [], NOW) for name in FORMATS]


@pytest.mark.parametrize("name", FORMATS)
def test_a_routing_key_that_no_frame_can_say(name: str) -> None:
    """More than 255 bytes make a record unfit, and it alone; the other records find no fault."""
    body = b'{"task": "t"}'
    records: list[Record] = [
        (1, b"", None, None, body, None),
        (2, b"", None, None, body, b"x" * 255),
        (3, b"", None, None, body, "é".encode() * 128),
    ]
    assert {3: Refusal(b"bad_routing_key", b"256")} == check_for(name)(records)
    assert {} == check_for(name)(records[:2]) == check_for(name)([(3, b"", None, None, body)])
    assert ["q", "x" * 255] == [
        each.routing_key for each in read_messages(format_for(name, **JOB).frames("1-", records[:2], NOW))
    ]


def test_wrong_formats_are_refused() -> None:
    """A name or an option that there is not, or a value that an option can't have, is refused in one sentence."""
    for problem, name, options in (
        ("there is no message format 'xml', only event, plain, celery", "xml", {}),
        ("format_options: task: messages of this format have none", "event", {"task": "t"}),
        ("format_options: a, b: messages of this format have none", "plain", {"a": 1, "b": None}),
        ("format_options: args is none of task, expires, timelimit, priority, ignore_result", "celery", {"args": []}),
        ("format_options: priority has to be a whole number from 0 to 255", "celery", {"priority": 256}),
    ):
        for ask in (check_for, lambda of, given: format_for(of, **JOB, options=given)):
            with pytest.raises(ConfigurationError) as refused:
                ask(name, options)
            assert problem == refused.value.sentence


def test_a_reply_queue_that_can_not_be_named() -> None:
    """pika refuses it when the format is made, before anything is sent."""
    for name in FORMATS:
        with pytest.raises(ShortStringTooLong):
            format_for(name, **JOB, reply_to="x" * 256).frames("1-", [(1, b"", None, None, b'{"task": "t"}')], NOW)
