"""The directory: entities are put and taken out many at once, all or nothing, and read by indexes."""

import re
from typing import Any

import pytest
from fix_jobs import Db
from fix_shop import ROOT, blocks, statements
from psycopg.types.json import Jsonb

DEVICE = {"id": "dev-1", "type": "entity.device"}


def put(db: Db, *entities: object) -> dict[str, int]:
    """Put entities into the directory; what was told."""
    told = db.value("select pgjobs.put_entities(%s)", Jsonb(list(entities)))
    assert isinstance(told, dict)
    return told


def kept(db: Db) -> list[tuple[Any, ...]]:
    """What the directory has, without numbers."""
    return db.execute("select id, type, tags, attributes from pgjobs.entities order by number").fetchall()


def test_entities_are_inserted_changed_and_left_alone(db: Db) -> None:
    """Each is put as a whole, keeps its number, and is not written where nothing of it is new."""
    assert {"inserted": 2, "updated": 0, "unchanged": 0} == put(
        db, DEVICE | {"tags": ["b", "a", "b"]}, DEVICE | {"id": "dev-2"}
    )
    before = db.execute("select number, xmin from pgjobs.entities order by number").fetchall()
    told = put(
        db,
        DEVICE | {"id": "dev-2", "attributes": {"floor": 1}},
        DEVICE | {"tags": ["b", "a"]},
        DEVICE | {"id": "dev-3"},
    )
    assert {"inserted": 1, "updated": 1, "unchanged": 1} == told
    after = db.execute("select number, xmin from pgjobs.entities order by number").fetchall()
    assert before[0] == after[0]
    assert before[1][0] == after[1][0]
    assert [
        ("dev-1", "entity.device", ["b", "a"], {}),
        ("dev-2", "entity.device", [], {"floor": 1}),
        ("dev-3", "entity.device", [], {}),
    ] == kept(db)


def test_a_dotted_attribute_is_nested(db: Db) -> None:
    """A dotted name and a nested one are the same attribute."""
    put(db, DEVICE | {"attributes": {"device.model": "X", "device.links.first": 1, "floor": 2}})
    assert {"device": {"model": "X", "links": {"first": 1}}, "floor": 2} == kept(db)[0][3]


@pytest.mark.parametrize(
    ("entity", "field", "wrong"),
    [
        (7, "entity", "it has to be a JSON object"),
        ({"type": "a"}, "id", "it has to be a text that is not empty"),
        ({"id": " ", "type": "a"}, "id", "it has to be a text that is not empty"),
        ({"id": 7, "type": "a"}, "id", "it has to be a text that is not empty"),
        ({"id": "x" * 201, "type": "a"}, "id", "it is longer than 200 characters"),
        ({"id": "a\nb", "type": "a"}, "id", "it has a control character"),
        (DEVICE, "id", "'dev-1' is given twice"),
        ({"id": "b"}, "type", "it has to be a word of letters, digits and . _ -, at most 63"),
        ({"id": "b", "type": "a b"}, "type", "it has to be a word of letters, digits and . _ -, at most 63"),
        ({"id": "b", "type": "a", "tags": "x"}, "tags", "it has to be a list of texts"),
        ({"id": "b", "type": "a", "tags": ["x", 1]}, "tags", "1 is no tag"),
        ({"id": "b", "type": "a", "tags": ["x", ""]}, "tags", '"" is no tag'),
        ({"id": "b", "type": "a", "tags": [str(n) for n in range(101)]}, "tags", "the list of 101 is no tag"),
        ({"id": "b", "type": "a", "attributes": []}, "attributes", "it has to be a JSON object"),
        ({"id": "b", "type": "a", "attributes": {"": 1}}, "attributes", "'' is no name"),
        ({"id": "b", "type": "a", "attributes": {"a..b": 1}}, "attributes", "'a..b' is no name"),
        (
            {"id": "b", "type": "a", "attributes": {"a.b": 1, "a": 2}},
            "attributes",
            "'a.b' names what another name has as well",
        ),
        (
            {"id": "b", "type": "a", "attributes": {"a.b": 1, "a.b.c": 2}},
            "attributes",
            "'a.b' names what another name has as well",
        ),
        ({"id": "b", "type": "a", "attributes": {"x": "y" * 70000}}, "attributes", "it is larger than 64 KB"),
        ({"id": "b", "type": "a", "colour": 1}, "colour", "there is no such field"),
    ],
)
def test_a_wrong_entity_is_named_with_its_field(db: Db, entity: object, field: str, wrong: str) -> None:
    """The first wrong one of an array is named by its place and its field, and none of the array is written."""
    said = db.refusal("select pgjobs.put_entities(%s)", Jsonb([DEVICE, entity, 8]))
    sentence = f"entities[1]: {field}: {wrong}"
    assert ("PJ400", field, sentence) == (said.sqlstate, said.column_name, said.message_primary)
    assert said.message_hint
    assert [] == kept(db)


