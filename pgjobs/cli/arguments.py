"""What the arguments of commands look like, and how a shell completes them."""

from __future__ import annotations

from typing import Annotated

import typer

MOST = 2**63 - 1
"""Of a greater number PostgreSQL would say that there is no such function."""


def _jobs(incomplete: str) -> list[tuple[str, str]]:
    from pgjobs.ops import completing

    return completing.words("job", incomplete)


def _types(incomplete: str) -> list[tuple[str, str]]:
    from pgjobs.ops import completing

    return completing.words("type", incomplete)


Job = Annotated[int, typer.Argument(metavar="JOB", help="id of the job", max=MOST, autocompletion=_jobs)]
Jobs = Annotated[list[int], typer.Argument(metavar="JOB", help="id of each job", max=MOST, autocompletion=_jobs)]
Type = Annotated[
    str, typer.Argument(metavar="TYPE", help="type of the job, as in xmp_job_types", autocompletion=_types)
]
OfType = Annotated[str | None, typer.Option("--type", help="jobs of this type", autocompletion=_types)]
Json = Annotated[bool, typer.Option("--json", help="as JSON: one object, or one array of them")]
JsonLines = Annotated[bool, typer.Option("--json", help="as JSON: an object a line")]
