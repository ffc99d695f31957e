"""The statements of the benchmark, each a file in sql/: writing SQL has no place in Python."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> bytes:
    """The text of one statement."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_bytes()
