"""Templates: what the public client reads before it submits, made from the JSON Schema of a type."""

from typing import Any

import pytest
from fix_partner import SUBSCRIPTION, Gateway, Partner

from pgjobs.web.doors.partner.templates import template

PATH = f"/2.0/sub/{SUBSCRIPTION}/template"


def field(name: str, kind: str, *, nullable: bool = False, enforce: bool = True, **more: object) -> dict[str, Any]:
    return {"field": name, "nullable": nullable, "data_type": kind, "enforce": enforce} | more


def by_name(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields in the order of their names: the database keeps no order of the properties of a schema."""
    return sorted(fields, key=lambda one: str(one["field"]))


def test_the_template_of_a_requisition(partner: Partner) -> None:
    """The fields that have to be there, those below with their path; a payload without values; what is chosen from a
    list. By the name of what the type is for, and by its own name."""
    answer = partner.answer(f"{PATH}/req")
    (row,) = answer["rows"]
    choice = ["hph_code", "description"]
    post = [
        field("number", "string"),
        # The client takes false for empty, so that it has to be allowed to.
        field("allow_substitutes", "boolean", nullable=True),
        field("delivery.location_type", "string", nullable=True),
        field("items.quantity", "number", nullable=True),
        field("items.hph_code", "string", nullable=True, enforce=False, mutual=choice),
        field("items.description", "string", nullable=True, enforce=False, mutual=choice),
    ]
    assert by_name(post) == by_name(row["required_post"])
    assert by_name([*post, field("cinx_guid", "string")]) == by_name(row["required_put"])
    assert {
        "number": None,
        "name": None,
        "cinx_guid": None,
        "allow_substitutes": None,
        "dates": {"need_by": None},
        "delivery": {"location_type": None},
        "items": [{"hph_code": None, "description": None, "quantity": None, "delivery": {"location_type": None}}],
        "external_references": [{"id": None, "domain": None}],
    } == row["template"]
    assert {
        "delivery.location_type": ["JOB SITE", "SHOP"],
        "items.delivery.location_type": ["JOB SITE", "SHOP"],
    } == row["field_options"]
    assert ("Requisition", "json-req-import") == (row["name"], row["app"])
    assert [row] == partner.answer(f"{PATH}/json-req-import")["rows"]


def test_a_type_without_a_schema_asks_for_nothing(partner: Partner) -> None:
    """Its lists are there, and empty."""
    (row,) = partner.answer(f"{PATH}/rfq")["rows"]
    assert ([], [], {}) == (row["required_post"], row["required_put"], row["template"])


@pytest.mark.parametrize("name", ["nothing", "expired", "%00", "x" * 500])
def test_an_unknown_template_is_404_in_the_envelope(partner: Partner, name: str) -> None:
    """What is no type of this door, and nothing that one is for."""
    answer = partner.answer(f"{PATH}/{name}")
    assert (404, []) == (answer["response"]["status_code"], answer["rows"])


def test_the_own_name_comes_first(gateway: Gateway, partner: Partner) -> None:
    """A type that is called like a template is that template, whatever other types are for."""
    gateway.change("json-rfq-import", applicable_to=["json-req-import", "req"])
    assert "json-req-import" == partner.answer(f"{PATH}/json-req-import")["rows"][0]["app"]
    # Of several that are for it, the first by name.
    assert "json-req-import" == partner.answer(f"{PATH}/req")["rows"][0]["app"]


def test_the_template_has_the_fields_of_both_methods() -> None:
    """What PUT alone asks for stands in the template as well."""
    one = {"properties": {"guid": {"enum": ["x"]}}, "required": ["guid"]}
    row = template({"app": "a", "title": "A", "schema": {"properties": {"a": {}}, "$defs": {"put": one}}})
    assert ({"a": None, "guid": None}, {"guid": ["x"]}) == (row["template"], row["field_options"])
    assert ([], ["guid"]) == tuple([one["field"] for one in row[f"required_{method}"]] for method in ("post", "put"))


def test_fields_of_which_one_is_needed_may_be_empty() -> None:
    """The client checks mutual fields at the top alone: those below would be needed all, unless they may be empty."""
    line = {
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "properties": {"a": {"type": "string", "minLength": 1}},
    }
    row = template({"app": "a", "title": "A", "schema": {"properties": {"items": {"items": line, "type": "array"}}}})
    assert [(True, False)] * 2 == [(one["nullable"], one["enforce"]) for one in row["required_post"]]


@pytest.mark.parametrize(
    ("schema", "required", "skeleton"),
    [
        (True, [], {}),
        ({"required": ["a"]}, ["a"], {}),
        ({"properties": {"a": {"default": 7}}}, [], {"a": 7}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {}}, "required": ["a"]}}}, ["a"], {"a": None}),
        (
            {"allOf": [{"required": ["b"]}, {"properties": {"b": {"type": "array"}}}], "required": ["a"]},
            ["a", "b"],
            {"b": []},
        ),
        ({"$ref": "#/$defs/gone"}, [], {}),
        ({"$ref": "http://127.0.0.1:9/"}, [], {}),
        ({"properties": {"a": {"type": "array", "items": {"required": ["b"]}}}}, ["a.b"], {"a": []}),
    ],
)
def test_schemas_of_all_kinds(schema: Any, required: list[str], skeleton: object) -> None:
    """References, allOf, defaults and arrays are followed; what can't be is left out."""
    row = template({"app": "a", "title": "A", "schema": schema})
    assert (required, skeleton) == ([one["field"] for one in row["required_post"]], row["template"])


def test_a_schema_may_refer_to_itself() -> None:
    """It is followed to a certain depth, and ends."""
    node = {"properties": {"below": {"$ref": "#/$defs/node"}}, "required": ["below"]}
    row = template({"app": "a", "title": "A", "schema": {"$ref": "#/$defs/node", "$defs": {"node": node}}})
    assert {"below", "below.below"} < {one["field"] for one in row["required_post"]}
