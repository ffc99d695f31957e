"""Hostile values in every text of every request: refused or kept as they are, never run, never an error of ours."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from fix_answers import disagreement
from fix_document import ALL_DOORS, SEEDS
from fix_hostile import CORPUS, MARK, STRUCTURES, SURROGATE, Spot, put, spots
from fix_jobs import Db
from fix_web import Web
from psycopg import sql

from pgjobs.settings import read_settings
from pgjobs.web.openapi import document

DOCUMENT = document(ALL_DOORS, guarded=False)
SPOTS = list(spots(DOCUMENT))
LONG = "PGJOBS_TEST_LONG" in os.environ
TRAP = """
create table public.hostile (n integer);
create function public.hostile_run() returns text language sql security definer set search_path = public
  as 'insert into public.hostile values (1); select ''ran''';
grant execute on function public.hostile_run() to public;
"""
JOBS, TASKS = "/north/v80/operation/jobs", "/north/v80/operation/tasks"
REQUEST = {"name": "REBOOT", "target": {"append": {"entities": ["dev-1"]}}}
DAILY = {"repeating": {"period": {"each": 1, "unit": "DAYS"}}}
AROUND: dict[tuple[str, str], Any] = {
    ("POST", JOBS): {"job": {"request": REQUEST | {"active": False}}},
    ("PUT", f"{JOBS}/{{jobId}}"): {"job": {"request": {"notify": False}}},
    ("POST", TASKS): {"task": {"name": "daily", "job": {"request": REQUEST}, "schedule": DAILY}},
    ("PUT", f"{TASKS}/{{taskId}}"): {"task": {"schedule": DAILY}},
}
"""Bodies that are taken, where the document has no example."""


def known_things(web: Web, db: Db) -> dict[str, str]:
    """One thing of each kind that paths name: its id by the beginning of the paths."""
    for seed in {id(seed): seed for seed in SEEDS.values()}.values():
        seed(db)
    db.execute(
        "update xmp_job_types set tracked = true, format = 'plain', reply_queue = 'replies',"
        " selector = 'pgjobs.operation_records', params = '{parameters,resource_type,tags,filter,listed,dry_run}'"
        " where doors = '{operations}'"
    )
    clients = web.get("/api/v1/clients/").json()
    made = {path: web.post(path, json=AROUND["POST", path]) for path in (JOBS, TASKS)}
    assert [201, 201] == [answer.status_code for answer in made.values()], [answer.text for answer in made.values()]
    ids = {
        "/api/v1/clients": clients[0]["id"],
        "/api/v1/mailings": db.value("select max(id) from xmp_jobs where type = 'mailing'"),
        **{path: answer.json()["id"] for path, answer in made.items()},
    }
    return {path: str(id_) for path, id_ in ids.items()}


def call_of(spot: Spot, value: Any, ids: dict[str, str]) -> httpx.Request | None:
    """The call with the value at its place; None where HTTP itself can't carry it."""
    body = AROUND.get((spot.method, spot.path), spot.around)
    known = next((id_ for path, id_ in ids.items() if spot.path.startswith(path)), None)
    usual = {(kind, name): str(known or text if kind == "path" else text) for kind, name, text in spot.parameters}
    if spot.kind in ("path", "query", "header"):
        usual[spot.kind, str(spot.place[0])] = value
    elif spot.kind == "json":
        body = put(body, spot.place, value)
    path, headers = (
        spot.path,
        {"Host": "localhost"} | {name: text for (kind, name), text in usual.items() if kind == "header"},
    )
    if any(one < " " or one == "\x7f" for text in headers.values() for one in text):
        return None
    for (kind, name), text in usual.items():
        path = path.replace(f"{{{name}}}", quote(text, safe="")) if kind == "path" else path
    options: dict[str, Any] = {"params": {name: text for (kind, name), text in usual.items() if kind == "query"}}
    if spot.kind == "form":
        options["data"] = {name: str(one) for name, one in put(body or {}, spot.place, value).items()}
    elif body is not None:
        options["content"] = json.dumps(body)
        headers["Content-Type"] = "application/json"
    encoded = [(name.encode(), text.encode()) for name, text in headers.items()]
    return httpx.Request("HEAD" if spot.streams else spot.method, f"http://localhost{path}", headers=encoded, **options)


