"""A record: one row of a job's selection, as its selector gives it, and why it is not sent."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, TypeAlias, TypeGuard, cast

Unrouted: TypeAlias = tuple[int, bytes, bytes | None, bytes | None, bytes]
"""(key, target, code, detail, body). Text is UTF-8, as it goes into the message and the log.

`target` is what the log shows: the original line of a file, or an msisdn. `code` says why the record is skipped, None
that it is to be sent; `detail` is for people. A selector may give null for target and body.
"""
Routed: TypeAlias = tuple[int, bytes, bytes | None, bytes | None, bytes, bytes | None]
"""The same and the routing key of the message; None: that of the job's type."""
Record: TypeAlias = Unrouted | Routed
"""All records of a selection are of one kind."""
Refused: TypeAlias = tuple[int, str, bytes | None]
"""(key, code, target) of a record that was not sent."""
KEY, CODE, BODY, ROUTING_KEY = itemgetter(0), itemgetter(2), itemgetter(4), itemgetter(5)


def are_routed(records: Sequence[Record]) -> TypeGuard[Sequence[Routed]]:
    """Whether records of one selection have routing keys."""
    return bool(records) and len(records[0]) > 5


def unrouted(records: Sequence[Record]) -> Sequence[Unrouted]:
    """Records without their routing keys."""
    return [record[:5] for record in records] if are_routed(records) else cast("Sequence[Unrouted]", records)


class Refusal(NamedTuple):
    """Why a record that was to be sent was not: it is unfit, or the broker gave it back."""

    code: bytes
    detail: bytes | None = None
