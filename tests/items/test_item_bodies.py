"""What items send lies in rows of many: each item gets its own, in the order of the job, whatever its size."""

import json
from typing import Any

from fix_items import SELECTOR, Tracked
from fix_rounds import BAD, GOOD, Hand

DESCENDING = (
    SELECTOR.replace("create function", "create or replace function")
    .replace("t.id > ", "t.id < ")
    .replace("t.id <= ", "t.id >= ")
    .replace("order by t.id", "order by t.id desc")
)
TARGETS = """
insert into public.targets (id, target, body, code)
select i, 'dev-' || i,
       case when i %% 11 <> 0 then rpad(i || ' ', case when i %% 97 = 0 then 50000 else i %% 700 end + 8, 'x') end,
       case when i %% 11 = 0 then 'blocked' end
from generate_series(-500, 500) i where i %% 3 <> 0
"""


def expanded(tracked: Tracked, *, descending: bool) -> tuple[int, Hand]:
    """A job over targets whose bodies have many sizes, some of them null, driven by hand."""
    tracked.engine.execute(TARGETS)
    tracked.rules(params=["order"])
    if descending:
        tracked.engine.execute(DESCENDING)
    job = tracked.add_job(params={"order": "desc"} if descending else {})
    return job, Hand(tracked, job)


def check_reading(tracked: Tracked, *, descending: bool) -> None:
    """Every segment, wherever it begins and ends, holds the records of the selection in its order."""
    job, hand = expanded(tracked, descending=descending)
    engine = tracked.engine
    wanted = [
        (row["id"], row["target"].encode(), row["code"], None if row["body"] is None else row["body"].encode())
        for row in engine.rows(f"select * from public.targets order by id {'desc' if descending else ''}")  # noqa: S608
    ]
    statement = "select pgjobs.records_statement(%s, 0, %s, %s)"
    for after, end in ((None, None), (0, None), (None, 3), (250, -250), (-250, 250), (-1, 1), (1, -1), (500, -500)):
        text = engine.value(statement, job, after, end)
        found = [(row["key"], row["target"], row["code"], row["body"]) for row in engine.rows(text.replace("%", "%%"))]
        sign = -1 if descending else 1
        inside = [
            row
            for row in wanted
            if (after is None or sign * row[0] > sign * after) and (end is None or sign * row[0] <= sign * end)
        ]
        assert inside == found
    assert wanted == [(row["key"], row["target"], row["code"], row["body"]) for row in hand.read()]


def test_each_item_gets_its_own_body(tracked: Tracked) -> None:
    """From whatever key to whatever other one a cursor reads: records, bodies and their order are the selection's."""
    check_reading(tracked, descending=False)


def test_a_job_may_go_down(tracked: Tracked) -> None:
    """The same of a job that begins with the greatest key."""
    check_reading(tracked, descending=True)


def test_rows_of_bodies_are_bounded(tracked: Tracked) -> None:
    """A row has 128 items at most, and no item more once it has 16 kB; together the rows hold each item once."""
    tracked.engine.execute(
        "insert into public.targets (id, target, body)"
        " select i, 'dev-' || i, case when i > 1000 then repeat('x', 300) else 'x' end from generate_series(1, 3000) i"
    )
    tracked.engine.execute("update public.targets set body = repeat('y', 1000000) where id in (1500, 1501)")
    job = tracked.add_job()
    Hand(tracked, job)
    rows = tracked.engine.rows(
        "select from_key, to_key, keys, (select sum(octet_length(u.body)) from unnest(bodies[:cardinality(bodies) - 1])"
        " u (body)) as before_last from pgjobs.item_bodies where job_id = %s order by from_key",
        job,
    )
    assert list(range(1, 3001)) == [key for row in rows for key in row["keys"]]
    assert all((row["from_key"], row["to_key"]) == (row["keys"][0], row["keys"][-1]) for row in rows)
    assert 128 == max(len(row["keys"]) for row in rows)
    assert 16384 > max(row["before_last"] or 0 for row in rows)
    assert len(rows) < 3000 / 40


def test_a_further_attempt_unpacks_what_is_due(tracked: Tracked) -> None:
    """Of a round that tries one item again, only the row with its body is read; and each item is looked up by its key,
    though the statistics say that the tables are empty."""
    tracked.engine.execute("analyze pgjobs.items, pgjobs.item_bodies, pgjobs.item_retries")
    tracked.rules(retry_limit=1)
    tracked.targets(3000)
    job = tracked.add_job()
    hand = Hand(tracked, job)
    assert {"items": 3000, "bodies": 3000, "rows": 24} == read_rows(tracked, job)
    hand.checkpoint(*range(1, 3001))
    tracked.report((f"{job}-1234", BAD), *((f"{job}-{key}", GOOD) for key in range(1, 1234)))
    assert "f" not in tracked.statuses(job)
    tracked.engine.execute("update pgjobs.shards set attempt = 2, round_at = pgjobs.now(), after_key = null")
    assert {"items": 128, "bodies": 128, "rows": 1} == read_rows(tracked, job)
    assert [(1234, b'{"n" : 1234}')] == [(row["key"], row["body"]) for row in hand.read()]


def read_rows(tracked: Tracked, job: int) -> dict[str, int]:
    """How many rows of items, of unpacked bodies and of packed ones the records of a job are made of."""
    engine = tracked.engine
    statement = engine.value("select pgjobs.records_statement(%s, 0, null, null)", job)
    (row,) = engine.rows("explain (analyze, timing off, format json) " + statement.replace("%", "%%"))
    found: dict[str, int] = {}

    def look(node: dict[str, Any]) -> None:
        if name := {"s": "items", "u": "bodies", "b": "rows"}.get(node.get("Alias", "")):
            found[name] = round(node["Actual Rows"] * node["Actual Loops"])
        for inner in node.get("Plans", []):
            look(inner)

    look(row["QUERY PLAN"][0]["Plan"])
    return found


def test_bodies_go_with_their_items(tracked: Tracked) -> None:
    """A view shows the body of each item; deleted, or cleared after their keep time, a job leaves none behind."""
    tracked.targets(200)
    jobs = [tracked.add_job() for _ in range(3)]
    for job in jobs:
        tracked.engine.execute("select pgjobs.expand_items(%s)", job)
        shown = tracked.engine.rows("select item, parameters from pgjobs.job_items where job_id = %s order by 1", job)
        assert [(n, json.dumps({"n": n}, separators=(",", " : "))) for n in range(1, 201)] == [
            (row["item"], row["parameters"]) for row in shown
        ]
    engine = tracked.engine
    engine.execute("set session_replication_role = replica")
    engine.execute("update xmp_jobs set status = 'done', finish_at = now() where id = %s", jobs[0])
    engine.execute("reset session_replication_role")
    clear = "select pgjobs.clear_of_job('items', id, finish_at, 150) from xmp_jobs where id = %s"
    assert [150, 52, 0] == [engine.value(clear, jobs[0]) for _ in range(3)]
    engine.execute("delete from xmp_jobs where id = %s", jobs[1])
    for table in ("items", "item_bodies"):
        left = engine.rows(f"select distinct job_id from pgjobs.{table}")  # noqa: S608 one of two
        assert [jobs[2]] == [row["job_id"] for row in left]
