"""A job of several shards is cut into ranges of its key: each record lies in exactly one, however its keys lie."""

from collections.abc import Sequence
from typing import Any

import pytest
from fix_daemon import Engine
from fix_jobs import PREPARE, Db, Notifications, claim, insert_job, prepare, read_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LEAST, MOST = -(2**63), 2**63 - 1
OWN = (
    "create or replace function public.keys(_job bigint, _shard integer, _after bigint, _end bigint) returns text"
    " language sql stable as $$ select 'select k as key, null as target, null as code, null as detail,"
    " ''{{}}'' as body from public.own_keys where true'"
    " || coalesce(' and k {behind} ' || quote_literal(_after) || '::bigint', '')"
    " || coalesce(' and k {until} ' || quote_literal(_end) || '::bigint', '') || ' order by k {order}' $$"
)
BOUNDS = (
    "create function public.keys_{order}_bounds(_job bigint) returns table (start_key bigint, first_key bigint,"
    " end_key bigint, total bigint, send_limit bigint) language sql stable"
    " as $$ select null::bigint, {ends}, null::bigint, null::bigint from public.own_keys $$"
)


def make_keys(db: Db, *, bounds: bool) -> None:
    """Types whose jobs select the keys of a table, one for each order; with and without a function for the bounds."""
    db.execute("create table public.own_keys (k bigint primary key)")
    for order, behind, until in (("asc", ">", "<="), ("desc", "<", ">=")):
        statement = OWN.format(order=order, behind=behind, until=until).replace("public.keys", f"public.keys_{order}")
        db.execute(statement.encode())
        db.execute(
            "insert into xmp_job_types (name, selector, routing_key, params)"
            " values (%s, %s, 'q', '{order,offset,count}')",
            (f"keys {order}", f"public.keys_{order}"),
        )
        if bounds:
            ends = "min(k), max(k)" if order == "asc" else "max(k), min(k)"
            db.execute(BOUNDS.format(order=order, ends=ends).encode())


def cut(db: Db, keys: Sequence[int], shards: int, *, order: str = "asc", **params: object) -> list[list[int]]:
    """The keys of each shard of a job over these keys, in the order in which they are read."""
    db.execute("truncate public.own_keys")
    db.execute("insert into public.own_keys select unnest(%s::bigint[])", (list(keys),))
    return shares(db, insert_job(db, f"keys {order}", shards=shards, params={"order": order, **params}))


def shares(db: Db, job: int) -> list[list[int]]:
    """The keys of each shard of a job that nobody has taken yet."""
    prepare(db, claim(db, job))
    found = []
    rows = db.execute(
        "select shard, after_key, end_key, first_key is null, parts from pgjobs.shards"
        " where job_id = %s order by shard",
        (job,),
    ).fetchall()
    assert list(range(len(rows))) == [shard for shard, *_ in rows]
    assert {len(rows)} == {parts for *_, parts in rows}
    for shard, after, end, empty, _ in rows:
        with db.transaction():
            db.execute("select pgjobs.open_records(%s, %s, %s, %s)", (job, shard, after, end))
            found.append([] if empty else [row[0] for row in db.execute("fetch all from records").fetchall()])
    db.execute("update pgjobs.shards set owner = null, lease_until = null")
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    return found


@pytest.mark.parametrize("bounds", [False, True])
def test_each_key_lies_in_one_shard(db: Db, bounds: bool) -> None:
    """Whatever keys there are, next to the ends of bigint too, all shards together read each of them once, in order,
    and no shard is in vain where there are few."""
    make_keys(db, bounds=bounds)

    @settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(
        keys=st.sets(
            st.one_of(
                st.integers(-20, 20),
                st.integers(LEAST, LEAST + 3),
                st.integers(MOST - 3, MOST),
                st.integers(LEAST, MOST),
            ),
            max_size=40,
        ),
        shards=st.sampled_from([2, 3, 7, 64]),
        order=st.sampled_from(["asc", "desc"]),
        offset=st.sampled_from([None, 0, 1, 5, 50]),
    )
    def holds(keys: set[int], shards: int, order: str, offset: int | None) -> None:
        expected = sorted(keys, reverse=order == "desc")[offset or 0 :]
        given = {} if offset is None else {"offset": offset}
        parts = cut(db, sorted(keys), shards, order=order, **given)
        assert expected == [key for part in parts for key in part]
        assert len(parts) == max(1, min(shards, len(expected)))
        sizes = list(map(len, parts))
        assert max(sizes) - min(sizes) <= 1

    holds()


