"""The README.md files are part of the product: what they list is what there is."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from fix_jobs import Db, claim, job_in, prepare
from fix_web import Web
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from pgjobs.cli import app
from pgjobs.cli.steer import Which
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings
from pgjobs.web.app import ROOT_DOOR

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in ROOT.rglob("README.md")
    if not any(part.startswith((".", "_")) or part in {"build", "dist"} for part in path.relative_to(ROOT).parts)
}
NAMES = sorted(PAGES)
MAIN, SQL, WEB, ENGINE = "README.md", "sql/README.md", "pgjobs/web/README.md", "pgjobs/engine/README.md"
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    """The text under a title of a page, up to the next title of the same rank or a higher one."""
    text = FENCE.sub("", PAGES[page])
    found = re.search(rf"^(#+) {re.escape(title)}$(.*?)(?=^#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {title}"
    return found[2]


def first_column(text: str) -> list[str]:
    """The words in backticks in the first cell of every row of a table."""
    return [
        word for cell in re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE) for word in re.findall("`([^`]+)`", cell)
    ]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the titles of a page."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: str) -> list[tuple[str, str]]:
    """The file and the anchor of every link of a page that leads to another place of this tree."""
    targets = re.findall(r"\]\(([^)\s]+)\)", PAGES[page])
    here = (ROOT / page).parent
    return [
        ((here / path).resolve().relative_to(ROOT.resolve()).as_posix() if path else page, anchor)
        for path, _, anchor in (target.partition("#") for target in targets if "://" not in target)
    ]


def default(name: str) -> str:
    """The default of a setting as its row shows it."""
    shown = {
        "database_url": "needed", "amqp_url": "needed", "replica_url": "the primary",
        "daemon_name": "the host's name", "log_host": "the host's name",
    }  # fmt: skip
    value = Settings.model_fields[name].default
    return shown.get(name) or (str(value).lower() if isinstance(value, bool) else str(value)) or "empty"


def test_the_main_page_is_read_in_ten_minutes() -> None:
    """README.md has 250 lines at most."""
    assert len(PAGES[MAIN].splitlines()) <= 250


def test_the_least_version_of_python_is_the_one_of_the_package() -> None:
    """README.md asks for the Python that pyproject.toml requires."""
    required = re.search(r'^requires-python = ">=([0-9.]+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert required
    assert f"Python {required[1]} or newer" in PAGES[MAIN]


def test_every_page_is_reached_from_the_main_page() -> None:
    """Following links from README.md leads to every README.md of the tree."""
    reached, new = set(), {MAIN}
    while new:
        reached |= new
        new = {target for page in new for target, _ in links(page) if target in PAGES} - reached
    assert set(PAGES) == reached


@pytest.mark.parametrize("page", NAMES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Each link within the tree names a file that exists, and a title of it where it has an anchor."""
    for target, anchor in links(page):
        assert (ROOT / target).exists(), target
        assert not anchor or anchor in anchors((ROOT / target).read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("page", NAMES)
def test_every_path_named_exists(page: str) -> None:
    """Files and folders of the tree that a page names in backticks exist."""
    paths = re.findall(r"`((?:pgjobs|sql|tests|migrations)/[\w/.-]*)`", PAGES[page])
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_code_map_names_every_folder() -> None:
    """The code map has every folder of sql/ and pgjobs/, and nothing but files and folders that exist."""
    named = {path.rstrip("/") for path in first_column(section(MAIN, "Code map"))}
    folders = {
        path.relative_to(ROOT).as_posix()
        for top in ("sql", "pgjobs")
        for path in (ROOT / top).iterdir()
        if path.is_dir() and not path.name.startswith("_")
    }
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert folders <= named


@pytest.mark.parametrize("page", NAMES)
def test_every_variable_named_is_a_setting(page: str) -> None:
    """Each PGJOBS_… variable that a page names is a setting."""
    named = set(re.findall(r"\bPGJOBS_([A-Z_]+[A-Z])\b", PAGES[page]))
    assert named <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("page", NAMES)
def test_every_command_named_exists(page: str) -> None:
    """Each `pgjobs …` and `make …` in the code of a page is a command of pgjobs and a target of the Makefile."""
    code = "\n".join(FENCE.findall(PAGES[page]) + re.findall(r"`([^`\n]+)`", PAGES[page]))
    commands = getattr(get_command(app), "commands", {})
    assert set(re.findall(r"^pgjobs ([a-z]+)", code, re.MULTILINE)) <= set(commands)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z]+)", code, re.MULTILINE)) <= set(targets)


