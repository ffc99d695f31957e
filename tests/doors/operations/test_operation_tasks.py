"""Tasks at the door of operations: jobs that come again and again, as the vendor's clients make and change them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fix_operations import Operations, error
from psycopg.types.json import Jsonb

TASKS = "/operation/tasks"
HOURLY = {"period": {"each": 2, "unit": "HOURS"}}
AT = "22:44:13+01:00"
LATER = "2048-01-10T21:44:13Z"


def create(operations: Operations, query: str = "", request: Any = None, **task: Any) -> httpx.Response:
    """Ask for a task that reboots dev-1 and dev-2."""
    asked = {
        "name": "REBOOT",
        "active": True,
        "parameters": {},
        "schedule": {"stop": {"delayed": 300000}},
        "operationParameters": {"timeout": 120000, "retries": 0, "retriesDelay": 0, "retryResultList": []},
        "target": {"append": {"entities": ["dev-1", "dev-2"]}},
    }
    body = {
        "active": True,
        "name": "every now and then",
        "job": {"request": asked | (request or {})},
        "schedule": {"repeating": HOURLY},
    }
    return operations.call("POST", TASKS + query, {"task": body | task})


def made(operations: Operations, **task: Any) -> str:
    """The id of a new task, as a client finds it."""
    answer = create(operations, **task)
    assert 201 == answer.status_code, answer.text
    location = answer.headers["Location"]
    assert f"/north/v80{TASKS}/{answer.json()['id']}" == location
    return str(location.rpartition("/")[2])


def show(operations: Operations, task: str) -> dict[str, Any]:
    """A task, as the door shows it."""
    answer = operations.call("GET", f"{TASKS}/{task}")
    assert 200 == answer.status_code, answer.text
    return dict(answer.json()["task"])


def jobs(operations: Operations, task: str, **query: object) -> list[dict[str, Any]]:
    """The jobs of a task."""
    answer = operations.call("GET", f"{TASKS}/{task}/jobs", params=query)
    assert 200 == answer.status_code, answer.text
    body = answer.json()
    assert body["job"] == body["jobs"]
    return list(body["jobs"])


def put(operations: Operations, task: str, **change: Any) -> httpx.Response:
    """Change a task."""
    return operations.call("PUT", f"{TASKS}/{task}", {"task": change})


def test_a_task_makes_its_first_job_at_once(operations: Operations) -> None:
    """Right after the 201 its job is there: scheduled, with the entities of the request and the id of the task."""
    task = made(operations)
    (job,) = jobs(operations, task)
    assert "SCHEDULED" == job["report"]["summary"]["status"]
    assert task == job["taskId"] == operations.show(job["id"])["taskId"]
    assert ["dev-1", "dev-2"] == [each["entityId"] for each in operations.operations(job["id"])]
    assert "REBOOT" == job["request"]["name"]
    row = operations.engine.rows("select * from xmp_jobs where id = %s", int(job["id"]))[0]
    assert ({"stop_after": "300000 milliseconds"}, "every now and then") == (row["schedule"], row["name"])
    assert "120000 milliseconds" == row["rules"]["execution_limit"]


def test_a_task_is_shown_as_it_was_asked_for(operations: Operations) -> None:
    """State, request and schedule stand where the vendor's clients read them."""
    schedule = {"start": {"date": LATER}, "stop": {"executions": "5"}, "repeating": HOURLY}
    task = made(operations, schedule=schedule, description="to be sure")
    shown = show(operations, task)
    assert ("ACTIVE", "ACTIVE", True) == (shown["status"], shown["state"], shown["active"])
    assert (task, "every now and then", "to be sure") == (shown["id"], shown["name"], shown["description"])
    request = shown["job"]["request"]
    assert {"delayed": 300000} == request["schedule"]["stop"]
    assert {"append": {"entities": ["dev-1", "dev-2"]}} == request["target"]
    assert {"executions": 5} == shown["schedule"]["stop"]
    assert datetime.fromisoformat(LATER) == datetime.fromisoformat(shown["schedule"]["start"]["date"])
    assert {"period": HOURLY["period"], "pattern": None} == shown["schedule"]["repeating"]


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ({"time": AT}, f'{{"period":null,"pattern":{{"time":"{AT}","definedPatternNumber":0}}}}'),
        (
            {"time": AT, "weekly": {"days": ["MON", "WED", "FRI"]}},
            f'{{"period":null,"pattern":{{"time":"{AT}","weekly":{{"days":["MON","WED","FRI"]}},"definedPatternNumber":1}}}}',
        ),
        (
            {"time": AT, "monthly": {"day": 3, "months": ["JAN", "MAR", "MAY"]}},
            f'{{"period":null,"pattern":{{"time":"{AT}","monthly":{{"day":3,"months":["JAN","MAR","MAY"]}},"definedPatternNumber":1}}}}',
        ),
        (
            {"time": AT, "yearly": {"day": 4, "month": "JAN"}},
            f'{{"period":null,"pattern":{{"time":"{AT}","yearly":{{"day":4,"month":"JAN"}},"definedPatternNumber":1}}}}',
        ),
    ],
)
def test_patterns_are_shown_letter_by_letter(operations: Operations, pattern: dict[str, Any], shown: str) -> None:
    """The vendor's own checks compare the text of the repetition; the job waits for the first moment of the pattern."""
    schedule = {"repeating": {"pattern": pattern}}
    task = made(operations, schedule=schedule)
    text = operations.call("GET", f"{TASKS}/{task}").text
    assert f'"repeating":{shown}' in text.replace(": ", ":").replace(", ", ",")
    first = operations.engine.value("select run_at from xmp_jobs")
    assert (21, 44, 13) == (first.hour, first.minute, first.second)
    # What was shown may be sent back.
    assert 200 == put(operations, task, schedule=show(operations, task)["schedule"]).status_code
    assert first == operations.engine.value("select run_at from xmp_jobs")


