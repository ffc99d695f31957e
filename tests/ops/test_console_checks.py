"""What checks something says it as JSON too, and so does everything that shows something."""

import json
from typing import Any

from fix_cli import run
from fix_daemon import Engine
from typer.main import get_command

from pgjobs.cli import app
from pgjobs.lab.roles import member_url

SILENT = {
    "migrate", "daemon", "web", "gateway", "services", "hold", "release", "demo", "torture", "bench",
    "add", "drop", "load", "grafana", "alerts", "prometheus", "log",
}  # fmt: skip
"""They show nothing, write files, or speak JSON anyway (mailings log)."""


def test_verify_and_doctor_speak_json(engine: Engine) -> None:
    """The verdict is an object, each finding of the doctor a line; the codes are those of the words."""
    engine.add_retries(20)
    engine.start()
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    settings: dict[str, Any] = {"database_url": engine.daemon_url, "log_dir": engine.log_dir}
    said = run("verify", job, "--json", **settings)
    assert "" == said.err
    verdict = json.loads(said.out)
    assert (0, [], 20, 20) == (said.code, verdict["findings"], verdict["lines"], verdict["counts"]["sent"])
    engine.execute("update pgjobs.outcomes set n = n + 1 where job_id = %s", job)
    said = run("verify", job, "--json", **settings)
    assert 1 == said.code
    assert json.loads(said.out)["findings"]
    said = run("doctor", "--json", amqp_url=engine.amqp_url, injections_dir=engine.injections_dir, **settings)
    findings = [json.loads(line) for line in said.out.splitlines()]
    assert {"level", "about", "sentence", "remedy"} == set(findings[0])
    assert (1 if any(one["level"] == "problem" for one in findings) else 0) == said.code


def test_an_operator_verifies_a_log_and_a_viewer_does_not(engine: Engine) -> None:
    """verify needs no right that an operator has not, and says to a viewer which role it needs."""
    engine.add_retries(20)
    engine.start()
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    for group in ("pgjobs_operator", "pgjobs_daemon"):
        said = run("verify", job, database_url=member_url(engine.database_url, group))
        assert (0, "") == (said.code, said.err), group
    said = run("verify", job, "--json", database_url=member_url(engine.database_url, "pgjobs_viewer"))
    assert (1, "") == (said.code, said.out)
    assert "grant pgjobs_operator to the role of PGJOBS_DATABASE_URL" in said.err


def test_no_help_is_cut() -> None:
    """The help of each group of commands has the whole sentence of each command, however long it is."""
    for name, group in getattr(get_command(app), "commands", {}).items():
        for verb, command in getattr(group, "commands", {}).items():
            said = " ".join(run(name, "--help").out.split())
            assert " ".join(command.help.splitlines()[0].split()) in said, (name, verb)


def test_everything_that_is_shown_can_be_had_as_json() -> None:
    """Each command has --json, but for those that show nothing."""

    def lacking(group: object) -> set[str]:
        found = set()
        for name, command in getattr(group, "commands", {}).items():
            if getattr(command, "commands", None):
                found |= lacking(command)
            elif not any("--json" in getattr(one, "opts", ()) for one in command.params):
                found.add(name)
        return found

    assert set() == lacking(get_command(app)) - SILENT
