"""The searches of the operations door over HTTP: what a body may say, what comes back, and what is refused."""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import Any

import httpx
import pytest
from fix_jobs import Db
from fix_operations import BASE, error
from fix_searches import Fleet
from fix_web import Web

from pgjobs.ops.tokens import make_token
from pgjobs.web.doors.operations.tables import COMMAS, JSON, SEMICOLONS, Form, harmless, wanted_form

HISTORY = f"{BASE}/search/entities/operations/history"
JOBS, TASKS = f"{BASE}/search/jobs", f"{BASE}/search/tasks"
OF_TYPES = {
    "devices": ["dev-1", "dev-2", "dev-1"],
    "subscribers": ["sub-1"],
    "subscriptions": ["line-1"],
    "communicationsModules": ["modem-1"],
}


@pytest.fixture
def fleet(db: Db) -> Fleet:
    return Fleet(db)


@pytest.fixture
def jobs(fleet: Fleet) -> list[int]:
    """Three jobs of the door with operations on entities of each type, and one of another door."""
    fleet.db.execute("alter sequence xmp_jobs_id_seq restart with 98")
    return [
        fleet.job("letter", "done", [("dev-5", "good")]),
        fleet.job(
            "reboot",
            "done",
            [("dev-1", "good"), ("dev-2", "failed", "ERROR_PROCESSING", "no; answer")],
            submitted_by="token Ann",
            notes="night",
            callback_url="https://cms.example/done",
            notify=True,
        ),
        fleet.job(
            "diagnosis",
            "in progress",
            [("dev-1", "launched"), ("sub-1", "retry"), ("line-1", "late", "ERROR_TIMEOUT"), ("modem-1", "cancelled")],
            name="Look at them",
            task_id=7,
        ),
        fleet.job("diagnosis", "ready", [], active=False),
    ]


def found(answer: httpx.Response, column: str) -> list[Any]:
    """One column of what was found, in its order."""
    assert answer.status_code in (200, 204), answer.text
    if answer.status_code == 204:
        assert "" == answer.text
        return []
    rows = next(rows for what, rows in answer.json().items() if what in ("jobs", "operations", "tasks"))
    return [row[column] for row in rows]


