"""JSON Schema at the doors: what a caller gives is checked by the schema of the job type before SQL sees it.

No text makes the check slow: patterns run in an engine of linear time, or, where they look around, with a limit of
steps; and the check ends at the first thing that is wrong.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterable
from typing import Any

from jsonschema_rs import FancyRegexOptions, ValidationError, ValidationErrorKind, Validator, validator_for

from pgjobs.web.errors import LATER, Problem

MANY = 16 * 1024
"""A text of so many bytes is checked in a thread, so that other requests do not wait for it."""
MOST_LETTERS = 300
PATTERNS = FancyRegexOptions(backtrack_limit=10_000)
Kind = ValidationErrorKind


async def check(schema: str, given: Any, name: str, hint: str, size: int = 0) -> None:
    """Refuse (400) what a schema, a JSON text, does not allow; the field is the place of what is wrong, below `name`.

    `size`: how many bytes it had as text.
    """
    if size < MANY:
        _check(schema, given, name, hint)
    else:
        await asyncio.to_thread(_check, schema, given, name, hint)


@functools.lru_cache(maxsize=256)
def validator(schema: str, *, short: bool = False) -> Validator:
    """What checks by this schema; it asks no other host for what the schema refers to.

    `short`: its sentences say "it" instead of the value that is wrong.
    """
    try:
        return validator_for(
            schema, offline=True, validate_formats=False, pattern_options=PATTERNS, mask="it" if short else None
        )
    except ValidationError as error:
        place = _place("", error.instance_path)
        raise bad_schema(f"{place}: {error.message}" if place else error.message) from error
    except ValueError as error:
        raise bad_schema(str(error)) from error


def bad_schema(what: str) -> Problem:
    """The schema of a type can't be used."""
    sentence = f"the JSON Schema of this type is wrong: {what[:MOST_LETTERS]}"
    hint = "let the operator mend params_schema of the type in xmp_job_types"
    return Problem(503, "bad_schema", sentence, hint, LATER)


def _check(schema: str, given: Any, name: str, hint: str) -> None:
    try:
        validator(schema).validate(given)
    except ValidationError as error:
        wrong = error if len(error.message) <= MOST_LETTERS else _shorter(schema, given, error)
        nearest, said = _said(wrong, schema)
        place = _place(name, nearest.instance_path)
        raise Problem(400, "bad_parameter", f"{place}: {said[:MOST_LETTERS]}", hint, field=place) from None


def _shorter(schema: str, given: Any, wrong: ValidationError) -> ValidationError:
    """The same error in a sentence that does not repeat a value beyond all measure."""
    try:
        validator(schema, short=True).validate(given)
    except ValidationError as error:
        return error
    return wrong


def _place(name: str, path: Iterable[str | int]) -> str:
    steps = name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return steps.removeprefix(".")[:MOST_LETTERS]


def _said(wrong: ValidationError, schema: str) -> tuple[ValidationError, str]:
    """What is wrong, and the error that it is said of: where no alternative fits, one of that which is nearest."""
    kind = wrong.kind
    if isinstance(kind, Kind.BacktrackLimitExceeded | Kind.RegexEngineFailure):
        return wrong, "the pattern of the schema takes too many steps for this text"
    if isinstance(kind, Kind.OneOfMultipleValid):
        names = _alternatives(wrong, schema)
        return wrong, f"only one of these may be there: {names}" if names else wrong.message
    if isinstance(kind, Kind.AnyOf | Kind.OneOfNotValid):
        return _nearest(wrong, kind.context, schema)
    return wrong, wrong.message


def _nearest(wrong: ValidationError, context: list[list[ValidationError]], schema: str) -> tuple[ValidationError, str]:
    """What is wrong where no alternative fits; `context` has the errors of each of them."""
    missing = [_missing(errors, wrong) for errors in context]
    if missing and all(missing):
        return wrong, f"one of these has to be there: {', or '.join(missing)}"
    below = [error for errors in context for error in errors[:1] if not isinstance(error.kind, Kind.FalseSchema)]
    if not below:
        return wrong, wrong.message
    deepest = max(below, key=lambda error: (len(error.instance_path), not isinstance(error.kind, Kind.Type)))
    if len(deepest.instance_path) == len(wrong.instance_path) and len(below) > 1:
        return wrong, "no alternative fits: " + "; or ".join(dict.fromkeys(_said(error, schema)[1] for error in below))
    return _said(deepest, schema)


def _missing(errors: list[ValidationError], of: ValidationError) -> str:
    """The properties that an alternative lacks, where it lacks nothing else."""
    kinds = [error.kind for error in errors if error.instance_path == of.instance_path]
    names = [json.dumps(kind.property, ensure_ascii=False) for kind in kinds if isinstance(kind, Kind.Required)]
    return " with ".join(names) if len(names) == len(errors) else ""


def _alternatives(wrong: ValidationError, schema: str) -> str:
    """The properties that the alternatives of a oneOf ask for, where they ask for nothing else."""
    node = json.loads(schema)
    for step in wrong.schema_path:
        node = node[int(step) if isinstance(node, list) else step]
    if not all(isinstance(one, dict) and one.keys() == {"required"} for one in node):
        return ""
    return ", ".join(" with ".join(json.dumps(name, ensure_ascii=False) for name in one["required"]) for one in node)
