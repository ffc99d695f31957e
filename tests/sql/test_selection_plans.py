"""The selections: how they are planned on big tables, and what they say about small ones."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import PREPARE, Db, claim, connect, insert_job, outcome, prepare, read_lines, records

from pgjobs.lab.services import Services

BIG = """
insert into xmp_retries_expired (msisdn, created_at, id_service, id_campaign)
select '923' || lpad((n * 7919 % 40000)::text, 9, '0'), timestamptz '2017-01-01Z' + n * interval '1 min', n % 5, n % 3
from generate_series(1, 50000) n;
insert into xmp_transactions (msisdn, sent_at, result)
select '923' || lpad((n::bigint * 104729 % 60000)::text, 9, '0'), timestamptz '2017-01-01Z' + n * interval '1 min',
       (array['paid', 'failed', 'retry_paid', 'sms'])[1 + n % 4]
from generate_series(1, 100000) n;
insert into xmp_msisdn_blacklist (msisdn) select '923' || lpad(n::text, 9, '0') from generate_series(1, 10000) n;
insert into xmp_msisdn_postpaid (msisdn) select '923' || lpad(n::text, 9, '0') from generate_series(1, 10000) n;
insert into xmp_operator_msisdn_prefix (operator_code, prefix) values (41001, '92300'), (41002, '92301');
-- As in the field: the operator's own indexes, which serve other questions.
create index on xmp_transactions (sent_at);
create index on xmp_transactions (result);
create index on xmp_transactions (msisdn);
"""
LINES = """
insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn)
select {}, n, ''::bytea, '923' || lpad((n * 7919 % 40000)::text, 9, '0') from generate_series(1, 20000) n
"""
# Dates the statistics know, and dates that came after them, of which they think there are none.
FILTERS: list[dict[str, Any]] = [
    {},
    {"never": 1},
    {"last_charge_at": "2017-02-01"},
    {"service_id": 3, "campaign_id": 1, "count": 100},
    {"date_from": "2017-01-05", "date_to": "2017-01-06", "never": 1},
    {"date_from": "2017-02-05T17:00:00Z", "last_charge_at": "2017-03-11T10:00:00Z"},
    {"date_from": "2018-01-01"},
]
TABLES = ("xmp_retries_expired", "xmp_transactions", "xmp_msisdn_blacklist", "xmp_msisdn_postpaid", "injection_lines")


@pytest.fixture(scope="module")
def big(services: Services, template_database: str) -> Iterator[Db]:
    """A database of some size with fresh statistics, shared by the tests that only look at plans."""
    with shared_database(services, template_database, "big") as url, connect(url) as db:
        db.execute(BIG.encode())
        first = insert_job(db, "injection")
        db.execute(LINES.format(first).encode())
        db.execute("vacuum analyze")
        yield db


Node = dict[str, Any]


def plan(db: Db, job: int, after: int | None = None, end: int | None = None) -> Node:
    """The plan of a job's records, under exactly the settings that open_records has for its cursor."""
    with db.transaction(force_rollback=True):
        function = "pgjobs.open_records(bigint,integer,bigint,bigint,text[])"
        for setting in db.value("select proconfig from pg_proc where oid = %s::regprocedure", function):
            db.execute("select set_config(%s, %s, true)", setting.split("=", 1))
        statement = db.value("select pgjobs.records_statement(%s, 0, %s, %s)", job, after, end)
        explained = db.value(f"explain (format json, verbose) declare records no scroll cursor for {statement}")
    root = explained[0]["Plan"]
    assert isinstance(root, dict)
    return root


