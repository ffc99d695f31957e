"""What the list of jobs is asked for: what it can't read it says in a sentence, and any text may be asked for."""

from __future__ import annotations

import json

import pytest
from fix_jobs import Db, insert_job
from fix_page_list import page, shown

CALL = "select pgjobs.page_jobs(%s::jsonb)"
BAD = [
    ("status", "Broken", "status: there is no status 'Broken'", "use Creating, Waiting, "),
    ("status", "Error,x\u202ey", "status: there is no status ", "use "),
    ("type", "nothing", "type: 'nothing' is not a registered job type", "choose one"),
    ("sort", "random", "sort: 'random' is no order of this list", "use newest, oldest, started, finished, next, name"),
    ("size", "30", "size: a page has no 30 jobs", "use 25, 50 or 100"),
    ("size", "-1", "size: a page has no -1 jobs", "use 25"),
    ("user", "me", "user: 'me' is no number of a user", "give the number of a user"),
    ("user", "9" * 19, "user: ", "give the number"),
    ("task", "1.5", "task: '1.5' is no number of a task", "give the number of a task"),
    ("job", "job 7", "job: 'job 7' is neither a number nor a GUID", "give the number of a job"),
    ("created_from", "yesterday", "created_from: 'yesterday' is no moment", "in UTC, as in 2026-11-26"),
    ("created_to", "2026-02-31", "created_to: '2026-02-31' is no moment", "give a day or a moment"),
    ("created_to", "2026-11-26 19:30+05", "created_to: ", "in UTC"),
    ("after", "x", "after: 'x' is no place in the order of this list", "leave it out"),
    ("after", "1,2", "after: '1,2' is no place", "leave it out"),
    ("before", "9" * 19, "before: ", "leave it out"),
    ("before", "-", "before: '-' is no place", "leave it out"),
    ("name", "n" * 201, "name: it has 201 characters", "give 200 at most"),
    ("reference", "n" * 3000, "reference: it has 3000 characters", "give 200 at most"),
]


@pytest.mark.parametrize(("name", "value", "sentence", "hint"), BAD)
def test_what_cannot_be_read_is_refused(db: Db, name: str, value: str, sentence: str, hint: str) -> None:
    """One sentence names the parameter and what is wrong with it; the hint says what to give instead."""
    refused = db.refusal(CALL, json.dumps({name: value}))
    assert (name, "PJ400") == (refused.column_name, refused.sqlstate)
    assert (refused.message_primary or "").startswith(sentence)
    assert hint in (refused.message_hint or "")
    assert len(refused.message_primary or "") < 200


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"created_from": "2026-11-26", "created_to": "2026-11-26"}, "created_to"),
        ({"after": "1", "before": "2"}, "before"),
        ({"sort": "finished", "after": "1"}, "after"),
        ({"sort": "finished", "after": "1,soon"}, "after"),
        ({"sort": "next", "after": "1,5"}, "after"),
        ({"sort": "next", "before": "1,high,2026-11-26"}, "before"),
        ({"sort": "next", "before": "1,99999,2026-11-26"}, "before"),
        ({"created_from": "2026-11-26", "before": "5"}, "before"),
    ],
)
def test_what_does_not_fit_together_is_refused(db: Db, asked: dict[str, str], field: str) -> None:
    """A range that is none, two places, and a place of another order are refused at the field that is wrong."""
    assert field == db.refusal(CALL, json.dumps(asked)).column_name


@pytest.mark.parametrize(
    "text",
    [
        "%",
        "_",
        "\\",
        "'; drop table xmp_jobs; --",
        "$jobs$",
        "\u202eevil",
        "<script>",
        "\u0130stanbul",
        "\U0001f600",
        "a,b",
    ],
)
def test_any_text_may_be_asked_for(db: Db, text: str) -> None:
    """A name, a reference and a submitter of any characters find the jobs that have them, and no others."""
    insert_job(db, name="other", submitted_by="token other", reference_id="other")
    job = insert_job(db, name=f"{text} and more", submitted_by=text, reference_id=text)
    assert [job] == shown(page(db, name=text))
    assert [job] == shown(page(db, who=text))
    assert [job] == shown(page(db, reference=text))
    assert [] == shown(page(db, who=text + "x"))


def test_names_are_as_long_as_they_may_be(db: Db) -> None:
    """Two names that differ in their last character alone are told apart, and paged through."""
    first, second = insert_job(db, name="n" * 199 + "a"), insert_job(db, name="n" * 199 + "b")
    assert [first, second] == shown(page(db, name="n" * 100))
    assert [second] == shown(page(db, name="N" * 199 + "B"))
    assert [second] == shown(page(db, name="n", after=f"{first}," + "n" * 60))


def test_a_job_is_found_by_its_number_and_its_guid(db: Db) -> None:
    """A number or a GUID shows this job; one that there is not shows none."""
    job = insert_job(db)
    assert [job] == shown(page(db, job=job))
    guid = db.value("select guid from xmp_jobs where id = %s", job)
    assert [job] == shown(page(db, job=str(guid).upper()))
    assert [] == shown(page(db, job=job, status="Finished"))
    assert [] == shown(page(db, job=job + 1))
    assert [] == shown(page(db, job="123e4567-e89b-42d3-a456-426614174000"))


def test_empty_parameters_count_as_not_given(db: Db) -> None:
    """A form sends every field; what is empty filters nothing."""
    job = insert_job(db)
    names = [
        "status",
        "type",
        "name",
        "reference",
        "who",
        "user",
        "task",
        "job",
        "created_from",
        "created_to",
        "sort",
        "size",
        "after",
        "before",
    ]
    given = dict.fromkeys(names, "")
    assert [job] == shown(page(db, **given))
    assert "newest" == page(db, **given)["asked"]["sort"]
