"""The page of the command line: it names every command, and its examples run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from fix_daemon import Engine
from fix_shop import ROOT, blocks
from typer.main import get_command

from pgjobs.cli import app
from pgjobs.lab.roles import member_url

PAGE = "pgjobs/cli/README.md"


def test_every_command_stands_in_a_table() -> None:
    """The tables name every command, and no other."""
    text = (ROOT / PAGE).read_text()
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    named = {word for cell in cells for word in re.findall("`([a-z]+)`", cell)}
    assert set(getattr(get_command(app), "commands", {})) == named


def test_the_examples_run_as_they_stand(engine: Engine) -> None:
    """Block after block, by an operator, on a job of the number that the page uses: none fails, and the last job of a
    script is done."""
    engine.add_retries(30)
    engine.execute("alter table xmp_jobs alter column id restart with 12")
    engine.start()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PGJOBS_DATABASE_URL": member_url(engine.database_url, "pgjobs_operator"),
        "PYTHONPATH": str(ROOT),
    }
    for language, text in blocks(PAGE):
        assert "sh" == language
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert (0, "") == (done.returncode, done.stderr), f"{text}\n{done.stdout}"
    assert "is done" in done.stdout
    assert 60 <= engine.value("select sum(considered) from pgjobs.shards")
