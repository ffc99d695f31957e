"""Operation jobs: their life from creation to the last answer, with a daemon and devices."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
import psycopg
from fix_operations import DEVICES, Operations, error, good, response
from fix_services import soon

TRANSITION = "Job state transition error."


def refused(answer: Any, field: str = "active") -> None:
    """It is refused because of the job's state, in the words that clients compare with."""
    assert (409, "0x020001", field) == error(answer)
    assert TRANSITION == answer.json()["errors"][0]["message"]


def test_a_job_runs_and_its_operations_end_as_the_devices_say(operations: Operations) -> None:
    """Devices get the envelope; results, steps and counters are what they answer, and the job is FINISHED."""
    seen: list[Any] = []

    def device(properties: pika.BasicProperties, body: Any) -> object:
        seen.append(body)
        failing = str(body["operation"]["request"]["id"]).endswith("-2")
        return response(body, "ERROR_PROCESSING") if failing else good(properties, body)

    operations.consume(device)
    operations.engine.start()
    job = operations.made("dev-1", "dev-2", "dev-3", name="DIAGNOSIS", parameters={"type": "HARDWARE"}, notify=True)
    assert operations.comes_to(job, "FINISHED")
    report = operations.show(job)["report"]
    assert {"activatedDate", "startedDate", "finishedDate"} == set(report["execution"])
    nobody = {"total": 0, "byUser": 0, "byTimeout": 0, "byEngine": 0, "byExternal": 0, "byExternalTimeout": 0}
    assert {
        "status": "FINISHED",
        "total": 3,
        "inProgress": {"total": 0, "pendingExecution": 0, "scheduled": 0, "started": 0, "waitingForConnection": 0},
        "finished": {"total": 3, "successful": 2, "error": 1, "cancelled": nobody},
        "finishedOutOfTime": {"total": 0, "successful": 0, "error": 0},
    } == report["summary"]
    first, second, _ = operations.operations(job)
    assert (f"{job}-1", job, "dev-1", "entity.device") == tuple(
        first[key] for key in ("operationId", "jobId", "entityId", "resourceType")
    )
    assert ("FINISHED", "SUCCESSFUL", "it is SUCCESSFUL") == (first["status"], first["result"], first["description"])
    assert ("FINISHED", "ERROR_PROCESSING") == (second["status"], second["result"])
    assert ("DIAGNOSIS", {"type": "HARDWARE"}, True) == (first["name"], first["parameters"], first["notify"])
    assert {"total": 1, "current": 1} == first["attempts"]
    assert [{
        "name": "REBOOTED", "title": "REBOOTED", "result": "SUCCESSFUL", "description": "done",
        "timestamp": "2026-11-26T16:00:00Z", "response": [],
    }] == first["steps"]  # fmt: skip
    asked = seen[0]["operation"]["request"]
    assert ("DIAGNOSIS", {"type": "HARDWARE"}) == (asked["name"], asked["parameters"])
    one = operations.call("GET", f"/operation/jobs/{job}/operations/{job}-1")
    assert {"operation": first} == one.json()


def test_ended_jobs_refuse_every_change(operations: Operations) -> None:
    """Finished and cancelled jobs refuse pause, activation, changes and a second DELETE."""
    operations.consume()
    operations.engine.start()
    finished = operations.made("dev-1")
    cancelled = operations.made("dev-2", schedule={"start": {"delayed": 600000}})
    assert 200 == operations.cancel(cancelled).status_code
    assert "CANCELLED" == operations.status(cancelled)
    assert operations.comes_to(finished, "FINISHED")
    for job in (finished, cancelled):
        for request in ({"active": False}, {"active": True}, {"userNotes": "x"}):
            refused(operations.put(job, request=request))
        refused(operations.cancel(job), "")


def test_a_job_that_nobody_runs_is_cancelled_at_once(operations: Operations) -> None:
    """DELETE answers 200 with the job, and its operations are cancelled by the user."""
    job = operations.made("dev-1", "dev-2", active=False)
    answer = operations.cancel(job)
    assert 200 == answer.status_code
    assert job == answer.json()["id"]
    cancelled = operations.show(job)["report"]["summary"]
    assert ("CANCELLED", 2, 2) == (
        cancelled["status"], cancelled["finished"]["cancelled"]["total"], cancelled["finished"]["cancelled"]["byUser"],
    )  # fmt: skip
    assert [("FINISHED", "CANCELLED")] * 2 == [(each["status"], each["result"]) for each in operations.operations(job)]


