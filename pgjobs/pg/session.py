"""What every session of pgjobs states, so that no setting of a role, a database or an environment changes its work.

It is stated in the startup packet, where it holds from the first statement on and wins over what was made on the role
and the database. A pooler may refuse that, or ignore it silently: then one statement states it afterwards.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo

from pgjobs.pg import conninfo

logger = logging.getLogger(__name__)
STATED = {
    # How values are written and read.
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "timezone_abbreviations": "Default",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    # Whose code runs: never that of somebody who may create objects in public.
    "search_path": "pg_catalog, pg_temp",
    # Whose rights it has: those of the role that logs in, whatever `alter role … set role` says.
    "role": "none",
    # What a transaction sees and may do. With row_security off hidden rows are an error, not an empty result.
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "row_security": "off",
    "gin_fuzzy_search_limit": "0",
    # A checkpoint that was confirmed is there after a crash of the server.
    "synchronous_commit": "on",
    # Nobody ends our work but ourselves. How long one statement may take follows from the kind of work.
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "exit_on_error": "off",
    # The beginning of a selection comes first, and nothing is compiled for it.
    "jit": "off",
    "cursor_tuple_fraction": "0.1",
    "client_min_messages": "warning",
    "plpgsql.extra_errors": "none",
    "plpgsql.extra_warnings": "none",
    "pgjobs.now": "",
    "pgjobs.reason": "",
    "pgjobs.mute": "off",
}
STATED_SINCE_17 = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}
LONG_WORK = frozenset({"reader", "load", "prepare", "calls", "verify", "migrate"})
"""What these sessions do takes as long as it takes: a file, a selection, its records, an index."""
READING = frozenset({"reader", "prepare"})
"""These sessions run selectors: each of their transactions has one snapshot, and may not write."""
READ_ONLY = {"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on"}
SHORT_SECONDS = 60.0
"""So long a statement of any other session may take where its caller names no patience."""
REPORTED = ("application_name", "DateStyle", "IntervalStyle", "TimeZone", "standard_conforming_strings")
"""The server tells these by itself; they show whether what was stated at startup holds."""
LIMITS = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""They keep a lost peer from hanging us; an address may name others."""

_process: dict[str, str] = {}
"""What all sessions of this process have in common."""
_since_17: set[str] = set()
_without_options: set[str] = set()


def set_actor(name: str) -> None:
    """Let the events of jobs name this process: every session that is opened from now on says who it acts for."""
    _process["actor"] = name


def settings(role: str, patience: float | None, chosen: Mapping[str, str]) -> dict[str, str]:
    """Every setting of a session that says what it is for (`role`), and waits so long for one answer (`patience`)."""
    limit = 0.0 if role in LONG_WORK else min(patience or SHORT_SECONDS, 2_000_000.0)
    own = {
        "application_name": f"pgjobs {role}",
        "statement_timeout": str(round(1000 * limit)),
        "pgjobs.actor": _process.get("actor", ""),
    }
    return {**STATED, **(READ_ONLY if role in READING else {}), **own, **chosen}


class Opening:
    """How one address is asked for a session: what its server refuses, or is too old for, is learned once."""

    def __init__(self, url: str, role: str, patience: float | None, chosen: Mapping[str, str]) -> None:
        self._url = url
        self._settings = settings(role, patience, chosen)
        self._parts: dict[str, Any] = conninfo.read(url)
        # What this very attempt states: others may learn about the server meanwhile.
        self._told_17 = False
        self._tried_17 = False

    @property
    def conninfo(self) -> str:
        """For libpq: the address with everything stated."""
        self._told_17 = self._url in _since_17
        parts = LIMITS | self._parts | {"client_encoding": "UTF8", "application_name": ""}
        if self._url in _without_options:
            parts["options"] = ""
        else:
            # What the address says itself comes first, and holds where nothing else is stated.
            theirs = self._parts.get("options") or os.environ.get("PGOPTIONS", "")
            stated = (f"-c {name}={_escaped(value)}" for name, value in self._stated(self._told_17))
            parts["options"] = " ".join([theirs, *stated]).strip()
        return make_conninfo(**parts)

    def refused(self, error: psycopg.OperationalError) -> bool:
        """Whether the server may answer if it is asked in another way."""
        words = str(error)
        if self._told_17 and any(name in words for name in STATED_SINCE_17):
            _since_17.discard(self._url)
            return True
        if self._url in _without_options:
            return False
        if "startup parameter" not in words:
            # A transaction_timeout of the role's may have ended the session before it began.
            again = not (self._told_17 or self._tried_17 or isinstance(error, errors.ConnectionTimeout))
            if again:
                self._tried_17 = True
                _since_17.add(self._url)
            return again
        logger.warning(
            "%s takes no startup options, as a pooler does: the settings of a session are stated by its first "
            "statement, which a statement_timeout of the role may break off",
            conninfo.redacted(self._url),
        )
        _without_options.add(self._url)
        return True

    def outdated(self, info: psycopg.ConnectionInfo) -> bool:
        """Whether the server turns out to know settings that it was not told: connect once more."""
        if info.server_version < 170000 or self._told_17 or self._url in _without_options:
            return False
        _since_17.add(self._url)
        return True

    def rest(self, info: psycopg.ConnectionInfo) -> tuple[bytes, list[str]] | None:
        """The statement that states everything where the startup packet did not, with its arguments."""
        if all(info.parameter_status(name) == self._settings[name] for name in REPORTED):
            return None
        stated = self._stated(info.server_version >= 170000)
        calls = ", ".join(["set_config(%s, %s, false)"] * len(stated))
        return f"select {calls}".encode(), [text for setting in stated for text in setting]

    def _stated(self, since_17: bool) -> list[tuple[str, str]]:
        return [*(self._settings | (STATED_SINCE_17 if since_17 else {})).items()]


def connect_blocking(url: str, role: str, **chosen: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection for programs that do one thing after the other; every statement commits by itself."""
    opening = Opening(url, role, None, chosen)
    while True:
        try:
            connection = psycopg.connect(opening.conninfo, autocommit=True, prepare_threshold=None)
        except psycopg.OperationalError as error:
            if not opening.refused(error):
                raise
            continue
        if opening.outdated(connection.info):
            connection.close()
            continue
        if rest := opening.rest(connection.info):
            connection.execute(*rest)
        return connection


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
