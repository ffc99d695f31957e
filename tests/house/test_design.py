"""Guards of the design: what lies where, what says what it does, and who may know whom."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_jobs import Db

import pgjobs
from pgjobs.pg.schema import STEPS, folder, sql_files

PACKAGE = Path(pgjobs.__file__).parent
SQL = folder("sql")
MIGRATIONS = folder("migrations")
FUNCTION_FILES = [path for path in sql_files() if path.parent.name not in ("sql", "views", "triggers")]
MODULES = {
    ".".join(("pgjobs", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
LABORATORY = ("pgjobs.lab", "pgjobs.demo", "pgjobs.bench", "pgjobs.torture")
VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}
PURE = {
    "__future__", "abc", "base64", "bisect", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum",
    "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "struct", "types",
    "typing", "uuid", "zlib",
}  # fmt: skip
PURE_OF_PIKA = {"pika.frame", "pika.spec", "pika.amqp_object", "pika.data"}
ENCODERS = [
    "pgjobs.broker.frames",
    "pgjobs.broker.formats.base",
    "pgjobs.broker.formats.celery",
    "pgjobs.broker.formats.event",
    "pgjobs.broker.formats.keyed",
    "pgjobs.broker.formats.plain",
    "pgjobs.broker.formats.shown",
    "pgjobs.broker.formats.task",
    "pgjobs.joblog.format",
    "pgjobs.joblog.record",
]
WRITES = re.compile(
    r"\binsert\s+into\b|\bupdate\s+(only\s+)?[\w.\"{}]+(\s+as)?(\s+\w+)?\s+set\b|\bdelete\s+from\b|\bmerge\s+into\b"
    r"|\btruncate\s+(table\s+)?\w|\b(create|alter|drop)\s+(or\s+replace\s+)?(temp(orary)?\s+|unlogged\s+)?"
    r"(table|view|function|procedure|trigger|index|schema|type|role|sequence)\b|\b(grant|revoke)\s+\w+.*\s(on|to|from)\s"
    r"|\bcopy\s+[\w.\"{}]+\s*(\([^)]*\)\s*)?from\b",
    re.IGNORECASE | re.DOTALL,
)
FUNCTION_TEXT = re.compile(
    r"\bcreate\s+(or\s+replace\s+)?(function|procedure|view|trigger|rule|aggregate)\b", re.IGNORECASE
)


def test_every_function_has_its_file_and_every_file_its_function(db: Db) -> None:
    """Each function of schema pgjobs is made by exactly one file, called like it, and each file makes only
    the function it is called for."""
    stems = [path.stem for path in FUNCTION_FILES]
    assert sorted(set(stems)) == sorted(stems)
    functions = db.column("select distinct proname::text from pg_proc where pronamespace = 'pgjobs'::regnamespace")
    assert sorted(stems) == sorted(functions)
    for path in FUNCTION_FILES:
        made = re.findall(r"^create or replace (?:function|procedure) pgjobs\.(\w+)", path.read_text(), re.MULTILINE)
        assert {path.stem} == set(made), path
        overloads = "select count(*) from pg_proc where pronamespace = 'pgjobs'::regnamespace and proname = %s"
        assert len(made) == db.value(overloads, path.stem), path


def test_every_file_is_applied() -> None:
    """Every .sql file under sql/ is one of those that migrate applies, and applied once."""
    applied = list(sql_files())
    assert sorted(SQL.rglob("*.sql")) == sorted(applied)
    assert {path.name for path in SQL.iterdir() if path.is_dir()} == set(STEPS)


def test_every_function_says_what_it_is(db: Db) -> None:
    """Every function has a comment, a volatility written in its file that is the one in force, and a header
    of what it reads and writes."""
    files = {path.stem: path.read_text() for path in FUNCTION_FILES}
    rows = db.execute(
        "select p.proname::text, p.provolatile::text, obj_description(p.oid, 'pg_proc'), p.oid::regprocedure::text"
        " from pg_proc p where p.pronamespace = 'pgjobs'::regnamespace"
    ).fetchall()
    assert len(rows) >= len(files)
    for name, volatility, comment, signature in rows:
        text = files[name]
        assert comment, signature
        written = re.findall(r"^(immutable|stable|volatile)$", text, re.MULTILINE)
        assert len(re.findall(r"^create or replace", text, re.MULTILINE)) == len(written), signature
        assert {VOLATILITY[volatility]} == set(written), signature
        header = re.match(r"-- Reads: (\S.*?) +Writes: (\S.*)\n", text)
        assert header, signature
        if not header[2].startswith("nothing"):
            assert "v" == volatility, f"{signature} says it writes {header[2]}"


def test_search_paths_are_pinned(db: Db) -> None:
    """No function that changes state or runs with its owner's rights can be led astray: its search_path is
    fixed and ends in pg_temp."""
    loose = db.column(
        "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'pgjobs'::regnamespace"
        " and (p.prosecdef or p.provolatile = 'v')"
        " and not coalesce(p.proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']"
    )
    assert [] == loose


def test_views_and_tables_say_what_they_are(db: Db) -> None:
    """Every view has a comment and is made by the file called like it; every table of the engine with a life
    of its own has one too."""
    views = db.column(
        "select relname::text from pg_class where relnamespace = 'pgjobs'::regnamespace and relkind = 'v'"
    )
    assert sorted(path.stem for path in (SQL / "views").glob("*.sql")) == sorted(views)
    silent = db.column(
        "select relname::text from pg_class where relnamespace = 'pgjobs'::regnamespace and relkind = 'v'"
        " and obj_description(oid, 'pg_class') is null"
    )
    assert [] == silent


def test_the_triggers_are_those_of_their_file(db: Db) -> None:
    """xmp_jobs has the triggers that sql/triggers names and no others; each of them is enabled."""
    text = (SQL / "triggers" / "xmp_jobs.sql").read_text()
    named = re.findall(r"^create or replace trigger (\w+)$", text, re.MULTILINE)
    found = db.column(
        "select tgname::text from pg_trigger where tgrelid = 'xmp_jobs'::regclass"
        " and not tgisinternal and tgenabled = 'O'"
    )
    assert sorted(named) == sorted(found)


def test_migrations_hold_no_text_that_belongs_to_sql() -> None:
    """No function, view or trigger is created in migrations/: such a text exists once, in sql/."""
    for path in MIGRATIONS.glob("*.sql"):
        assert not FUNCTION_TEXT.search(path.read_text()), path
    assert FUNCTION_TEXT.search("create or replace function f()")


def test_the_sql_is_ascii() -> None:
    """Every file that migrate sends is ASCII, so that a database of any encoding takes it."""
    files = [*SQL.rglob("*.sql"), *MIGRATIONS.glob("*.sql")]
    assert [] == [path for path in files if not path.read_bytes().isascii()]


def test_every_migration_can_be_taken_back() -> None:
    """Every migration has a number of its own, depends on an earlier one, and has a rollback file."""
    steps = sorted(path for path in MIGRATIONS.glob("*.sql") if ".rollback." not in path.name)
    assert len(steps) == len({path.name[:4] for path in steps})
    for path in steps:
        assert path.with_name(f"{path.stem}.rollback.sql").is_file(), path
        needed = re.search(r"^-- depends:(.*)$", path.read_text(), re.MULTILINE)
        assert needed, path
        earlier = {before.stem for before in steps if before.name[:4] < path.name[:4]}
        assert set(needed[1].split()) <= earlier, path
        assert needed[1].split() or path == steps[0], path


def texts(tree: ast.Module) -> Iterator[str]:
    """Every string of a module but its docstrings and what a finding says; the parts of an f-string are joined."""
    findings = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("problem", "warning")
    ]
    docstrings = {id(text) for call in findings for text in ast.walk(call)} | {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in docstrings:
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, bytes):
                yield node.value.decode("latin-1")
            elif isinstance(node.value, str):
                yield node.value


def test_python_writes_nothing_by_sql() -> None:
    """Outside of lab, demo, bench and torture no module contains SQL that changes data or structure: Python calls
    functions. What the doctor says to do is a text for people."""
    found = [
        f"{name}: {text[:60]}"
        for name, path in MODULES.items()
        if not name.startswith(LABORATORY)
        for text in texts(ast.parse(path.read_text()))
        if WRITES.search(text)
    ]
    assert [] == found


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("insert into pgjobs.events values (1)", True),
        ("UPDATE xmp_jobs SET status = 'ready'", True),
        ("update {} set a = 1", True),
        ("update only xmp_jobs as j set a = 1", True),
        ("with x as (delete from t returning 1) select 1", True),
        ("create temporary table t (a int)", True),
        ("truncate xmp_jobs", True),
        ("grant select on t to someone", True),
        ("select pgjobs.checkpoint_job(%s)", False),
        ("fetch 2000 from records", False),
        ("listen pgjobs", False),
        ("copy pgjobs.injection_lines (line_no) from stdin", True),
        ("copy (select 1) to stdout", False),
        ("an update of the settings", False),
    ],
)
def test_the_search_for_writing_sql_finds_it(text: str, writes: bool) -> None:
    """The guard above knows a statement that writes from one that does not."""
    assert writes == bool(WRITES.search(text))


def imports(name: str) -> set[str]:
    """Everything a module imports, wherever in it, as full names; of its own package only what exists."""
    found: set[str] = set()
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
                base = f"{above}.{base}".rstrip(".")
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= {one for one in inner if one in MODULES} or {base}
            if base in ("pika", "pgjobs"):
                found = (found - {base}) | inner
    return found


def reached(name: str) -> set[str]:
    """Every module of this package that importing one brings in, its parents included."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        one = todo.pop()
        if one in seen or one not in MODULES:
            continue
        seen.add(one)
        todo += [*imports(one), one.rpartition(".")[0]]
    return seen


