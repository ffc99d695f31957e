"""yoyo as we use it: on sessions of ours, its history in schema pgjobs, a migration and its mark in one transaction."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration

from pgjobs.pg.session import connect_blocking


class History(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo ships no type information
    """What was migrated, and the runner of what was not; sql/before.sql has made its tables."""

    migration_table_quoted = "pgjobs._yoyo_migration"
    log_table_quoted = "pgjobs._yoyo_log"
    version_table_quoted = "pgjobs._yoyo_version"

    def __init__(self, url: str, **settings: str) -> None:
        self._settings = settings
        super().__init__(url, "_yoyo_migration")

    def connect(self, dburi: str) -> psycopg.Connection[Any]:
        """A session like every other of ours, with the settings given."""
        return connect_blocking(dburi, "migrate", **self._settings)

    def ensure_internal_schema_updated(self) -> None:
        """Nothing: the tables are made in the shape of yoyo's version 2."""

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        """Apply a migration; a kill at any moment leaves it applied and marked, or neither."""
        self._take(migration, "apply", force, self.mark_one if mark else None)

    def rollback_one(self, migration: Migration, force: bool = False) -> None:
        """Take a migration back, likewise."""
        self._take(migration, "rollback", force, self.unmark_one)

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, object]:
        """A line of the log. A user without a name, as in a container, is told by number."""
        return {
            "id": str(uuid.uuid1()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": os.environ.get("USER") or f"uid {os.getuid()}",
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def _take(self, migration: Migration, direction: str, force: bool, mark: Callable[..., None] | None) -> None:
        migration.load()
        if not migration.use_transactions:
            migration.process_steps(self, direction, force=force)
        with self.transaction():
            if migration.use_transactions:
                migration.process_steps(self, direction, force=force)
            self.log_migration(migration, direction)
            if mark is not None:
                mark(migration, log=False)
