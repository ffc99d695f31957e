"""Outcomes by reason as bars: numbers that add up, words with their meaning, and nothing alive."""

from __future__ import annotations

from typing import Any

import pytest
from fix_jobs import Db, job_in
from fix_kept import Item, Kept, shown
from fix_web import Web

ADD = "insert into pgjobs.outcomes (job_id, shard, action, code, n) values (%s, %s, %s, %s, %s)"


def outcomes(db: Db, job: int) -> dict[str, Any]:
    """What the page is told."""
    found: dict[str, Any] = db.value("select pgjobs.page_outcomes(%s)", job)
    return found


def test_shards_are_added_up_and_most_comes_first(db: Db) -> None:
    """Records by action and code over all shards, the most first, with what they are of a hundred."""
    job = job_in(db, "in progress")
    for row in ((0, "sent", "", 500), (1, "sent", "", 250), (0, "skip", "duplicate", 240), (0, "skip", "own_code", 10)):
        db.execute(ADD, (job, *row))
    db.execute(ADD, (job_in(db, "in progress"), 0, "sent", "", 7))
    found = outcomes(db, job)
    assert (1000, None) == (found["records"], found["tracked"])
    assert [
        ("sent", None, "Sent", 750, 75),
        ("skip", "duplicate", "duplicate", 240, 24),
        ("skip", "own_code", "own_code", 10, 1),
    ] == [tuple(one[name] for name in ("action", "code", "words", "records", "percent")) for one in found["outcomes"]]


def test_every_code_is_explained(db: Db) -> None:
    """Each code that the engine and its own selectors give has its meaning, and no meaning is left over."""
    codes = db.column("select code from pgjobs.record_codes()")
    assert [] == [code for code in codes if not db.value("select pgjobs.code_meaning(%s)", code)]
    assert db.value("select pgjobs.code_meaning('own_code')") is None


def test_actions_are_counted_by_status(db: Db, kept: Kept) -> None:
    """Of a tracked job the actions are counted by status, those that changed nothing besides."""
    job = kept.job([Item(key, status) for key, status in enumerate("wrsssstfxc")])
    db.execute("insert into pgjobs.item_counts values (%s, 5, 'G', 2), (%s, 5, 'D', 3), (%s, 5, 'S', 1)", (job,) * 3)
    found = outcomes(db, job)
    assert 10 == found["tracked"]["total"]
    assert {"late_good": 2, "late_failed": 0, "repeated": 3, "stopped": 1} == found["answers"]
    counted = [(one["word"], one["n"], one["percent"]) for one in found["tracked"]["statuses"]]
    assert [
        ("Waiting", 1, 10), ("Waiting", 1, 10), ("Finished", 4, 40), ("Error", 1, 10), ("Error", 1, 10),
        ("Fail", 1, 10), ("Stopped", 1, 10),
    ] == counted  # fmt: skip


def test_the_bars_stand_beside_their_numbers(web: Web, db: Db, kept: Kept) -> None:
    """The page of the job has a row for each reason: words, code, meaning, number and share, and a bar."""
    job = kept.job([Item(1, "s")])
    db.execute(ADD, (job, 0, "sent", "", 2_000_000))
    db.execute(ADD, (job, 0, "skip", "blacklisted", 1))
    answer = web.get(f"/job/{job}")
    read = shown(answer)
    assert "skip Blacklisted blacklisted the msisdn is on the blacklist 1 0.1\u202f%" in read.text
    assert "sent Sent 2\u202f000\u202f000 99.9\u202f%" in read.text
    assert f"/job/{job}/items?status=Finished" == read.link("Finished")
    assert "style=" not in answer.text.replace('rel="stylesheet"', "")


@pytest.mark.parametrize("code", ["<script>alert(1)</script>", "x" * 63, "{{ 7 * 7 }}"])
def test_an_odd_code_is_text(web: Web, db: Db, code: str) -> None:
    """A code that got into the table past all checks is shown as text."""
    job = job_in(db, "in progress")
    db.execute(ADD, (job, 0, "skip", code, 3))
    assert f"skip {code} 3 100\u202f%" in shown(web.get(f"/job/{job}")).text


def test_a_job_without_records_has_no_bars(web: Web, db: Db) -> None:
    """Before the first checkpoint there is no section of outcomes."""
    assert "Outcomes" not in shown(web.get(f"/job/{job_in(db, 'ready')}")).text


def test_many_reasons_are_folded(web: Web, db: Db) -> None:
    """The twelve most frequent reasons are shown, and all others behind them when somebody asks for them."""
    job = job_in(db, "in progress")
    for number in range(100):
        db.execute(ADD, (job, 0, "skip", f"code_{number}", 1000 - number))
    answer = web.get(f"/job/{job}").text
    first, rest = answer.partition("88 further reasons")[::2]
    assert ("code_11</bdi>" in first, "code_12</bdi>" in first) == (True, False)
    assert all(f"code_{number}</bdi>" in rest for number in range(12, 100))
