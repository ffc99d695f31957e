"""Apply each mutant to a copy of the tree and run the tests that have to kill it: `make mutants`.

First the same tests run on an unchanged copy, where they have to pass. A mutant whose text is no longer found, or
whose tests can't run, fails as loudly as one that survives. Names as arguments choose some of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants.actions import ACTIONS
from mutants.agents import AGENTS
from mutants.answers import ANSWERS
from mutants.around import AROUND
from mutants.called import CALLED
from mutants.console import CONSOLE
from mutants.directory import DIRECTORY
from mutants.doors import DOORS
from mutants.formats import FORMATS
from mutants.items import ITEMS
from mutants.listed import LISTED
from mutants.live import LIVE
from mutants.mailings import MAILING
from mutants.monitoring import MONITORING
from mutants.operations import OPERATIONS
from mutants.pace import PACE
from mutants.page import PAGE
from mutants.places import PLACES
from mutants.reports import REPORTS
from mutants.rights import RIGHTS
from mutants.rules import ITEM_RULES
from mutants.said import SAID
from mutants.shown import SHOWN
from mutants.simulated import SIMULATED
from mutants.table import MUTANTS as PROTOCOL
from mutants.table import Mutant
from mutants.tasks import TASKS
from mutants.types import TYPES
from mutants.windows import WINDOWS
from mutants.workers import WORKERS

from pgjobs.lab.memory import use_memory
from pgjobs.lab.services import Services, running_services

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = (
    *PROTOCOL,
    *ACTIONS,
    *AGENTS,
    *AROUND,
    *CALLED,
    *CONSOLE,
    *DIRECTORY,
    *DOORS,
    *FORMATS,
    *ANSWERS,
    *ITEMS,
    *LIVE,
    *PACE,
    *PAGE,
    *PLACES,
    *REPORTS,
    *RIGHTS,
    *ITEM_RULES,
    *LISTED,
    *MAILING,
    *MONITORING,
    *OPERATIONS,
    *SAID,
    *SHOWN,
    *SIMULATED,
    *TASKS,
    *TYPES,
    *WINDOWS,
    *WORKERS,
)
PARTS = ("pgjobs", "sql", "migrations", "tests", "pyproject.toml")
PATIENCE = 180
AT_A_TIME = 2
FAILED = re.compile(r"^FAILED .*", re.MULTILINE)


class Problem(Exception):
    """A mutant that proves nothing."""


def copy_to(folder: Path) -> None:
    """A copy of what the tests need."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)


def mutate(folder: Path, mutant: Mutant) -> None:
    """Change the copy; each piece of text has to be there once."""
    for edit in mutant.edits:
        path = folder / edit.path
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise Problem(f"does not apply: {edit.path} has {text.count(edit.old)} times {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new))


def run_tests(folder: Path, services: Services, tests: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")}
    environment |= {
        "PGJOBS_DATABASE_URL": services.database_url,
        "PGJOBS_AMQP_URL": services.amqp_url,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def kill(mutant: Mutant, services: Services) -> str:
    """The test that has killed a mutant."""
    with tempfile.TemporaryDirectory(prefix="pgjobs-mutant-") as name:
        folder = Path(name)
        copy_to(folder)
        mutate(folder, mutant)
        try:
            code, said = run_tests(folder, services, mutant.tests)
        except subprocess.TimeoutExpired as error:
            raise Problem(f"its tests take more than {PATIENCE} s") from error
    if code == 0:
        raise Problem("SURVIVED")
    killed = FAILED.search(said)
    if code != 1 or killed is None:
        raise Problem(f"its tests did not fail, they broke (exit code {code}):\n{said[-2000:]}")
    return killed[0].removeprefix("FAILED ")[:150]


def judge(mutant: Mutant, services: Services) -> bool:
    """Try to kill one and say how it went."""
    began = time.monotonic()
    try:
        how, good = f"killed by {kill(mutant, services)}", True
    except Problem as problem:
        how, good = str(problem), False
    took = time.monotonic() - began
    print(f"{'ok  ' if good else 'FAIL'} {mutant.name:<11}{took:5.0f} s  {mutant.promise}: {how}", flush=True)
    return good


def main(names: Sequence[str]) -> int:
    """Run the chosen mutants, all by default; 1 when one of them survives."""
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        print(f"no such mutant: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    use_memory()
    with running_services(fsync=False) as services, tempfile.TemporaryDirectory(prefix="pgjobs-healthy-") as name:
        copy_to(Path(name))
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            selections = sorted({mutant.tests for mutant in chosen})
            for tests, (code, said) in zip(
                selections, pool.map(lambda each: run_tests(Path(name), services, each), selections), strict=True
            ):
                if code != 0:
                    print(f"without any mutant {' '.join(tests)} fails:\n{said[-3000:]}", file=sys.stderr)
                    return 1
            good = list(pool.map(lambda mutant: judge(mutant, services), chosen))
    print(f"{sum(good)} of {len(good)} mutants are killed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
