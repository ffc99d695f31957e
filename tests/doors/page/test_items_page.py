"""The actions of a job and the page of one of them, in HTML."""

from __future__ import annotations

import json

import pytest
from fix_jobs import Db, insert_job
from fix_kept import ODD_TEXTS, Item, Kept, Text, shown
from fix_web import Web
from markupsafe import escape

from pgjobs.web.visible import visible

COLUMNS = [
    "Action Type", "Media Type", "Reference ID", "Status", "StartDate", "EndDate", "Number of Retries", "Parameters",
    "Results", "Actions",
]  # fmt: skip


def test_the_table_has_the_ten_columns(web: Web, kept: Kept) -> None:
    """The names and the order of the columns are those of the contract; the last one leads to the item's own page."""
    job = kept.job(
        [Item(7, "f", b"dev-7", "ERROR", b'{"n": 7}', "no signal", attempts=3)], media_type="device", reference_id="0"
    )
    read = shown(web.get(f"/job/{job}/items"))
    assert COLUMNS == read.heads
    (row,) = (cells for cells in read.cells if cells)
    assert [
        "Kept <work>", "device", "dev-7", "Error", "2026-11-26 19:30:05 UTC", "2026-11-26 19:31:00 UTC", "2",
        '{"n": 7}', "ERROR no signal", "Details",
    ] == [" ".join(cell.split()) for cell in row]  # fmt: skip
    assert f"/job/{job}/items/7" == read.link("Details")
    assert 200 == web.get(f"/job/{job}/items/7").status_code


def test_the_pages_lead_to_each_other(web: Web, kept: Kept) -> None:
    """Next, previous, first and last are links that keep the filters."""
    job = kept.job([Item(key, "s" if key % 2 else "f") for key in range(30)])
    seen = []
    address: str | None = f"/job/{job}/items?status=Finished&limit=4"
    while address is not None:
        read = shown(web.get(address))
        seen += [int(said.rpartition("/")[2]) for said, words in read.links if words == "Details"]
        last, address = address, read.link("Next")
    assert list(range(1, 30, 2)) == seen
    back = shown(web.get(last))
    assert back.link("Last") is None
    address = back.link("Previous")
    assert address is not None
    read = shown(web.get(address))
    assert ["17", "19", "21", "23"] == [said.rpartition("/")[2] for said, words in read.links if words == "Details"]
    first = shown(web.get(str(read.link("First"))))
    assert first.link("Previous") is None
    end = shown(web.get(str(first.link("Last"))))
    assert ["23", "25", "27", "29"] == [said.rpartition("/")[2] for said, words in end.links if words == "Details"]


def test_the_counters_are_links(web: Web, kept: Kept) -> None:
    """Each status has its number and leads to its items."""
    job = kept.job([Item(key, status) for key, status in enumerate("wwlsss")])
    read = shown(web.get(f"/job/{job}/items"))
    assert f"/job/{job}/items?status=Finished" == read.link("Finished 3")
    assert f"/job/{job}/items?status=Error" == read.link("Error 0")
    assert "No action is like that" in shown(web.get(f"/job/{job}/items?status=Error")).text
    assert 3 == len([cells for cells in shown(web.get(str(read.link("Finished")))).cells if cells])


def test_a_job_without_items_points_elsewhere(web: Web, db: Db) -> None:
    """An untracked job says that it keeps none, and leads to its log and its outcomes."""
    job = insert_job(db)
    read = shown(web.get(f"/job/{job}/items"))
    assert "Jobs of type expired keep no items" in read.text
    assert (f"/job/{job}/log", f"/job/{job}#outcomes-title") == (read.link("Log"), read.link("Outcomes"))


