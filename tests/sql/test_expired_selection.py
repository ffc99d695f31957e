"""What the selection of expired retries says about small tables: filters, duplicates, offsets, bodies, shards."""

import json

import pytest
from fix_jobs import Db, claim, insert_job, outcome, prepare, read_lines, records
from fix_selection import bounds, paid, rows, started


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
