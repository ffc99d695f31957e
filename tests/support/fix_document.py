"""Every door, and what its database holds before schemathesis calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fix_jobs import STATUSES, Db, job_in
from fix_partner import REQUISITION
from psycopg.types.json import Jsonb

from pgjobs.ops.tokens import make_token
from pgjobs.web.app import DOORS, ROOT_DOOR
from pgjobs.web.door import Door

ALL_DOORS: tuple[Door, ...] = (ROOT_DOOR, *DOORS)


def some_jobs(db: Db) -> None:
    """A job in each state."""
    for status in STATUSES:
        job_in(db, status)


def some_mailings(db: Db) -> None:
    """Two clients, and a mailing that is to come."""
    db.execute(
        'select pgjobs.create_client(\'{"phone": "79001234567", "operator_code": "900",'
        ' "timezone": "UTC"}\', null, null) from generate_series(1, 2)'
    )
    db.execute(
        'select pgjobs.create_mailing(\'{"start_time": "2128-01-01", "text": "hello",'
        ' "end_time": "2129-01-01"}\', null, null)'
    )


def some_apps(db: Db) -> None:
    """An app of partners, and a job of another door."""
    db.execute(
        "insert into xmp_job_types (name, title, selector, routing_key, doors, applicable_to, params_schema) values"
        " ('json-req-import', 'Requisition', 'pgjobs.partner_records', 'requisitions', '{partner}', '{req}', %s)",
        (Jsonb(REQUISITION),),
    )
    job_in(db, "done")


def some_operations(db: Db) -> None:
    """Operations, and devices to apply them to."""
    for name in ("reboot", "diagnosis"):
        db.execute(
            "insert into xmp_job_types (name, title, selector, routing_key, doors, applicable_to, params_schema) values"
            " (%s, 'An operation', 'pgjobs.expired_records', 'operations', '{operations}', '{entity.device}', '{}')",
            (name,),
        )
    db.execute(
        "insert into pgjobs.entities (id, type, tags)"
        " select 'dev-' || n, 'entity.device', '{north}' from generate_series(1, 20) n"
    )


def scopes_of(door: Door) -> tuple[str, ...]:
    """What a caller needs who may do all that there is to do at a door."""
    changes = any(endpoint.scope == "control" for endpoint in door.endpoints)
    return (f"{door.name}:{'control' if changes else 'read'}", "all")


SEEDS: Mapping[str, Callable[[Db], None]] = {
    "cms": some_jobs,
    "partner": some_apps,
    "operations": some_operations,
    "mailings": some_mailings,
    "page": some_jobs,
}
"""By the name of a door: what it can find."""


def seed(door: Door, db: Db) -> None:
    """Give a door something to find."""
    if door.name in SEEDS:
        SEEDS[door.name](db)


def token_for(db: Db, *scopes: str, name: str = "anybody") -> str:
    """A new token with these scopes."""
    token, digest = make_token()
    db.execute("select pgjobs.add_token(%s, %s, %s, null)", (name, digest, list(scopes)))
    return token
