"""JSON Schema at the doors: what a caller gives is checked by the schema of the job type before SQL sees it."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from pgjobs.web.errors import Problem, clipped

MANY = 16 * 1024
"""A text of so many bytes is checked in a thread, so that other requests do not wait for it."""
MOST_LETTERS = 300


async def check(schema: str, given: Any, name: str, hint: str, size: int = 0) -> None:
    """Refuse (400) what a schema, a JSON text, does not allow; the field is the place of what is wrong, below `name`.

    `size`: how many bytes it had as text.
    """
    if size < MANY:
        _check(schema, given, name, hint)
    else:
        await asyncio.to_thread(_check, schema, given, name, hint)


@functools.lru_cache(maxsize=256)
def validator(schema: str) -> Validator:
    """What checks by this schema; it asks no other host for what the schema refers to."""
    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    try:
        kind.check_schema(read)
    except SchemaError as error:
        raise bad_schema(error.message) from error
    return kind(read, registry=Registry())


def bad_schema(what: str) -> Problem:
    """The schema of a type can't be used."""
    sentence = f"the JSON Schema of this type is wrong: {what[:MOST_LETTERS]}"
    return Problem(503, "bad_schema", sentence, "let the operator mend params_schema of the type in xmp_job_types")


def _check(schema: str, given: Any, name: str, hint: str) -> None:
    try:
        wrong = best_match(validator(schema).iter_errors(given))
    except Unresolvable as error:
        raise bad_schema(str(error)) from error
    except RecursionError as error:
        raise bad_schema("it refers to itself without end") from error
    if wrong is not None:
        place = _place(name, wrong.absolute_path)
        raise Problem(400, "bad_parameter", f"{place}: {_said(wrong)}", hint, field=place)


def _place(name: str, path: Iterable[str | int]) -> str:
    steps = name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return steps.removeprefix(".")[:MOST_LETTERS]


def _said(wrong: ValidationError) -> str:
    """What is wrong, with the value as JSON instead of Python."""
    shown = clipped(wrong.instance) if isinstance(wrong.instance, str) else json.dumps(wrong.instance)
    text = wrong.message.replace(repr(wrong.instance), shown if len(shown) <= MOST_LETTERS else "it", 1)
    return text[:MOST_LETTERS]
