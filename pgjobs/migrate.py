"""Bring a database to this version: migrations once each (yoyo), function files whenever they differ."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import yoyo

PACKAGE = Path(__file__).parent
FIRST, LAST = "retired.sql", "access.sql"
STEPS = ("lifecycle", "select", "engine", "jobs", "views", "triggers")


def folder(name: str) -> Path:
    """`sql` or `migrations`: beside the package in a checkout, inside it when installed."""
    installed = PACKAGE / f"_{name}"
    return installed if installed.is_dir() else PACKAGE.parent / name


def sql_files() -> Iterator[Path]:
    """The function files in the order they are applied: retired signatures, then what stands on what, then grants."""
    root = folder("sql")
    yield root / FIRST
    for step in STEPS:
        yield from sorted((root / step).rglob("*.sql"))
    yield root / LAST


@cache
def fingerprint() -> str:
    """SHA-256 over the names and texts of all function files."""
    digest = hashlib.sha256()
    root = folder("sql")
    for path in sql_files():
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def migrate(url: str) -> list[str]:
    """Apply what is missing and answer with what was done, a line each; nothing to do is an empty list."""
    done = _apply_migrations(url)
    if _apply_functions(url):
        done.append(f"functions {fingerprint()[:12]}")
    return done


def _apply_migrations(url: str) -> list[str]:
    for name in ("yoyo", "yoyo.migrations"):
        logging.getLogger(name).setLevel(logging.WARNING)
    parts = urlsplit(url)
    backend = yoyo.get_backend(urlunsplit(parts._replace(scheme="postgresql+psycopg")))
    try:
        with backend.lock():
            pending = backend.to_apply(yoyo.read_migrations(str(folder("migrations"))))
            backend.apply_migrations(pending)
            return [f"migration {migration.id}" for migration in pending]
    finally:
        backend.connection.close()


def _apply_functions(url: str) -> bool:
    """Re-apply sql/ as a whole, in one transaction, when its fingerprint is not the one in force."""
    with psycopg.connect(url, application_name="pgjobs migrate") as connection:
        connection.execute("set local client_min_messages = warning")
        connection.execute("select pg_advisory_xact_lock(hashtextextended('pgjobs.migrate', 0))")
        row = connection.execute("select fingerprint from pgjobs.schema_state").fetchone()
        if row and row[0] == fingerprint():
            return False
        connection.execute("set local check_function_bodies = off")
        for path in sql_files():
            connection.execute(path.read_bytes())
        connection.execute("select pgjobs.note_fingerprint(%s)", (fingerprint(),))
    return True
