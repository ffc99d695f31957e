"""Parameters of operations are checked against the JSON Schema of their type, before the database is asked to act."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from starlette.requests import Request

from pgjobs.web.calls import value
from pgjobs.web.errors import Problem

MOST_LETTERS = 300


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
            _check(schema, field, parameters)


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


def _check(schema: str, field: str, parameters: Mapping[str, Any]) -> None:
    validator = _validator(schema)
    try:
        wrong = best_match(validator.iter_errors(parameters))
    except Unresolvable as error:
        raise _bad_schema(str(error)) from error
    if wrong is None:
        return
    place = field + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in wrong.absolute_path)
    sentence = f"{place[:MOST_LETTERS]}: {wrong.message[:MOST_LETTERS]}"
    hint = "POST /search/operationTypes shows the schema of the parameters"
    raise Problem(400, "bad_parameter", sentence, hint, field=place[:MOST_LETTERS])


@functools.lru_cache(maxsize=256)
def _validator(schema: str) -> Validator:
    """What checks by this schema; it asks no other host for what the schema refers to."""
    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    try:
        kind.check_schema(read)
    except SchemaError as error:
        raise _bad_schema(error.message) from error
    return kind(read, registry=Registry())


def _bad_schema(what: str) -> Problem:
    sentence = f"the JSON Schema of this operation is wrong: {what[:MOST_LETTERS]}"
    return Problem(503, "bad_schema", sentence, "let the operator mend params_schema of its type in xmp_job_types")