@pytest.mark.parametrize("bounds", [True, False])
def test_what_the_offset_passes_over_is_no_part_of_the_estimate(db: Db, bounds: bool) -> None:
    """A job is expected to consider what lies behind its offset, whether its selector has a function for the bounds."""
    make_keys(db, bounds=bounds)
    db.execute("insert into public.own_keys select generate_series(1, 3000)")
    db.execute("analyze public.own_keys")
    job = insert_job(db, "keys asc", shards=2, params={"order": "asc", "offset": 2000})
    shares(db, job)
    assert 900 < db.value("select sum(estimate) from pgjobs.shards where job_id = %s", job) < 1100


SKEWED = {
    "dense": range(1, 20_001),
    "a gap": [*range(1, 10_001), *range(10**15, 10**15 + 10_000)],
    "a lump at the end": [*range(0, 10**12, 10**9), *range(10**12, 10**12 + 19_000)],
    "growing distances": [n**4 for n in range(-10_000, 10_000) if n >= 0],
    "negative": range(-30_000, -10_000),
}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize("kind", SKEWED)
def test_shards_have_about_as_many_records(db: Db, kind: str, order: str, analyzed: bool) -> None:
    """By the planner's statistics a selection is cut into parts of about the same size, however its keys lie; without
    statistics it is cut evenly by key, and each key still lies in one part."""
    make_keys(db, bounds=True)
    keys = SKEWED[kind]
    db.execute("insert into public.own_keys select unnest(%s::bigint[])", (list(keys),))
    if analyzed:
        db.execute("analyze public.own_keys")
    parts = shares(db, insert_job(db, f"keys {order}", shards=8, params={"order": order}))
    assert sorted(keys, reverse=order == "desc") == [key for part in parts for key in part]
    assert 8 == len(parts)
    if analyzed:
        sizes = list(map(len, parts))
        assert max(sizes) < 1.3 * len(keys) / 8, sizes


def test_a_selection_that_is_read_anyway_is_cut_by_its_records(db: Db) -> None:
    """A selector without bounds needs no statistics: its keys are sampled where they are counted."""
    make_keys(db, bounds=False)
    keys = SKEWED["a lump at the end"]
    parts = cut(db, keys, 8)
    assert sorted(keys) == [key for part in parts for key in part]
    assert max(map(len, parts)) - min(map(len, parts)) <= len(keys) / 1000