def below(package: str) -> list[str]:
    """The modules of a package."""
    return [name for name in MODULES if name == package or name.startswith(f"{package}.")]


def test_the_web_knows_nothing_of_the_engine() -> None:
    """No module of pgjobs.web imports the engine, a broker or the private servers, not even through another
    module."""
    assert below("pgjobs.web")
    for name in below("pgjobs.web"):
        known = reached(name)
        assert not [one for one in known if one.startswith(("pgjobs.engine", "pgjobs.cli", *LABORATORY))], name
        assert not [one for module in known for one in imports(module) if one.split(".")[0] == "pika"], name


def test_the_engine_knows_nothing_of_the_web() -> None:
    """No module of pgjobs.engine imports the web, its server or the private servers, not even through
    another module."""
    assert below("pgjobs.engine")
    for name in below("pgjobs.engine"):
        known = reached(name)
        assert not [one for one in known if one.startswith(("pgjobs.web", "pgjobs.cli", *LABORATORY))], name
        outside = {one.split(".")[0] for module in known for one in imports(module)}
        assert not outside & {"starlette", "uvicorn"}, name


def test_what_commands_stand_on_knows_no_command() -> None:
    """Outside of the command line and the demo no module imports pgjobs.ops or pgjobs.cli, directly or not."""
    commands = ("pgjobs.cli", "pgjobs.ops")
    for name in MODULES:
        if not name.startswith((*commands, "pgjobs.demo", "pgjobs.__main__")):
            assert [] == [one for one in reached(name) if one.startswith(commands)], name


