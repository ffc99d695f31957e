"""The page of a job and its events: status, fields, what comes first, and what is left of a job that is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fix_jobs import STATUSES, Db, job_in
from fix_page import Shown, shown
from fix_web import Web
from psycopg.types.json import Jsonb

from pgjobs.web.doors.page.events import LIMIT


def page_of(web: Web, job: int, rest: str = "") -> Shown:
    """The page of a job."""
    answer = web.get(f"/job/{job}{rest}")
    assert 200 == answer.status_code, answer.text
    return shown(answer)


def forced(db: Db, job: int, **columns: object) -> None:
    """Write columns that triggers would refuse: a row of the predecessor, or of a superuser."""
    names = ", ".join(f"{name} = %s" for name in columns)
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute(f"update xmp_jobs set {names} where id = %s".encode(), (*columns.values(), job))  # noqa: S608 own names
    db.execute("alter table xmp_jobs enable trigger user")


STATES = [
    ("ready", "update pgjobs.shards set expand = true where job_id = %(id)s", "Creating", "preparing"),
    ("in progress", "update pgjobs.shards set prepared_at = null where job_id = %(id)s", "Creating", "preparing"),
    ("ready", "update xmp_jobs set active = false where id = %(id)s", "Waiting", "inactive"),
    ("ready", "", "Waiting", "waiting"),
    ("in progress", "update pgjobs.shards set prepared_at = now() where job_id = %(id)s", "Started", "running"),
    ("in progress", "select pgjobs.pause_job(%(id)s)", "Stopped", "paused"),
    ("in progress", "select pgjobs.hold_all('a deploy')", "Stopped", "paused"),
    (
        "canceled",
        "update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + '1 min' where job_id = %(id)s",
        "Stopped",
        "stopping",
    ),
    ("canceled", "insert into pgjobs.cancellations (job_id, at) values (%(id)s, now())", "Stopped", "cancelling"),
    ("canceled", "", "Stopped", "stopped"),
    ("canceled", "insert into pgjobs.cancellations values (%(id)s, now(), null, now())", "Stopped", "cancelled"),
    ("done", "", "Finished", "finished"),
    ("error", "", "Error", "broken"),
    ("error", "update pgjobs.shards set cleared = '{items}' where job_id = %(id)s", "Fail", "ended broken"),
]


@pytest.mark.parametrize(("status", "change", "word", "state"), STATES, ids=lambda part: str(part)[:40])
def test_each_state_has_its_word(web: Web, db: Db, status: str, change: str, word: str, state: str) -> None:
    """The page says of each state the word of its contract, beside the status that the row has."""
    job = job_in(db, status)
    db.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", (job,))
    if change:
        db.execute(change.encode(), {"id": job})
    read = page_of(web, job)
    plain = status.replace("canceled", "cancelled")
    told = f"{word} {plain}" if plain == state else f"{word} {plain}, {state}"
    assert told == read.fields["Status"]
    assert read.classes[f"badge-{word.lower()}"] >= 2


def test_the_fields_are_those_of_the_contract(web: Web, db: Db) -> None:
    """Name, type, status, start and finish in UTC, media type with its reference, custom type, parameters and
    configuration are shown under the names that people know, and what else a person at night needs."""
    job = job_in(
        db, "ready", name="Night run", media_type="Movie", reference_id="4711", custom_type="nightly",
        params={"date_from": "2016-10-10", "never": 1}, configuration=Jsonb({"queue": "q", "expires": None}),
        priority=8, rate=12.5, notes="call Anna", idempotency_key="form 4711", id_user=7,
        callback_url="https://user:secret@cms.example/done?key=secret",
    )  # fmt: skip
    forced(
        db,
        job,
        status="done",
        finish_at="2026-11-26 20:30:05+01",
        run_at="2026-11-26 18:00:00+00",
        submitted_by="token cms",
    )
    db.execute("update pgjobs.shards set started_at = '2026-11-26 19:00:00.9+00' where job_id = %s", (job,))
    answer = web.get(f"/job/{job}")
    fields = shown(answer).fields
    assert {
        "Name": "Night run",
        "Job Type": "expired",
        "Start Time": "2026-11-26 19:00:00 UTC",
        "Finish Time": "2026-11-26 19:30:05 UTC",
        "To run at": "2026-11-26 18:00:00 UTC",
        "Media Type": "Movie",
        "Reference Id": "4711",
        "Custom Type": "nightly",
        "Priority": "8",
        "Rate": "12.5 records per second",
        "Notes": "call Anna",
        "Idempotency key": "form 4711",
        "Submitted by": "token cms",
        "User": "7",
        "Callback to": "cms.example",
        "GUID": str(db.value("select guid from xmp_jobs where id = %s", job)),
    }.items() <= fields.items()
    assert {"date_from": "2016-10-10", "never": 1} == json.loads(fields["Parameters"])
    assert {"queue": "q", "expires": None} == json.loads(fields["Configuration"])
    assert 'datetime="2026-11-26T19:30:05Z"' in answer.text
    assert "secret" not in answer.text


def test_what_is_not_given_is_left_out(web: Web, db: Db) -> None:
    """A field without a value takes no line."""
    fields = page_of(web, job_in(db, "ready")).fields
    assert not {"Name", "Media Type", "Reference Id", "Custom Type", "Configuration", "Finish Time", "Task"} & set(
        fields
    )
    assert {"Job Type", "Status", "Parameters", "Created"} <= set(fields)


@pytest.mark.parametrize("status", STATUSES)
def test_why_comes_first(web: Web, db: Db, status: str) -> None:
    """Where a job does not move the sentence of SQL stands above everything else, in words."""
    job = job_in(db, status)
    why = db.value("select pgjobs.why(%s)", job)
    text = web.get(f"/job/{job}").text
    assert why
    assert -1 < text.index(why.replace("'", "&#39;").replace('"', "&#34;")) < text.index("Fields")


def test_callbacks_uncertain_ranges_and_files_are_told(web: Web, db: Db) -> None:
    """What others were told, what may have been sent twice and where the log lies stand below the fields."""
    job = job_in(db, "canceled", callback_url="https://cms.example/done")
    db.execute("insert into pgjobs.uncertain_ranges values (%s, 3, 7, 1000, 2000, now())", (job,))
    db.execute("insert into pgjobs.log_segments values (%s, 0, 0, 1, 'host-9', '/var/log/x.log', 123456)", (job,))
    callback = db.value("select max(id) from pgjobs.callbacks where job_id = %s", job)
    db.execute(
        "insert into pgjobs.callback_attempts values (%s, 1, now(), 'https://cms.example/done', 503, null, 7)",
        (callback,),
    )
    words = page_of(web, job).words
    assert "cancelled open, due" in words
    assert "503" in words
    assert "3 1000 2000" in words
    assert "/var/log/x.log on host-9 , 123\u202f456 bytes" in words
    assert f"pgjobs verify {job}" in words


def test_a_job_of_a_task_names_it(web: Web, db: Db) -> None:
    """A job that a task has made says which one."""
    job = job_in(db, "ready")
    task = db.value(
        "insert into pgjobs.tasks (name, type, repeating) values ('nightly', 'expired',"
        ' \'{"period": {"each": 5, "unit": "MINUTES"}}\') returning id'
    )
    forced(db, job, task_id=task)
    assert f"{task}, nightly" == page_of(web, job).fields["Task"]
    forced(db, job, task_id=task + 77)
    assert str(task + 77) == page_of(web, job).fields["Task"]


def test_a_part_that_cannot_be_computed_hides_no_other(web: Web, db: Db) -> None:
    """Where one part of the page fails in SQL, the page says so and shows the rest."""
    job = job_in(db, "ready", name="still here")
    db.execute(
        "create or replace function pgjobs.page_outcomes(_id bigint) returns jsonb language plpgsql stable as"
        " $$ begin raise exception '<b>odd</b>'; end $$"
    )
    read = page_of(web, job)
    assert "Its outcomes cannot be computed: <b>odd</b>" in read.words
    assert "still here" == read.fields["Name"]


def test_events_tell_who_did_it_newest_first(web: Web, db: Db) -> None:
    """The page has the last ten events, each with its actor and its reason; a remark is one without a status."""
    job = job_in(db, "ready")
    db.execute("select set_config('application_name', 'psql of Anna', false)")
    for status in ("canceled", "ready") * 6:
        db.execute("update xmp_jobs set status = %s where id = %s", (status, job))
    db.execute(
        "insert into pgjobs.events (job_id, at, role, actor, reason) values (%s, now(), 'r', 'token cms', 'a remark')",
        (job,),
    )
    answer = web.get(f"/job/{job}")
    read = shown(answer)
    assert 10 == answer.text.count("<li>\n  <time")
    assert "remark a remark by token cms (r" in read.words
    assert "cancelled → ready by" in read.words
    assert "psql of Anna" in read.words
    assert f"/job/{job}/events" in read.links
    assert read.words.index("a remark") < read.words.index("cancelled → ready")


def test_events_are_paged_by_their_numbers(web: Web, db: Db) -> None:
    """Each event comes once over all pages, newest first, whatever is added meanwhile; each page leads to the next."""
    job, other = job_in(db, "ready"), job_in(db, "ready")
    for owner in (job, other):
        db.execute(
            "insert into pgjobs.events (job_id, at, role, reason) select %s, now(), 'r', 'event no. ' || n"
            " from generate_series(1, %s) n",
            (owner, 2 * LIMIT + 7),
        )
    seen: list[str] = []
    path = f"/job/{job}/events"
    for _ in range(9):
        answer = web.get(path)
        seen += [line for line in answer.text.splitlines() if "event no." in line]
        older = [to for to in shown(answer).links if "before=" in to]
        if not older:
            break
        path = older[0]
        db.execute("insert into pgjobs.events (job_id, at, role, reason) values (%s, now(), 'r', 'later')", (job,))
    numbers = [int(line.partition("event no. ")[2].partition("<")[0]) for line in seen]
    assert list(range(2 * LIMIT + 7, 0, -1)) == numbers


def test_of_a_deleted_job_the_events_are_left(web: Web, db: Db) -> None:
    """The page of a job that is gone says so and leads to its events, which are still shown."""
    job = job_in(db, "done")
    db.execute("delete from xmp_jobs where id = %s", (job,))
    gone = web.get(f"/job/{job}")
    assert 404 == gone.status_code
    assert f"what is left of it are its events: /job/{job}/events" in shown(gone).words
    assert "in progress → done" in page_of(web, job, "/events").words
    assert 404 == web.get("/job/4711/events").status_code
    assert 200 == web.get(f"/job/{job}/events?before=1").status_code


def test_a_job_that_its_door_hides_is_shown_with_a_note(web: Web, db: Db) -> None:
    """A job that was deleted at the door which created it stays, with its proof, and the page says so."""
    job = job_in(db, "done")
    forced(db, job, deleted_at="2026-11-26 19:30:05+00")
    assert "shows it no longer since 2026-11-26 19:30:05 UTC" in page_of(web, job).words


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**31 + 10, 0])
def test_numbers_of_any_size_are_jobs(web: Web, db: Db, number: int) -> None:
    """A job may have any number of 64 bits, and its page and events are found by it."""
    job = job_in(db, "ready")
    forced(db, job, id=number)
    db.execute("update pgjobs.events set job_id = %s where job_id = %s", (number, job))
    assert f"job {number}" in page_of(web, number).words
    assert "ready" in page_of(web, number, "/events").words
    assert f"/job/{number}" in shown(web.get("/")).links


def test_moments_beyond_the_calendar_are_shown_as_they_are(web: Web, db: Db) -> None:
    """Infinite moments, and those before our era or after the year 9999, break nothing."""
    job = job_in(db, "ready")
    for moment in (
        "infinity",
        "-infinity",
        "0044-03-15 00:00:00+00 BC",
        "294276-12-31 23:59:59+00",
        "0001-01-01 00:00:00+14",
    ):
        forced(db, job, finish_at=moment)
        assert page_of(web, job).fields["Finish Time"], moment


ODD: dict[str, Any] = {
    "tags": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "ends": "</bdi></dd></dl></main></title></script><h1>you have won</h1>",
    "quotes": '" onmouseover="alert(1)" x=\'',
    "templates": "{{ 7 * 7 }}{% raw %}${7}",
    "controls": "a\x01b\x1bc\x7fd\x9be\r\nf\tg",
    "turned": "\u202eabc\u2066def\u200f\ufeff\u200b",
    "huge": "x" * 10_000,
    "wide": "\U0001f4a9 \u4e2d\u6587 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_whatever_stands_in_a_field_is_text(web: Web, db: Db, text: str) -> None:
    """Tags, ends of tags, quotes, expressions of templates, control characters, marks that turn text and 10 KB are
    shown as text in every field: the page keeps its elements, whatever a job is called."""
    plain, odd = (job_in(db, "error", callback_url="https://a.example/x") for _ in range(2))
    for job, value in ((plain, "plain"), (odd, text)):
        forced(
            db, job, name=value, media_type=value, reference_id=value, custom_type=value, notes=value, file_name=value,
            submitted_by=value, idempotency_key=f"{value[:2000]} {job}", log_path=value,
            callback_url=f"https://{value[:90]}/", params=Jsonb({value: [value, {"a": value}]}),
            configuration=Jsonb({value: value}), schedule=Jsonb({value: value}), budget=Jsonb({value: value}),
            rules=Jsonb({value: value}),
        )  # fmt: skip
        db.execute(
            "insert into pgjobs.events (job_id, at, from_status, to_status, role, application, actor, reason)"
            " values (%(id)s, now(), %(x)s, %(x)s, %(x)s, %(x)s, %(x)s, %(x)s)",
            {"id": job, "x": value},
        )
        # The second job got a remark that there is an equal one.
        db.execute("delete from pgjobs.events where job_id = %s and to_status is null", (job,))
        db.execute("update pgjobs.shards set error = %s where job_id = %s", (value, job))
        db.execute("insert into pgjobs.outcomes values (%s, 0, 'skip', %s, 7)", (job, value[:500]))
        db.execute("insert into pgjobs.log_segments values (%s, 0, 0, 1, %s, %s, 1)", (job, value, value))
        db.execute(
            "update pgjobs.callbacks set status = %s, answer = %s, closed_at = now() where job_id = %s",
            (value, value, job),
        )
        db.execute(
            "insert into pgjobs.callback_attempts select id, 1, now(), %s, null, %s, 7 from pgjobs.callbacks"
            " where job_id = %s",
            (value, value, job),
        )
    for rest in ("", "/events"):
        expected, found = page_of(web, plain, rest), page_of(web, odd, rest)
        assert expected.tags == found.tags
        assert expected.classes == found.classes
        assert expected.forms == found.forms
    if text.isprintable():
        assert text == page_of(web, odd).fields["Name"]
    shown(web.get("/"))