def test_a_job_that_was_stopped_elsewhere_is_paused(operations: Operations) -> None:
    """It can be resumed, so it is PAUSED here: active true continues it, and DELETE cancels it for good."""
    operations.consume()
    resumed, cancelled = (operations.made("dev-1", schedule={"start": {"delayed": 600000}}) for _ in range(2))
    for job in (resumed, cancelled):
        operations.engine.execute("select pgjobs.stop_job(%s)", int(job))
        assert "PAUSED" == operations.status(job)
        refused(operations.put(job, request={"active": False}))
        refused(operations.put(job, request={"active": True, "userNotes": "x"}))
    paused = operations.call("POST", "/search/jobs", {"filter": {"eq": {"jobStatus": "PAUSED"}}})
    assert {resumed, cancelled} == {each["id"] for each in paused.json()["jobs"]}
    assert 200 == operations.cancel(cancelled).status_code
    assert "CANCELLED" == operations.status(cancelled)
    assert 200 == operations.put(resumed, request={"active": True}).status_code
    operations.engine.start()
    assert operations.comes_to(resumed, "FINISHED")
    assert 1 == operations.show(resumed)["report"]["summary"]["finished"]["successful"]


def test_a_job_that_runs_is_stopped_first_and_closed_by_a_daemon(operations: Operations) -> None:
    """DELETE answers although somebody holds the rows of its operations: CANCELLING, until a daemon has closed them."""
    job = operations.made("dev-1", "dev-2", active=False)
    hold = "update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + %s::interval where job_id = %s"
    operations.engine.execute(hold, "1 min", int(job))
    with psycopg.connect(operations.engine.database_url) as other:
        other.execute("select from pgjobs.items where job_id = %s for update", (int(job),))
        answer = operations.cancel(job)
        assert (200, "CANCELLING") == (answer.status_code, answer.json()["report"]["summary"]["status"])
        refused(operations.cancel(job), "")
    operations.engine.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", int(job))
    operations.engine.start()
    assert operations.comes_to(job, "CANCELLED")
    assert 2 == operations.show(job)["report"]["summary"]["finished"]["cancelled"]["byUser"]


def test_a_scheduled_job_becomes_idle_and_scheduled_again(operations: Operations) -> None:
    """active false makes SCHEDULED IDLE, active true makes it SCHEDULED, the delay counted anew."""
    job = operations.made("dev-1", schedule={"start": {"delayed": 600000}, "stop": {"delayed": 300000}})
    assert ("SCHEDULED", "SCHEDULED") == (operations.status(job), operations.operations(job)[0]["status"])
    assert 1 == operations.show(job)["report"]["summary"]["inProgress"]["scheduled"]
    assert 200 == operations.put(job, request={"active": False}).status_code
    assert ("IDLE", "PENDING_EXECUTION") == (operations.status(job), operations.operations(job)[0]["status"])
    assert 200 == operations.put(job, request={"active": False}).status_code
    before = operations.engine.value("select run_at from xmp_jobs where id = %s", int(job))
    assert 200 == operations.put(job, request={"active": True}).status_code
    assert "SCHEDULED" == operations.status(job)
    assert before < operations.engine.value("select run_at from xmp_jobs where id = %s", int(job))
    assert 200 == operations.put(job, request={"active": True}).status_code


def test_a_running_job_is_paused_and_resumed_and_changes_nothing_else(operations: Operations) -> None:
    """IN_PROGRESS accepts active false alone, PAUSED accepts active true alone."""
    operations.engine.start()
    job = operations.made("dev-1")
    assert soon(lambda: operations.operations(job)[0]["status"] == "IN_PROGRESS")
    assert ("IN_PROGRESS", 1) == (
        operations.status(job), operations.show(job)["report"]["summary"]["inProgress"]["started"],
    )  # fmt: skip
    refused(operations.put(job, request={"active": True}))
    refused(operations.put(job, request={"userNotes": "x"}))
    refused(operations.put(job, request={"active": False, "userNotes": "x"}))
    assert 200 == operations.put(job, request={"active": False}).status_code
    assert "PAUSED" == operations.status(job)
    refused(operations.put(job, request={"active": False}))
    refused(operations.put(job, request={"active": True, "target": {"append": {"entities": ["dev-2"]}}}))
    activated = operations.show(job)["report"]["execution"]["activatedDate"]
    assert 200 == operations.put(job, request={"active": True}).status_code
    assert activated == operations.show(job)["report"]["execution"]["activatedDate"]
    assert "IN_PROGRESS" == operations.status(job)
    operations.consume()
    assert operations.comes_to(job, "FINISHED")


