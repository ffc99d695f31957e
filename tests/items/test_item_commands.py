"""`pgjobs retry` and `pgjobs cancel`: what an operator does about the items of a tracked job, from the command line."""

import re
import subprocess

import pytest
from fix_broker import Drain
from fix_cli import HOME, Said, command, environment, run
from fix_items import Tracked

from pgjobs.lab.roles import member_url

BAD = {"result": "ERROR"}


def operate(tracked: Tracked, *words: object) -> Said:
    """Run a command as a member of pgjobs_operator."""
    return run(*words, database_url=member_url(tracked.engine.database_url, "pgjobs_operator"))


def keys(tracked: Tracked, job: int) -> list[int]:
    """The records that a job has kept as items."""
    rows = tracked.engine.rows("select key from pgjobs.items where job_id = %s order by key", job)
    return [row["key"] for row in rows]


def test_what_failed_and_what_was_refused_is_sent_again(tracked: Tracked) -> None:
    """Each choice gives a job of its own over just these records, and its number is told."""
    tracked.targets(12)
    tracked.engine.execute("update public.targets set code = 'not_wanted' where id in (3, 6)")
    job = tracked.add_job()
    mended: list[bool] = []
    tracked.consume(lambda _properties, body: BAD if body["n"] % 4 == 0 and not mended else {"result": "SUCCESSFUL"})
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    mended.append(True)
    for number, (options, which, wanted) in enumerate(
        (((), "failed", [4, 8, 12]), (("--which", "refused"), "refused", [3, 6])), start=1
    ):
        said = operate(tracked, "retry", job, *options)
        assert (0, "") == (said.code, said.err)
        assert f"job {job + number} sends again the records of job {job} that are: {which}\n" == said.out
        tracked.engine.wait_status(job + number, "done")
        assert wanted == keys(tracked, job + number)


def test_a_cancelled_job_is_cancelled_for_good(tracked: Tracked) -> None:
    """Its open items are closed; a second cancel is refused with one sentence, and what to do instead."""
    tracked.targets(20)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select sum(n) = 20 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    said = operate(tracked, "cancel", job)
    assert (0, f"job {job} is cancelled for good\n", "") == said
    tracked.engine.wait_until("(select closed_at is not null from pgjobs.cancellations where job_id = %s)", job)
    assert {"c": 20} == tracked.statuses(job)
    said = operate(tracked, "cancel", job)
    assert (1, "") == (said.code, said.out)
    assert f"pgjobs: job {job} is cancelled already\n  insert a new job\n" == said.err


@pytest.mark.parametrize("command", ["retry", "cancel", "why", "watch", "verify"])
def test_a_number_that_no_job_can_have(command: str) -> None:
    """It is refused as a word of the command, with the command that lists them; nothing is asked of the database."""
    said = run(command, 99999999999999999999, database_url="postgresql://nobody@localhost:1/none")
    assert (2, "") == (said.code, said.out)
    assert "is no number of a job" in said.err


def test_agents_are_shown_to_viewers(tracked: Tracked) -> None:
    """The hint for a role that may not read them names the group of those who may."""
    said = run("agents", database_url=member_url(tracked.engine.database_url, "pgjobs_agent"))
    assert (1, "") == (said.code, said.out)
    assert "grant pgjobs_viewer to the role of PGJOBS_DATABASE_URL" in said.err


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_a_job_that_is_not_there_is_refused(tracked: Tracked, command: str) -> None:
    """One sentence and where to look, code 1."""
    said = operate(tracked, command, 77)
    assert (1, 'pgjobs: there is no job 77\n  "pgjobs jobs" lists them\n') == (said.code, said.err)


def test_a_retry_of_nothing_is_refused(tracked: Tracked) -> None:
    """Where no item is like that there is one sentence, and no job is made."""
    tracked.targets(2)
    job = tracked.add_job()
    tracked.consume(lambda *_: {"result": "SUCCESSFUL"})
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    for options, which in (
        ((), "failed"),
        (("--which", "timeout"), "timeout"),
        (("--which", "unprocessed"), "unprocessed"),
    ):
        said = operate(tracked, "retry", job, *options)
        assert (1, "") == (said.code, said.out)
        assert f"pgjobs: job {job} has no records that are: {which}\n  look at pgjobs.job_item_counts" in said.err
    assert 1 == tracked.engine.value("select count(*) from xmp_jobs")