@pytest.mark.parametrize("odd", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_nothing_that_others_have_written_is_alive(web: Web, db: Db, kept: Kept, odd: str) -> None:
    """Markup, templates, control characters and marks that turn text are shown as text on both pages, at any length."""
    steps = db.value(
        "select jsonb_build_array(jsonb_build_object('name', %(odd)s::text, 'result', %(odd)s::text, 'description',"
        " %(odd)s::text, 'timestamp', %(odd)s::text, 'response', jsonb_build_array(%(odd)s::text), %(odd)s::text, 1),"
        " %(odd)s::text)::text".replace("%(odd)s", "%s"),
        *[odd] * 7,
    )
    item = Item(
        7, "r", odd.encode(), odd, odd.encode(), odd, attempts=2, steps=steps, agent=odd, acked=True,
    )  # fmt: skip
    refused = Item(8, "x", b"\xff" + odd.encode(), odd[:60], None, odd, code="blacklisted")
    job = kept.job([item, refused], name=odd[:200], custom_type=odd[:200], media_type=odd[:200], reference_id=odd[:200])
    db.execute("insert into pgjobs.item_retries values (%s, 7, 0, 3, '2026-11-26 20:00Z')", (job,))
    for path, params in (("items", {}), ("items/7", {}), ("items/8", {}), ("items", {"target": odd[:900]})):
        answer = web.get(f"/job/{job}/{path}", params=params)
        assert 200 == answer.status_code
        read = shown(answer)
        assert not any(char in answer.text for char in "\u202e\u2066\x01\x1b\x7f")
        if len(odd) < 100:
            assert " ".join(str(visible(odd)).split()) in read.text, path
        assert len(answer.text) < 100_000


@pytest.mark.parametrize("status", "wlrsftcx")
def test_the_page_of_an_item_of_any_status(web: Web, kept: Kept, status: str) -> None:
    """The page of any item says what is so of it, and leads to the log, the list and its neighbours."""
    job = kept.job([Item(6), Item(7, status, b"dev-7"), Item(8)])
    read = shown(web.get(f"/job/{job}/items/7"))
    said = {
        "w": "waits for its first attempt", "l": "was sent, and no answer has come yet",
        "r": "waits for its next attempt", "s": "closed by a good answer",
        "f": "closed by an answer that was not good", "t": "closed by time", "c": "cancelled", "x": "never sent",
    }[status]  # fmt: skip
    assert said in read.text
    assert f"{job}-7" in read.text
    assert f"/job/{job}/log?find=dev-7&shard=0" == read.link("lines in the log")
    assert (f"/job/{job}/items/6", f"/job/{job}/items/8") == (read.link("Previous"), read.link("Next"))


def test_what_an_item_waits_for(web: Web, db: Db, kept: Kept) -> None:
    """Of an attempt under way the page has its window and its end, and of one to come its number and its time."""
    job = kept.job([Item(7, "l", b"a", attempts=2), Item(8, "r", b"b"), Item(9, "l", b"c", acked=True, agent="unit-1")])
    db.execute("insert into pgjobs.item_launches values (%s, 0, false, '2026-11-26 19:30:05Z', 5, 20, '{7}')", (job,))
    db.execute("insert into pgjobs.item_retries values (%s, 8, 0, 2, '2026-11-26 20:00:00Z')", (job,))
    under_way = shown(web.get(f"/job/{job}/items/7")).text
    assert "2026-11-26 19:30:05 UTC attempt 2 was sent in the window of keys 5 to 20" in under_way
    assert "2026-11-26 19:31:35 UTC the time of this attempt is over" in under_way
    assert "2 of 4 at most" in under_way
    assert f"{job}-7-2" in under_way
    assert "2026-11-26 20:00:00 UTC attempt 2 is due" in shown(web.get(f"/job/{job}/items/8")).text
    db.execute("update xmp_job_types set execution_limit = null, ack_limit = '30 s' where name = 'kept'")
    assert "2026-11-26 19:30:35 UTC the time of this attempt" in shown(web.get(f"/job/{job}/items/7")).text
    acknowledged = shown(web.get(f"/job/{job}/items/9")).text
    assert "somebody works on it: unit-1" in acknowledged
    assert "no time-out is set" in acknowledged


def test_steps_are_a_timeline(web: Web, kept: Kept) -> None:
    """Steps have name, result, time and description, in their order; odd ones are shown as what they are."""
    steps = (
        '[{"name": "DOWNLOAD", "title": "Download", "result": "SUCCESSFUL", "timestamp": "2026-11-26T19:30:05.5Z",'
        ' "description": "4 MB", "response": [{"name": "size", "value": 4}]}, {"name": "B",'
        ' "timestamp": 1795721405000}, {"name": "C", "timestamp":'
        ' "2026-13-99T00:00:00Z"}, "just words", 5, null, [], {"name": {"deep": 1}}]'
    )
    job = kept.job([Item(7, "l", steps=steps)])
    text = shown(web.get(f"/job/{job}/items/7")).text
    assert "Attempt 1 2026-11-26 19:30:05 UTC 1. Download SUCCESSFUL 4 MB Response" in text
    assert "2026-11-26 19:30:05 UTC 2. B" in text
    assert "2026-13-99T00:00:00Z 3. C" in text
    assert "4. step just words" in text
    assert text.index("Download") < text.index(" B ") < text.index("just words")


def test_the_steps_of_all_attempts_are_shown_by_attempt(web: Web, kept: Kept) -> None:
    """Of one attempt all steps are its own; of several the moment tells those of the last one from those before, which
    come first, or nothing; each keeps its number."""
    steps = (
        '[{"name": "B", "timestamp": "2100-01-01T00:00:00Z"}, {"name": "A", "timestamp": "2020-01-01T00:00:00Z"}, 5]'
    )
    job = kept.job([Item(key, "l", steps=steps, attempts=attempts) for key, attempts in ((7, 1), (8, 2), (9, 4))])
    one, two, several = (shown(web.get(f"/job/{job}/items/{key}")).text for key in (7, 8, 9))
    first, second = "2100-01-01 00:00:00 UTC 1. B", "2020-01-01 00:00:00 UTC 2. A"
    untold = "Of which attempt is not told 3. step 5"
    assert f"Steps Attempt 1 {first} {second} 3. step 5" in one
    assert f"Steps Attempt 1 {second} Attempt 2 {first} {untold}" in two
    assert f"Steps Attempts 1 to 3 {second} Attempt 4 {first} {untold}" in several
    assert "clock of its consumer" not in one
    assert "clock of its consumer" in several


def test_an_item_that_is_tried_again_keeps_the_steps_of_its_first_attempt(web: Web, kept: Kept, db: Db) -> None:
    """What the consumer has said of an attempt that failed is there with that of the next one, through real answers."""
    job = kept.job([Item(7, "l", attempts=1)])
    said = json.dumps({"result": "ERROR_PROCESSING", "steps": [{"name": "ASK", "timestamp": "2020-01-01T00:00:00Z"}]})
    db.value("select count(*) from pgjobs.report_items(%s, %s)", [f"{job}-7"], [said])
    db.execute("update pgjobs.items set status = 'l', attempts = 2, launched_at = now() where job_id = %s", (job,))
    said = json.dumps({"result": "SUCCESSFUL", "steps": [{"name": "ASK", "timestamp": "2100-01-01T00:00:00Z"}]})
    db.value("select count(*) from pgjobs.report_items(%s, %s)", [f"{job}-7"], [said])
    text = shown(web.get(f"/job/{job}/items/7")).text
    assert "Attempt 1 2020-01-01 00:00:00 UTC 1. ASK Attempt 2 2100-01-01 00:00:00 UTC 2. ASK" in text


def test_many_steps_are_bounded(web: Web, kept: Kept) -> None:
    """Of thousands of steps the first and the last are shown, and how many there are between them; where no more are
    kept, that is said."""
    job = kept.job([Item(7, "l", steps=str(list(range(3000)))), Item(8, "l", steps=str(list(range(9001, 22001))))])
    answer = web.get(f"/job/{job}/items/7")
    text = shown(answer).text
    assert "Of 3\u202f000 steps the first and the last ones are shown; 2\u202f500 between them are not." in text
    assert "250. step 249 2751. step 2750" in text
    assert "3000. step 2999" in text
    assert "64 kB" not in text
    assert len(answer.text) < 150_000
    assert "No more than 64 kB are kept" in shown(web.get(f"/job/{job}/items/8")).text


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (Item(7, "t", answer="G"), "A good answer came when its time was over."),
        (Item(7, "c", answer="B"), "An answer that was not good came when its time was over."),
        (Item(7, "w", answer="s"), "An answer has come."),
        (Item(7, "x", body=None, code="blacklisted", result="blacklisted"), "refused before a message was made"),
        (Item(7, "x", result="blacklisted"), "the msisdn is on the blacklist"),
        (Item(7, "s", body=None), "not kept any more"),
        (Item(7, "r", attempts=2), "Of earlier attempts their number and their steps are kept."),
    ],
    ids=range(7),
)
def test_what_has_to_be_known_is_said(web: Web, kept: Kept, item: Item, sentence: str) -> None:
    """Late and early answers, what is not kept, and what a code means, are sentences."""
    assert sentence in shown(web.get(f"/job/{kept.job([item])}/items/7")).text