def nodes(node: Node) -> Iterator[Node]:
    """A node of a plan and everything below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def the(root: Node, table: str, alias: str) -> Node:
    """The one node that reads a table under an alias; of a bitmap, with the index that made it."""
    (found,) = (
        node
        for node in nodes(root)
        if node.get("Relation Name") == table and node["Alias"].rstrip("_0123456789") == alias
    )
    if found["Node Type"] == "Bitmap Heap Scan":
        (index,) = found["Plans"]
        return {**index, **found}
    return found


def assert_streams(root: Node, table: str) -> None:
    """The first row comes at once: nothing is sorted, hashed or read through before it, and nothing joined."""
    # The body is made above the tests, so that what is not sent costs none.
    assert "Subquery Scan" == root["Node Type"]
    scan = next(node for node in root["Plans"] if node.get("Subplan Name") is None)
    assert (table, "Index Scan") == (scan.get("Relation Name"), scan["Node Type"])
    for node in nodes(root):
        assert not re.search(r"Hash|Merge|Loop|Materialize|Aggregate|Append", node["Node Type"]), node
        assert "hashed SubPlan" not in json.dumps([node.get("Filter"), node.get("Output")])
        assert node.get("Relation Name") not in TABLES or node["Node Type"] != "Seq Scan", node
        # The few prefixes of operators are put in order for each line; nothing else is.
        assert "Sort" not in node["Node Type"] or "xmp_operator_msisdn_prefix" in json.dumps(node)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("params", FILTERS, ids=lambda params: " ".join(params) or "all")
def test_an_expired_selection_follows_the_primary_key(big: Db, params: dict[str, Any], order: str) -> None:
    """Whatever the filters, rows come in key order straight from the primary key, and duplicates and
    payments are one index look-up each."""
    job = insert_job(big, params=params | {"order": order})
    for after, end in ((None, None), (25000, None), (25000, 49000 if order == "asc" else 100)):
        root = plan(big, job, after, end)
        assert_streams(root, "xmp_retries_expired")
        rows = the(root, "xmp_retries_expired", "r")
        assert "xmp_retries_expired_pkey" == rows["Index Name"]
        assert ("Forward" if order == "asc" else "Backward") == rows["Scan Direction"]
        condition = rows.get("Index Cond", "")
        for bound, operators in ((after, "><"), (end, ("<=", ">="))):
            assert bound is None or f"(r.id {operators[order == 'desc']} {bound})" in condition
        duplicates = the(root, "xmp_retries_expired", "x")
        assert "pgjobs_expired_msisdn_id_idx" == duplicates["Index Name"]
        assert "msisdn" in duplicates["Index Cond"]
        assert f"(x.id {'<' if order == 'asc' else '>'} r.id)" in duplicates["Index Cond"]
        paid = [node for node in nodes(root) if node.get("Relation Name") == "xmp_transactions"]
        assert bool(paid) == ("never" in params or "last_charge_at" in params)
        for node in paid:
            assert "pgjobs_transactions_paid_idx" == node["Index Name"]
            assert "msisdn" in node["Index Cond"]
            # By msisdn alone: an index on sent_at must not tempt the planner on the day its statistics lag.
            assert "sent_at" not in node["Index Cond"]


def test_plain_duplicates_are_read_from_the_index_alone(big: Db) -> None:
    """Without a filter the test for duplicates never touches the table."""
    assert "Index Only Scan" == the(plan(big, insert_job(big)), "xmp_retries_expired", "x")["Node Type"]


@pytest.mark.parametrize("params", [{}, {"never": 1}, {"last_charge_at": "2017-03-11"}], ids=str)
@pytest.mark.parametrize("analysed", [True, False], ids=["statistics", "no statistics"])
def test_an_injection_is_one_look_up_per_test(big: Db, params: dict[str, Any], analysed: bool) -> None:
    """The lines come in order from their primary key, and each test of a line is one index look-up, also
    right after the file was read."""
    if analysed:
        job = big.value("select min(job_id) from pgjobs.injection_lines")
        with big.transaction():
            big.execute("set local session_replication_role = replica")
            big.execute("update xmp_jobs set params = %s where id = %s", (json.dumps(params), job))
    else:
        job = insert_job(big, "injection", params=params)
        big.execute(LINES.format(job).encode())
    for after in (None, 15000):
        root = plan(big, job, after)
        assert_streams(root, "injection_lines")
        rows = the(root, "injection_lines", "l")
        assert ("injection_lines_pkey", "Forward") == (rows["Index Name"], rows["Scan Direction"])
        assert f"(l.line_no > {after or 0})" in rows["Index Cond"].replace("'", "").replace("::bigint", "")
        for table, index in (
            ("xmp_msisdn_blacklist", "pgjobs_blacklist_msisdn_idx"),
            ("xmp_msisdn_postpaid", "pgjobs_postpaid_msisdn_idx"),
        ):
            assert index == the(root, table, "b")["Index Name"]
        if params:
            assert "pgjobs_transactions_paid_idx" == the(root, "xmp_transactions", "t")["Index Name"]


def test_the_lines_just_read_are_not_compared_with_each_other(big: Db) -> None:
    """Repeated lines are found by one sort, also when all lines the statistics know are of another job: a loop in a
    loop would take minutes where this takes half a second."""
    job = insert_job(big, "injection")
    with big.transaction():
        big.execute("set local statement_timeout = '20s'")
        big.execute(LINES.replace("20000", "80000").format(job).encode())
        assert 40_000 == big.value("select pgjobs.close_lines(%s)", job)
    told = (
        "select min(line_no - earlier_line), max(line_no - earlier_line) from pgjobs.injection_lines where job_id = %s"
    )
    assert (40_000, 40_000) == big.row(told, job)


@pytest.mark.parametrize("kind", ["expired", "injection"])
def test_the_body_is_made_in_the_statement_itself(big: Db, kind: str) -> None:
    """charge_message and utc are inlined: the plan holds their expressions and calls neither of them."""
    text = json.dumps(plan(big, insert_job(big, kind)))
    assert "concat(" in text
    assert "operator_code" in text
    assert "pgjobs." not in text.replace('"Schema": "pgjobs"', "").replace("pgjobs.injection_lines", "")


def test_a_call_follows_its_index(big: Db) -> None:
    """Suspended subscriptions are found in the order of their ids by the index of those without a result."""
    with big.transaction(force_rollback=True):
        big.execute(
            "insert into xmp_subscriptions (msisdn, result, created_at)"
            " select '92300' || n, case when n % 500 = 0 then '' else 'paid' end, now() - interval '2 days'"
            " from generate_series(1, 50000) n"
        )
        big.execute("analyze xmp_subscriptions")
        call = big.value("select pgjobs.request_suspended(10, 1, interval '1 minute')")
        statement = big.value("select pgjobs.suspended_records(%s)", call)
        root = big.value(f"explain (format json, verbose) {statement}")[0]["Plan"]
    assert ["Limit", "Index Scan"] == [node["Node Type"] for node in nodes(root)]
    assert "pgjobs_subscriptions_pending_idx" == root["Plans"][0]["Index Name"]


# From here on: small cases made by hand.


def rows(db: Db, *msisdns: str, **columns: object) -> None:
    """Expired retries of these msisdns, in this order, with the same columns else."""
    for msisdn in msisdns:
        values: dict[str, object] = {"msisdn": msisdn} | columns
        marks = ", ".join(["%s"] * len(values))
        statement = f"insert into xmp_retries_expired ({', '.join(values)}) values ({marks})"  # noqa: S608 - names of the test
        db.execute(statement.encode(), list(values.values()))


def paid(db: Db, msisdn: str, at: str, result: str = "paid") -> None:
    """A transaction of an msisdn."""
    insert = "insert into xmp_transactions (msisdn, sent_at, result) values (%s, %s, %s)"
    db.execute(insert.encode(), (msisdn, at, result))


def started(db: Db, kind: str = "expired", /, **params: object) -> int:
    """A job that is claimed and prepared."""
    job = insert_job(db, kind, params=params)
    prepare(db, claim(db, job))
    return job


def bounds(db: Db, job: int) -> tuple[Any, ...]:
    """What prepare_job has fixed: (start_key, end_key, send_limit)."""
    return db.row("select start_key, end_key, send_limit from pgjobs.shards where job_id = %s", job)


def test_one_row_per_msisdn_in_the_job_s_order(db: Db) -> None:
    """Ascending, the lowest id of an msisdn is sent, descending the highest; the others are duplicates."""
    rows(db, "a", "b", "a", "c", "b", "a")
    assert [(1, None), (2, None), (3, "duplicate"), (4, None), (5, "duplicate"), (6, "duplicate")] == outcome(
        db, insert_job(db)
    )
    assert [(6, None), (5, None), (4, None), (3, "duplicate"), (2, "duplicate"), (1, "duplicate")] == outcome(
        db, insert_job(db, params={"order": "desc"})
    )


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_resumed_job_knows_what_it_has_sent(db: Db, order: str) -> None:
    """Wherever a job is resumed, the rest is exactly the rest of what it would have been: no second row of
    an msisdn sent before."""
    rows(db, "a", "b", "a", "c", "b", "a", "d")
    job = started(db, order=order)
    whole = outcome(db, job)
    assert 7 == len(whole)
    for done in range(1, 8):
        assert whole[done:] == outcome(db, job, whole[done - 1][0])
    end = whole[3][0]
    assert whole[:4] == outcome(db, job, None, end)


def test_dates_are_half_open(db: Db) -> None:
    """date_from belongs to the selection and date_to does not, to the microsecond."""
    for at in ("2017-01-31 23:59:59.999999Z", "2017-02-01 00:00Z", "2017-02-01 23:59:59.999999Z", "2017-02-02 00:00Z"):
        rows(db, at, created_at=at)
    assert [2, 3] == [
        key for key, _ in outcome(db, insert_job(db, params={"date_from": "2017-02-01", "date_to": "2017-02-02"}))
    ]
    assert [4] == [key for key, _ in outcome(db, insert_job(db, params={"date_from": "2017-02-02"}))]
    assert [1] == [key for key, _ in outcome(db, insert_job(db, params={"date_to": "2017-02-01"}))]
    same = {"date_from": "2017-02-01", "date_to": "2017-02-01"}
    assert [] == outcome(db, insert_job(db, params=same))
    shifted = {"date_from": "2017-02-01T05:00:00+05:00", "date_to": "2017-02-02T05:00:00+05:00"}
    assert [2, 3] == [key for key, _ in outcome(db, insert_job(db, params=shifted))]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_filters_hold_for_the_test_of_duplicates_too(db: Db, order: str) -> None:
    """A row that the filters leave out makes no other row a duplicate, whichever filter it is."""
    for columns in (
        {"id_service": 1, "id_campaign": 7, "created_at": "2017-02-01Z"},
        {"id_service": 2, "id_campaign": 7, "created_at": "2017-02-01Z"},
        {"id_service": 2, "id_campaign": 8, "created_at": "2017-02-01Z"},
        {"id_service": 2, "id_campaign": 8, "created_at": "2017-02-02Z"},
        {"id_service": 1, "id_campaign": 7, "created_at": "2017-02-03Z"},
    ):
        rows(db, "a", **columns)
    for params, selected in (
        ({"service_id": 2}, [2, 3, 4]),
        ({"service_code": "2", "campaign_code": "8"}, [3, 4]),
        ({"campaign_id": 8, "date_from": "2017-02-02"}, [4]),
        ({"date_from": "2017-02-02"}, [4, 5]),
        ({"service_id": 3}, []),
    ):
        keys = selected if order == "asc" else selected[::-1]
        expected = [(key, "duplicate" if place else None) for place, key in enumerate(keys)]
        assert expected == outcome(db, insert_job(db, params={**params, "order": order}))


def test_who_has_paid_is_left_out(db: Db) -> None:
    """never leaves out whoever has an official payment, whenever; last_charge_at only whoever has one after
    the moment, to the microsecond."""
    official = ("paid", "retry_paid", "injection_paid", "expired_paid")
    rows(db, *official, "failed", "nothing", "late", "early", "at")
    for result in (*official, "failed"):
        paid(db, result, "2017-02-01 12:00Z", result)
    for msisdn, at in (("late", "12:00:00.000001Z"), ("early", "11:59:59Z"), ("at", "12:00Z")):
        paid(db, msisdn, f"2017-03-01 {at}")
    read = {}
    for name, params in (
        ("all", {}),
        ("never", {"never": 1}),
        ("last", {"last_charge_at": "2017-03-01T12:00:00Z"}),
        ("both", {"never": 1, "last_charge_at": "2017-03-01T12:00:00Z"}),
    ):
        read[name] = [msisdn for _, msisdn, _, _ in records(db, insert_job(db, params=params))]
    assert [*official, "failed", "nothing", "late", "early", "at"] == read["all"]
    assert ["failed", "nothing"] == read["never"] == read["both"]
    assert [*official, "failed", "nothing", "early", "at"] == read["last"]


def test_payment_is_judged_anew_by_every_segment(db: Db) -> None:
    """Who pays while a job runs is not charged by its later segments, and a payment makes no first row of
    another msisdn."""
    rows(db, "a", "b", "a", "b")
    job = started(db, never=1)
    assert [(1, None), (2, None)] == outcome(db, job, None, 2)
    paid(db, "b", "2017-02-01Z")
    assert [(3, "duplicate")] == outcome(db, job, 2)


def test_late_rows_do_not_hide_earlier_ones(db: Db) -> None:
    """A descending job is what it was when it began: rows that come later are not in it, and make none of
    its rows a duplicate."""
    rows(db, "a", "b", "c")
    job = started(db, order="desc")
    assert [(3, None)] == outcome(db, job)[:1]
    rows(db, "a", "d")
    assert [(3, None), (2, None), (1, None)] == outcome(db, job)
    assert [(2, None), (1, None)] == outcome(db, job, 3)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(("offset", "passed"), [(0, 0), (1, 1), (2, 2), (3, 4), (4, 7), (5, 8), (6, 8), (100, 8)])
def test_offset_passes_over_rows_that_would_be_sent(db: Db, order: str, offset: int, passed: int) -> None:
    """An offset becomes a key: behind so many rows of the selection, not counting duplicates; the rest is as
    without it."""
    msisdns = ["a", "b", "a", "c", "b", "a", "d", "e"]
    rows(db, *(msisdns if order == "asc" else msisdns[::-1]))
    whole = outcome(db, insert_job(db, params={"order": order}))
    job = started(db, order=order, offset=offset)
    start, end, _ = bounds(db, job)
    assert (whole[passed - 1][0] if passed else None) == start
    assert whole[passed:] == outcome(db, job, start, end)


def test_offset_counts_behind_every_filter(db: Db) -> None:
    """Who has paid, another service's rows and duplicates are not counted by an offset."""
    rows(db, "x", id_service=1)
    rows(db, "payer", "a", "a", "b", "c", id_service=2)
    paid(db, "payer", "2017-02-01Z")
    job = started(db, service_id=2, never=1, offset=2, count=5)
    assert (5, 6, 5) == bounds(db, job)
    assert [(6, None)] == outcome(db, job, 5, 6)


