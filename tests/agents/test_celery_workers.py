"""An ordinary Celery worker runs the tasks of a job unchanged, and its results close the items."""

import datetime as dt
import json
from importlib.resources import files

from fix_celery import Calls, Said, Worker
from psycopg.types.json import Jsonb

CUT = "y" * 1000


def called(task: str, *args: object, **options: object) -> dict[str, object]:
    """The record of a call."""
    return {"task": f"shop.{task}", "args": args} | options


def test_results_close_items(calls: Calls, worker: Worker) -> None:
    """However a task ends, its item is closed, with what an operator wants to read: the error's type and message."""
    cases: list[tuple[object, Said]] = [
        (called("charge", "Ann", kwargs={"price": 3}), ("s", "SUCCESSFUL", "Ann has paid 3")),
        ("nothing", ("s", "SUCCESSFUL", None)),
        ("silent", ("s", "SUCCESSFUL", "said all the same")),
        (called("broken", "no such user", 7), ("f", "ERROR_PROCESSING", "ValueError: no such user, 7")),
        ("broken", ("f", "ERROR_PROCESSING", "ValueError")),
        (called("flaky", 2), ("s", "SUCCESSFUL", "good after 2")),
        (called("flaky", 9), ("f", "ERROR_PROCESSING", "KeyError: not yet")),
        ("unknown", ("f", "NOT_SUPPORTED", "NotRegistered: shop.unknown")),
        (called("charge", "Bob", expires="2001-01-01"), ("f", "REVOKED", "TaskRevokedError: expired")),
        (called("endless", timelimit=1), ("t", "ERROR_TIMEOUT", "TimeLimitExceeded: 1")),
        (called("endless", timelimit=[60, 1]), ("t", "ERROR_TIMEOUT", "SoftTimeLimitExceeded")),
        ("rejected", ("f", "ERROR_PROCESSING", "Reject: not for me, false")),
        ("charge", ("f", "ERROR_PROCESSING", "TypeError: charge() missing 1 required positional argument: 'msisdn'")),
        (called("poison", "nan"), ("s", "SUCCESSFUL", '{"mean": null, "more": [null, "NaN"]}')),
        (called("poison", "zero"), ("s", "SUCCESSFUL", "before\ufffdbehind")),
        (called("poison", "half"), ("s", "SUCCESSFUL", "half \ufffd, whole \U0001f600, \\u0000")),
        (called("poison", "huge"), ("s", "SUCCESSFUL", "its result is too large, or can't be read")),
        (called("poison", "long"), ("s", "SUCCESSFUL", CUT)),
        (called("poison", "nested"), ("s", "SUCCESSFUL", '{"a": [1, {"b": null}]}')),
    ]
    lost, unwritten = len(cases) + 1, len(cases) + 2
    calls.tracked.rules(routing_key=worker.queue)
    job = calls.add(*(call for call, _ in cases), "dies", called("poison", "object"))
    calls.engine.start()
    closed = calls.done(job)
    assert ("f", "ERROR_PROCESSING") == closed[lost][:2] == closed[unwritten][:2]
    assert str(closed[lost][2]).startswith("WorkerLostError: Worker exited prematurely: signal 9 (SIGKILL)")
    assert "EncodeError: TypeError('Object of type object is not JSON serializable')" == closed[unwritten][2]
    assert dict(enumerate((expected for _, expected in cases), 1)) == {
        key: found for key, found in closed.items() if key < lost
    }
    assert {} == calls.tracked.faults()


def test_revoked_tasks(calls: Calls, worker: Worker) -> None:
    """The correlation id is the id of the task: one that waits and one that runs are revoked by it."""
    calls.tracked.rules(routing_key=worker.queue)
    job = calls.add(called("gated", "revoked"), called("charge", "Ann"))
    calls.engine.start()
    calls.engine.wait_until(calls.HAS_STARTED, job, 1)
    assert ("l", "STARTED", None) == calls.items(job)[1]
    worker.revoke(f"{job}-2")
    worker.revoke(f"{job}-1", terminate=True)
    assert {
        1: ("f", "REVOKED", "TaskRevokedError: terminated"),
        2: ("f", "REVOKED", "TaskRevokedError: revoked"),
    } == calls.done(job)
    assert [worker.name, None] == [calls.tracked.item(job, key)["agent"] for key in (1, 2)]


def test_a_further_attempt_is_another_task(calls: Calls, worker: Worker) -> None:
    """A worker refuses the id of a task that has expired, but not that of its next attempt; what was said of the first
    attempt is not said of the second."""
    calls.tracked.rules(routing_key=worker.queue, retry_limit=1)
    job = calls.add("second_attempt", called("gated", "expiry"), called("charge", "Ann", expires=5))
    calls.engine.start()
    calls.engine.wait_for(lambda: worker.has("begun-expiry"), "the second task runs")
    calls.engine.wait_until(
        "(select launched_at < now() - interval '6 s' from pgjobs.items where job_id = %s and key = 2)", job
    )
    worker.put("go-expiry")
    assert {
        1: ("s", "SUCCESSFUL", None),
        2: ("s", "SUCCESSFUL", "through"),
        3: ("s", "SUCCESSFUL", "Ann has paid 5"),
    } == calls.done(job)
    assert [2, 1, 2] == [calls.tracked.item(job, key)["attempts"] for key in (1, 2, 3)]


def test_options_of_a_call_reach_its_task(calls: Calls, worker: Worker) -> None:
    """Arguments by place and by name, the moment before which it does not run, its time limits and its priority."""
    calls.tracked.rules(routing_key=worker.queue, format_options=Jsonb({"priority": 4}))
    eta = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    job = calls.add(
        called("told", "é", {"deep": [None]}, kwargs={"on": True}, timelimit=[90, 60], priority=7),
        called("told", eta=eta.isoformat(), expires=600),
    )
    calls.engine.start()
    first, second = (json.loads(said or "") for _, _, said in calls.done(job).values())
    assert [["é", {"deep": [None]}], {"on": True}, None, [90, 60], 7] == first
    assert [[], {}, eta.isoformat(), [None, None], 4] == second
    assert calls.tracked.item(job, 2)["closed_at"] >= eta


def test_a_job_that_is_one_call(calls: Calls, worker: Worker) -> None:
    """The sample type Celery Job: what its parameters and its configuration say is what the task gets."""
    calls.engine.database.execute((files("pgjobs") / "demo/sql/registry.sql").read_bytes())
    calls.engine.execute(
        "update xmp_job_types set routing_key = %s, tracked = true, reply_queue = %s where name = 'Celery Job'",
        worker.queue,
        calls.tracked.replies,
    )
    calls.engine.start()
    job = calls.engine.value(
        "insert into xmp_jobs (type, params, configuration) values ('Celery Job', %s, %s) returning id",
        Jsonb(called("told", 1, "a", kwargs={"b": None})),
        Jsonb({"queue": worker.queue, "priority": 3, "expires": 600, "time_limit": 30, "soft_time_limit": 20}),
    )
    ((status, _, said),) = calls.done(job).values()
    assert ("s", [[1, "a"], {"b": None}, None, [30, 20], 3]) == (status, json.loads(said or ""))
