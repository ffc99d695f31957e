"""What a status call costs: one statement in one round trip to the database, and nothing that is not shown."""

import asyncio
import os
import tempfile
from typing import Any

import psycopg
import pytest
from fix_jobs import Db, job_in
from fix_web import Web

from pgjobs.web.joined import SMALL, Joined

MAILING = {"start_time": "2037-01-01", "end_time": "2038-01-01", "text": "hello"}
TYPE = """
insert into xmp_job_types (name, selector, routing_key, format, tracked, reply_queue, params, doors)
values ('ping_device', 'pgjobs.operation_records', 'q', 'plain', true, 'r',
        '{parameters,resource_type,tags,filter,listed}', '{operations}')
"""
OPERATION = {"job": {"request": {"name": "PING_DEVICE", "active": False}}}
PATHS = {
    "cms": "/jobs/status?id={}",
    "partner": "/pig/1.0/partner/exec/{}/status",
    "mailings": "/api/v1/mailings/{}",
    "operations": "/north/v80/operation/jobs/{}",
}
STATEMENTS = {
    "cms": "select pgjobs.show_job({})",
    "partner": "select pgjobs.partner_job('{}', '', true)",
    "mailings": "select pgjobs.mailing_statistics({})",
    "operations": "select pgjobs.show_operation_job('{}')",
}
UNTIL_KEPT = 6
"""The server plans a statement of a function five times with the values it is called with before it keeps a plan."""


@pytest.fixture
def asked(web: Web, db: Db) -> dict[str, object]:
    """What the status call of each door asks for: a job that waits, by the id that the door knows it by."""
    db.execute(TYPE)
    job = job_in(db, "ready")
    return {
        "cms": job,
        "partner": db.value("select pgjobs.guid_of(id, guid) from xmp_jobs where id = %s", job),
        "mailings": web.post("/api/v1/mailings/", json=MAILING).json()["id"],
        "operations": web.post("/north/v80/operation/jobs", json=OPERATION).json()["id"],
    }


def sent(web: Web, path: str) -> list[str]:
    """The messages of the protocol that the web process sends to the database while it answers."""
    web.get(path)
    (idle,) = web.app.state.database._idle
    with tempfile.TemporaryFile() as trace:
        idle.pgconn.trace(trace.fileno())
        assert 200 == web.get(path).status_code
        idle.pgconn.untrace()
        os.lseek(trace.fileno(), 0, os.SEEK_SET)
        lines = [line.split("\t") for line in trace.read().decode().splitlines()]
    return [line[3] for line in lines if line[1] == "F"]


@pytest.mark.parametrize("door", PATHS)
def test_a_status_call_is_one_statement(web: Web, asked: dict[str, object], door: str) -> None:
    """A status call of any door is one statement in one round trip: no check before it, no transaction around it."""
    assert ["Parse", "Bind", "Describe", "Execute", "Sync"] == sent(web, PATHS[door].format(asked[door]))


def planned(db: Db, statement: str) -> list[str]:
    """Where the server plans while it runs a statement; "" is the statement itself."""
    places: list[str] = []

    def note(said: psycopg.errors.Diagnostic) -> None:
        if said.message_primary == "PLANNER STATISTICS":
            places.append(said.context or "")

    db.add_notice_handler(note)
    with db.transaction():
        db.execute("set local client_min_messages = log")
        db.execute("set local log_planner_stats = on")
        db.execute(statement.encode(), prepare=False)
    db.remove_notice_handler(note)
    return places


@pytest.mark.parametrize(
    ("door", "statement"),
    [
        *STATEMENTS.items(),
        *(("cms", f"select pgjobs.{name}({{}})") for name in ("job_report", "page_outcomes", "page_log")),
        ("cms", "select pgjobs.page_progress(array[{}]::bigint[])"),
        ("mailings", "select pgjobs.mailing_log({}, null, 50)"),
        ("operations", "select pgjobs.list_operations('{}', 1, 10)"),
    ],
)
def test_what_is_asked_of_one_job_plans_nothing_anew(
    db: Db, asked: dict[str, object], door: str, statement: str
) -> None:
    """The plans within the functions are kept: to make one costs several times as much as to run it."""
    statement = statement.format(asked[door])
    for _ in range(UNTIL_KEPT):
        db.execute(statement.encode())
    assert [""] == planned(db, statement)


@pytest.mark.parametrize("door", ["partner", "operations"])
def test_the_state_of_a_job_is_looked_up_once(db: Db, asked: dict[str, object], door: str) -> None:
    """A status call of a door that shows the state in several places looks it up for all of them."""
    db.execute("set track_functions = 'all'")
    db.execute(STATEMENTS[door].format(asked[door]).encode())
    assert 1 == db.value("select calls from pg_stat_xact_user_functions where funcname = 'job_state'")


def called(db: Db, statement: str) -> set[str]:
    """The functions that a statement calls, inlined ones left out."""
    with db.transaction():
        db.execute("set local track_functions = 'all'")
        db.execute(statement.encode())
        return set(db.column("select funcname from pg_stat_xact_user_functions where calls > 0"))


@pytest.mark.parametrize("status", ["ready", "canceled", "done", "error"])
def test_of_a_job_that_does_not_run_no_end_is_computed(db: Db, status: str) -> None:
    """Neither what its run would have to do nor whether anything stands still is asked of a job that does not run."""
    job = job_in(db, status)
    assert {"show_job", "jobs_json", "why"} <= (calls := called(db, f"select pgjobs.show_job({job})"))
    assert set() == calls & {"orders", "standstill_reason", "eta", "job_json", "need_job"}


def test_of_a_job_that_runs_its_end_is_computed(db: Db) -> None:
    """Of a job in progress both are asked: its end depends on them."""
    job = job_in(db, "in progress")
    db.execute("update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + interval '1 h'")
    assert {"orders", "standstill_reason"} <= called(db, f"select pgjobs.show_job({job})")


class Pieces(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: Any) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        self.pieces.append(b"closed")


@pytest.fixture
def pieces() -> Pieces:
    return Pieces()


def test_head_and_body_leave_together(pieces: Pieces) -> None:
    """A head is sent with the body behind it; large pieces are not copied to join them."""

    async def write() -> None:
        joined = Joined(pieces, asyncio.get_running_loop())
        for piece in (b"head", b"", b"body", b"x" * (SMALL + 1), b"y" * (SMALL + 1)):
            joined.write(piece)

    asyncio.run(write())
    assert [b"headbody", b"x" * (SMALL + 1), b"y" * (SMALL + 1)] == pieces.pieces


def test_a_piece_waits_for_no_other(pieces: Pieces) -> None:
    """Without a body the head leaves in the same turn of the event loop, and before the connection is closed."""

    async def write() -> None:
        joined = Joined(pieces, asyncio.get_running_loop())
        joined.write(b"event")
        assert [] == pieces.pieces
        await asyncio.sleep(0)
        assert [b"event"] == pieces.pieces
        joined.write(b"last")
        joined.close()

    asyncio.run(write())
    assert [b"event", b"last", b"closed"] == pieces.pieces
