"""The body of a record of Celery: which task is to be called with what, read and checked; pure, no I/O."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn, TypeAlias

from pgjobs.broker.formats.base import Unusable

DEEPEST = 100
"""Lists and objects within each other; Python's own limit depends on who asks."""
LONGEST_NAME = 255
"""Bytes of a name: all headers together have to fit into one frame."""
MOST_SECONDS = 10 * 365 * 24 * 3600

Limits: TypeAlias = tuple[int | None, int | None]


class Task(NamedTuple):
    """One call of a task, with the options that Celery has for it.

    `expires` is a moment, or seconds after the moment of publishing; `timelimit` is the hard and the soft limit in
    seconds.
    """

    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    eta: str | None = None
    expires: str | int | float | None = None
    timelimit: Limits = (None, None)
    priority: int = 0
    shadow: str | None = None
    ignore_result: bool | None = None


def read_task(body: bytes, defaults: Mapping[str, Any]) -> Task:
    """The task that a body describes; `defaults` are checked values of what it leaves out. Raises Unusable."""
    try:
        given = DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise Unusable(f"no JSON: {error}") from error
    if not isinstance(given, dict):
        raise Unusable("no JSON object")
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(given) > DEEPEST:
        raise Unusable(f"more than {DEEPEST} levels deep")
    values = {"args": [], "kwargs": {}, **defaults, **checked(given, FIELDS)}
    if "task" not in values:
        raise Unusable("task is missing")
    return Task(**values)


def checked(given: Mapping[str, Any], fields: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The values of an object, each as its field has it; null is the same as left out. Raises Unusable."""
    values = {}
    for name, value in given.items():
        if name not in fields:
            raise Unusable(f"{name[:LONGEST_NAME]} is none of {', '.join(fields)}")
        if value is not None:
            try:
                values[name] = fields[name](value)
            except Unusable as error:
                raise Unusable(f"{name} {error}") from None
    return values


def _name(value: Any) -> str:
    try:
        if isinstance(value, str) and 0 < len(value.encode()) <= LONGEST_NAME:
            return value
    except UnicodeEncodeError:
        pass
    raise Unusable(f"has to be a text of 1 to {LONGEST_NAME} bytes")


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise Unusable("has to be an array")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Unusable("has to be an object")


def _moment(value: Any) -> str:
    """A moment as every worker can read it: one that can't throws the message away without an answer."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()
    except (ValueError, OverflowError):
        pass
    raise Unusable("has to be a moment in ISO 8601")


def _expires(value: Any) -> str | int | float:
    if not isinstance(value, str) and _is_number(value) and 0 < value <= MOST_SECONDS:
        return value  # type: ignore[no-any-return] # it is a number
    try:
        return _moment(value)
    except Unusable:
        raise Unusable(f"has to be a moment in ISO 8601, or seconds up to {MOST_SECONDS}") from None


def _limits(value: Any) -> Limits:
    hard, soft = value if isinstance(value, list) and len(value) == 2 else (value, None)
    return _limit(hard), _limit(soft)


def _limit(value: Any) -> int | None:
    if value is None or (_is_number(value) and 0 < value <= MOST_SECONDS and value == int(value)):
        return None if value is None else int(value)
    raise Unusable(f"has to be whole seconds up to {MOST_SECONDS}, or [hard, soft]")


def _priority(value: Any) -> int:
    if _is_number(value) and 0 <= value <= 255 and value == int(value):
        return int(value)
    raise Unusable("has to be a whole number from 0 to 255")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Unusable("has to be true or false")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _depth(value: Any) -> int:
    """How many lists and objects lie within each other."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            each
            for outer in level
            for each in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(each, list | dict)
        ]
    return depth


DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
OPTIONS: dict[str, Callable[[Any], Any]] = {
    "task": _name,
    "expires": _expires,
    "timelimit": _limits,
    "priority": _priority,
    "ignore_result": _boolean,
}
"""What a type may say for all of its records."""
FIELDS = OPTIONS | {"args": _list, "kwargs": _object, "eta": _moment, "shadow": _name}
