"""Frames as pika writes and reads them: what a publisher of pika would have sent, and the messages in ready bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pika
from pika import frame, spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.connection import Connection

FRAME_MAX = 4096
NOW = 1485945560


def by_pika(channel: int, exchange: str, routing_key: str, body: bytes, **properties: Any) -> bytes:
    """One message as pika's basic_publish marshals it."""
    method = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
    connection = Connection.__new__(AsyncioConnection)
    connection._body_max_length = FRAME_MAX - 8
    written: list[bytes] = []
    connection._output_marshaled_frames = written.extend
    connection._send_message(channel, method, (pika.BasicProperties(**properties), body))
    return b"".join(written)


@dataclass
class Sent:
    """One message, as pika reads it; `header` is the frame of its properties without what surrounds them."""

    exchange: str
    routing_key: str
    properties: pika.BasicProperties
    header: bytes
    body: bytes


def read_messages(data: bytes) -> list[Sent]:
    """The messages whose frames these are; anything that is no whole frame is an error."""
    sent: list[Sent] = []
    while data:
        size, found = frame.decode_frame(data)
        assert found is not None
        if isinstance(found, frame.Method):
            assert isinstance(found.method, spec.Basic.Publish)
            assert found.method.mandatory
            sent.append(Sent(found.method.exchange, found.method.routing_key, pika.BasicProperties(), b"", b""))
        elif isinstance(found, frame.Header):
            sent[-1].properties, sent[-1].header = found.properties, data[19 : size - 1]
        else:
            sent[-1].body += found.fragment
        data = data[size:]
    return sent