def of(**said: Any) -> dict[str, Any]:
    """A filter that a field has this value."""
    return {"filter": {"and": [{"eq": {name.replace("__", "."): value}} for name, value in said.items()]}}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("jobId", ["100", "99", "101"]),
        ("jobName", ["Look at them"]),
        ("jobStatus", ["FINISHED", "IN_PROGRESS", "IDLE"]),
        ("jobOperationName", ["REBOOT", "DIAGNOSIS"]),
        ("operationName", ["REBOOT", "DIAGNOSIS"]),
        ("jobUser", ["Ann"]),
        ("jobUserNotes", ["night"]),
        ("jobCallback", ["https://cms.example/done"]),
        ("jobActivatedDate", ["2026-11-26T09:00:00Z", "2026-11-26T10:00:00+01:00"]),
        ("jobStartedDate", ["2026-11-26T09:01:00Z"]),
        ("jobTotal", [2, "4", 0]),
        ("jobInProgressTotal", [2]),
        ("jobFinishedTotal", [2]),
        ("jobFinishedSuccessful", [1]),
        ("taskId", ["7"]),
        ("job.id", ["99"]),
        ("job.status", ["FINISHED"]),
        ("operation.name", ["REBOOT"]),
        ("jobStatus._current.value", ["FINISHED"]),
    ],
)
def test_every_field_of_a_job_filters(web: Web, jobs: list[int], field: str, values: list[Any]) -> None:
    """A value that jobs have finds some of them, and one that none has finds none: the field is not just taken."""
    for value in values:
        hits = found(web.post(JOBS, json=of(**{field: value})), "id")
        assert 0 < len(hits) < 4, value
        assert str(jobs[0]) not in hits
    nothing = "1999-01-01T00:00:00Z" if "Date" in field else "987654321"
    # A status that there is not is refused.
    refused = re.match("jobStatus|job.status", field.replace("__", "."))
    assert (400 if refused else 204) == web.post(JOBS, json=of(**{field: nothing})).status_code


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("jobId", "99", ["99-1", "99-2"]),
        ("entityId", "dev-1", ["100-1", "99-1"]),
        ("operationId", "99-2", ["99-2"]),
        ("resourceType", "entity.subscription", ["100-9"]),
        ("operationName", "REBOOT", ["99-1", "99-2"]),
        ("operationStatus", "WAITING_FOR_CONNECTION", ["100-6"]),
        ("operationResult", "ERROR_TIMEOUT", ["100-9"]),
        ("operationResult", "CANCELLED", ["100-10"]),
        ("operationDate", "2026-11-26T09:03:00Z", ["100-9", "100-10", "99-1", "99-2"]),
        ("operationNotify", True, ["99-1", "99-2"]),
        ("operationDetails", "no; answer", ["99-2"]),
        ("operation.status", "IN_PROGRESS", ["100-1"]),
        ("operation.result", "SUCCESSFUL", ["99-1"]),
        ("entity.id", "sub-1", ["100-6"]),
        ("job.id", 100, ["100-1", "100-6", "100-9", "100-10"]),
        ("jobStatus", "FINISHED", ["99-1", "99-2"]),
        ("taskId", "7", ["100-1", "100-6", "100-9", "100-10"]),
    ],
)
@pytest.mark.usefixtures("jobs")
def test_every_field_of_an_operation_filters(web: Web, field: str, value: Any, expected: list[str]) -> None:
    """The history knows the fields of the contract, and finds the operations that have the value, and no others."""
    assert expected == found(web.post(HISTORY, json=of(**{field: value})), "operationId")
    both = {"filter": {"and": [{"eq": {field: value}}, {"in": {"entityId": ["dev-4", "dev-3"]}}]}}
    assert 204 == web.post(HISTORY, json=both).status_code


@pytest.mark.usefixtures("jobs")
def test_the_vendor_s_client_asks_for_a_job_by_like(web: Web) -> None:
    """{"like": {"job.id": id}} finds the operations of the job, in the search of devices as well."""
    body = {"filter": {"and": [{"like": {"job.id": "99"}}]}, "limit": {"size": 1000, "start": 1}}
    assert ["99-1", "99-2"] == found(web.post(f"{BASE}/search/entities/devices/operations", json=body), "operationId")


@pytest.mark.parametrize("name", OF_TYPES)
@pytest.mark.usefixtures("jobs")
def test_a_search_of_entities_of_one_type_has_their_operations(web: Web, name: str) -> None:
    """Below the path of a type are the operations on its entities, with those of the newest job first."""
    path = f"{BASE}/search/entities/{name}/operations"
    expected = {"dev-1": 2, "dev-2": 1} if name == "devices" else {OF_TYPES[name][0]: 1}
    entities = found(web.post(path, json={}), "entityId")
    assert expected == {entity: entities.count(entity) for entity in entities}
    counted = web.post(f"{path}/summary", json={}).json()["summary"]
    assert len(entities) == counted["count"]