@pytest.mark.parametrize(("order", "after", "to"), [("asc", 5, 9), ("desc", 10, 6), ("asc", None, 9)])
def test_an_item_that_was_in_flight_says_so(
    web: Web, db: Db, kept: Kept, order: str, after: int | None, to: int
) -> None:
    """What may have been sent twice is said of the keys of the range alone, in the order of the job."""
    job = kept.job([Item(key, "l") for key in (4, 5, 6, 7, 9, 10)], params=f'{{"order": "{order}"}}')
    db.execute("insert into pgjobs.uncertain_ranges values (%s, 0, 1, %s, %s, now())", (job, after, to))
    doubtful = [
        key
        for key in (4, 5, 6, 7, 9, 10)
        if "may have been sent twice" in shown(web.get(f"/job/{job}/items/{key}")).text
    ]
    assert [key for key in (4, 5, 6, 7, 9, 10) if (after is None or key > 5) and key < 10] == doubtful


def test_an_item_that_is_offered(web: Web, db: Db, kept: Kept) -> None:
    """Who has taken an item by SQL, and until when, is among its fields."""
    job = kept.job([Item(7, "l"), Item(8, "l")])
    db.execute("insert into pgjobs.item_offers values (%s, 7, 'kept', 'worker 1', '2026-11-26 20:00Z')", (job,))
    db.execute("insert into pgjobs.item_offers values (%s, 8, 'kept', null, '-infinity')", (job,))
    assert "Taken by worker 1 until 2026-11-26 20:00:00 UTC" in shown(web.get(f"/job/{job}/items/7")).text
    assert "Taken by" not in shown(web.get(f"/job/{job}/items/8")).text


