"""The table of a job's items: any page, either way, with any filter, is what a simple reading gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from fix_jobs import Db, insert_job, job_in
from fix_kept import CLOSED, Item, Kept

WORDS = {"Waiting": "wr", "Started": "l", "Finished": "s", "Error": "fx", "Fail": "t", "Stopped": "c"}
CALL = (
    "select pgjobs.page_items(%(id)s, %(status)s, %(target)s, %(result)s, %(after)s, %(before)s, %(last)s, %(limit)s)"
)


def asked(db: Db, job: int, **given: object) -> dict[str, Any]:
    """A page."""
    empty = dict.fromkeys(("status", "target", "result", "after", "before", "limit"))
    cursor = db.execute(CALL, {**empty, "last": False, "id": job, **given})
    (page,) = cursor.fetchall()[0]
    assert isinstance(page, dict)
    return page


def keys(page: dict[str, Any]) -> list[int]:
    """The keys on it."""
    return [int(item["key"]) for item in page["items"]]


def all_pages(db: Db, job: int, limit: int, *, backwards: bool, **filters: object) -> list[list[int]]:
    """The keys of all pages, from one end to the other."""
    place: dict[str, object] = {"last": True} if backwards else {}
    pages = []
    while True:
        page = asked(db, job, limit=limit, **filters, **place)
        pages.append(keys(page))
        further = page["previous" if backwards else "next"]
        if further is None:
            return pages
        assert pages[-1], "a page that leads on shows something, or has broken off"
        place = {"before" if backwards else "after": int(further)}


def some_items(chance: random.Random) -> list[Item]:
    """Items with gaps between their keys, of every kind."""
    numbers = chance.sample(range(-50, 300), chance.randrange(0, 120))
    if chance.random() < 0.3:
        numbers = [*numbers, -(2**63), 2**63 - 1]
    targets = [b"dev-1", b"dev-11", b"dev-2", "m\u00fcll".encode(), b"\xff\x00dev-1", b"", None]
    return [
        Item(key, chance.choice("wwlrsssftcx"), chance.choice(targets), chance.choice(["SUCCESSFUL", "ERROR", None]))
        for key in numbers
    ]


FILTERS: list[tuple[dict[str, str], Callable[[Item], bool]]] = [
    ({}, lambda _item: True),
    *(({"status": word}, lambda item, own=own: item.status in own) for word, own in WORDS.items()),
    ({"target": "dev-1"}, lambda item: b"dev-1" in (item.target or b"")),
    ({"target": "\u00fc"}, lambda item: "\u00fc".encode() in (item.target or b"")),
    ({"result": "ERROR"}, lambda item: item.result == "ERROR"),
    ({"status": "finished", "target": "dev", "result": "SUCCESSFUL"},
     lambda item: item.status == "s" and b"dev" in (item.target or b"") and item.result == "SUCCESSFUL"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_all_pages_are_all_items(db: Db, kept: Kept, seed: int) -> None:
    """From either end, with any filter and size, each item that is meant is on one page, in the order of the keys."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    items = some_items(chance)
    kept.job([Item(key) for key in range(5)])
    job = kept.job(items)
    for filters, is_meant in FILTERS:
        expected = sorted(item.key for item in items if is_meant(item))
        limit = chance.choice([1, 2, 7, 50, 200])
        forth = all_pages(db, job, limit, backwards=False, **filters)
        assert expected == [key for page in forth for key in page], filters
        back = all_pages(db, job, limit, backwards=True, **filters)
        assert expected == [key for page in reversed(back) for key in page], filters
        assert all(len(page) == limit for page in (*forth[:-1], *back[:-1]))


