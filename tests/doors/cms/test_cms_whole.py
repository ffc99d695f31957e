"""A CMS that speaks HTTP only: it uploads a list, creates a job, follows its log and counts its outcomes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from fix_daemon import Engine
from fix_web import WebProcess

from pgjobs.lab.roles import member_url

GOOD = [f"92300{number:07}" for number in range(300)]
LIST = "\n".join(["msisdn;name", *GOOD, GOOD[7] + ";again", "911234567890", ""]).encode()


@pytest.fixture
def web(engine: Engine) -> Iterator[WebProcess]:
    """The web process beside an engine, with its folders."""
    settings = {
        "database_url": member_url(engine.database_url, "pgjobs_web"),
        "injections_dir": str(engine.injections_dir),
        "injection_settle_seconds": "1",
    }
    with WebProcess(**settings) as running:
        yield running


def test_a_list_becomes_messages_by_http_alone(engine: Engine, web: WebProcess) -> None:
    """An uploaded list is sent as soon as it has settled, although its job was there before; log, outcomes, events and
    progress tell the same, by HTTP as by SQL and on disk."""
    engine.execute("insert into xmp_services (id, price) values (290, 5)")
    engine.start(injection_settle_seconds=1)
    given = {
        "type": "injection",
        "file_name": "list.csv.gz",
        "params": {"service_id": 290},
        "active": False,
        "id_user": 7,
    }
    made = web.client.post("/jobs", json=given)
    assert 201 == made.status_code
    where = made.headers["location"]
    uploaded = web.client.put("/files/list.csv.gz", content=gzip.compress(LIST))
    assert (201, True) == (uploaded.status_code, 0 <= uploaded.json()["readable_in_seconds"] <= 1)
    assert 409 == web.client.put("/files/list.csv.gz", content=LIST).status_code
    changed = web.client.patch(where, json={"active": True, "priority": 9}, headers={"If-Match": made.headers["etag"]})
    assert 200 == changed.status_code
    job = made.json()["id"]
    engine.wait_status(job, "done")

    shown = web.client.get(where).json()
    assert ("done", 303, 300, 3) == (
        shown["status"],
        *(shown["progress"][name] for name in ("considered", "sent", "skipped")),
    )
    outcomes = web.client.get(f"{where}/outcomes").json()
    assert 303 == sum(outcome["records"] for outcome in outcomes)
    assert ("sent", None, 300) == tuple(outcomes[0][name] for name in ("action", "code", "records"))
    assert {"duplicate": 1, "wrong_prefix": 1} == {
        outcome["code"]: outcome["records"] for outcome in outcomes[1:] if outcome["code"] != "too_short"
    }
    log = web.client.get(f"{where}/log").content
    assert (engine.log_dir / shown["log_path"]).read_bytes() == log
    assert 303 == log.count(b"\n")
    (sent, again) = web.client.get(f"{where}/log?msisdn={GOOD[7]}").text.splitlines()
    assert f"msg={GOOD[7]} action=sent" in sent
    assert f'msg="{GOOD[7]};again" action=skip error=duplicate' in again
    assert "done" == web.client.get(f"{where}/events").json()[-1]["to_status"]
    assert 300 == len(engine.drain())


def test_a_log_is_followed_while_its_job_runs(engine: Engine, web: WebProcess) -> None:
    """Read from offset to offset while the daemon writes, paused and changed in between, the log comes whole, line by
    line, and never more of it than was committed."""
    engine.add_retries(2000)
    job = web.client.post("/jobs", json={"type": "expired", "rate": 300}).json()["id"]
    engine.start()
    followed, at, paused = b"", "0", False
    engine.wait_considered(job, 1)
    while True:
        status = web.client.get(f"/jobs/{job}").json()["status"]
        answer = web.client.get(f"/jobs/{job}/log", params={"offset": at, "limit": 50})
        assert 200 == answer.status_code
        assert answer.content[-1:] in (b"", b"\n")
        followed, at = followed + answer.content, answer.headers["x-next-offset"]
        committed = engine.value("select sum(bytes)::bigint from pgjobs.job_logs where job_id = %s", job)
        assert len(followed) <= committed
        if followed.count(b"\n") > 200 and not paused:
            assert web.client.get(f"/jobs/pause?id={job}").json()["active"] is False
            assert 200 == web.client.patch(f"/jobs/{job}", json={"rate": None, "active": True}).status_code
            paused = True
        if status == "done" and not answer.content:
            break
    assert web.client.get(f"/jobs/{job}/log").content == followed
    assert 2000 == followed.count(b"\n")
