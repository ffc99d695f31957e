"""Hostile values, and where an OpenAPI document takes a text: every parameter, every text in a body."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MARK = "pgx7"
Place = tuple[str | int, ...]
PRINTABLE = (
    f"=cmd|' /C {MARK}'!A0\"';select public.hostile_run();--'||public.hostile_run()||'"
    f"<script>alert('{MARK}')</script><img src=x onerror=alert(1)>{{{{7*7}}}}${{x}}%s%n\\"
)
CORPUS: tuple[str, ...] = (
    PRINTABLE,
    f"{MARK}\x00\r\nX-Hostile: {MARK}\r\n\x1b[2J\x08\x7f",
    f"{MARK}\u202e\ufeff\u2028\u200dZ\u0335\u0336\U0001d54f\U0001f9d1\u200d\U0001f9b0\uffff\u0600",
    f"../../../../{MARK}/../etc/passwd",
    f"..%2f..%2f%00{MARK}",
    "9" * 400,
    "-1e99999",
    "[" * 3000,
)
"""SQL with HTML, formulas and templates; control characters; letters; paths; numbers; nesting."""
STRUCTURES: tuple[Any, ...] = (10**400, -(10**30), [[[[[[[[MARK]]]]]]]], {MARK: {PRINTABLE: [PRINTABLE]}}, None, True)
"""What stands in a JSON body in place of a text."""
FORMATS = {
    "date-time": "2128-01-01T00:00:00Z", "uuid": "0f0e0d0c-0b0a-4908-8706-050403020100", "job-type": "expired",
}  # fmt: skip
SURROGATE = "\ud800"
"""Half a letter: JSON can say it, UTF-8 can't."""


class Spot(NamedTuple):
    """A text that a caller may choose: of which call, where in it, and what stands around it."""

    method: str
    path: str
    kind: str
    """path, query, header, json or form"""
    place: Place
    around: Any
    parameters: tuple[tuple[str, str, Any], ...]
    """Kind, name and a usual value of every other parameter that is needed."""
    streams: bool


def spots(document: Mapping[str, Any]) -> Iterator[Spot]:
    """Every place of a document where a text can be."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            given = [(each["in"], each["name"], _usual(each["schema"], document)) for each in operation["parameters"]]
            needed = [(*known, each["required"]) for known, each in zip(given, operation["parameters"], strict=True)]
            around = tuple(known[:3] for known in needed if known[3])
            streams = any("text/event-stream" in each.get("content", {}) for each in operation["responses"].values())
            bodies = operation.get("requestBody", {}).get("content", {})
            body = next((_body(media, each, document) for media, each in bodies.items()), None)
            for kind, name, _ in given:
                yield Spot(method.upper(), path, kind, (name,), body, around, streams)
            for media, each in bodies.items():
                form = "form" in media
                if form or media == "application/json":
                    usual = _body(media, each, document)
                    for place in dict.fromkeys(_texts(each["schema"], document)):
                        yield Spot(method.upper(), path, "form" if form else "json", place, usual, around, streams)


def put(around: Any, place: Place, value: Any) -> Any:
    """The same with the value at its place."""
    if not place:
        return value
    first, rest = place[0], place[1:]
    if isinstance(first, int):
        return [put(around[0] if isinstance(around, list) and around else None, rest, value)]
    known = dict(around) if isinstance(around, dict) else {}
    return known | {first: put(known.get(first), rest, value)}


def _body(media: str, content: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    if "example" in content:
        return copy.deepcopy(content["example"])
    return _usual(content["schema"], document) if "json" in media or "form" in media else None


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _texts(schema: Mapping[str, Any], document: Mapping[str, Any], place: Place = ()) -> Iterator[Place]:
    """The places of texts in what a schema describes; in an object of any keys one text of its own."""
    schema = _resolved(schema, document)
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _texts(one, document, place)
    if "string" in _kinds(schema) or schema == {} or any(isinstance(word, str) for word in schema.get("enum", ())):
        yield place
    for name, one in schema.get("properties", {}).items():
        yield from _texts(one, document, (*place, name))
    if "object" in _kinds(schema) and not schema.get("properties"):
        yield (*place, "any")
    if "items" in schema:
        yield from _texts(schema["items"], document, (*place, 0))


def _usual(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """Something that a schema allows, as short as it can be."""
    schema = _resolved(schema, document)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    kinds = _kinds(schema)
    usual: Any
    if schema.get("enum"):
        usual = schema["enum"][0]
    elif choices:
        usual = _usual(choices[0], document)
    elif "object" in kinds or "properties" in schema:
        usual = {name: _usual(schema["properties"][name], document) for name in schema.get("required", ())}
    elif "array" in kinds:
        usual = []
    elif "integer" in kinds or "number" in kinds:
        usual = max(1, schema.get("minimum", 1))
    elif "boolean" in kinds:
        usual = False
    else:
        usual = FORMATS.get(schema.get("format", ""), "1")
    return usual
