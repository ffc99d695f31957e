"""Errors of the database come with a remedy that fits what happened."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_cli import run
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pgjobs.errors import one_line
from pgjobs.pg import hints
from pgjobs.pg.hints import BY_SQLSTATE, hint_for, refused_for_good, sqlstate


@pytest.fixture
def role(database: str) -> Iterator[tuple[str, str]]:
    """A role without any right, and the address by which it connects."""
    name = f"poor_{token_hex(4)}"
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(sql.SQL("create role {} login password 'pw42'").format(sql.Identifier(name)))
        parts = urlsplit(database)
        yield name, parts._replace(netloc=f"{name}:pw42@{parts.netloc.rpartition('@')[2]}").geturl()
        owner.execute(sql.SQL("drop owned by {}; drop role {}").format(sql.Identifier(name), sql.Identifier(name)))


def failure(url: str, statement: str = "select 1", options: str = "") -> psycopg.Error:
    """The error of this statement, or of the connection."""
    with pytest.raises(psycopg.Error) as caught:
        attempt(url, statement, options)
    return caught.value


def attempt(url: str, statement: str, options: str) -> None:
    """Run a statement in a session with these options."""
    with psycopg.connect(make_conninfo(url, **({"options": options} if options else {}))) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("change", "state", "words", "for_good"),
    [
        ({"port": "1"}, "", "check host and port", False),
        ({"host": "no-such-host.invalid"}, "", "the host's name", False),
        ({"password": "wrong"}, "28P01", "check user and password", True),
        ({"user": "no_such_role"}, "28P01", "check user and password", True),
        ({"dbname": "no_such_database"}, "3D000", "create the database", True),
        ({"target_session_attrs": "standby"}, "25006", "the primary", False),
        ({"sslmode": "require"}, "", "switch TLS on at the server, or ask for none: sslmode", False),
        ({"sslmode": "require", "sslrootcert": "system"}, "", "sslrootcert", False),
        ({"options": "-c no.such=1 -c nosuch=1"}, "22023", "mend options in", False),
        ({"options": "-c datestyle=sideways"}, "22023", "mend options in", False),
        ({"options": "-Z"}, "", "do what the server says", False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_refused_connection_names_the_part_that_is_wrong(
    database: str, change: dict[str, str], state: str, words: str, for_good: bool
) -> None:
    """What waiting may mend is told from what it can not, and each points at its part of the address."""
    error = failure(make_conninfo(database, **change))
    assert words in hint_for(error), str(error)
    assert (state, for_good) == (sqlstate(error), refused_for_good(error)), str(error)
    assert "\n" not in one_line(error)


@pytest.mark.parametrize("name", ["PGSSLMODE", "PGTARGETSESSIONATTRS", "PGCHANNELBINDING"])
def test_a_variable_of_libpq_that_spoils_the_address_is_named(
    database: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A wrong PGSSLMODE or the like is not taken for a fault of the address alone."""
    monkeypatch.setenv(name, "nonsense")
    said = run("watch", "1", database_url=database)
    assert 2 == said.code
    assert "libpq refuses it: invalid " in said.err
    assert f"libpq reads {name} of the environment as well" in said.err


def test_the_hint_names_the_address_that_was_called() -> None:
    """Of a replica that is away, its own setting is to be checked."""
    error = failure("postgresql://u@127.0.0.1:1/d")
    assert "PGJOBS_REPLICA_URL" in hint_for(error, "PGJOBS_REPLICA_URL")
    assert "PGJOBS_DATABASE_URL" not in hint_for(error, "PGJOBS_REPLICA_URL")


