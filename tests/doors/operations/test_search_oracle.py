"""Searches find what a reader of all rows would find, page after page, whichever way the pages are reached.

What is there is read once without a filter; a model in Python says which of these rows a filter leaves.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from fix_jobs import Db
from fix_searches import WORDS, Fleet, search

Row = dict[str, Any]
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda has, given: bool(has == given),
    "in": lambda has, given: bool(has in given),
    "like": lambda has, given: re.search(given, str(has)) is not None,
    "gt": lambda has, given: bool(has > given),
    "lt": lambda has, given: bool(has < given),
    "gte": lambda has, given: bool(has >= given),
    "lte": lambda has, given: bool(has <= given),
}
NUMBERS = ("jobId", "operationAttemptCurrent", "jobTotal")
TEXTS = (
    "entityId",
    "operationId",
    "resourceType",
    "operationName",
    "operationStatus",
    "operationResult",
    "jobStatus",
    "jobUser",
)
JOB_TEXTS = ("jobStatus", "jobOperationName", "jobUser", "jobUserNotes")


def holds(node: Row, row: Row) -> bool:
    """Whether a filter leaves a row."""
    if not node:
        return True
    (operator, said), *_ = node.items()
    if operator in ("and", "or"):
        return (all if operator == "and" else any)(holds(inner, row) for inner in said)
    return all(_test(operator, row[name], given) for name, given in said.items())


def _test(operator: str, has: Any, given: Any) -> bool:
    if operator == "exists":
        return (has is not None) is bool(given)
    if operator in ("neq", "nin"):
        return has is None or not _test("eq" if operator == "neq" else "in", has, given)
    return has is not None and OPERATORS[operator](has, given)


def a_filter(chance: random.Random, rows: list[Row], texts: tuple[str, ...], depth: int = 0) -> Row:
    """A filter whose values come from the rows, so that it leaves some of them."""
    if depth < 3 and chance.random() < (0.8 if depth == 0 else 0.3):
        inner = [a_filter(chance, rows, texts, depth + 1) for _ in range(chance.randrange(1, 4))]
        return {chance.choice(["and", "and", "or"]): inner}
    operator = chance.choice(["eq", "eq", "in", "in", "neq", "nin", "like", "gt", "lte", "exists"])
    numbers = tuple(name for name in NUMBERS if name in rows[0])
    name = chance.choice(numbers if operator in ("gt", "lte") else (*texts, "jobId"))
    if operator == "exists":
        return {"exists": {name: chance.random() < 0.5}}
    value = chance.choice(rows)[name]
    if value is None:
        return {"neq": {name: "nothing"}}
    if operator in ("in", "nin"):
        further = [other for row in chance.choices(rows, k=2) if (other := row[name]) is not None]
        return {operator: {name: [value, *further]}}
    return {
        operator: {name: re.escape(str(value))[: chance.randrange(1, 9)].rstrip("\\") if operator == "like" else value}
    }


@pytest.fixture
def fleet(db: Db) -> Fleet:
    """Forty jobs in any state with up to six operations each, some of another door."""
    fleet, chance = Fleet(db), random.Random(4)  # noqa: S311 no secret
    statuses = ["ready", "in progress", "done", "canceled", "error"]
    for _ in range(40):
        entities = chance.sample(sorted(fleet.numbers), chance.randrange(7))
        items = [
            (entity, word := chance.choice(sorted(WORDS)), "ERROR_IN_PARAM" if word == "failed" else None)
            for entity in entities
        ]
        fleet.job(
            chance.choice(["reboot", "diagnosis", "diagnosis", "letter"]),
            chance.choice(statuses),
            items,
            active=chance.random() < 0.7,
            submitted_by=chance.choice([None, "token ann", "token bob"]),
            notes=chance.choice([None, "one", "two"]),
        )
    return fleet


def read_all(db: Db, what: str, body: Row, size: int, *, positions: bool) -> list[Row]:
    """All rows of a search, page after page until one is empty."""
    rows: list[Row] = []
    after, number = None, 1
    while True:
        page = body | {"limit": {"start": number, "size": size}}
        answer, behind = search(db, what, page, after=after if positions else None)
        if answer is None:
            return rows
        shown, pages = answer[what], answer["page"]
        assert number == pages["number"]
        assert 0 < len(shown) <= size
        # Clients also go by the number of pages, and by a page that is not full.
        assert len(shown) == size or number == pages["of"]
        rows += shown
        after, number = behind, number + 1


@pytest.mark.parametrize(("what", "texts"), [("operations", TEXTS), ("jobs", JOB_TEXTS)])
def test_a_filter_finds_what_it_should(fleet: Fleet, what: str, texts: tuple[str, ...]) -> None:
    """Whatever a filter says, its pages hold exactly the rows for which it is true, in the order of all rows."""
    db, chance = fleet.db, random.Random(7)  # noqa: S311 no secret
    names = sorted({*texts, "jobId", "jobTotal", *(NUMBERS if what == "operations" else ())})
    columns = {"select": names}
    every = read_all(db, what, columns, 1000, positions=False)
    assert len(every) > 20
    found = 0
    for turn in range(100):
        wanted = a_filter(chance, [as_typed(row) for row in every], texts)
        expected = [row for row in every if holds(wanted, as_typed(row))]
        body = columns | {"filter": wanted}
        assert expected == read_all(db, what, body, chance.choice([3, 7, 50]), positions=turn % 2 == 0), wanted
        found += len(expected)
    assert found > 400


def as_typed(row: Row) -> Row:
    """A row whose numbers are numbers, as a filter compares them."""
    return row | {"jobId": int(row["jobId"])}


@pytest.mark.parametrize("what", ["operations", "jobs"])
def test_an_order_is_the_one_that_is_asked_for(fleet: Fleet, what: str) -> None:
    """Rows come by the fields of sort, those without a value last, and otherwise with the newest job first."""
    names = {"operations": ["operationResult", "entityId", "operationId"], "jobs": ["jobUser", "jobTotal", "jobId"]}[
        what
    ]
    sort = {"parameters": [{"name": names[0], "type": "DESCENDING"}, {"name": names[1], "type": "ASCENDING"}]}
    every = read_all(fleet.db, what, {"select": names}, 1000, positions=False)
    have, lack = ([row for row in every if (row[names[0]] is not None) == has] for has in (True, False))
    expected = sorted(sorted(have, key=lambda row: row[names[1]]), key=lambda row: row[names[0]], reverse=True)
    expected += sorted(lack, key=lambda row: row[names[1]])
    assert expected == read_all(fleet.db, what, {"select": names, "sort": sort}, 7, positions=False)
