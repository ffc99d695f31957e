"""Anybody's selector keeps the guarantees, or its job breaks off with a sentence before a record is passed over."""

import itertools
import re
from collections.abc import Callable
from operator import gt, lt
from pathlib import Path
from typing import Any

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from hypothesis import given
from hypothesis import strategies as st

from pgjobs.engine.selected import misplaced

COLUMNS = "id as key, msisdn as target, null as code, null as detail, '{}' as body"
SHAPE = (
    "the selector has to select key bigint, target text or bytea, code text, detail text, body text or bytea,"
    " and may select routing_key text"
)
SQL_PAGE = Path(__file__).parents[2] / "sql" / "README.md"


def make_type(
    engine: Engine,
    *,
    columns: str = COLUMNS,
    rows: str = "public.xmp_retries_expired",
    order: str = "id",
    behind: str = "",
) -> None:
    """A job type "own" whose selector selects these columns of these rows in this order; made anew, it is mended."""
    behind = behind or "coalesce('where id > ' || _after, '')"
    engine.execute(
        "create or replace function public.own_records(_job bigint, _shard integer, _after bigint, _end bigint)"  # noqa: S608
        f" returns text language sql stable as $$ select $text$select {columns} from {rows} $text$ || {behind}"
        f" || $text$ order by {order}$text$ $$"
    )
    engine.execute(
        "insert into xmp_job_types (name, selector, routing_key, params) values"
        " ('own', 'public.own_records', %s, '{dry_run,order,count,offset}') on conflict do nothing",
        engine.queue,
    )


def check_whole(engine: Engine, job: int, number: int, *, descending: bool = False) -> None:
    """All records were sent and logged once, in order."""
    keys = sorted(range(1, number + 1), reverse=descending)
    assert keys == [line.key for line in engine.log_lines(job)]
    assert keys == [message.key for message in engine.drain()]


WRONG = {
    "the columns of old": (
        "id as key, msisdn::bytea as msg, null::text as reason, '{}'::bytea as body",
        f"{SHAPE}; it selects 4 columns: key, msg, reason, body",
    ),
    "six columns": (f"{COLUMNS}, 1 as more", f"{SHAPE}; its column 6 is called more"),
    "seven columns": (
        f"{COLUMNS}, null as routing_key, 1 as more",
        f"{SHAPE}; it selects 7 columns: key, target, code, detail, body, routing_key, more",
    ),
    "bytea routing key": (f"{COLUMNS}, ''::bytea as routing_key", f"{SHAPE}; its column routing_key is bytea"),
    "json body": (COLUMNS.replace("'{}'", "'{}'::jsonb"), f"{SHAPE}; its column body is jsonb"),
    "number target": (COLUMNS.replace("msisdn", "id"), f"{SHAPE}; its column target is int8"),
    "text key": (COLUMNS.replace("id as", "id::text as"), f"{SHAPE}; its column key is text"),
    "bytea code": (COLUMNS.replace("null as code", "null::bytea as code"), f"{SHAPE}; its column code is bytea"),
    "bytea detail": (
        COLUMNS.replace("null as detail", "null::bytea as detail"),
        f"{SHAPE}; its column detail is bytea",
    ),
    "other name": (COLUMNS.replace("target", "msg"), f"{SHAPE}; its column 2 is called msg"),
    "no key": (COLUMNS.replace("as key", "as id"), f"{SHAPE}; its column 1 is called id"),
    "a null key": (COLUMNS.replace("id as", "nullif(id, 1)::bigint as"), "the key of the first record is null"),
    "a write": (
        COLUMNS.replace("'{}'", "public.written()"),
        "the selector may only read: cannot execute INSERT in a read-only transaction",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_columns_that_can_not_be_read(engine: Engine, kind: str) -> None:
    """A selector that selects something else ends its job at once with what is wrong; mended and resumed it is done."""
    engine.add_retries(30)
    engine.execute(
        "create function public.written() returns bytea language plpgsql volatile as"
        " $$ begin insert into public.xmp_msisdn_blacklist (msisdn) values ('1'); return '{}'; end $$"
    )
    columns, sentence = WRONG[kind]
    make_type(engine, columns=columns)
    daemon = engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "error")
    assert sentence == engine.error_of(job)
    reason = engine.value("select reason from pgjobs.job_events where to_status = 'error'")
    assert f"selection: {sentence}" == reason
    assert 0 == engine.value("select count(*) from xmp_msisdn_blacklist")
    make_type(engine)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_whole(engine, job, 30)
    assert daemon.said.count(": taken") == 2


def test_a_selector_without_a_statement(engine: Engine) -> None:
    """A selector that answers null ends its job with a sentence that names the selector."""
    engine.add_retries(3)
    make_type(engine, behind="null::text")
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "error")
    assert engine.error_of(job).startswith("the selector public.own_records returns no statement but null")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_keys_that_are_all_null(engine: Engine, order: str) -> None:
    """Records of which none has a key are no empty selection: the job ends with error, and mended it is done."""
    engine.add_retries(3)
    make_type(engine, columns=COLUMNS.replace("id as", "null::bigint as"))
    engine.start()
    job = engine.add_job("own", order=order)
    engine.wait_status(job, "error")
    sentence = "the selector public.own_records selects 3 records, and the key of each is null"
    assert f"{sentence} (select a key bigint that is never null)" == engine.error_of(job)
    reason = engine.value("select reason from pgjobs.job_events where to_status = 'error'")
    assert reason.startswith("selection: ")
    make_type(engine, order=f"id {order}", behind="''")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_whole(engine, job, 3, descending=order == "desc")