def test_without_a_device_that_answers_the_job_ends_by_time(operations: Operations) -> None:
    """Each operation ends as ERROR_TIMEOUT after its time-out, and counts as an error; a late answer is out of time."""
    operations.engine.start()
    job = operations.made("dev-1", "dev-2", operationParameters={"timeout": "300"})
    assert operations.comes_to(job, "FINISHED")
    assert ["ERROR_TIMEOUT"] * 2 == [each["result"] for each in operations.operations(job)]
    finished = operations.show(job)["report"]["summary"]["finished"]
    assert (2, 2, 0) == (finished["total"], finished["error"], finished["cancelled"]["total"])
    operations.consume()
    late = {"total": 2, "successful": 2, "error": 0}
    assert soon(lambda: late == operations.show(job)["report"]["summary"]["finishedOutOfTime"])


def test_only_listed_results_are_tried_again(operations: Operations) -> None:
    """A result of retryResultList is tried again, as often as retries says; any other one is final."""
    operations.consume(lambda _, body: response(body, "ERROR_PROCESSING"))
    operations.engine.start()
    rules = {"retries": 2, "retriesDelay": 1, "timeout": 60000}
    listed = operations.made("dev-1", operationParameters=rules | {"retryResultList": ["ERROR_PROCESSING"]})
    other = operations.made("dev-2", operationParameters=rules | {"retryResultList": ["ERROR_TIMEOUT"]})
    none = operations.made("dev-3", operationParameters=rules | {"retryResultList": []})
    left_out = operations.made("dev-4", operationParameters=rules)
    for job, attempts in ((listed, 3), (other, 1), (none, 1), (left_out, 1)):
        assert operations.comes_to(job, "FINISHED")
        assert {"total": 3, "current": attempts} == operations.operations(job)[0]["attempts"]
        assert (job in (none, left_out)) is ("warnings" in operations.show(job)["report"])


def test_the_stop_counts_from_the_start_and_cancels_by_time(operations: Operations) -> None:
    """schedule.stop.delayed is a time-out of the job: at the stop it is FINISHED, and what is open is cancelled."""
    operations.engine.start()
    job = operations.made("dev-1", "dev-2", schedule={"start": {"delayed": 1000}, "stop": {"delayed": "500"}})
    assert operations.comes_to(job, "FINISHED")
    summary = operations.show(job)["report"]["summary"]
    assert (2, 2, 2, 0) == (
        summary["finished"]["total"], summary["finished"]["cancelled"]["total"],
        summary["finished"]["cancelled"]["byTimeout"], summary["finished"]["error"],
    )  # fmt: skip
    assert ["CANCELLED"] * 2 == [each["result"] for each in operations.operations(job)]


def test_a_stop_before_anything_was_sent_cancels_by_time(operations: Operations) -> None:
    """Operations that were never sent count as cancelled by the stop as well."""
    window = {"days": [datetime.now(UTC).strftime("%a").upper()], "start": "00:00Z", "stop": "01:00Z"}
    if datetime.now(UTC).hour == 0:
        window |= {"start": "02:00Z", "stop": "03:00Z"}
    operations.engine.start()
    stop = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    job = operations.made("dev-1", schedule={"stop": {"date": stop}, "window": window})
    assert operations.comes_to(job, "FINISHED")
    assert 1 == operations.show(job)["report"]["summary"]["finished"]["cancelled"]["byTimeout"]


