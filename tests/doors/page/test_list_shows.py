"""What the list says of each job, how many jobs there are, and what is wrong, for its top."""

from __future__ import annotations

from fix_jobs import Db, claim, insert_job, job_in, prepare
from fix_page_list import page, shown


def test_a_job_is_shown_with_its_fields(db: Db) -> None:
    """The list says who a job is of, what it is called, its state in the words of the page, and its times."""
    job = insert_job(
        db, name="Spring", id_user=7, submitted_by="token cms-1", media_type="film", reference_id="A-1", priority=8
    )
    (row,) = page(db)["jobs"]
    expected = {
        "id": str(job), "name": "Spring", "type": "expired", "state": "waiting", "status": "Waiting", "user": 7,
        "who": "token cms-1", "media_type": "film", "reference": "A-1", "priority": 8, "percent": None,
        "started_at": None, "finish_at": None, "task": None,
    }  # fmt: skip
    assert expected == {name: row[name] for name in expected}


def test_how_far_a_job_is_comes_from_its_shards(db: Db) -> None:
    """Of a job that runs the list says the percent of its shards; of one that has ended it says no percent."""
    job = insert_job(db)
    prepare(db, claim(db, job))
    db.execute(
        "update pgjobs.shards set first_key = 0, start_key = 0, end_key = 100, after_key = 25 where job_id = %s", (job,)
    )
    (row,) = page(db)["jobs"]
    assert ("Started", 25) == (row["status"], row["percent"])
    assert row["started_at"] is not None
    job_in(db, "done")
    assert None is page(db)["jobs"][0]["percent"]


def test_counts_come_from_counters(db: Db) -> None:
    """How many jobs there are by the status of their rows and by type is what the counters say."""
    insert_job(db)
    job_in(db, "done")
    job_in(db, "error")
    job_in(db, "canceled")
    counts = page(db)["counts"]
    assert {"Waiting": 1, "Started": 0, "Error": 1, "Stopped": 1, "Finished": 1} == {
        one["word"]: one["jobs"] for one in counts["statuses"]
    }
    assert 4 == counts["jobs"]
    assert 4 == next(one["jobs"] for one in counts["types"] if one["name"] == "expired")
    of_type = page(db, type="injection")["counts"]
    assert (0, 0) == (of_type["jobs"], sum(one["jobs"] for one in of_type["statuses"]))


def test_what_is_wrong_stands_at_the_top(db: Db) -> None:
    """The newest jobs that have broken off, those that should move and do not, the kill switch, and no daemon."""
    broken = job_in(db, "error", name="broken one")
    waits = insert_job(db, run_at="2026-01-01T00:00:00Z")
    db.execute("update pgjobs.shards set due_at = now() - interval '1 hour' where job_id = %s", (waits,))
    later = insert_job(db, run_at="2036-01-01T00:00:00Z")
    paused = insert_job(db, active=False)
    trouble = page(db)["trouble"]
    assert (None, True, 1) == (trouble["held"], trouble["no_daemon"], trouble["broken"])
    assert [(str(broken), "broken one", "Error")] == [(e["id"], e["name"], e["status"]) for e in trouble["errors"]]
    assert trouble["errors"][0]["why"].startswith("it ")
    assert [(str(waits), 'no daemon is alive: start one with "pgjobs daemon"')] == [
        (s["id"], s["why"]) for s in trouble["stuck"]
    ]
    assert {later, paused}.isdisjoint(int(s["id"]) for s in trouble["stuck"])
    db.execute("select pgjobs.hold_all('an incident')")
    assert "an incident" in page(db)["trouble"]["held"]


def test_all_is_well(db: Db) -> None:
    """Where nothing is wrong the top says nothing."""
    job_in(db, "done")
    assert {"held": None, "no_daemon": False, "broken": 0, "errors": [], "stuck": []} == page(db)["trouble"]


def test_only_the_first_page_says_what_is_wrong(db: Db) -> None:
    """Further pages only go on."""
    job_in(db, "error")
    further = insert_job(db)
    assert page(db, after=further)["trouble"] is None
    assert [further - 1] == shown(page(db, after=further))
