"""Search filters: what they find, that nothing of them is executed as SQL, and what is refused in which words."""

import itertools
import json
import time
from typing import Any

import psycopg
import pytest
from fix_jobs import Db
from psycopg import sql
from psycopg.types.json import Jsonb

ENTITIES: list[dict[str, Any]] = [
    {
        "id": "dev-1", "type": "entity.device", "tags": ["north", "vip"],
        "attributes": {"model": "X", "floor": 3, "on": True, "device": {"name": "One", "links": ["gsm", "eth"]}},
    },
    {"id": "dev-2", "type": "entity.device", "tags": ["north"], "attributes": {"model": "x", "floor": "10"}},
    {
        "id": "dev-3", "type": "entity.device",
        "attributes": {"model": "Y", "floor": 9.5, "device.name": "3rd", "on": None},
    },
    {"id": "sim-1", "type": "entity.subscription", "tags": ["Vip"], "attributes": {"model": "it's 100%"}},
]  # fmt: skip
FIELDS = {
    "number": {"sql": "v.n", "type": "bigint"},
    "share": {"sql": "v.share", "type": "numeric"},
    "name": {"sql": "v.name", "type": "text"},
    "at": {"sql": "v.at", "type": "timestamptz"},
    "on": {"sql": "v.on_", "type": "boolean"},
    "v.number": "number",
}
ROWS = (
    "(values (1::bigint, 0.5, 'Ann', timestamptz '2026-01-01 10:00Z', true),"
    " (2, 1.5, 'bob', '2026-01-02', false), (3, null, null, null, null)) v (n, share, name, at, on_)"
)


@pytest.fixture
def directory(db: Db) -> Db:
    """A database whose directory has the four entities."""
    db.execute("select pgjobs.put_entities(%s)", (Jsonb(ENTITIES),))
    return db


