"""Roles that log in as an operator would make them: plain members of the roles that migrate has made, one each.

Roles belong to the whole server, so a process makes its own, and drops them when it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
from urllib.parse import urlsplit

import psycopg
from psycopg import errors, sql

ROLES = ("pgjobs_owner", "pgjobs_daemon", "pgjobs_web", "pgjobs_operator", "pgjobs_viewer", "pgjobs_agent")
"""The roles that migrate makes where it may."""
OPEN_TABLES = """
do $$
begin
  if to_regrole('pgjobs_owner') is not null then
    alter default privileges in schema public grant all on tables to pgjobs_owner;
  end if;
end
$$
"""
"""Lets the engine's functions, and triggers that fire within them, use the tables that this role makes from now on."""
Member = tuple[str, str]
"""Name and password."""

_members: dict[tuple[str, str], Member | None] = {}


def member_url(url: str, group: str) -> str:
    """The address of the same database for a member of `group`; unchanged where the role of `url` can't make one."""
    key = (urlsplit(url).netloc, group)
    if key not in _members:
        _members[key] = _make_member(url, group)
    member = _members[key]
    return as_role(url, *member) if member else url


def as_role(url: str, role: str, password: str) -> str:
    """The same database, as somebody else."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def _make_member(url: str, group: str) -> Member | None:
    name, password = f"{group}_{secrets.token_hex(4)}", secrets.token_hex(16)
    make = sql.SQL("create role {} login password {} in role {}")
    with psycopg.connect(url, autocommit=True) as admin:
        try:
            admin.execute(make.format(sql.Identifier(name), password, sql.Identifier(group)))
        except (errors.InsufficientPrivilege, errors.UndefinedObject):
            return None
    atexit.register(_drop, urlsplit(url)._replace(path="/postgres").geturl(), name, os.getpid())
    return name, password


def _drop(admin_url: str, name: str, maker: int) -> None:
    # A forked process inherits this, and its parent still needs the role. A private server is gone by now.
    if os.getpid() == maker:
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as admin,
        ):
            admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))