@pytest.mark.usefixtures("jobs")
def test_rows_are_what_the_door_shows_elsewhere(web: Web, db: Db) -> None:
    """A job and an operation look as they do when one asks for them alone; the answer names its page."""
    job = web.post(JOBS, json=of(jobId="100")).json()
    shown = db.value("select pgjobs.operation_job_json(j) from xmp_jobs j where id = 100")
    assert {"jobs": [shown], "page": {"number": 1, "of": 1}} == job
    assert ("100", "7", 4) == (shown["id"], shown["taskId"], shown["report"]["summary"]["total"])
    operation = web.post(HISTORY, json=of(operationId="99-2")).json()["operations"]
    alone = "select pgjobs.operation_json(j, i) from xmp_jobs j join pgjobs.items i on i.job_id = j.id"
    assert [db.value(f"{alone} where j.id = 99 and i.key = 2")] == operation
    assert {"of": "dev-2"} == operation[0]["parameters"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("taskName", "weekly", ["weekly"]),
        ("taskDescription", "each night", ["nightly"]),
        ("taskState", "INACTIVE", ["weekly"]),
        ("taskStatus", "ACTIVE", ["nightly"]),
        ("jobOperationName", "REBOOT", ["nightly"]),
        ("operationName", "DIAGNOSIS", ["weekly"]),
        ("jobUser", "Ann", ["nightly"]),
        ("jobUserNotes", "quiet", ["nightly"]),
        ("taskStartDate", "2026-11-26T09:00:00Z", ["weekly", "nightly"]),
        ("taskStopDate", "2027-01-01T00:00:00Z", ["weekly"]),
        ("taskNextExecution", "2026-11-29T09:00:00Z", ["weekly", "nightly"]),
        ("taskExecutions", 3, ["weekly", "nightly"]),
        ("tasks.name", "weekly", ["weekly"]),
        ("tasks.description", "each night", ["nightly"]),
        ("tasks.state", "ACTIVE", ["nightly"]),
        ("tasks.job.request.user", "Ann", ["nightly"]),
        ("task.name", "weekly", ["weekly"]),
    ],
)
def test_every_field_of_a_task_filters(web: Web, fleet: Fleet, field: str, value: Any, expected: list[str]) -> None:
    """Tasks are found by each of their fields, also by the names that the vendor's client lists, the newest first."""
    fleet.task("letters", "letter")
    fleet.task("nightly", description="each night", submitted_by="token Ann", notes="quiet")
    weekly = fleet.task("weekly", "diagnosis", active=False, stops_at="2027-01-01T00:00:00Z")
    assert expected == found(web.post(TASKS, json=of(**{field: value})), "name")
    nothing = "1999-01-01T00:00:00Z" if "Date" in field or field.endswith("Execution") else "987654321"
    refused = re.search("[sS]tat(e|us)$", field)
    assert (400 if refused else 204) == web.post(TASKS, json=of(**{field: nothing})).status_code
    number = web.post(TASKS, json=of(tasks__id=str(weekly))).json()
    shown = fleet.db.value("select pgjobs.operation_task_json(t) from pgjobs.tasks t where id = %s", weekly)
    assert {"tasks": [shown], "page": {"number": 1, "of": 1}} == number
    page = {"limit": {"size": 1, "start": 2}, "sort": {"parameters": [{"name": "taskName"}]}}
    assert ["weekly"] == found(web.post(TASKS, json=page), "name")
    assert (2, {"ACTIVE": 1, "INACTIVE": 1}) == (
        (counted := groups(web.post(f"{TASKS}/summary", json={})))[0],
        counted[1]["taskState"],
    )


def test_jobs_of_other_doors_are_not_found(web: Web, jobs: list[int]) -> None:
    """A job whose type this door does not offer is not there, not by its number either, and nor are its operations."""
    letter, number = jobs[0], of(jobId=jobs[0])
    for path in (JOBS, HISTORY):
        assert 204 == web.post(path, json=number).status_code
        assert 0 == groups(web.post(f"{path}/summary", json=number))[0]
    assert 204 == web.post(HISTORY, json=of(operationId=f"{letter}-5")).status_code
    assert 204 == web.post(HISTORY, json=of(entityId="dev-5")).status_code


