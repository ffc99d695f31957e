"""Statuses in the OpenAPI document are those that SQL takes and gives: none more, none less."""

from collections.abc import Iterator
from typing import Any

import pytest
from fix_document import ALL_DOORS
from fix_jobs import STATUSES, Db, job_in
from fix_web import Web

from pgjobs.web.doors.cms.doc_columns import WRITTEN_FROM
from pgjobs.web.doors.page.listing import WORD
from pgjobs.web.openapi import document

DOCUMENT = document(ALL_DOORS, guarded=True)
OTHERS = ("Ready", "paused", "CANCELED", "finished", "ready ", "")
GIVEN = {
    "/job/{id}/items": "select distinct page from pgjobs.item_words()",
    "/api/v1/": "select distinct pgjobs.message_status(status) from pgjobs.item_words()",
    "#/components/schemas/Statistics": "select distinct pgjobs.message_status(status) from pgjobs.item_words()",
    "#/components/schemas/AllStatistics": "select distinct pgjobs.message_status(status) from pgjobs.item_words()",
    "#/components/schemas/": "select s from unnest(%s::text[]) s where pgjobs.next_statuses(s) is not null",
    "/north/v80/operation/jobs/{jobId}/operations": (
        "select distinct pgjobs.operation_status(status) from pgjobs.item_words() union select 'SCHEDULED'"
    ),
    "summary": (
        "select distinct w.operations from regexp_matches(pg_get_functiondef('pgjobs.state_words'::regproc),"
        " $$\\('(\\w+)',$$, 'g') m, pgjobs.state_words(m[1]) w"
    ),
    "/north/v80/operation/tasks": (
        "select m[1] from regexp_matches(pg_get_functiondef('pgjobs.task_state'::regproc), $$'([A-Z]+)'$$, 'g') m"
    ),
}
"""What SQL calls a status, by the beginning of the place of those words in the document, or a part of it."""


def enums(node: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """Where a status or a state is one of some words, and the words."""
    if isinstance(node, dict):
        if "enum" in node and place[-1] in ("status", "state"):
            yield place, frozenset(word for word in node["enum"] if word)
        for key, value in node.items():
            if key in ("anyOf", "schema"):
                yield from enums(value, (*place, node["name"]) if "name" in node and key == "schema" else place)
            else:
                yield from enums(value, (*place, key))
    elif isinstance(node, list):
        for value in node:
            yield from enums(value, place)


FOUND = list(enums(DOCUMENT["paths"])) + list(enums(DOCUMENT["components"]["schemas"], ("#/components/schemas",)))
TAKEN = [
    ("POST", "/jobs", "json", frozenset({"ready", "canceled", "cancelled"})),
    ("POST", "/jobs", "data", frozenset({*STATUSES, "cancelled"})),
    ("GET", "/jobs", "params", frozenset({*STATUSES, "cancelled"})),
    ("PATCH", "/jobs/{id}", "json", frozenset(WRITTEN_FROM)),
    ("POST", "/jobs/{id}", "json", frozenset(WRITTEN_FROM)),
    ("GET", "/job/{id}/items", "params", frozenset({"Waiting", "Started", "Finished", "Error", "Fail", "Stopped"})),
]
"""Every place where a request has a status, and the words that it takes."""


def test_every_status_that_is_asked_for_is_tried() -> None:
    """The document has no status of a request but those that the next tests send, and names the words they find."""
    kinds = {"application/json": "json", "application/x-www-form-urlencoded": "data", "parameters": "params"}
    asked = {
        (place[1].upper(), place[0], next(kinds[part] for part in place if part in kinds), words)
        for place, words in FOUND
        if "requestBody" in place or "parameters" in place
    }
    assert asked == set(TAKEN)


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_change_takes_the_documented_statuses(web: Web, db: Db, method: str) -> None:
    """Each status is taken of jobs in the states that the document names, elsewhere 409, and any other word is 400."""
    for before in STATUSES:
        for word in (*WRITTEN_FROM, *OTHERS):
            answer = web.call(method, f"/jobs/{job_in(db, before)}", json={"status": word})
            fits = before == word.replace("cancelled", "canceled") or before in WRITTEN_FROM.get(word, ())
            expected = 200 if fits else 409 if word in WRITTEN_FROM else 400
            assert expected == answer.status_code, (before, word)
    said = DOCUMENT["paths"]["/jobs/{id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert "in progress: of a job that is ready or in progress" in said["properties"]["status"]["description"]


@pytest.mark.parametrize(("method", "path", "kind", "words"), [each for each in TAKEN if "PATCH" != each[0]][:3])
def test_a_new_job_and_a_list_take_the_documented_statuses(
    web: Web, method: str, path: str, kind: str, words: frozenset[str]
) -> None:
    """Each of the words is taken, and any other one is 400."""
    for word in (*STATUSES, "cancelled", *filter(None, OTHERS)):
        given: dict[str, Any] = {kind: {"status": word} | ({"type": "expired"} if kind == "json" else {})}
        answer = web.call(method, path, **given)
        assert (word in words) == (answer.status_code in (200, 201)), word
        assert answer.status_code in (200, 201, 400), word


def test_a_status_of_an_answer_is_one_of_sql(db: Db) -> None:
    """The words of each answer, and those of its filters, are those that the functions give, all of them."""
    for place, words in FOUND:
        if "requestBody" in place:
            continue
        where = "#/components/schemas/Job" if place[0] == "/jobs" else "/".join(place)
        asked = GIVEN["summary" if "summary" in place else max((b for b in GIVEN if where.startswith(b)), key=len)]
        rows = db.execute(asked.encode(), ([*STATUSES, *OTHERS],) if "%s" in asked else None).fetchall()
        assert words - ({"cancelled"} if place[0] == "/jobs" else set()) == {word for (word,) in rows}, place


def test_the_page_and_the_searches_know_the_same_words(db: Db) -> None:
    """The pattern of the states of the list, and the words that a search may compare with, are those of SQL."""
    pages = GIVEN["summary"].replace("w.operations", "w.page")
    assert set(WORD.strip("()").split("|")) == {word for (word,) in db.execute(pages.encode()).fetchall()}
    known = db.row("select pg_get_functiondef('pgjobs.check_search_words'::regproc)")[0]
    for name, asked in (
        ("jobStatus", GIVEN["summary"]),
        ("operationStatus", GIVEN["/north/v80/operation/jobs/{jobId}/operations"]),
        ("taskState", GIVEN["/north/v80/operation/tasks"]),
    ):
        listed = known.split(f'"{name}": [')[1].split("]")[0].replace('"', "").split(", ")
        assert set(listed) == {word for (word,) in db.execute(asked.encode()).fetchall()}
