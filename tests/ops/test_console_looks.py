"""The console shows jobs: tables that fit, JSON as the doors have it, nothing that acts on a terminal, clean ends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fix_cli import HOME, command, environment, run
from fix_jobs import Db, insert_job, job_in
from fix_services import soon
from fix_terminal import ESCAPES, at_terminal

from pgjobs import __version__
from pgjobs.lab.roles import member_url

DAILY = json.dumps({"period": {"each": 1, "unit": "DAYS"}})
EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m<script>"
SEEN = "\\x1b]0;owned\\x07\\x1b[2J\\u202e\\x9b31m<script>"


def texts(value: Any) -> Iterator[str]:
    """Every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


@pytest.fixture
def viewer(database: str) -> str:
    """The test's database, as somebody reaches it who may only look."""
    return member_url(database, "pgjobs_viewer")


@pytest.fixture
def jobs(db: Db) -> list[int]:
    """A job in each state, the oldest first."""
    return [job_in(db, status) for status in ("done", "error", "canceled", "in progress", "ready")]


def test_jobs_are_listed_newest_first(viewer: str, jobs: list[int]) -> None:
    """A line for each job with its state, and why it does not move; filters and pages are those of SQL."""
    said = run("jobs", database_url=viewer)
    assert (0, "") == (said.code, said.err)
    head, *lines = said.out.splitlines()
    assert ["id", "type", "status", "done", "ends", "(UTC)", "why"] == head.split()
    assert [str(job) for job in reversed(jobs)] == [line.split()[0] for line in lines]
    assert "it broke off" in lines[3] or "it was set to error by hand" in lines[3]
    assert lines[4].endswith("  -"), "a job that is done needs no reason"
    done = run("jobs", "--status", "done", "--type", "expired", database_url=viewer).out.splitlines()
    assert [str(jobs[0])] == [line.split()[0] for line in done[1:]]
    page = run("jobs", "--before", jobs[2], "--limit", 1, database_url=viewer).out.splitlines()
    assert [str(jobs[1])] == [line.split()[0] for line in page[1:]]
    assert "there is no such job\n" == run("jobs", "--type", "injection", database_url=viewer).out


def test_a_name_is_shown_where_a_job_has_one(viewer: str, db: Db) -> None:
    """jobs and top have a column for it, at 80 columns without losing a word of it or of the reason; --json has it of
    each job; where no job has a name there is no column."""
    job_in(db, "in progress")
    for args in (("jobs",), ("top", "--once")):
        assert "name" not in run(*args, database_url=viewer).out
    name = "October campaign of the northern regions, second letter"
    job = job_in(db, "in progress", name=name)
    for args in (("jobs",), ("top",)):
        assert name in run(*args, database_url=viewer).out
        said = json.loads(run(*args, "--json", database_url=viewer).out)
        names = {one["id"]: one["name"] for one in (said if args == ("jobs",) else said["jobs"])}
        assert (name, {None, name}) == (names[job], set(names.values()))
        lines = ESCAPES.sub("", at_terminal(*args, *(("--once",) * (args != ("jobs",))), database_url=viewer).out)
        assert max(map(len, lines.replace("\r", "").splitlines())) <= 80
        assert set(name.split()) | {'"pgjobs', 'daemon"'} <= set(lines.split()), lines


def test_a_sentence_beside_other_lines_uses_them(viewer: str, db: Db) -> None:
    """Where another cell of the row has several lines, the sentence at its end stands beside them, and only what is
    left of it goes on below."""
    insert_job(db, name="one two three four five six seven eight nine ten eleven twelve", run_at="2040-02-01")
    said = ESCAPES.sub("", at_terminal("jobs", database_url=viewer).out).replace("\r", "")
    _, *rows = said.splitlines()
    column = rows[0].index("it waits")
    beside = "".join(row[column:] for row in rows).replace(" ", "")
    assert "itwaitsforitsrun_at2040-02-01T00:00:00Z" == beside, said


