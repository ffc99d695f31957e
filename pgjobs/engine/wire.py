"""The private touches of pika, all in one place: joined frames out, plain acks in, a connection dropped at once.

pika makes objects and runs callbacks for every frame, thirty microseconds each; a quorum queue acks every few
messages. Tests guard each touch, and the range of versions is pinned.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection

ACK = struct.Struct(">BHIIQBB")
"""Frame type, channel, payload size, class and method, delivery tag, multiple, frame end."""
ACK_HEAD = (1, 13, 0x003C0050)
Acks = list[tuple[int, bool]]


class WireConnection(AsyncioConnection):  # type: ignore[misc] # pika ships no types
    """A connection that takes acks off the stream by itself, once somebody asks for them."""

    on_acks: Callable[[Acks], None] | None = None

    def _on_data_available(self, data_in: bytes) -> None:
        """Take the acks at the head of what came, while pika holds no part of a frame; the rest is pika's."""
        if self.on_acks is not None and not self._frame_buffer:
            acks = leading_acks(data_in)
            if acks:
                taken = len(acks) * ACK.size
                self.frames_received += len(acks)
                self.bytes_received += taken  # what the heartbeat checker looks at
                self.on_acks(acks)
                data_in = data_in[taken:]
        if data_in:
            super()._on_data_available(data_in)


def leading_acks(data: bytes) -> Acks:
    """The Basic.Ack frames, as (delivery tag, multiple), with which data begins."""
    acks: Acks = []
    whole = len(data) - len(data) % ACK.size
    for kind, _channel, size, method, tag, multiple, _end in ACK.iter_unpack(memoryview(data)[:whole]):
        if (kind, size, method) != ACK_HEAD:
            break
        acks.append((tag, bool(multiple & 1)))
    return acks


def write_joined(connection: Any, data: bytes) -> None:
    """Hand ready frames to the connection: pika has no public way to write joined ones."""
    connection._output_marshaled_frames([data])  # noqa: SLF001


def abort(connection: Any) -> None:
    """Drop the connection with what it has buffered: pika's public close() would still send it."""
    transport = connection._transport  # noqa: SLF001
    if transport is not None:
        transport.abort()
