"""The template of an app: what the public client asks for before it submits, made from the JSON Schema of the app.

`required_post` and `required_put` name the fields that the client wants to see in a payload, `template` is a payload
without values, and `field_options` has the values of fields that are chosen from a list. $defs.post and $defs.put of a
schema say what is asked of the one method besides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pgjobs.web.errors import Problem
from pgjobs.web.schema import validator

DEEPEST = 12
"""So deep a schema that refers to itself is followed."""
EMPTY = (None, "", 0, False)
METHODS = ("post", "put")

Schema = Mapping[str, Any] | bool
Node = Mapping[str, Any]


def for_method(schema: Schema | None, method: str) -> Schema | None:
    """The schema of the payloads of POST or PUT."""
    name = method.lower()
    if not isinstance(schema, Mapping) or not isinstance(schema.get("$defs"), Mapping) or name not in schema["$defs"]:
        return schema
    return {**schema, "allOf": [*schema.get("allOf", ()), {"$ref": f"#/$defs/{name}"}]}


def template(app: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a template; `app` as pgjobs.partner_app() gives it."""
    row: dict[str, Any] = {"name": app["title"], "app": app["app"]}
    whole = {method: _Schema(for_method(app["schema"], method)) for method in METHODS}
    both = _Schema(for_method(for_method(app["schema"], "post"), "put"))
    row["template"] = both.skeleton()
    row["field_options"] = dict(both.options())
    for method, schema in whole.items():
        row[f"required_{method}"] = list(schema.required())
    return row


class _Schema:
    """A schema, as far as it describes objects with properties."""

    def __init__(self, root: Schema | None) -> None:
        self._root: Node = root if isinstance(root, Mapping) else {}

    def required(self) -> Iterator[dict[str, Any]]:
        """The fields that have to be there, those of objects and arrays below as a.b."""
        for path, node in self._objects(self._root, (), 0):
            properties = node.get("properties", {})
            for name in node.get("required", ()):
                yield self._field(path, name, properties.get(name, {}))
            for names in _mutual(node):
                for name in names:
                    # The client knows mutual fields at the top alone, and takes those below for needed, unless
                    # they may be empty.
                    field = self._field(path, name, properties.get(name, {}), enforce=False)
                    yield field | {"nullable": True, "mutual": names}

    def options(self) -> Iterator[tuple[str, list[Any]]]:
        """The fields that are chosen from a list."""
        for path, node in self._objects(self._root, (), 0):
            for name, below in node.get("properties", {}).items():
                values = self._whole(below).get("enum")
                if isinstance(values, list):
                    yield ".".join((*path, name)), [value for value in values if value is not None]

    def skeleton(self) -> Any:
        """A payload without values."""
        return self._skeleton(self._root, 0) or {}

    def _skeleton(self, schema: Any, depth: int) -> Any:
        node = self._whole(schema)
        if "default" in node:
            return node["default"]
        if depth > DEEPEST:
            return None
        if "properties" in node:
            return {name: self._skeleton(below, depth + 1) for name, below in node["properties"].items()}
        if _type(node) == "array":
            inner = self._skeleton(node.get("items", {}), depth + 1)
            return [] if inner is None else [inner]
        return {} if _type(node) == "object" else None

    def _objects(self, schema: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Each object of a payload, with its path; an array is as its elements."""
        node = self._whole(schema)
        if depth > DEEPEST:
            return
        if _type(node) == "array":
            yield from self._objects(node.get("items", {}), path, depth + 1)
            return
        yield path, node
        for name, below in node.get("properties", {}).items():
            yield from self._objects(below, (*path, name), depth + 1)

    def _whole(self, schema: Any, depth: int = 0) -> Node:
        """A schema with what it refers to by $ref and allOf."""
        if not isinstance(schema, Mapping) or depth > DEEPEST:
            return {}
        whole = dict(schema)
        for part in (self._target(schema.get("$ref")), *schema.get("allOf", ())):
            below = self._whole(part, depth + 1)
            properties = {**below.get("properties", {}), **whole.get("properties", {})}
            required = dict.fromkeys([*whole.get("required", ()), *below.get("required", ())])
            whole = {**below, **whole}
            if properties:
                whole["properties"] = properties
            if required:
                whole["required"] = list(required)
        return whole

    def _target(self, ref: Any) -> Any:
        node: Any = self._root
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return None
        for step in ref[2:].split("/"):
            node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, Mapping) else None
        return node

    def _field(self, path: tuple[str, ...], name: str, schema: Any, *, enforce: bool = True) -> dict[str, Any]:
        """A field as the client checks it: `nullable` says whether it may be null, empty, 0 or false."""
        return {
            "field": ".".join((*path, name)),
            "nullable": self._may_be_empty(schema),
            "data_type": _type(self._whole(schema)) or "string",
            "enforce": enforce,
        }

    def _may_be_empty(self, schema: Any) -> bool:
        below = schema if isinstance(schema, bool) else {**schema, "$defs": self._root.get("$defs", {})}
        try:
            return any(validator(json.dumps(below)).is_valid(value) for value in EMPTY)
        except Problem:
            return True


def _mutual(node: Node) -> Iterator[list[str]]:
    """Fields of which one has to be there: anyOf that asks for nothing else."""
    choices = node.get("anyOf", ())
    if choices and all(isinstance(one, Mapping) and one.keys() == {"required"} for one in choices):
        yield [name for one in choices for name in one["required"]]


def _type(node: Node) -> str | None:
    """The type that a value has where it is not null."""
    named = node.get("type")
    types = [named] if isinstance(named, str) else named or []
    found = next((str(one) for one in types if one != "null"), None)
    if found is None and "properties" in node:
        return "object"
    return found
