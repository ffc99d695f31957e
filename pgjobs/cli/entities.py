"""The commands of the directory: `pgjobs entities load FILE` and `pgjobs entities list`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pgjobs.process import ready_settings

app = typer.Typer(
    help="The directory of entities: devices, clients and whatever else jobs are about.", no_args_is_help=True
)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="JSON lines, a JSON array, or CSV with a header; also gzip")],
) -> None:
    """Put the entities of a file into the directory, all or none; each takes the place of the one with its id."""
    from pgjobs.ops import entities

    told = asyncio.run(entities.load(ready_settings("database_url"), file))
    typer.echo(", ".join(f"{number} {name}" for name, number in told.items()))


@app.command("list")
def list_entities(
    filter_: Annotated[str, typer.Option("--filter", help="which ones, as a filter in JSON")] = "{}",
    limit: Annotated[int, typer.Option(min=1, help="so many at most")] = 100,
    json: Annotated[bool, typer.Option("--json", help="as JSON lines, which load reads again")] = False,
) -> None:
    """List entities of the directory, those first that were put first."""
    from pgjobs.ops import entities

    found = asyncio.run(entities.listed(ready_settings("database_url"), filter_, limit, as_json=json))
    none = [
        "there is no such entity"
        if filter_.strip() != "{}"
        else 'there is no entity yet: "pgjobs entities load" puts them'
    ]
    for line in found or ([] if json else none):
        typer.echo(line)
