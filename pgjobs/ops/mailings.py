"""What is known of mailings: the report of a day, and the log by mailing, message or client."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from pgjobs.pg import connection as db
from pgjobs.settings import Settings

PAGE = 1000


async def report(settings: Settings, day: date | None, *, as_json: bool) -> list[str]:
    """A line for each mailing that ran on a day, and one for all of them."""
    async with await db.connect(settings.database_url, "mailings") as connection:
        await db.check_schema(connection)
        text = await db.value(connection, "select pgjobs.mailing_report(%s)", day)
    if as_json:
        return [text]
    said = json.loads(text)
    lines = [
        f"mailing {one['id']}{' (deleted)' if one['deleted'] else ''}, {one['start_time']} to {one['end_time']}:"
        f" {_counts(one)}{_late(one)}"
        for one in said["mailings"]
    ]
    return [*lines, f"{said['day']}, mailings: {len(lines)}, messages that came to an end: {_counts(said)}"]


async def log(settings: Settings, mailing: int | None, message: str, client: int | None) -> list[str]:
    """The log of a mailing, of a message, or of the messages to a client: a JSON object a line."""
    async with await db.connect(settings.database_url, "mailings") as connection:
        await db.check_schema(connection)
        if message:
            return [await db.value(connection, "select pgjobs.message_log(%s, true)", message)]
        lines: list[str] = []
        place: int | None = None
        call = f"select pgjobs.mailing_log(%s, %s, {PAGE}, true)"
        if mailing is None:
            call = "select pgjobs.client_log(%s, %s, true)"
        while True:
            asked = mailing if client is None else client
            page: dict[str, Any] = json.loads(await db.value(connection, call, asked, place))
            if mailing is not None and not lines:
                lines.append(json.dumps({name: page[name] for name in page if name not in ("messages", "next")}))
            lines += [json.dumps(one) for one in page["messages"]]
            place = page["next"]
            if place is None:
                return lines


def _late(one: dict[str, Any]) -> str:
    return f"; sent late {one['sent_late']}" if one["sent_late"] else ""


def _counts(said: dict[str, Any]) -> str:
    return ", ".join(f"{row['status']} {row['count']}" for row in said["message_data"]) or "none"