def test_a_line_that_repeats_an_id_is_named(db: Db) -> None:
    """Within one transaction that loads a file an id is given once, however many arrays it comes in."""
    put(db, DEVICE)
    load = "select pgjobs.put_entities(%s, %s)"
    with db.transaction(force_rollback=True):
        db.execute(load, (Jsonb([DEVICE | {"id": "dev-2"}]), [3]))
        said = db.refusal(load, Jsonb([DEVICE, DEVICE | {"id": "dev-2"}]), [4, 5])
    assert ("id", "line 5: id: 'dev-2' stands in the file before") == (said.column_name, said.message_primary)
    db.execute(load, (Jsonb([DEVICE | {"tags": ["x"]}]), [3]))
    said = db.refusal(load, Jsonb([{"id": "x"}]), [9])
    assert (said.message_primary or "").startswith("line 9: type: ")


def test_entities_are_taken_out(db: Db) -> None:
    """What there was is gone, and what there is not is told; a number is never used again."""
    put(db, DEVICE, DEVICE | {"id": "dev-2"})
    number = db.value("select max(number) from pgjobs.entities")
    told = db.value("select pgjobs.remove_entities(%s)", ["dev-2", "dev-9"])
    assert {"removed": 1, "unknown": ["dev-9"]} == told
    put(db, DEVICE | {"id": "dev-2"})
    assert number < db.value("select max(number) from pgjobs.entities")


def test_entities_are_listed_page_by_page(db: Db) -> None:
    """In the order of their numbers, each page behind the last one of the page before."""
    put(db, *(DEVICE | {"id": f"dev-{n}"} for n in range(5)))
    first = db.value("select pgjobs.list_entities('{}', null, 3)")
    assert ["dev-0", "dev-1", "dev-2"] == [row["id"] for row in first]
    assert {"number", "id", "type", "tags", "attributes"} == first[0].keys()
    second = db.value("select pgjobs.list_entities('{}', %s, 3)", first[-1]["number"])
    assert ["dev-3", "dev-4"] == [row["id"] for row in second]
    assert "limit" == db.refusal("select pgjobs.list_entities('{}', null, 0)").column_name


def test_the_examples_of_the_page_run(db: Db) -> None:
    """Every statement of the section about entities, as an operator and the owner of the types would run them."""
    (directory,) = (text for kind, text in blocks("sql/README.md", "\n## Entities", "### Filters") if kind == "sql")
    put, listed, remove = statements(directory)
    assert 1 == db.value(put)["inserted"]
    assert ["dev-1"] == [row["id"] for row in db.value(listed)]
    page = list(blocks("sql/README.md", "### Filters", "### Operations"))
    assert [] == page
    (made,) = (text for kind, text in blocks("sql/README.md", "### Operations", "### Before the job") if kind == "sql")
    for statement in statements(made):
        db.execute(statement.encode())
    db.execute("alter table xmp_jobs alter column id restart with 12")
    db.execute('select pgjobs.put_entities(\'[{"id": "dev-2", "type": "entity.device"}]\')')
    (early,) = (text for kind, text in blocks("sql/README.md", "### Before the job", "\n## Agents") if kind == "sql")
    insert, append, taken_out, active = statements(early)
    assert 12 == db.value(insert)
    told = db.value(append)
    assert {"appended": 2, "notProvisioned": [], "notAllowed": [], "duplicated": []} == told
    assert {"removed": 1, "notFound": []} == db.value(taken_out)
    db.execute(active.encode())
    assert ["dev-2"] == db.column("select target from pgjobs.job_items where job_id = 12")
    assert 1 == db.value(remove)["removed"]


def test_the_filters_of_the_page_are_filters(db: Db) -> None:
    """Each filter of the table is read, and the operators it names are those there are."""
    text = (ROOT / "sql/README.md").read_text().partition("### Filters")[2].partition("### Operations")[0]
    rows = re.findall(r"^\| `(\{.*?\})`", text, re.MULTILINE)
    assert 6 == len(rows)
    for row in rows:
        filter_ = row.replace("\u2026", '{"eq": {"id": "a"}}')
        assert db.value("select pgjobs.filter_condition(%s, pgjobs.entity_fields())", filter_)
    for operator in ("eq", "neq", "in", "nin", "gt", "gte", "lt", "lte", "like", "exists"):
        assert re.search(rf'`{operator}`|"{operator}"', text), operator