def test_what_has_no_items_is_refused(tracked: Tracked) -> None:
    """A job of an untracked type keeps none; a word that is no choice is code 2, and no job is made."""
    job = tracked.engine.add_job("expired")
    said = operate(tracked, "retry", job)
    assert 1 == said.code
    assert f"pgjobs: job {job} is of type expired, which keeps no items and no refused records\n" in said.err
    said = operate(tracked, "retry", job, "--which", "everything")
    assert 2 == said.code
    assert re.search("failed.*timeout.*refused.*unprocessed", said.err, re.DOTALL)
    assert 1 == tracked.engine.value("select count(*) from xmp_jobs")


def test_watch_tells_how_many_items_are_closed(tracked: Tracked) -> None:
    """Sent is not closed: while consumers are at work the lines say how many have an outcome, and the last one too."""
    tracked.targets(6)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    closed = "select items_closed from pgjobs.job_status where id = %s"
    assert 0 == tracked.engine.value(closed, job)
    assert tracked.engine.value(closed, tracked.engine.add_job("expired")) is None
    tracked.report((f"{job}-1", {"result": "SUCCESSFUL"}), (f"{job}-2", BAD))
    why = tracked.engine.value("select why from pgjobs.job_status where id = %s", job)
    assert "everything is sent: it waits for the outcome of 4 items; no time-out is set" in why
    told = subprocess.Popen(
        command("watch", job), cwd=HOME, env=environment(database_url=tracked.engine.database_url),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with told as watching:
        assert watching.stdout is not None
        assert "· waits · 6 · 2 closed · everything is sent" in watching.stdout.readline()
        tracked.report(*((f"{job}-{n}", {"result": "SUCCESSFUL"}) for n in range(3, 7)))
        assert "  6 considered · 6 sent · 0 skipped · 6 closed\n" in watching.stdout.read()


def test_every_door_shows_the_items_of_a_tracked_job_and_of_no_other(tracked: Tracked) -> None:
    """The counters are those of the view. A job of another type, a dry run, and one that has not begun have no such
    field: what doors answer about them is what it was."""
    tracked.targets(3)
    tracked.rules(params=["dry_run"])
    later = tracked.add_job(active=False)
    dry = tracked.add_job(params={"dry_run": True}, active=False)
    other = tracked.engine.add_job("expired")
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    tracked.report((f"{job}-1", {"result": "SUCCESSFUL"}), (f"{job}-1", BAD), (f"{job}-2", BAD))
    show = "select pgjobs.show_job(%s)"
    shown = tracked.engine.value(show, job)
    assert {"launched": 1, "good": 1, "failed": 1, "repeated": 1} == {k: n for k, n in shown["items"].items() if n}
    view = tracked.engine.rows("select * from pgjobs.job_item_counts where job_id = %s", job)[0]
    assert {name: n for name, n in view.items() if name != "job_id"} == shown["items"]
    for without in (later, dry, other):
        assert "items" not in tracked.engine.value(show, without)
    listed = {row["id"]: row for row in tracked.engine.value("select pgjobs.list_jobs(null, null, 10, null)")}
    assert {job} == {number for number, row in listed.items() if "items" in row}


def test_why_names_a_missing_reply_queue(tracked: Tracked) -> None:
    """A job that waits for answers which nobody can take says so, with the remedy, until the queue is there."""
    tracked.rules(reply_queue=f"{tracked.replies}-2", needs_replies=False)
    tracked.targets(3)
    job = tracked.add_job()
    tracked.engine.start()
    why = "(select w.why like %s from pgjobs.job_status w where w.id = %s)"
    words = (
        f"%outcome of 3 items; no answers are taken from its reply queue {tracked.replies}-2 (404 NOT_FOUND%declare it%"
    )
    tracked.engine.wait_until(why, words, job)
    with Drain(tracked.engine.amqp_url) as broker:
        broker.channel.queue_declare(f"{tracked.replies}-2", durable=True)
        tracked.engine.wait_until(why, "%outcome of 3 items; no time-out is set%", job)
        tracked.consume(lambda _properties, _body: {"result": "SUCCESSFUL"})
        tracked.engine.wait_status(job, "done")
        broker.channel.queue_delete(f"{tracked.replies}-2")
