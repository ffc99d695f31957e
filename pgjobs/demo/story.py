"""`pgjobs demo`: servers, sample, daemon and web come up, users do what users do, and the books are compared.

Ends with code 0 only if queue, log and SQL agree for every job.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from psycopg import sql
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.markup import escape

from pgjobs.demo import agents, report
from pgjobs.demo.proof import Account, read_log, read_queue
from pgjobs.demo.stage import FULL_SIZE, INJECTION_FILE, JOBS_QUEUE, SUSPENDED_QUEUE, Stage, running_stage
from pgjobs.lab.process import ServicesError
from pgjobs.ops import watch
from pgjobs.pg import connection as db

HALF = 45.0
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 300.0


def run(*, keep: bool = False, retries: int = FULL_SIZE) -> int:
    """Show everything; 0 when the books agree, 1 when they do not, 130 after Ctrl-C."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    began = time.monotonic()
    console.print("\n[bold]pgjobs[/] · a bulk job engine on PostgreSQL and RabbitMQ\n")
    try:
        with _terminable(), running_stage(lambda *step: _tell_step(console, *step), retries) as stage:
            story = Story(stage, console)
            differences = asyncio.run(story.play())
            report.verdict(console, differences, time.monotonic() - began)
            if keep:
                report.addresses(console, stage)
                _wait_for_interrupt(stage, console)
    except TimeoutError:
        sentence = f"a job was not done within {PATIENCE_SECONDS:g} s"
        raise ServicesError(sentence, "try again when the machine has less to do, or report this") from None
    except KeyboardInterrupt:
        console.print("\n  stopped; everything the demo started is gone")
        return 130
    return 1 if differences else 0


