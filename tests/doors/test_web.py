"""The CMS door: what its requests do to jobs, and that its refusals are those of SQL."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx
import psycopg
import pytest
from fix_jobs import STATUSES, Db, insert_job, job_in
from fix_services import soon
from fix_web import Web

from pgjobs.web import pool
from pgjobs.web.pool import CONNECTIONS

LEGAL = {
    "start": {"ready": "ready"},
    "stop": {"ready": "canceled", "in progress": "canceled"},
    "pause": {"ready": "ready", "in progress": "in progress"},
    "resume": {"canceled": "ready", "error": "ready"},
    "cancel": {"ready": "canceled", "in progress": "canceled", "canceled": "canceled", "error": "canceled"},
}
ILLEGAL = [(verb, status) for verb, legal in LEGAL.items() for status in STATUSES if status not in legal]
CHANGING = ("/jobs/start", "/jobs/stop", "/jobs/pause", "/jobs/resume", "/jobs/cancel", "/api")
OF_THE_SERVICE = ("/metrics", "/metrics/targets", "/healthz", "/readyz", "/openapi.json", "/docs", "/docs/")
OPEN_CONNECTIONS = (
    "select count(*) from pg_stat_activity where application_name = 'pgjobs web' and datname = current_database()"
)


def refused_by_sql(db: Db, call: str, *args: object) -> tuple[int, dict[str, Any]]:
    """The status and the body that HTTP owes for a refusal of SQL."""
    diag = db.refusal(call, *args)
    assert diag.sqlstate is not None
    return int(diag.sqlstate[2:]), {
        "error": diag.message_primary,
        "code": diag.constraint_name,
        "hint": diag.message_hint,
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("verb", "status", "becomes"), [(v, s, t) for v, legal in LEGAL.items() for s, t in legal.items()]
)
def test_a_legal_verb_changes_the_job_and_answers_with_it(
    web: Web, db: Db, method: str, verb: str, status: str, becomes: str
) -> None:
    """Every legal verb, by GET and by POST, moves the row and answers with the job as it is now."""
    job = job_in(db, status)
    answer = web.call(method, f"/jobs/{verb}?id={job}")
    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert (job, becomes) == (answer.json()["id"], answer.json()["status"])
    assert becomes == db.value("select status from xmp_jobs where id = %s", job)


@pytest.mark.parametrize(("verb", "status"), ILLEGAL)
def test_an_illegal_verb_is_refused_with_the_sentence_of_sql(web: Web, db: Db, verb: str, status: str) -> None:
    """Every other pair of verb and status is a 409 with the sentence of SQL, which names both, and changes nothing."""
    job = job_in(db, status)
    before = db.value("select to_jsonb(j) from xmp_jobs j where id = %s", job)
    answer = web.get(f"/jobs/{verb}?id={job}")
    assert refused_by_sql(db, f"select pgjobs.{verb}_job(%s)", job) == (answer.status_code, answer.json())
    assert (409, "illegal_transition") == (answer.status_code, answer.json()["code"])
    legal = {"ready": "canceled", "in progress": "done", "canceled": "ready", "error": "ready", "done": "final"}
    assert status in answer.json()["error"]
    assert legal[status] in answer.json()["error"]
    assert before == db.value("select to_jsonb(j) from xmp_jobs j where id = %s", job)


@pytest.mark.parametrize(
    ("verb", "status", "hint"),
    [
        ("stop", "canceled", "there is nothing to do: it does not run"),
        ("start", "in progress", "there is nothing to do: it runs"),
        ("resume", "in progress", "there is nothing to do: it runs"),
        ("resume", "ready", "there is nothing to do: it is not held"),
        ("start", "canceled", "resume it, or cancel it"),
        ("stop", "error", "resume it, or cancel it"),
    ],
)
def test_the_hint_of_a_repeated_verb_does_not_ask_for_the_opposite(
    web: Web, db: Db, verb: str, status: str, hint: str
) -> None:
    """Where a job is already what the caller wants, the hint says so; else it names what gets on."""
    assert web.get(f"/jobs/{verb}?id={job_in(db, status)}").json()["hint"].startswith(hint)


def test_a_start_of_a_paused_job_is_told_to_resume_it(web: Web, db: Db) -> None:
    """A paused job is in progress and does not run, so that the hint is another one."""
    job = job_in(db, "in progress")
    web.get(f"/jobs/pause?id={job}")
    assert web.get(f"/jobs/start?id={job}").json()["hint"].startswith("it is paused: resume")


@pytest.mark.parametrize("verb", LEGAL)
def test_a_link_refuses_if_match(web: Web, db: Db, verb: str) -> None:
    """A condition that a link would not look at is refused, and nothing is changed; a star is none."""
    status = next(iter(LEGAL[verb]))
    job = job_in(db, status)
    before = db.value("select xmin::text from xmp_jobs where id = %s", job)
    answer = web.post(f"/jobs/{verb}?id={job}", headers={"If-Match": f'"{before}"'})
    assert (400, "not_taken", True) == (answer.status_code, answer.json()["code"], "PATCH" in answer.json()["hint"])
    assert before == db.value("select xmin::text from xmp_jobs where id = %s", job)
    assert 200 == web.post(f"/jobs/{verb}?id={job}", headers={"If-Match": "*"}).status_code


def test_start_sets_run_at_to_now(web: Web, db: Db) -> None:
    """A job that was to run tomorrow runs now, and the start counts as asked for."""
    job = job_in(db, "ready")
    db.execute("update xmp_jobs set run_at = now() + interval '1 day' where id = %s", (job,))
    web.get(f"/jobs/start?id={job}")
    assert (True, True) == db.row("select run_at <= now(), start_asked from xmp_jobs where id = %s", job)


@pytest.mark.parametrize("status", ["ready", "in progress"])
def test_a_paused_job_goes_on_when_it_is_resumed(web: Web, db: Db, status: str) -> None:
    """A pause keeps the status and makes the job inactive, with the caller in its events; the answer says why it does
    not move; a resume lets it go on, where it is active already it is refused as before."""
    job = job_in(db, status)
    paused = web.get(f"/jobs/pause?id={job}").json()
    assert (status, False) == (paused["status"], paused["active"])
    assert "set active = true" in paused["why"]
    resumed = web.post("/jobs/resume", data={"id": str(job)}).json()
    assert (status, True) == (resumed["status"], resumed["active"])
    events = "select reason, actor from pgjobs.job_events where job_id = %s and reason like 'active%%' order by id"
    rows = db.execute(events.encode(), (job,)).fetchall()
    assert [("active = false", "http from 127.0.0.1"), ("active = true", "http from 127.0.0.1")] == rows
    assert 409 == web.get(f"/jobs/resume?id={job}").status_code


def test_a_held_job_is_resumed(web: Web, db: Db) -> None:
    """A job that a rule of its own holds answers with the reason, and goes on when it is resumed."""
    job = job_in(db, "in progress")
    db.execute("select pgjobs.hold_job(%s, 'canary', 'its first records are sent')", (job,))
    assert web.get(f"/jobs/status?id={job}").json()["why"] == "its first records are sent"
    assert web.get(f"/jobs/resume?id={job}").json()["active"] is True
    assert db.value("select released_at is not null from pgjobs.holds where job_id = %s", job)


def test_the_event_of_a_change_names_the_application(web: Web, db: Db) -> None:
    """The event of a stop says that it came through the web process."""
    job = job_in(db, "ready")
    web.get(f"/jobs/stop?id={job}")
    assert ("canceled", "pgjobs web") == db.row(
        "select to_status, application from pgjobs.job_events where job_id = %s order by id desc limit 1", job
    )


@pytest.mark.parametrize("verb", ["start", "stop", "pause", "resume", "cancel", "status"])
def test_an_unknown_job_is_404_with_the_sentence_of_sql(web: Web, db: Db, verb: str) -> None:
    """A number that no job has is refused with the same sentence by HTTP and by SQL."""
    function = "show_job" if verb == "status" else f"{verb}_job"
    answer = web.get(f"/jobs/{verb}?id=7")
    assert refused_by_sql(db, f"select pgjobs.{function}(%s)", 7) == (answer.status_code, answer.json())
    assert (404, "unknown_job", "there is no job 7") == (
        answer.status_code,
        answer.json()["code"],
        answer.json()["error"],
    )


@pytest.mark.parametrize(
    "path", ["/jobs/start", "/jobs/stop", "/jobs/pause", "/jobs/resume", "/jobs/cancel", "/jobs/status"]
)
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("id=", "id: it is missing"),
        ("id=abc", 'id: "abc" is not a whole number'),
        ("id=--1", 'id: "--1" is not a whole number'),
        ("id=9223372036854775808", "id: 9223372036854775808 is beyond the number of any job"),
        ("id=1.0", 'id: "1.0" is not a whole number'),
        ("id=%207", 'id: " 7" is not a whole number'),
        ("id=7%0A", 'id: "7\\n" is not a whole number'),
        ("id=0x10", 'id: "0x10" is not a whole number'),
        ("id=1_0", 'id: "1_0" is not a whole number'),
        ("id=%D9%A7", 'id: "\u0667" is not a whole number'),
        ("id=12345678901234567890", "id: 12345678901234567890 is beyond the number of any job"),
        ("id=" + "9" * 5000, f"id: {'9' * 60}… is beyond the number of any job"),
        ("id=%FF", 'id: "�" is not a whole number'),
        ("id=7%00", "id: it holds a NUL"),
        ("id=7&id=7", "id: it is given twice"),
    ],
)
def test_a_bad_id_is_400(web: Web, path: str, query: str, sentence: str) -> None:
    """An id that is not one whole number in digits is refused, and the sentence says what is wrong with it."""
    answer = web.get(f"{path}?{query}")
    assert (400, "bad_id", sentence) == (
        answer.status_code,
        answer.json()["code"],
        answer.json()["error"],
    )


@pytest.mark.parametrize("number", [0, -1, -(2**63), 10**18, 2**63 - 1])
def test_every_number_that_a_job_may_have_is_reached(web: Web, db: Db, number: int) -> None:
    """A job whose number is not positive, or has 19 digits, is shown, listed, stopped and resumed like any other."""
    db.execute("insert into xmp_jobs (id, type) values (%s, 'expired')", (number,))
    for verb, status in (("stop", "canceled"), ("resume", "ready"), ("start", "ready"), ("status", "ready")):
        answer = web.get(f"/jobs/{verb}?id={number}")
        assert (200, number, status) == (answer.status_code, answer.json()["id"], answer.json()["status"])
    assert [number] == [job["id"] for job in web.get("/jobs").json()]
    assert [] == web.get(f"/jobs?before={number}").json()


@pytest.mark.parametrize("path", ["/jobs/start", "/jobs/stop", "/jobs/pause", "/jobs/resume", "/jobs/cancel"])
def test_a_missing_id_is_400(web: Web, path: str) -> None:
    """A verb without a job to apply it to is refused."""
    answer = web.get(path)
    assert (400, {"error": "id: it is missing", "code": "bad_id", "hint": "give the number of a job, as in ?id=7"}) == (
        answer.status_code,
        answer.json(),
    )


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/jobs?limit=x", "bad_limit"),
        ("/jobs?limit=0", "bad_limit"),
        ("/jobs?limit=1001", "bad_limit"),
        ("/jobs?before=x", "bad_before"),
        ("/jobs?status=running", "bad_status"),
        ("/jobs?status=%00", "bad_status"),
        ("/jobs?type=nonsense", "unknown_type"),
        ("/jobs?type=%27%3B%20drop%20table%20xmp_jobs", "unknown_type"),
        ("/jobs?sort=id", "unknown_parameter"),
        ("/api?limit=ten", "bad_limit"),
        ("/api?limit=10000001", "bad_limit"),
        ("/api?hours=1.5", "bad_hours"),
        ("/api?hours=1000001", "bad_hours"),
        ("/api?limt=1", "unknown_parameter"),
        ("/jobs/status?job=1", "unknown_parameter"),
        ("/jobs?" + "&".join(f"limit{n}=1" for n in range(60)), "bad_request"),
    ],
)
def test_a_bad_parameter_is_400_with_its_code(web: Web, db: Db, path: str, code: str) -> None:
    """Every parameter that cannot be read is refused by name, and no request of /api is stored."""
    answer = web.get(path)
    assert (400, code) == (answer.status_code, answer.json()["code"])
    assert {"error", "code", "hint"} == set(answer.json())
    assert all(answer.json().values())
    assert (0,) == db.row("select count(*) from pgjobs.api_requests")


def test_a_form_is_read_like_the_query_string(web: Web, db: Db) -> None:
    """POST takes the same names from a form, and a name given in both places is given twice."""
    job = job_in(db, "ready")
    assert "canceled" == web.post("/jobs/stop", data={"id": str(job)}).json()["status"]
    both = web.post(f"/jobs/resume?id={job}", data={"id": str(job)})
    assert (400, "id: it is given twice") == (both.status_code, both.json()["error"])


def test_a_body_that_is_no_form_is_refused(web: Web, db: Db) -> None:
    """JSON is 415, more than 64 KB is 413, and the job stays as it is."""
    job = job_in(db, "ready")
    assert 415 == web.post(f"/jobs/stop?id={job}", json={"id": job}).status_code
    assert 413 == web.post(f"/jobs/stop?id={job}", data={"id": "1" * 70_000}).status_code
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)


@pytest.mark.parametrize(
    "path", ["/index.html", "/jobs/", "/jobs/start/", "/jobs/seven", "/favicon.ico", "/jobs%00", "/%2e%2e/etc"]
)
def test_an_unknown_path_is_404_as_json(web: Web, path: str) -> None:
    """A path that no endpoint has is a 404 that lists the paths there are."""
    answer = web.get(path)
    assert (404, "unknown_path") == (answer.status_code, answer.json()["code"])
    assert "/jobs/start" in answer.json()["hint"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", [*CHANGING, "/jobs", "/jobs/status"])
def test_a_wrong_method_is_405_as_json(web: Web, path: str, method: str) -> None:
    """The endpoints take GET and POST only."""
    answer = web.call(method, path)
    assert (405, "wrong_method") == (answer.status_code, answer.json()["code"])
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize("path", OF_THE_SERVICE)
def test_what_is_of_the_whole_service_is_only_read(web: Web, path: str) -> None:
    """Metrics, health and the document are asked for by GET or HEAD; any other method is a 405 that says so."""
    assert [200, 200] == [web.call(method, path).status_code for method in ("GET", "HEAD")]
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = web.call(method, path)
        assert (405, "wrong_method") == (answer.status_code, answer.json()["code"]), method
        assert "GET, HEAD" == answer.headers["allow"]


def test_head_does_not_start_a_job(web: Web, db: Db) -> None:
    """A link checker that asks with HEAD changes nothing."""
    job = job_in(db, "ready")
    assert [405] * len(CHANGING) == [web.call("HEAD", f"{path}?id={job}").status_code for path in CHANGING]
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    assert 200 == web.call("HEAD", "/jobs").status_code


def test_no_answer_may_be_cached(web: Web) -> None:
    """A cache that answered instead of the service would lose starts and stops."""
    paths = ("/jobs", "/jobs/status", "/jobs/start", "/metrics", "/healthz", "/nowhere")
    assert ["no-store"] * len(paths) == [web.get(path).headers["cache-control"] for path in paths]


def test_status_shows_the_running_jobs_or_one(web: Web, db: Db) -> None:
    """Without id the running jobs come as an array; with id that job as an object, whatever its state."""
    running, stopped = job_in(db, "in progress"), job_in(db, "canceled")
    assert [running] == [job["id"] for job in web.get("/jobs/status").json()]
    shown = web.get(f"/jobs/status?id={stopped}").json()
    assert (stopped, "canceled") == (shown["id"], shown["status"])
    wanted = {"considered", "sent", "skipped", "total", "percent", "rate", "eta", "log_path"}
    assert wanted <= set(shown["progress"])


def test_status_answers_with_an_empty_array(web: Web) -> None:
    """Nothing running is an empty array, not an error."""
    assert (200, []) == (web.get("/jobs/status").status_code, web.get("/jobs/status").json())


def test_the_running_jobs_are_paged_by_key(web: Web, db: Db) -> None:
    """Of many running jobs a page comes, by id; the next one begins after its last id."""
    made = [job_in(db, "in progress") for _ in range(5)]
    job_in(db, "canceled")
    seen: list[int] = []
    after = ""
    while page := web.get(f"/jobs/status?limit=2&after={after}").json():
        seen += [job["id"] for job in page]
        assert len(page) <= 2
        after = str(seen[-1])
    assert made == seen
    assert "bad_limit" == web.get("/jobs/status?limit=1001").json()["code"]


def test_the_list_is_paged_by_key(web: Web, db: Db) -> None:
    """Pages follow each other without gap or repetition, newest first, also while jobs are added."""
    made = [job_in(db, "ready") for _ in range(25)]
    seen: list[int] = []
    before = ""
    while page := web.get(f"/jobs?limit=10&before={before}").json():
        seen += [job["id"] for job in page]
        before = str(seen[-1])
        job_in(db, "ready")
    assert sorted(made, reverse=True) == seen


def test_the_list_is_filtered(web: Web, db: Db) -> None:
    """status and type narrow the list, cancelled is understood, empty filters are none."""
    canceled, injection, done = job_in(db, "canceled"), insert_job(db, "injection"), job_in(db, "done")

    def ids(query: str) -> list[int]:
        return [job["id"] for job in web.get(f"/jobs?{query}").json()]

    assert [canceled] == ids("status=cancelled")
    assert [canceled] == ids("status=canceled&type=expired")
    assert [injection] == ids("type=injection")
    assert [done, canceled] == ids("type=expired")
    assert [done] == ids(f"type=expired&limit=1&before={done + 1}")
    assert [canceled] == ids(f"type=expired&before={done}")
    assert [done, injection, canceled] == ids("status=&type=&limit=&before=")
    assert [] == ids("status=error")


def test_an_entry_of_the_list_has_user_file_settings_and_progress(web: Web, db: Db) -> None:
    """An entry carries user, file, settings, times and progress."""
    insert_job(db, "injection", params={"count": 5})
    entry = web.get("/jobs").json()[0]
    assert {"count": 5} == entry["params"]
    assert "lines.csv" == entry["file_name"]
    assert {"id_user", "created_at", "run_at", "finish_at", "progress", "why"} <= set(entry)
    assert entry["run_at"].endswith(("+00:00", "Z"))


WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine many requests may wait for a connection longer than callers usually have to."""
    for patience in ("CONNECT_SECONDS", "QUEUE_SECONDS"):
        monkeypatch.setattr(pool, patience, 60)


