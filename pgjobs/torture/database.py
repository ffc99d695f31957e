"""Faults that come through the database: stray notifications, settings somebody makes, a trigger of the DBA's own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from pgjobs.torture.place import Place

Undo = Callable[[], None]
REFUSAL = "the DBA keeps this job as it is"
"""What the trigger says; a job may break off with it."""
TRIGGER = """
create table public.kept_jobs (job_id bigint primary key);
create function public.keep_job() returns trigger language plpgsql as $$
begin
  if exists (select from public.kept_jobs k where k.job_id = new.id) then
    raise exception 'the DBA keeps this job as it is';
  end if;
  return new;
end $$;
create trigger zz_keep_job before update on public.xmp_jobs
  for each row when (old.status is distinct from new.status) execute function public.keep_job();
"""
KEEP = (
    "insert into public.kept_jobs (job_id) select j.id from public.xmp_jobs j"
    " where j.status in ('ready', 'in progress') order by j.id offset %s limit 1"
    " on conflict do nothing returning job_id"
)
SETTINGS = (
    ("statement_timeout", "50ms"),
    ("lock_timeout", "10ms"),
    ("idle_in_transaction_session_timeout", "20ms"),
    ("DateStyle", "German, DMY"),
    ("IntervalStyle", "sql_standard"),
    ("TimeZone", "Asia/Karachi"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "serializable"),
    ("search_path", "public, pgjobs"),
    ("standard_conforming_strings", "off"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-15"),
    ("client_encoding", "LATIN1"),
)
END_ALL = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    " and application_name like %s"
)
MOST_BYTES = 7900


def notify_garbage(place: Place, rng: random.Random) -> None:
    """Send what no listener of ours has ever sent; anybody who may connect can."""
    payloads = [
        '{"id": 1e999}',
        '{"id": 99999999999999999999}',
        '{"id": null}',
        "[" * 7000,
        "",
        "probe ",
        "probe 00000000-0000-0000-0000-000000000000",
        *(_noise(rng) for _ in range(5)),
    ]
    for payload in rng.sample(payloads, 6):
        place.rows("select pg_notify('pgjobs', %s)", payload)


def change_setting(place: Place, rng: random.Random) -> Undo:
    """Make a setting of the database, or of the role in it, which sessions opened from now on begin with."""
    name, value = rng.choice(SETTINGS)
    owner = sql.SQL(rng.choice(["database {database}", "role {role} in database {database}"])).format(
        database=sql.Identifier(place.value("select current_database()")),
        role=sql.Identifier(str(urlsplit(place.daemon_url).username)),
    )
    place.rows(_text(place, "alter {owner} set {name} = {value}", owner, name, value))
    # Some sessions are made anew at once.
    place.rows(END_ALL, f"pgjobs {rng.choice(['%', 'control', 'reader', 'claims'])}")

    def reset() -> None:
        place.rows(_text(place, "alter {owner} reset {name}", owner, name, value))

    return reset


def refuse_one_job(place: Place, rng: random.Random) -> Undo:
    """Have a trigger refuse every change of status of one open job."""
    kept = place.value(KEEP, rng.randrange(3))

    def give_up() -> None:
        place.rows("delete from public.kept_jobs where job_id = %s", kept)

    return give_up


def end_listeners(place: Place) -> None:
    """End the sessions on which the daemons listen."""
    place.rows(END_ALL, "pgjobs listen")


def refused(error: psycopg.Error) -> bool:
    """Whether it is that trigger that refuses."""
    return REFUSAL in str(error)


def _noise(rng: random.Random) -> str:
    letters = "".join(chr(rng.choice([rng.randint(1, 127), rng.randint(0x80, 0x2FFF)])) for _ in range(2000))
    return letters.encode()[: rng.randint(1, MOST_BYTES)].decode(errors="ignore")


def _text(place: Place, statement: LiteralString, owner: sql.Composable, name: str, value: str) -> str:
    made = sql.SQL(statement).format(owner=owner, name=sql.Identifier(name), value=sql.Literal(value))
    return made.as_string(place.connection())
