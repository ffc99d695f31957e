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
from pgjobs.broker.frames import OF_HEADERS, VARIES, Slot, Template
from pgjobs.joblog.record import BODY, KEY, ROUTING_KEY, Record, Refusal, are_routed

EMBED = ', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
MOST_KINDS, MOST_HEADS = 32, 1024
"""So many templates are kept compiled, and so many heads of each: few values and sizes differ."""


class Kind(NamedTuple):
    """What the messages of one template have in common: values, and which texts there are."""

    timelimit: Limits
    priority: int
    ignore_result: bool | None
    shadow: bool
    eta: bool
    expires: bool

    @property
    def headers(self) -> dict[str, object]:
        """The headers in Celery's order."""
        return {
            "lang": "py",
            "task": VARIES,
            "id": VARIES,
            "shadow": VARIES if self.shadow else None,
            "eta": VARIES if self.eta else None,
            "expires": VARIES if self.expires else None,
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


class Heads(Made[tuple[int, ...], bytes]):
    """The heads of a template by the sizes of what follows them: of a body, and of the texts in them."""

    def __init__(self, template: Template, headers: Mapping[str, object]) -> None:
        super().__init__(self._head, MOST_HEADS)
        self.template = template
        varying = [f"{OF_HEADERS}{name}" for name, value in headers.items() if value is VARIES]
        self._slots = (*varying, "correlation_id", "message_id")

    def _head(self, sizes: tuple[int, ...]) -> bytes:
        body, *texts = sizes
        slots = {name: Slot(b"%b", size) for name, size in zip(self._slots, texts, strict=True)}
        return self.template.head(body, 0, slots)


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
        self._heads = Made(self._compiled, MOST_KINDS)

    @staticmethod
    def check(options: Mapping[str, object]) -> Check:
        """The check of its records; Unusable are options that no task has."""
        return partial(_check, checked(options, OPTIONS))

    def frames(self, prefix: str, records: Sequence[Record], timestamp: int) -> bytes:
        """The frames of records in their order."""
        parts: list[bytes] = []
        expiry = Made[float, str](partial(_moment_after, timestamp), MOST_KINDS)
        routing_keys: Iterable[bytes | None] = map(ROUTING_KEY, records) if are_routed(records) else repeat(None)
        for key, body, routing_key in zip(map(KEY, records), map(BODY, records), routing_keys, strict=False):
            task = read_task(body, self._defaults)
            expires = task.expires if task.expires is None or isinstance(task.expires, str) else expiry[task.expires]
            parts += self._message(task, expires, prefix, key, routing_key)
        return b"".join(parts)

    def _message(
        self, task: Task, expires: str | None, prefix: str, key: int, routing_key: bytes | None
    ) -> tuple[bytes, ...]:
        """The pieces of the frames of one message."""
        name = message_id(prefix, key, self._attempt)
        task_id = message_id(prefix, key, None) if self._attempt == 1 else name
        shadow, eta = task.shadow, task.eta
        # A worker would not answer where its task has no use for results.
        ignore_result = task.ignore_result if task.ignore_result is not None or not self._reply_to else False
        kind = Kind(
            task.timelimit, task.priority, ignore_result, shadow is not None, eta is not None, expires is not None
        )
        optional = [text for text in (shadow, eta, expires) if text is not None]
        # Celery shows no arguments as a tuple.
        arguments = shown(task.args or ()), shown(task.kwargs)
        texts = (task.task, task_id, *optional, task_id, *arguments, task_id, name)
        values = tuple([text.encode(errors="backslashreplace") for text in texts])
        body = (json.dumps([task.args, task.kwargs])[:-1] + EMBED).encode()
        heads = self._heads[kind]
        head = heads[(len(body), *map(len, values))]
        return (heads.template.method(routing_key), head % values, *heads.template.body(body))

    def _compiled(self, kind: Kind) -> Heads:
        headers = kind.headers
        properties = {
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "headers": {**headers, **self._headers},
            "delivery_mode": 2,
            "priority": kind.priority,
            "correlation_id": VARIES,
            "reply_to": self._reply_to,
            "message_id": VARIES,
        }
        return Heads(self._template(properties=properties), headers)


def _check(defaults: Mapping[str, object], records: Sequence[Record]) -> dict[int, Refusal]:
    unfit = check_routing_keys(records)
    for key, body in zip(map(KEY, records), map(BODY, records), strict=True):
        try:
            read_task(body, defaults)
        except Unusable as error:
            unfit[key] = Refusal(b"bad_body", str(error).encode(errors="backslashreplace"))
    return unfit


def _moment_after(timestamp: int, seconds: float) -> str:
    return (datetime.fromtimestamp(timestamp, UTC) + timedelta(seconds=seconds)).isoformat()
