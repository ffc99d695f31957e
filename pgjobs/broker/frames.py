"""A message template: the frames of messages that differ in few places, encoded once by pika; pure bytes, no I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pika import frame, spec

FRAME_END = b"\xce"
HEADER = struct.Struct(">BHIHHQ")
BODY = struct.Struct(">BHI")
MOMENT = struct.Struct(">Q")
HEADER_CLASS = 60
PROPERTIES = (
    "content_type", "content_encoding", "headers", "delivery_mode", "priority", "correlation_id", "reply_to",
    "expiration", "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id",
)  # fmt: skip
"""In the order of AMQP, in which they stand in a header frame."""


class Slot(NamedTuple):
    """What stands in the place of a varying property: a bytes format, and how long its result is."""

    form: bytes
    size: int


class Template:
    """The frames of a job's messages on one channel.

    `constant` are the properties that all messages share, `slots` the names of those that vary from record to record:
    short texts. The timestamp is that of the moment of publishing, and the body is any bytes.
    """

    def __init__(
        self,
        *,
        channel: int,
        frame_max: int,
        exchange: str,
        routing_key: str,
        constant: Mapping[str, object],
        slots: Sequence[str],
    ) -> None:
        publish = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
        self.channel = channel
        self.chunk = frame_max - 8 if frame_max else 131072
        self._method = frame.Method(channel, publish).marshal()
        self._flags = _encoded(dict.fromkeys(slots, "x") | {"timestamp": 0} | dict(constant))[:2]
        self._places: list[tuple[str, bytes]] = []
        for name in PROPERTIES:
            if name == "timestamp" or name in slots:
                self._places.append((name, b""))
            elif name in constant:
                self._places.append((name, _encoded({name: constant[name]})[2:]))

    def head(self, body_size: int, timestamp: int, slots: Mapping[str, Slot]) -> bytes:
        """A bytes format of all that stands before a body of this size, with the forms of the slots in their places."""
        form, size = [_plain(self._flags)], len(self._flags)
        for name, encoded in self._places:
            if name in slots:
                form += [_plain(slots[name].size.to_bytes(1, "big")), slots[name].form]
                size += 1 + slots[name].size
            else:
                text = MOMENT.pack(timestamp) if name == "timestamp" else encoded
                form.append(_plain(text))
                size += len(text)
        header = HEADER.pack(2, self.channel, HEADER.size - 7 + size, HEADER_CLASS, 0, body_size)
        begin = BODY.pack(3, self.channel, body_size) if 0 < body_size <= self.chunk else b""
        return b"".join([_plain(self._method + header), *form, FRAME_END, _plain(begin)])

    def body(self, body: bytes) -> Iterator[bytes]:
        """The pieces of a body behind its head: of one that fits into a frame the head has begun the frame."""
        if 0 < len(body) <= self.chunk:
            yield from (body, FRAME_END)
            return
        for start in range(0, len(body), self.chunk):
            piece = body[start : start + self.chunk]
            yield from (BODY.pack(3, self.channel, len(piece)), piece, FRAME_END)


def _encoded(properties: Mapping[str, object]) -> bytes:
    return b"".join(spec.BasicProperties(**properties).encode())


def _plain(text: bytes) -> bytes:
    """A text as it stands in a format."""
    return text.replace(b"%", b"%%")
