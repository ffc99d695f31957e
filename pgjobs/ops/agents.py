"""Show who works on tracked jobs: a line for each agent, or all of them as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from pgjobs.ops.printed import Column, table, width
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

COLUMNS = (
    Column("name", wraps=True),
    Column("state", tinted=True),
    Column("holds", right=True),
    Column("types", wraps=True),
    Column("where", wraps=True),
    Column("seen"),
    Column("about", wraps=True),
)
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
    return table(COLUMNS, map(_cells, rows), width())


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    doing = "in trouble" if row["trouble"] else "alive"
    remark = row["trouble"] or row["about"]
    state = doing if row["alive"] else "has left" if row["leaving"] else "silent" if row["seen_at"] else "never seen"
    where = f"{row['host'] or '?'}:{row['pid'] or '?'}" if row["seen_at"] else "-"
    silent = f"{row['silent'].total_seconds():.0f} s ago" if row["seen_at"] else "-"
    return row["name"], state, row["holds"], ", ".join(row["types"]), where, silent, remark


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
