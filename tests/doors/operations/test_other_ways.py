"""Operation jobs that others have made or changed: by SQL, by the CMS, by the engine."""

from typing import Any

import pytest
from fix_operations import Operations, error
from psycopg.types.json import Jsonb

from pgjobs.ops.tokens import make_token

NAMES = {"name": "REBOOT", "parameters": {"x": 1}, "active": False}


def refused(answer: Any) -> None:
    """It is refused because of the job's state."""
    assert (409, "0x020001", "active") == error(answer)


def test_a_job_that_was_inserted_by_sql_is_shown_and_steered(operations: Operations) -> None:
    """Its request is what the row says; it is activated, paused and cancelled like any other."""
    insert = "insert into xmp_jobs (type, params, active) values ('reboot', %s, false) returning id"
    params = Jsonb({"filter": {"in": {"id": ["dev-1", "dev-2"]}}, "parameters": {"x": 1}})
    job = str(operations.engine.value(insert, params))
    assert NAMES == operations.show(job)["request"]
    assert "IDLE" == operations.status(job)
    operations.engine.start()
    operations.consume()
    assert 200 == operations.put(job, request={"active": True}).status_code
    assert operations.comes_to(job, "FINISHED")
    assert ["dev-1", "dev-2"] == [each["entityId"] for each in operations.operations(job)]


def test_a_job_that_broke_off_is_paused_and_goes_on(operations: Operations) -> None:
    """PAUSED accepts active true alone, which resumes it; DELETE cancels it."""
    first, second = operations.made("dev-1"), operations.made("dev-2")
    for job in (first, second):
        operations.engine.execute("update xmp_jobs set status = 'error' where id = %s", int(job))
        assert "PAUSED" == operations.status(job)
        refused(operations.put(job, request={"active": False}))
        refused(operations.put(job, request={"userNotes": "x"}))
    assert 200 == operations.put(first, request={"active": True}).status_code
    assert "SCHEDULED" == operations.status(first)
    assert 200 == operations.cancel(second).status_code
    assert ("CANCELLED", "CANCELLED") == (operations.status(second), operations.operations(second)[0]["result"])


def test_a_job_that_was_stopped_elsewhere_is_paused(operations: Operations) -> None:
    """What the CMS has stopped is PAUSED here: it can be activated again, or cancelled for good."""
    first, second = operations.made("dev-1"), operations.made("dev-2", active=False)
    for job in (first, second):
        operations.engine.execute("select pgjobs.stop_job(%s)", int(job))
        assert "PAUSED" == operations.status(job)
    assert 200 == operations.put(first, request={"active": True}).status_code
    assert "SCHEDULED" == operations.status(first)
    assert 200 == operations.cancel(second).status_code
    assert "CANCELLED" == operations.status(second)
    refused(operations.put(second, request={"active": True}))


def test_the_kill_switch_pauses_what_runs(operations: Operations) -> None:
    """While everything is held a running job is PAUSED: active true changes nothing, active false pauses it."""
    operations.engine.start()
    job = operations.made("dev-1")
    assert operations.comes_to(job, "IN_PROGRESS")
    operations.engine.execute("select pgjobs.hold_all('maintenance')")
    assert "PAUSED" == operations.status(job)
    assert 200 == operations.put(job, request={"active": True}).status_code
    assert 200 == operations.put(job, request={"active": False}).status_code
    operations.engine.execute("select pgjobs.release_all()")
    assert "PAUSED" == operations.status(job)
    assert 200 == operations.put(job, request={"active": True}).status_code
    assert "IN_PROGRESS" == operations.status(job)


def test_a_deleted_job_is_unknown(operations: Operations) -> None:
    """A job that its door shows no longer, or that is gone, is a 404."""
    hidden, gone = operations.made(active=False), operations.made(active=False)
    operations.engine.execute("update xmp_jobs set deleted_at = now() where id = %s", int(hidden))
    operations.engine.execute("delete from xmp_jobs where id = %s", int(gone))
    for job in (hidden, gone):
        assert 404 == operations.call("GET", f"/operation/jobs/{job}").status_code
        assert 404 == operations.cancel(job).status_code


@pytest.mark.parametrize("scope", ["operations:read", "read"])
def test_whoever_may_only_look_changes_nothing(served: Operations, scope: str) -> None:
    """A token that may read gets 403 for POST, PUT and DELETE."""
    token, digest = make_token()
    served.engine.execute("select pgjobs.add_token('viewer', %s, %s, null)", digest, [scope])
    job = served.made("dev-1", active=False)
    headers = {"X-ApiKey": token}
    path = f"/operation/jobs/{job}"
    assert 200 == served.call("GET", path, headers=headers).status_code
    body = {"job": {"request": {"name": "REBOOT", "active": False}}}
    for method, where, sent in (("POST", "/operation/jobs", body), ("PUT", path, body), ("DELETE", path, None)):
        assert 403 == served.call(method, where, sent, headers=headers).status_code
    assert "IDLE" == served.status(job)