@pytest.mark.parametrize("page", NAMES)
def test_every_database_object_named_exists(page: str, db: Db) -> None:
    """Each pgjobs.name in the text or the examples of a page is a relation, a function or a type of the schema, or a
    session setting that some SQL of it reads."""
    named = set(re.findall(r"(?<![\w/.])pgjobs\.([a-z_]+)\b", PAGES[page]))
    known = db.column(
        "select relname from pg_class where relnamespace = 'pgjobs'::regnamespace"
        " union select proname from pg_proc where pronamespace = 'pgjobs'::regnamespace"
    )
    texts = (path.read_text() for path in (ROOT / "sql").rglob("*.sql"))
    settings = {name for text in texts for name in re.findall(r"_setting\('pgjobs\.([a-z]+)'", text)}
    assert named <= settings.union(known)


def test_every_setting_stands_in_its_table() -> None:
    """Each setting has a row with its default and its description, and no row names a setting that is not there."""
    rows = re.findall(r"^\| `PGJOBS_([A-Z_]+)` \| ([^|]*) \| (.*) \|$", section(ENGINE, "Settings"), re.MULTILINE)
    expected = [(name.upper(), default(name), field.description) for name, field in Settings.model_fields.items()]
    assert sorted(expected) == sorted(rows)


def test_every_column_of_the_table_is_one_of_xmp_jobs(db: Db) -> None:
    """The table of columns names columns that xmp_jobs has, and the ones that pgjobs added are all there."""
    columns = set(db.column("select attname from pg_attribute where attrelid = 'xmp_jobs'::regclass"))
    named = set(first_column(section(SQL, "Columns of xmp_jobs"))) - {"xmp_jobs"}
    assert named <= columns
    assert {"shards", "start_asked", "callback_url"} <= named


def test_every_parameter_stands_in_its_table(db: Db) -> None:
    """The table of params has every parameter that is read; `order` is read into `descending`."""
    fields = db.column("select attname from pg_attribute where attrelid = 'pgjobs.job_params'::regclass and attnum > 0")
    named = ["descending" if key == "order" else key for key in first_column(section(SQL, "Parameters"))]
    assert sorted(fields) == sorted(set(named) - {"params"})


def test_every_view_stands_in_its_table(db: Db) -> None:
    """The table of views has every view of the schema."""
    views = db.column("select 'pgjobs.' || viewname from pg_views where schemaname = 'pgjobs'")
    assert sorted(views) == sorted(first_column(section(SQL, "Views")))


def test_every_path_of_http_stands_in_its_table() -> None:
    """The table of paths has every route of the web process, and no other."""
    named = {path.partition("?")[0] for path in first_column(section(WEB, "Paths"))}
    assert {endpoint.shown for endpoint in ROOT_DOOR.endpoints} == named - {"before"}


def everything_measured(db: Db) -> None:
    """Whatever /metrics can show is there to be shown: a daemon, a running job with a stop, the gauges."""
    db.execute("select pgjobs.beat(%s, 'one', 'host', 1, '0', 'up')", (uuid.uuid4(),))
    db.execute("insert into xmp_retries_expired (id, msisdn) select g, g::text from generate_series(1, 99) g")
    job = job_in(db, "ready", stop_at="2100-01-01", rate=1)
    prepare(db, claim(db, job))
    db.execute(
        "update pgjobs.shards set considered = 10, sent = 10, after_key = 10, updated_at = clock_timestamp()"
        " where job_id = %s",
        (job,),
    )
    db.execute("select pgjobs.count_reply_fault('no_json', 'x')")
    db.execute("select pgjobs.refresh_gauges(1e9, '0 s')")