def found(db: Db, filter_: object, *, case: bool = True) -> list[str]:
    """The ids that a filter finds."""
    rows = db.value("select pgjobs.list_entities(%s, null, 100, %s)", Jsonb(filter_), case)
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({}, "dev-1 dev-2 dev-3 sim-1"),
        ({"eq": {"id": "dev-2"}}, "dev-2"),
        ({"and": [{"eq": {"provision.device.identifier": "dev-2"}}]}, "dev-2"),
        ({"eq": {"provision.device.identifier._current.value": "dev-2"}}, "dev-2"),
        ({"eq": {"resourceType": "entity.subscription"}}, "sim-1"),
        ({"in": {"id": ["dev-3", "sim-1", "none"]}}, "dev-3 sim-1"),
        ({"nin": {"id": ["dev-3", "sim-1"]}}, "dev-1 dev-2"),
        ({"like": {"id": "v-[12]"}}, "dev-1 dev-2"),
        ({"like": {"id": "^ev"}}, ""),
        ({"gt": {"id": "dev-2"}}, "dev-3 sim-1"),
        ({"lte": {"id": "dev-2"}}, "dev-1 dev-2"),
        ({"eq": {"tags": "vip"}}, "dev-1"),
        ({"neq": {"tags": "north"}}, "dev-3 sim-1"),
        ({"in": {"tags": ["vip", "Vip"]}}, "dev-1 sim-1"),
        ({"like": {"tags": "ip$"}}, "dev-1 sim-1"),
        ({"exists": {"tags": False}}, "dev-3"),
        ({"eq": {"model": "X"}}, "dev-1"),
        ({"neq": {"model": "X"}}, "dev-2 dev-3 sim-1"),
        ({"eq": {"model": "it's 100%"}}, "sim-1"),
        ({"like": {"model": "100%"}}, "sim-1"),
        ({"eq": {"floor": 10}}, "dev-2"),
        ({"eq": {"floor": "3"}}, "dev-1"),
        ({"gt": {"floor": 5}}, "dev-2 dev-3"),
        ({"lt": {"floor": "9.6"}}, "dev-1 dev-3"),
        ({"gte": {"model": "Y"}}, "dev-2 dev-3 sim-1"),
        ({"eq": {"on": "true"}}, "dev-1"),
        ({"exists": {"on": True}}, "dev-1"),
        ({"exists": {"on": False}}, "dev-2 dev-3 sim-1"),
        ({"eq": {"device.name": "One"}}, "dev-1"),
        ({"eq": {"device.name": "3rd"}}, "dev-3"),
        ({"eq": {"device.links": "eth"}}, "dev-1"),
        ({"in": {"device.name": ["One", "3rd"]}}, "dev-1 dev-3"),
        ({"in": {"device.name": ["One", *map(str, range(30))]}}, "dev-1"),
        ({"eq": {"floor": 3, "model": "X"}}, "dev-1"),
        ({"and": [{"eq": {"tags": "north"}}, {"or": [{"eq": {"model": "x"}}, {"gt": {"floor": 100}}]}]}, "dev-2"),
        ({"or": [{"and": [{"eq": {"model": "X"}}, {"eq": {"floor": 4}}]}, {"eq": {"id": "sim-1"}}]}, "sim-1"),
    ],
    ids=json.dumps,
)
def test_a_filter_finds_what_it_says(directory: Db, filter_: object, expected: str) -> None:
    """Every operator, over columns, tags and attributes, with and, or and nesting."""
    assert expected.split() == found(directory, filter_)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"eq": {"id": "DEV-1"}}, "dev-1"),
        ({"eq": {"model": "x"}}, "dev-1 dev-2"),
        ({"in": {"model": ["x", "y"]}}, "dev-1 dev-2 dev-3"),
        ({"neq": {"model": "x"}}, "dev-3 sim-1"),
        ({"like": {"model": "^x"}}, "dev-1 dev-2"),
        ({"eq": {"tags": "VIP"}}, "dev-1 sim-1"),
        ({"in": {"tags": ["VIP", "none"]}}, "dev-1 sim-1"),
        ({"gte": {"model": "Y"}}, "dev-3"),
    ],
    ids=json.dumps,
)
def test_case_is_looked_over_where_that_is_asked_for(directory: Db, filter_: object, expected: str) -> None:
    """Without case, texts are compared whatever their case is."""
    assert expected.split() == found(directory, filter_, case=False)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"eq": {"number": 2}}, [2]),
        ({"eq": {"v.number": "2"}}, [2]),
        ({"neq": {"number": "2"}}, [1, 3]),
        ({"eq": {"number": "abc"}}, []),
        ({"neq": {"number": "abc"}}, [1, 2, 3]),
        ({"in": {"number": ["abc", 1, "3"]}}, [1, 3]),
        ({"gt": {"number": 1.5}}, [2, 3]),
        ({"lt": {"share": 1}}, [1]),
        ({"neq": {"share": 0.5}}, [2, 3]),
        ({"exists": {"share": False}}, [3]),
        ({"gte": {"at": "2026-01-01T11:00:00+01:00"}}, [1, 2]),
        ({"gt": {"at": "2026-01-01T10:00:00Z"}}, [2]),
        ({"eq": {"on": True}}, [1]),
        ({"neq": {"on": "true"}}, [2, 3]),
        ({"like": {"number": "^[23]$"}}, [2, 3]),
    ],
    ids=json.dumps,
)
def test_columns_are_compared_by_their_types(db: Db, filter_: object, expected: list[int]) -> None:
    """Numbers as numbers, moments as moments, and a field may have a second name."""
    condition = db.value("select pgjobs.filter_condition(%s, %s)", Jsonb(filter_), Jsonb(FIELDS))
    rows = db.execute(sql.SQL("select v.n from {} where {}").format(sql.SQL(ROWS), sql.SQL(condition)))
    assert expected == [row[0] for row in rows]


NASTY = ["'; select 1/0; --", "\\'; select 1/0; --", "%s%I%L%", "$1", "\\", "'||(1/0)||'", '"', "{a,b}", "é\u2028"]


OPERATORS = ("eq", "neq", "like", "gt", "lt", "gte", "lte", "in", "nin", "exists")


@pytest.mark.parametrize("text", NASTY)
def test_nothing_of_a_filter_becomes_sql(directory: Db, text: str) -> None:
    """Whatever is written as a value or as a name is compared, found as itself, or refused: it is never executed."""
    attributes = {text.replace(".", ""): text, "model": text}
    entity = {"id": text, "type": "entity.odd", "tags": [text], "attributes": attributes}
    directory.execute("select pgjobs.put_entities(%s)", (Jsonb([entity]),))
    for operator, name, case in itertools.product(
        OPERATORS, ("id", "tags", "model", text, f"model.{text}"), (True, False)
    ):
        value: object = [text, text + "x"] if operator in ("in", "nin") else True if operator == "exists" else text
        try:
            ids = found(directory, {operator: {name: value}}, case=case)
        except psycopg.Error as error:
            # No regular expression, or tags, which have no order.
            assert ("PJ400", True) == (error.sqlstate, operator in ("like", "gt", "lt", "gte", "lte")), error  # noqa: PT017
        else:
            named = operator in ("eq", "in") and not name.startswith("model.")
            assert [text] == ids or not named, name


