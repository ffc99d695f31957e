"""The queue of a Celery worker: the example of pgjobs/agents/README.md, and queues that such a worker refuses."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fix_broker import Drain
from fix_celery import Calls, Start, celery_queue, of_the_page
from fix_doctor import Examine

FATAL: dict[str, dict[str, Any]] = {
    "x-queue-type": {"x-queue-type": "quorum"},
    "x-max-priority": {"x-max-priority": 5},
    "x-dead-letter-exchange": {"x-dead-letter-exchange": ""},
}


@pytest.fixture
def queues(calls: Calls) -> Iterator[dict[str, str]]:
    """A queue with each of these arguments, by its name."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(celery_queue(calls.engine.amqp_url, arguments))
            for name, arguments in FATAL.items()
        }


def test_queues_that_make_a_worker_die(
    calls: Calls, start_worker: Start, examine: Examine, queues: dict[str, str]
) -> None:
    """The doctor names the argument for which an ordinary worker ends with 406."""
    calls.tracked.rules(execution_limit="1 hour")
    workers = {argument: start_worker(queue) for argument, queue in queues.items()}
    for argument, worker in workers.items():
        calls.tracked.rules(routing_key=worker.queue)
        (found,) = (one for one in examine() if one.about == "celery")
        assert f"queue {worker.queue!r} is no plain classic queue" in found.sentence
        assert f"inequivalent arg '{argument}'" in found.sentence
    for argument, worker in workers.items():
        assert 0 != worker.ended()
        assert "406" in worker.said
        assert f"inequivalent arg '{argument}'" in worker.said


def test_the_example_of_the_page(calls: Calls, start_worker: Start) -> None:
    """The app, the command and the type work as they stand there, with the address and queues of this test."""
    script = of_the_page("sql")
    for shown, own in (("'charge_queue'", calls.engine.queue), ("'charge_replies'", calls.tracked.replies)):
        assert shown in script
        script = script.replace(shown, f"'{own}'")
    calls.engine.database.execute(script.encode())
    calls.engine.execute("insert into public.customers select i, 'customer ' || i from generate_series(1, 20) i")
    start_worker().consumes()
    calls.engine.start()
    job = calls.engine.value("insert into xmp_jobs (type, params) values ('charge', '{}') returning id")
    assert {n: ("s", "SUCCESSFUL", f"customer {n} has paid 5") for n in range(1, 21)} == calls.done(job)
    with Drain(calls.engine.amqp_url) as broker:
        assert 0 == broker.depth(calls.engine.queue)