@pytest.mark.parametrize("path", ["9", "-9223372036854775808", "9223372036854775807"])
def test_an_item_that_there_is_not(web: Web, kept: Kept, path: str) -> None:
    """A key that no item has is a page with 404, and so is an item of a job that there is not."""
    job = kept.job([Item(7)])
    for address in (f"/job/{job}/items/{path}", f"/job/{job + 1}/items/7", f"/job/{job + 1}/items"):
        answer = web.get(address)
        assert 404 == answer.status_code
        assert "Status 404" in Text(answer.text).text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"), ("limit=0", "limit"), ("limit=x", "limit"), ("after=x", "after"),
        ("last=true", "last"), ("before=99999999999999999999", "before"), ("sort=key", '"sort"'),
    ],
)  # fmt: skip
def test_bad_values_are_a_page_with_400(web: Web, kept: Kept, query: str, field: str) -> None:
    """What can't be meant is refused with a sentence that names it, as a page."""
    answer = web.get(f"/job/{kept.job([Item(7)])}/items?{query}")
    assert 400 == answer.status_code
    assert f"{field}: " in shown(answer).text.lower()


@pytest.mark.parametrize(
    ("body", "shown_as"),
    [
        (b'{"a": [1, "x y"], "b": {}}', '{\n  "a": [\n    1,\n    "x y"\n  ],\n  "b": {}\n}'),
        (b'{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        (b'{"a": 1.10}', '{"a": 1.10}'),
        (b'{"a": NaN}', '{\n  "a": NaN\n}'),
        (b"[" * 5000, "[" * 5000),
        (b"no json", "no json"),
    ],
    ids=range(6),
)
def test_parameters_are_shown_as_they_were_sent(web: Web, kept: Kept, body: bytes, shown_as: str) -> None:
    """JSON has line breaks where that changes nothing else of it; whatever else was sent is shown byte by byte."""
    answer = web.get(f"/job/{kept.job([Item(7, body=body)])}/items/7")
    assert f'<pre tabindex="0" aria-label="Parameters">{escape(shown_as)}</pre>' in answer.text
