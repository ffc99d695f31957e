"""The command line: help everywhere, one sentence and a remedy for what goes wrong, and no password in sight."""

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import psycopg
import pytest
import typer
from fix_cli import run

from pgjobs.cli import app, main
from pgjobs.errors import SchemaError, SettingsError, TaskError
from pgjobs.lab import services as private
from pgjobs.lab.roles import member_url
from pgjobs.lab.services import Services

MOMENT = r"[0-9-]{10}T[0-9:]{8}Z"
REFUSED = "postgresql://someone:pw42@127.0.0.1:1/nothing"


def leaves(group: Any, *path: str) -> dict[tuple[str, ...], click.Command]:
    """Every command below a group by its words."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name, below in group.commands.items():
        found |= leaves(below, *path, name) if hasattr(below, "commands") else {(*path, name): below}
    return found


COMMANDS = leaves(typer.main.get_command(app))


def complaint(said: str) -> tuple[str, str]:
    """The sentence and the remedy, which is all that may be said."""
    lines = said.splitlines()
    assert 2 == len(lines), said
    assert lines[0].startswith("pgjobs: ")
    assert lines[1].startswith("  ")
    return lines[0].removeprefix("pgjobs: "), lines[1].strip()


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    """Each says in a sentence what it does, and so does each of its parameters that is meant for people."""
    command = COMMANDS[words]
    assert re.fullmatch(r"[A-Z].*\.", (command.help or "").strip())
    silent = [one.name for one in command.params if not getattr(one, "hidden", False) and not getattr(one, "help", "")]
    assert [] == silent


def test_help_lists_the_commands() -> None:
    """`pgjobs` alone and `pgjobs --help` name every command."""
    said = run("--help")
    assert 0 == said.code
    assert {words[0] for words in COMMANDS} <= set(re.findall(r"\w+", said.out))
    assert run().everything.split() == said.out.split()


@pytest.mark.parametrize("command", ["migrate", "daemon", "web", "doctor", "watch"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "PGJOBS_DATABASE_URL is not set"),
        ({"database_url": "mysql://u:pw42@h/d"}, "PGJOBS_DATABASE_URL: it has to begin with postgresql://"),
        ({"database_url": REFUSED, "widow": "3"}, "PGJOBS_WIDOW is not a setting of pgjobs"),
    ],
    ids=["missing", "wrong", "unknown"],
)
def test_a_wrong_setting_ends_with_code_2(command: str, settings: dict[str, Any], sentence: str) -> None:
    """One sentence, one remedy, code 2, before anything is touched."""
    said = run(command, *(["1"] if command == "watch" else []), **settings)
    assert 2 == said.code
    found, remedy = complaint(said.everything)
    assert sentence == found
    assert remedy
    assert "pw42" not in said.everything


def test_the_daemon_needs_a_broker_as_well() -> None:
    """Its second address is asked for at once too."""
    said = run("daemon", database_url=REFUSED)
    assert (2, "PGJOBS_AMQP_URL is not set") == (said.code, complaint(said.everything)[0])


def test_tokens_are_listed_without_their_secrets(database: str) -> None:
    """Each token is a line in the order of the names, an expired one says so, and no line has a digest."""
    assert "there is no token\n" == run("token", "list", database_url=database).out
    with psycopg.connect(database) as connection:
        connection.execute("insert into pgjobs.tokens values ('old', sha256('x'), '{read}', '{}', now(), now())")
        connection.execute("select pgjobs.add_token('cms-of-the-north', sha256('y'), '{control}', null)")
    lines = run("token", "list", database_url=database).out.splitlines()
    assert re.fullmatch(rf"cms-of-the-north  control  made {MOMENT}  never expires", lines[0])
    assert re.fullmatch(rf"old               read     made {MOMENT}  expired {MOMENT}", lines[1])
    assert 2 == len(lines)
    assert not re.search("[0-9a-f]{16}", "".join(lines))


def test_everything_is_held_and_released_by_an_operator(database: str) -> None:
    """A member of pgjobs_operator holds all jobs with a reason, which the switch keeps with the role, and releases
    them; without a reason nothing is held."""
    url = member_url(database, "pgjobs_operator")
    read = "select held, reason, role = %s from pgjobs.switch"
    with psycopg.connect(database, autocommit=True) as connection:
        for command, words, row in (
            (("hold", "a deploy"), '"pgjobs release" lets every job go on', (True, "a deploy", True)),
            (("release",), "every job goes on where it was", (False, None, True)),
        ):
            said = run(*command, database_url=url)
            assert (0, "") == (said.code, said.err)
            assert words in said.out
            assert connection.execute(read, (urlsplit(url).username,)).fetchone() == row
        said = run("hold", " ", database_url=url)
        assert (2, "reason: it is empty") == (said.code, complaint(said.err)[0])
        assert "say why everything is held" in complaint(said.err)[1]
        assert connection.execute("select held from pgjobs.switch").fetchone() == (False,)


@pytest.mark.parametrize("command", [("migrate",), ("watch", "1"), ("token", "drop", "cms")], ids=" ".join)
def test_a_database_that_is_away_is_said_without_its_password(command: tuple[str, ...]) -> None:
    """Code 1, what the server or the network says, and where to look."""
    said = run(*command, database_url=REFUSED)
    assert 1 == said.code
    assert said.err.startswith("pgjobs: PostgreSQL: ")
    assert "check host and port in PGJOBS_DATABASE_URL" in said.err
    assert "Traceback" not in said.everything
    assert "pw42" not in said.everything


def test_a_wrong_password_is_not_repeated(services: Services) -> None:
    """The server's refusal names the role, and nobody names the password."""
    parts = urlsplit(services.database_url)
    place = parts.netloc.rpartition("@")[2]
    wrong = parts._replace(netloc=f"{parts.username}:pw42@{place}").geturl()
    said = run("migrate", database_url=wrong)
    assert 1 == said.code
    assert "pw42" not in said.everything
    assert str(parts.password) not in said.everything