def test_a_task_is_paused_and_goes_on(operations: Operations) -> None:
    """active false holds its job and makes it INACTIVE, true lets both go on; nothing else changes."""
    task = made(operations)
    before = show(operations, task)
    (job,) = jobs(operations, task)
    for active, state, status in ((False, "INACTIVE", "IDLE"), (True, "ACTIVE", "SCHEDULED")):
        answer = put(operations, task, active=active)
        assert 200 == answer.status_code, answer.text
        assert state == show(operations, task)["state"] == answer.json()["task"]["status"]
        assert status == operations.status(job["id"])
    assert before == show(operations, task)


def test_parts_of_the_schedule_take_the_place_of_former_ones(operations: Operations) -> None:
    """PUT merges: what is not given stays, and the job that waits moves along."""
    until = {"date": "2050-01-01T00:00:00Z"}
    task = made(operations, schedule={"start": {"date": LATER}, "stop": until, "repeating": HOURLY})
    (job,) = jobs(operations, task)
    weekly = {"pattern": {"time": AT, "weekly": {"days": ["FRI"]}}}
    assert 200 == put(operations, task, schedule={"repeating": weekly}).status_code
    schedule = show(operations, task)["schedule"]
    assert ["FRI"] == schedule["repeating"]["pattern"]["weekly"]["days"]
    assert "2050-01-01T00:00:00+00:00" == schedule["stop"]["date"]
    assert [job["id"]] == [each["id"] for each in jobs(operations, task)]
    assert datetime(2048, 1, 10, 21, 44, 13, tzinfo=UTC) == operations.engine.value("select run_at from xmp_jobs")
    assert 200 == put(operations, task, schedule={"start": {"date": "2048-02-01T00:00:00Z"}}).status_code
    assert datetime(2048, 2, 7, 21, 44, 13, tzinfo=UTC) == operations.engine.value("select run_at from xmp_jobs")
    assert 200 == put(operations, task, schedule={"stop": {}}, description="x").status_code
    assert "stop" not in show(operations, task)["schedule"]
    assert "x" == show(operations, task)["description"]


