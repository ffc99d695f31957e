"""One method of one endpoint in the OpenAPI document: its parameters, its body, and its answer of each status."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pgjobs.web.doc import FORM, JSON, NUMBER, TEXT, Answer, Doc, DoorDoc, Link, Query, Schema, shape
from pgjobs.web.door import Door
from pgjobs.web.endpoint import Endpoint

Json = dict[str, Any]

PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
CONVERTERS: Mapping[str, Schema] = {
    "str": {"type": "string", "minLength": 1},
    "path": {"type": "string", "minLength": 1},
    "int": {"type": "integer", "minimum": 0},
    "number": NUMBER,
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
"""What the converters of a path let through."""
MEANINGS = {
    400: "Something in the request is wrong; the answer says what.",
    401: "There are no valid credentials.",
    404: "There is no such thing.",
    409: "It can't be done in the present state, or somebody else's trigger refuses it.",
    403: "These credentials do not allow it, or a browser sends it for a page of another site, or loads it ahead.",
    412: "It was changed since it was read.",
    413: "The body is too large.",
    415: "The body is of another kind.",
    421: "The host is no name of this service.",
    503: "The database does not answer, or not in time; the same request may succeed later.",
}
RETRY_AFTER = {"Retry-After": "after so many seconds the same request may succeed"}
REFUSED = "Refused"
BELOW_THE_DOORS = (408, 431)
"""Statuses of answers that are given before a door sees a request."""


def path_of(door: Door, endpoint: Endpoint) -> str:
    """The path of an endpoint as the document writes it."""
    return PARAMETER.sub(r"{\1}", door.prefix + endpoint.path)


def error_name(door: Door) -> str:
    """The name of the shape in which a door writes errors."""
    return f"{door.name.capitalize()}Error"


class Operation:
    """One method of one endpoint."""

    def __init__(
        self,
        door: Door,
        door_doc: DoorDoc,
        endpoint: Endpoint,
        doc: Doc,
        method: str,
        guarded: bool,
        operations: Mapping[str, str],
    ) -> None:
        self._door, self._door_doc, self._endpoint, self._doc, self._method = door, door_doc, endpoint, doc, method
        self._guarded, self._operations = guarded, operations
        self._id = operations[f"{method} {path_of(door, endpoint)}"]
        self._form = doc.form and method == "POST"

    def json(self) -> Json:
        """The operation as the document has it."""
        body = self._body()
        text = self._doc.description + (" The parameters may stand in the query string as well." if self._form else "")
        return {
            "operationId": self._id,
            "tags": [self._door_doc.title],
            "summary": self._doc.summary,
            **({"description": text.strip()} if text else {}),
            "parameters": list(self._parameters()),
            **({"requestBody": body} if body else {}),
            "responses": self._responses(),
            **({"security": self._security()} if self._guarded else {}),
        }

    def _security(self) -> list[Json]:
        if self._endpoint.scope == "open":
            return []
        return [{scheme: []} for scheme in self._door_doc.security]

    def _parameters(self) -> Iterator[Json]:
        for name, converter in self._parameters_in_path():
            schema = self._doc.path.get(name) or CONVERTERS[converter or "str"]
            yield {"name": name, "in": "path", "required": True, "schema": schema}
        for place, parameters in (("query", () if self._form else self._doc.query), ("header", self._doc.headers)):
            for given in parameters:
                yield {
                    "name": given.name,
                    "in": place,
                    "description": given.description,
                    "required": given.required,
                    "schema": given.schema,
                }

    def _parameters_in_path(self) -> list[tuple[str, str]]:
        return PARAMETER.findall(self._door.prefix + self._endpoint.path)

    def _body(self) -> Json | None:
        body = self._doc.body
        if self._form and self._doc.query:
            return _form(self._doc.query)
        if body is None:
            return None
        example = {} if body.example is None else {"example": body.example}
        content = {media: {"schema": body.schema, **example} for media in body.media}
        return {"required": body.required, "content": content}

    def _responses(self) -> Json:
        guarded = self._guarded and self._endpoint.scope != "open"
        unsigned = self._door_doc.unsigned if guarded else {}
        answers = dict.fromkeys(self._implied(), None) | dict(unsigned) | dict(self._doc.answers)
        if not self._guarded:
            answers.pop(401, None)
        responses: Json = {str(status): self._response(status, answers[status]) for status in sorted(answers)}
        below = {str(status): {"$ref": f"#/components/responses/{status}"} for status in BELOW_THE_DOORS}
        return dict(sorted((responses | below).items()))

    def _implied(self) -> Iterator[int]:
        """The statuses of the errors that follow from what the endpoint is."""
        possible = {400, 503}
        if self._guarded and self._endpoint.scope != "open":
            possible |= {401, 403}
        if not self._guarded and self._endpoint.scope == "control":
            possible |= {403}
        if self._endpoint.scope == "control":
            possible |= {409}
        if self._parameters_in_path():
            possible |= {404}
        possible |= {421}
        if self._door.for_browsers:
            possible |= {403}
        if self._doc.body or self._form:
            possible |= {413, 415}
        if any(given.name.lower() == "if-match" for given in self._doc.headers):
            possible |= {412}
        return (status for status in possible if self._allowed(status))

    def _allowed(self, status: int) -> bool:
        # What is no HTTP is refused before there is a door.
        return status == 400 or self._door_doc.statuses is None or status in self._door_doc.statuses

    def _response(self, status: int, answer: Answer | None) -> Json:
        answer = answer or Answer(MEANINGS[status])
        schema, texts, media = answer.schema, answer.texts, answer.media
        if schema is None and status >= 400:
            schema, texts, media = shape(error_name(self._door)), self._door_doc.texts, self._door_doc.media
        content: Json = {} if schema is None else {media: {"schema": schema}}
        content |= {media: {"schema": TEXT} for media in texts}
        if (status == 400 and answer.schema is None) or (status == 503 and media != JSON):
            known = content.get(JSON, {}).get("schema")
            content[JSON] = {"schema": {"anyOf": [known, shape(REFUSED)]} if known else shape(REFUSED)}
        told = (RETRY_AFTER if status == 503 else {}) | dict(answer.headers)
        headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in told.items()}
        links = {name: self._link(link) for name, link in answer.links.items()}
        return {
            "description": answer.description,
            **({"headers": headers} if headers else {}),
            **({"content": content} if content else {}),
            **({"links": links} if links else {}),
        }

    def _link(self, link: Link) -> Json:
        body = {} if link.body is None else {"requestBody": link.body}
        return {
            "operationId": self._operations[link.to.replace("{prefix}", self._door.prefix)],
            "parameters": dict(link.parameters),
            **body,
        }


def _form(parameters: tuple[Query, ...]) -> Json:
    required = [given.name for given in parameters if given.required]
    schema: Json = {
        "type": "object",
        "properties": {given.name: {**given.schema, "description": given.description} for given in parameters},
        "required": required,
        "additionalProperties": False,
    }
    return {"required": bool(required), "content": {FORM: {"schema": schema}}}
