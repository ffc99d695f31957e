"""What a Celery worker loses, and who finds it: killed workers, results that are not persistent or not sent at all."""

import json

import pytest
from fix_broker import Drain
from fix_celery import BACKEND, PERSISTENT, Calls, Start


def gated(name: str, task: str = "gated") -> dict[str, object]:
    """A call that waits until its worker has a file."""
    return {"task": f"shop.{task}", "args": [name]}


def test_a_killed_worker(calls: Calls, start_worker: Start) -> None:
    """A task that was acknowledged early is lost, and its time-out finds it; what was acknowledged late, or had not
    begun, is done by another worker, and answered once. So does the time-out find what its task did not answer."""
    calls.tracked.rules(execution_limit="10 minutes")
    first = start_worker(concurrency=2).consumes()
    job = calls.add(gated("early"), gated("late", "late"), gated("waiting"), {"task": "shop.given_up"})
    calls.engine.start()
    calls.engine.wait_for(lambda: first.has("begun-early") and first.has("begun-late"), "two tasks run")
    first.kill()
    second = start_worker()
    for name in ("early", "late", "waiting"):
        second.put(f"go-{name}")
    calls.engine.wait_until("(select sum(n) = 2 from pgjobs.item_counts where job_id = %s and status = 's')", job)
    calls.tracked.rules(execution_limit="1 ms")
    assert {
        1: ("t", "ERROR_TIMEOUT", None),
        2: ("s", "SUCCESSFUL", "through"),
        3: ("s", "SUCCESSFUL", "through"),
        4: ("t", "ERROR_TIMEOUT", None),
    } == calls.done(job)
    assert {"t": 2, "s": 2} == calls.tracked.kept(job)
    assert not second.has("begun-early")


def test_without_a_result_backend(calls: Calls, start_worker: Start) -> None:
    """The tasks run: items end by their time-out, and a job of an untracked type is done when it is sent."""
    calls.tracked.rules(execution_limit="1 s")
    worker = start_worker(leave_out=[BACKEND]).consumes()
    worker.put("go-tracked")
    tracked = calls.add(gated("tracked"))
    calls.engine.start()
    assert {1: ("t", "ERROR_TIMEOUT", None)} == calls.done(tracked)
    calls.engine.wait_for(lambda: worker.has("begun-tracked"), "the task runs")
    calls.tracked.rules(tracked=False, reply_queue=None)
    calls.engine.execute("update public.targets set body = %s", json.dumps(gated("untracked")))
    untracked = calls.tracked.add_job()
    calls.engine.wait_status(untracked, "done")
    calls.engine.wait_for(lambda: worker.has("begun-untracked"), "the task runs")
    assert {} == calls.items(untracked)
    worker.put("go-untracked")


@pytest.mark.parametrize(("left_out", "mode"), [([], 2), ([PERSISTENT], 1)], ids=["persistent", "ordinary"])
def test_results_that_wait_for_a_daemon(calls: Calls, start_worker: Start, left_out: list[str], mode: int) -> None:
    """A result lies in the reply queue until a daemon is back; it outlives the broker where the app says so."""
    worker = start_worker(leave_out=left_out).consumes()
    job = calls.add(gated("result"))
    daemon = calls.engine.start()
    calls.engine.wait_until(calls.HAS_STARTED, job, 1)
    assert 0 == daemon.terminate()
    worker.put("go-result")
    # What a daemon had taken and not acknowledged is there as well.
    found = []
    with Drain(calls.engine.amqp_url) as broker:

        def has_come() -> bool:
            found.extend(broker.read(calls.tracked.replies))
            return any(b"SUCCESS" in body for _, body in found)

        calls.engine.wait_for(has_come, "the result has come")
        assert {(mode, f"{job}-1")} == {(one.delivery_mode, one.correlation_id) for one, _ in found}
        for properties, body in found:
            broker.channel.basic_publish("", calls.tracked.replies, body, properties)
    calls.engine.start()
    assert {1: ("s", "SUCCESSFUL", "through")} == calls.done(job)
