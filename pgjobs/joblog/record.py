"""A record: one row of a job's selection, as its selector gives it."""

from __future__ import annotations

Record = tuple[int, bytes, str | None, bytes]
"""(key, original line or msisdn, reason why it is skipped or None, message body)"""
