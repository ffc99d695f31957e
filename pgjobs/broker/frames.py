"""A message template: the frames of messages that differ in few places, encoded once by pika; pure bytes, no I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pika import data, frame, spec

FRAME_END = b"\xce"
FRAME = struct.Struct(">BHI")
HEADER = struct.Struct(">BHIHHQ")
MOMENT = struct.Struct(">Q")
TABLE = struct.Struct(">I")
METHOD_TYPE, HEADER_TYPE, BODY_TYPE = 1, 2, 3
HEADER_CLASS = 60
FLAGS = 2
"""Bytes in front of the properties, which say what there is of them."""
OF_HEADERS = "headers."
PROPERTIES = (
    "content_type", "content_encoding", "headers", "delivery_mode", "priority", "correlation_id", "reply_to",
    "expiration", "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id",
)  # fmt: skip
"""In the order of AMQP, in which they stand in a header frame."""
LONGEST_SHORT = 255
"""Bytes of a routing key, and of every property that is a text."""

VARIES: Final = object()
"""Stands for a text that differs from record to record, as a property or as a header; as `timestamp` for the moment
of publishing."""


class Slot(NamedTuple):
    """What stands in the place of a varying text: a bytes format, and how long its result is."""

    form: bytes
    size: int


class Place(NamedTuple):
    """A piece of a header frame that is the same in all messages, and the name of what stands behind it.

    That is a slot, whose length stands in `width` bytes before it, or the moment, or the size of the table of headers.
    """

    before: bytes
    name: str
    width: int


class Template:
    """The frames of a job's messages on one channel.

    `properties` are those of all messages, VARIES where a text differs. A slot is named as its property, or
    `headers.name`; the routing key may differ as well. The body is any bytes.
    """

    def __init__(
        self, *, channel: int, frame_max: int, exchange: str, routing_key: str, properties: Mapping[str, Any]
    ) -> None:
        self.channel = channel
        self.chunk = frame_max - 8 if frame_max else 131072
        self._method = _method(channel, exchange, routing_key)
        # The payload for an empty key ends with the length of the key and the bits that follow it.
        payload = _method(channel, exchange, "")[FRAME.size : -1]
        self._before_key, self._behind_key = payload[:-2], payload[-1:] + FRAME_END
        self._layout = Layout(properties)

    def method(self, routing_key: bytes | None) -> bytes:
        """The frame that a message begins with; None: the routing key of the job."""
        if routing_key is None:
            return self._method
        size = len(self._before_key) + 1 + len(routing_key) + 1
        begin = FRAME.pack(METHOD_TYPE, self.channel, size)
        return b"".join((begin, self._before_key, len(routing_key).to_bytes(1, "big"), routing_key, self._behind_key))

    def head(self, body_size: int, timestamp: int, slots: Mapping[str, Slot]) -> bytes:
        """A bytes format of all between the method and a body of this size, with the forms of the slots in it."""
        layout = self._layout
        size = layout.size + sum(slot.size for slot in slots.values())
        header = HEADER.pack(HEADER_TYPE, self.channel, HEADER.size - FRAME.size + size, HEADER_CLASS, 0, body_size)
        form = [escaped(header)]
        for before, name, width in layout.places:
            form.append(before)
            if name == "timestamp":
                form.append(escaped(MOMENT.pack(timestamp)))
            elif name == "headers":
                varying = sum(slot.size for name, slot in slots.items() if name.startswith(OF_HEADERS))
                form.append(escaped(TABLE.pack(layout.table_size + varying)))
            else:
                form += (escaped(slots[name].size.to_bytes(width, "big")), slots[name].form)
        form += (escaped(layout.pending), FRAME_END)
        if 0 < body_size <= self.chunk:
            form.append(escaped(FRAME.pack(BODY_TYPE, self.channel, body_size)))
        return b"".join(form)

    def body(self, body: bytes) -> Iterator[bytes]:
        """The pieces of a body behind its head: of one that fits into a frame the head has begun the frame."""
        if 0 < len(body) <= self.chunk:
            yield from (body, FRAME_END)
            return
        for start in range(0, len(body), self.chunk):
            piece = body[start : start + self.chunk]
            yield from (FRAME.pack(BODY_TYPE, self.channel, len(piece)), piece, FRAME_END)


def escaped(text: bytes) -> bytes:
    """A text as it stands in a format."""
    return text.replace(b"%", b"%%")


def _method(channel: int, exchange: str, routing_key: str) -> bytes:
    publish = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
    return bytes(frame.Method(channel, publish).marshal())


class Layout:
    """The places of a header frame in their order; `pending` stands behind the last of them."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self.places: list[Place] = []
        self.pending = b""
        self.size = self.table_size = 0
        """As they are while all slots are empty."""
        self._add(_encoded({name: _sample(name, value) for name, value in properties.items()})[:FLAGS])
        for name in filter(properties.__contains__, PROPERTIES):
            value = properties[name]
            if name == "headers":
                self._add_headers(value)
            elif value is not VARIES:
                self._add(_encoded({name: value})[FLAGS:])
            elif name == "timestamp":
                self._open(name, MOMENT.size)
            else:
                self._open(name, 1)

    def _add_headers(self, headers: Mapping[str, Any]) -> None:
        self._open("headers", TABLE.size)
        before = self.size
        for name, value in headers.items():
            if value is VARIES:
                self._add(_entry(name, "")[: -TABLE.size])
                self._open(OF_HEADERS + name, TABLE.size)
            else:
                self._add(_entry(name, value))
        self.table_size = self.size - before

    def _add(self, text: bytes) -> None:
        self.pending += text
        self.size += len(text)

    def _open(self, name: str, width: int) -> None:
        self.places.append(Place(escaped(self.pending), name, width))
        self.pending = b""
        self.size += width


def _sample(name: str, value: object) -> object:
    """What pika makes the same flags of; the headers stand for themselves."""
    if name == "headers":
        return {}
    return (0 if name == "timestamp" else "") if value is VARIES else value


def _encoded(properties: Mapping[str, object]) -> bytes:
    return b"".join(spec.BasicProperties(**properties).encode())


def _entry(name: str, value: object) -> bytes:
    """One header as it stands in a table."""
    pieces: list[bytes] = []
    data.encode_table(pieces, {name: value})
    return b"".join(pieces[1:])
