"""The OpenAPI document and its page: complete, consistent, and without foreign hosts."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import schemathesis
from fix_answers import disagreement, operation_of
from fix_document import ALL_DOORS
from fix_web import Web
from jsonschema_rs import Draft202012Validator, meta
from starlette.responses import Response

from pgjobs import __version__
from pgjobs.settings import read_settings
from pgjobs.web.doc import TEXT, Answer, Doc, DoorDoc, Query, empty_too, maybe, record
from pgjobs.web.docs import page
from pgjobs.web.door import Door
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.openapi import document
from pgjobs.web.openapi_operation import path_of

DOCUMENT = document(ALL_DOORS, guarded=True)
ENDPOINTS = [(door, endpoint) for door in ALL_DOORS for endpoint in door.endpoints]
OPERATIONS = [
    (path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


def parts(node: Any, name: str) -> Iterator[Any]:
    """Every value of this key, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield value
            yield from parts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from parts(value, name)


@pytest.mark.parametrize("door", ALL_DOORS, ids=lambda door: door.name)
def test_every_door_and_every_endpoint_is_documented(door: Door) -> None:
    """No door and no endpoint of one lacks what the document says of it, and its answers of success are told."""
    assert door.doc is not None
    assert [] == [endpoint.path for endpoint in door.endpoints if endpoint.doc is None]
    for endpoint in door.endpoints:
        assert endpoint.doc is not None
        assert any(200 <= status < 400 for status in endpoint.doc.answers), endpoint.path


def test_the_document_has_every_method_of_every_path() -> None:
    """The paths of the document are those of the doors, each with the methods that it takes."""
    taken = {(path_of(door, endpoint), method.lower()) for door, endpoint in ENDPOINTS for method in endpoint.methods}
    assert taken == {(path, method) for path, method, _ in OPERATIONS}


def test_every_documented_path_exists(web: Web) -> None:
    """No path of the document is unknown to the service, nor is its method."""
    for path, method, operation in OPERATIONS:
        # A stream would not end; its head tells as much.
        lasts = "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
        answer = web.call("HEAD" if lasts else method.upper(), re.sub(r"\{\w+\}", "7", path))
        assert 405 != answer.status_code, path
        assert "there is no path" not in answer.text, path


def test_the_document_is_openapi_3_1() -> None:
    """It is an OpenAPI document of version 3.1, and every schema in it is a JSON Schema."""
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert ("3.1.0", __version__) == (DOCUMENT["openapi"], DOCUMENT["info"]["version"])
    for schema in [*DOCUMENT["components"]["schemas"].values(), *parts(DOCUMENT["paths"], "schema")]:
        meta.validate(schema)


def test_names_in_the_document_lead_somewhere() -> None:
    """References, links, tags and security schemes name what is there, and operations have names of their own."""
    for reference in parts(DOCUMENT, "$ref"):
        kind, name = re.fullmatch(r"#/components/(\w+)/([\w.-]+)", reference).groups()  # type: ignore[union-attr] # or fail
        assert name in DOCUMENT["components"][kind], reference
    names = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert [] == [name for name, times in names.items() if times > 1]
    for links in parts(DOCUMENT["paths"], "links"):
        assert {link["operationId"] for link in links.values()} <= set(names)
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert sorted(set(tags)) == sorted(tags)
    schemes = DOCUMENT["components"]["securitySchemes"]
    for path, _, operation in OPERATIONS:
        assert set(operation["tags"]) <= set(tags), path
        assert {scheme for each in operation["security"] for scheme in each} <= set(schemes), path


def test_parameters_of_paths_are_described() -> None:
    """Each parameter in a path is one of its operations, once."""
    for path, _, operation in OPERATIONS:
        described = [given["name"] for given in operation["parameters"] if given["in"] == "path"]
        assert sorted(re.findall(r"\{(\w+)\}", path)) == sorted(described), path
    assert operation_of(DOCUMENT, "HEAD", "/jobs") is operation_of(DOCUMENT, "GET", "/jobs")
    assert operation_of(DOCUMENT, "PUT", "/jobs") is None


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "said"),
    [
        ("GET", "/healthz", 200, {"ok": True}, ""),
        ("GET", "/healthz", 200, {"ok": False}, "true was expected"),
        ("GET", "/healthz", 201, {"ok": True}, "201 is not documented"),
        ("GET", "/healthz", 200, "x", "documented as application/json"),
        ("GET", "/jobs/7/events", 404, {"error": "", "code": "", "hint": ""}, ""),
        ("GET", "/jobs/7/events", 404, {"error": ""}, "required property"),
        ("DELETE", "/healthz", 204, None, ""),
        ("HEAD", "/healthz", 200, None, ""),
        ("DELETE", "/api/v1/clients/7", 204, "x", "documented without a body"),
        ("GET", "/nowhere", 200, None, ""),
        ("GET", "/jobs", 503, {"error": "", "code": "", "hint": ""}, "documented with Retry-After"),
    ],
)
def test_an_answer_that_the_document_does_not_know_is_noticed(
    method: str, path: str, status: int, body: Any, said: str
) -> None:
    """Another status, another kind or another shape than documented is told, as every test of a door relies on."""
    content = {"text": body} if isinstance(body, str) else {"json": body} if body is not None else {}
    answer = httpx.Response(status, request=httpx.Request(method, f"http://localhost{path}"), **content)
    found = disagreement(DOCUMENT, answer)
    assert said in found
    assert bool(said) == bool(found)