def test_a_job_without_records_is_prepared(db: Db) -> None:
    """An empty selection has no first and no last key, with and without an offset."""
    for params in ({}, {"offset": 3}, {"order": "desc", "offset": 3}):
        job = started(db, **params)
        assert db.value("select empty from pgjobs.shard_position(%s, 0, 1)", job) is True
        assert [] == outcome(db, job)
        db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))


def test_odd_msisdns_travel_unharmed(db: Db) -> None:
    """An msisdn with quotes, backslashes, format marks or letters of any script is text, never a part of a
    statement or of JSON."""
    odd = ["'; drop table xmp_jobs; --", 'a"b\\c', "%s %I %1$s", "\u0440\t\u4e2d", "\x01\x7f"]
    rows(db, *odd, tid='"}}')
    read = records(db, insert_job(db, params={"never": 1}))
    assert odd == [msg for _, msg, _, _ in read] == [event["msisdn"] for *_, event in read]
    assert {'"}}'} == {event["tid"] for *_, event in read}


def test_empty_values_are_left_out_of_a_body(db: Db) -> None:
    """What is zero or empty has no place in the message; what is there has its type: codes of services and
    campaigns are strings."""
    rows(db, "a", created_at="2017-02-01 10:00:00.5Z", last_pay_attempt_at="2017-02-01 10:31:44+02")
    rows(
        db,
        "b",
        id_service=290,
        id_campaign=355,
        price=499,
        tid="t",
        created_at="2017-02-01Z",
        last_pay_attempt_at="2017-02-02Z",
    )
    (*_, empty), (*_, full) = records(db, insert_job(db))
    assert {
        "attempts_count": 10, "type": "expired", "msisdn": "a", "retry_id": 1, "created_at": "2017-02-01T10:00:00.5Z",
        "last_pay_attempt_at": "2017-02-01T08:31:44Z",
    } == empty  # fmt: skip
    assert {
        "attempts_count": 10, "type": "expired", "msisdn": "b", "retry_id": 2, "created_at": "2017-02-01T00:00:00Z",
        "last_pay_attempt_at": "2017-02-02T00:00:00Z", "service_code": "290", "campaign_id": "355", "price": 499,
        "tid": "t",
    } == full  # fmt: skip


