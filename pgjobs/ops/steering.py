"""Start, stop, pause, resume and cancel jobs: each by the function that HTTP calls as well, and each for itself."""

from __future__ import annotations

import json

import psycopg

from pgjobs.errors import refusal
from pgjobs.ops.printed import harmless, say
from pgjobs.pg import connection as db
from pgjobs.process import complain, said_by_database
from pgjobs.settings import Settings
from pgjobs.words import visible

CALLS = {
    "start": "select pgjobs.start_job(%s)::text",
    "stop": "select pgjobs.stop_job(%s)::text",
    "pause": "select pgjobs.pause_job(%s)::text",
    "resume": "select pgjobs.resume_job(%s)::text",
}


async def steer(settings: Settings, verb: str, jobs: list[int], *, as_json: bool) -> int:
    """Do it to each of these jobs; 1 where one of them was refused, with a sentence for each of those."""
    code = 0
    async with await db.connect(settings.database_url, verb) as connection:
        await db.check_schema(connection)
        for job in dict.fromkeys(jobs):
            try:
                said = await db.value(connection, CALLS[verb], job)
            except psycopg.Error as error:
                if refusal(error) is None:
                    raise
                complain(*said_by_database(error))
                code = 1
            else:
                say([harmless(said) if as_json else line_of(said)])
    return code


def line_of(said: str) -> str:
    """A job as one line: its number, its status, what is remarked of it, and why it does not move."""
    job = json.loads(said)
    return f"job {job['id']} · {visible(' · '.join(filter(None, (job['status'], job.get('remark'), job['why']))))}"
