"""The command about reports; it imports what it needs and nothing else."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

import pgjobs
from pgjobs.cli.arguments import job_number
from pgjobs.errors import PgjobsError, SettingsError
from pgjobs.process import ready_settings

app = typer.Typer()


@app.command()
def report(
    job: Annotated[int | None, typer.Argument(metavar="JOB", help="id of the job", parser=job_number)] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="file to write, JSON where its name ends with .json; -: print it")
    ] = "-",
    json: Annotated[bool, typer.Option("--json", help="JSON instead of HTML")] = False,
    check: Annotated[Path | None, typer.Option(help="see whether a copy of a report is what was made")] = None,
) -> None:
    """Write the after-action report of a job: one file of HTML that needs nothing else, or JSON."""
    if check is not None and job is None:
        return _check(check)
    if job is None or check is not None:
        raise SettingsError(
            "give a job, or --check FILE", "as in: pgjobs report 12 -o 12.html; pgjobs report --check 12.html"
        )
    from pgjobs.ops import report as reports

    text = asyncio.run(reports.read(ready_settings("database_url"), job))
    if not (json or output.endswith(".json")):
        from pgjobs.web.report.document import written

        text = written(text)
    if output == "-":
        sys.stdout.write(text + "\n")
    else:
        reports.write(Path(output), text + "\n")
    return None


def _check(path: Path) -> None:
    from pgjobs.web.report.canonical import NoReportError
    from pgjobs.web.report.check import Verdict, judged, writer

    try:
        text = path.read_text(encoding="utf-8")
        verdict = judged(text)
    except (NoReportError, UnicodeDecodeError) as error:
        raise PgjobsError(f"{path}: it is no report", f"{error}; give a file that pgjobs report has written") from error
    if verdict is Verdict.CHANGED:
        raise PgjobsError(f"{path}: it was changed after it was made", "make it again: pgjobs report JOB -o FILE")
    if verdict is Verdict.DATA_ONLY:
        by = writer(text) or "of another version"
        typer.echo(
            f"{path}: its data is what was made; only that was checked, for its text was written by pgjobs {by},"
            f" and this is pgjobs {pgjobs.__version__}"
        )
        return
    typer.echo(f"{path}: it is what was made")
