"""A record: one row of a job's selection, as its selector gives it, and why it is not sent."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

Record = tuple[int, bytes, bytes | None, bytes | None, bytes]
"""(key, target, code, detail, body). Text is UTF-8, as it goes into the message and the log.

`target` is what the log shows: the original line of a file, or an msisdn. `code` says why the record is skipped, None
that it is to be sent; `detail` is for people. A selector may give null for target and body.
"""
KEY, CODE, BODY = itemgetter(0), itemgetter(2), itemgetter(4)


class Refusal(NamedTuple):
    """Why a record that was to be sent was not: it is unfit, or the broker gave it back."""

    code: bytes
    detail: bytes | None = None
