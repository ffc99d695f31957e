"""The contract of operation jobs, walked line by line as the vendor's clients call it: a web process that asks for
tokens, a daemon, a broker, and devices that answer."""

import json
from typing import Any

import pika
from fix_operations import BASE, Operations, error, response
from fix_services import soon

# The request of the contract, with devices that there are.
EXAMPLE = """
{"job": {"request": {"name": "DIAGNOSIS", "active": false, "notify": true, "callback": "https://host/path", "userNotes": "…",
  "parameters": {"type": "HARDWARE"},
  "schedule": {"start": {"delayed": 600000}, "stop": {"date": "2098-01-10T22:44:13+01:00"},
    "scattering": {"maxSpread": 80, "strategy": {"field": "subscription.collected.cellInfo", "factor": 75, "warningMaxRate": 3}},
    "window": {"days": ["MON", "WED"], "start": "09:00:00Z", "stop": "15:00:00Z"}},
  "operationParameters": {"timeout": 60000, "ackTimeout": 5000, "retries": 0, "retriesDelay": 0, "retryResultList": ["ERROR_TIMEOUT"]},
  "target": {"append": {"entities": ["dev-1", "dev-2"]}}}}}
"""  # noqa: E501 as the contract has it
# What the vendor's JavaScript client sends for a job by default.
DEFAULT = {
    "operationParameters": {
        "ackTimeout": 0, "timeout": 90000, "retries": 0, "retriesDelay": 0, "retryResultList": [],
    },
    "schedule": {"start": {"delayed": 600000}, "stop": {"delayed": 43200}},
}  # fmt: skip


def test_the_example_of_the_contract_becomes_a_job(served: Operations) -> None:
    """It is created and located, becomes IDLE, shows its request again, and is cancelled."""
    answer = served.call("POST", "/operation/jobs", json.loads(EXAMPLE))
    assert 201 == answer.status_code, answer.text
    job = answer.headers["location"].rpartition("/")[2]
    assert (job, {"id", "request", "report"}) == (answer.json()["id"], set(answer.json()))
    assert json.loads(EXAMPLE)["job"]["request"] == answer.json()["request"]
    shown = served.call("GET", f"/operation/jobs/{job}").json()["job"]
    asked = json.loads(EXAMPLE)["job"]["request"]
    assert {key: kept for key, kept in asked.items() if key != "target"} == shown["request"]
    assert "IDLE" == shown["report"]["summary"]["status"]
    assert 200 == served.call("DELETE", f"/operation/jobs/{job}").status_code
    assert "CANCELLED" == served.status(job)


def test_a_client_builds_a_job_runs_it_and_reads_its_operations(served: Operations) -> None:
    """operationTypes, POST, GET, PUT and the operations, one after the other, until every device has answered."""
    said: list[Any] = []

    def device(_: pika.BasicProperties, body: Any) -> object:
        said.append(body)
        steps = [{"name": "BEGIN", "timestamp": "2026-11-26T16:00:00Z", "result": "SUCCESSFUL", "description": "x"}]
        part = response(body, steps=steps)
        del part["operation"]["response"]["resultCode"], part["operation"]["response"]["resultDescription"]
        end = [{"name": "END", "result": "SKIPPED"}]
        return [
            part,
            response(
                body, "NOT_SUPPORTED" if body["operation"]["request"]["id"].endswith("-2") else "SUCCESSFUL", steps=end
            ),
        ]

    served.consume(device)
    types = {each["name"]: each for each in served.call("POST", "/search/operationTypes", {"filter": {}}).json()}
    name = types["DIAGNOSIS"]["name"]
    job = served.made("dev-1", "dev-2", name=name, parameters={"type": "SOFTWARE"}, **DEFAULT)
    assert "SCHEDULED" == served.status(job)
    assert "IDLE" == served.put(job, request={"active": False}).json()["report"]["summary"]["status"]
    assert 200 == served.put(job, request={"schedule": {"start": {}}}).status_code
    assert 200 == served.put(job, request={"active": True}).status_code
    assert served.comes_to(job, "FINISHED")
    ids = [body["operation"]["request"]["id"] for body in said]
    assert sorted([f"{job}-1", f"{job}-2"]) == sorted(ids)
    assert {"timestamp", "name", "parameters", "id"} == set(said[0]["operation"]["request"])
    page = served.call("GET", f"/operation/jobs/{job}/operations", params={"start": 1, "size": 1}).json()
    assert ({"number": 1, "of": 2}, 1) == (page["page"], len(page["operations"]))
    first, second = served.operations(job)
    assert ["BEGIN", "END"] == [step["name"] for step in first["steps"]]
    assert ("SUCCESSFUL", "NOT_SUPPORTED") == (first["result"], second["result"])
    assert "psf" == first["user"]
    summary = served.show(job)["report"]["summary"]
    assert (1, 1) == (summary["finished"]["successful"], summary["finished"]["error"])
    again = served.put(job, request={"active": False})
    assert (409, "Job state transition error.") == (again.status_code, again.json()["errors"][0]["message"])
    again = served.cancel(job)
    assert (409, "Job state transition error.") == (again.status_code, again.json()["errors"][0]["message"])


def test_a_running_job_is_cancelled_once_its_operations_are(served: Operations) -> None:
    """DELETE of a running job: CANCELLING or CANCELLED at once, CANCELLED in the end; a late answer is out of time."""
    job = served.made("dev-1", "dev-2", **DEFAULT | {"schedule": {}})
    assert soon(lambda: ["IN_PROGRESS"] * 2 == [each["status"] for each in served.operations(job)])
    answer = served.cancel(job)
    assert 200 == answer.status_code
    assert answer.json()["report"]["summary"]["status"] in ("CANCELLING", "CANCELLED")
    assert served.comes_to(job, "CANCELLED")
    assert 2 == served.show(job)["report"]["summary"]["finished"]["cancelled"]["byUser"]
    served.consume()
    assert soon(lambda: 2 == served.show(job)["report"]["summary"]["finishedOutOfTime"]["successful"])


def test_errors_are_those_of_the_contract(served: Operations) -> None:
    """Type of entity and forbidden field, parameter value, the rest; 400, 401, 404, 409 and 413."""
    assert (400, "0x020002", "target") == error(served.create("sub-1"))
    assert (400, "0x020002", "colour") == error(served.create("dev-1", colour="red"))
    wrong = served.create("dev-1", name="DIAGNOSIS", parameters={"type": "?"})
    assert (400, "0x020006", "parameters.type") == error(wrong)
    assert (404, "0x020001", "id") == error(served.call("GET", "/operation/jobs/not_exists"))
    assert (404, "0x020001", "id") == error(served.call("GET", "/operation/jobs/not_exists/operations"))
    assert (413, "0x020001", "") == error(served.create("dev-1", userNotes="x" * 307_200))
    none = served.web.call("GET", f"{BASE}/operation/jobs/1", headers={"X-ApiKey": "nonsense"})
    assert (401, "0x020001", "") == error(none)