@pytest.mark.parametrize(("count", "offset"), [(None, None), (10, None), (None, 7), (10, 7), (100, None), (2, 0)])
def test_lines_are_counted_over_all_shards(db: Db, count: int | None, offset: int | None) -> None:
    """A file is cut by its lines, count and offset included: they are lines, so they only move its ends."""
    params: dict[str, Any] = (
        {"service_id": 1} | ({"count": count} if count else {}) | ({"offset": offset} if offset else {})
    )
    db.execute("insert into xmp_services (id, price) values (1, 5)")
    job = insert_job(db, "injection", shards=4, params=params)
    read_lines(db, job, *(f"9230000000{n:02}" for n in range(30)))
    parts = shares(db, job)
    first = (offset or 0) + 1
    expected = list(range(first, min(30, first + (count or 30) - 1) + 1))
    assert expected == [key for part in parts for key in part]
    assert min(4, len(expected)) == len(parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_limit_on_what_is_sent_makes_one_shard(db: Db) -> None:
    """What may still be sent is counted by one shard: a selector that limits it is not cut."""
    make_keys(db, bounds=False)
    db.execute(
        "create function public.keys_asc_bounds(bigint) returns table (start_key bigint, first_key bigint,"
        " end_key bigint, total bigint, send_limit bigint) language sql as"
        " $$ select null::bigint, 1::bigint, 50::bigint, 50::bigint, 5::bigint $$"
    )
    assert [list(range(1, 51))] == cut(db, range(1, 51), 4)


def test_a_selection_without_a_known_end_makes_one_shard(db: Db) -> None:
    """Where a selector does not say how far its keys go, there is nothing to cut."""
    make_keys(db, bounds=False)
    db.execute(
        "create function public.keys_asc_bounds(bigint) returns table (start_key bigint, first_key bigint,"
        " end_key bigint, total bigint, send_limit bigint) language sql as"
        " $$ select null::bigint, 1::bigint, null::bigint, null::bigint, null::bigint $$"
    )
    assert [list(range(1, 51))] == cut(db, range(1, 51), 4)


STATE = "select jsonb_agg(to_jsonb(p) order by p.shard) from pgjobs.shards p"


def test_a_job_is_cut_once(db: Db) -> None:
    """Whoever lost the first shard cuts nothing, and a job that is cut stays as it is when it is prepared again."""
    db.execute("insert into xmp_retries_expired (msisdn) select n::text from generate_series(1, 9) n")
    job = insert_job(db, shards=3)
    stale = claim(db, job)
    db.execute("update pgjobs.shards set owner = null, lease_until = null, due_at = now()")
    assert db.value(PREPARE, job, 0, stale["epoch"]) is None
    assert 1 == db.value("select count(*) from pgjobs.shards")
    held = claim(db, job, epoch=2, prepared=False)
    assert db.value(PREPARE, job, 0, stale["epoch"]) is None
    assert 1 == db.value("select count(*) from pgjobs.shards")
    prepare(db, held)
    before = db.value(STATE)
    assert 3 == len(before)
    db.execute("insert into xmp_retries_expired (msisdn) select n::text from generate_series(10, 90) n")
    prepare(db, held)
    assert db.value(PREPARE, job, 0, stale["epoch"]) is None
    assert before == db.value(STATE)


def test_daemons_hear_of_further_shards(db: Db, notifications: Notifications) -> None:
    """When a job is cut, the daemons are told to look at it."""
    db.execute("insert into xmp_retries_expired (msisdn) select n::text from generate_series(1, 9) n")
    for shards, told in ((1, []), (3, [True])):
        job = insert_job(db, shards=shards)
        claimed = claim(db, job)
        notifications.received()
        prepare(db, claimed)
        assert told == [notified["id"] == job for notified in notifications.received()]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_job_runs_in_ranges(engine: Engine, order: str) -> None:
    """Each shard sends and logs the records of its range, in the job's order; duplicates are found across them."""
    engine.add_retries(200)
    engine.execute("insert into xmp_retries_expired (id, msisdn) select id + 1000, msisdn from xmp_retries_expired")
    engine.start()
    job = engine.value(
        "insert into xmp_jobs (type, shards, params) values ('expired', 4, jsonb_build_object('order', %s::text))"
        " returning id",
        order,
    )
    engine.wait_status(job, "done")
    keys = [*range(1, 201), *range(1001, 1201)]
    lines = engine.log_lines(job)
    assert sorted(keys, reverse=order == "desc") == [line.key for line in lines]
    first = range(1, 201) if order == "asc" else range(1001, 1201)
    assert sorted(first) == sorted(message.key for message in engine.drain())
    assert [100] * 4 == [
        row["considered"] for row in engine.rows("select considered from pgjobs.shards order by shard")
    ]
    assert 4 == engine.value("select count(*) from pgjobs.job_logs where job_id = %s", job)


def test_a_resumed_job_keeps_its_ranges(engine: Engine) -> None:
    """A job that was stopped goes on in the ranges it was cut into, though its selection would be another by now."""
    engine.add_retries(400)
    engine.start()
    job = engine.value("insert into xmp_jobs (type, shards, status) values ('expired', 4, 'canceled') returning id")
    engine.stop_when_considered(job, 20)
    engine.set_status(job, "ready")
    engine.wait_status(job, "canceled")
    engine.wait_until("not exists (select from pgjobs.shards where owner is not null)")
    cut = "select jsonb_agg(jsonb_build_array(shard, start_key, first_key, end_key) order by shard) from pgjobs.shards"
    before = engine.value(cut)
    assert 4 == len(before)
    engine.execute("insert into xmp_retries_expired (id, msisdn) select id + 1000, 'x' || id from xmp_retries_expired")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert before == engine.value(cut)
    assert list(range(1, 401)) == [line.key for line in engine.log_lines(job)]
    assert list(range(1, 401)) == sorted(message.key for message in engine.drain())


def test_a_file_is_read_once_for_all_shards(engine: Engine) -> None:
    """The lines of a file are loaded by the first shard alone; all of them together send it."""
    engine.insert("xmp_services", [{"id": 5, "price": 3}])
    engine.execute("create table public.loads (job_id bigint)")
    engine.execute(
        "create function public.count_load() returns trigger language plpgsql as"
        " $$ begin insert into public.loads values (old.job_id); return null; end $$"
    )
    engine.execute(
        "create trigger count_load after delete on pgjobs.file_loads for each row execute function public.count_load()"
    )
    name = engine.add_file("lines.csv", b"".join(b"92300000%04d\n" % n for n in range(1, 401)))
    engine.start()
    engine.start()
    job = engine.value(
        "insert into xmp_jobs (type, shards, file_name, params) values ('injection', 4, %s, '{\"service_id\": 5}')"
        " returning id",
        name,
    )
    engine.wait_status(job, "done")
    assert 1 == engine.value("select count(*) from public.loads")
    assert list(range(1, 401)) == [line.key for line in engine.log_lines(job)]
    assert list(range(1, 401)) == sorted(message.key for message in engine.drain())
