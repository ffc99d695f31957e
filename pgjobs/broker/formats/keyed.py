"""Messages that differ in key and body alone: ids that hold the key, and the body as the selector gives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import mod

from pgjobs.broker.formats.base import Check, Made, Unusable, check_routing_keys
from pgjobs.broker.frames import FRAME_END, VARIES, Slot, Template, escaped
from pgjobs.joblog.record import BODY, KEY, ROUTING_KEY, Record, are_routed


class KeyedFormat:
    """The messages of a job or a call with a message id, a timestamp, and what a subclass adds.

    Where attempts are counted, the message id names the attempt, and the correlation id the record.
    """

    def __init__(
        self,
        *,
        channel: int,
        frame_max: int,
        exchange: str,
        routing_key: str,
        message_type: str | None,
        headers: Mapping[str, object],
        options: Mapping[str, object] | None = None,
        attempt: int | None = None,
        reply_to: str | None = None,
    ) -> None:
        self.check(options or {})
        self._attempt = attempt
        properties = {
            **self.constant(message_type, headers),
            "message_id": VARIES,
            "correlation_id": None if attempt is None else VARIES,
            "reply_to": reply_to,
            "timestamp": VARIES,
        }
        self._template = Template(
            channel=channel,
            frame_max=frame_max,
            exchange=exchange,
            routing_key=routing_key,
            properties={name: value for name, value in properties.items() if value is not None},
        )

    @staticmethod
    def constant(message_type: str | None, headers: Mapping[str, object]) -> dict[str, object]:
        """The properties that are the same in all messages."""
        raise NotImplementedError

    @staticmethod
    def check(options: Mapping[str, object]) -> Check:
        """The check of its records; Unusable are options, of which it has none."""
        if options:
            raise Unusable(f"{', '.join(options)}: messages of this format have none")
        return check_routing_keys

    def frames(self, prefix: str, records: Sequence[Record], timestamp: int) -> bytes:
        """The frames of records in the order of their keys."""
        return b"".join([self._run(prefix, size, run, timestamp) for size, run in _by_id_size(prefix, records)])

    def _run(self, prefix: str, id_size: int, run: Sequence[Record], timestamp: int) -> bytes:
        """The frames of records whose ids have one size."""
        # Every message passes here: its pieces are put together by calls that loop in C.
        template, slots = self._template, self._slots(prefix, id_size)
        routed = are_routed(run)
        method = b"" if routed else escaped(template.method(None))
        # What stands before a body depends on its size alone, and few sizes differ.
        heads = Made[int, bytes](lambda size: method + template.head(size, timestamp, slots))
        keys, bodies = list(map(KEY, run)), list(map(BODY, run))
        ids: Iterable[object] = keys if self._attempt is None else zip(keys, keys, strict=True)
        columns: list[Iterable[bytes]] = [list(map(mod, map(heads.__getitem__, map(len, bodies)), ids)), bodies]
        end = FRAME_END
        if not all(0 < size <= template.chunk for size in heads):
            columns[1], end = [b"".join(template.body(body)) for body in bodies], b""
        if routed:
            columns.insert(0, map(Made(template.method).__getitem__, map(ROUTING_KEY, run)))
        width = len(columns) + 1
        pieces = [end] * (width * len(run))
        for place, column in enumerate(columns):
            pieces[place::width] = column
        return b"".join(pieces)

    def _slots(self, prefix: str, id_size: int) -> dict[str, Slot]:
        named = Slot(escaped(prefix.encode()) + b"%d", id_size)
        if self._attempt is None:
            return {"message_id": named}
        suffix = b"-%d" % self._attempt
        return {"correlation_id": named, "message_id": Slot(named.form + suffix, named.size + len(suffix))}


def _by_id_size(prefix: str, records: Sequence[Record]) -> Iterator[tuple[int, Sequence[Record]]]:
    """Records in runs whose ids have one size; in the order of the keys there are few of them."""
    if not records:
        return
    size = len(prefix.encode())
    first, last = KEY(records[0]), KEY(records[-1])
    if (first < 0) == (last < 0) and len(str(first)) == len(str(last)):
        yield size + len(str(first)), records
    else:
        for digits, run in groupby(records, key=lambda record: len(str(KEY(record)))):
            yield size + digits, list(run)