def values(number: int, spot: Spot) -> Iterator[Any]:
    """What is put there: the first value of the corpus, and every third one, another third for the next text."""
    corpus: list[Any] = [*CORPUS[1:]]
    if spot.kind == "json":
        corpus += [*STRUCTURES, SURROGATE]
    yield CORPUS[0]
    yield from corpus if LONG else corpus[number % 3 :: 3]


def faults(answer: httpx.Response, path: str) -> Iterator[str]:
    """What is wrong with an answer."""
    if answer.status_code >= 500 and not (path == "/api" and answer.status_code == 503):
        yield f"{answer.status_code}"
    if "x-hostile" in answer.headers:
        yield "a header of the caller's own"
    media = answer.headers.get("content-type", "")
    if "html" in media and ("<script>alert" in answer.text or "<img src=x" in answer.text):
        yield "HTML of the caller's own"
    if (
        media.startswith("text/")
        and "html" not in media
        and any(line.startswith("=") for line in answer.text.split("\n"))
    ):
        yield "a formula"
    if "root:x:0" in answer.text:
        yield "a file of the machine"
    if wrong := disagreement(DOCUMENT, answer):
        yield wrong


def kept(db: Db) -> Iterator[tuple[str, Any]]:
    """Every text in any table that has the mark, with its table."""
    tables = db.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('public', 'pgjobs') and c.relkind = 'r'"
    ).fetchall()
    for schema, table in tables:
        found = sql.SQL("select to_jsonb(t) from {} t where t::text like {}").format(
            sql.Identifier(schema, table), sql.Literal(f"%{MARK}%")
        )
        for (row,) in db.execute(found).fetchall():
            yield from ((table, text) for text in leaves(row) if MARK in text)


def leaves(node: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(node, dict):
        for key, one in node.items():
            yield key
            yield from leaves(one)
    elif isinstance(node, list):
        for one in node:
            yield from leaves(one)
    elif isinstance(node, str):
        yield node


def test_hostile_values_are_refused_or_kept_as_they_are(web_url: str, db: Db, tmp_path: Path) -> None:
    """Every value in every text of every path: no 5xx, no answer that the document does not know, nothing is run, and
    what is kept is kept letter by letter."""
    db.execute(TRAP)
    (tmp_path / "injections").mkdir()
    settings = read_settings(database_url=web_url, http_patience=0.02, injections_dir=tmp_path / "injections")
    wrong: list[str] = []
    taken: set[tuple[str, str]] = set()

    async def call_all(client: httpx.AsyncClient) -> None:
        for number, spot in enumerate(SPOTS):
            for value in values(number, spot):
                request = call_of(spot, value, ids)
                if request is None:
                    continue
                answer = await client.send(request)
                where = f"{spot.method} {spot.path} {spot.kind} {spot.place} {str(value)[:40]!r}"
                wrong.extend(f"{where}: {fault}: {answer.text[:200]}" for fault in faults(answer, spot.path))
                if answer.status_code < 300 and spot.kind == "json":
                    taken.add((spot.method, spot.path))

    with Web(settings) as web:
        ids = known_things(web, db)
        web.within(call_all)
    assert [] == wrong, f"{len(wrong)} calls:\n" + "\n".join(wrong[:40])
    assert 0 == db.value("select count(*) from public.hostile")
    whole = (*CORPUS, MARK)
    assert [] == [found for found in kept(db) if not any(value in found[1] for value in whole)]
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tmp_path / "injections"]
    # Each body that keeps texts was taken at least once, so that what is kept was looked at.
    assert taken >= {("POST", "/jobs"), ("PATCH", "/jobs/{id}"), *AROUND, ("POST", "/api/v1/mailings/")}, taken
