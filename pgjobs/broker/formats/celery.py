"""The format of Celery: messages in its protocol 2, as its own publisher writes them; any worker runs them unchanged.

A message has two things more: its message id, by which a returned one is found again, and our headers. It has no
expiration: a worker answers that a task has expired, and a message that the broker drops is never answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import repeat
from typing import NamedTuple

from pgjobs.broker.formats.base import Check, Made, Unusable, check_routing_keys, message_id
from pgjobs.broker.formats.shown import shown
from pgjobs.broker.formats.task import OPTIONS, Limits, Task, checked, read_task
from pgjobs.broker.frames import VARIES, Slot, Template
from pgjobs.joblog.record import BODY, KEY, ROUTING_KEY, Record, Refusal, are_routed

EMBED = ', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
MOST_KINDS, MOST_HEADS = 256, 4096


class Kind(NamedTuple):
    """What the messages of one template have in common."""

    timelimit: Limits
    priority: int
    ignore_result: bool | None
    slots: tuple[str, ...]

    @property
    def headers(self) -> dict[str, object]:
        """The headers in Celery's order; what is no slot is the same in all messages."""
        headers: dict[str, object] = {
            "lang": "py",
            "task": VARIES,
            "id": VARIES,
            "shadow": None,
            "eta": None,
            "expires": None,
            "group": None,
            "group_index": None,
            "retries": 0,
            "timelimit": list(self.timelimit),
            "root_id": VARIES,
            "parent_id": None,
            "argsrepr": VARIES,
            "kwargsrepr": VARIES,
            "origin": "pgjobs",
            "ignore_result": self.ignore_result,
            "replaced_task_nesting": 0,
            "stamped_headers": None,
            "stamps": {},
        }
        return headers | {slot.removeprefix("headers."): VARIES for slot in self.slots if slot.startswith("headers.")}


class CeleryFormat:
    """The messages of a job whose records are calls of tasks.

    The correlation id is the id of the task, as Celery has it, also where it retries a task by itself. It names the
    record, and from the second attempt on the attempt as well: a worker that has found a task expired refuses its id
    for hours.
    """

    def __init__(
        self,
        *,
        channel: int,
        frame_max: int,
        exchange: str,
        routing_key: str,
        message_type: str | None,  # noqa: ARG002 the name of a task stands in its record
        headers: Mapping[str, object],
        options: Mapping[str, object] | None = None,
        attempt: int | None = None,
        reply_to: str | None = None,
    ) -> None:
        self._defaults = checked(options or {}, OPTIONS)
        self._attempt = attempt
        self._headers = headers
        self._reply_to = reply_to or ""
        self._template = partial(
            Template, channel=channel, frame_max=frame_max, exchange=exchange, routing_key=routing_key
        )
        self._templates = Made(self._compiled, MOST_KINDS)
        self._heads = Made(self._head, MOST_HEADS)

    @staticmethod
    def check(options: Mapping[str, object]) -> Check:
        """The check of its records; Unusable are options that no task has."""
        return partial(_check, checked(options, OPTIONS))

    def frames(self, prefix: str, records: Sequence[Record], timestamp: int) -> bytes:
        """The frames of records in their order."""
        parts: list[bytes] = []
        routing_keys: Iterable[bytes | None] = map(ROUTING_KEY, records) if are_routed(records) else repeat(None)
        for key, body, routing_key in zip(map(KEY, records), map(BODY, records), routing_keys, strict=False):
            parts += self._message(read_task(body, self._defaults), prefix, key, timestamp, routing_key)
        return b"".join(parts)

    def _message(self, task: Task, prefix: str, key: int, timestamp: int, routing_key: bytes | None) -> list[bytes]:
        """The pieces of the frames of one message."""
        name = message_id(prefix, key, self._attempt).encode()
        task_id = message_id(prefix, key, None).encode() if self._attempt == 1 else name
        texts = {
            "headers.task": task.task.encode(),
            "headers.id": task_id,
            "headers.shadow": _text(task.shadow),
            "headers.eta": _text(task.eta),
            "headers.expires": _text(_expiry(task.expires, timestamp)),
            "headers.root_id": task_id,
            "headers.argsrepr": _text(shown(task.args or ())),
            "headers.kwargsrepr": _text(shown(task.kwargs)),
            "correlation_id": task_id,
            "message_id": name,
        }
        filled = {slot: text for slot, text in texts.items() if text is not None}
        body = (json.dumps([task.args, task.kwargs])[:-1] + EMBED).encode()
        # A worker would not answer where its task has no use for results.
        ignore_result = task.ignore_result if task.ignore_result is not None or not self._reply_to else False
        kind = Kind(task.timelimit, task.priority, ignore_result, tuple(filled))
        values = tuple(filled.values())
        head = self._heads[kind, len(body), tuple(map(len, values))]
        template = self._templates[kind]
        return [template.method(routing_key), head % values, *template.body(body)]

    def _head(self, of: tuple[Kind, int, tuple[int, ...]]) -> bytes:
        """What stands before a body of a size, for texts of some sizes."""
        kind, size, sizes = of
        slots = {name: Slot(b"%b", each) for name, each in zip(kind.slots, sizes, strict=True)}
        return self._templates[kind].head(size, 0, slots)

    def _compiled(self, kind: Kind) -> Template:
        properties = {
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "headers": {**kind.headers, **self._headers},
            "delivery_mode": 2,
            "priority": kind.priority,
            "correlation_id": VARIES,
            "reply_to": self._reply_to,
            "message_id": VARIES,
        }
        return self._template(properties=properties)


def _check(defaults: Mapping[str, object], records: Sequence[Record]) -> dict[int, Refusal]:
    unfit = check_routing_keys(records)
    for key, body in zip(map(KEY, records), map(BODY, records), strict=True):
        try:
            read_task(body, defaults)
        except Unusable as error:
            unfit[key] = Refusal(b"bad_body", str(error).encode(errors="backslashreplace"))
    return unfit


def _expiry(expires: str | float | None, timestamp: int) -> str | None:
    """The moment after which a task is not run any more."""
    if expires is None or isinstance(expires, str):
        return expires
    return (datetime.fromtimestamp(timestamp, UTC) + timedelta(seconds=expires)).isoformat()


def _text(text: str | None) -> bytes | None:
    return None if text is None else text.encode(errors="backslashreplace")