def test_a_task_runs_and_each_job_has_its_operations(operations: Operations) -> None:
    """Its jobs reach the devices of the request, one after another, until as many were made as was asked for."""
    operations.consume()
    operations.engine.start()
    start = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    task = made(operations, schedule={"start": {"date": start}, "stop": {"executions": 2}, "repeating": HOURLY})
    (first,) = jobs(operations, task)
    operations.engine.wait_status(int(first["id"]), "done")
    second, again = jobs(operations, task)
    assert first["id"] == again["id"]
    assert ("FINISHED", "SCHEDULED") == tuple(each["report"]["summary"]["status"] for each in (again, second))
    assert 2 == len(operations.operations(second["id"]))
    operations.engine.execute("select pgjobs.start_job(%s)", int(second["id"]))
    operations.engine.wait_status(int(second["id"]), "done")
    assert "FINISHED" == show(operations, task)["state"]
    found = [each["result"] for job in (first, second) for each in operations.operations(job["id"])]
    assert ["SUCCESSFUL"] * 4 == found


def test_jobs_of_a_task_notify(operations: Operations) -> None:
    """Whom a task tells, each of its jobs tells; its notes and its caller stand in them."""
    request = {"notify": True, "callback": "https://partner/x", "userNotes": "by night"}
    task = made(operations, request=request)
    (job,) = operations.engine.rows("select * from xmp_jobs")
    assert (True, "https://partner/x", "by night") == (job["notify"], job["callback_url"], job["notes"])
    assert job["submitted_by"]
    assert "by night" == show(operations, task)["job"]["request"]["userNotes"]


def test_a_filter_stays_a_filter(operations: Operations) -> None:
    """A task over a filter makes jobs over that filter, which choose their entities when they are made."""
    task = made(operations, query="?resourceType=entity.device", request={"target": {"filter": {}}})
    (job,) = operations.engine.rows("select params, request from xmp_jobs")
    assert ({}, "entity.device") == (job["params"]["filter"], job["params"]["resource_type"])
    assert {"filter": {}} == show(operations, task)["job"]["request"]["target"]


def test_a_deleted_task_is_gone(operations: Operations) -> None:
    """Its job that waits goes with it; task and jobs are answered with 404 then, a second DELETE as well."""
    task = made(operations)
    answer = operations.call("DELETE", f"{TASKS}/{task}")
    assert (200, task) == (answer.status_code, answer.json()["id"])
    assert 0 == operations.engine.value("select count(*) from xmp_jobs")
    for method, path in (("GET", ""), ("GET", "/jobs"), ("DELETE", ""), ("PUT", "")):
        body = {"task": {"active": True}} if method == "PUT" else None
        assert (404, "0x020001", "id") == error(operations.call(method, f"{TASKS}/{task}{path}", body))


@pytest.mark.parametrize("task", ["undefined", "0", "99", "9" * 30, "%00", "1;2", "-1"])
def test_an_unknown_id_is_not_found(operations: Operations, task: str) -> None:
    """Whatever an id looks like that there is not: 404, never 400."""
    for path in (f"{TASKS}/{task}", f"{TASKS}/{task}/jobs"):
        assert 404 == operations.call("GET", path).status_code


def test_tasks_of_other_types_are_not_shown(operations: Operations) -> None:
    """A task whose jobs are none of this door is made and read by SQL; here it is as if it were not there."""
    operations.engine.execute(
        "insert into pgjobs.tasks (name, type, repeating) values ('nightly', 'expired', %s)", Jsonb(HOURLY)
    )
    task = operations.engine.value("select id from pgjobs.tasks")
    assert 404 == operations.call("GET", f"{TASKS}/{task}").status_code
    assert 404 == operations.call("DELETE", f"{TASKS}/{task}").status_code
    assert 204 == operations.call("GET", TASKS).status_code


def test_tasks_and_their_jobs_come_in_pages(operations: Operations) -> None:
    """The newest first; behind the last page there is a 204."""
    ids = [made(operations, name=f"task {number}") for number in range(3)]
    found = operations.call("GET", f"{TASKS}?start=1&size=2").json()
    assert (ids[:0:-1], {"number": 1, "of": 2}) == ([task["id"] for task in found["tasks"]], found["page"])
    assert [ids[0]] == [task["id"] for task in operations.call("GET", f"{TASKS}?start=2&size=2").json()["tasks"]]
    assert 204 == operations.call("GET", f"{TASKS}?start=3&size=2").status_code
    assert 204 == operations.call("GET", f"{TASKS}/{ids[0]}/jobs?start=2").status_code
    assert (400, "0x020001", "size") == error(operations.call("GET", f"{TASKS}?size=1001"))