@pytest.mark.parametrize(
    ("args", "call"),
    [
        (("jobs",), "pgjobs.list_jobs(null, null, null, null)"),
        (("jobs", "--status", "done", "--limit", "1"), "pgjobs.list_jobs('done', null, 1, null)"),
        (("show", "1"), "pgjobs.whole_job(1) -> 'job'"),
        (("outcomes", "1"), "pgjobs.list_outcomes(1)"),
        (("events", "1"), "pgjobs.list_events(1)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_json_is_what_sql_says(viewer: str, db: Db, jobs: list[int], args: tuple[str, ...], call: str) -> None:
    """--json is the answer of the function that HTTP gives as well, in one line."""
    assert 1 == jobs[0]
    db.execute("insert into pgjobs.outcomes (job_id, shard, action, code, n) values (1, 0, 'sent', '', 3)")
    said = run(*args, "--json", database_url=viewer)
    assert (0, "", 1) == (said.code, said.err, said.out.count("\n"))
    expected = db.value(f"select {call}")
    assert expected
    assert expected == json.loads(said.out)


def test_a_job_is_shown_with_all_that_can_be_written(viewer: str, db: Db) -> None:
    """The head names it, every field that says anything has a line, and moments are in UTC."""
    job = insert_job(db, name="Spring", priority=7, run_at="2040-02-01 18:00", params={"never": 1}, id_user=4711)
    said = run("show", job, database_url=viewer)
    assert (0, "") == (said.code, said.err)
    head, *lines = said.out.splitlines()
    assert f"job {job} · expired · ready" == head
    fields = dict(line.split(maxsplit=1) for line in lines)
    assert "2040-02-01 18:00:00 UTC" == fields["run_at"]
    assert {"name": "Spring", "priority": "7", "params": '{"never": 1}', "id_user": "4711"}.items() <= fields.items()
    assert "it waits for its run_at 2040-02-01T18:00:00Z" == fields["why"]
    assert "schedule" not in fields, "what is empty is not told"


def test_outcomes_and_events_are_tables(viewer: str, db: Db, jobs: list[int]) -> None:
    """The most frequent outcome comes first with its share; events are told with who made them, page by page."""
    for code, number in (("", 3000), ("blacklisted", 1000)):
        action = "skip" if code else "sent"
        db.execute(
            "insert into pgjobs.outcomes (job_id, shard, action, code, n) values (1, 0, %s, %s, %s)",
            (action, code, number),
        )
    head, *lines = run("outcomes", 1, database_url=viewer).out.splitlines()
    assert ["action", "code", "records", "share", "reason"] == head.split()
    assert [["sent", "-", "3,000", "75.0", "%", "-"], ["skip", "blacklisted", "1,000", "25.0", "%", "Blacklisted"]] == [
        line.split() for line in lines
    ]
    assert "no record was considered yet\n" == run("outcomes", jobs[4], database_url=viewer).out
    head, *lines = run("events", 1, database_url=viewer).out.splitlines()
    assert ["id", "at", "(UTC)", "status", "by", "reason"] == head.split()
    assert "ready > in progress" in "\n".join(lines)
    first = lines[0].split()[0]
    assert lines[1] in run("events", 1, "--after", first, "--limit", 1, database_url=viewer).out
    assert (
        first
        not in run("events", 1, "--after", first, "--limit", 1, database_url=viewer).out.splitlines()[1].split()[0]
    )


@pytest.mark.parametrize(
    ("args", "sentence", "remedy"),
    [
        (("jobs", "--status", "late"), "status: 'late' is unknown", "use ready, in progress, canceled, done or error"),
        (("jobs", "--type", "late"), "type: 'late' is not a registered job type", "use one of"),
        (("jobs", "--limit", "0"), "limit: 0 is out of range", "give a number from 1 to 1000"),
        (("events", "77"), "there is no job 77", '"pgjobs jobs" lists them'),
        (("events", "1", "--limit", "9999"), "limit: 9999 is out of range", "give a number from 1 to 1000"),
        *(
            ((one, "77"), "there is no job 77", '"pgjobs jobs" lists them')
            for one in ("show", "outcomes", "log", "eta", "plan", "watch")
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_gets_the_sentence_of_sql(
    viewer: str, jobs: list[int], args: tuple[str, ...], sentence: str, remedy: str
) -> None:
    """What the database refuses is its own sentence and remedy; code 2 for a wrong value, 1 for what is not there."""
    assert jobs
    said = run(*args, database_url=viewer)
    assert (1 if "77" in args else 2, "") == (said.code, said.out)
    first, second = said.err.splitlines()
    assert f"pgjobs: {sentence}" == first
    assert second.strip().startswith(remedy)


def test_nothing_that_is_shown_acts_on_a_terminal(viewer: str, db: Db) -> None:
    """Control characters, escapes and marks of direction in a reason, a type, a name of a task, an actor are shown as
    text, in tables, in JSON and in what is refused."""
    db.execute(
        "insert into xmp_job_types (name, selector, routing_key)"
        " select %s, selector, 'q' from xmp_job_types where name = 'expired'",
        (EVIL,),
    )
    job = insert_job(db, EVIL, notes=EVIL)
    db.execute("select pgjobs.hold_all(%s)", (EVIL,))
    db.execute(
        "insert into pgjobs.tasks (name, type, repeating) values ('nightly', %s, %s)",
        (EVIL, DAILY),
    )
    db.execute("update pgjobs.events set reason = %s, actor = %s where job_id = %s", (EVIL, EVIL, job))
    for args in (
        ("jobs",),
        ("show", job),
        ("why", job),
        ("eta", job),
        ("plan", job),
        ("events", job),
        ("tasks",),
        ("top", "--once"),
    ):
        said = run(*args, database_url=viewer)
        assert (0, "") == (said.code, said.err), args
        assert SEEN in said.out, args
        assert said.out.replace("\n", "").isprintable(), args
        answer = run(*args, "--json", database_url=viewer)
        assert answer.out.removesuffix("\n").isprintable(), args
        assert "plan" == args[0] or any(EVIL in text for text in texts(json.loads(answer.out))), args
        assert not set(ESCAPES.findall(at_terminal(*args, database_url=viewer, NO_COLOR=1).out)), args
    said = run("jobs", "--status", EVIL, database_url=viewer)
    assert 2 == said.code
    assert said.err.replace("\n", "").isprintable()


def test_a_table_fits_the_terminal(viewer: str, db: Db) -> None:
    """At a terminal of 80 columns no line is wider, whatever is in it; elsewhere nothing is cut off."""
    long = "\u6f22" * 60
    db.execute("select pgjobs.hold_all(%s)", (long,))
    insert_job(db)
    for args in (("jobs",), ("top", "--once"), ("tasks",), ("agents",)):
        lines = at_terminal(*args, database_url=viewer).out.replace("\r", "").splitlines()
        wide = [line for line in lines if sum(2 if sign == "\u6f22" else 1 for sign in ESCAPES.sub("", line)) > 80]
        assert [] == wide, args
    assert long in run("jobs", database_url=viewer).out


def test_a_sentence_is_whole_at_a_narrow_terminal(viewer: str, db: Db) -> None:
    """What does not fit goes on below, indented; no line is wider than the terminal."""
    db.execute("select pgjobs.hold_all('a deploy of the gateway that takes longer than anybody thought it would')")
    job = insert_job(db)
    actor = "somebody.with.a.long.name@a-long-domain.example"
    db.execute("update pgjobs.events set actor = %s, reason = 'first second ' || repeat('word ', 30)", (actor,))
    for args, words in (
        (("jobs",), "longer than anybody thought it would"),
        (("top", "--once"), "longer than anybody thought it would"),
        (("events", job), "word word word"),
    ):
        said = ESCAPES.sub("", at_terminal(*args, database_url=viewer).out).replace("\r", "")
        assert words in " ".join(said.split()), said
        assert said.count("word") in (0, 30), said
        assert "\u2026" not in said, said
        assert max(map(len, said.splitlines())) <= 80, said


def test_an_output_that_takes_nothing_is_a_sentence(viewer: str, jobs: list[int]) -> None:
    """A full disk behind standard output, or a file that cannot be, is named as the user gave it; code 1."""
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            command("report", jobs[0]), cwd=HOME, env=environment(database_url=viewer),
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (1, "pgjobs: standard output: No space left on device") == (said.returncode, said.stderr.splitlines()[0])
    assert 2 == len(said.stderr.splitlines())
    for path, what in (("/nonexistent/x.html", "No such file or directory"), ("/dev", "Is a directory")):
        refused = run("report", jobs[0], "-o", path, database_url=viewer)
        assert (1, f"pgjobs: {path}: {what}") == (refused.code, refused.err.splitlines()[0])


def test_colours_are_for_terminals(viewer: str, jobs: list[int]) -> None:
    """A terminal shows states in colours; NO_COLOR and a pipe have none."""
    assert jobs
    assert "\x1b[32mdone\x1b[0m" in at_terminal("jobs", database_url=viewer).out
    assert "\x1b" not in at_terminal("jobs", database_url=viewer, NO_COLOR=1).out
    assert "\x1b" not in at_terminal("jobs", database_url=viewer, TERM="dumb").out
    assert "\x1b" not in run("jobs", database_url=viewer).out
    assert "\x1b" not in at_terminal("--help").out
    assert not set("│╭─") & set(run("--help").out)


def test_a_reader_that_goes_is_no_error(viewer: str, db: Db) -> None:
    """`pgjobs jobs | head -1` shows one line, and nobody says a word of the rest."""
    for _ in range(300):
        insert_job(db)
    listing = subprocess.Popen(
        command("jobs", "--json", "--limit", 300),
        cwd=HOME, env=environment(database_url=viewer), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert listing.stdout is not None
    assert listing.stderr is not None
    listing.stdout.close()
    assert b"" == listing.stderr.read()
    assert 1 == listing.wait(30)
    listing.stderr.close()


@pytest.mark.parametrize(
    ("args", "group"),
    [
        (("start", "1"), "pgjobs_operator"),
        (("create", "expired"), "pgjobs_operator"),
        (("items", "1"), "pgjobs_operator"),
        (("cancel", "1"), "pgjobs_operator"),
        (("retry", "1"), "pgjobs_operator"),
        (("verify", "1"), "pgjobs_operator"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_who_may_only_look_is_told_what_is_missing(
    viewer: str, db: Db, jobs: list[int], args: tuple[str, ...], group: str
) -> None:
    """A viewer steers nothing: one sentence, and the role that is to be granted."""
    before = db.column("select status from xmp_jobs order by id")
    assert len(jobs) == len(before)
    said = run(*args, database_url=viewer)
    assert (1, "") == (said.code, said.out)
    sentence, remedy = said.err.splitlines()
    assert "permission denied for" in sentence
    assert "LINE 1" not in sentence
    assert f"grant {group} to the role of PGJOBS_DATABASE_URL" in remedy
    assert before == db.column("select status from xmp_jobs order by id")


def test_tasks_and_items_are_shown(database: str, db: Db) -> None:
    """A task with its next occasion and the job that waits for it; items by their keys, those of a status alone."""
    operator = member_url(database, "pgjobs_operator")
    assert "there is no task\n" == run("tasks", database_url=operator).out
    db.execute(
        "insert into pgjobs.tasks (name, type, repeating, starts_at) values ('nightly', 'expired', %s, '2040-01-01')",
        (DAILY,),
    )
    head, line = run("tasks", database_url=operator).out.splitlines()
    assert ["id", "name", "type", "state", "next", "(UTC)", "job", "runs", "trouble"] == head.split()
    assert ["1", "nightly", "expired", "ACTIVE", "2040-01-01", "00:00:00"] == line.split()[:6]
    (task,) = json.loads(run("tasks", "--json", database_url=operator).out)
    assert ("nightly", "2040-01-01T00:00:00+00:00") == (task["name"], task["next_occasion"])
    job = insert_job(db)
    db.execute(
        "insert into pgjobs.items (job_id, key, target, status, attempts)"
        " values (%s, 5, 'a', 'f', 1), (%s, 6, 'b', 's', 2)",
        (job, job),
    )
    head, *lines = run("items", job, database_url=operator).out.splitlines()
    assert [["5", "a", "Error", "0"], ["6", "b", "Finished", "1"]] == [line.split()[:4] for line in lines]
    shown = json.loads(run("items", job, "--status", "finished", "--json", database_url=operator).out)
    assert ["6"] == [one["key"] for one in shown["items"]]
    page = run("items", job, "--limit", 1, database_url=operator).out.splitlines()
    assert "further items: --after 5" == page[-1]
    assert ["6"] == [
        line.split()[0] for line in run("items", job, "--after", 5, database_url=operator).out.splitlines()[1:]
    ]
    assert "there is no such item here\n" == run("items", job, "--after", 6, database_url=operator).out
    unknown = run("items", job, "--status", "good", database_url=operator)
    assert (2, "pgjobs: status: there is no good") == (unknown.code, unknown.err.splitlines()[0])


def test_the_version_is_told_and_arguments_are_utf8() -> None:
    """--version needs no setting; an argument that is no UTF-8 is code 2 and a sentence."""
    assert (0, f"pgjobs {__version__}\n", "") == run("--version")
    raw: list[str | bytes] = [*command("why"), b"\xff"]
    said = subprocess.run(raw, cwd=HOME, env=environment(), capture_output=True, check=False)
    assert 2 == said.returncode
    assert b"pgjobs: argument '\\udcff' is not UTF-8\n" in said.stderr


def test_a_shell_completes_commands_types_and_jobs(viewer: str, jobs: list[int]) -> None:
    """The script that a shell loads is printed; it is told commands, types and the newest jobs, and nothing where the
    database is away."""

    def complete(words: str, number: int, url: str) -> list[str]:
        asked = environment(database_url=url) | {
            "_PGJOBS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "pgjobs"],
            cwd=HOME,
            env=asked,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "" == done.stderr
        return done.stdout.split()

    script = subprocess.run(
        ["bash", "-c", " ".join([*command("--show-completion"), "; true"])],
        cwd=HOME, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "_PGJOBS_COMPLETE=complete_bash" in script.stdout
    assert ["jobs"] == complete("pgjobs jo", 1, viewer)
    # The database is asked quickly or not at all: on a busy machine the key is pressed again.
    assert soon(lambda: ["expired"] == complete("pgjobs create ex", 2, viewer), 60)
    assert soon(lambda: [str(job) for job in reversed(jobs)] == complete("pgjobs show ", 2, viewer), 60)
    away = urlsplit(viewer)._replace(netloc="someone:pw42@127.0.0.1:1").geturl()
    assert [] == complete("pgjobs show ", 2, away)


def test_a_look_loads_neither_engine_nor_web() -> None:
    """A command imports what it needs: what shows jobs loads no broker, no engine and no web process."""
    script = (
        "import sys, pgjobs.cli, pgjobs.ops.looking, pgjobs.ops.steering, pgjobs.ops.creating;"
        "heavy = ('pgjobs.engine', 'pgjobs.web', 'pgjobs.broker', 'pika', 'starlette', 'rich.console');"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


WRONG = (
    "jobs --limit -1", "jobs --limit x", "jobs --status bogus", "jobs --type bogus", "events 1 --limit 1001",
    "items 1 --limit 0", "items 1 --status bogus", "tasks --limit 0", "tasks --after x", "log 1 --msisdn 1",
    "log 1 --shard x", "top --every 0", "create bogus", "create expired --param never", "create expired --params x",
    "create expired --rate abc", "create expired --priority 11", "create expired --run-at x",
    "create expired --stop-at x", "create expired --shards 65", "create expired --user x",
    "create expired --set bogus=1", "retry 1 --which bogus", "mailings report --day x", "mailings log --client x",
    "entities list --filter x", """entities list --filter {"bogus":1}""", "report 1 --check x",
    "token add a --scope bogus",
    *(f"{one} abc" for one in (
        "show", "why", "eta", "plan", "watch", "log", "outcomes", "events", "items", "report", "verify", "start",
        "stop", "pause", "resume", "retry", "cancel")),
)  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_value_ends_with_code_2(database: str, db: Db, line: str) -> None:
    """Of every command, whether the command or the database finds it; nothing is written."""
    job_in(db, "ready")
    said = run(*line.split(), database_url=database)
    assert (2, "") == (said.code, said.out), said.err
    assert said.err
    assert 1 == db.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5", "\u0661", "99999999999999999999"])
def test_what_is_no_number_of_a_job_is_said_in_a_sentence(viewer: str, text: str) -> None:
    """It speaks of jobs, and says how to find their numbers; the help has no bound that nobody needs."""
    said = run("show", "--", text, database_url=viewer)
    assert (2, f"pgjobs: JOB: '{text}' is no number of a job\n  \"pgjobs jobs\" lists them\n") == (said.code, said.err)
    assert "9223372036854775807" not in "".join(run(one, "--help").out for one in ("show", "jobs", "start", "report"))


def test_emptiness_is_said_as_it_is(database: str, db: Db) -> None:
    """What there is not at all, what there is not behind a page, and what was not held, have sentences of their own."""
    assert 'there is no job yet: "pgjobs create" makes one\n' == run("jobs", database_url=database).out
    assert "there is no such job\n" == run("jobs", "--status", "done", database_url=database).out
    assert (
        'there is no entity yet: "pgjobs entities load" puts them\n'
        == run("entities", "list", database_url=database).out
    )
    assert "" == run("entities", "list", "--json", database_url=database).out
    job = job_in(db, "ready")
    said = run("events", job, "--after", 999999, database_url=database)
    assert (0, "nothing has happened to it behind event 999999\n") == (said.code, said.out)
    assert "nothing was held\n" == run("release", database_url=database).out
    for args in ((), ("--follow",)):
        said = run("log", job_in(db, "canceled"), *args, database_url=database)
        assert 1 == said.code
        assert "--follow" not in said.err
        assert "says how" in said.err
    done = job_in(db, "done")
    assert "it is done\n" == run("eta", done, database_url=database).out
    shown = run("show", done, database_url=database).out
    assert f"job {done} · expired · done" == shown.splitlines()[0]
    assert "why" not in shown, "its head says that it is done"