@pytest.mark.parametrize(
    "body", [{}, {"filter": {}}, {"filter": None, "limit": None, "sort": None, "select": None}, None]
)
@pytest.mark.usefixtures("jobs")
def test_without_a_filter_all_is_found(web: Web, body: Any) -> None:
    """Every key of the body may be left out, or be null, and so may the body; the newest job comes first."""
    answer = web.post(JOBS) if body is None else web.post(JOBS, json=body)
    assert ["101", "100", "99"] == found(answer, "id")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"filter": {"and": [{"eq": {"status": "x"}}]}}, "filter.and[0].eq", "Field in filter unknown: status"),
        ({"filter": {"eq": {"jobs.report.summary.status": "x"}}}, "filter.eq", "Field in filter unknown"),
        ({"filter": {"eq": {"operationSteps": "x"}}}, "filter.eq", "Field in filter unknown"),
        ({"filter": {"near": {"jobId": 1}}}, "filter", "is no operator"),
        ({"filter": {"and": {"eq": {"jobId": 1}}}}, "filter.and", "it has to be a list"),
        ({"filter": []}, "filter", "it has to be a JSON object"),
        ({"sort": {"parameters": [{"name": "x"}]}}, "sort.parameters[0].name", "Field in sort unknown: x"),
        ({"sort": {"parameters": [{"name": "jobId", "type": "UP"}]}}, "sort.parameters[0].type", "is no direction"),
        ({"sort": {"parameters": "jobId"}}, "sort.parameters", "it has to be a list"),
        ({"sort": {"parameters": ["jobId"]}}, "sort.parameters[0]", "it has to be a JSON object"),
        ({"filter": {"eq": {"jobStatus": "DONE"}}}, "filter", "there is no jobStatus DONE"),
        ({"filter": {"and": [{"in": {"job.status": ["IDLE", "x"]}}]}}, "filter", "there is no job.status x"),
        ({"select": ["x"]}, "select[0]", "Field in select unknown: x"),
        ({"select": [{"name": "jobId", "fields": [{"field": "x"}]}]}, "select[0].fields[0]", "Field in select unknown"),
        ({"select": ["jobId", "jobId"]}, "select[1]", "is no title of a further column"),
        ({"select": {"name": "jobId"}}, "select", "it has to be a list"),
        ({"select": [{"name": "jobId", "as": "x"}]}, "select[0].as", "there is no such field"),
        ({"select": [7]}, "select", "each of its elements has a name"),
        ({"group": {"parameters": [{"name": "x"}]}}, "group.parameters[0].name", "Field in group unknown: x"),
        ({"limit": {"size": 2001}}, "limit.size", "from 1 to 2000"),
        ({"limit": {"size": 0}}, "limit.size", "from 1 to 2000"),
        ({"limit": {"start": 0}}, "limit.start", "from 1"),
        ({"limit": {"start": "one"}}, "limit.start", "from 1"),
        ({"limit": {"page": 1}}, "limit.page", "there is no such field"),
        ({"limit": [1]}, "limit", "it has to be a JSON object"),
        ({"where": {}}, "where", "there is no such field"),
    ],
)
@pytest.mark.parametrize("path", [HISTORY, f"{HISTORY}/summary"])
@pytest.mark.usefixtures("fleet")
def test_what_a_search_does_not_know_is_refused(web: Web, path: str, body: Any, field: str, said: str) -> None:
    """One sentence that names the place, in the shape of the contract, in a search and in its summary."""
    answer = web.post(path, json=body)
    assert (400, field) == (error(answer)[0], error(answer)[2])
    assert said in answer.json()["errors"][0]["message"]


@pytest.mark.usefixtures("jobs")
def test_pages_are_numbered_and_end_with_nothing(web: Web) -> None:
    """Page after page until 204; the number of pages is known where counters say it, and never too small."""
    ids, number = [], 1
    while (answer := web.post(HISTORY, json={"limit": {"start": number, "size": 4}})).status_code == 200:
        ids += found(answer, "operationId")
        assert number == answer.json()["page"]["number"] <= answer.json()["page"]["of"]
        number += 1
    assert (204, "", 3) == (answer.status_code, answer.text, number)
    assert ["100-1", "100-6", "100-9", "100-10", "99-1", "99-2"] == ids
    # A page that nobody has come to through the one before.
    assert ["99-1", "99-2"] == found(web.post(HISTORY, json={"limit": {"start": 3, "size": 2}}), "operationId")
    of_job = of(jobId="100") | {"limit": {"size": "1", "start": "2"}}
    assert {"number": 2, "of": 4} == web.post(HISTORY, json=of_job).json()["page"]
    assert 204 == web.post(HISTORY, json=of_job | {"limit": {"start": 900_000_000, "size": 2000}}).status_code
    assert {"number": 1, "of": 3} == web.post(JOBS, json={"limit": {"size": 1}}).json()["page"]
    for limit in ({"start": 1_073_743, "size": 2000}, {"start": 10**9, "size": 2000}):
        for path, filter_ in itertools.product(
            (JOBS, HISTORY), ({}, {"like": {"jobUser": "."}}, {"exists": {"jobId": True}})
        ):
            assert 204 == web.post(path, json={"limit": limit, "filter": filter_}).status_code


