"""Bring a database to this version: migrations once each (yoyo), function files whenever they differ, missing indexes.

Nothing is changed or locked where nothing is missing. A kill at any moment leaves a database on which the next one
goes on; two at once wait for each other on a lock that dies with its session.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Self

import psycopg
import yoyo
from psycopg import errors
from psycopg.pq import TransactionStatus

import pgjobs
from pgjobs.errors import PgjobsError, SchemaError
from pgjobs.pg import inforce, schema
from pgjobs.pg.blocked import LOCK_TIMEOUT, PATIENCE, Insistence, Tell
from pgjobs.pg.history import History
from pgjobs.pg.schema import digest, fingerprint, sql_files
from pgjobs.pg.session import connect_blocking
from pgjobs.pg.versions import number

SESSION = {"lock_timeout": LOCK_TIMEOUT, "client_connection_check_interval": "1s"}
"""Nobody waits for us for long, and what the server does for us ends soon after we are gone."""
WITHOUT_RIGHTS = """
  select rolname from pg_roles
  where rolname in ('pgjobs_daemon', 'pgjobs_web', 'pgjobs_operator', 'pgjobs_viewer', 'pgjobs_agent')
    and not has_schema_privilege(oid, 'pgjobs', 'usage')
  union all
  select m.role from pgjobs.missing_rights() m
  join pg_class c on c.relnamespace = 'public'::regnamespace and 'public.' || c.relname = m.relation
  where not m.is_hidden and m.role = 'pgjobs_owner' and pg_has_role(c.relowner, 'usage')
"""
CHANGED_RIGHTS = """
  select format('%s on %s, %s by %s', min(privilege), thing, case when is_missing then 'lost' else 'gained' end, role)
  from pgjobs.changed_rights() where is_ours group by role, thing, is_missing order by thing, role limit 5
"""
OPEN_TRANSACTIONS = """
  select pid, usename::text from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
    and xact_start < clock_timestamp() - interval '2 s' and (backend_xid is not null or backend_xmin is not null)
  order by pid limit 3