def test_many_requests_share_few_connections(web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred requests at once, however patient they have to be, are all answered over at most eight connections."""
    be_patient(monkeypatch)
    job = job_in(db, "ready")

    async def send_all(client: httpx.AsyncClient) -> list[int]:
        answers = await asyncio.gather(*(client.get(f"/jobs/status?id={job}") for _ in range(100)))
        return [answer.status_code for answer in answers]

    assert [200] * 100 == web.within(send_all)
    assert 1 <= db.value(OPEN_CONNECTIONS) <= 8


def test_of_concurrent_stops_one_succeeds(web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twenty stops at once one stops the job and nineteen are refused."""
    be_patient(monkeypatch)
    job = job_in(db, "in progress")

    async def send_all(client: httpx.AsyncClient) -> list[int]:
        answers = await asyncio.gather(*(client.get(f"/jobs/stop?id={job}") for _ in range(20)))
        return sorted(answer.status_code for answer in answers)

    assert [200] + [409] * 19 == web.within(send_all)


def test_a_lost_connection_is_replaced(web: Web, db: Db) -> None:
    """After the server has closed a connection the very next request is answered over a new one."""
    assert 200 == web.get("/jobs").status_code
    db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgjobs web'"
        " and datname = current_database()"
    )
    assert 200 == web.get("/jobs").status_code


