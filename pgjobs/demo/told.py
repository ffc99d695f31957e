"""How the demo does what users do, by SQL and by HTTP, and shows it: each statement, each call and its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from psycopg import sql
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.markup import escape

from pgjobs.demo.stage import Stage
from pgjobs.lab.process import ServicesError
from pgjobs.ops import progress, watch
from pgjobs.pg import connection as db

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 300.0


class Session:
    """Acts on the stage and tells it; `ended` are the jobs that were finished, and whether they were dry runs."""

    def __init__(self, stage: Stage, console: Console, connection: db.Connection, http: httpx.AsyncClient) -> None:
        self.stage = stage
        self.console = console
        self.connection = connection
        self.http = http
        self.ended: list[tuple[progress.Look, bool]] = []

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self.console.print(f"\n[bold cyan]▌[/] [bold]{title}[/]")

    def say(self, words: str) -> None:
        """Tell what is seen."""
        self.console.print(f"  {words}")

    def show(self, code: str) -> None:
        """Show what a user writes."""
        self.console.print(f"  [cyan]{escape(code)}[/]", soft_wrap=True)

    async def until(self, there: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is there."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await there():
                self.stage.check()
                await asyncio.sleep(LOOK_SECONDS)

    async def insert(self, kind: str, params: dict[str, Any], **columns: object) -> int:
        """Insert a job as the CMS would, and show the statement."""
        values = {"type": kind, "params": params, **columns}
        shown = "insert into xmp_jobs ({}) values ({});"
        self.show(shown.format(", ".join(values), ", ".join(map(_literal, values.values()))))
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        places = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        cursor = await self.connection.execute(
            sql.SQL("insert into public.xmp_jobs ({}) values ({}) returning id").format(names, places),
            [Jsonb(value) if isinstance(value, dict) else value for value in values.values()],
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def call(self, path: str, **parameters: object) -> str:
        """Call HTTP as the CMS would, and show the call and its answer."""
        response = await self._answered("GET", path, params={name: str(value) for name, value in parameters.items()})
        self.show(f"curl '{response.request.url}'")
        self.console.print(f"  [dim]{response.status_code}[/] {escape(_shortened(response.text))}", soft_wrap=True)
        if not response.is_success:
            raise ServicesError(f"{path} answered {response.status_code}: {response.text}", "report this, please")
        return response.text

    async def send(self, method: str, path: str, body: object) -> Any:
        """Send JSON as a client of a door would, show the call and its answer, and read it."""
        written = json.dumps(body)
        response = await self._answered(method, path, json=body)
        self.show(f"curl -X {method} '{response.request.url}' -H 'Content-Type: application/json' -d '{written}'")
        self.console.print(f"  [dim]{response.status_code}[/] {escape(response.text)}", soft_wrap=True)
        if not response.is_success:
            raise ServicesError(f"{path} answered {response.status_code}: {response.text}", "report this, please")
        return response.json()

    async def asked(
        self, path: str, ends: Callable[[Any], bool], shown: Callable[[Any], Any] = lambda said: said
    ) -> Any:
        """Ask the same again and again until the answer is the last one, and show that."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ends(said := (response := await self._answered("GET", path)).json()):
                self.stage.check()
                await asyncio.sleep(LOOK_SECONDS)
        self.show(f"curl '{response.request.url}'")
        self.console.print(f"  [dim]{response.status_code}[/] {escape(json.dumps(shown(said)))}", soft_wrap=True)
        return said

    async def value(self, query: str) -> Any:
        """The value that a query of the connection returns."""
        return await db.value(self.connection, query)

    async def _answered(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self.http.request(method, path, **options)
        except httpx.HTTPError as error:
            self.stage.check()
            raise ServicesError(f"{path} was not answered: {error!r}", "report this, please") from error

    async def follow(self, job: int, until: float = 100.0) -> progress.Look:
        """Show the progress of a job to its end, or until so much of it is done."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with watch.screen(self.console) as screen:
                async for look in progress.looks(self.connection, job, LOOK_SECONDS):
                    screen.show(look)
                    self.stage.check()
                    if look.percent >= until:
                        break
        return look

    async def finish(self, job: int, *, dry_run: bool = False) -> progress.Look:
        """Show a job to its end, and remember it for the accounts."""
        look = await self.follow(job)
        self.ended.append((look, dry_run))
        self.say(look.counts)
        return look

    async def let_go(self, job: int) -> None:
        """Wait until the daemon has confirmed and logged what was in flight."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await progress.look_at(self.connection, job)).owner is not None:  # noqa: ASYNC110 not our event
                await asyncio.sleep(LOOK_SECONDS)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{json.dumps(value) if isinstance(value, dict) else value}'"


def _shortened(answer: str) -> str:
    """Of a job only what says how it stands."""
    job = json.loads(answer)
    if not isinstance(job, dict):
        return answer
    shown = {"id": job["id"], "status": job["status"]}
    shown |= {name: job["progress"][name] for name in ("considered", "sent", "skipped", "percent")}
    if job["status"] == "canceled":
        shown["why"] = job["why"]
    return json.dumps(shown)[:-1] + ", …}"
