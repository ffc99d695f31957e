"""Turn a window of records into AMQP frames; pure bytes, no I/O.

The method frame is the same for every message of a route, the header frame nearly so: both are made once and
only the message id and the body vary. One window becomes one `bytes` object, written with one call.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pika import frame, spec

from pgjobs.joblog.record import Record

FRAME_END = b"\xce"
HEADER = struct.Struct(">BHIHHQ")
BODY = struct.Struct(">BHI")


class Envelope:
    """Everything of a message but its id and body, for one job on one channel of a connection."""

    def __init__(
        self,
        *,
        channel: int,
        exchange: str,
        routing_key: str,
        app_id: str,
        message_type: str | None,
        headers: dict[str, object],
        timestamp: int,
        frame_max: int,
    ) -> None:
        publish = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
        before = {"content_type": "application/json", "headers": headers, "delivery_mode": 2}
        after = {"timestamp": timestamp, "type": message_type, "app_id": app_id}
        flags = _encoded(**before, **after, message_id="x")[:2]
        self.channel = channel
        self.method = frame.Method(channel, publish).marshal()
        self.head = flags + _encoded(**before)[2:]
        self.tail = _encoded(**after)[2:] + FRAME_END
        self.fixed = HEADER.size - 7 + len(self.head) + 1 + len(self.tail) - 1
        self.chunk = frame_max - 8 if frame_max else 131072

    def frames(self, prefix: bytes, records: Iterable[Record]) -> bytes:
        """The frames of records in order; their ids are prefix and key, the same after any crash."""
        chunk = self.chunk
        # What stands before and between id and body depends on their sizes alone, and few sizes differ.
        around: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        parts: list[bytes] = []
        add = parts.extend
        for key, _target, _code, _detail, body in records:
            message_id = b"%b%d" % (prefix, key)
            sizes = len(message_id), len(body)
            known = around.get(sizes)
            if known is None:
                known = around[sizes] = self._around(*sizes)
            if 0 < sizes[1] <= chunk:
                add((known[0], message_id, known[1], body, FRAME_END))
            else:
                add((known[0], message_id, self.tail))
                for start in range(0, sizes[1], chunk):
                    piece = body[start : start + chunk]
                    add((BODY.pack(3, self.channel, len(piece)), piece, FRAME_END))
        return b"".join(parts)

    def _around(self, id_size: int, body_size: int) -> tuple[bytes, bytes]:
        header = HEADER.pack(2, self.channel, self.fixed + id_size, 60, 0, body_size)
        before = self.method + header + self.head + id_size.to_bytes(1, "big")
        return before, self.tail + BODY.pack(3, self.channel, body_size)


def _encoded(**properties: object) -> bytes:
    return b"".join(spec.BasicProperties(**properties).encode())
