"""What the arguments of commands look like, and how a shell completes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

import typer

from pgjobs.errors import JOBS_ARE_LISTED, SettingsError

MOST = 2**63 - 1
"""Of a greater number PostgreSQL would say that there is no such function."""


def job_number(text: str) -> int:
    """The number of a job."""
    if (number := _whole(text)) is None or number < 1:
        raise SettingsError(f"JOB: {text!r} is no number of a job", JOBS_ARE_LISTED)
    return number


def number_of(option: str) -> Callable[[str], int]:
    """What reads a whole number behind an option; how great it may be is for the database to say."""

    def number(text: str) -> int:
        if (found := _whole(text)) is None:
            raise SettingsError(f"{option}: {text!r} is no whole number, or too great", f"write it as in {option} 20")
        return found

    return number


def _whole(text: str) -> int | None:
    found = int(text) if re.fullmatch("[+-]?[0-9]{1,19}", text) else None
    return found if found is not None and -MOST <= found <= MOST else None


def _jobs(incomplete: str) -> list[tuple[str, str]]:
    from pgjobs.ops import completing

    return completing.words("job", incomplete)


def _types(incomplete: str) -> list[tuple[str, str]]:
    from pgjobs.ops import completing

    return completing.words("type", incomplete)


Job = Annotated[int, typer.Argument(metavar="JOB", help="id of the job", parser=job_number, autocompletion=_jobs)]
Jobs = Annotated[
    list[int], typer.Argument(metavar="JOB", help="id of each job", parser=job_number, autocompletion=_jobs)
]
Type = Annotated[
    str, typer.Argument(metavar="TYPE", help="type of the job, as in xmp_job_types", autocompletion=_types)
]
OfType = Annotated[str | None, typer.Option("--type", help="jobs of this type", autocompletion=_types)]
Json = Annotated[bool, typer.Option("--json", help="as JSON: one object, or one array of them")]
JsonLines = Annotated[bool, typer.Option("--json", help="as JSON: an object a line")]
