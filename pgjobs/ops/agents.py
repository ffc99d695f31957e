"""Show who works on tracked jobs: a line for each agent, or all of them as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from pgjobs.pg import connection as db
from pgjobs.settings import Settings

COLUMNS = ("name", "state", "holds", "types", "where", "seen", "about")
STATUS = "select s.*, clock_timestamp() - s.seen_at as silent from pgjobs.agent_status s order by s.name"


async def listed(settings: Settings, *, as_json: bool) -> list[str]:
    """The agents by name, those that live and those that were heard of within a day."""
    async with await db.connect(settings.database_url, "agents") as connection:
        await db.check_schema(connection)
        cursor = connection.cursor(row_factory=dict_row)
        rows = await (await cursor.execute(STATUS.encode())).fetchall()
    if as_json:
        return [json.dumps([{name: _plain(row[name]) for name in row if name != "silent"} for row in rows])]
    if not rows:
        return ["there is no agent"]
    cells = [COLUMNS, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    doing = "in trouble" if row["trouble"] else "alive"
    remark = row["trouble"] or row["about"] or ""
    state = doing if row["alive"] else "has left" if row["leaving"] else "silent" if row["seen_at"] else "never seen"
    where = f"{row['host'] or '?'}:{row['pid'] or '?'}" if row["seen_at"] else "-"
    silent = f"{row['silent'].total_seconds():.0f} s ago" if row["seen_at"] else "-"
    said = (row["name"], state, str(row["holds"]), ", ".join(row["types"]) or "-", where, silent, remark)
    return tuple("".join(sign if sign.isprintable() else "?" for sign in text) for text in said)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
