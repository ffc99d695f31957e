"""`pgjobs demo`: servers, sample, daemon and web come up, users do what users do, and the accounts are compared.

Ends with code 0 only if queue, log and SQL agree for every job.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console
from rich.markup import escape

from pgjobs.demo import agents, doors, report
from pgjobs.demo.proof import Account, read_log, read_queue
from pgjobs.demo.stage import FULL_SIZE, INJECTION_FILE, JOBS_QUEUE, SUSPENDED_QUEUE, Stage, running_stage
from pgjobs.demo.told import PATIENCE_SECONDS, Session
from pgjobs.lab.process import ServicesError
from pgjobs.ops import progress
from pgjobs.pg import connection as db

HALF = 45.0


def run(*, keep: bool = False, retries: int = FULL_SIZE) -> int:
    """Show everything; 0 when the accounts agree, 1 when they do not, 130 after Ctrl-C."""
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
        self._told: Session

    async def play(self) -> list[str]:
        """Play it; the answer is where the accounts differ."""
        async with (
            await db.connect(self._stage.database_url, "demo") as connection,
            httpx.AsyncClient(base_url=self._stage.http_url, timeout=60) as http,
        ):
            self._told = Session(self._stage, self._console, connection, http)
            await self._expired_by_sql()
            await self._injection_by_http()
            await self._stopped_and_resumed()
            await self._dry_run()
            published = await self._suspended()
            lost = await self._with_agents()
            await doors.play(self._told)
            return lost + await self._compare(published)

    async def _expired_by_sql(self) -> None:
        self._told.chapter("An expired job, started by SQL: ten days of January, nobody who has ever paid")
        params = {"date_from": "2017-01-10", "date_to": "2017-01-20", "never": 1}
        await self._told.finish(await self._told.insert("expired", params))

    async def _injection_by_http(self) -> None:
        self._told.chapter("An injection job, inserted by the CMS and started by HTTP")
        params = {"service_id": 421, "campaign_id": 290, "never": 1}
        job = await self._told.insert("injection", params, file_name=INJECTION_FILE, active=False)
        await self._told.call("/jobs/start", id=job)
        await self._told.finish(job)
        cursor = await self._told.connection.execute(
            "select reason, records from pgjobs.job_outcomes where job_id = %s and action = 'skip' order by 2 desc",
            (job,),
        )
        outcomes = " · ".join(f"{reason} {records:,}" for reason, records in await cursor.fetchall())
        self._told.say(f"why skipped: {escape(outcomes)}")

    async def _stopped_and_resumed(self) -> None:
        self._told.chapter("Every expired retry, newest first; stopped half-way and resumed, both by HTTP")
        job = await self._told.insert("expired", {"order": "desc"}, run_at="2037-01-01")
        await self._told.call("/jobs/start", id=job)
        await self._told.follow(job, until=HALF)
        await self._told.call("/jobs/stop", id=job)
        await self._told.let_go(job)
        await self._told.call("/jobs/status", id=job)
        await self._told.call("/jobs/resume", id=job)
        look = await self._told.finish(job)
        distinct = await db.value(
            self._told.connection, "select count(distinct msisdn) from public.xmp_retries_expired"
        )
        self._told.say(f"every msisdn once, the stop notwithstanding: {distinct:,} of them are in the table")
        if look.sent != distinct:
            raise ServicesError(
                f"job {job} sent {look.sent:,} messages for {distinct:,} msisdns", "report this, please"
            )

    async def _dry_run(self) -> None:
        self._told.chapter("A dry run: selects, checks, logs and counts the same, and publishes nothing")
        before = await asyncio.to_thread(report.depth, self._stage.amqp_url, JOBS_QUEUE)
        params = {"last_charge_at": "2017-01-15", "service_id": 422, "dry_run": True}
        await self._told.finish(await self._told.insert("expired", params), dry_run=True)
        after = await asyncio.to_thread(report.depth, self._stage.amqp_url, JOBS_QUEUE)
        self._told.say(f"queue {JOBS_QUEUE}: {before:,} messages before, {after:,} after")

    async def _suspended(self) -> int:
        self._told.chapter("Suspended subscriptions: published at once, never in the history of jobs")
        return int(await self._told.call("/api", limit=1000, hours=1))

    async def _with_agents(self) -> list[str]:
        self._told.chapter(
            "A tracked job: each record is closed by the answer of an agent; one of two agents is killed"
        )
        await self._told.connection.execute((Path(__file__).parent / "sql" / "unit.sql").read_bytes())
        with agents.running_agents(self._stage) as (one, _):
            await self._told.until(lambda: db.value(self._told.connection, agents.ALIVE))
            job = await self._told.insert("unit", {"number": agents.ITEMS})
            await self._told.until(lambda: self._has_closed(job, agents.KILL_AT))
            one.end(signal.SIGKILL, 5)
            look = await progress.look_at(self._told.connection, job)
            self._told.say(f"agent one is killed: {look.closed:,} of {agents.ITEMS:,} items are closed")
            await self._told.follow(job)
        found = await agents.answered(self._told.connection, job)
        self._told.say(f"{found.words}")
        return [f"job {job}: {found.lost:,} items have no good answer"] if found.lost else []

    async def _has_closed(self, job: int, number: int) -> bool:
        return ((await progress.look_at(self._told.connection, job)).closed or 0) >= number

    async def _compare(self, published: int) -> list[str]:
        """Read the three accounts, show them, and say where they differ."""
        self._told.chapter("The accounts: what SQL counted, what the logs say, what lies in the queue")
        queue = await asyncio.to_thread(read_queue, self._stage.amqp_url, JOBS_QUEUE)
        suspended = await asyncio.to_thread(read_queue, self._stage.amqp_url, SUSPENDED_QUEUE)
        accounts = []
        for look, dry_run in self._told.ended:
            log = await asyncio.to_thread(read_log, self._stage.folder / "logs" / str(look.log_path))
            accounts.append(Account(look, dry_run, log, queue.records.get(look.id, [])))
        differences = [words for account in accounts for words in account.differences]
        strangers = queue.records.keys() - {look.id for look, _ in self._told.ended}
        if strangers:
            differences.append(f"the queue holds messages of other jobs: {sorted(map(str, strangers))}")
        if suspended.depth != published:
            differences.append(f"/api answered {published:,}, queue {SUSPENDED_QUEUE} holds {suspended.depth:,}")
        report.compared(self._console, accounts, queue, (published, suspended))
        await report.status(self._console, self._told.connection)
        report.message(self._console, queue)
        report.log_lines(self._console, accounts[1].look)
        await report.metrics(self._console, self._told.http)
        return differences


def _tell_step(console: Console, words: str, seconds: float) -> None:
    console.print(f"  [green]✓[/] {escape(words)}  [dim]{seconds:.1f} s[/]")


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
