"""`pgjobs entities`: files of every kind are loaded, all or nothing; a bad row is named by line and field."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from fix_cli import Said, run
from fix_jobs import Db

from pgjobs.lab.roles import member_url

DEVICES: list[dict[str, Any]] = [
    {
        "id": "dev-1", "type": "entity.device", "tags": ["north", "vip"],
        "attributes": {"model": "X", "name": "R\u00e9n\u00e9"},
    },
    {"id": "dev-2", "type": "entity.device", "tags": [], "attributes": {}},
    {"id": "dev-3", "type": "entity.device", "tags": ["north"], "attributes": {"device.model": 'a \u2028 b, "c"'}},
]  # fmt: skip
LINES = "\n".join(json.dumps(each, ensure_ascii=False) for each in DEVICES) + "\n"
ARRAY = json.dumps(DEVICES, ensure_ascii=False, indent=2)
CSV = (
    "id,type,tags,model,name,device.model\r\n"
    "dev-1,entity.device,north| vip,X,R\u00e9n\u00e9,\r\ndev-2,entity.device,,,,\r\n\r\n"
    'dev-3, entity.device,north,,,"a \u2028 b, ""c"""\r\n'
)
KINDS = {
    "json lines": LINES,
    "lines without an end": "\n" + LINES.strip().replace("\n", "\n\n"),
    "array": ARRAY,
    "array in a line": json.dumps(DEVICES),
    "csv": CSV,
    "csv of a spreadsheet": "\ufeff" + CSV.replace("a \u2028 b, ", "a \u2028 b@ ").replace(",", ";").replace("@", ","),
}


def load(db: Db, path: Path) -> Said:
    """Load a file as an operator."""
    return run("entities", "load", path, database_url=member_url(url_of(db), "pgjobs_operator"))


def url_of(db: Db) -> str:
    """The URL of the database of a session."""
    return str(db.value("select current_setting('pgjobs.test_url')"))


@pytest.fixture
def directory(db: Db, database: str) -> Db:
    """A session that knows the URL of its database."""
    db.execute("select set_config('pgjobs.test_url', %s, false)", (database,))
    return db


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_loaded(directory: Db, tmp_path: Path, kind: str, packed: bool) -> None:
    """JSON lines, arrays and CSV bring the same entities, also packed; the second time nothing is changed."""
    path = tmp_path / "entities"
    content = KINDS[kind].encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    said = load(directory, path)
    assert (0, "3 inserted, 0 updated, 0 unchanged\n") == (said.code, said.out), said.err
    rows = directory.execute("select id, type, tags, attributes from pgjobs.entities order by number").fetchall()
    wanted = [
        *(tuple(each.values()) for each in DEVICES[:2]),
        ("dev-3", "entity.device", ["north"], {"device": {"model": 'a \u2028 b, "c"'}}),
    ]
    assert wanted == rows
    assert "0 inserted, 0 updated, 3 unchanged\n" == load(directory, path).out


