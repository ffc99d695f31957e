"""The console steers jobs: what is refused gets the sentence of SQL, and each job is steered for itself."""

import json
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from fix_cli import Said, run
from fix_daemon import Engine
from fix_jobs import Db, insert_job, job_in

from pgjobs.lab.roles import member_url


@pytest.fixture
def operator(database: str) -> str:
    """The test's database, as an operator reaches it."""
    return member_url(database, "pgjobs_operator")


def made(said: Said) -> int:
    """The number of the job that was created."""
    assert (0, "") == (said.code, said.err)
    return int(said.out.split()[1])


def test_a_job_is_created_with_what_was_given(operator: str, db: Db) -> None:
    """Numbers, flags and objects are read as JSON, everything else is a text, and each option is its column."""
    said = run(
        "create", "expired", "--param", "service_id=290", "--param", "never=true", "--param", "date_from=2016-10-10",
        "--param", "order=desc", "--run-at", "2040-02-01T18:00:00Z", "--stop-at", "2040-02-02", "--priority", 7,
        "--rate", "0.5", "--shards", 3, "--name", "007", "--user", 4711, "--key", "form 1", "--inactive",
        "--set", "notes=look = twice", "--set", 'schedule={"misfire": "run"}', database_url=operator,
    )  # fmt: skip
    job = made(said)
    words = f'it is not active: run "pgjobs resume {job}", or set active = true in SQL'
    assert f"job {job} · ready · {words}\n" == said.out
    row = db.row(
        "select params, run_at = '2040-02-01 18:00Z', stop_at = '2040-02-02 00:00Z', priority, rate::text, shards,"
        " name, id_user, idempotency_key, active, notes, schedule from xmp_jobs where id = %s",
        job,
    )
    params = {"service_id": 290, "never": True, "date_from": "2016-10-10", "order": "desc"}
    assert (params, True, True, 7, "0.5", 3, "007", 4711, "form 1", False, "look = twice", {"misfire": "run"}) == row
    event = db.row("select role, application, actor from pgjobs.job_events where job_id = %s order by id limit 1", job)
    assert (urlsplit(operator).username, "pgjobs create", None) == event


