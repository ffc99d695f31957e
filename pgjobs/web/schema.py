"""JSON Schema at the doors: what a caller gives is checked by the schema of the job type before SQL sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema.exceptions
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from pgjobs.web.errors import Problem

MANY = 16 * 1024
"""From so many bytes on a check is done in a thread, so that other requests do not wait for it."""
LONGEST = 300
Schema = Mapping[str, Any] | bool


def validator(schema: Schema) -> Draft202012Validator:
    """A validator that fetches no foreign schema: a $ref leads into the schema itself, or nowhere."""
    return Draft202012Validator(schema, registry=Registry())


async def check(schema: Schema | None, value: Any, name: str, size: int = 0) -> None:
    """Refuse (400) a value that a schema does not allow; the field is the place of what is wrong, below `name`.

    `size`: how many bytes the value had as text.
    """
    if schema is None:
        return
    if size < MANY:
        _check(schema, value, name)
    else:
        await asyncio.to_thread(_check, schema, value, name)


def place(name: str, path: Iterable[str | int]) -> str:
    """Where something lies, as in items[2].quantity."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{name}{steps}"[:LONGEST] if name else steps.lstrip(".")[:LONGEST]


def _check(schema: Schema, value: Any, name: str) -> None:
    try:
        error = jsonschema.exceptions.best_match(validator(schema).iter_errors(value))
    except (Unresolvable, jsonschema.exceptions.SchemaError, TypeError, ValueError, RecursionError) as wrong:
        hint = "let whoever looks after the job type mend its params_schema"
        raise Problem(500, "bad_schema", "the JSON Schema of this job type can't be used", hint) from wrong
    if error is not None:
        where = place(name, error.absolute_path) or "the body"
        said = error.message if len(error.message) <= LONGEST else f"{error.message[:LONGEST]}…"
        raise Problem(
            400, "bad_params", f"{where}: {said}", "give what the schema of the job type asks for", field=where
        )