def test_a_large_fleet_comes_in_batches(operations: Operations) -> None:
    """An inactive job takes batches by PUT, within the limits, and the last PUT activates it."""
    operations.consume()
    operations.engine.start()
    job = operations.made("dev-1", active=False)
    batches = [[f"dev-{n}" for n in range(low, low + 50)] for low in (2, 52)]
    for batch in batches:
        answer = operations.put(job, request={"active": False, "target": {"append": {"entities": batch}}})
        assert 200 == answer.status_code, answer.text
    assert ("IDLE", 101) == (operations.status(job), answer.json()["report"]["summary"]["total"])
    many = {"append": {"entities": [f"dev-{n}" for n in range(1, 102)]}}
    assert (400, "0x020001", "target") == error(operations.put(job, request={"target": many}))
    last = {
        "append": {"entities": ["dev-102", "dev-1", "nobody", "sub-1"]},
        "remove": {"entities": ["dev-50", "dev-130"]},
    }
    answer = operations.put(job, request={"active": True, "target": last})
    assert {
        "notProvisioned": ["nobody"],
        "notAllowed": ["sub-1"],
        "duplicated": ["dev-1"],
        "notInJob": ["dev-130"],
    } == answer.json()["report"]["target"]
    assert operations.comes_to(job, "FINISHED")
    assert 101 == operations.show(job)["report"]["summary"]["finished"]["successful"]
    assert "dev-50" not in json.dumps(operations.operations(job, size=1000))


def test_what_a_put_may_change_and_what_not(operations: Operations) -> None:
    """notify, callback, userNotes, start and stop change; a fixed field is a 0x020002, unless it is as it was."""
    job = operations.made("dev-1", active=False, schedule={"start": {"delayed": 600000}})
    stop = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    request = {
        "notify": True, "callback": "http://host/there", "userNotes": "two",
        "schedule": {"start": {}, "stop": {"date": stop}},
    }  # fmt: skip
    answer = operations.put(job, request=request)
    assert 200 == answer.status_code, answer.text
    assert {"id", "request", "report"} == set(answer.json())
    assert request == {key: operations.show(job)["request"][key] for key in request}
    row = "select notify, callback_url, notes, stop_at = %s::timestamptz as stop from xmp_jobs where id = %s"
    (found,) = operations.engine.rows(row, stop, int(job))
    assert (True, "http://host/there", "two", True) == tuple(found.values())
    for name, value in (
        ("name", "PING"), ("parameters", {"x": 1}), ("operationParameters", {"timeout": 1}),
        ("schedule", {"window": {"start": "09:00Z", "stop": "10:00Z"}}),
    ):  # fmt: skip
        field = "schedule.window" if name == "schedule" else name
        assert (400, "0x020002", field) == error(operations.put(job, request={name: value}))
    whole = operations.call("PUT", f"/operation/jobs/{job}", {"job": operations.show(job)})
    assert 200 == whole.status_code, whole.text
    other = {"job": {"id": "4711", "request": {"active": False}}}
    assert (400, "0x020001", "id") == error(operations.call("PUT", f"/operation/jobs/{job}", other))


def test_an_active_job_is_changed_only_once_it_is_inactive(operations: Operations) -> None:
    """SCHEDULED refuses changes unless the same PUT sets active to false."""
    job = operations.made("dev-1", schedule={"start": {"delayed": 600000}})
    refused(operations.put(job, request={"userNotes": "x"}))
    refused(operations.put(job, request={"active": True, "userNotes": "x"}))
    assert 200 == operations.put(job, request={"active": False, "userNotes": "x"}).status_code
    assert ("IDLE", "x") == (operations.status(job), operations.show(job)["request"]["userNotes"])
    answer = operations.put(job, request={"active": True, "userNotes": "y", "schedule": {"start": {"delayed": 900000}}})
    assert ("SCHEDULED", "y") == (answer.json()["report"]["summary"]["status"], answer.json()["request"]["userNotes"])


def test_targets_of_a_put_are_of_the_kind_that_the_job_has(operations: Operations) -> None:
    """Entities, tags and a filter are not mixed by a later PUT either, and a filter stays as it is."""
    operations.entities("red-1", tags=("red",))
    entities, tags = {"append": {"entities": ["dev-2"]}}, {"append": {"tags": ["red"]}}
    listed = operations.made("dev-1", active=False)
    tagged = operations.made(target=tags, active=False)
    filtered = operations.made(target={"filter": {"eq": {"id": "dev-1"}}}, active=False)
    for job, target in ((listed, tags), (listed, {"filter": {}}), (tagged, entities), (tagged, {"filter": {}})):
        assert (400, "0x020001", "target") == error(operations.put(job, request={"target": target}))
    for target in (entities, tags, {"filter": {}}):
        answer = operations.put(filtered, request={"target": target})
        assert (400, "0x020001", "target") == error(answer)
        assert "set active to false, and create a new job with the new filter" in answer.text
    assert 200 == operations.put(filtered, request={"target": {"filter": {"eq": {"id": "dev-1"}}}}).status_code


