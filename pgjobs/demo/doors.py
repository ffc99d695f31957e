"""A scene for each further door: a partner, a mailing, and an operation on devices; one agent answers all of them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pgjobs.demo.stage import Stage
from pgjobs.demo.told import Session
from pgjobs.lab.process import Child, ServicesError
from pgjobs.ops import entities
from pgjobs.settings import read_settings

AGENT = "doors"
ALIVE = "select count(*) = 1 from pgjobs.agent_status s where s.alive and s.name = 'doors'"
SUBMIT = "/pig/2.0/sub/93b09b7f-becd-4dd7-801d-80f0f45fa5ab/partner/exec/demo/json-rfq-import?body=json"
TAGS = ("VIP", "VIP", None)
DEVICES = 500


async def play(told: Session) -> None:
    """Every scene; raises where one does not end as it should."""
    await told.connection.execute((Path(__file__).parent / "sql" / "doors.sql").read_bytes())
    with running_agent(told.stage):
        await told.until(lambda: told.value(ALIVE))
        await partner(told)
        await mailing(told)
        await operation(told)


async def partner(told: Session) -> None:
    """A payload of three items, asked for by its GUID until it is processed."""
    told.chapter("Partner status: a partner submits a payload, and asks for its job by the GUID")
    made = await told.send("POST", SUBMIT, {"number": "RFQ-1", "items": [{"code": f"P-{n}"} for n in range(3)]})
    guid = made["rows"][0]["job_id"]
    row = await told.asked(f"/pig/1.0/partner/exec/{guid}/status", lambda said: said["rows"][0]["status_code"] != 202)
    _expect(row["rows"][0]["status_message"], "Processed")


async def mailing(told: Session) -> None:
    """Three clients, and a mailing to two of them."""
    told.chapter("Mailings: three clients, a mailing to those with a tag, and its statistics")
    for number, tag in enumerate(TAGS):
        known = {"phone": f"7821817321{number}", "operator_code": "821", "timezone": "Europe/Moscow"}
        await told.send("POST", "/api/v1/clients/", known | ({"tag": tag} if tag else {}))
    wanted = {
        "start_time": "2022-12-02T16:50:00Z",
        "text": "hello",
        "client_tag_filter": "VIP",
        "end_time": "2128-11-20",
    }
    made = await told.send("POST", "/api/v1/mailings/", wanted)
    seen = await told.asked(
        f"/api/v1/mailings/{made['id']}",
        lambda said: [each["status"] for each in said["message_data"]] not in ([], ["Pending"], ["Pending", "SENT"]),
    )
    _expect(seen["message_data"], [{"status": "SENT", "count": 2}])


async def operation(told: Session) -> None:
    """An operation on every device with a tag, out of a directory that was loaded from a file."""
    told.chapter(f"Operation jobs: a directory of {DEVICES:,} devices, and a job over those with a tag")
    file = told.stage.folder / "devices.csv"
    lines = (f"dev-{n},entity.device,{'north' if n % 2 else 'south'}\n" for n in range(1, DEVICES + 1))
    file.write_text("id,type,tags\n" + "".join(lines))
    told.show(f"pgjobs entities load {file}")
    loaded = await entities.load(read_settings(database_url=told.stage.database_url), file)
    told.say(f"{loaded['inserted']:,} entities are loaded")
    request = {"name": "REBOOT", "parameters": {"type": "HARDWARE"}, "target": {"append": {"tags": ["north"]}}}
    made = await told.send("POST", "/north/v80/operation/jobs", {"job": {"request": request}})
    seen = await told.asked(
        f"/north/v80/operation/jobs/{made['id']}",
        lambda said: said["job"]["report"]["summary"]["status"] == "FINISHED",
        lambda said: said["job"]["report"]["summary"],
    )
    _expect(seen["job"]["report"]["summary"]["finished"]["successful"], DEVICES // 2)


@contextlib.contextmanager
def running_agent(stage: Stage) -> Iterator[None]:
    """The agent that works on what comes through the doors."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")}
    child = Child(
        [sys.executable, "-m", "pgjobs.demo.agent", AGENT],
        log=stage.folder / f"agent-{AGENT}.log",
        env=environment | {"PGJOBS_AMQP_URL": stage.amqp_url},
        death_signal=signal.SIGTERM,
    )
    try:
        yield
    finally:
        child.end(signal.SIGTERM, 15)


def _expect(seen: Any, wanted: Any) -> None:
    if seen != wanted:
        raise ServicesError(f"{wanted!r} was expected, and {seen!r} was answered", "report this, please")
