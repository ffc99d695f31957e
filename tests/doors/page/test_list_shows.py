"""What the list says of each job, how many jobs there are, and what is wrong, for its top."""

from __future__ import annotations

import pytest
from fix_jobs import Db, claim, insert_job, job_in, past_triggers, prepare
from fix_page_list import Crowd, page, pages, shown
from fix_web import Web


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


@pytest.mark.parametrize("status", ["ready", "in progress", "canceled", "error"])
def test_a_job_that_is_not_through_says_how_far_it_is(db: Db, status: str) -> None:
    """Whatever became of a job that has begun, paused, stopped, broken or waiting again, its row says its percent."""
    job = insert_job(db)
    prepare(db, claim(db, job))
    db.execute(
        "update pgjobs.shards set first_key = 0, start_key = 0, end_key = 100, after_key = 25, owner = null,"
        " lease_until = null where job_id = %s",
        (job,),
    )
    with past_triggers(db):
        db.execute("update xmp_jobs set status = %s where id = %s", (status, job))
    (row,) = page(db)["jobs"]
    assert 25 == row["percent"]


def counted_as_failed(db: Db) -> int:
    """A job that is done, whose type says that any bad item fails it: 72 of 300 were not good."""
    job = job_in(db, "done")
    with past_triggers(db):
        db.execute("update xmp_job_types set tracked = true, fails_with = 'any' where name = 'expired'")
    db.execute("insert into pgjobs.item_counts (job_id, slot, status, n) values (%s, 0, 's', 228)", (job,))
    db.execute("insert into pgjobs.item_counts (job_id, slot, status, n) values (%s, 0, 'f', 70)", (job,))
    db.execute("insert into pgjobs.item_counts (job_id, slot, status, n) values (%s, 1, 't', 2)", (job,))
    return job


def test_a_job_that_counts_as_failed_says_so_everywhere(db: Db, web: Web) -> None:
    """Beside Finished stands that it counts as failed, and with how many: in the list, on its pages, in its report."""
    job = counted_as_failed(db)
    words = "counts as failed: 72 of 300 not good"
    for path in ("/", f"/job/{job}", f"/job/{job}/items", f"/job/{job}/progress", f"/live/rows?ids={job}",
                 f"/job/{job}/report", f"/job/{job}/report.json"):  # fmt: skip
        assert words in web.get(path).text, path
    assert 'class="bad"' in web.get("/").text
    with past_triggers(db):
        db.execute("update xmp_job_types set fails_with = null where name = 'expired'")
    assert None is page(db)["jobs"][0]["remark"]


def test_what_is_cancelled_for_good_says_so(db: Db, web: Web) -> None:
    """A job that was cancelled for good cannot be taken for one that can be resumed."""
    stopped, over = insert_job(db), insert_job(db)
    db.execute("select pgjobs.stop_job(%s)", (stopped,))
    db.execute("select pgjobs.cancel_job(%s)", (over,))
    assert {stopped: None, over: "for good"} == {int(row["id"]): row["remark"] for row in page(db)["jobs"]}
    assert "for good" in web.get(f"/job/{over}").text
    assert "for good" not in web.get(f"/job/{stopped}/progress").text


def test_filters_that_are_exact_say_so(web: Web) -> None:
    """A column and its filter are called the same, and what has to be given whole is said to be so."""
    text = web.get("/?who=token+cms-1&reference=A").text
    for words in ("Submitted by, exactly <input", "Reference id, exactly <input", "Submitted by, exactly: <bdi>token"):
        assert words in text


def numbers(db: Db, **asked: object) -> dict[str, int]:
    """The numbers above the list by the words of their filters."""
    return {one["words"]: one["jobs"] for one in page(db, **asked)["counts"]["statuses"]}


@pytest.mark.parametrize("held", [False, True])
def test_a_number_is_what_its_filter_finds(db: Db, *, held: bool) -> None:
    """Whatever is paused, held or prepared, each number above the list is that of the jobs which its filter shows."""
    crowd = Crowd(db, 300)
    if held:
        db.execute("select pgjobs.hold_all('an incident')")
    for asked in ({}, {"type": crowd.rows[0]["type"]}):
        counts = page(db, **asked)["counts"]
        assert counts["exact"] is True
        found = numbers(db, **asked)
        assert {words: len(pages(db, status=words, size=100, **asked)) for words in found} == found
        assert counts["jobs"] == sum(found.values())
        assert found["Stopped"] > 0
    assert held == (found["Started"] == 0)