def families(text: str) -> dict[str, set[str]]:
    """The metrics of a text for Prometheus, each with its labels; those of the process itself are left out."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels
        }
        for family in text_string_to_metric_families(text)
        if not family.name.startswith(("process_", "python_"))
    }


def listed(title: str) -> dict[str, set[str]]:
    """The metrics of a table, each with its labels."""
    table = section(ENGINE, "Metrics").partition(f"\n### {title}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| ([a-z_, ]*)\|", table, re.MULTILINE)
    return {name: set(re.findall("[a-z_]+", labels)) for name, labels in rows}


def test_every_metric_of_the_web_stands_in_its_table_with_its_labels(web: Web, db: Db) -> None:
    """/metrics shows exactly the metrics that the table lists, each with exactly the labels of its row."""
    everything_measured(db)
    assert families(web.get("/metrics").text) == listed("Metrics of the web process")


def test_every_metric_of_a_daemon_stands_in_its_table_with_its_labels() -> None:
    """A daemon shows exactly the metrics that its table lists, each with exactly the labels of its row."""
    metrics = Metrics()
    metrics.count_records("expired", "sent", "", 1, dry_run=False)
    metrics.note_backlog("expired", 1)
    metrics.broker_reconnects.labels(reason="x").inc()
    assert families(generate_latest(metrics.registry).decode()) == listed("Metrics of a daemon")


def test_the_table_of_roles_says_what_they_may(db: Db) -> None:
    """A viewer reads every view but the one that is excepted, and calls what the table names; so does an agent, and it
    calls nothing else; an operator may do what both may."""
    rows = dict(re.findall(r"^\| `(pgjobs_\w+)` \| [^|]* \| (.*) \|$", section(SQL, "Roles"), re.MULTILINE))
    functions = "select p.proname::text from pg_proc p where p.pronamespace = 'pgjobs'::regnamespace"
    calls = {
        role: set(db.column(f"{functions} and has_function_privilege(%s, p.oid, 'execute')", role))
        for role in ("pgjobs_viewer", "pgjobs_agent", "pgjobs_operator")
    }
    viewers = set(re.findall("`([a-z_]+)`", rows["pgjobs_viewer"].partition("call")[2]))
    agents = set(re.findall("`([a-z_]+)`", rows["pgjobs_agent"]))
    assert viewers <= calls["pgjobs_viewer"]
    assert agents == calls["pgjobs_agent"] - {"lacking_rights"}
    assert viewers | agents - {"beat_agent"} <= calls["pgjobs_operator"]
    views = "select c.relname::text from pg_class c where c.relnamespace = 'pgjobs'::regnamespace and c.relkind = 'v'"
    hidden = f"{views} and not has_table_privilege(%s, c.oid, 'select')"
    assert ["job_items"] == db.column(hidden, "pgjobs_viewer")
    assert "except `job_items`" in rows["pgjobs_viewer"]
    assert [] == db.column(hidden, "pgjobs_operator")


def test_every_kind_of_useless_answer_stands_in_its_table(db: Db) -> None:
    """The table has every kind that functions and daemons count, and the view says in words what each of them means."""
    sources = [path.read_text() for path in (ROOT / "sql").rglob("*.sql")]
    sources += [(ROOT / "pgjobs" / "engine" / name).read_text() for name in ("reporting.py", "replies.py")]
    told = (
        r"fault := (?:coalesce\(fault, )?'(\w+)'|count_reply_fault\('(\w+)'|count_reply_fault\([%s, ]+\)\", \"(\w+)\""
    )
    known = {word for text in sources for found in re.findall(told, text) for word in found if word}
    report = (ROOT / "sql" / "items" / "report_items.sql").read_text()
    known |= set(re.findall(r"(?:then|select) '([a-z]+_?[a-z]+)'(?: end|,)", report)) & {
        "unknown",
        "bad_result",
        "not_launched",
    }
    assert len(known) >= 12
    page = PAGES[SQL]
    table = page[page.index("### What can not be used") : page.index("### Agents in SQL")]
    assert known == set(first_column(table)) - {"kind"}
    for kind in known:
        db.execute("select pgjobs.count_reply_fault(%s, 'x')", (kind,))
    assert [] == db.column("select kind from pgjobs.reply_fault_counts where meaning is null")


def test_every_code_of_a_record_stands_in_its_table(db: Db) -> None:
    """The table of codes has every code with its words as the log has them, and … where a detail follows."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", section(SQL, "Codes"), re.MULTILINE)
    known = db.execute("select code, words, before_detail from pgjobs.record_codes()").fetchall()
    assert sorted(code for code, _ in rows) == sorted(code for code, _, _ in known)
    for code, words, before in known:
        assert dict(rows)[code] in {words, f"{words}{before}…"}