"""
logger = logging.getLogger(__name__)


def migrate(url: str, tell: Tell = logger.warning, patience: float = PATIENCE) -> list[str]:
    """Apply what is missing and answer with what was done, a line each; nothing to do is an empty list.

    `tell` gets a sentence about each wait, and about what is left to people.
    """
    try:
        with Migrating(url, tell, patience) as work:
            return work.run()
    except errors.InsufficientPrivilege as error:
        raise PgjobsError(
            f"a right is missing to migrate: {error.diag.message_primary}",
            "give it to the role of PGJOBS_DATABASE_URL, or migrate as the owner of what is named",
        ) from error


class Migrating:
    """One run of migrate: a connection for the lock, one for the work, one that asks who is in the way."""

    def __init__(self, url: str, tell: Tell, patience: float) -> None:
        for name in ("yoyo", "yoyo.migrations"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._tell = tell
        self._open = ExitStack()
        self._done: list[str] = []
        self._url = url
        self._lock = self._connect()
        self._insist = Insistence(self._open.enter_context(connect_blocking(url, "migrate")), tell, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self) -> list[str]:
        """Everything in its order; a line for each thing that was done."""
        self._insist.on("migrate", self._prepare, [self._lock.info.backend_pid])
        self._insist.on("this migrate", self._take_lock, [self._lock.info.backend_pid])
        self._history = History(self._url, **SESSION)
        self._open.callback(self._history.connection.close)
        self._work: psycopg.Connection[Any] = self._history.connection
        self._work.add_notice_handler(self._notice)
        self._refuse_a_newer_one()
        self._refuse_to_strand()
        self._apply_migrations()
        self._step("sql/", self._apply_functions)
        self._build_indexes()
        self._step("sql/access.sql", self._grant)
        for (remark,) in self._work.execute("select * from pgjobs.remarks()").fetchall():
            self._tell(remark)
        return self._done

    def _connect(self) -> psycopg.Connection[Any]:
        return self._open.enter_context(connect_blocking(self._url, "migrate", **SESSION))

    def _step(self, what: str, work: Callable[[], None]) -> None:
        ours = [self._lock.info.backend_pid, self._work.info.backend_pid]
        self._insist.on(what, work, ours)

    def _notice(self, notice: errors.Diagnostic) -> None:
        self._tell(f"{notice.severity}: {notice.message_primary}")

    def _prepare(self) -> None:
        with self._lock.transaction():
            for name in (schema.BEFORE, schema.ROLES):
                self._lock.execute((schema.folder("sql") / name).read_bytes())

    def _take_lock(self) -> None:
        """A table's lock and no advisory one: it needs rights on the table. It goes with its session."""
        if self._lock.info.transaction_status != TransactionStatus.IDLE:
            self._lock.execute("rollback")
        self._lock.execute("begin")
        self._lock.execute("lock table pgjobs._yoyo_migration in share update exclusive mode")

    def _refuse_a_newer_one(self) -> None:
        applied = {row[0] for row in self._work.execute("select migration_id from pgjobs._yoyo_migration").fetchall()}
        unknown = sorted(applied - {migration.id for migration in _migrations()})
        theirs = self._state("version")
        if unknown or number(theirs) > number(pgjobs.__version__):
            found = f"pgjobs {theirs}" if theirs else "a newer pgjobs"
            extra = f" (migration {unknown[-1]})" if unknown else ""
            raise SchemaError(
                f"the database was migrated by {found}{extra}, and this is pgjobs {pgjobs.__version__}, an older one",
                f"install {found} or later; an older one would put its functions back",
            )

    def _refuse_to_strand(self) -> None:
        """Nothing is changed while daemons are alive that could not work with the new functions."""
        if self._state("compatible_from") == pgjobs.COMPATIBLE_FROM:
            return
        if stranded := inforce.stranded(self._work):
            raise SchemaError(
                f"daemons are alive that can't work with the functions of pgjobs {pgjobs.__version__}:"
                f" {', '.join(stranded)}",
                f"end them, or run pgjobs {pgjobs.COMPATIBLE_FROM} or later in their place, then migrate",
            )

    def _state(self, column: str) -> str | None:
        return inforce.state(self._work, column)

    def _apply_migrations(self) -> None:
        pending = self._history.to_apply(_migrations())
        for migration in pending:
            self._step(f"migration {migration.id}", partial(self._history.apply_one, migration))
            self._done.append(f"migration {migration.id}")

    def _apply_functions(self) -> None:
        """Re-apply sql/ as a whole, in one transaction, when its fingerprint is not the one in force."""
        triggers = [path for path in sql_files() if path.parent.name == schema.TRIGGERS]
        made = sum(len(re.findall(r"^create .*trigger", path.read_text(), re.MULTILINE)) for path in triggers)
        as_they_are = self._state("triggers") == digest(triggers) and made == self._count_triggers()
        wanted = {
            "fingerprint": fingerprint(),
            "version": pgjobs.__version__,
            "compatible_from": pgjobs.COMPATIBLE_FROM,
        }
        changed = inforce.changed_by_hand(self._work)
        if changed:
            self._tell(f"functions were changed by hand and are put back: {', '.join(changed)}")
        same = not changed and all(self._state(name) == value for name, value in wanted.items())
        if same and made == self._count_triggers():
            return
        with self._work.transaction():
            self._work.execute("set local check_function_bodies = off")
            for path in sql_files():
                # To make a trigger anew locks the operator's table.
                if path not in triggers or not as_they_are:
                    self._work.execute(path.read_bytes())
            names = [path.stem for path in sql_files()]
            self._work.execute(
                "select pgjobs.note_fingerprint(%s, %s, %s, %s, %s)", (*wanted.values(), digest(triggers), names)
            )
            self._work.execute("select pgjobs.adopt_jobs()")
        self._done.append(f"functions {fingerprint()[:12]}")

    def _count_triggers(self) -> int:
        (count,) = self._work.execute(
            "select count(*) from pg_trigger t join pg_class c on c.oid = t.tgrelid"
            " where t.tgname like 'pgjobs\\_%' and t.tgenabled = 'O' and (c.relnamespace = to_regnamespace('pgjobs')"
            " or c.oid in (to_regclass('public.xmp_jobs'), to_regclass('public.xmp_job_types')))"
        ).fetchone() or (0,)
        return int(count)

    def _build_indexes(self) -> None:
        """One after the other, outside of a transaction; nobody waits for us meanwhile, so it may wait for others."""
        before: list[tuple[str, str]] = []
        steps = "select index, statement from pgjobs.index_steps() where statement is not null"
        while (found := self._work.execute(steps).fetchall()) and found != before:
            before = found
            for index, statement in found:
                self._say_who_delays(index)
                self._work.execute(
                    "set lock_timeout = 0" if "concurrently" in statement else f"set lock_timeout = '{LOCK_TIMEOUT}'"
                )
                self._step(f"index {index}", partial(self._run, statement))
                if f"index {index}" not in self._done:
                    self._done.append(f"index {index}")
        self._work.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'".encode())

    def _run(self, statement: str) -> None:
        self._work.execute(statement.encode())

    def _say_who_delays(self, index: str) -> None:
        """What is built concurrently waits for every transaction that began before."""
        rows = self._work.execute(OPEN_TRANSACTIONS).fetchall()
        if rows:
            who = ", ".join(f"process {pid} (role {role})" for pid, role in rows)
            self._tell(
                f"index {index} waits for transactions that are open for long: {who}; nobody waits for the index"
            )

    def _grant(self) -> None:
        """Rights for the roles: somebody may have made a role since, or changed what one may do by hand."""
        if changed := self._work.execute(CHANGED_RIGHTS).fetchall():
            self._tell(f"rights were changed by hand and are put back: {', '.join(what for (what,) in changed)}")
        if changed or self._work.execute(WITHOUT_RIGHTS).fetchone():
            with self._work.transaction():
                self._work.execute((schema.folder("sql") / schema.LAST).read_bytes())
            self._done.append("rights of the roles")


def _migrations() -> Any:
    return yoyo.read_migrations(str(schema.folder("migrations")))