@pytest.mark.parametrize("descending", [False, True])
def test_the_wrong_direction(engine: Engine, descending: bool) -> None:
    """A selector that orders against its job sends nothing; mended and resumed, every record is sent once."""
    engine.add_retries(200)
    behind = "coalesce('where id < ' || _after, '')" if descending else ""
    make_type(engine, order="id" if descending else "id desc", behind=behind)
    engine.start()
    job = engine.add_job("own", order="desc" if descending else "asc")
    engine.wait_status(job, "error")
    first, second = (1, 2) if descending else (200, 199)
    assert f"key {second} comes behind key {first}: " in engine.error_of(job)
    assert 0 == engine.counters(job).considered
    make_type(engine, order="id desc" if descending else "id", behind=behind)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_whole(engine, job, 200, descending=descending)


def test_a_late_key(engine: Engine) -> None:
    """A key that comes when greater ones were sent breaks the job off, all before it accounted for; it is never done,
    for the key can't be sent any more."""
    engine.add_retries(100)
    make_type(engine, order="case when id = 50 then 90.5 else id end")
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "error")
    assert "key 50 comes behind key 90: " in engine.error_of(job)
    before = [*range(1, 50), *range(51, 91)]
    assert before == [line.key for line in engine.log_lines(job)]
    assert before == [message.key for message in engine.drain()]
    make_type(engine)
    engine.set_status(job, "ready")
    engine.wait_status(job, "error")
    assert "can't go on: key 50 was selected late" in engine.error_of(job)
    assert [] == engine.drain()


@pytest.mark.parametrize("key", [3, 7, 8, 60])
def test_a_repeated_key(engine: Engine, key: int) -> None:
    """A key that comes twice breaks the job off wherever the windows end; mended and resumed each is sent once."""
    engine.add_retries(100)
    table = "select * from public.xmp_retries_expired"
    twice = f"({table} union all {table} where id = {key}) t"
    make_type(engine, rows=twice)
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "error")
    assert f"key {key} comes behind key {key}: " in engine.error_of(job)
    make_type(engine)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_whole(engine, job, 100)


def test_a_selector_that_begins_anew(engine: Engine) -> None:
    """A selector that does not care where it is to go on breaks the resumed job off before anything is sent twice."""
    engine.add_retries(100)
    make_type(engine, behind="''")
    engine.start()
    job = int(
        engine.value("insert into xmp_jobs (type, status) values ('own', 'canceled') returning id"),
    )
    engine.stop_when_considered(job, 40)
    engine.set_status(job, "ready")
    engine.wait_status(job, "canceled")
    last = engine.value("select after_key from pgjobs.shards")
    engine.set_status(job, "ready")
    engine.wait_status(job, "error")
    assert f"key 1 was selected where only what lies behind key {last} was asked for" == engine.error_of(job)
    make_type(engine)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_whole(engine, job, 100)


@pytest.mark.parametrize("descending", [False, True])
def test_a_selector_that_goes_on_beyond_its_end(engine: Engine, descending: bool) -> None:
    """What a selector gives beyond the end of a shard is left to the next one: each record is sent once."""
    engine.add_retries(300)
    behind = "coalesce('where id < ' || _after, '')" if descending else ""
    make_type(engine, order="id desc" if descending else "id", behind=behind)
    engine.start()
    job = engine.value(
        "insert into xmp_jobs (type, shards, params) values ('own', 4, jsonb_build_object('order', %s::text))"
        " returning id",
        "desc" if descending else "asc",
    )
    engine.wait_status(job, "done")
    assert 4 == engine.value("select count(*) from pgjobs.shards where finished_at is not null")
    keys = sorted(range(1, 301), reverse=descending)
    assert keys == [line.key for line in engine.log_lines(job)]
    assert sorted(keys) == sorted(message.key for message in engine.drain())