def injected(db: Db, *texts: str, **params: object) -> list[str | None]:
    """The reasons of the lines of a prepared injection job, in order, behind its offset and up to its end."""
    job = insert_job(db, "injection", params=params)
    read_lines(db, job, *texts)
    prepare(db, claim(db, job))
    start, end, _ = bounds(db, job)
    if end is None:
        return []
    return [reason for _, reason in outcome(db, job, start, end)]


def test_reasons_come_in_the_order_of_the_contract(db: Db) -> None:
    """Each line has the first reason that applies: length, prefix, digits, duplicate, payment, blacklist,
    postpaid."""
    for table in ("xmp_msisdn_blacklist", "xmp_msisdn_postpaid"):
        db.execute(f"insert into {table} (msisdn) values ('923000000003'), ('923000000004'), ('923000000005')".encode())  # noqa: S608 - names of the test
    db.execute("delete from xmp_msisdn_blacklist where msisdn = '923000000005'")
    paid(db, "923000000003", "2017-02-01Z")
    assert [
        None,
        "Too long msisdn, length: 21",
        "Too short msisdn, length: 3",
        "Too short msisdn, length: 0",
        "Wrong prefix: 123123123123",
        "Wrong prefix: 1231x23123",
        "Not a number: 9230x0000001",
        "duplicate",
        "Already paid",
        "Blacklisted",
        "Postpaid",
        "duplicate",
        None,
        None,
    ] == injected(
        db, "923000000001", "9" * 21, "123", "", "123123123123", "1231x23123", "9230x0000001", "923000000001",
        "923000000003", "923000000004", "923000000005", "923000000003", "92" + "3" * 18, "92345",
        never=1,
    )  # fmt: skip


