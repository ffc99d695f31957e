"""What the page says of a job that moves, or does not: its function in SQL."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fix_jobs import Db, claim, insert_job, job_in, prepare, set_clock
from fix_web import Web
from psycopg.types.json import Jsonb


def progress(db: Db, job: int) -> dict[str, object]:
    """What moves of a job."""
    found = db.value("select pgjobs.page_progress(%s)", [job])
    assert 1 == len(found)
    return dict(found[0])


def moving(db: Db) -> tuple[int, int]:
    """A running job of 1,000 records, half of them behind it; its number and its epoch."""
    db.execute(
        "insert into xmp_retries_expired (id, msisdn, tid, price)"
        " select i, (923000000000 + i)::text, 'tid-' || i, 5 from generate_series(1, 1000) i"
    )
    job = insert_job(db)
    claimed = claim(db, job)
    prepare(db, claimed)
    db.execute("select pgjobs.beat(%s, 'd-1', 'h', 1, '0', 'connected')", (claimed_owner(db, job),))
    db.execute("update pgjobs.shards set claimed_at = now() - interval '20 s', started_at = now() - interval '20 s'")
    checkpoint(db, job, 1, 500)
    return job, claimed["epoch"]


@contextmanager
def one_moment(db: Db) -> Iterator[None]:
    """What is done and asked within it is so at one moment: speeds are those of the seconds before it."""
    with db.transaction():
        set_clock(db, db.value("select now()"))
        yield


def claimed_owner(db: Db, job: int) -> object:
    return db.value("select owner from pgjobs.shards where job_id = %s", job)


def checkpoint(db: Db, job: int, number: int, records: int, ago: str = "1 s") -> None:
    """What a daemon has left behind of a window."""
    db.execute(
        "insert into pgjobs.checkpoints"
        " (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks)"
        " select %s, 0, %s, 1, now() - %s::interval, 0, %s, 0, 0, 0, '', ''",
        (job, number, ago, records),
    )
    db.execute(
        "update pgjobs.shards set considered = considered + %s, sent = sent + %s, checkpoints = %s, updated_at = now(),"
        " after_key = first_key + considered + %s where job_id = %s",
        (records, records, number, records, job),
    )


def test_a_job_that_moves_has_a_speed_and_an_end(db: Db) -> None:
    """While it runs: records of the last ten seconds by second, those since its claim, and when it will be through."""
    with one_moment(db):
        job, _ = moving(db)
        checkpoint(db, job, 2, 100, "9 s")
        checkpoint(db, job, 3, 300, "11 s")
        found = progress(db, job)
    assert ("running", "Started", True, False) == tuple(found[name] for name in ("state", "status", "moving", "final"))
    assert 60.0 == found["rate"]
    assert found["eta"] is not None
    assert (900, 900, 0, 0) == tuple(found[name] for name in ("considered", "sent", "skipped", "returned"))


def test_a_speed_is_that_of_the_time_in_which_it_could_move(db: Db) -> None:
    """Three seconds behind a pause the last ten seconds are seven before it and three behind it; the average is what
    was sent in the time in which it could move, as in its plot; neither counts what was skipped."""
    with one_moment(db):
        job, _ = moving(db)
        checkpoint(db, job, 2, 200, "15 s")
        db.execute("update pgjobs.shards set skipped = 900, considered = considered + 900")
        for pause, ago in (("paused", 13), ("resumed", 3)):
            db.execute(
                "insert into pgjobs.events (job_id, at, role, pause)"
                " values (%s, now() - make_interval(secs => %s), 'x', %s)",
                (job, ago, pause),
            )
        db.execute("update pgjobs.events set at = now() - interval '20 s' where to_status is not null")
        found = progress(db, job)
        mean = db.value("select pgjobs.page_plot(%s)", job)["rate"]["mean"]
    assert 70.0 == found["rate"]
    assert 70 == pytest.approx(found["average"], abs=1)
    assert found["average"] == pytest.approx(mean, abs=1)


def test_a_speed_is_never_above_the_rate(db: Db) -> None:
    """What was granted in one piece looks faster than it was: its rate is the most that is told."""
    job, _ = moving(db)
    db.execute("update xmp_jobs set rate = 40 where id = %s", (job,))
    assert 40 == progress(db, job)["rate"]


@pytest.mark.parametrize("how", ["pause", "stop", "switch"])
def test_what_is_paused_has_no_end(db: Db, how: str) -> None:
    """A job that was told to pause or to stop has no moment at which it will be through, from that moment on: although
    a daemon still holds it and it has a speed. Its sentence says why."""
    job, _ = moving(db)
    assert progress(db, job)["eta"] is not None
    match how:
        case "pause":
            db.execute("select pgjobs.pause_job(%s)", (job,))
        case "stop":
            db.execute("select pgjobs.stop_job(%s)", (job,))
        case "switch":
            db.execute("select pgjobs.hold_all('look at this')")
    found = progress(db, job)
    assert (None, None, "Stopped") == (found["eta"], found["rate"], found["status"])
    assert found["why"]


def test_percent_total_and_bar_have_one_base(db: Db, web: Web) -> None:
    """Of a job of 100,000 keys that has sent 500 of the first 1,500, the three say the same; no estimate is exact."""
    job, _ = moving(db)
    db.execute(
        "update pgjobs.shards set start_key = 0, first_key = 0, end_key = 100000, after_key = 1500, estimate = 500"
    )
    found = progress(db, job)
    assert (1.5, 500, 33000, True) == tuple(found[name] for name in ("percent", "considered", "total", "about"))
    text = web.get(f"/job/{job}/progress").text
    assert "considered of about 33\u202f000<" in text
    assert '<rect class="sent" x="0" y="0" height="10" width="1.5"/>' in text
    db.execute("update pgjobs.shards set after_key = 100")
    assert (0.1, None) == tuple(progress(db, job)[name] for name in ("percent", "total"))
    db.execute("update pgjobs.shards set finished_at = now()")
    assert (100, 500, False) == tuple(progress(db, job)[name] for name in ("percent", "total", "about"))


def test_without_a_daemon_nobody_can_say_the_end(db: Db, web: Web) -> None:
    """While no daemon is alive there is no expected end, neither of a job that runs nor of one that waits, on no door,
    and where it would stand it says why; with a daemon it is there again."""
    job, _ = moving(db)
    waits = insert_job(db, rate=5, stop_at="2040-01-01T00:00:00Z")
    assert progress(db, job)["eta"]
    assert progress(db, waits)["eta"]
    db.execute("update pgjobs.daemons set seen_at = now() - interval '1 hour'")
    for each in (job, waits):
        found = progress(db, each)
        assert (None, 'no daemon is alive: start one with "pgjobs daemon"') == (found["eta"], found["no_eta"])
        assert None is db.value("select pgjobs.show_job(%s) #>> '{progress,eta}'", each)
        assert "nobody can say: <bdi>no daemon is alive" in web.get(f"/job/{each}/progress").text
    assert "nobody can say when that will be: <bdi>no daemon is alive" in web.get(f"/job/{waits}").text


@pytest.mark.parametrize("status", ["ready", "in progress", "canceled", "done", "error"])
def test_every_status_has_a_state(db: Db, status: str) -> None:
    """A job in any status is shown, with the word that the page has for it."""
    job = job_in(db, status)
    words = {"ready": "Waiting", "in progress": "Creating", "canceled": "Stopped", "done": "Finished", "error": "Error"}
    found = progress(db, job)
    assert (words[status], status == "done") == (found["status"], found["final"])


def test_jobs_come_in_the_order_that_was_asked_for(db: Db) -> None:
    """One call answers for many jobs; what there is not is left out, and what is asked twice comes twice."""
    jobs = [insert_job(db) for _ in range(3)]
    asked = [jobs[2], jobs[0], jobs[2] + 1, jobs[1]]
    found = db.value("select pgjobs.page_progress(%s)", asked)
    assert [jobs[2], jobs[0], jobs[1]] == [state["id"] for state in found]
    assert [] == db.value("select pgjobs.page_progress('{}')")


def test_a_tracked_job_shows_its_items(db: Db) -> None:
    """The items of a tracked job are told by what became of them."""
    job = insert_job(db)
    db.execute(
        "insert into pgjobs.item_counts (job_id, slot, status, n) values (%(job)s, 0, 'w', 3), (%(job)s, 1, 'l', 2),"
        " (%(job)s, 0, 's', 10), (%(job)s, 0, 'f', 4), (%(job)s, 0, 't', 1)",
        {"job": job},
    )
    items = progress(db, job)["items"]
    assert {"open": 5, "good": 10, "failed": 4, "timed_out": 1, "cancelled": 0, "refused": 0} == items


def test_one_odd_job_hides_no_other(db: Db) -> None:
    """Where the figures of a job cannot be computed, it is told with a sentence, and the others as ever."""
    sound, odd = insert_job(db), insert_job(db, params=Jsonb({}))
    body = f"begin if $1 = {odd} then raise 'odd'; end if; return null; end"
    db.execute(f"create function public.trouble(bigint) returns text language plpgsql as $${body}$$".encode())
    view = db.value("select pg_get_viewdef('pgjobs.job_status')").replace("pgjobs.why(j.id)", "public.trouble(j.id)")
    db.execute(f"create or replace view pgjobs.job_status as {view}".encode())
    first, second = db.value("select pgjobs.page_progress(%s)", [odd, sound])
    assert ("its progress cannot be computed: odd", None) == (first["why"], second["why"])
    assert first.keys() == second.keys()


LATE = "update pgjobs.events set at = at - interval '6 minutes' where job_id = %s and to_status = 'canceled'"


def test_a_stop_that_takes_long_says_what_to_do(db: Db) -> None:
    """A job whose daemon does not let go within five minutes says who holds it, and how it ends all the same."""
    job, _ = moving(db)
    db.execute("select pgjobs.stop_job(%s)", (job,))
    assert "stop asked: the daemon confirms and logs what is in flight" == db.value("select pgjobs.why(%s)", job)
    db.execute(LATE, (job,))
    said = db.value("select pgjobs.why(%s)", job)
    assert said == progress(db, job)["why"]
    assert said.startswith("its stop was asked 6 min ago, and daemon d-1 on h still holds it: look into the log")
    assert "end its process: its lease runs out by itself then" in said
    db.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", (job,))
    assert f'it is stopped; to continue it, run "pgjobs resume {job}"' == db.value("select pgjobs.why(%s)", job)


def test_a_cancellation_that_takes_long_says_what_to_do(db: Db) -> None:
    """A job whose open items are not closed within five minutes says so, and what is missing."""
    job = insert_job(db)
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    db.execute("insert into pgjobs.cancellations (job_id, at) values (%s, now() - interval '7 minutes')", (job,))
    said = "it was cancelled 7 min ago, and its open items are still being closed: "
    none = 'no daemon is alive that would do it: start one with "pgjobs daemon"'
    assert said + none == db.value("select pgjobs.why(%s)", job)
    db.execute("update pgjobs.cancellations set closed_at = now()")
    assert "it is cancelled for good" == db.value("select pgjobs.why(%s)", job)