@pytest.mark.parametrize("seed", range(4))
def test_a_page_leads_to_its_neighbours(db: Db, kept: Kept, seed: int) -> None:
    """From each page of a list without filters a step back and forth shows the same; at the ends there is none."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    items = some_items(chance) or [Item(1)]
    ordered, job = sorted(item.key for item in items), kept.job(items)
    limit = chance.choice([1, 3, 10])
    page = asked(db, job, limit=limit)
    for first in range(0, len(ordered), limit):
        assert ordered[first : first + limit] == keys(page)
        assert (first > 0) == (page["previous"] is not None)
        assert (first + limit < len(ordered)) == (page["next"] is not None)
        if page["previous"] is not None:
            back = asked(db, job, limit=limit, before=int(page["previous"]))
            assert ordered[max(0, first - limit) : first] == keys(back)
            assert ordered[first : first + limit] == keys(asked(db, job, limit=limit, after=int(back["next"])))
        page = asked(db, job, limit=limit, after=int(page["next"])) if page["next"] is not None else page


def test_the_counters_are_those_of_the_job(db: Db, kept: Kept) -> None:
    """Each word has the number of its items, those of none as well, and late answers are not among them."""
    job = kept.job([Item(key, status) for key, status in enumerate("wwrlsssfxtc")])
    db.execute("insert into pgjobs.item_counts values (%s, 0, 'G', 5), (%s, 0, 'S', 3)", (job, job))
    page = asked(db, job)
    assert 11 == page["total"]
    assert {"Waiting": 3, "Started": 1, "Finished": 3, "Error": 2, "Fail": 1, "Stopped": 1} == {
        count["word"]: count["n"] for count in page["counts"]
    }
    assert list(WORDS) == [count["word"] for count in page["counts"]]


@pytest.mark.parametrize("status", "wlrsftcx")
def test_every_status_has_its_word(db: Db, kept: Kept, status: str) -> None:
    """An item of any status is shown with the word of the page and its times, and is found by that word alone."""
    job = kept.job([Item(7, status, b"dev-7", attempts=2)])
    (word,) = (word for word, own in WORDS.items() if status in own)
    (item,) = asked(db, job)["items"]
    assert (word, 1, "Kept <work>", "dev-7") == tuple(
        item[name] for name in ("status", "retries", "action_type", "reference_id")
    )
    assert item["started_at"].startswith("2026-11-26T19:30:05")
    assert (status in CLOSED) == (item["ended_at"] is not None)
    for other in WORDS:
        assert (other == word) == (keys(asked(db, job, status=other)) == [7])


def test_what_an_item_is_about(db: Db, kept: Kept) -> None:
    """Media type and reference are those of its entity, where the directory has it under this key, else of the job."""
    number = db.value("insert into pgjobs.entities (id, type) values ('dev-1', 'entity.device') returning number")
    items = [Item(number, target=b"dev-1"), Item(number + 1, target=b"dev-2"), Item(number + 2)]
    job = kept.job(items, media_type="film", reference_id="77")
    found = [(item["media_type"], item["reference_id"]) for item in asked(db, job)["items"]]
    assert [("entity.device", "dev-1"), ("film", "dev-2"), ("film", "77")] == found
    other = kept.job([Item(number, target=b"dev-9")], media_type="film", reference_id="77")
    assert [("film", "dev-9")] == [(item["media_type"], item["reference_id"]) for item in asked(db, other)["items"]]


def test_parameters_are_what_the_message_carried(db: Db, kept: Kept) -> None:
    """Of an operation they are those of its request, else all of the body, whatever it is; null where none is kept."""
    bodies = [
        b'{"operation": {"request": {"name": "X", "parameters": {"delay": 9}}}}',
        b'{"operation": {"request": 5}}',
        b'{"operation" no json',
        b'{"n": 1}',
        b"\xff\x00",
        None,
    ]
    job = kept.job([Item(key, body=body) for key, body in enumerate(bodies)])
    expected = ['{"delay": 9}', '{"operation": {"request": 5}}', '{"operation" no json', '{"n": 1}', "\\377\\000", None]
    assert expected == [item["parameters"] for item in asked(db, job)["items"]]
    db.execute("delete from pgjobs.item_bodies")
    assert [None] * 6 == [item["parameters"] for item in asked(db, job)["items"]]


def test_a_long_value_is_cut_and_its_length_told(db: Db, kept: Kept) -> None:
    """A target, a body and a description of any length make no page that nobody can load."""
    job = kept.job([Item(1, "f", b"t" * 20_000, "ERROR", b"b" * 30_000, "d" * 5000)])
    (item,) = asked(db, job)["items"]
    assert ["20 000 characters", "30 000 characters", "5 000 characters"] == [
        item[name].partition("(")[2].removesuffix(")") for name in ("reference_id", "parameters", "description")
    ]
    assert all(len(item[name]) < 350 for name in ("reference_id", "parameters", "description"))


def test_what_is_named_is_found_at_once(db: Db, kept: Kept) -> None:
    """An id of the directory, a correlation id, a message id and a key lead to their item, and nothing else does."""
    number = db.value("insert into pgjobs.entities (id, type) values ('dev-1', 'entity.device') returning number")
    other = kept.job([Item(3)])
    job = kept.job([Item(number, target=b"dev-1"), Item(-5)])
    for named in ("dev-1", f"{job}-{number}", f"{job}-{number}-2", str(number)):
        assert [str(number)] == asked(db, job, target=named)["exact"], named
    assert ["-5"] == asked(db, job, target=f"{job}--5")["exact"] == asked(db, job, target="-5")["exact"]
    for named in ("dev", f"{other}-3", "3", "99999999999999999999", "1-2-3-4", "-", "%"):
        assert [] == asked(db, job, target=named)["exact"], named


def cleared(db: Db, kept: Kept) -> int:
    """A job whose items went after their keep time."""
    job = kept.job([Item(1)])
    db.execute("update pgjobs.shards set cleared = '{items}' where job_id = %s", (job,))
    db.execute("delete from pgjobs.items")
    return job


MISSING: dict[str, tuple[str, Callable[[Db, Kept], int]]] = {
    "untracked": ("Jobs of type expired keep no items", lambda db, _kept: insert_job(db)),
    "cleared": ("cleared after their keep time", cleared),
    "dry run": ("a dry run", lambda _db, kept: kept.job(params='{"dry_run": 1}')),
    "nothing selected": ("has no records", lambda _db, kept: kept.job()),
    "not begun": ("when it begins", lambda db, _kept: job_in(db, "ready", type="kept", params="{}")),
}  # fmt: skip


@pytest.mark.parametrize("why", MISSING)
def test_why_there_are_no_items_is_said(db: Db, kept: Kept, why: str) -> None:
    """A job without items says whether it never has any, not yet, or not any more."""
    sentence, made = MISSING[why]
    page = asked(db, made(db, kept))
    assert [] == page["items"]
    assert sentence in page["missing"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"status": "done"}, "status"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"target": "x" * 1001}, "target"),
        ({"result": "x" * 1001}, "result"),
    ],
)
def test_what_nobody_can_mean_is_refused(db: Db, kept: Kept, given: dict[str, object], field: str) -> None:
    """A bad value is one sentence with its field."""
    empty = dict.fromkeys(("status", "target", "result", "after", "before", "limit"))
    values = {**empty, "last": False, "id": kept.job([Item(1)]), **given}
    refused = db.refusal(
        "select pgjobs.page_items(%s, %s, %s, %s, %s, %s, %s, %s)",
        *(values[name] for name in ("id", "status", "target", "result", "after", "before", "last", "limit")),
    )
    assert (field, "PJ400") == (refused.column_name, refused.sqlstate)
    assert (refused.message_primary or "").startswith(f"{field}: ")


def test_one_place_counts(db: Db, kept: Kept) -> None:
    """Where several places are given, the last page counts, and else what a page begins behind."""
    job = kept.job([Item(key) for key in range(10)])
    assert [7, 8, 9] == keys(asked(db, job, limit=3, after=1, before=5, last=True))
    assert [2, 3, 4] == keys(asked(db, job, limit=3, after=1, before=9))