def test_an_unmigrated_database_is_told_to_be_migrated(empty_database: str) -> None:
    """Whatever needs the schema says how to get it."""
    for command in (
        ("watch", "1"),
        ("hold", "a look"),
        ("release",),
        ("retry", "1"),
        ("cancel", "1"),
        ("token", "list"),
        ("token", "drop", "cms"),
        ("token", "add", "cms", "--scope", "read"),
    ):
        said = run(*command, database_url=empty_database)
        assert (1, "run: pgjobs migrate") == (said.code, complaint(said.err)[1])


def test_migrate_says_what_it_did(empty_database: str) -> None:
    """The first run lists what was applied, the second has nothing to do."""
    first, second = (run("migrate", database_url=empty_database) for _ in range(2))
    assert (0, 0) == (first.code, second.code)
    assert re.search(r"^migration 0001\.", first.out, re.MULTILINE)
    assert "the database is up to date\n" == second.out


def test_a_token_is_shown_once_and_known_by_its_digest(database: str) -> None:
    """Add prints the token alone; the database holds its SHA-256, its scope and its end; drop removes it."""
    added = run("token", "add", "cms", "--scope", "control", "--days", "30", database_url=database)
    assert (0, "") == (added.code, added.err)
    token = added.out.strip()
    assert len(token) >= 40
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "select sha256, scopes, round(extract(epoch from expires_at - now()) / 86400) from pgjobs.tokens"
        ).fetchone()
    assert (hashlib.sha256(token.encode()).digest(), ["control"], 30) == row
    listed = run("token", "list", database_url=database)
    assert (0, "") == (listed.code, listed.err)
    assert re.fullmatch(rf"cms  control  made {MOMENT}  expires {MOMENT}\n", listed.out)
    again = run("token", "add", "cms", "--scope", "read", database_url=database)
    assert (1, "") == (again.code, again.out)
    assert "cms" in complaint(again.err)[0]
    assert 0 == run("token", "drop", "cms", database_url=database).code
    unknown = run("token", "drop", "cms", database_url=database)
    assert (1, "there is no token cms") == (unknown.code, complaint(unknown.err)[0])


@pytest.mark.parametrize(
    "arguments",
    [("cms",), ("cms", "--scope", "read", "--days", "0")],
    ids=["no scope", "no days"],
)
def test_a_token_that_cannot_be_is_refused(arguments: tuple[str, ...]) -> None:
    """The scope has to be named, and a token lives a day at least."""
    said = run("token", "add", *arguments, database_url=REFUSED)
    assert 2 == said.code
    assert "--scope" in said.err or "--days" in said.err


def test_scopes_and_what_is_known_of_a_holder_are_checked(database: str) -> None:
    """A scope there is not, and a --set without a value, are refused with the remedy; what is right is stored."""
    unknown = run("token", "add", "cms", "--scope", "read", "--scope", "everything", database_url=database)
    assert (2, "scope: 'everything' is unknown") == (unknown.code, complaint(unknown.err)[0])
    odd = run("token", "add", "cms", "--scope", "read", "--set", "org_name", database_url=database)
    assert (2, "--set 'org_name' is no NAME=VALUE") == (odd.code, complaint(odd.err)[0])
    empty = run("token", "add", "cms", "--scope", "read", "--set", "org_name= ", database_url=database)
    assert (2, "--set 'org_name= ' has no value") == (empty.code, complaint(empty.err)[0])
    twice = run("token", "add", "cms", "--scope", "read", "--set", "a=1", "--set", "a=2", database_url=database)
    assert (2, "--set 'a=2': a is given twice") == (twice.code, complaint(twice.err)[0])
    colon = run("token", "add", "a:b", "--scope", "read", database_url=database)
    assert (2, "name: 'a:b' holds a colon, where the user name of HTTP Basic ends") == (
        colon.code,
        complaint(colon.err)[0],
    )
    scopes = ("--scope", "partner:control", "--scope", "cms:read")
    assert 0 == run("token", "add", "cms", *scopes, "--set", "org_name=A = B", database_url=database).code
    with psycopg.connect(database) as connection:
        row = connection.execute("select scopes, record from pgjobs.tokens").fetchone()
    assert (["partner:control", "cms:read"], {"org_name": "A = B"}) == row


