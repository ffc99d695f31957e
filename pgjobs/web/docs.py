"""The OpenAPI document at /openapi.json, and the same as a page for people at /docs.

The page is written once by this process and has no script, so that its Content-Security-Policy can forbid everything
but its own style. Both are open, for a browser sends no token: they say what this program is, and nothing of its data.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import ANY_OBJECT, TEXT, Answer, Doc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import HEADERS, json_response

Json = Mapping[str, Any]

STYLE = """
:root { color-scheme: light dark; --line: #8886; --code: #8882 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 13px/1.45 ui-monospace, monospace; background: var(--code); border-radius: 3px }
code { padding: .1em .3em } pre { padding: .6rem; overflow: auto } pre a { font-weight: bold }
details { border: 1px solid var(--line); border-radius: 4px; margin: .4rem 0; padding: .3rem .7rem }
summary { cursor: pointer } summary b { display: inline-block; min-width: 4.2rem }
span { scroll-margin-top: 4rem } nav a { white-space: nowrap }
@media (max-width: 46rem) {
  nav ul { padding-left: 1rem }
  nav a { display: inline-block; max-width: 100% }
  nav a, code { white-space: normal; overflow-wrap: anywhere }
}
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0 }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>{style}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_HEADERS = HEADERS | {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
REFERENCE = re.compile(r"&quot;#/components/schemas/([\w.-]+)&quot;")


class Documentation(NamedTuple):
    """The document of this process, as JSON and as a page."""

    document: str
    page: str


def written(document: Json) -> Documentation:
    """Both forms of a document."""
    return Documentation(json.dumps(document, ensure_ascii=False, separators=(",", ":")), page(document))


def page(document: Json) -> str:
    """The document as HTML."""
    info = document["info"]
    parts = [
        *(f"<p>{_words(part)}</p>" for part in info["description"].split("\n\n")),
        '<p>This page as a document for programs: <a href="/openapi.json">/openapi.json</a></p>',
        _contents(document),
        *(part for tag in document["tags"] for part in _section(document, tag)),
        '<h2 id="shapes">Shapes</h2>',
        *(_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())),
    ]
    title = escape(f"{info['title']} {info['version']}")
    return PAGE.format(title=title, style=STYLE, body="\n".join(parts))


def _contents(document: Json) -> str:
    """Links to all that follows, door by door."""
    lines = []
    for tag in document["tags"]:
        links = [
            f'<a href="#{escape(operation["operationId"])}">{method.upper()} {escape(path)}</a>'
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if tag["name"] in operation["tags"]
        ]
        lines.append(f'<li><a href="#{_anchor(tag)}"><b>{escape(tag["name"])}</b></a>: {", ".join(links)}</li>')
    return f'<nav><ul>{"".join(lines)}<li><a href="#shapes"><b>Shapes</b></a></li></ul></nav>'


def _anchor(tag: Json) -> str:
    return "door-" + re.sub("[^a-z0-9]+", "-", tag["name"].lower())


def _section(document: Json, tag: Json) -> Iterator[str]:
    yield f'<h2 id="{_anchor(tag)}">{escape(tag["name"])}</h2><p>{_words(tag["description"])}</p>'
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag["name"] in operation["tags"]:
                yield _operation(document, method.upper(), path, operation)


def _operation(document: Json, method: str, path: str, operation: Json) -> str:
    # A browser opens <details> by itself for an anchor inside of it.
    name = operation["operationId"]
    parts = [f"<p>{_words(operation['description'])}</p>" if "description" in operation else ""]
    security = operation.get("security", document.get("security", []))
    if security:
        parts.append(f"<p>Needs {escape(' or '.join(scheme for each in security for scheme in each))}.</p>")
    parameters = [
        (
            f"<code>{escape(given['name'])}</code>",
            given["in"] + (", required" if given["required"] else ""),
            _words(given.get("description", "")),
            _schema(given["schema"]),
        )
        for given in operation["parameters"]
    ]
    parts.append(_table(("parameter", "where", "meaning", "schema"), parameters))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body, <code>{escape(media)}</code></p>{_schema(content['schema'], block=True)}")
    answers = []
    for status, given in operation["responses"].items():
        answer = _resolved(document, given)
        contents = answer.get("content", {}).items()
        shown = " ".join(f"<code>{escape(media)}</code> {_schema(content['schema'])}" for media, content in contents)
        headers = "".join(
            f"<br><code>{escape(header)}</code>: {_words(said['description'])}"
            for header, said in answer.get("headers", {}).items()
        )
        answers.append((escape(status), _words(answer["description"]) + headers, shown))
    parts.append(_table(("answer", "when", "body"), answers))
    head = f"<b>{method}</b> <code>{escape(path)}</code> {_words(operation['summary'])}"
    return f'<details><summary>{head}</summary><span id="{escape(name)}"></span>{"".join(parts)}</details>'


def _resolved(document: Json, answer: Json) -> Json:
    reference = answer.get("$ref")
    found: Json = document["components"]["responses"][reference.rpartition("/")[2]] if reference else answer
    return found


def _shape(name: str, schema: Json) -> str:
    inner = _schema(schema, block=True)
    head = f"<summary><code>{escape(name)}</code></summary>"
    return f'<details>{head}<span id="shape-{escape(name)}"></span>{inner}</details>'


def _schema(schema: Json, *, block: bool = False) -> str:
    """A schema as JSON, with links to the shapes that it names."""
    text = escape(json.dumps(schema, ensure_ascii=False, indent=2 if block else None))
    linked = REFERENCE.sub(r'<a href="#shape-\1">\1</a>', text)
    return f"<pre>{linked}</pre>" if block else f"<code>{linked}</code>"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>" if cells else ""


def _words(text: str) -> str:
    """A sentence; what stands in backquotes is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


async def openapi_json(request: Request) -> Response:
    """The document."""
    documentation: Documentation = request.app.state.documentation
    return json_response(documentation.document)


async def docs(request: Request) -> Response:
    """The page."""
    documentation: Documentation = request.app.state.documentation
    return Response(documentation.page, headers=PAGE_HEADERS, media_type="text/html")


ENDPOINTS = (
    Endpoint(
        "/openapi.json",
        openapi_json,
        "open",
        ("GET",),
        Doc("This document", {200: Answer("The OpenAPI document of all doors.", ANY_OBJECT)}),
    ),
    *(
        Endpoint(
            path,
            docs,
            "open",
            ("GET",),
            Doc("This document as a page", {200: Answer("The page; it needs no other host.", TEXT, "text/html")}),
        )
        for path in ("/docs", "/docs/")
    ),
)
