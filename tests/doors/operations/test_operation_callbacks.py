"""Callbacks of jobs that the door of operations has created: what is told is what the door shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fix_operations import Operations, error, response
from fix_receiver import SECRET, Receiver


def answer(_properties: object, body: Any) -> object:
    """dev-2 fails, the others work."""
    asked = body["operation"]["request"]
    return response(body, "ERROR_PROCESSING" if asked["parameters"].get("depth") == 2 else "SUCCESSFUL")


def test_what_is_told_is_what_the_door_shows(operations: Operations, receiver: Receiver) -> None:
    """Each operation is told as GET shows it, and then the job with the summary of its report."""
    operations.consume(answer)
    operations.engine.start(callback_secret=SECRET)
    append = {
        "entities": ["dev-1", "dev-3"],
        "entitiesWithParameters": [{"id": "dev-2", "parameters": {"depth": 2}}],
    }
    job = operations.made(name="DIAGNOSIS", notify=True, callback=receiver.url, target={"append": append})
    operations.engine.wait_for(lambda: len(receiver.ends) > 0, "the end is told")
    assert [] == receiver.wrong
    shown = {each["operationId"]: each for each in operations.operations(job)}
    assert shown == {each["operationId"]: each for each in receiver.operations}
    assert [True] * 3 == [each["notify"] for each in receiver.operations]
    assert {"SUCCESSFUL", "ERROR_PROCESSING"} == {each["result"] for each in receiver.operations}
    (end,) = receiver.ends
    assert {"id": job, "report": {"summary": operations.show(job)["report"]["summary"]}} == end


def test_a_message_whose_answer_was_lost_comes_again_with_its_id(operations: Operations, receiver: Receiver) -> None:
    """A daemon that is killed after a call, before it could note the answer: the next one makes the same call again."""
    operations.consume()
    daemon = operations.engine.start(callback_secret=SECRET, callback_timeout=1, fault="after_callback:1")
    job = operations.made("dev-1", notify=True, callback=receiver.url)
    operations.engine.wait_for(lambda: not daemon.running, "the daemon is lost")
    operations.engine.execute("update pgjobs.callbacks set due_at = pgjobs.now(), in_flight_until = clock_timestamp()")
    operations.engine.start(callback_secret=SECRET)
    operations.engine.wait_for(lambda: len(receiver.ends) > 0, "the end is told")
    first, again, _ = receiver.posted
    assert (first.id, first.body) == (again.id, again.body)
    assert f"{job}-1" == again.body["operation"]["operationId"]


def test_without_notify_nobody_is_called(operations: Operations, receiver: Receiver) -> None:
    """A callback alone is kept and shown, and called only once the job notifies."""
    operations.consume()
    operations.engine.start(callback_secret=SECRET)
    silent = operations.made("dev-1", callback=receiver.url)
    operations.engine.wait_status(int(silent), "done")
    job = operations.made("dev-1", callback=receiver.url, active=False)
    assert 200 == operations.put(job, request={"notify": True, "active": True}).status_code
    operations.engine.wait_for(lambda: len(receiver.ends) > 0, "the end is told")
    assert ([], [job]) == (receiver.wrong, [end["id"] for end in receiver.ends])
    assert {job} == {each["jobId"] for each in receiver.operations}
    assert receiver.url == operations.show(silent)["request"]["callback"]


def test_a_task_tells_of_each_of_its_jobs(operations: Operations, receiver: Receiver) -> None:
    """The operations of the jobs of a task are told as those of any other job."""
    operations.consume()
    operations.engine.start(callback_secret=SECRET)
    request = {
        "name": "REBOOT",
        "notify": True,
        "callback": receiver.url,
        "target": {"append": {"entities": ["dev-7"]}},
    }
    start = {"date": (datetime.now(UTC) + timedelta(seconds=3)).isoformat()}
    schedule = {"start": start, "stop": {"executions": 1}, "repeating": {"period": {"each": 1, "unit": "DAYS"}}}
    made = operations.call("POST", "/operation/tasks", {"task": {"job": {"request": request}, "schedule": schedule}})
    assert 201 == made.status_code, made.text
    operations.engine.wait_for(lambda: len(receiver.ends) > 0, "the end is told")
    assert ["dev-7"] == [each["entityId"] for each in receiver.operations]


def test_a_host_that_is_not_allowed_is_refused(operations: Operations) -> None:
    """By POST and PUT of a job, and of a task as well, with the field and the remedy."""
    job = operations.made("dev-1", active=False, callback="https://hooks.example.org/x")
    operations.engine.execute("select pgjobs.announce_callbacks(false, '{hooks.example.com}')")
    refused = operations.create("dev-1", callback="https://hooks.example.org/x")
    assert (400, "0x020001", "callback") == error(refused)
    (said,) = refused.json()["errors"]
    assert "callback: its host is none that may be called" == said["message"]
    assert "PGJOBS_CALLBACK_HOSTS" in said["hint"]
    assert (400, "0x020001", "callback") == error(operations.put(job, request={"callback": "http://[::1]/"}))
    assert 200 == operations.put(job, request={"userNotes": "still there"}).status_code
    assert 200 == operations.put(job, request={"callback": "https://hooks.example.com/x"}).status_code
    request = {"name": "REBOOT", "callback": "http://example.org", "target": {"append": {"entities": ["dev-7"]}}}
    schedule = {"repeating": {"period": {"each": 1, "unit": "DAYS"}}}
    made = operations.call("POST", "/operation/tasks", {"task": {"job": {"request": request}, "schedule": schedule}})
    assert (400, "0x020001", "callback") == error(made)