@pytest.mark.parametrize(
    ("filter_", "field", "wrong"),
    [
        ([], "filter", "it has to be a JSON object"),
        ({"eq": {"id": "a"}, "neq": {"id": "b"}}, "filter", "it has to be a JSON object with one key"),
        ({"and": {"eq": {"id": 1}}}, "filter.and", "it has to be a list"),
        ({"and": [7]}, "filter.and[0]", "it has to be a JSON object with one key"),
        ({"and": []}, "filter.and", "the list is empty"),
        ({"and": [{"or": []}]}, "filter.and[0].or", "the list is empty"),
        ({"and": [{"eq": {"number": 1}}, {"is": {"number": 1}}]}, "filter.and[1]", "'is' is no operator"),
        ({"eq": "id"}, "filter.eq", "it has to be a JSON object with a field"),
        ({"eq": {}}, "filter.eq", "it has to be a JSON object with a field"),
        ({"eq": {"nix": 1}}, "filter.eq", "Field in filter unknown: nix"),
        ({"eq": {"*": 1}}, "filter.eq", "Field in filter unknown: *"),
        ({"eq": {"number": None}}, "filter.eq.number", "a value is a text, a number, true or false"),
        ({"in": {"number": 1}}, "filter.in.number", "it has to be a list of values"),
        ({"in": {"number": []}}, "filter.in.number", "it has to be a list of values"),
        ({"gt": {"number": "x"}}, "filter.gt.number", "'x' is no number"),
        ({"eq": {"at": "tomorrow"}}, "filter.eq.at", "'tomorrow' is no moment"),
        ({"gt": {"at": "2026-13-01"}}, "filter.gt.at", "'2026-13-01' is no moment"),
        ({"gt": {"on": 2}}, "filter.gt.on", "'2' is neither true nor false"),
        ({"exists": {"number": 1}}, "filter.exists.number", "1 is neither true nor false"),
        ({"like": {"name": "("}}, "filter.like.name", "invalid regular expression: parentheses () not balanced"),
        ({"like": {"name": "(a*)*\\1"}}, "filter.like.name", "this regular expression is not allowed here"),
        ({"like": {"name": "a{1,255}"}}, "filter.like.name", "this regular expression is not allowed here"),
        ({"eq": {"name": "x" * 1001}}, "filter.eq.name", "a value is longer than 1000 characters"),
        ({"and": [{"eq": {"number": 1}}] * 201}, "filter", "it has 201 conditions"),
        ({"in": {"name": ["y" * 999] * 100}}, "filter", "it is larger than 64 KB"),
    ],
)
def test_a_wrong_filter_is_refused_by_its_place(db: Db, filter_: object, field: str, wrong: str) -> None:
    """A filter that can't be right is refused in one sentence that names the place."""
    said = db.refusal("select pgjobs.filter_condition(%s, %s)", Jsonb(filter_), Jsonb(FIELDS))
    sentence = wrong if wrong.startswith("Field") else f"{field}: {wrong}"
    assert ("PJ400", field, sentence) == (said.sqlstate, said.column_name, said.message_primary)
    assert said.message_hint


def test_depth_is_bounded(db: Db) -> None:
    """Ten levels are read, and the eleventh is refused, however deep it goes on."""

    def refused(levels: int) -> str | None:
        text = '{"and": [' * levels + '{"eq": {"number": 1}}' + "]}" * levels
        return db.refusal("select pgjobs.filter_condition(%s, %s)", text, Jsonb(FIELDS)).message_primary

    assert db.value(
        "select pgjobs.filter_condition(%s, %s)", '{"and": [' * 9 + '{"eq": {"number": 1}}' + "]}" * 9, Jsonb(FIELDS)
    )
    for levels in (10, 1000):
        assert "nested more than 10 deep" in (refused(levels) or "")


@pytest.mark.parametrize(
    "pattern", ["(a{1,99}){1,99}b", "(((a*)*)*)*b", "((a|b)*?){5}c{99}(x{0,99}y){99}", "(?=.*a)(?=.*b)" * 14]
)
def test_no_pattern_takes_long(db: Db, pattern: str) -> None:
    """Patterns that are hard for other engines are compiled and compared at once, or refused."""
    db.execute("set statement_timeout = '20s'")
    started = time.monotonic()
    read = "select pgjobs.filter_condition(%s, %s)"
    try:
        condition = db.value(read, Jsonb({"like": {"name": pattern}}), Jsonb(FIELDS))
    except psycopg.Error as error:
        assert "PJ400" == error.sqlstate, error  # noqa: PT017 which one it is
    else:
        db.execute(sql.SQL("select {} from (values (repeat('a', 1000))) v (name)").format(sql.SQL(condition)))
    assert time.monotonic() - started < 20
