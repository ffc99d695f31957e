"""What the OpenAPI document says of a door and of an endpoint: data beside its handler, held true by tests.

Schemas are JSON Schemas (2020-12). What several endpoints answer stands once, among the `shapes` of its door, and
is named by `shape("Job")`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]
"""A JSON Schema (draft 2020-12), as OpenAPI 3.1 has it."""
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ANY_OBJECT: Schema = {"type": "object"}


def shape(name: str) -> Schema:
    """The schema of this name among the shapes of the doors."""
    return {"$ref": f"#/components/schemas/{name}"}


def listing(of: Schema) -> Schema:
    """An array of it."""
    return {"type": "array", "items": of}


def choice(*words: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(words)}


def maybe(schema: Schema) -> Schema:
    """It, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def empty_too(schema: Schema) -> Schema:
    """It, or an empty text, which counts as not given."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], ""]}
    return {**schema, "type": [schema["type"], "string"], "maxLength": 0}


def record(properties: Mapping[str, Schema], *optional: str, further: bool = False) -> Schema:
    """An object with these properties, all of them there but the optional ones; `further`: it may have others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": further,
    }


@dataclass(frozen=True)
class Query:
    """A parameter in the query string, or a header of the request."""

    name: str
    schema: Schema
    description: str
    required: bool = False


IF_MATCH = Query("If-Match", TEXT, "do it only at this revision")
ONCE = Query(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
    "the same request, byte for byte, under the same key gets the same answer again, for a day",
)


@dataclass(frozen=True)
class Body:
    """The body of a request."""

    schema: Schema
    media: tuple[str, ...] = (JSON,)
    required: bool = True
    example: Any = None


@dataclass(frozen=True)
class Link:
    """An endpoint that takes something of an answer: "GET /jobs/status" with its id from "$response.body#/id".

    Where the prefix of a door is a setting, it is written as {prefix}.
    """

    to: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """By name; one that the path and the query string may both have is written as "query.id"."""
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """One status that an endpoint answers with; without a schema it has no body, or, from 400 on, the door's error."""

    description: str
    schema: Schema | None = None
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name and meaning of headers that belong to this answer."""
    links: Mapping[str, Link] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    """Media types that the same may have instead, as text."""


@dataclass(frozen=True)
class Doc:
    """An endpoint as the OpenAPI document shows it.

    Left out are the errors that follow from the rest: 400 of every endpoint, 401, 403, 409 and 421 of its scope, 404
    of parameters in its path, 413 and 415 of its body, 412 of If-Match, 503 of the database.
    """

    summary: str
    answers: Mapping[int, Answer]
    query: tuple[Query, ...] = ()
    path: Mapping[str, Schema] = field(default_factory=dict)
    """Schemas of the parameters in the path."""
    body: Body | None = None
    description: str = ""
    headers: tuple[Query, ...] = ()
    """Headers of the request that the endpoint itself reads."""
    form: bool = False
    """Whether a POST may carry the parameters as a form as well."""


@dataclass(frozen=True)
class DoorDoc:
    """A door as the OpenAPI document shows it; each scheme of `security` is enough by itself."""

    title: str
    description: str
    error: Schema
    """The shape of its errors."""
    security: Mapping[str, Schema] = field(default_factory=lambda: {"bearer": {"type": "http", "scheme": "bearer"}})
    """Security schemes by name."""
    shapes: Mapping[str, Schema] = field(default_factory=dict)
    """Schemas by name, for `shape`."""
    statuses: frozenset[int] | None = None
    """The statuses that its errors have, where it has fewer than HTTP would."""
    texts: tuple[str, ...] = ()
    """Media types that its errors may have instead of JSON."""
    media: str = JSON
    """What its errors are written as."""
    unsigned: Mapping[int, Answer] = field(default_factory=dict)
    """How else, besides 401, a caller without credentials may be answered."""
