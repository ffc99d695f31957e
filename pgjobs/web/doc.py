"""What the OpenAPI document says of an endpoint: data beside its handler, held true by tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]
"""A JSON Schema (draft 2020-12), as OpenAPI 3.1 has it."""
JSON = "application/json"


@dataclass(frozen=True)
class Query:
    """A parameter in the query string."""

    name: str
    schema: Schema
    description: str
    required: bool = False


@dataclass(frozen=True)
class Body:
    """The body of a request."""

    schema: Schema
    media: tuple[str, ...] = (JSON,)
    required: bool = True


@dataclass(frozen=True)
class Answer:
    """One status that an endpoint answers with; without a schema the answer has no body."""

    description: str
    schema: Schema | None = None
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name and meaning of headers that belong to this answer."""


@dataclass(frozen=True)
class Doc:
    """An endpoint as the OpenAPI document shows it; errors that every endpoint may have are left out."""

    summary: str
    answers: Mapping[int, Answer]
    query: tuple[Query, ...] = ()
    path: Mapping[str, Schema] = field(default_factory=dict)
    """Schemas of the parameters in the path."""
    body: Body | None = None
    description: str = ""
