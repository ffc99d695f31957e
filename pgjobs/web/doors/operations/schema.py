"""Parameters of operations are checked against the JSON Schema of their type, before the database is asked to act."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from starlette.requests import Request

from pgjobs.web.calls import database
from pgjobs.web.schema import check

HINT = "POST /search/operationTypes shows the schema of the parameters"
NEEDS = ("required", "minProperties", "dependentRequired")
"""What of a schema asks for parameters that an entity may still give."""


class Given(NamedTuple):
    """Parameters in a request: those of all entities, those of single ones by their place, and whether any entity has
    only those of all."""

    of_all: dict[str, Any]
    own: dict[int, dict[str, Any]]
    plain: bool


async def check_parameters(request: Request, asked: object, job: str | None = None) -> None:
    """Refuse parameters that do not fit: what each entity of `asked`, a job's request, ends up with.

    `job`: which one is changed; None: it is a new one. What is no request is refused by SQL.
    """
    given = _given(asked)
    name = asked.get("name") if isinstance(asked, dict) else None
    if given is None or (job is not None and not given.plain and not given.own):
        return
    look_up = "select schema, parameters from pgjobs.operation_schema(%s, %s)"
    rows = await database(request).rows(look_up, name if isinstance(name, str) and not job else None, job, reading=True)
    schema, stored = rows[0]
    if schema is None:
        return
    of_all = given.of_all if job is None else json.loads(stored)
    size = len(request.state.body)
    if given.plain:
        await check(schema, of_all, "parameters", HINT, size)
    elif job is None:
        await check(_without_needs(schema), of_all, "parameters", HINT, size)
    for place, own in given.own.items():
        field = f"target.append.entitiesWithParameters[{place}].parameters"
        await check(schema, of_all | own, field, HINT, size * len(given.own))


def _given(asked: object) -> Given | None:
    if not isinstance(asked, dict):
        return None
    of_all = asked.get("parameters")
    if not isinstance(of_all, dict | None):
        return None
    target = asked.get("target")
    target = target if isinstance(target, dict) else {}
    append = target.get("append")
    append = append if isinstance(append, dict) else {}
    listed, named = append.get("entitiesWithParameters"), append.get("entities")
    own, ids, plain = {}, set(), False
    for place, entity in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entity, dict) and isinstance(entity.get("parameters"), dict):
            own[place] = entity["parameters"]
            ids.add(str(entity.get("id")))
        else:
            plain = True
    plain = plain or any(str(each) not in ids for each in (named if isinstance(named, list) else ()))
    plain = plain or bool(append.get("tags")) or target.get("filter") is not None
    return Given(of_all or {}, own, plain)


def _without_needs(schema: str) -> str:
    """A schema by which parameters may be missing."""
    read = json.loads(schema)
    if isinstance(read, dict):
        read = {key: kept for key, kept in read.items() if key not in NEEDS}
    return json.dumps(read)