def test_the_same_request_under_one_key_makes_one_task(operations: Operations) -> None:
    """A repeated POST with its Idempotency-Key gets the same answer; another body with this key is refused."""
    body = {
        "task": {
            "job": {"request": {"name": "REBOOT", "target": {"append": {"tags": ["x"]}}}},
            "schedule": {"repeating": HOURLY},
        }
    }
    key = {"Idempotency-Key": "once"}
    first, again = (operations.call("POST", TASKS, body, headers=key) for _ in range(2))
    assert (201, first.json()) == (again.status_code, again.json())
    assert 1 == operations.engine.value("select count(*) from pgjobs.tasks")
    body["task"]["name"] = "another"
    assert 409 == operations.call("POST", TASKS, body, headers=key).status_code


def test_if_match_keeps_what_somebody_else_has_changed(operations: Operations) -> None:
    """PUT and DELETE with the ETag of an older revision are refused with 412; progress of its jobs changes no ETag."""
    answer = create(operations)
    path = f"{TASKS}/{answer.json()['id']}"
    old = operations.call("GET", path).headers["ETag"]
    assert old == answer.headers["ETag"]
    operations.engine.execute("select pgjobs.start_job(id) from xmp_jobs")
    new = operations.call("PUT", path, {"task": {"name": "new"}}, headers={"If-Match": old}).headers["ETag"]
    assert new == operations.call("GET", path).headers["ETag"] != old
    for method, body in (("PUT", {"task": {"active": False}}), ("DELETE", None)):
        assert (412, "0x020001", "If-Match") == error(operations.call(method, path, body, headers={"If-Match": old}))
    assert "ACTIVE" == show(operations, answer.json()["id"])["state"]
    assert 200 == operations.call("DELETE", path, headers={"If-Match": f'"none", {new}'}).status_code


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no repetition": ({"schedule": {}}, "0x020001", "schedule.repeating"),
    "no schedule": ({"schedule": None}, "0x020001", "schedule.repeating"),
    "no unit": ({"schedule": {"repeating": {"period": {"each": 5}}}}, "0x020001", "schedule.repeating.period.unit"),
    "seconds": (
        {"schedule": {"repeating": {"period": {"each": 5, "unit": "SECONDS"}}}},
        "0x020001",
        "schedule.repeating.period.unit",
    ),
    "each 0": (
        {"schedule": {"repeating": {"period": {"each": 0, "unit": "DAYS"}}}},
        "0x020001",
        "schedule.repeating.period.each",
    ),
    "no time": ({"schedule": {"repeating": {"pattern": {}}}}, "0x020001", "schedule.repeating.pattern.time"),
    "no day": (
        {"schedule": {"repeating": {"pattern": {"time": AT, "weekly": {"days": ["FUNDAY"]}}}}},
        "0x020001",
        "schedule.repeating.pattern.weekly.days",
    ),
    "two kinds": (
        {"schedule": {"repeating": {"pattern": {"time": AT, "weekly": {"days": ["MON"]}, "monthly": {"day": 3}}}}},
        "0x020001",
        "schedule.repeating.pattern",
    ),
    "two stops": (
        {"schedule": {"stop": {"date": LATER, "executions": 5}, "repeating": HOURLY}},
        "0x020001",
        "schedule.stop",
    ),
    "stop before start": (
        {"schedule": {"start": {"date": LATER}, "stop": {"date": "2047-01-01T00:00:00Z"}, "repeating": HOURLY}},
        "0x020001",
        "schedule.stop.date",
    ),
    "stop has passed": (
        {"schedule": {"start": {"date": "2020-01-01"}, "stop": {"date": "2021-01-01T00:00:00Z"}, "repeating": HOURLY}},
        "0x020001",
        "schedule.stop.date",
    ),
    "no executions": (
        {"schedule": {"stop": {"executions": 0}, "repeating": HOURLY}},
        "0x020001",
        "schedule.stop.executions",
    ),
    "no moment": ({"schedule": {"start": {"date": "soon"}, "repeating": HOURLY}}, "0x020001", "schedule.start.date"),
    "unknown field": ({"schedule": {"repeating": HOURLY, "often": True}}, "0x020002", "schedule.often"),
    "another unknown field": ({"colour": "red"}, "0x020002", "colour"),
    "no flag": ({"active": "perhaps"}, "0x020001", "active"),
    "long name": ({"name": "x" * 201}, "0x020001", "name"),
    "no job": ({"job": None}, "0x020001", "task.job"),
    "unknown operation": ({"request": {"name": "DANCE"}}, "0x020001", "name"),
    "no target": ({"request": {"target": None}}, "0x020001", "target"),
    "a start of its own": (
        {"request": {"schedule": {"start": {"date": LATER}}}},
        "0x020001",
        "job.request.schedule.start",
    ),
    "a stop of its own": (
        {"request": {"schedule": {"stop": {"date": LATER}}}},
        "0x020001",
        "job.request.schedule.stop.date",
    ),
    "inactive jobs": ({"request": {"active": False}}, "0x020001", "job.request.active"),
    "wrong parameters": (
        {"request": {"name": "DIAGNOSIS", "parameters": {"type": "SOFT"}}},
        "0x020006",
        "parameters.type",
    ),
    "no address": ({"request": {"callback": "ftp://x"}}, "0x020001", "callback"),
    "not for it": ({"request": {"target": {"append": {"entities": ["sub-1"]}}}}, "0x020002", "target"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_right_is_refused(operations: Operations, case: str) -> None:
    """400 in the shape of the contract, with the field; no task and no job is made."""
    asked, code, field = REFUSED[case]
    assert (400, code, field) == error(create(operations, **asked))
    assert 0 == operations.engine.value("select count(*) from pgjobs.tasks")
    assert 0 == operations.engine.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"job": {"request": {"name": "REBOOT"}}}, "0x020002", "job"),
        ({"id": "99"}, "0x020002", "id"),
        ({"colour": "red"}, "0x020002", "colour"),
        ({"schedule": {"repeating": {}}}, "0x020001", "schedule.repeating"),
        ({"schedule": {"stop": {"date": "2020-01-01T00:00:00Z"}}}, "0x020001", "schedule.stop.date"),
        ({"active": []}, "0x020001", "active"),
    ],
)
def test_what_can_not_be_changed_is_refused(
    operations: Operations, change: dict[str, Any], code: str, field: str
) -> None:
    """400 with the field, and the task is as before."""
    task = made(operations)
    before = show(operations, task)
    assert (400, code, field) == error(put(operations, task, **change))
    assert before == show(operations, task)


