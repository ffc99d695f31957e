"""The words that the log has for codes: they are the database's, and the same as long as the process lives."""

from __future__ import annotations

from pgjobs.joblog.format import LogFormat
from pgjobs.pg import connection as db

_known: list[LogFormat] = []


async def log_format(connection: db.Connection) -> LogFormat:
    """The format of log lines. The words are asked for once: they change with the version alone."""
    if not _known:
        cursor = await connection.execute("select code, words, before_detail from pgjobs.record_codes()")
        _known.append(LogFormat([(code, words, before) for code, words, before in await cursor.fetchall()]))
    return _known[0]
