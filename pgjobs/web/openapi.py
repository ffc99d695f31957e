"""The OpenAPI 3.1 document of all doors, made from the tables of their endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from pgjobs import __version__
from pgjobs.web.doc import JSON, TEXT, record, shape
from pgjobs.web.door import Door
from pgjobs.web.openapi_operation import BELOW_THE_DOORS, REFUSED, Json, Operation, error_name, path_of

DESCRIPTION = """Each section is one door: a contract of its own, with its own errors.

A `GET` that changes nothing may be asked by `HEAD` as well. Another method than those of a path is answered with 405
and the header `Allow`. Answers of 1 KB and more are compressed for whoever sends `Accept-Encoding: gzip`.

Before a door sees a request, the service itself may refuse it: what is no HTTP/1.1 (400), a head that is too long
(431), a request that does not come whole within 10 s (408). These answers have the shape `Refused`, whatever the door.

With `PGJOBS_HTTP_AUTH` every endpoint but the open ones needs credentials, and their scope has to allow it."""
REFUSAL = record({"error": TEXT, "code": TEXT, "hint": TEXT})


def document(doors: Iterable[Door], *, guarded: bool) -> Json:
    """The document; `guarded`: callers need credentials."""
    described = [(door, door.doc) for door in doors if door.doc is not None]
    schemas: Json = {REFUSED: REFUSAL}
    schemes: Json = {}
    paths: Json = {}
    operations = _operation_ids(door for door, _ in described)
    for door, doc in described:
        schemas |= {error_name(door): doc.error, **doc.shapes}
        schemes |= doc.security if guarded else {}
        for endpoint in door.endpoints:
            if endpoint.doc is None:
                continue
            item = paths.setdefault(path_of(door, endpoint), {})
            for method in endpoint.methods:
                operation = Operation(door, doc, endpoint, endpoint.doc, method, guarded, operations)
                item[method.lower()] = _joined(item.get(method.lower()), operation.json())
    return {
        "openapi": "3.1.0",
        "info": {"title": "pgjobs", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": doc.title, "description": doc.description} for _, doc in described],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(status): _below_the_doors(status) for status in BELOW_THE_DOORS},
            **({"securitySchemes": schemes} if schemes else {}),
        },
    }


def _joined(one: Json | None, other: Json) -> Json:
    """Two endpoints of one method and path, which take bodies of different kinds, as one operation."""
    if one is None:
        return other
    content = one["requestBody"]["content"] | other["requestBody"]["content"]
    required = one["requestBody"]["required"] and other["requestBody"]["required"]
    texts = [said["description"] for said in (one, other) if "description" in said]
    return one | {
        "summary": f"{one['summary']}, or, with a body of another kind: {other['summary']}",
        "description": " ".join(texts),
        "parameters": one["parameters"] + [given for given in other["parameters"] if given not in one["parameters"]],
        "requestBody": {"required": required, "content": content},
        "responses": dict(sorted((other["responses"] | one["responses"]).items())),
    }


def _operation_ids(doors: Iterable[Door]) -> dict[str, str]:
    """Names of the operations by "METHOD /path": that of the handler, with the method where it has several."""
    names: dict[str, str] = {}
    for door in doors:
        for endpoint in door.endpoints:
            for method in endpoint.methods:
                suffix = f"_{method.lower()}" if len(endpoint.methods) > 1 else ""
                name = f"{door.name}_{endpoint.handler.__name__}{suffix}"
                again = sum(taken.partition(".")[0] == name for taken in names.values())
                names.setdefault(f"{method} {path_of(door, endpoint)}", f"{name}.{again + 1}" if again else name)
    return names


def _below_the_doors(status: int) -> Json:
    text = {408: "The request did not come whole within 10 s.", 431: "The head of the request is too long."}[status]
    return {"description": text, "content": {JSON: {"schema": shape(REFUSED)}}}
