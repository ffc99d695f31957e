"""Fixtures: a type of operations over the directory, and jobs of it that are written before they begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fix_daemon import Engine
from fix_items import Tracked
from psycopg.types.json import Jsonb

TYPE = """
insert into xmp_job_types
  (name, selector, routing_key, params, tracked, format, reply_queue, applicable_to, doors, execution_limit)
values ('diagnosis', 'pgjobs.operation_records', %s,
  '{parameters,resource_type,tags,filter,entities,listed,dry_run}', true, 'plain', %s, '{entity.device}',
  '{operations}', '1 hour')
"""
MANY = """
insert into pgjobs.entities (id, type, tags, attributes)
select 'dev-' || n, case when n %% 10 = 0 then 'entity.asset' else 'entity.device' end,
  array_remove(array[case when n %% 2 = 0 then 'even' end, case when n %% 1000 = 7 then 'rare' end], null),
  jsonb_build_object('model', 'M' || n %% 100, 'floor', n %% 7)
from generate_series(1, %s) n
"""
"""Every tenth one is an asset; half of them are even, one of 1,000 is rare, one of 100 has each model."""


def add_type(on: psycopg.Connection[Any], queue: str = "work", replies: str | None = None) -> None:
    """The type `diagnosis`, for devices."""
    on.execute(TYPE, (queue, replies))


def add_entities(on: psycopg.Connection[Any], number: int) -> None:
    """So many entities: dev-1, dev-2 and so on."""
    on.execute(MANY, (number,))


def add_operation(on: psycopg.Connection[Any], params: dict[str, Any], **columns: object) -> int:
    """A job of this type, which is not active unless the test says so; its number."""
    given = {"type": "diagnosis", "params": Jsonb(params), "active": False} | columns
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, given))
    places = psycopg.sql.SQL(", ").join([psycopg.sql.Placeholder()] * len(given))
    statement = psycopg.sql.SQL("insert into xmp_jobs ({}) values ({}) returning id").format(names, places)
    (row,) = on.execute(statement, list(given.values())).fetchall()
    return int(row[0])


class Diagnosis(Tracked):
    """The type `diagnosis` on the queue of an engine."""

    def add_job(self, **columns: object) -> int:
        """Insert a job of the type."""
        params = columns.pop("params", {"listed": True})
        assert isinstance(params, dict)
        return add_operation(self.engine.database, params, **columns)

    def append(self, job: int, *entities: object) -> dict[str, Any]:
        """Append entities; what was told."""
        told = self.engine.value("select pgjobs.append_items(%s, %s)", job, Jsonb(list(entities)))
        assert isinstance(told, dict)
        return told

    def state(self, job: int) -> str:
        """The state of a job."""
        return str(self.engine.value("select pgjobs.job_state(j) from xmp_jobs j where id = %s", job))


@pytest.fixture
def diagnosis(engine: Engine, reply_queue: str) -> Iterator[Diagnosis]:
    """A type of operations with a reply queue, on the queue of the engine."""
    add_type(engine.database, engine.queue, reply_queue)
    made = Diagnosis(engine, reply_queue)
    try:
        yield made
    finally:
        for consumer in made.consumers:
            consumer.close()