def test_an_inactive_job_without_entities_is_not_activated(operations: Operations) -> None:
    """active true by PUT needs a target, too: one given before, or in the same PUT."""
    job = operations.made(active=False)
    assert (400, "0x020001", "target") == error(operations.put(job, request={"active": True}))
    assert "IDLE" == operations.status(job)
    unknown = {"active": True, "target": {"append": {"entities": ["nobody"]}}}
    for answer in (operations.put(job, request=unknown), operations.create("nobody", active=True)):
        assert (400, "0x020001", "target") == error(answer)
        assert "none of these entities, and an active job needs a target: nobody" in answer.text
    both = {"active": True, "target": {"append": {"entities": ["dev-1"]}}, "schedule": {"start": {"delayed": 600000}}}
    assert 200 == operations.put(job, request=both).status_code
    assert ("SCHEDULED", 1) == (operations.status(job), operations.show(job)["report"]["summary"]["total"])


def test_operations_are_paged(operations: Operations) -> None:
    """start is a page from 1, 10 operations if size is not given; behind the last page there is nothing (204)."""
    job = operations.made(*(f"dev-{n}" for n in range(1, 26)), active=False)
    path = f"/operation/jobs/{job}/operations"
    ids = [each["entityId"] for page in (1, 2, 3) for each in operations.operations(job, start=page)]
    assert [f"dev-{n}" for n in range(1, 26)] == ids
    for query in ({}, {"start": 0}, {"start": 1}):
        assert {"number": 1, "of": 3} == operations.call("GET", path, params=query).json()["page"]
    assert {"number": 2, "of": 2} == operations.call("GET", path, params={"start": 2, "size": 20}).json()["page"]
    assert 204 == operations.call("GET", path, params={"start": 4}).status_code
    assert 204 == operations.call("GET", path, params={"start": 10**17, "size": 1000}).status_code
    for wrong in ("size=1001", "size=0", "size=x", "start=-1", "start=x", "limit=1", "size=1&size=2"):
        assert 400 == operations.call("GET", f"{path}?{wrong}").status_code
    assert 204 == operations.call("GET", f"/operation/jobs/{operations.made(active=False)}/operations").status_code


def test_what_there_is_not_is_a_404(operations: Operations) -> None:
    """An unknown job or operation is a 404, whatever its id looks like, and so is a job of another door."""
    job = operations.made("dev-1", active=False)
    other = operations.engine.value(
        "insert into xmp_jobs (type, params) values ('expired', '{\"never\": 1}') returning id"
    )
    for unknown in ("not_exists", "0", "-1", "9" * 30, "1e3", str(other), "%00"):
        path = f"/operation/jobs/{unknown}"
        assert 404 == operations.call("GET", path).status_code, unknown
        assert 404 == operations.call("GET", f"{path}/operations").status_code
        assert 404 == operations.call("DELETE", path).status_code
        assert 404 == operations.call("PUT", path, {"job": {"request": {"active": True}}}).status_code
    for unknown in (f"{job}-{DEVICES + 99}", "x", f"{other}-1", f"{job}-1-1"):
        assert 404 == operations.call("GET", f"/operation/jobs/{job}/operations/{unknown}").status_code


def test_a_change_of_another_revision_is_refused(operations: Operations) -> None:
    """ETag and If-Match: what somebody else has changed meanwhile is not overwritten."""
    job = operations.made("dev-1", active=False)
    tag = operations.call("GET", f"/operation/jobs/{job}").headers["etag"]
    first = operations.put(job, request={"userNotes": "a"}, headers={"If-Match": tag})
    assert 200 == first.status_code
    assert 412 == operations.put(job, request={"userNotes": "b"}, headers={"If-Match": tag}).status_code
    path = f"/operation/jobs/{job}"
    assert 412 == operations.call("DELETE", path, headers={"If-Match": tag}).status_code
    assert 200 == operations.call("DELETE", path, headers={"If-Match": first.headers["etag"]}).status_code
