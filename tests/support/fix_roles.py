"""Fixtures: roles that log in, as operators make them: members of the groups of pgjobs, and strangers."""

import contextlib
import uuid
from collections.abc import Callable, Iterator

import pytest
from fix_jobs import Db, connect

from pgjobs.lab.roles import ROLES, as_role, member_url

DROP_ROLES = f"drop role if exists {', '.join(ROLES)}"
PASSWORD = "secret"
Login = Callable[..., Db]


@pytest.fixture
def login(database: str, db: Db) -> Iterator[Login]:
    """Makes a role that may log in, a member of these groups, and gives a connection of its own."""
    with contextlib.ExitStack() as connections:
        made = []

        def make(*groups: str) -> Db:
            role = f"pgjobs_test_{uuid.uuid4().hex[:12]}"
            db.execute(f"create role {role} login password '{PASSWORD}'".encode())
            made.append(role)
            for group in groups:
                db.execute(f"grant {group} to {role}".encode())
            return connections.enter_context(connect(as_role(database, role, PASSWORD), application_name="the-caller"))

        yield make
        connections.close()
        for role in made:
            db.execute(f"drop owned by {role}; drop role {role}".encode())


@pytest.fixture
def cms(db: Db, login: Login) -> Db:
    """A CMS as operators have it: rights on one table, and on nothing of the engine."""
    connection = login()
    db.execute(f"grant select, insert, update, delete on xmp_jobs to {connection.info.user}".encode())
    return connection


@pytest.fixture
def daemon_url(database: str) -> str:
    """The test's database, as a daemon reaches it."""
    return member_url(database, "pgjobs_daemon")


@pytest.fixture
def web_url(database: str) -> str:
    """The test's database, as the web process reaches it."""
    return member_url(database, "pgjobs_web")