def test_without_tokens_the_document_asks_for_none() -> None:
    """The document is that of this process: where no credentials are asked for, it names none, and no 401."""
    free = document(ALL_DOORS, guarded=False)
    assert "securitySchemes" not in free["components"]
    assert [] == list(parts(free["paths"], "security"))
    assert [] == list(parts(free["paths"], "401"))
    assert ["403" in free["paths"][path]["get"]["responses"] for path in ("/jobs/stop", "/jobs")] == [True, False]


async def show(_request: Any) -> Response:
    """Nothing."""
    return Response()


ODD = Door(
    "odd",
    "/<b>",
    (
        Endpoint(
            "/{id:uuid}/x", show, "read", ("GET", "DELETE"),
            Doc("<script>alert(1)</script>", {200: Answer("`a` & b", headers={"ETag": "<i>"}), 404: Answer("None.")},
                (Query("q", TEXT, "<u>"),)),
        ),
        Endpoint("/{id:uuid}/y", show, "open", ("GET",), Doc("y", {204: Answer("Nothing.")})),
    ),
    doc=DoorDoc("<Odd>", "<em>", TEXT, statuses=frozenset({404})),
)  # fmt: skip


def test_an_endpoint_becomes_operations() -> None:
    """Converters become schemas, several methods operations of their own, statuses those that the door has at all."""
    item = document([ODD], guarded=True)["paths"]["/<b>/{id}/x"]
    assert {"get": "odd_show_get", "delete": "odd_show_delete"} == {
        method: operation["operationId"] for method, operation in item.items()
    }
    assert ["200", "400", "404", "408", "431"] == list(item["get"]["responses"])
    assert {"type": "string", "format": "uuid"} == item["get"]["parameters"][0]["schema"]
    assert "content" not in item["get"]["responses"]["200"]
    error = item["get"]["responses"]["404"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/OddError"} == error


def test_schemas_say_what_they_are_called() -> None:
    """Null, an empty text and further properties are allowed only where a schema says so."""
    assert {"type": ["string", "null"]} == maybe(TEXT)
    assert {"anyOf": [{"$ref": "x"}, {"type": "null"}]} == maybe({"$ref": "x"})
    assert Draft202012Validator(dict(empty_too({"type": "integer", "minimum": 1}))).is_valid("")
    assert not Draft202012Validator(dict(empty_too({"type": "integer", "minimum": 1}))).is_valid("1")
    pair = Draft202012Validator(dict(record({"a": TEXT, "b": TEXT}, "b")))
    assert [True, False, False] == [pair.is_valid(given) for given in ({"a": "x"}, {"b": "x"}, {"a": "x", "c": 1})]


class Page(HTMLParser):
    """What a page loads, runs and links to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.targets, self.ids = Counter[str](), list[str](), list[str]()
        self.attributes = Counter[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes[name] += 1
            if name in ("href", "src"):
                self.targets.append(value or "")
            if name == "id":
                self.ids.append(value or "")


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_page_shows_every_operation_and_needs_no_other_host(guarded_web: Web, path: str) -> None:
    """Without a token a browser gets a page with every operation and shape, without scripts, that loads nothing."""
    answer = guarded_web.get(path)
    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    read = Page()
    read.feed(answer.text)
    assert {operation["operationId"] for _, _, operation in OPERATIONS} <= set(read.ids)
    assert {f"shape-{name}" for name in DOCUMENT["components"]["schemas"]} <= set(read.ids)
    assert [] == [target for target in read.targets if target != "/openapi.json" and target.lstrip("#") not in read.ids]
    assert 0 == sum(read.tags[tag] for tag in ("script", "link", "img", "iframe", "form", "object"))
    assert [] == [name for name in read.attributes if name.startswith("on") or name == "style"]


def test_the_page_may_load_nothing_but_its_own_style(web: Web) -> None:
    """The Content-Security-Policy forbids everything except the style in the page, which it names by its digest."""
    answer = web.get("/docs")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    style = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" == policy.pop("style-src")
    assert set(policy) == {"default-src", "base-uri", "form-action", "frame-ancestors"}
    assert {"'none'"} == set(policy.values())


def test_what_a_document_says_is_text_of_the_page() -> None:
    """Whatever stands in a document is shown as text: no tag comes from it."""
    shown = page(document([ODD], guarded=True))
    read = Page()
    read.feed(shown)
    assert 0 == sum(read.tags[tag] for tag in ("script", "em", "u", "i", "odd"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<code>a</code> &amp; b" in shown


def test_the_document_is_served_as_json(guarded_web: Web, web_url: str) -> None:
    """The document is open and says whether this process asks for tokens."""
    served = guarded_web.get("/openapi.json")
    assert (200, "application/json", DOCUMENT) == (served.status_code, served.headers["content-type"], served.json())
    with Web(read_settings(database_url=web_url)) as free:
        assert document(ALL_DOORS, guarded=False) == free.get("/openapi.json").json()