def test_what_is_added_while_somebody_pages_moves_nothing(web: Web, fleet: Fleet, jobs: list[int]) -> None:
    """New jobs come first, so they would push what was seen already to the next page: that goes on where the one
    before has ended."""
    page = {"limit": {"size": 2}}
    assert ["101", "100"] == found(web.post(JOBS, json=page), "id")
    fleet.job("reboot", "ready")
    fleet.job("reboot", "ready")
    assert ["99"] == found(web.post(JOBS, json={"limit": {"start": 2, "size": 2}}), "id")
    assert ["103", "102"] == found(web.post(JOBS, json=page), "id")
    assert len(jobs) == 4


@pytest.mark.usefixtures("jobs")
def test_rows_come_in_the_order_that_is_asked_for(web: Web) -> None:
    """By one field or several, up or down; a row without a value comes last; pages of an order are counted."""

    def ordered(column: str, *by: tuple[str, str], **more: Any) -> list[Any]:
        sort = {"parameters": [{"name": name, "type": type_} for name, type_ in by]}
        return found(web.post(HISTORY, json={"sort": sort, "select": [column]} | more), column)

    assert ["dev-1", "dev-1", "dev-2", "line-1", "modem-1", "sub-1"] == ordered("entityId", ("entityId", "ASCENDING"))
    by_both = ("entityId", "DESCENDING"), ("jobId", "ASCENDING")
    assert ["100-6", "100-10", "100-9", "99-2", "99-1", "100-1"] == ordered("operationId", *by_both)
    assert [None, None] == ordered("operationResult", ("operationResult", "DESCENDING"))[-2:]
    assert ["99-2"] == ordered("operationId", *by_both, limit={"start": 4, "size": 1})
    page = {"sort": {"parameters": [{"name": "jobId"}]}, "limit": {"start": 2, "size": 4}}
    assert {"number": 2, "of": 2} == web.post(HISTORY, json=page).json()["page"]


@pytest.mark.usefixtures("jobs")
def test_columns_are_selected_and_renamed(web: Web) -> None:
    """A row has what is selected: a field, by an alias, a part of one that holds JSON, or by its dotted name."""
    select = [
        {"name": "operationId", "fields": [{"field": "value", "alias": "id"}]},
        {"name": "operation", "fields": [{"field": "status"}, {"field": "result", "alias": "outcome"}]},
        {"name": "operationParameters", "fields": [{"field": "of"}]},
        {"name": "jobId"},
        "operationDate",
        {"name": "entityId", "fields": [{"field": "value", "alias": "it's %s, $1 \\"}]},
    ]
    row = web.post(HISTORY, json=of(operationId="99-2") | {"select": select}).json()["operations"]
    expected = {
        "id": "99-2",
        "operation.status": "FINISHED",
        "outcome": "ERROR_PROCESSING",
        "operationParameters.of": "dev-2",
        "jobId": "99",
        "operationDate": "2026-11-26T09:03:00+00:00",
        "it's %s, $1 \\": "dev-2",
    }
    assert [expected] == row


