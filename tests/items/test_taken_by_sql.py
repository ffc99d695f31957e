"""Who takes items by SQL gets those of jobs that may go on now, and of no other; bad arguments have a sentence."""

import psycopg
import pytest
from fix_items import Tracked

TAKE = "select * from pgjobs.take_items('a', 'tracked', %s, '1 h')"
HELD = {
    "a paused job": ("select pgjobs.pause_job(%s)", "select pgjobs.resume_job(%s)"),
    "a stopped job": ("select pgjobs.stop_job(%s)", "select pgjobs.resume_job(%s)"),
    "a job that broke off": ("update xmp_jobs set status = 'error' where id = %s", "select pgjobs.resume_job(%s)"),
    "everything": ("select pgjobs.hold_all('test')", "select pgjobs.release_all()"),
}


def offered(tracked: Tracked, number: int = 5) -> int:
    """A job whose items are all offered."""
    tracked.rules(routing_key=None)
    tracked.targets(number)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    return job


@pytest.mark.parametrize("what", HELD)
def test_what_is_held_is_not_handed_out(tracked: Tracked, what: str) -> None:
    """Offers of it wait until it goes on; an answer to what was taken before counts."""
    hold, release = HELD[what]
    job = offered(tracked)
    assert 1 == len(tracked.engine.rows(TAKE, 1))
    tracked.engine.execute(hold, *[job] * hold.count("%s"))
    assert [] == tracked.engine.rows(TAKE, 10)
    tracked.report((f"{job}-1", {"result": "SUCCESSFUL"}))
    assert {"s": 1, "l": 4} == tracked.statuses(job)
    tracked.engine.execute(release, *[job] * release.count("%s"))
    tracked.engine.wait_status(job, "in progress")
    assert [2, 3, 4, 5] == [row["item"] for row in tracked.engine.rows(TAKE, 10)]


def test_jobs_before_and_behind_a_held_one_go_on(tracked: Tracked) -> None:
    """As many as were asked for, from one job after another; a held one is passed over with what was taken of it."""
    first = offered(tracked)
    jobs = [first, *(tracked.add_job() for _ in range(2))]
    for job in jobs[1:]:
        tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    assert [(first, n) for n in (1, 2)] == [
        (row["job_id"], row["item"]) for row in tracked.engine.rows(TAKE.replace("1 h", "1 microsecond"), 2)
    ]
    tracked.engine.execute("select pgjobs.pause_job(%s)", jobs[1])
    taken = [(row["job_id"], row["item"]) for row in tracked.engine.rows(TAKE, 7)]
    assert sorted([(first, 3), (first, 4), (first, 5), *((jobs[2], n) for n in range(1, 5))]) == taken
    assert [(first, 1), (first, 2), (jobs[2], 5)] == [
        (row["job_id"], row["item"]) for row in tracked.engine.rows(TAKE, 7)
    ]
    assert [] == tracked.engine.rows(TAKE, 7)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("null, 'tracked', 1, '1 s'", "agent: it has to be a name of 1 to 200 characters"),
        ("'a', null, 1, '1 s'", "type: NULL is no type whose items are taken by SQL"),
        ("'a', 'tracked', null, '1 s'", "most: null is out of range"),
        ("'a', 'tracked', 10001, '1 s'", "most: 10001 is out of range"),
        ("'a', 'tracked', 1, null", "lease: null is out of range"),
        ("'a', 'tracked', 1, '2 days'", "lease: 2 days is out of range"),
    ],
)
def test_bad_arguments_are_refused(tracked: Tracked, arguments: str, sentence: str) -> None:
    """A sentence with the argument and the remedy, whatever is missing."""
    tracked.rules(routing_key=None)
    with pytest.raises(psycopg.Error, match=sentence) as refused:
        tracked.engine.rows(f"select * from pgjobs.take_items({arguments})")  # noqa: S608 ours
    assert "PJ400" == refused.value.sqlstate
    assert refused.value.diag.message_hint
