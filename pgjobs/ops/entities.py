"""The directory of entities: load a file into it, all or nothing, and list what it has."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import psycopg

from pgjobs.errors import FileError, SettingsError, refusal
from pgjobs.ops.entity_files import Entity, read_entities
from pgjobs.ops.printed import harmless
from pgjobs.pg import connection as db
from pgjobs.settings import Settings
from pgjobs.words import visible

BATCH = 2000
"""Entities that are put in one statement."""
PAGE = 1000


async def load(settings: Settings, path: Path) -> dict[str, int]:
    """Put the entities of a file; how many were inserted, updated and unchanged. One transaction, so all or nothing."""
    told = {"inserted": 0, "updated": 0, "unchanged": 0}
    entities = read_entities(path)
    async with await db.connect(settings.database_url, "entities", autocommit=False) as connection:
        await db.check_schema(connection)
        while batch := list(itertools.islice(entities, BATCH)):
            for name, number in (await _put(connection, batch)).items():
                told[name] += number
        await connection.commit()
    if not any(told.values()):
        raise FileError(f"{path.name} has no entity", "give JSON lines, a JSON array, or CSV with a header")
    return told


async def _put(connection: db.Connection, batch: list[Entity]) -> dict[str, int]:
    array = f"[{','.join(text for _, text in batch)}]"
    call = "select pgjobs.put_entities(%s::jsonb, %s)"
    try:
        told: dict[str, int] = await db.value(connection, call, array, [line for line, _ in batch])
    except psycopg.Error as error:
        if (refused := refusal(error)) is None:
            raise
        # What is wrong stands in the file and not in an argument, whoever finds it.
        raise FileError(refused[0], refused[2]) from None
    return told


async def listed(settings: Settings, filter_: str, most: int, *, as_json: bool) -> list[str]:
    """A line for each entity that a filter finds, in the order of their numbers, so many at most."""
    try:
        json.loads(filter_)
    except ValueError:
        hint = """write it as in --filter '{"eq": {"tags": "north"}}'"""
        raise SettingsError("--filter: it is no JSON", hint) from None
    lines: list[str] = []
    after = None
    async with await db.connect(settings.database_url, "entities") as connection:
        await db.check_schema(connection)
        while len(lines) < most:
            number = min(PAGE, most - len(lines))
            call = "select pgjobs.list_entities(%s::jsonb, %s, %s)"
            rows = await db.value(connection, call, filter_, after, number)
            for row in rows:
                after = row.pop("number")
                lines.append(harmless(json.dumps(row, ensure_ascii=False)) if as_json else _line(row))
            if len(rows) < number:
                break
    return lines


def _line(row: dict[str, object]) -> str:
    tags = row["tags"]
    attributes = json.dumps(row["attributes"], ensure_ascii=False) if row["attributes"] else ""
    text = "  ".join((str(row["id"]), str(row["type"]), "|".join(tags) if isinstance(tags, list) else "", attributes))
    return visible(text.rstrip())