def test_of_many_open_jobs_the_numbers_say_that_they_are_rough(db: Db, web: Web) -> None:
    """Where more jobs are open than the list looks at, they count by the status of their rows, and the page says so."""
    insert_job(db)
    job_in(db, "in progress")
    job_in(db, "done")
    assert "about " not in web.get("/").text
    db.execute(
        "create or replace function pgjobs.most_counted() returns bigint language sql immutable as 'select 1::bigint'"
    )
    found = page(db)["counts"]
    expected = {
        "Waiting": (1, True), "Started": (1, True), "Stopped": (0, True), "Error,Fail": (0, False),
        "Finished": (1, False),
    }  # fmt: skip
    assert expected == {one["words"]: (one["jobs"], one["about"]) for one in found["statuses"]}
    text = web.get("/").text
    assert "about 1<" in text
    assert "counted by the status of their rows" in text


def test_numbers_lead_to_what_they_count(db: Db, web: Web) -> None:
    """The link of a number keeps the type by which it was counted, and no other filter."""
    insert_job(db)
    text = web.get("/?type=expired&name=x&sort=newest").text
    assert 'href="/?type=expired&amp;sort=newest&amp;status=Waiting"' in text


def test_counts_of_what_has_ended_come_from_counters(db: Db) -> None:
    """How many jobs have ended, and how many there are of a type, is what the counters say."""
    insert_job(db)
    job_in(db, "done")
    job_in(db, "error")
    job_in(db, "canceled")
    expected = {"Creating": 0, "Waiting": 1, "Started": 0, "Error,Fail": 1, "Stopped": 1, "Finished": 1}
    assert expected == numbers(db)
    counts = page(db)["counts"]
    assert 4 == counts["jobs"]
    assert 4 == next(one["jobs"] for one in counts["types"] if one["name"] == "expired")
    assert 0 == sum(numbers(db, type="injection").values())


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
    assert [] == trouble["stuck"], "what is true of all is said once"
    db.execute("select pgjobs.beat(gen_random_uuid(), 'd-1', 'h', 1, '0', 'connected')")
    trouble = page(db)["trouble"]
    assert [str(waits)] == [s["id"] for s in trouble["stuck"]]
    assert trouble["no_daemon"] is False
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


@pytest.mark.parametrize("held", [False, True])
def test_what_is_true_of_all_hides_no_other_trouble(db: Db, *, held: bool) -> None:
    """While everything is held, or no daemon is alive, that is said once, and another trouble of a job is told."""
    for _ in range(5):
        job_in(db, "in progress")
    broken_hand = insert_job(db)
    with past_triggers(db):
        db.execute("delete from pgjobs.shards where job_id = %s", (broken_hand,))
        db.execute("update xmp_jobs set status = 'in progress' where id = %s", (broken_hand,))
    if held:
        db.execute("select pgjobs.hold_all('an incident')")
    trouble = page(db)["trouble"]
    if held:
        assert ("an incident" in trouble["held"], []) == (True, trouble["stuck"])
    else:
        assert [str(broken_hand)] == [s["id"] for s in trouble["stuck"]]
        assert trouble["no_daemon"] is True


@pytest.mark.parametrize(
    ("change", "stuck"),
    [
        ("due_at = now() + interval '1 hour', round_over = true, note = 'everything is sent'", False),
        ("due_at = now() - interval '20 s', round_over = true, note = 'everything is sent'", False),
        ("due_at = now() - interval '2 min', round_over = true, note = 'everything is sent'", True),
        ("due_at = now() + interval '1 min', failures = 2, note = 'the broker is away'", True),
    ],
)
def test_what_waits_by_its_rules_is_no_trouble(db: Db, change: str, *, stuck: bool) -> None:
    """A job that waits for answers, for an attempt or for its window is as it should be; past that it is told."""
    job = job_in(db, "in progress")
    db.execute("select pgjobs.beat(gen_random_uuid(), 'd-1', 'h', 1, '0', 'connected')")
    db.execute(f"update pgjobs.shards set {change} where job_id = {job}".encode())  # noqa: S608 - of the test
    assert ([str(job)] if stuck else []) == [s["id"] for s in page(db)["trouble"]["stuck"]]
    assert ([job] if stuck else []) == db.column("select id from pgjobs.stuck_jobs(10)")


def test_what_its_daemon_knows_to_wait_for_is_no_trouble(db: Db) -> None:
    """A job whose daemon waits until its queue has room moves by its rules, however long that takes."""
    job = insert_job(db)
    prepare(db, claim(db, job))
    db.execute(
        "select pgjobs.beat(owner, 'd-1', 'h', 1, '0', 'connected') from pgjobs.shards where job_id = %s", (job,)
    )
    db.execute("update pgjobs.shards set claimed_at = now() - interval '1 hour', note = '9 ready in its queue'")
    assert [] == page(db)["trouble"]["stuck"]
    db.execute("update pgjobs.shards set note = null")
    db.execute("update pgjobs.events set at = now() - interval '1 hour'")
    assert [str(job)] == [s["id"] for s in page(db)["trouble"]["stuck"]]