HEADER = "; a CSV file begins with a header such as id,type,tags,model"
CUT = "Compressed file ended before the end-of-stream marker was reached"
GOOD = '{"id": "a", "type": "t"}\n'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD + '{"id": "b"}\n', "line 2: type: it has to be a word of letters, digits and . _ -, at most 63"),
        (GOOD + "\n" + GOOD, "line 3: id: 'a' is given twice"),
        (GOOD + '{"id": "b", "type": "t", "tags": [1]}', "line 2: tags: 1 is no tag"),
        (GOOD + '{"id": "b", "type": "t"', "line 2: it is no JSON: Expecting ',' delimiter"),
        (GOOD + '{"id": "b", "type": "t", "attributes": {"x": NaN}}', "line 2: it is no JSON: NaN is no JSON"),
        (GOOD + '{"id": "b\\u0000", "type": "t"}', "line 2: it has a zero character"),
        (GOOD + '{"id": "b\\ud800", "type": "t"}', "line 2: it has half of a surrogate pair, which is no character"),
        (GOOD + '{"id": ' + "[" * 100000, "line 2: it is no JSON: it is nested too deep"),
        (GOOD + '{"id": "' + "x" * (1 << 20), "line 2: it has more than 1048576 characters"),
        ("[" + GOOD + ",\n7]", "line 3: entity: it has to be a JSON object"),
        ("[" + GOOD + GOOD, "line 2: '{\"id\": \"a\", \"type\": ' stands where , belongs"),
        ("[" + GOOD + "] x", "line 2: 'x' stands behind the end of the array"),
        ("[" + GOOD + ',\n{"id": "b', "line 3: it is no JSON: Unterminated string starting at"),
        ("id,typ\n1,2\n", "line 1: there is no column type" + HEADER),
        ("id,type,id\n", "line 1: the column 'id' has no name of its own" + HEADER),
        ("id,type\na,t\nb\n", "line 3: it has 1 cells, and the header has 2"),
        ('id,type\na,t\n"b,t\n', "line 3: it is no line of CSV: unexpected end of data"),
        ("id,type,model\na,t,1\nb,,2\n", "line 3: type: it has to be a word of letters, digits and . _ -, at most 63"),
        ("id,type,a.b,a\na,t,1,2\n", "line 2: attributes: 'a.b' names what another name has as well"),
        ("", "line 1: there is no column id" + HEADER),
        ("[]", "entities has no entity"),
        ("id,type\n", "entities has no entity"),
        (b"id,type\n\xff,t\n", "the file is not UTF-8"),
        (gzip.compress(GOOD.encode())[:-9], f"the file is gzip, and can't be unpacked: {CUT}"),
    ],
    ids=lambda value: None if isinstance(value, str) and value[:4] not in ("line", "enti", "the ") else "",
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_is_loaded(
    directory: Db, tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    """One sentence that names the line, and the field where there is one; a remedy; nothing of the file is kept."""
    path = tmp_path / "entities"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = load(directory, path)
    assert 1 == said.code
    found, remedy = said.everything.splitlines()
    assert f"pgjobs: {sentence}" == found
    assert remedy.strip()
    assert 0 == directory.value("select count(*) from pgjobs.entities")


def test_a_bad_row_far_below_takes_everything_back(directory: Db, tmp_path: Path) -> None:
    """Thousands of rows before it were written already in the same transaction: none of them stays."""
    path = tmp_path / "entities"
    lines = [json.dumps({"id": f"dev-{n}", "type": "t"}) for n in range(5000)]
    path.write_text("\n".join([*lines, '{"id": "dev-7", "type": "t"}']))
    assert "line 5001: id: 'dev-7' stands in the file before" in load(directory, path).err
    assert 0 == directory.value("select count(*) from pgjobs.entities")


def test_who_may_not_write_is_refused(database: str, tmp_path: Path) -> None:
    """A viewer loads nothing."""
    path = tmp_path / "entities"
    path.write_text(LINES)
    said = run("entities", "load", path, database_url=member_url(database, "pgjobs_viewer"))
    assert 1 == said.code
    assert "permission denied" in said.err


def test_entities_are_listed_by_a_filter(directory: Db, database: str, tmp_path: Path) -> None:
    """A line each, or as JSON lines, which can be loaded again."""
    path = tmp_path / "entities"
    path.write_text(LINES)
    load(directory, path)
    url = member_url(database, "pgjobs_operator")
    listed = run("entities", "list", "--filter", '{"eq": {"tags": "north"}}', database_url=url).out.splitlines()
    assert 'dev-1  entity.device  north|vip  {"name": "R\u00e9n\u00e9", "model": "X"}' == listed[0]
    assert 2 == len(listed)
    again = tmp_path / "again"
    again.write_text(run("entities", "list", "--json", database_url=url).out)
    assert "0 inserted, 0 updated, 3 unchanged\n" == load(directory, again).out
    assert 1 == len(run("entities", "list", "--limit", 1, database_url=url).out.splitlines())
    assert (
        "pgjobs: Field in filter unknown: a..b"
        in run("entities", "list", "--filter", '{"eq": {"a..b": 1}}', database_url=url).err
    )
    assert 2 == run("entities", "list", "--filter", "x", database_url=url).code
