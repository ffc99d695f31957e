"""What why says of a job that has sent everything: what it waits for, when it goes on, and where it may never end."""

from datetime import UTC, datetime, timedelta

from fix_items import Tracked
from fix_services import soon

SENT = "everything is sent: "
GOOD, BAD = {"result": "SUCCESSFUL"}, {"result": "ERROR"}


def sent(tracked: Tracked, number: int, **rules: object) -> int:
    """A job with so many items that are launched, under these rules."""
    tracked.rules(**rules)
    tracked.targets(number)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    return job


def why(tracked: Tracked, job: int) -> str:
    """What it says, behind that everything is sent; a daemon may just be looking at what was changed."""
    said: list[str] = []

    def told() -> bool:
        said.append(str(tracked.engine.value("select pgjobs.why(%s)", job)))
        return said[-1].startswith(SENT)

    assert soon(told), said[-1]
    return said[-1].removeprefix(SENT)


def moment(said: str) -> timedelta:
    """How far from now the moment at the end of a sentence is."""
    return datetime.strptime(said[-20:], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) - datetime.now(UTC)


def test_an_attempt_that_nothing_limits_may_never_end(tracked: Tracked) -> None:
    """It says so, and names the rule; once one is set it names the moment."""
    job = sent(tracked, 2)
    endless = "; no time-out is set (execution_limit), so it may never end without an answer"
    assert "it waits for the outcome of 2 items" + endless == why(tracked, job)
    tracked.report((f"{job}-1", GOOD))
    assert "it waits for the outcome of 1 item" + endless == why(tracked, job)
    tracked.rules(execution_limit="3 hours")
    said = why(tracked, job)
    assert said.startswith("it waits for the outcome of 1 item; it goes on with an answer, or at ")
    assert timedelta(hours=2) < moment(said) < timedelta(hours=3)


def test_the_next_attempt_is_told(tracked: Tracked) -> None:
    """Its moment, by why and by the item; how many outcomes are awaited besides."""
    job = sent(tracked, 3, retry_limit=1, delay_to_retry="1 hour")
    tracked.report((f"{job}-1", BAD))
    told, further = why(tracked, job).split("; ", 1)
    assert "it waits for the outcome of 2 items" == told
    assert further.startswith("1 item waits for its next attempt, which comes at ")
    assert further.endswith("; no time-out is set (execution_limit), so it may never end without an answer")
    tracked.report(*((f"{job}-{n}", BAD) for n in (2, 3)))
    said = why(tracked, job)
    assert said.startswith("3 items wait for their next attempt, the first one comes at ")
    assert timedelta(minutes=55) < moment(said) < timedelta(hours=1)
    first = "select min(next_attempt_at) from pgjobs.job_items where job_id = %s"
    assert said.endswith(f"{tracked.engine.value(first, job).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    tracked.report((f"{job}-1", GOOD))
    none = "select next_attempt_at is null from pgjobs.job_items where job_id = %s and item = 1"
    assert tracked.engine.value(none, job)


def test_a_stop_ends_what_nothing_else_does(tracked: Tracked) -> None:
    """Its moment is told where no attempt has a limit."""
    job = sent(tracked, 1)
    tracked.engine.execute("update xmp_jobs set stop_at = now() + interval '2 hours' where id = %s", job)
    tracked.engine.wait_until("(select due_at > now() from pgjobs.shards where job_id = %s and round_over)", job)
    assert timedelta(hours=1) < moment(why(tracked, job)) < timedelta(hours=2)