def test_a_missing_right_is_named(role: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy names the right and the thing it is for, also where no command is known that needs it."""
    _, url = role
    monkeypatch.setattr(hints, "_command", [])
    found = hint_for(failure(url, "select * from pgjobs.schema_state"))
    assert found.startswith(
        "grant the role of PGJOBS_DATABASE_URL the one for its work: pgjobs_daemon (daemon, doctor)"
    )
    assert "on table xmp_jobs" in hint_for(failure(url, "select * from public.xmp_jobs"))


@pytest.mark.parametrize(
    ("command", "group"),
    [
        (("watch", "1"), "pgjobs_viewer"),
        (("plan", "1"), "pgjobs_viewer"),
        (("hold", "a look"), "pgjobs_operator"),
        (("release",), "pgjobs_operator"),
        (("verify", "1"), "pgjobs_operator"),
        (("token", "list"), "pgjobs_owner"),
    ],
)
@pytest.mark.parametrize("has_usage", [False, True])
def test_a_command_without_rights_names_the_role_to_grant(
    role: tuple[str, str], database: str, command: tuple[str, ...], group: str, has_usage: bool
) -> None:
    """Each command ends with 1 and says of which role its own is to be a member."""
    name, url = role
    if has_usage:
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute(sql.SQL("grant usage on schema pgjobs to {}").format(sql.Identifier(name)))
    said = run(*command, database_url=url)
    assert 1 == said.code
    assert f"permission denied for {'table schema_state' if has_usage else 'schema pgjobs'}" in said.err
    assert f"\n  grant {group} to the role of PGJOBS_DATABASE_URL; " in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("rights", ["", "usage on schema pgjobs", "pgjobs_viewer"])
@pytest.mark.parametrize(("command", "group"), [("daemon", "pgjobs_daemon"), ("web", "pgjobs_web")])
def test_a_process_without_rights_names_the_role_to_grant(
    role: tuple[str, str], database: str, tmp_path: Path, command: str, group: str, rights: str
) -> None:
    """A daemon or a web process that may do nothing, or only look, does not start, and the first thing that it says is
    the missing membership, also where the functions are not those of its version."""
    name, url = role
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("update pgjobs.schema_state set fingerprint = 'another'")
        if rights:
            owner.execute(f"grant {rights} to {name}".encode())
    said = run(command, database_url=url, amqp_url="amqp://127.0.0.1:1/", log_dir=tmp_path, http_bind="127.0.0.1:0")
    assert 1 == said.code
    assert said.err.startswith(f"pgjobs: role {name} is no member of {group}, or that role has lost a right: ")
    assert f"\n  grant {group} to {name}; where it is a member of it, run pgjobs migrate" in said.err
    assert "the functions of the database" not in said.everything


@pytest.mark.parametrize(
    ("statement", "options", "state", "words"),
    [
        # It is broken off after 20 ms.
        ("select pg_sleep(9)", "-c statement_timeout=20", "57014", "statement_timeout"),
        ("create table t (a int)", "-c default_transaction_read_only=on", "25006", "default_transaction_read_only"),
        ("select * from no_such_table", "", "42P01", "pgjobs migrate"),
        ("select no_such_function()", "", "42883", "pgjobs migrate"),
        ("select * from nowhere.at_all", "", "42P01", "pgjobs migrate"),
        ("select 1/0", "", "22012", "the log of the database server"),
    ],
)
def test_a_refused_statement_has_its_remedy(
    database: str, statement: str, options: str, state: str, words: str
) -> None:
    """Time-outs, read-only mode and a database that is not migrated are told apart."""
    error = failure(database, statement, options)
    assert (state, True) == (error.sqlstate, words in hint_for(error))


def test_a_lock_that_is_not_given_points_at_its_holder(database: str) -> None:
    """The remedy is a statement that finds the session in the way."""
    with psycopg.connect(database) as holder:
        holder.execute("lock table public.xmp_jobs")
        error = failure(database, "lock table public.xmp_jobs", "-c lock_timeout=20")
    assert "55P03" == error.sqlstate
    assert "pg_stat_activity" in hint_for(error)


@pytest.mark.parametrize("code", BY_SQLSTATE)
def test_every_sqlstate_of_the_table_is_one_postgresql_knows(code: str) -> None:
    """A misspelt code would never be found."""
    known = {name for name in vars(psycopg.errors).values() if isinstance(name, type)}
    states = {str(getattr(kind, "sqlstate", None)) for kind in known}
    assert code in states | {state[:2] for state in states}