def test_a_fault_of_the_line_comes_first(db: Db) -> None:
    """A line that could not be read has its fault as the reason, and makes no other line a duplicate."""
    job = insert_job(db, "injection")
    read_lines(db, job, "too long 923000000001", "923000000001", "923000000001")
    assert [(1, "Line too long, length: 5000"), (2, None), (3, "duplicate")] == outcome(db, job)


def test_the_prefix_is_the_job_s_or_the_type_s(db: Db) -> None:
    """The prefix of the params rules, an empty one accepts all, and without one the type's default does."""
    texts = ("923000000001", "380000000001")
    assert [None, "Wrong prefix: 380000000001"] == injected(db, *texts)
    assert ["Wrong prefix: 923000000001", None] == injected(db, *texts, prefix=380)
    assert [None, None] == injected(db, *texts, prefix="*")
    db.execute("update xmp_job_types set defaults = defaults - 'prefix' where name = 'injection'")
    assert [None, None] == injected(db, *texts)


def test_offset_and_count_cut_a_file_into_slices(db: Db) -> None:
    """offset passes over lines and count considers so many, good or bad; duplicates are judged within the
    slice."""
    texts = ("923000000001", "x", "923000000001", "923000000002", "923000000002")
    bad = "Too short msisdn, length: 1"
    assert [None, bad] == injected(db, *texts, count=2)
    assert [None, None] == injected(db, *texts, offset=2, count=2)
    assert [None] == injected(db, *texts, offset=4, count=2)
    assert [] == injected(db, *texts, offset=5)
    assert [] == injected(db, *texts, offset=10**18 - 1, count=10**18 - 1)