def test_a_selector_that_begins_anew_in_each_shard(engine: Engine) -> None:
    """A selector that does not care where a shard begins breaks the job off before anything is sent twice."""
    engine.add_retries(100)
    make_type(engine, behind="''")
    engine.start()
    job = engine.value("insert into xmp_jobs (type, shards) values ('own', 2) returning id")
    engine.wait_status(job, "error")
    reasons = engine.rows("select reason from pgjobs.job_events where to_status = 'error'")
    assert ["selection: key 1 was selected where only what lies behind key 50 was asked for"] == [
        row["reason"] for row in reasons
    ]
    keys = [line.key for line in engine.log_lines(job)]
    assert keys == list(range(1, len(keys) + 1))
    assert keys == [message.key for message in engine.drain()]


@given(
    keys=st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=1, max_size=8),
    after=st.one_of(st.none(), st.integers(-9, 9)),
    descending=st.booleans(),
)
def test_the_order_of_keys(*, keys: list[int | None], after: int | None, descending: bool) -> None:
    """Exactly the windows in strict order pass; of others only what lies before every key that came late."""
    comes_before: Callable[[Any, Any], bool] = gt if descending else lt
    whole = [*([after] if after is not None else []), *keys]
    ordered = None not in keys and all(itertools.starmap(comes_before, itertools.pairwise(whole)))
    found = misplaced([(key, b"", None, None, b"") for key in keys], after, descending=descending)  # type: ignore[misc]
    assert ordered == (found is None)
    if found is None:
        return
    kept, rest = keys[: found.fit], [key for key in keys[found.fit :] if key is not None]
    assert misplaced([(key, b"", None, None, b"") for key in kept], after, descending=descending) is None  # type: ignore[misc]
    if found.key is not None and found.late is None:
        assert all(comes_before(a, b) for a in kept for b in rest)
    if found.late is not None:
        assert after is not None
        assert comes_before(found.late, after)


BIG = {"50 KB": (50_000, 3000, 0), "1 MB": (1_000_000, 400, 1)}


@pytest.mark.parametrize("kind", BIG)
def test_big_messages_need_little_memory(engine: Engine, kind: str) -> None:
    """Windows are bounded by bytes from the first one on: the daemon never holds more than a few of them."""
    size, number, dry = BIG[kind]
    engine.add_retries(number)
    make_type(engine, columns=COLUMNS.replace("'{}'", f"repeat('x', {size})"))
    daemon = engine.start(window=2000, lease_seconds=20)
    job = engine.add_job("own", dry_run=dry)
    engine.wait_status(job, "done")
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    assert peak < 200
    assert number == engine.counters(job).sent


@pytest.mark.parametrize("dry", [0, 1])
def test_what_can_not_be_sent_is_skipped(engine: Engine, dry: int) -> None:
    """Empty and too large messages count as skipped, not as returned, and take nothing from the number to be sent."""
    engine.add_retries(20)
    body = "case id when 2 then '' when 4 then repeat('x', 1048577) else '{}' end"
    make_type(engine, columns=COLUMNS.replace("'{}'", body))
    engine.start()
    job = engine.add_job("own", dry_run=dry, count=10)
    engine.wait_status(job, "done")
    assert (12, 10, 2, 0) == tuple(vars(engine.counters(job)).values())
    assert {("sent", None): 10, ("skip", "Message is empty"): 1, ("skip", "Message too large"): 1} == (
        engine.outcomes(job)
    )
    assert {"empty", "too_large", None} == codes(engine, job)
    assert {2: "Message is empty", 4: "Message too large, bytes: 1048577"} == errors(engine, job)


@pytest.mark.parametrize("dry", [0, 1])
def test_a_routing_key_for_each_record(engine: Engine, drain: Drain, dry: int) -> None:
    """Records go where they say, or where their type says; only what says too much, or names no queue, does not go."""
    engine.add_retries(9)
    other = drain.channel.queue_declare("", exclusive=True).method.queue
    own = f"case when id in (1, 5) then '{other}' when id = 2 then repeat('x', 256) when id = 3 then 'no queue' end"
    make_type(engine, columns=f"{COLUMNS}, {own} as routing_key")
    engine.start(window=2)
    job = engine.add_job("own", dry_run=dry, count=7)
    engine.wait_status(job, "done")
    assert (8, 7 - (not dry), 1, int(not dry)) == tuple(vars(engine.counters(job)).values())
    assert [f"{job}-1", f"{job}-5"] * (not dry) == [properties.message_id for properties, _ in drain.read(other)]
    assert [4, 6, 7, 8] * (not dry) == [message.key for message in engine.drain()]
    refused = {2: "Bad routing key, bytes: 256"}
    assert refused | ({} if dry else {3: "Returned by the broker: 312 NO_ROUTE"}) == errors(engine, job)