def test_a_wrong_job_is_refused_before_any_server_is_asked(tmp_path: Path) -> None:
    """A wrong job id is the command line's own refusal, also where no server answers."""
    said = run("watch", "seven", database_url=REFUSED, log_dir=tmp_path)
    assert (2, "pgjobs: JOB: 'seven' is no number of a job") == (said.code, said.err.splitlines()[0])


class Unheard(Exception):
    """An error that no code names."""


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SettingsError("it is wrong"), 2, "pgjobs: it is wrong\n"),
        (TaskError("it fails for ever"), 70, "pgjobs: it fails for ever\n"),
        (SchemaError("it is another"), 1, "run: pgjobs migrate\n"),
        (
            Unheard("two\nlines of postgresql://u:pw42@h"),
            70,
            "internal error: Unheard: two lines of postgresql://u:***@h",
        ),
        (TimeoutError(), 1, "a server did not answer in time"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (BrokenPipeError(32, "Broken pipe"), 1, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_kind_of_trouble_has_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    """A sentence and its remedy, or nothing where nobody reads it; a traceback never."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["pgjobs", "services"])
    monkeypatch.setattr(private, "serve_forever", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert code == ended.value.code
    assert words in said
    assert said.count("\n") == (2 if words else 0)
    assert "pw42" not in said


@pytest.mark.parametrize(
    ("change", "words"),
    [({"password": "pw42"}, "check user and password"), ({"path": "/no_such_database"}, "create the database")],
    ids=["password", "database"],
)
def test_a_daemon_that_the_server_refuses_ends_at_once(
    services: Services, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    """What its address says is wrong, and waiting would not mend it; a server that is away is waited for."""
    parts = urlsplit(services.database_url)
    place = parts.netloc.rpartition("@")[2]
    path = change.get("path", parts.path)
    wrong = parts._replace(netloc=f"{parts.username}:{change.get('password', parts.password)}@{place}", path=path)
    said = run("daemon", database_url=wrong.geturl(), amqp_url=services.amqp_url, log_dir=tmp_path)
    assert 1 == said.code
    assert words in complaint(said.err)[1]
    assert "pw42" not in said.everything


def test_in_json_the_last_word_is_an_event_too(services: Services, tmp_path: Path) -> None:
    """Whoever collects the log sees why the service has ended."""
    wrong = urlsplit(services.database_url)._replace(path="/no_such_database").geturl()
    said = run("daemon", database_url=wrong, amqp_url=services.amqp_url, log_dir=tmp_path, log_format="json")
    (event,) = map(json.loads, said.everything.splitlines())
    assert (1, "CRITICAL") == (said.code, event["level"])
    assert "does not exist" in event["message"]


def test_a_job_is_explained(database: str) -> None:
    """why, eta and plan say in lines what SQL says: a job with a rate has an interval, a paused one has none, and one
    that is not there is refused."""
    with psycopg.connect(database, autocommit=True) as connection:
        insert = "insert into xmp_jobs (type, run_at, rate, active) values ('expired', %s, 5, %s) returning id"
        rows = [connection.execute(insert, ("2040-02-01", active)).fetchone() or (0,) for active in (True, False)]
    waiting, held = (row[0] for row in rows)
    said = {verb: run(verb, str(waiting), database_url=database).out for verb in ("why", "eta", "plan")}
    assert "it waits for its run_at 2040-02-01T00:00:00Z\n" == said["why"]
    assert "nobody can say: it waits for its run_at 2040-02-01T00:00:00Z\n" == said["eta"]
    still, head, first = said["plan"].splitlines()
    assert 'nobody can say when it begins: no daemon is alive: start one with "pgjobs daemon"' == still
    assert ["from", "until", "per", "second", "records", "then"] == head.split()
    assert ["2040-02-01T00:00:00Z", "-", "5.0", "-", "-"] == first.split()
    words = f'it has no plan: it is not active: run "pgjobs resume {held}", or set active = true in SQL\n'
    assert words == run("plan", str(held), database_url=database).out
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update xmp_jobs set stop_at = '2040-03-01' where id = %s", (waiting,))
    none = 'nobody can say: no daemon is alive: start one with "pgjobs daemon"\n'
    assert none == run("eta", str(waiting), database_url=database).out
    unknown = run("why", "77", database_url=database)
    assert (1, "there is no job 77") == (unknown.code, unknown.err.splitlines()[0].removeprefix("pgjobs: "))