def test_lines_of_another_job_are_no_duplicates(db: Db) -> None:
    """The same file may be injected twice: each job judges its own lines."""
    assert [None, "duplicate"] == injected(db, "923000000001", "923000000001")
    assert [None, "duplicate"] == injected(db, "923000000001", "923000000001")


def test_price_operator_and_country_of_a_line(db: Db) -> None:
    """The price is the service's, the operator that of the longest prefix, else the type's; the tid is the
    same at every reading."""
    db.execute("insert into xmp_services (id, price) values (290, 4.5)")
    db.execute(
        "insert into xmp_operator_msisdn_prefix (operator_code, prefix)"
        " values (1, '92'), (2, '9231'), (3, ''), (4, '9231')"
    )
    job = insert_job(db, "injection", params={"service_id": 290, "campaign_id": 355, "prefix": "*"})
    read_lines(db, job, "923000000001", "923100000001", "380000000001")
    read = [event for *_, event in records(db, job)]
    assert [1, 2, 41001] == [event["operator_code"] for event in read]
    assert [(4.5, "290", "355", 92)] * 3 == [
        (event["price"], event["service_code"], event["campaign_id"], event["country_code"]) for event in read
    ]
    assert 3 == len({event["tid"] for event in read})
    assert read == [event for *_, event in records(db, job)]