def test_agents_need_pika_alone() -> None:
    """The kit for consumers knows two small modules of pgjobs, and of what is installed pika alone; the agent for an
    HTTP gateway, which stands on it, knows a client for HTTP besides."""
    gateway = "pgjobs.agents.gateway"
    assert below("pgjobs.agents")
    for name in below("pgjobs.agents"):
        known = reached(name)
        kit = {*below("pgjobs.agents")} - {gateway}
        assert known - {name} <= {*kit, "pgjobs", "pgjobs.signals", "pgjobs.backoff"}, name
        outside = {one.split(".")[0] for module in known for one in imports(module)}
        assert outside <= {*sys.stdlib_module_names, "pgjobs", "pika", *(["httpx"] if name == gateway else [])}, name


@pytest.mark.parametrize("module", ENCODERS)
def test_encoding_does_no_io(module: str) -> None:
    """A module that makes frames or log lines can do nothing else: it imports no module that reads,
    writes, waits or connects."""
    for one in imports(module):
        assert one in PURE_OF_PIKA or one in ENCODERS or one.split(".")[0] in PURE, one
    names = {node.id for node in ast.walk(ast.parse(MODULES[module].read_text())) if isinstance(node, ast.Name)}
    assert not names & {"open", "print", "input", "exec", "eval", "__import__"}


def test_there_is_one_implementation_of_the_database_side() -> None:
    """Engine and web open no blocking connection to database or broker: there is one implementation, and it
    is asynchronous."""
    for name in [*below("pgjobs.engine"), *below("pgjobs.web")]:
        text = MODULES[name].read_text()
        assert not re.search(r"\bpsycopg\.(Connection\.)?connect\(|\bBlockingConnection\b|\btime\.sleep\(", text), name


def test_modules_are_small_and_say_their_job() -> None:
    """Every module states its one job in a docstring and stays under 300 lines, nearly every one under 250."""
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {} == {name: count for name, count in lines.items() if count > 300}
    assert 1 >= len([name for name, count in lines.items() if count > 250])
    assert [] == [name for name, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text()))]


def test_the_top_level_is_fixed() -> None:
    """Beside dotfiles and what git ignores, the top level holds only what the design lists."""
    top = PACKAGE.parent
    if not (top / "pyproject.toml").is_file():
        pytest.skip("not a checkout")
    known = {
        "pyproject.toml", "sql", "migrations", "pgjobs", "tests", "docker-compose.yml", "README.md", "Makefile",
        "build", "dist",
    }  # fmt: skip
    assert {path.name for path in top.iterdir() if not path.name.startswith((".", "_"))} <= known


def test_every_test_file_has_a_name_of_its_own() -> None:
    """pytest imports test files by their names, wherever they lie: with two of one name the suite does not begin."""
    names = Counter(path.name for path in Path(__file__).parents[1].rglob("*.py") if path.name != "__init__.py")
    assert [] == [name for name, times in names.items() if times > 1]
