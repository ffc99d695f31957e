"""The format of events: a JSON body as the selector gives it, under a message id that is the same after any crash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from pgjobs.broker.frames import FRAME_END, Slot, Template
from pgjobs.joblog.record import KEY, Record


class EventFormat:
    """The messages of a job or a call: persistent JSON, with a message id for every record."""

    def __init__(
        self,
        *,
        channel: int,
        frame_max: int,
        exchange: str,
        routing_key: str,
        message_type: str | None,
        headers: dict[str, object],
        attempt: int | None = None,
        reply_to: str | None = None,
    ) -> None:
        # An attempt of an item has its own message id; its correlation id names the item.
        self._suffix = b"" if attempt is None else b"-%d" % attempt
        self._names_items = attempt is not None
        constant = {
            "content_type": "application/json",
            "headers": headers,
            "delivery_mode": 2,
            "type": message_type,
            "app_id": "pgjobs",
            "reply_to": reply_to,
        }
        self._template = Template(
            channel=channel,
            frame_max=frame_max,
            exchange=exchange,
            routing_key=routing_key,
            constant={name: value for name, value in constant.items() if value is not None},
            slots=("message_id", "correlation_id") if self._names_items else ("message_id",),
        )

    def frames(self, prefix: str, records: Sequence[Record], timestamp: int) -> bytes:
        """The frames of records in the order of their keys; their message ids are prefix and key."""
        template = self._template
        id_form = prefix.encode().replace(b"%", b"%%") + b"%d"
        parts: list[bytes] = []
        add = parts.extend
        for id_size, run in _by_id_size(prefix, records):
            slots = {"message_id": Slot(id_form + self._suffix, id_size + len(self._suffix))}
            if self._names_items:
                slots["correlation_id"] = Slot(id_form, id_size)
            # What stands before a body depends on its size alone, and few sizes differ.
            heads: dict[int, bytes] = {}
            for key, _target, _code, _detail, body in run:
                size = len(body)
                try:
                    head = heads[size]
                except KeyError:
                    head = heads[size] = template.head(size, timestamp, slots)
                filled = head % (key, key) if self._names_items else head % key
                if 0 < size <= template.chunk:
                    add((filled, body, FRAME_END))
                else:
                    add((filled, *template.body(body)))
        return b"".join(parts)


def _by_id_size(prefix: str, records: Sequence[Record]) -> Iterator[tuple[int, Sequence[Record]]]:
    """Records in runs whose message ids have one size; in the order of the keys there are few of them."""
    if not records:
        return
    size = len(prefix.encode())
    first, last = KEY(records[0]), KEY(records[-1])
    if (first < 0) == (last < 0) and len(str(first)) == len(str(last)):
        yield size + len(str(first)), records
    else:
        for digits, run in groupby(records, key=lambda record: len(str(KEY(record)))):
            yield size + digits, list(run)