def test_an_unknown_service_is_refused_when_the_job_begins(db: Db) -> None:
    """A service that is not in xmp_services has no price: the job is refused with the key, not after a
    million records."""
    job = insert_job(db, "injection", params={"service_id": 77})
    claimed = claim(db, job)
    said = db.refusal(PREPARE, job, 0, claimed["epoch"])
    assert ("unknown_service", "service_id") == (said.constraint_name, said.column_name)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_shards_make_up_the_whole(db: Db, order: str) -> None:
    """The shards of a job share its records out: each record in exactly one, in the job's order, and with the same
    reasons as in one piece, wherever the other rows of its msisdn are."""
    rows(db, *(f"92300000{n * 7 % 25}" for n in range(60)))
    whole = records(db, insert_job(db, params={"order": order}))
    job = insert_job(db, shards=3, params={"order": order})
    prepare(db, claim(db, job))
    parts = []
    for shard, after, end in db.execute(
        "select shard, start_key, end_key from pgjobs.shards where job_id = %s order by shard", (job,)
    ).fetchall():
        with db.transaction():
            db.execute("select pgjobs.open_records(%s, %s, %s, %s)", (job, shard, after, end))
            parts.append(
                [(key, target, code) for key, target, code, _, _ in db.execute("fetch all from records").fetchall()]
            )
    assert [(key, target, why) for key, target, why, _ in whole] == [record for part in parts for record in part]
    assert [20, 20, 20] == list(map(len, parts))


UNSPEAKABLE = (
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "0001-12-31 23:59:59.999999Z BC",
    "10000-01-01Z",
    "294276-12-31",
)
SPEAKABLE = {"0001-01-01Z": "0001-01-01T00:00:00Z", "9999-12-31 23:59:59.999999Z": "9999-12-31T23:59:59.999999Z"}