def test_every_example_of_pace_is_right(db: Db) -> None:
    """The statements of the section about pace run as they stand there, on a job that is in progress."""
    page = PAGES[SQL]
    example = FENCE.search(page, page.index("## Pace"))
    assert example
    job_in(db, "in progress", id=12)
    for statement in re.sub(r"--.*|```.*", "", example[0]).strip().removesuffix(";").split(";"):
        db.execute(statement.encode())
        assert db.value("select active from xmp_jobs where id = 12") is ("pause_job" not in statement)
    assert ("50", 10000) == db.row("select rate::text, max_backlog from xmp_jobs where id = 12")


@pytest.mark.parametrize(
    ("page", "title", "status"),
    [(MAIN, "## How to talk to it", "in progress"), (SQL, "## Tasks", "ready"), (SQL, "### What was refused", "done")],
)
def test_an_example_runs_as_it_stands(db: Db, page: str, title: str, status: str) -> None:
    """The statements below a title are right, on a job of the number that they use, which has kept a refused record."""
    block = FENCE.search(PAGES[page], PAGES[page].index(f"\n{title}\n"))
    assert block
    job_in(db, status, id=12)
    db.execute("insert into pgjobs.refused_records (job_id, key, code) values (12, 1, 'blacklisted')")
    before = db.value("select count(*) from xmp_jobs")
    for statement in re.sub(r"--.*|```.*", "", block[0]).strip().removesuffix(";").split(";"):
        cursor = db.execute(statement.encode())
        assert cursor.rowcount or statement.strip().startswith("select"), statement
    assert before < db.value("select count(*) from xmp_jobs")


def test_every_statement_in_a_sentence_runs_as_it_stands(db: Db) -> None:
    """What the page about SQL says in passing is right as well."""
    found = re.findall(r"`((?:select|insert|update|delete) [^`]*)`", FENCE.sub("", PAGES[SQL]))
    assert len(found) >= 4
    for statement in found:
        db.execute(statement.encode())


def test_every_kind_of_records_can_be_asked_for() -> None:
    """`pgjobs retry --which` takes the words that params.source takes, and the page names all that need be given."""
    text = (ROOT / "sql" / "items" / "source_statement.sql").read_text()
    known = set(re.findall(r"when '([a-z]+)' then 'i\.", text))
    assert known == {which.value for which in Which}
    said = re.search(r"`--which timeout`[^)]*\)", PAGES[MAIN])
    assert said
    assert known - {"failed"} == set(re.findall("[a-z]+", said[0])) - {"which"}


def test_every_sqlstate_stands_in_its_table() -> None:
    """The table of SQLSTATEs names exactly those that sql/ uses."""
    used = set(re.findall(r"'(PJ\d{3})'", "".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))))
    assert set(first_column(section(SQL, "Errors"))) == used