@pytest.mark.usefixtures("jobs")
def test_flags_are_taken_in_both_spellings(web: Web) -> None:
    """All five, as true, True, false and False; what is neither, and any other parameter, is refused."""
    plain = web.post(HISTORY, json={}).json()
    names = ("flattened", "utc", "defaultSorted", "caseSensitive", "summary")
    for text in ("false", "False"):
        assert plain == web.post(HISTORY, json={}, params=dict.fromkeys(names, text)).json()
    for text in ("true", "True"):
        answer = web.post(HISTORY, json={}, params=dict.fromkeys(names, text)).json()
        assert 6 == answer.pop("summary")["count"]
        assert plain == answer
    assert (400, "utc") == error(web.post(HISTORY, json={}, params={"utc": "yes"}))[::2]
    assert 400 == web.post(HISTORY, json={}, params={"sort": "jobId"}).status_code


@pytest.mark.usefixtures("jobs")
def test_capitals_count_unless_the_caller_does_not_mind(web: Web) -> None:
    """caseSensitive=false compares texts whatever their capitals; otherwise they have to be the same."""
    body = of(jobUserNotes="NIGHT")
    assert [] == found(web.post(JOBS, json=body), "id")
    assert ["99"] == found(web.post(JOBS, json=body, params={"caseSensitive": "False"}), "id")
    assert ["99"] == found(web.post(JOBS, json=of(jobStatus="finished"), params={"caseSensitive": "false"}), "id")
    assert (400, "0x020001", "filter") == error(web.post(JOBS, json=of(jobStatus="finished")))


def groups(answer: httpx.Response) -> tuple[int, dict[str, dict[str, int]]]:
    """The whole number of a summary, and its groups."""
    summary = answer.json()["summary"]
    counted = {name: group for one in summary["summaryGroup"] for name, group in one.items()}
    assert all(group["count"] == sum(each["count"] for each in group["list"]) for group in counted.values())
    return summary["count"], {
        name: {each["name"]: each["count"] for each in group["list"]} for name, group in counted.items()
    }


@pytest.mark.usefixtures("jobs")
def test_a_summary_has_the_counts_alone(web: Web) -> None:
    """In all, and by status, result and name, with and without a filter; of nothing it is 0; group adds fields."""
    by_name = {"DIAGNOSIS": 2, "REBOOT": 1}
    by_status = {"FINISHED": 1, "IDLE": 1, "IN_PROGRESS": 1}
    for body in ({}, {"filter": {"gt": {"jobId": 1}}}):
        assert (3, {"jobStatus": by_status, "jobOperationName": by_name}) == groups(
            web.post(f"{JOBS}/summary", json=body)
        )
    status = {"FINISHED": 4, "IN_PROGRESS": 1, "WAITING_FOR_CONNECTION": 1}
    result = {"SUCCESSFUL": 1, "ERROR_PROCESSING": 1, "ERROR_TIMEOUT": 1, "CANCELLED": 1}
    count, counted = groups(web.post(f"{HISTORY}/summary", json={}))
    assert (6, status, result) == (count, counted["operationStatus"], counted["operationResult"])
    body = of(jobId=99) | {"group": {"parameters": [{"name": "resourceType"}, {"name": "entityId"}]}}
    count, counted = groups(web.post(f"{HISTORY}/summary", json=body))
    assert (2, {"entity.device": 2}, {"dev-1": 1, "dev-2": 1}) == (count, counted["resourceType"], counted["entityId"])
    assert 0 == groups(web.post(f"{HISTORY}/summary", json=of(entityId="dev-4")))[0]
    assert (0, {"taskState": {}, "jobOperationName": {}}) == groups(web.post(f"{TASKS}/summary", json={}))


