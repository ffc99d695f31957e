"""What the demo shows at its end: the accounts side by side, SQL, a message, log lines, metrics, and where to go on."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pika
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pgjobs.demo.proof import Account, Queue
from pgjobs.demo.stage import JOBS_QUEUE, SUSPENDED_QUEUE, Stage
from pgjobs.ops.progress import Look
from pgjobs.pg import connection as db

STATUS = """
select id, type, status, considered, sent, skipped, percent,
       round(extract(epoch from finish_at - started_at), 1) as seconds
from pgjobs.job_status order by id"""
METRICS = (
    "pgjobs_jobs{",
    "pgjobs_records_total{",
    "pgjobs_confirmed_total",
    "pgjobs_confirm_seconds_sum",
    "pgjobs_confirm_seconds_count",
    "pending_subscriptions_count",
    "blacklisted_count",
)
LINES = (b"action=sent", b"error=duplicate", b"error=Postpaid", b'error="Already', b'error="Not a', b'error="Too long')


def depth(amqp_url: str, queue: str) -> int:
    """How many messages lie in a queue."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)
    finally:
        connection.close()


def compared(console: Console, accounts: list[Account], queue: Queue, suspended: tuple[int, Queue]) -> None:
    """A line per job: what SQL counted, what the log says, what lies in the queue."""
    table = _table("", "sent: in SQL", "in the log", "in the queue", "skipped: in SQL", "in the log", "")
    for account in accounts:
        look = account.look
        agree = "[red]✗[/]" if account.differences else "[green]✓[/]"
        table.add_row(
            f"job {look.id} {look.type}{', dry run' if account.dry_run else ''}",
            *(f"{n:,}" for n in (look.sent, len(account.log.sent), len(account.queued))),
            *(f"{n:,}" for n in (look.skipped + look.returned, len(account.log.skipped))),
            agree,
        )
    published, answer = suspended
    agree = "[green]✓[/]" if published == answer.depth else "[red]✗[/]"
    table.add_row("/api", f"{published:,}", "", f"{answer.depth:,}", "", "", agree)
    console.print(table)
    counted = sum(account.look.sent for account in accounts if not account.dry_run)
    console.print(f"  queue {JOBS_QUEUE}: depth {queue.depth:,}, counters {counted:,}", end=" · ")
    console.print(f"queue {SUSPENDED_QUEUE}: depth {answer.depth:,}, answer {published:,}")


async def status(console: Console, connection: db.Connection) -> None:
    """The view of the DBAs."""
    _heading(console, "In SQL")
    for line in STATUS.strip().splitlines():
        console.print(f"  [cyan]{escape(line)}[/]", soft_wrap=True)
    cursor = await connection.execute(STATUS)
    names = [column.name for column in cursor.description or ()]
    table = _table(*names)
    for row in await cursor.fetchall():
        table.add_row(
            *("" if value is None else f"{value:,}" if isinstance(value, int) else str(value) for value in row)
        )
    console.print(table)


def message(console: Console, queue: Queue) -> None:
    """One message: properties and body."""
    if queue.example is None:
        return
    properties, body = queue.example
    _heading(console, "A message")
    shown = ("message_id", "type", "app_id", "content_type", "delivery_mode", "timestamp", "headers")
    console.print(f"  {escape(' · '.join(f'{name}={getattr(properties, name)}' for name in shown))}", soft_wrap=True)
    for line in json.dumps(json.loads(body), indent=2).splitlines():
        console.print(f"  [green]{escape(line)}[/]", soft_wrap=True)


def log_lines(console: Console, look: Look) -> None:
    """Some lines of a log, one of each kind."""
    _heading(console, f"The log of job {look.id}: a line per line of its file, whatever was in it")
    console.print(f"  {look.log_path}", soft_wrap=True)
    wanted = list(LINES)
    with Path(str(look.log_path)).open("rb") as lines:
        for line in lines:
            found = next((kind for kind in wanted if kind in line), None)
            if found:
                wanted.remove(found)
                console.print(f"  [yellow]{escape(line.decode().rstrip())}[/]", soft_wrap=True)


async def metrics(console: Console, http: httpx.AsyncClient) -> None:
    """A piece of what Prometheus reads from the web process and, where that says, from the daemon."""
    _heading(console, "A piece of /metrics of the web process and of the daemon")
    daemons = [address for group in (await http.get("/metrics/targets")).json() for address in group["targets"]]
    texts = [(await http.get(url)).text for url in ("/metrics", *(f"http://{each}/metrics" for each in daemons))]
    for line in "".join(texts).splitlines():
        if line.startswith(METRICS) and not line.endswith(" 0.0"):
            console.print(f"  [dim]{escape(line)}[/]", soft_wrap=True)


def verdict(console: Console, differences: list[str], seconds: float) -> None:
    """Whether the accounts agree, and what to try next."""
    console.print()
    if differences:
        console.print(f"[bold red]✗ queue, log and SQL do not agree[/] · {seconds:.0f} s")
        for words in differences:
            console.print(f"  [red]{escape(words)}[/]")
        return
    console.print(f"[bold green]✓ queue, log and SQL agree for every job[/] · {seconds:.0f} s")
    console.print(
        "\n  What to try next\n"
        "    make demo KEEP=1      the same, and everything keeps running: look around with psql and curl\n"
        "    pgjobs services       only the two private servers, for your own experiments\n"
        "    make test             the whole suite; it stops, kills and resumes real jobs\n"
        "    make bench            records per second, memory, and the time from commit to first message"
    )


def addresses(console: Console, stage: Stage) -> None:
    """Where everything is, while it is kept running."""
    url = stage.http_url
    database_url = _shown(stage.database_url, stage)
    # The daemon's role ends with the demo; on somebody else's server nobody else is told its password.
    daemon_url = stage.daemon_url if stage.private else database_url
    amqp_url = _shown(stage.amqp_url, stage)
    rows = (
        ("psql", f"psql '{database_url}'"),
        ("environment", f"export PGJOBS_DATABASE_URL='{daemon_url}'"),
        ("", f"export PGJOBS_AMQP_URL='{amqp_url}'"),
        ("", f"export PGJOBS_LOG_DIR='{stage.folder / 'logs'}'"),
        ("", f"export PGJOBS_INJECTIONS_DIR='{stage.folder / 'injections'}'"),
        ("the page", f"{url}/"),
        ("jobs", f"curl '{url}/jobs?limit=3'"),
        ("a job", f"curl '{url}/jobs/status?id=1'"),
        ("metrics", f"curl {url}/metrics"),
        ("a new job", "insert into xmp_jobs (type, params) values ('expired', '{\"count\": 1000}') returning id;"),
        ("watch it", "pgjobs watch 6"),
        ("check", "pgjobs doctor"),
        ("logs", f"{stage.folder / 'logs'}"),
        ("daemon, web", f"tail -f {stage.folder}/*.log"),
    )
    _heading(console, "Everything keeps running; Ctrl-C ends it and removes its files")
    for name, words in rows:
        console.print(f"  [dim]{name:<12}[/] {escape(words)}", soft_wrap=True)


def _heading(console: Console, title: str) -> None:
    console.print(f"\n[bold cyan]▌[/] [bold]{title}[/]")


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 2), header_style="dim")
    for name in names:
        left = name in ("", "type", "status")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    return table


def _shown(url: str, stage: Stage) -> str:
    """The whole address of a private server; of somebody else's one without its password."""
    parts = urlsplit(url)
    if stage.private or parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()