class Story:
    """The jobs, one after another, as their users see them."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console
        self._connection: db.Connection
        self._http: httpx.AsyncClient
        self._ended: list[tuple[watch.Look, bool]] = []

    async def play(self) -> list[str]:
        """Play it; the answer is where the books differ."""
        async with (
            await db.connect(self._stage.database_url, "demo") as self._connection,
            httpx.AsyncClient(base_url=self._stage.http_url, timeout=60) as self._http,
        ):
            await self._expired_by_sql()
            await self._injection_by_http()
            await self._stopped_and_resumed()
            await self._dry_run()
            published = await self._suspended()
            lost = await self._with_agents()
            return lost + await self._compare(published)

    async def _expired_by_sql(self) -> None:
        self._chapter("An expired job, started by SQL: ten days of January, nobody who has ever paid")
        params = {"date_from": "2017-01-10", "date_to": "2017-01-20", "never": 1}
        await self._finish(await self._insert("expired", params))

    async def _injection_by_http(self) -> None:
        self._chapter("An injection job, inserted by the CMS and started by HTTP")
        params = {"service_id": 421, "campaign_id": 290, "never": 1}
        job = await self._insert("injection", params, file_name=INJECTION_FILE, active=False)
        await self._call("/jobs/start", id=job)
        await self._finish(job)
        cursor = await self._connection.execute(
            "select reason, records from pgjobs.job_outcomes where job_id = %s and action = 'skip' order by 2 desc",
            (job,),
        )
        outcomes = " · ".join(f"{reason} {records:,}" for reason, records in await cursor.fetchall())
        self._console.print(f"  why skipped: {escape(outcomes)}")

    async def _stopped_and_resumed(self) -> None:
        self._chapter("Every expired retry, newest first; stopped half-way and resumed, both by HTTP")
        job = await self._insert("expired", {"order": "desc"}, run_at="2037-01-01")
        await self._call("/jobs/start", id=job)
        await self._follow(job, until=HALF)
        await self._call("/jobs/stop", id=job)
        await self._let_go(job)
        await self._call("/jobs/status", id=job)
        await self._call("/jobs/resume", id=job)
        look = await self._finish(job)
        distinct = await db.value(self._connection, "select count(distinct msisdn) from public.xmp_retries_expired")
        self._console.print(f"  every msisdn once, the stop notwithstanding: {distinct:,} of them are in the table")
        if look.sent != distinct:
            raise ServicesError(
                f"job {job} sent {look.sent:,} messages for {distinct:,} msisdns", "report this, please"
            )

    async def _dry_run(self) -> None:
        self._chapter("A dry run: selects, checks, logs and counts the same, and publishes nothing")
        before = await asyncio.to_thread(report.depth, self._stage.amqp_url, JOBS_QUEUE)
        params = {"last_charge_at": "2017-01-15", "service_id": 422, "dry_run": True}
        await self._finish(await self._insert("expired", params), dry_run=True)
        after = await asyncio.to_thread(report.depth, self._stage.amqp_url, JOBS_QUEUE)
        self._console.print(f"  queue {JOBS_QUEUE}: {before:,} messages before, {after:,} after")

    async def _suspended(self) -> int:
        self._chapter("Suspended subscriptions: published at once, never in the history of jobs")
        return int(await self._call("/api", limit=1000, hours=1))

    async def _with_agents(self) -> list[str]:
        self._chapter("A tracked job: each record is closed by the answer of an agent; one of two agents is killed")
        await self._connection.execute((Path(__file__).parent / "sql" / "unit.sql").read_bytes())
        with agents.running_agents(self._stage) as (one, _):
            await self._until(lambda: db.value(self._connection, agents.ALIVE))
            job = await self._insert("unit", {"number": agents.ITEMS})
            await self._until(lambda: self._has_closed(job, agents.KILL_AT))
            one.end(signal.SIGKILL, 5)
            look = await watch.look_at(self._connection, job)
            self._console.print(f"  agent one is killed: {look.closed:,} of {agents.ITEMS:,} items are closed")
            await self._follow(job)
        found = await agents.answered(self._connection, job)
        self._console.print(f"  {found.words}")
        return [f"job {job}: {found.lost:,} items have no good answer"] if found.lost else []

    async def _has_closed(self, job: int, number: int) -> bool:
        return ((await watch.look_at(self._connection, job)).closed or 0) >= number

    async def _until(self, there: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await there():
                self._stage.check()
                await asyncio.sleep(LOOK_SECONDS)

    async def _compare(self, published: int) -> list[str]:
        """Read the three books, show them, and say where they differ."""
        self._chapter("The books: what SQL counted, what the logs say, what lies in the queue")
        queue = await asyncio.to_thread(read_queue, self._stage.amqp_url, JOBS_QUEUE)
        suspended = await asyncio.to_thread(read_queue, self._stage.amqp_url, SUSPENDED_QUEUE)
        accounts = []
        for look, dry_run in self._ended:
            log = await asyncio.to_thread(read_log, self._stage.folder / "logs" / str(look.log_path))
            accounts.append(Account(look, dry_run, log, queue.records.get(look.id, [])))
        differences = [words for account in accounts for words in account.differences]
        strangers = queue.records.keys() - {look.id for look, _ in self._ended}
        if strangers:
            differences.append(f"the queue holds messages of other jobs: {sorted(map(str, strangers))}")
        if suspended.depth != published:
            differences.append(f"/api answered {published:,}, queue {SUSPENDED_QUEUE} holds {suspended.depth:,}")
        report.books(self._console, accounts, queue, (published, suspended))
        await report.status(self._console, self._connection)
        report.message(self._console, queue)
        report.log_lines(self._console, accounts[1].look)
        await report.heartbeat(self._connection)
        report.metrics(self._console, (await self._http.get("/metrics")).text)
        return differences

    async def _insert(self, kind: str, params: dict[str, Any], **columns: object) -> int:
        """Insert a job as the CMS would, and show the statement."""
        values = {"type": kind, "params": params, **columns}
        shown = "insert into xmp_jobs ({}) values ({});"
        self._show(shown.format(", ".join(values), ", ".join(map(_literal, values.values()))))
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        places = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        cursor = await self._connection.execute(
            sql.SQL("insert into public.xmp_jobs ({}) values ({}) returning id").format(names, places),
            [Jsonb(value) if isinstance(value, dict) else value for value in values.values()],
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _call(self, path: str, **parameters: object) -> str:
        """Call HTTP as the CMS would, and show the call and its answer."""
        try:
            response = await self._http.get(path, params={name: str(value) for name, value in parameters.items()})
        except httpx.HTTPError as error:
            self._stage.check()
            raise ServicesError(f"{path} was not answered: {error!r}", "report this, please") from error
        self._show(f"curl '{response.request.url}'")
        self._console.print(f"  [dim]{response.status_code}[/] {escape(_shortened(response.text))}", soft_wrap=True)
        if not response.is_success:
            raise ServicesError(f"{path} answered {response.status_code}: {response.text}", "report this, please")
        return response.text

    async def _follow(self, job: int, until: float = 100.0) -> watch.Look:
        """Show the progress of a job to its end, or until so much of it is done."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with watch.screen(self._console) as screen:
                async for look in watch.looks(self._connection, job, LOOK_SECONDS):
                    screen.show(look)
                    self._stage.check()
                    if look.percent >= until:
                        break
        return look

    async def _finish(self, job: int, *, dry_run: bool = False) -> watch.Look:
        look = await self._follow(job)
        self._ended.append((look, dry_run))
        self._console.print(f"  {look.counts}")
        return look

    async def _let_go(self, job: int) -> None:
        """Wait until the daemon has confirmed and logged what was in flight."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await watch.look_at(self._connection, job)).owner is not None:  # noqa: ASYNC110 not our event
                await asyncio.sleep(LOOK_SECONDS)

    def _chapter(self, title: str) -> None:
        self._console.print(f"\n[bold cyan]▌[/] [bold]{title}[/]")

    def _show(self, code: str) -> None:
        self._console.print(f"  [cyan]{escape(code)}[/]", soft_wrap=True)


def _tell_step(console: Console, words: str, seconds: float) -> None:
    console.print(f"  [green]✓[/] {escape(words)}  [dim]{seconds:.1f} s[/]")


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


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM takes everything down like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_for_interrupt(stage: Stage, console: Console) -> None:
    """Keep everything; whoever ends the daemon, to start one with other settings, ends nothing else."""
    left = list(stage.children)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for child in [each for each in left if not each.running]:
                left.remove(child)
                console.print(f"  the {child.log.stem} has ended; everything else keeps running")
            time.sleep(1)
