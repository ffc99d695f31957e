"""The files of the schema: where they lie, in which order they are applied, and the fingerprint of all of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
BEFORE, FIRST, ROLES, LAST = "before.sql", "retired.sql", "roles.sql", "access.sql"
TRIGGERS = "triggers"
STEPS = (
    "base", "pace", "params", "directory", "types", "items", "selection", "jobs", "tasks", "engine", "agents",
    "callbacks", "tokens", "doors", "monitoring", "retention", "status", "views", TRIGGERS,
)  # fmt: skip


def folder(name: str) -> Path:
    """`sql` or `migrations`: beside the package in a checkout, inside it when installed."""
    installed = PACKAGE / f"_{name}"
    return installed if installed.is_dir() else PACKAGE.parent / name


def sql_files() -> Iterator[Path]:
    """The function files in their order: what has to be true, retired signatures, what stands on what, rights."""
    root = folder("sql")
    yield root / BEFORE
    yield root / FIRST
    for step in STEPS:
        yield from sorted((root / step).rglob("*.sql"))
    yield root / ROLES
    yield root / LAST


def triggers() -> list[tuple[str, str]]:
    """Every trigger that is made on a table of the operator's, or of people's own: the table and its name."""
    made = r"^create .*trigger (\w+)\n.* on (\w+\.\w+)$"
    texts = (path.read_text() for path in sorted((folder("sql") / TRIGGERS).glob("*.sql")))
    return [(table, name) for text in texts for name, table in re.findall(made, text, re.MULTILINE)]


@cache
def fingerprint() -> str:
    """SHA-256 over the names and texts of all function files."""
    return digest(sql_files())


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and texts of these files."""
    digest = hashlib.sha256()
    root = folder("sql")
    for path in paths:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
