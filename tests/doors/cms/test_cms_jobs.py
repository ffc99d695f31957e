"""Jobs as resources at the door of the CMS: created, read and changed as by SQL, with SQL's refusals."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fix_jobs import STATUSES, Db, connect, insert_job, job_in
from fix_web import Web
from psycopg.types.json import Jsonb

WHOLE = {
    "type": "expired",
    "params": {"never": 1, "service_id": 290, "date_from": "2016-10-10"},
    "id_user": 7,
    "run_at": "2100-01-02T03:04:05+02:00",
    "priority": 8,
    "active": False,
    "rate": 0.5,
    "max_backlog": 5_000_000_000,
    "stop_at": "2100-01-03",
    "schedule": {"window": {"start": "09:00", "stop": "15:00", "zone": "Europe/Madrid"}},
    "budget": {"errors": 100},
    "shards": 3,
    "name": "Retry of October \u00fc",
    "callback_url": "http://cms.example/done",
    "media_type": "campaign",
    "reference_id": "355",
    "custom_type": "monthly",
    "notes": "as agreed\nwith Ann",
    "configuration": {"why": [1, None, {"deep": True}]},
    "idempotency_key": "form 4711",
}


EXPIRED = {"type": "expired", "run_at": "2026-01-01T00:00:00Z"}
"""A job due at a fixed moment: a refusal may name it."""


def as_sql_refuses(db: Db, column: str, value: object) -> dict[str, Any]:
    """What HTTP owes where an insert with this column is refused."""
    columns = EXPIRED | {column: Jsonb(value) if isinstance(value, dict) else value}
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    diag = db.refusal(f"insert into xmp_jobs ({names}) values ({marks})", *columns.values())  # noqa: S608 names of the test
    return {"error": diag.message_primary, "code": diag.constraint_name, "hint": diag.message_hint}


def shown(answer: httpx.Response) -> dict[str, Any]:
    """What every error has."""
    return {name: answer.json()[name] for name in ("error", "code", "hint")}


def test_a_job_is_created_with_every_column(web: Web, db: Db) -> None:
    """All columns that may be written of a new job arrive in the row; the answer shows them, and its address."""
    answer = web.post("/jobs", json=WHOLE)
    assert (201, "application/json") == (answer.status_code, answer.headers["content-type"])
    job = answer.json()
    assert f"/jobs/{job['id']}" == answer.headers["location"]
    again = web.get(answer.headers["location"])
    assert (job, answer.headers["etag"]) == (again.json(), again.headers["etag"])
    row = db.value("select to_jsonb(j) from xmp_jobs j where id = %s", job["id"])
    moments = {
        "run_at": datetime(2100, 1, 2, 1, 4, 5, tzinfo=UTC),
        "stop_at": datetime(2100, 1, 3, tzinfo=UTC),
    }
    for name, value in WHOLE.items():
        if name in moments:
            assert moments[name] == datetime.fromisoformat(row[name]) == datetime.fromisoformat(job[name]), name
        else:
            assert value == row[name] == job[name], name
    assert ("ready", "http from 127.0.0.1", "http from 127.0.0.1") == (
        job["status"],
        job["submitted_by"],
        db.value("select actor from pgjobs.job_events where job_id = %s order by id limit 1", job["id"]),
    )


def test_what_is_null_counts_as_not_given(web: Web) -> None:
    """Null leaves a column out, as a form does that sends all of its fields."""
    answer = web.post("/jobs", json=dict.fromkeys(WHOLE) | {"type": "expired"})
    assert (201, 5, True, 0, {}) == (
        answer.status_code,
        *(answer.json()[name] for name in ("priority", "active", "id_user", "params")),
    )


def test_a_job_may_be_created_held_back(web: Web, db: Db) -> None:
    """A job that is inserted as canceled waits for a resume, in either spelling."""
    for spelling in ("canceled", "cancelled"):
        job = web.post("/jobs", json={"type": "expired", "status": spelling}).json()
        assert "canceled" == db.value("select status from xmp_jobs where id = %s", job["id"])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "nothing"),
        ("status", "in progress"),
        ("status", "lost"),
        ("params", {"wrong": 1}),
        ("params", {"count": 0}),
        ("params", {"date_from": "soon"}),
        ("file_name", "list.csv"),
        ("priority", 11),
        ("rate", -1),
        ("max_backlog", 0),
        ("stop_at", "2001-01-01T00:00:00Z"),
        ("schedule", {"window": {"start": "9"}}),
        ("budget", {"errors": -1}),
        ("rules", {"retry_limit": 1}),
        ("shards", 65),
        ("name", "x" * 201),
        ("name", "a\tb"),
        ("media_type", "campaign"),
        ("callback_url", "ftp://x"),
        ("idempotency_key", " "),
        ("configuration", {"x": "y" * 65_536}),
    ],
)
def test_what_sql_refuses_is_refused_with_its_sentence(web: Web, db: Db, column: str, value: object) -> None:
    """Whatever the triggers refuse of an insert, the door refuses in the same words, and no job is there afterwards."""
    expected = as_sql_refuses(db, column, value)
    answer = web.post("/jobs", json=EXPIRED | {column: value})
    assert (400, expected) == (answer.status_code, shown(answer))
    assert 0 == db.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({}, "type", "type: it is missing"),
        ({"type": None}, "type", "type: it is missing"),
        ({"type": 7}, "type", "type: 7 is not a text"),
        ({"id": 7}, "id", "id: a job has no such column that can be written"),
        ({"Priority": 7}, "Priority", "Priority: a job has no such column that can be written"),
        ({"log_path": "/x"}, "log_path", "log_path: a job has no such column that can be written"),
        ({"priority": "7"}, "priority", 'priority: "7" is not a whole number from -2147483648 to 2147483647'),
        ({"priority": 7.5}, "priority", "priority: 7.5 is not a whole number from -2147483648 to 2147483647"),
        ({"priority": True}, "priority", "priority: true is not a whole number from -2147483648 to 2147483647"),
        ({"id_user": 2**31}, "id_user", "id_user: 2147483648 is not a whole number from -2147483648 to 2147483647"),
        ({"shards": 1e300}, "shards", None),
        ({"rate": "fast"}, "rate", 'rate: "fast" is not a number'),
        ({"active": "yes"}, "active", 'active: "yes" is neither true nor false'),
        ({"active": 1}, "active", "active: 1 is neither true nor false"),
        ({"params": []}, "params", "params: it has to be a JSON object"),
        ({"schedule": "x"}, "schedule", "schedule: it has to be a JSON object"),
        ({"name": {}}, "name", "name: {} is not a text"),
        ({"run_at": 1893456000}, "run_at", "run_at: 1893456000 is not a text"),
        ({"run_at": ""}, "run_at", 'run_at: "" is not a date or a timestamp'),
        ({"run_at": "now"}, "run_at", 'run_at: "now" is not a date or a timestamp'),
        ({"run_at": "infinity"}, "run_at", 'run_at: "infinity" is not a date or a timestamp'),
        ({"stop_at": "2016-13-01"}, "stop_at", 'stop_at: "2016-13-01" is not a date or a timestamp'),
    ],
)
def test_what_is_no_column_or_of_another_kind_is_400(
    web: Web, db: Db, given: dict[str, Any], field: str, sentence: str | None
) -> None:
    """A name that is no column, and a value that is not of its kind, are refused with the field and the remedy."""
    answer = web.post("/jobs", json=given if field == "type" else {"type": "expired"} | given)
    problem = answer.json()
    assert 400 == answer.status_code
    assert problem["error"].startswith(f"{field}: ")
    assert sentence in (None, problem["error"])
    assert problem["hint"]
    assert 0 == db.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[]", "application/json", 400),
        (b'{"type": "expired"', "application/json", 400),
        (b'{"type": "expired", "type": "injection"}', "application/json", 400),
        (b'{"type": "expired", "rate": NaN}', "application/json", 400),
        (b'{"type": "expired", "name": "a\\u0000b"}', "application/json", 400),
        (b'{"type": "expired", "name": "\xff"}', "application/json", 400),
        (b'{"type": "expired", "priority": 1e999}', "application/json", 400),
        (b'{"type": "expired", "params": ' + b"[" * 60 + b"]" * 60 + b"}", "application/json", 400),
        (b" " * 300_000, "application/json", 413),
        (b'{"type": "expired"}', "application/x-www-form-urlencoded", 415),
        (b'{"type": "expired"}', "text/plain", 415),
    ],
)
def test_a_body_that_is_no_proper_json_creates_nothing(web: Web, db: Db, body: bytes, kind: str, status: int) -> None:
    """What is no JSON object, or says so wrongly, is refused; JSON under another name is told how to be sent."""
    answer = web.post("/jobs", content=body, headers={"Content-Type": kind})
    assert status == answer.status_code
    assert status != 415 or "application/json" in answer.json()["hint"]
    assert 0 == db.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data": {"status": "ready"}},
        {"headers": {"Content-Type": "application/json"}},
        {"params": {"status": "ready"}},
        {"params": {"status": "ready"}, "headers": {"Content-Type": "application/json"}},
    ],
)
def test_a_post_without_json_lists_as_ever(web: Web, db: Db, options: dict[str, Any]) -> None:
    """POST /jobs with a form, parameters or nothing at all is the list of jobs, whatever type an empty body has."""
    job = insert_job(db)
    answer = web.post("/jobs", **options)
    assert (200, [job]) == (answer.status_code, [found["id"] for found in answer.json()])


def test_creating_takes_no_parameters(web: Web, db: Db) -> None:
    """A query string beside a body of JSON is refused: it would be read by nobody."""
    answer = web.post("/jobs?type=expired", json={"type": "expired"})
    assert (400, "unknown_parameter") == (answer.status_code, answer.json()["code"])
    assert 0 == db.value("select count(*) from xmp_jobs")


def test_the_same_request_under_one_key_creates_one_job(web: Web, db: Db) -> None:
    """A request that is repeated under its Idempotency-Key gets the answer of the first, another one under it a 409."""
    key = {"Idempotency-Key": "5a7c"}
    first = web.post("/jobs", json={"type": "expired"}, headers=key)
    db.execute("update xmp_jobs set priority = 9")
    again = web.post("/jobs", json={"type": "expired"}, headers=key)
    assert (201, first.json(), first.headers["location"]) == (
        again.status_code,
        again.json(),
        again.headers["location"],
    )
    other = web.post("/jobs", json={"type": "expired", "priority": 1}, headers=key)
    assert (409, "key_reused") == (other.status_code, other.json()["code"])
    assert 1 == db.value("select count(*) from xmp_jobs")


def test_a_key_stays_free_where_nothing_was_created(web: Web, db: Db) -> None:
    """A request that was refused leaves its Idempotency-Key to the one that is right."""
    key = {"Idempotency-Key": "5a7c"}
    assert 400 == web.post("/jobs", json={"type": "nothing"}, headers=key).status_code
    assert 201 == web.post("/jobs", json={"type": "expired"}, headers=key).status_code
    assert 1 == db.value("select count(*) from xmp_jobs")


def test_many_at_once_under_one_key_create_one_job(web: Web, db: Db) -> None:
    """Of requests that come at the same moment under one key, one creates the job and all get its answer."""

    async def all_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
        key = {"Idempotency-Key": "5a7c"}
        return await asyncio.gather(*(client.post("/jobs", json={"type": "expired"}, headers=key) for _ in range(6)))

    answers = web.within(all_at_once)
    assert {201} == {answer.status_code for answer in answers}
    assert 1 == len({answer.json()["id"] for answer in answers}) == db.value("select count(*) from xmp_jobs")


def test_a_second_job_with_an_idempotency_key_of_its_own_is_409(web: Web, db: Db) -> None:
    """The column idempotency_key holds as it does by SQL, and the sentence names the job that has the key."""
    job = web.post("/jobs", json={"type": "expired", "idempotency_key": "form 1"}).json()["id"]
    answer = web.post("/jobs", json={"type": "expired", "idempotency_key": "form 1"})
    assert (409, "duplicate_key") == (answer.status_code, answer.json()["code"])
    assert f"job {job} was inserted with this key already" in answer.json()["error"]
    assert 1 == db.value("select count(*) from xmp_jobs")


CHANGES = [
    ("priority", 9, 9),
    ("rate", 50, 50),
    ("rate", 0.25, 0.25),
    ("max_backlog", 10, 10),
    ("stop_at", "2100-01-01T00:00:00Z", "2100-01-01T00:00:00+00:00"),
    ("run_at", "2099-01-01T02:00:00+02:00", "2099-01-01T00:00:00+00:00"),
    ("active", False, False),
    ("schedule", {"stop_after": "2 hours"}, {"stop_after": "2 hours"}),
    ("budget", {"errors": 3}, {"errors": 3}),
    ("name", "other", "other"),
]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
@pytest.mark.parametrize(("column", "value", "becomes"), CHANGES)
def test_a_job_is_changed(web: Web, db: Db, method: str, column: str, value: object, becomes: object) -> None:
    """PATCH, or POST where a client knows no PATCH, writes a column; answer, row and event show it."""
    job = insert_job(db)
    answer = web.call(method, f"/jobs/{job}", json={column: value})
    assert (200, becomes) == (answer.status_code, answer.json()[column])
    row = db.value("select to_jsonb(j) from xmp_jobs j where id = %s", job)
    assert becomes == row[column]
    if column != "name":
        assert "http from 127.0.0.1" == db.value(
            "select actor from pgjobs.job_events where job_id = %s order by id desc limit 1", job
        )


def test_null_takes_a_limit_away(web: Web, db: Db) -> None:
    """Null writes null, where the column may have none."""
    job = insert_job(db, rate=5, max_backlog=7, stop_at="2100-01-01")
    answer = web.call("PATCH", f"/jobs/{job}", json={"rate": None, "max_backlog": None, "stop_at": None})
    assert (200, None, None, None) == (
        answer.status_code,
        *(answer.json()[name] for name in ("rate", "max_backlog", "stop_at")),
    )


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("column", ["priority", "rate", "run_at", "active", "params", "idempotency_key", "status"])
def test_a_change_has_the_fate_that_it_has_by_sql(web: Web, db: Db, database: str, status: str, column: str) -> None:
    """In every state a change by the door does what the same UPDATE does, or is refused in its words."""
    value: Any = {
        "priority": 3, "rate": 7, "run_at": "2099-01-01T00:00:00Z", "active": False, "params": {"never": 1},
        "idempotency_key": "k", "status": "canceled",
    }[column]  # fmt: skip
    job = job_in(db, status)
    statement = f"update xmp_jobs set {column} = %s where id = %s"  # noqa: S608 names of the test
    written = Jsonb(value) if isinstance(value, dict) else value
    expected: tuple[int, dict[str, Any] | None] = (200, None)
    with connect(database) as other, other.transaction(force_rollback=True):
        try:
            other.execute(statement.encode(), (written, job))
        except Exception as error:  # noqa: BLE001 its kind is looked at
            diag = getattr(error, "diag")  # noqa: B009
            expected = int(diag.sqlstate[2:]), {
                "error": diag.message_primary, "code": diag.constraint_name, "hint": diag.message_hint,
            }  # fmt: skip
    answer = web.call("PATCH", f"/jobs/{job}", json={column: value})
    assert expected == (answer.status_code, None if answer.status_code == 200 else shown(answer))


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({}, 400, "the body names no column"),
        ({"id_user": None}, 400, "id_user: it is null"),
        ({"file_name": None}, 400, "file_name: it is null"),
        ({"priority": None}, 400, "priority: it is null"),
        ({"run_at": None}, 400, "run_at: it is null"),
        ({"priority": 5, "rate": -1}, 400, "rate: -1 is no number of records per second"),
        ({"id": 3}, 400, "id: a job has no such column that can be written"),
        ({"task_id": 3}, 400, "task_id: a job has no such column that can be written"),
    ],
)
def test_a_change_that_cannot_be_is_refused_whole(
    web: Web, db: Db, changes: dict[str, Any], status: int, sentence: str
) -> None:
    """A change of which one part is wrong changes nothing."""
    job = insert_job(db)
    before = db.value("select to_jsonb(j) from xmp_jobs j where id = %s", job)
    answer = web.call("PATCH", f"/jobs/{job}", json=changes)
    assert (status, sentence) == (answer.status_code, answer.json()["error"])
    assert before == db.value("select to_jsonb(j) from xmp_jobs j where id = %s", job)


def test_if_match_refuses_what_was_read_too_long_ago(web: Web, db: Db) -> None:
    """A change under If-Match is done at the revision that was read, and refused (412) at any later one."""
    job = insert_job(db)
    read = web.get(f"/jobs/{job}").headers["etag"]
    first = web.call("PATCH", f"/jobs/{job}", json={"priority": 6}, headers={"If-Match": read})
    assert 200 == first.status_code
    late = web.call("PATCH", f"/jobs/{job}", json={"priority": 7}, headers={"If-Match": read})
    assert (412, "changed") == (late.status_code, late.json()["code"])
    assert 6 == db.value("select priority from xmp_jobs where id = %s", job)
    both = {"If-Match": f"{read}, {first.headers['etag']}"}
    assert 200 == web.call("PATCH", f"/jobs/{job}", json={"priority": 7}, headers=both).status_code
    assert 200 == web.call("PATCH", f"/jobs/{job}", json={"priority": 8}, headers={"If-Match": "*"}).status_code
    assert 400 == web.call("PATCH", f"/jobs/{job}", json={"priority": 8}, headers={"If-Match": "x"}).status_code


def test_of_many_changes_at_once_one_is_at_the_revision(web: Web, db: Db) -> None:
    """Of changes that come at the same moment under the same If-Match one is done, and the others get 412."""
    job = insert_job(db)
    read = web.get(f"/jobs/{job}").headers["etag"]

    async def all_at_once(client: httpx.AsyncClient) -> list[httpx.Response]:
        headers = {"If-Match": read}
        return await asyncio.gather(
            *(client.patch(f"/jobs/{job}", json={"name": f"{n}"}, headers=headers) for n in range(6))
        )

    answers = web.within(all_at_once)
    assert [200] + [412] * 5 == sorted(answer.status_code for answer in answers)
    (done,) = [answer.json()["name"] for answer in answers if answer.status_code == 200]
    assert done == db.value("select name from xmp_jobs where id = %s", job)


def test_progress_is_no_other_revision(web: Web, db: Db) -> None:
    """The revision of a job stays while its records are counted, so that somebody can change a running job."""
    job = job_in(db, "in progress")
    read = web.get(f"/jobs/{job}").headers["etag"]
    db.execute("update pgjobs.shards set considered = 7, sent = 7, updated_at = now() where job_id = %s", (job,))
    again = web.get(f"/jobs/{job}")
    assert (read, 7) == (again.headers["etag"], again.json()["progress"]["sent"])


@pytest.mark.parametrize("path", ["", "/outcomes", "/events", "/log"])
def test_an_unknown_job_is_404(web: Web, db: Db, path: str) -> None:
    """Whatever is asked of a number that no job has is refused in the words of SQL."""
    diag = db.refusal("select pgjobs.show_job(7)")
    answer = web.get(f"/jobs/7{path}")
    expected = {"error": diag.message_primary, "code": diag.constraint_name, "hint": diag.message_hint}
    assert (404, expected) == (answer.status_code, shown(answer))
    assert 404 == web.call("PATCH", "/jobs/7", json={"priority": 1}).status_code


@pytest.mark.parametrize("number", ["9" * 30, "-9223372036854775809", "9" * 5000])
def test_a_number_beyond_all_jobs_is_400(web: Web, number: str) -> None:
    """A number that is no bigint is refused with a sentence."""
    answer = web.get(f"/jobs/{number}")
    assert (400, "bad_id") == (answer.status_code, answer.json()["code"])


def test_a_job_with_a_negative_number_is_shown(web: Web, db: Db) -> None:
    """Any bigint may be the number of a job."""
    db.execute("insert into xmp_jobs (id, type) values (-5, 'expired')")
    assert -5 == web.get("/jobs/-5").json()["id"]


def test_outcomes_are_counted_by_reason(web: Web, db: Db) -> None:
    """Outcomes come by action and code, with the code in words, most first; their sum is what was considered."""
    job = job_in(db, "in progress")
    db.execute(
        b"insert into pgjobs.outcomes (job_id, shard, action, code, n) values"
        b" (%(job)s, 0, 'sent', '', 10), (%(job)s, 1, 'sent', '', 5), (%(job)s, 0, 'skip', 'blacklisted', 3),"
        b" (%(job)s, 0, 'skip', 'wrong_prefix', 4), (%(job)s, 0, 'skip', 'of_the_shop', 4)",
        {"job": job},
    )
    words = dict(db.execute("select code, words from pgjobs.record_codes()").fetchall())
    assert [
        {"action": "sent", "code": None, "reason": None, "records": 15},
        {"action": "skip", "code": "of_the_shop", "reason": "of_the_shop", "records": 4},
        {"action": "skip", "code": "wrong_prefix", "reason": words["wrong_prefix"], "records": 4},
        {"action": "skip", "code": "blacklisted", "reason": words["blacklisted"], "records": 3},
    ] == web.get(f"/jobs/{job}/outcomes").json()
    assert [] == web.get(f"/jobs/{insert_job(db)}/outcomes").json()


def test_events_are_paged_by_their_ids(web: Web, db: Db) -> None:
    """Events come in order, whoever made them, and pages after the last id have each of them once."""
    job, other = insert_job(db), insert_job(db)
    for priority in range(6, 10):
        web.call("PATCH", f"/jobs/{job}", json={"priority": priority})
        db.execute("update xmp_jobs set priority = %s where id = %s", (priority, other))
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    found: list[dict[str, Any]] = []
    while page := web.get(
        f"/jobs/{job}/events", params={"limit": 2} | ({"after": found[-1]["id"]} if found else {})
    ).json():
        assert len(page) <= 2
        found += page
    assert db.column("select id from pgjobs.job_events where job_id = %s order by id", job) == [e["id"] for e in found]
    assert found == web.get(f"/jobs/{job}/events").json()
    assert ("ready", "canceled", None) == (found[-1]["from_status"], found[-1]["to_status"], found[-1]["actor"])
    assert {"http from 127.0.0.1", None} == {event["actor"] for event in found}
    for limit in (0, 1001):
        answer = web.get(f"/jobs/{job}/events?limit={limit}")
        assert (400, "bad_limit") == (answer.status_code, answer.json()["code"])


@pytest.fixture
def read_only(db: Db) -> dict[str, str]:
    """The header of a token that may only look."""
    db.execute("select pgjobs.add_token('looker', sha256('secret'), '{cms:read}', null)")
    return {"Authorization": "Bearer secret"}


def test_a_token_that_may_look_changes_nothing(guarded_web: Web, db: Db, read_only: dict[str, str]) -> None:
    """With read alone a caller sees jobs and lists, by POST as well, and creates and changes none."""
    job = insert_job(db)
    for path in ("/jobs", f"/jobs/{job}", f"/jobs/{job}/outcomes", f"/jobs/{job}/events"):
        assert 200 == guarded_web.get(path, headers=read_only).status_code
    assert 200 == guarded_web.post("/jobs", headers=read_only).status_code
    assert 403 == guarded_web.post("/jobs", json={"type": "expired"}, headers=read_only).status_code
    assert 403 == guarded_web.call("PATCH", f"/jobs/{job}", json={"priority": 1}, headers=read_only).status_code
    assert 401 == guarded_web.post("/jobs", json={"type": "expired"}).status_code
    assert (1, 5) == db.row("select count(*), max(priority) from xmp_jobs")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}])
def test_a_page_of_another_site_creates_no_job(web: Web, db: Db, headers: dict[str, str]) -> None:
    """What a browser sends for a page of another site creates and changes nothing."""
    job = insert_job(db)
    assert 403 == web.post("/jobs", json={"type": "expired"}, headers=headers).status_code
    assert 403 == web.call("PATCH", f"/jobs/{job}", json={"priority": 1}, headers=headers).status_code
    assert (1, 5) == db.row("select count(*), max(priority) from xmp_jobs")
