"""The selections: how they are planned on big tables."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect, insert_job

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