def test_a_table_has_a_line_for_each_row(web: Web, fleet: Fleet) -> None:
    """Commas as RFC 4180 has them, or semicolons; cells with delimiters, quotes and line ends come back whole, and
    what a spreadsheet would take for a formula does not begin with its sign."""
    odd = 'a;b,"c"\nd'
    fleet.job("reboot", "done", [("dev-1", "failed", "ERROR", odd), ("dev-2", "failed", "ERROR", "=1+1")], notes="-7.5")
    select = [
        {"name": "entityId", "fields": [{"field": "value", "alias": "entity"}]},
        "operationDetails",
        "jobUserNotes",
    ]
    for accept, delimiter, line_end in (("text/plain", ";", "\n"), ("text/csv", ",", "\r\n")):
        answer = web.post(HISTORY, json={"select": select}, headers={"Accept": accept})
        assert (200, True) == (
            answer.status_code,
            answer.headers["content-type"].startswith(f"{accept}; charset=utf-8"),
        )
        assert answer.text.startswith(f"entity{delimiter}operationDetails{delimiter}jobUserNotes{line_end}")
        expected = [
            ["entity", "operationDetails", "jobUserNotes"],
            ["dev-1", odd, "-7.5"],
            ["dev-2", "'=1+1", "-7.5"],
        ]
        assert expected == list(csv.reader(io.StringIO(answer.text, newline=""), delimiter=delimiter))
    everything = web.post(HISTORY, json={"limit": {"size": 1}}, headers={"Accept": "text/csv"})
    header, row = csv.reader(io.StringIO(everything.text, newline=""))
    assert ("jobId", "operationId", str(fleet.numbers["dev-1"])) == (header[0], header[2], row[2].split("-")[1])
    nothing = web.post(HISTORY, json=of(entityId="dev-4"), headers={"Accept": "text/plain"})
    assert (204, "") == (nothing.status_code, nothing.text)
    unknown = web.post(HISTORY, json={"select": ["x"]}, headers={"Accept": "text/plain"})
    assert 400 == error(unknown)[0]


def test_a_table_without_a_limit_has_all_rows(web: Web, fleet: Fleet) -> None:
    """However many there are: 4,001 jobs are three pages of the database, and one answer."""
    fleet.db.execute("set session_replication_role = replica")
    fleet.db.execute("insert into xmp_jobs (type, params) select 'reboot', '{}' from generate_series(1, 4001)")
    answer = web.post(JOBS, json={"select": ["jobId"]}, headers={"Accept": "text/csv"})
    ids = [int(line) for line in answer.text.split()[1:]]
    assert (4001, sorted(ids, reverse=True)) == (len(set(ids)), ids)
    assert 1001 == len(web.post(JOBS, json={"limit": {"size": 1000}}, headers={"Accept": "text/csv"}).text.split())


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("text/plain", SEMICOLONS),
        ("text/csv", COMMAS),
        ("TEXT/CSV; header=present", COMMAS),
        ("text/csv, application/json", JSON),
        ("text/csv, */*;q=0.5", COMMAS),
        ("application/json;q=0.5, text/plain;q=0.9", SEMICOLONS),
        ("text/csv;q=0", JSON),
        ("image/png", JSON),
        ("application/json, text/plain, */*", JSON),
    ],
)
def test_the_form_is_the_one_that_the_caller_likes_best(accept: str, form: Form) -> None:
    """JSON, unless the header Accept names a table and likes it better."""
    assert form is wanted_form([accept])


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1", "'=1"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-5", "-5"),
        ("+4.5", "+4.5"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
    ],
)
def test_no_cell_begins_like_a_formula(cell: str | None, written: str) -> None:
    """What a spreadsheet program would compute has an apostrophe before it; numbers stay as they are."""
    assert written == harmless(cell)


def test_a_token_that_may_read_may_search(guarded_web: Web, db: Db, fleet: Fleet) -> None:
    """A search changes nothing: operations:read is enough, in X-ApiKey; without a token it is 401."""
    fleet.job("reboot", "done", [("dev-1", "good")])
    token, digest = make_token()
    db.execute("select pgjobs.add_token('reader', %s, '{operations:read}', null)", (digest,))
    for path in (JOBS, HISTORY, f"{HISTORY}/summary", f"{TASKS}/summary"):
        assert 401 == guarded_web.post(path, json={}).status_code
        assert 200 == guarded_web.post(path, json={}, headers={"X-ApiKey": token}).status_code
        assert 405 == guarded_web.get(path, headers={"X-ApiKey": token}).status_code