def test_moments_that_json_cannot_say_are_left_out(db: Db) -> None:
    """An infinite moment, one before our era or beyond year 9999 stays out of the message; the first and the last
    that RFC 3339 can say are in it."""
    for moment in (*UNSPEAKABLE, *SPEAKABLE):
        db.execute(
            "insert into xmp_retries_expired (msisdn, created_at, last_pay_attempt_at) values (%s, %s, %s)",
            (moment, moment, moment),
        )
    for _, msg, _, event in records(db, insert_job(db)):
        said = {event[key] for key in ("created_at", "last_pay_attempt_at") if key in event}
        assert ({SPEAKABLE[msg]} if msg in SPEAKABLE else set()) == said, msg


@pytest.mark.parametrize("kind", ["double precision", "real", "numeric", "text", "integer"])
def test_a_price_that_cannot_be_said_skips_its_record(db: Db, kind: str) -> None:
    """NaN, an infinite price, none, and text that is no number are skipped with their reason, in all three
    selections, and never make a broken message; a good price is sent as it is."""
    bad = {"text": ["NaN", "Infinity", "-Infinity", "4,5", "007", "", " 5"], "integer": []}.get(
        kind, ["NaN", "Infinity", "-Infinity"]
    )
    for table in ("xmp_retries_expired", "xmp_subscriptions", "xmp_services"):
        db.execute(f"alter table {table} alter price drop default, alter price drop not null".encode())
        db.execute(f"alter table {table} alter price type {kind} using price::{kind}".encode())
    prices = [*bad, None, "5"]
    for price in prices:
        db.execute("insert into xmp_retries_expired (msisdn, price) values (%s, %s)", (f"923{price}", price))
        db.execute(
            "insert into xmp_subscriptions (msisdn, price, created_at) values (%s, %s, '2017-01-01')",
            (f"923{price}", price),
        )
    reasons = [*(f"Bad price: {price}" for price in bad), "No price", None]
    read = records(db, insert_job(db))
    assert reasons == [reason for _, _, reason, _ in read]
    assert 5 == read[-1][3]["price"]
    call = db.value("select pgjobs.request_suspended(10, 1, interval '1 minute')")
    with db.transaction():
        db.execute("select pgjobs.open_api_request(%s)", (call,))
        ((_, _, _, _, body),) = db.execute("fetch all from records").fetchall()
    assert 5 == json.loads(body)["event_data"]["price"]
    for number, (price, reason) in enumerate(zip(prices, reasons, strict=True), 1):
        db.execute("insert into xmp_services (id, price) values (%s, %s)", (number, price))
        job = insert_job(db, "injection", params={"service_id": number})
        read_lines(db, job, "923000000001", "1")
        assert [reason, "Too short msisdn, length: 1"] == [reason for _, reason in outcome(db, job)]


def test_nobody_is_charged_without_an_msisdn(db: Db) -> None:
    """A retry whose msisdn is missing, empty or blank is skipped with that reason, a subscription is not published;
    such rows are nobody's duplicates."""
    db.execute("alter table xmp_retries_expired alter msisdn drop not null")
    for msisdn in (None, "", " ", None, "", "923000000001"):
        db.execute("insert into xmp_retries_expired (msisdn) values (%s)", (msisdn,))
        db.execute("insert into xmp_subscriptions (msisdn, created_at) values (%s, '2017-01-01')", (msisdn,))
    assert ["No msisdn"] * 5 + [None] == [reason for _, reason in outcome(db, insert_job(db, params={"never": 1}))]
    call = db.value("select pgjobs.request_suspended(10, 1, interval '1 minute')")
    with db.transaction():
        db.execute("select pgjobs.open_api_request(%s)", (call,))
        assert ["923000000001"] == [row[1] for row in db.execute("fetch all from records").fetchall()]