def codes(engine: Engine, job: int) -> set[str | None]:
    """The codes that a job's records are counted by."""
    return {row["code"] for row in engine.rows("select code from pgjobs.job_outcomes where job_id = %s", job)}


def errors(engine: Engine, job: int) -> dict[int, str]:
    """What the log says of the records that were not sent, by key."""
    return {line.key: line.error for line in engine.log_lines(job) if line.error}


def test_a_selector_s_own_codes(engine: Engine) -> None:
    """A code that nobody else has is counted as it is, and stands in the log with the detail of its record."""
    engine.add_retries(4)
    code = "case id when 2 then 'no_consent' when 3 then 'duplicate' end"
    detail = "case id when 2 then 'since ' || id end"
    make_type(engine, columns=COLUMNS.replace("null as code, null as detail", f"{code} as code, {detail} as detail"))
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "done")
    assert {("sent", None): 2, ("skip", "no_consent"): 1, ("skip", "duplicate"): 1} == engine.outcomes(job)
    assert {None, "no_consent", "duplicate"} == codes(engine, job)
    assert {2: "no_consent: since 2", 3: "duplicate"} == errors(engine, job)


@pytest.mark.parametrize("kind", ["text", "bytea", "varchar(20)"])
def test_text_and_bytes_are_the_same(engine: Engine, kind: str) -> None:
    """A selector may give target and body as text or as bytes; message and log have the same bytes."""
    engine.add_retries(3)
    make_type(engine, columns=COLUMNS.replace("msisdn", f"'ж'::text::{kind}").replace("'{}'", f"'\"é\"'::text::{kind}"))
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "done")
    assert ["ж".encode()] * 3 == [line.msg for line in engine.log_lines(job)]
    assert ['"é"'.encode()] * 3 == [message.body for message in engine.drain()]


def test_the_example_of_the_page(engine: Engine) -> None:
    """The job type that sql/README.md shows works as it stands there."""
    (example,) = re.findall(
        r"^```sql\n(create function public.reminder_.*?)^```$", SQL_PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    engine.database.execute(example.replace("'reminders'", f"'{engine.queue}'").encode())
    rows = [{"msisdn": "923000000001", "result": result} for result in ("", "paid")]
    engine.insert("xmp_subscriptions", [*rows, {"msisdn": "923000000002", "result": ""}])
    engine.insert("xmp_msisdn_blacklist", [{"msisdn": "923000000002"}])
    engine.start()
    job = engine.add_job("reminder")
    engine.wait_status(job, "done")
    assert [b'{"remind" : "923000000001"}'] == [message.body for message in engine.drain()]
    assert {2: "answered: paid", 3: "Blacklisted"} == errors(engine, job)


BAD_CODES = {
    "a sentence": ("'Not today'", "the code 'Not today' of key 20 is not allowed: a code has small letters"),
    "nothing": ("''", "the code '' of key 20 is not allowed: "),
    "the broker's": ("'returned_it'", "the code 'returned_it' of key 20 is not allowed: "),
}


@pytest.mark.parametrize("kind", BAD_CODES)
def test_a_code_that_is_none(engine: Engine, kind: str) -> None:
    """A code by which nothing can be counted ends the job; mended and resumed, every record is accounted for once."""
    engine.add_retries(30)
    code, sentence = BAD_CODES[kind]
    make_type(engine, columns=COLUMNS.replace("null as code", f"case id when 20 then {code} end as code"))
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "error")
    assert engine.error_of(job).startswith(sentence)
    assert engine.counters(job).considered < 20
    make_type(engine)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_whole(engine, job, 30)


def test_particulars_are_no_codes(engine: Engine) -> None:
    """A selector that puts what differs by record into the code ends its job before the outcomes fill with them."""
    engine.add_retries(300)
    make_type(engine, columns=COLUMNS.replace("null as code", "'seen_' || id as code"))
    engine.start()
    job = engine.add_job("own")
    engine.wait_status(job, "error")
    assert "the selector gives more than 100 codes: what differs by record is its detail" == engine.error_of(job)
    assert len(codes(engine, job)) <= 100