def test_what_was_read_may_be_sent_back(operations: Operations) -> None:
    """A client that changes a part of what it has read sends the rest along."""
    task = made(operations)
    read = show(operations, task)
    assert 200 == put(operations, task, **(read | {"active": False})).status_code
    assert read | {"active": False, "state": "INACTIVE", "status": "INACTIVE"} == show(operations, task)


def test_entities_that_are_not_there_are_left_out(operations: Operations) -> None:
    """Entities of the request that the directory does not have when a job is made are none of its operations."""
    task = made(operations, request={"target": {"append": {"entities": ["dev-1", "nobody"]}}})
    (job,) = jobs(operations, task)
    assert ["dev-1"] == [each["entityId"] for each in operations.operations(job["id"])]


def test_entities_keep_their_own_parameters(operations: Operations) -> None:
    """What the request gives to single entities reaches them with each job."""
    append = {"entitiesWithParameters": [{"id": "dev-3", "parameters": {"depth": 3}}], "entities": ["dev-4"]}
    request = {"name": "DIAGNOSIS", "parameters": {"depth": 1}, "target": {"append": append}}
    task = made(operations, request=request)
    (job,) = jobs(operations, task)
    found = {each["entityId"]: each["parameters"]["depth"] for each in operations.operations(job["id"])}
    assert {"dev-3": 3, "dev-4": 1} == found
