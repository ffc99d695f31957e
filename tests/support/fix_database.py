"""Fixtures: a template database migrated once per worker, and a fresh clone of it for each test."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from pgjobs.lab.roles import OPEN_TABLES
from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

# Injections of the tests that name no service have this one, whose number and price are left out of messages as empty.
DEFAULT_SERVICE = """
insert into xmp_services (id, name, price) values (0, 'free', 0);
update xmp_job_types set defaults = defaults || '{"service_id": 0}' where name = 'injection';
"""


def sibling(url: str, database: str) -> str:
    """Give the URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def create_database(url: str, name: str, template: str = "template1") -> str:
    """Create the database `name` from `template` on the server of `url` and return its own URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        statement = sql.SQL("create database {} template {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return sibling(url, name)


def drop_database(url: str, name: str) -> None:
    """Drop the database `name`, whoever is still connected to it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def shared_database(services: Services, template: str, use: str) -> Iterator[str]:
    """The URL of a migrated database that the tests of a module fill once and share, until the block ends."""
    name = f"{template}_{use}_{os.getpid()}"
    try:
        yield create_database(services.database_url, name, template)
    finally:
        drop_database(services.database_url, name)


@pytest.fixture(scope="session")
def template_database(services: Services) -> Iterator[str]:
    """The name of a migrated database; one per worker, so that workers need not wait for each other."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"pgjobs_template_{os.environ['PGJOBS_TEST_SESSION']}_{worker}"
    try:
        url = create_database(services.database_url, name)
        migrate(url)
        with psycopg.connect(url) as connection:
            connection.execute(DEFAULT_SERVICE)
            # The engine's functions read what a test adds to the operator's tables.
            connection.execute(OPEN_TABLES)
        yield name
    finally:
        drop_database(services.database_url, name)


@pytest.fixture
def empty_database(services: Services) -> Iterator[str]:
    """The URL of a fresh database that nobody has migrated."""
    name = f"pgjobs_empty_{uuid.uuid4().hex[:12]}"
    try:
        yield create_database(services.database_url, name)
    finally:
        drop_database(services.database_url, name)


@pytest.fixture
def database(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a fresh, migrated database of the test's own."""
    name = f"pgjobs_test_{uuid.uuid4().hex[:12]}"
    try:
        yield create_database(services.database_url, name, template_database)
    finally:
        drop_database(services.database_url, name)
