"""What the selection of an injection says about the lines of a small file: reasons, slices, prices."""

from fix_jobs import PREPARE, Db, claim, insert_job, outcome, prepare, read_lines, records
from fix_selection import bounds, paid


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