def test_a_locked_job_is_answered_as_busy(web: Web, db: Db, database: str) -> None:
    """While somebody else has locked its row, a stop is a 503 that says so, and nothing has changed."""
    job = job_in(db, "ready")
    with psycopg.connect(database) as holder:
        holder.execute("select from xmp_jobs where id = %s for update", (job,))
        answer = web.get(f"/jobs/stop?id={job}")
    assert (503, "database_busy") == (answer.status_code, answer.json()["code"])
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    assert 200 == web.get(f"/jobs/stop?id={job}").status_code


def test_while_all_connections_wait_others_are_answered_as_busy(web: Web, db: Db, database: str) -> None:
    """While every connection waits for a locked row, other requests are soon answered as busy, not as away."""
    job = job_in(db, "ready")

    async def send_all(client: httpx.AsyncClient) -> tuple[httpx.Response, int]:
        waiting = [asyncio.create_task(client.get(f"/jobs/stop?id={job}")) for _ in range(8)]
        await asyncio.to_thread(soon, lambda: db.value(WAITING) == CONNECTIONS)
        answer = await client.get("/jobs")
        still = sum(not task.done() for task in waiting)
        holder.rollback()
        await asyncio.gather(*waiting)
        return answer, still

    with psycopg.connect(database) as holder:
        holder.execute("select from xmp_jobs where id = %s for update", (job,))
        answer, still = web.within(send_all)
    assert (503, "database_busy") == (answer.status_code, answer.json()["code"])
    assert CONNECTIONS <= still
    assert 200 == web.get("/jobs").status_code


