"""What a JSON Schema of a type refuses: the place and the sentence, and that no payload takes long to check."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pgjobs.web.errors import Problem
from pgjobs.web.schema import check, validator

LINE = {"anyOf": [{"required": ["code"]}, {"required": ["name", "unit"]}]}
ONE_OF = {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}


def refused(schema: object, given: Any) -> Problem | None:
    try:
        asyncio.run(check(json.dumps(schema), given, "payload", "", len(json.dumps(given))))
    except Problem as problem:
        return problem
    return None


@pytest.mark.parametrize(
    ("schema", "given", "sentence"),
    [
        ({"required": ["é"]}, {}, 'payload: "é" is a required property'),
        ({"type": "object"}, [True, None], 'payload: [true,null] is not of type "object"'),
        (
            {"items": LINE},
            [{"code": "7"}, {"unit": "m"}],
            'payload[1]: one of these has to be there: "code", or "name"',
        ),
        ({"items": LINE}, [{}], 'payload[0]: one of these has to be there: "code", or "name" with "unit"'),
        (ONE_OF, {}, 'payload: one of these has to be there: "a", or "b"'),
        (ONE_OF, {"a": None, "b": None}, 'payload: only one of these may be there: "a", "b"'),
        (
            {"properties": {"x": {"$ref": "#/$defs/o"}}, "$defs": {"o": ONE_OF}},
            {"x": {"a": 1, "b": 1}},
            'payload.x: only one of these may be there: "a", "b"',
        ),
        (
            {"anyOf": [{"type": "null"}, {"type": "array", "items": {"minimum": 5}}]},
            [7, 1],
            "payload[1]: 1 is less than the minimum of 5",
        ),
        (
            {"anyOf": [{"type": "null"}, {"type": "string"}]},
            1,
            'payload: no alternative fits: 1 is not of type "null"; or 1 is not of type "string"',
        ),
        ({"anyOf": [False, {"type": "null"}]}, 1, 'payload: 1 is not of type "null"'),
        ({"anyOf": [False]}, 1, "payload: 1 is not valid under any of the schemas listed in the 'anyOf' keyword"),
        ({"type": "null"}, ["x" * 1000], 'payload: it is not of type "null"'),
        (
            {"pattern": "(?=x)(a*)*$"},
            "a" * 100_000 + "!",
            "payload: the pattern of the schema takes too many steps for this text",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words_of_json(schema: object, given: Any, sentence: str) -> None:
    """The place, and what is wrong there; where there are alternatives, what each of them lacks."""
    found = refused(schema, given)
    assert found is not None
    assert sentence == str(found.sentence)


@pytest.mark.parametrize(
    ("schema", "given", "fits"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 44 + "!", False),
        ({"pattern": "^([a-zA-Z0-9]+[._-]?)+@[a-z]+$"}, "a" * 5000, False),
        ({"pattern": r"^(a+)+\1!$"}, "a" * 44, False),
        ({"patternProperties": {"^(a+)+$": False}}, {"a" * 44 + "!": 1}, True),
        ({"items": {"pattern": "^(?=a)(?:a|b|ab)*c$"}}, ["ab" * 10] * 20_000, False),
        ({"uniqueItems": True}, [{"a": number, "b": [str(number)]} for number in range(40_000)], True),
        ({"uniqueItems": True}, [{"a": number % 39_999} for number in range(40_000)], False),
        ({"items": {"type": "string"}}, list(range(100_000)), False),
    ],
)
def test_no_payload_takes_long_to_check(schema: object, given: Any, fits: bool) -> None:
    """Patterns of the kind that other engines never end with, and large arrays."""
    assert fits is (refused(schema, given) is None)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nope"},
        {"pattern": "(("},
        {"properties": {"a": {"pattern": "(("}}},
        {"$ref": "http://127.0.0.1:9/"},
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/"}}},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "#/$defs/nothere"},
        {"$schema": "http://127.0.0.1:9/"},
        "no schema",
    ],
)
def test_a_schema_that_no_request_could_use_is_the_operators_to_mend(schema: object) -> None:
    """It is found when it is read, whatever a payload has; nothing is fetched."""
    with pytest.raises(Problem) as found:
        validator(json.dumps(schema))
    assert (503, "bad_schema") == (found.value.status, found.value.code)


def test_a_schema_fetches_nothing_that_is_there(tmp_path: Path) -> None:
    """A schema that leads to a file that could be read is refused as well."""
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    with pytest.raises(Problem, match="disabled"):
        validator(json.dumps({"$ref": (tmp_path / "schema.json").as_uri()}))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"type": "object"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$dynamicAnchor": "x", "allOf": [{"$dynamicRef": "#x"}]},
    ],
)
def test_a_schema_that_refers_to_itself_ends(schema: object) -> None:
    """Also where it says nothing but that."""
    assert refused(schema, {"a": {"b": 1}}) is None