def test_params_may_be_given_as_one_object(operator: str, db: Db) -> None:
    """--params is the whole of them, to which --param adds; numbers keep their digits."""
    whole = ("create", "expired", "--params", '{"never": 1}')
    job = made(run(*whole, "--param", "service_id=123456789012345678", database_url=operator))
    assert {"never": 1, "service_id": 123456789012345678} == db.value("select params from xmp_jobs where id = %s", job)
    assert {"never": 1} == db.value(
        "select params from xmp_jobs where id = %s", made(run(*whole, database_url=operator))
    )
    assert {} == db.value(
        "select params from xmp_jobs where id = %s", made(run("create", "expired", database_url=operator))
    )
    shown = json.loads(run("create", "expired", "--param", "never=1", "--json", database_url=operator).out)
    assert ({"never": 1}, "ready") == (shown["params"], shown["status"])


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (("late",), 2, "type: 'late' is not a registered job type"),
        (("expired", "--param", "colour=1"), 2, "params.colour: a job of type expired has no such parameter"),
        (("expired", "--param", "service_id=seven"), 2, 'params.service_id: "seven" is not a whole number'),
        (("expired", "--param", "count=0"), 2, "params.count: 0 would select nothing"),
        (("expired", "--params", "[1]"), 2, "params: it has to be a JSON object"),
        (("expired", "--priority", "high"), 2, 'priority: "high" is not a whole number from -2147483648 to 2147483647'),
        (("expired", "--shards", "65"), 2, "shards: 65 is out of range"),
        (("expired", "--run-at", "soon"), 2, 'run_at: "soon" is not a date or a timestamp'),
        (
            ("expired", "--file", "a.csv"),
            2,
            "file_name: a job of type expired reads no file, and 'a.csv' would be ignored",
        ),
        (("injection", "--file", "a/b.csv"), 2, "file_name: 'a/b.csv' is not the plain name of a file"),
        (("expired", "--set", "colour=red"), 2, "colour: a job has no such column that can be written"),
        (("expired", "--params", "{never"), 2, "--params: it is no JSON"),
        (("expired", "--param", "never"), 2, "--param 'never' is no NAME=VALUE"),
        (("expired", "--param", "never=1", "--param", "never=0"), 2, "--param 'never=0': never is given twice"),
        (
            ("expired", "--params", '{"never": 1}', "--param", "never=0"),
            2,
            "--param 'never': it stands in --params as well",
        ),
        (
            ("expired", "--params", "7", "--param", "never=0"),
            2,
            "--params: it is no JSON object, and --param adds to one",
        ),
        (
            ("expired", "--priority", "1", "--set", "priority=2"),
            2,
            "--set 'priority': it is given by another option as well",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_a_job_that_cannot_be_is_refused(
    operator: str, db: Db, args: tuple[str, ...], code: int, sentence: str
) -> None:
    """The database's own sentence or that of the command line, and code 2; no job is there afterwards."""
    said = run("create", *args, database_url=operator)
    first, remedy = said.err.splitlines()
    assert (code, "", f"pgjobs: {sentence}") == (said.code, said.out, first)
    assert remedy.strip()
    assert 0 == db.value("select count(*) from xmp_jobs")


def test_the_sentence_is_that_of_sql(operator: str, db: Db) -> None:
    """Word for word what the trigger says to a plain insert."""
    diag = db.refusal("insert into xmp_jobs (type, params) values ('expired', '{\"service_id\": \"seven\"}')")
    said = run("create", "expired", "--param", "service_id=seven", database_url=operator)
    assert f"pgjobs: {diag.message_primary}\n  {diag.message_hint}\n" == said.err


def test_a_second_job_with_the_same_key_is_refused(operator: str, db: Db) -> None:
    """--key: a script that is run again makes no second job."""
    first = made(run("create", "expired", "--key", "form 4711", database_url=operator))
    said = run("create", "expired", "--key", "form 4711", database_url=operator)
    assert 1 == said.code
    assert str(first) in said.err
    assert 1 == db.value("select count(*) from xmp_jobs")


def test_each_verb_does_what_it_says(operator: str, db: Db) -> None:
    """start, stop, pause and resume, of several jobs at once, as JSON an object a line; by the role that logged in."""
    jobs = [insert_job(db, run_at="2040-01-01") for _ in range(2)]
    state = (
        "select string_agg(status || ' ' || active || ' ' || (run_at < now() + interval '1 h'), ',' order by id)"
        " from xmp_jobs"
    )
    for verb, after in (
        ("pause", "ready false false"),
        ("resume", "ready true false"),
        ("start", "ready true true"),
        ("stop", "canceled true true"),
        ("resume", "ready true true"),
    ):
        said = run(verb, *jobs, jobs[0], "--json", database_url=operator)
        assert (0, "") == (said.code, said.err), verb
        assert jobs == [json.loads(line)["id"] for line in said.out.splitlines()], verb
        assert ",".join([after] * 2) == db.value(state), verb
    applications = db.column(
        "select distinct application from pgjobs.job_events where to_status is not null order by 1"
    )
    assert {"pgjobs stop", "pgjobs resume"} <= set(applications)
    assert [urlsplit(operator).username] == db.column(
        "select distinct role from pgjobs.job_events where application like 'pgjobs %'"
    )
    assert (
        f'job {jobs[0]} · canceled · it is stopped; to continue it, run "pgjobs resume {jobs[0]}"\n'
        == run("stop", jobs[0], database_url=operator).out
    )


@pytest.mark.parametrize("verb", ["start", "resume"])
def test_a_plan_that_is_given_up_is_told(operator: str, db: Db, verb: str) -> None:
    """A job that was planned for later and begins now: the answer says which run_at was replaced, and so do its events;
    one whose time has come is told nothing, nor is one that keeps its run_at."""
    for begins in ("2040-02-01", "2001-02-01"):
        job = insert_job(db, run_at=begins)
        if verb == "resume":
            assert "replaced" not in run("stop", job, database_url=operator).out
        said = run(verb, job, database_url=operator)
        words = "its run_at of 2040-02-01T00:00:00Z was replaced by now"
        remarks = db.column(
            "select reason from pgjobs.job_events where job_id = %s and reason like 'its run_at%%'", job
        )
        is_told = begins == "2040-02-01"
        assert (0, "", [words] * is_told) == (said.code, said.err, remarks)
        assert said.out.startswith(f"job {job} · ready · {words} · " * is_told), said.out
        assert is_told or "run_at" not in said.out
        assert db.value("select run_at < now() + interval '1 h' from xmp_jobs where id = %s", job)
    job = insert_job(db, run_at="2040-02-01", active=False)
    kept = json.loads(run("resume", job, "--json", database_url=operator).out)
    assert ("2040-02-01T00:00:00+00:00", False) == (kept["run_at"], "remark" in kept)
    run("stop", job, database_url=operator)
    given_up = json.loads(run("resume", job, "--json", database_url=operator).out)
    assert "its run_at of 2040-02-01T00:00:00Z was replaced by now" == given_up["remark"]


def test_a_limit_that_a_dry_run_has_in_vain_is_told(operator: str, db: Db) -> None:
    """create, show and plan say which columns have no effect on a dry run; of another job, of a dry run without a
    limit, and of a rule that it obeys, nothing is said."""
    words = "{}: {} no effect on a dry run, which publishes nothing"
    for columns, sentence in (
        (("--rate", "5"), words.format("rate", "it has")),
        (
            ("--rate", "5", "--stop-at", "2040-02-02", "--set", 'budget={"errors": {"count": 5}}'),
            words.format("rate, stop_at, budget", "they have"),
        ),
        (("--set", 'schedule={"misfire": "run"}'), None),
        ((), None),
    ):
        for dry_run in (1, 0):
            told = sentence if dry_run else None
            said = run("create", "expired", "--param", f"dry_run={dry_run}", *columns, database_url=operator)
            job = made(said)
            assert (told is not None) == ("no effect" in said.out)
            assert told is None or f" · {told} · " in said.out
            assert told == json.loads(run("show", job, "--json", database_url=operator).out)["remark"]
            for command in ("show", "plan"):
                shown = run(command, job, database_url=operator).out
                assert (told or "") in shown
                assert (told is not None) == ("no effect" in shown)
    job = made(run("create", "expired", "--param", "dry_run=true", database_url=operator))
    db.execute("update xmp_jobs set rate = 3 where id = %s", (job,))
    assert words.format("rate", "it has") == db.value("select pgjobs.job_remark(%s)", job)


def test_one_that_is_refused_keeps_no_other_from_it(operator: str, db: Db) -> None:
    """Of several jobs those that can be stopped are, each other one has its sentence, and the code is 1."""
    first, done, last = insert_job(db), job_in(db, "done"), insert_job(db)
    said = run("stop", first, done, 4711, last, database_url=operator)
    assert 1 == said.code
    assert [str(first), str(last)] == [line.split()[1] for line in said.out.splitlines()]
    sentences = [line for line in said.err.splitlines() if line.startswith("pgjobs: ")]
    assert "pgjobs: there is no job 4711" == sentences[1]
    diag = db.refusal("select pgjobs.stop_job(%s)", done)
    assert f"pgjobs: {diag.message_primary}" == sentences[0]
    assert ["canceled", "done", "canceled"] == db.column("select status from xmp_jobs order by id")


def test_two_consoles_leave_a_job_in_one_of_their_states(operator: str, db: Db) -> None:
    """One stops and the other resumes, over and over: each call is done or refused with a sentence, every transition
    has its event, and the job can be steered afterwards."""
    job = insert_job(db, run_at="2040-01-01")
    said: list[tuple[str, Said]] = []

    def steer(verb: str) -> None:
        said.extend((verb, run(verb, job, database_url=operator)) for _ in range(6))

    consoles = [threading.Thread(target=steer, args=(verb,)) for verb in ("stop", "resume")]
    for console in consoles:
        console.start()
    for console in consoles:
        console.join()
    for verb, one in said:
        assert (0, "") == (one.code, one.err) or (1, "") == (one.code, one.out), (verb, one)
        assert 0 == one.code or f"job {job} " in one.err.splitlines()[0]
    events = "select to_status from pgjobs.job_events where job_id = %s and from_status is not null order by id"
    moves = db.column(events, job)
    done = [one for _, one in said if one.code == 0]
    assert ["canceled", "ready"] * (len(moves) // 2) + ["canceled"] * (len(moves) % 2) == moves
    assert len(done) == len(moves)
    final = db.value("select status from xmp_jobs where id = %s", job)
    assert 0 == run("resume" if final == "canceled" else "stop", job, database_url=operator).code


def test_a_job_is_awaited(engine: Engine) -> None:
    """--wait ends with the job: 0 when it is done, 1 when it broke off; as JSON the job as it has ended."""
    engine.add_retries(20)
    engine.start()
    settings: dict[str, Any] = {"database_url": member_url(engine.database_url, "pgjobs_operator")}
    said = run("create", "expired", "--wait", **settings)
    assert (0, "") == (said.code, said.err)
    assert "100.0 % · done · 20" in said.out
    ended = run("create", "injection", "--file", "missing.csv", "--wait", "--json", **settings)
    job = json.loads(ended.out)
    assert (1, "error") == (ended.code, job["status"])
    assert "missing.csv" in job["why"]