def test_an_unfit_schema_is_503_until_it_is_migrated(web: Web, db: Db) -> None:
    """A database that this version may not work with is a 503 that names the remedy, on connections that are open
    already as well; one of a later version that it may work with is served."""
    for version, compatible_from, hint in (
        ("0.0.9", "0.0.9", "run: pgjobs migrate"),
        ("99.1", "99.0", "install pgjobs 99.1, then start it again"),
    ):
        assert 200 == web.get("/jobs").status_code
        db.execute("update pgjobs.schema_state set version = %s, compatible_from = %s", (version, compatible_from))
        answer = web.get("/jobs")
        assert (503, "schema", hint) == (answer.status_code, answer.json()["code"], answer.json()["hint"])
        db.execute("update pgjobs.schema_state set version = '99.1', compatible_from = '0.0.9', fingerprint = 'later'")


def test_an_internal_failure_discloses_nothing(web: Web, db: Db, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error of the database is a plain 500, and what it was stands in the log only."""
    db.execute("alter function pgjobs.running_jobs rename to gone")
    answer = web.get("/jobs/status")
    assert (500, "internal") == (answer.status_code, answer.json()["code"])
    assert "running_jobs" not in answer.text
    assert "running_jobs" in caplog.text


def test_healthz_needs_no_database(web: Web, db: Db) -> None:
    """The process answers /healthz without opening a connection."""
    assert (200, {"ok": True}) == (web.get("/healthz").status_code, web.get("/healthz").json())
    assert 0 == db.value(OPEN_CONNECTIONS)


def test_web_never_imports_the_engine() -> None:
    """The whole web process loads without a module of the engine and without pika."""
    check = "import sys, pgjobs.web.serve; print([m for m in sys.modules if m.startswith(('pgjobs.engine', 'pika'))])"
    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert "[]" == loaded.stdout.strip()
