"""Parameters of operations are checked against the JSON Schema of their type, before the database is asked to act."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from pgjobs.web.calls import value
from pgjobs.web.schema import check

HINT = "POST /search/operationTypes shows the schema of the parameters"


async def check_parameters(request: Request, asked: object, job: str | None = None) -> None:
    """Refuse parameters that do not fit: those of `asked`, a job's request, and those of single entities in it.

    `job`: whose type it is; None: the one that the request names. What is no request is refused by SQL.
    """
    given = list(_given(asked))
    if not given:
        return
    name = asked.get("name") if isinstance(asked, dict) else None
    look_up = "select pgjobs.operation_schema(%s, %s)"
    schema = await value(request, look_up, name if isinstance(name, str) else None, job, reading=True)
    if schema is not None:
        for field, parameters in given:
            await check(schema, parameters, field, HINT, len(request.state.body))


def _given(asked: object) -> list[tuple[str, dict[str, Any]]]:
    """Parameters in a request, each with its place. Of a new job (it has a name) those of all entities, empty ones
    included: a schema may need some."""
    if not isinstance(asked, dict):
        return []
    found = []
    if "name" in asked:
        of_all = asked.get("parameters")
        if of_all is None or isinstance(of_all, dict):
            found.append(("parameters", of_all or {}))
    target = asked.get("target")
    append = target.get("append") if isinstance(target, dict) else None
    entities = append.get("entitiesWithParameters") if isinstance(append, dict) else None
    for place, entity in enumerate(entities if isinstance(entities, list) else ()):
        if isinstance(entity, dict) and isinstance(entity.get("parameters"), dict):
            found.append((f"target.append.entitiesWithParameters[{place}].parameters", entity["parameters"]))
    return found
