"""What params of a job may say: every accepted form, and a refusal that names key and remedy for all the
rest."""

import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from fix_database import drop_database, sibling
from fix_jobs import Db, claim, connect, insert_job, outcome, prepare, read_lines, set_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

NUMBERS = ("count", "offset", "service_id", "service_code", "campaign_id", "campaign_code")
MOMENTS = ("date_from", "date_to", "last_charge_at")
FLAGS = ("never", "dry_run")
EXPIRED = {*NUMBERS, *MOMENTS, *FLAGS, "order"}
INJECTION = {*NUMBERS, *FLAGS, "last_charge_at", "prefix"}
KEYS = sorted(EXPIRED | INJECTION)

NO_NUMBERS: list[Any] = [
    -1, -0.5, 1.5, "-3", "1.5", "1e3", "0x10", "five", "", " ", "+1", "1_000", "٣", "१२", True, False,
    [], [1], {}, {"count": 1}, 10**18, "1" * 19, 10**400, 1e300, "9" * 60000,
]  # fmt: skip
NO_FLAGS: list[Any] = ["yes", "on", "t", "", "2", 2, -1, 1.5, "nein", [], [True], {}, {"never": 1}, "1" * 60000]
NO_MOMENTS: list[Any] = [
    "", " ", "\t\n", "today", "now", "infinity", "-infinity", "epoch", "2016", "2016-10", "10/31/2016", "31.10.2016",
    "2016-02-30", "2016-13-01", "2016-00-10", "0000-01-01", "2016-10-31 BC", "99999-01-01", "2016-10-31T25:00",
    "2016-10-31T18:61", "2016-10-31T18:30:61", "2016-10-31T18", "2016-10-31T18:30+99", "2016-10-31T18:30+99:99",
    "2016-10-31T18:30 PST",
    "2016-10-31T18:30 Europe/Riga", "2016-10-31x", "2016-10-31;drop", "2016-10-31'", "2016-10-31\n",
    "\uff12\uff10\uff11\uff16-10-31",
    "2016-10-31\u00a018:30", "2016-10-31T18:30\u2003Z", "2016-10-31T18:30:00." + "1" * 200, 20161031, 0, 1.5, True,
    [], ["2016-10-31"], {}, "1" * 60000,
]  # fmt: skip
NO_ORDERS: list[Any] = [
    "",
    " ",
    "\t",
    "up",
    "ascending",
    "id desc",
    "asc;",
    "asc, id",
    1,
    True,
    [],
    ["asc"],
    {},
    "a" * 60000,
]
NO_PREFIXES: list[Any] = [
    "",
    " ",
    "**",
    "92*",
    "+92",
    "92x",
    "9 2",
    "-1",
    "'",
    "%",
    -92,
    9.2,
    True,
    [],
    ["92"],
    {},
    "x" * 60000,
    "९२",
]
BAD = [
    *((key, value) for key in NUMBERS for value in NO_NUMBERS),
    *((key, value) for key in FLAGS for value in NO_FLAGS),
    *((key, value) for key in MOMENTS for value in NO_MOMENTS),
    *(("count", value) for value in (0, "0", " 00 ", -0.0)),
    *(("order", value) for value in NO_ORDERS),
    *(("prefix", value) for value in NO_PREFIXES),
]


SPELLINGS = {
    "2016-10-31": "2016-10-31T00:00:00",
    " 2016-10-31 ": "2016-10-31T00:00:00",
    "2016-10-31T18:30": "2016-10-31T18:30:00",
    "2016-10-31 18:30:15": "2016-10-31T18:30:15",
    "2016-10-31T18:30:15.123456": "2016-10-31T18:30:15.123456",
    "2016-10-31T18:30:15.123456789Z": "2016-10-31T18:30:15.123457",
    "2016-10-31T18:30:15Z": "2016-10-31T18:30:15",
    "2016-10-31 18:30:15 UTC": "2016-10-31T18:30:15",
    "2016-10-31T18:30:15+05:00": "2016-10-31T13:30:15",
    "2016-10-31T18:30:15-0530": "2016-11-01T00:00:15",
    "2016-10-31T18:30+05": "2016-10-31T13:30:00",
    "2016-10-31T24:00:00": "2016-11-01T00:00:00",
    "2016-02-29": "2016-02-29T00:00:00",
    "2016-12-31T23:59:60Z": "2017-01-01T00:00:00",
    "9999-12-31T23:59:59-15:00": "10000-01-01T14:59:59",
    "0001-01-01": "0001-01-01T00:00:00",
}


def type_for(key: str) -> str:
    return "expired" if key in EXPIRED else "injection"


def read(db: Db, params: dict[str, Any]) -> dict[str, Any]:
    """The typed reading of params, moments as ISO text in UTC."""
    text = db.value("select to_jsonb(pgjobs.read_params(%s::jsonb))::text", json.dumps(params))
    given_back: dict[str, Any] = json.loads(text)
    return {key: value for key, value in given_back.items() if value is not None and value is not False}


def check(db: Db, type_: str, params: object) -> psycopg.errors.Diagnostic | None:
    """What is said against params; None when they are accepted. Anything but an own refusal is raised."""
    try:
        file_name = "lines.csv" if type_ == "injection" else ""
        db.execute("select pgjobs.check_job(%s, %s::jsonb, %s, null)", (type_, json.dumps(params), file_name))
    except psycopg.Error as error:
        if error.sqlstate != "PJ400":
            raise
        return error.diag
    return None


def assert_plain(said: psycopg.errors.Diagnostic, key: str) -> None:
    """A refusal is one readable sentence that names the key, with a remedy and a code for machines."""
    assert ("PJ400", "bad_params", key) == (said.sqlstate, said.constraint_name, said.column_name)
    assert said.message_primary is not None
    assert said.message_primary.startswith(f"params.{key}: ")
    assert len(said.message_primary) < 250
    assert said.message_hint
    assert len(said.message_hint) < 250


@pytest.mark.parametrize("key", KEYS)
def test_what_cannot_be_read_is_refused(db: Db, key: str) -> None:
    """Every ill value of every key, when inserted and when updated, is refused with the key and a remedy;
    nothing is stored."""
    kind = type_for(key)
    job = insert_job(db, kind)
    stored = db.value("select params from xmp_jobs where id = %s", job)
    for value in (value for bad, value in BAD if bad == key):
        params = json.dumps({key: value})
        insert = "insert into xmp_jobs (type, file_name, params) values (%s, 'a.csv', %s)"
        assert_plain(db.refusal(insert, kind, params), key)
        assert_plain(db.refusal("update xmp_jobs set params = %s where id = %s", params, job), key)
    assert [stored] == db.column("select params from xmp_jobs")


@pytest.mark.parametrize("key", ["count", "offset"])
def test_a_number_is_refused_for_what_is_wrong_with_it(db: Db, key: str) -> None:
    """The sentence says whether a number is negative, too long or none at all."""
    for value, wrong in ((-1, "is negative"), ("-7", "is negative"), (10**18, "has more than 18 digits")):
        said = db.refusal("select pgjobs.check_job('expired', %s, '', null)", json.dumps({key: value}))
        assert f"params.{key}: {json.dumps(value)} {wrong}" == said.message_primary
    said = db.refusal("select pgjobs.check_job('expired', %s, '', null)", json.dumps({key: "many"}))
    assert f'params.{key}: "many" is not a whole number' == said.message_primary
    least = "one" if key == "count" else "zero"
    assert f"give {key} as a whole number of {least} or more, or leave it out" == said.message_hint


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        *(("expired", key) for key in ("Prefix", "limit", "Count", " count", "", "order by", "k" * 5000, "%s", "clé")),
        *(("injection", key) for key in ("ORDER", "date", "skip", "file_name")),
    ],
)
def test_an_unknown_parameter_is_refused(db: Db, kind: str, key: str) -> None:
    """A key the type does not know, however it looks, is named, and the hint lists the known ones."""
    said = check(db, kind, {key: 1, "count": 5})
    assert said is not None
    assert ("PJ400", "bad_params", key) == (said.sqlstate, said.constraint_name, said.column_name)
    assert f"params.{key[:100]}: a job of type {kind} has no such parameter" == said.message_primary
    known = EXPIRED if kind == "expired" else INJECTION
    assert known == set((said.message_hint or "").removeprefix("it knows ").split(", "))


def test_a_type_without_parameters_says_so(db: Db) -> None:
    """A key is refused for a type that takes none, and the hint says that instead of an empty list."""
    db.execute(
        "insert into xmp_job_types (name, selector, routing_key) values ('plain', 'pgjobs.expired_records', 'queue')"
    )
    said = check(db, "plain", {"dry_run": True})
    assert said is not None
    assert ("PJ400", "dry_run", "it takes none: leave it out") == (said.sqlstate, said.column_name, said.message_hint)


@pytest.mark.parametrize("params", ["[]", "[1]", "1", '"count"', "null", "true", None])
def test_params_have_to_be_an_object(db: Db, params: str | None) -> None:
    """params that are no JSON object, or SQL null, are refused as a whole."""
    said = db.refusal("insert into xmp_jobs (type, params) values ('expired', %s)", params)
    assert ("PJ400", "bad_params", "params") == (said.sqlstate, said.constraint_name, said.column_name)


@pytest.mark.parametrize(
    "params", ['{"count": "\\u0000"}', '{"\\u0000": 1}', '{"count": 1e200000}', '{"count": NaN}', "{"]
)
def test_what_is_no_jsonb_gets_no_further_than_its_column(db: Db, params: str) -> None:
    """NUL escapes, numbers beyond numeric and broken JSON are refused by the type jsonb itself; no row is
    left."""
    with pytest.raises(psycopg.DataError):
        db.execute("insert into xmp_jobs (type, params) values ('expired', %s)", (params,))
    assert 0 == db.value("select count(*) from xmp_jobs")


def test_params_have_a_size(db: Db) -> None:
    """More than 64 KB of params, by one long key, many keys or one long value, is refused in a short
    sentence."""
    for params in ({"k" * 70000: 1}, {f"k{n}": n for n in range(9000)}, {"count": "9" * 70000}):
        said = check(db, "expired", params)
        assert said is not None
        assert ("bad_params", "params") == (said.constraint_name, said.column_name)
        assert len(said.message_primary or "") < 100


def test_numbers_and_flags_may_be_strings(db: Db) -> None:
    """Numbers and booleans are read the same from JSON and from strings, with spaces around them, and null
    means not given."""
    numbers: list[Any] = [7, "7", " 7 ", "007"]
    true: list[Any] = [True, 1, "1", "true", "TRUE", " True "]
    false: list[Any] = [False, 0, "0", "false", "False", None]
    for key in ("count", "offset", "service_id", "campaign_id"):
        assert [{key: 7}] * len(numbers) == [read(db, {key: value}) for value in numbers]
        assert [{}, {key: 0}] == [read(db, {key: value}) for value in (None, 0)]
        assert {key: 10**18 - 1} == read(db, {key: "9" * 18})
    for key in FLAGS:
        assert [{key: True}] * len(true) == [read(db, {key: value}) for value in true]
        assert [{}] * len(false) == [read(db, {key: value}) for value in false]


def test_order_and_prefix(db: Db) -> None:
    """order is read in any case and defaults to asc; prefix may be a number or a string of digits, * for
    every msisdn."""
    descending: list[Any] = ["desc", "DESC", " Desc "]
    ascending: list[Any] = ["asc", "ASC", "", None]
    assert [{"descending": True}] * 3 == [read(db, {"order": value}) for value in descending]
    assert [{}] * 4 == [read(db, {"order": value}) for value in ascending]
    prefixes: list[Any] = ["92", 92, "*", None]
    assert [{"prefix": "92"}, {"prefix": "92"}, {"prefix": ""}, {}] == [
        read(db, {"prefix": value}) for value in prefixes
    ]


def test_aliases(db: Db) -> None:
    """service_code and campaign_code mean the same as service_id and campaign_id; both may be given if they
    agree."""
    for name in ("service", "campaign"):
        assert {f"{name}_id": 290} == read(db, {f"{name}_code": "290"})
        assert {f"{name}_id": 290} == read(db, {f"{name}_code": "290", f"{name}_id": 290})
        assert {f"{name}_id": 290} == read(db, {f"{name}_code": None, f"{name}_id": 290})
        said = check(db, "expired", {f"{name}_code": 1, f"{name}_id": 2})
        assert said is not None
        assert f"{name}_code" == said.column_name
        assert f"keep only {name}_id" == said.message_hint


@pytest.mark.parametrize("zone", ["UTC", "Europe/Riga", "America/Los_Angeles"])
def test_dates_and_timestamps(db: Db, zone: str) -> None:
    """Dates and timestamps mean UTC unless they carry an offset, in a session of any zone and date style."""
    for style in ("ISO", "German", "SQL, DMY", "Postgres, MDY"):
        db.execute("select set_config('timezone', %s, false), set_config('datestyle', %s, false)", (zone, style))
        for key in MOMENTS:
            call = f"select to_json((pgjobs.read_params(%s::jsonb)).{key} at time zone 'UTC')::text"
            for written, meant in SPELLINGS.items():
                assert f'"{meant}"' == db.value(call, json.dumps({key: written}))


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres, MDY"])
def test_the_ends_of_time_can_be_selected_by(db: Db, style: str) -> None:
    """Moments before our era and beyond year 9999, which the accepted forms can reach, make a selection that
    runs."""
    db.execute("select set_config('datestyle', %s, false)", (style,))
    db.execute("insert into xmp_retries_expired (msisdn) values ('923000000001')")
    first, last = "0001-01-01T00:00+15:00", "9999-12-31T23:59:59-15:00"
    job = insert_job(db, params={"date_from": first, "date_to": last, "last_charge_at": first})
    assert [(1, None)] == outcome(db, job)


@pytest.mark.parametrize(
    "file_name", ["", "/etc/passwd", "../lines.csv", "a/b.csv", ".", "..", "a\nb.csv", "\x1b.csv", None]
)
def test_a_file_name_is_the_name_of_a_file(db: Db, file_name: str | None) -> None:
    """An injection job without a file, or with a name that would leave the directory, is refused and told
    what to give."""
    said = db.refusal("insert into xmp_jobs (type, file_name) values ('injection', %s)", file_name)
    assert ("PJ400", "bad_file_name", "file_name") == (said.sqlstate, said.constraint_name, said.column_name)
    assert (said.message_primary or "").startswith("file_name: ")
    assert "injections directory" in (said.message_hint or "")


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("file_name", "x" * 128, "file_name: it has 128 characters"),
        ("file_name", "x" * 100_000, "file_name: it has 100000 characters"),
        ("type", "x" * 128, f"type: '{'x' * 100}' is not a registered job type"),
        ("status", "x" * 128, f"status: a new job can't be '{'x' * 100}'"),
        ("log_path", "x" * 1024, "log_path: only the engine writes this column"),
        ("priority", 32_768, "priority: 32768 is out of range"),
        ("shards", 100_000, "shards: 100000 is out of range"),
        (
            "callback_url",
            "http://" + "x" * 2000,
            "callback_url: it is no http:// or https:// address of up to 2000 char",
        ),
        ("idempotency_key", "x" * 201, "idempotency_key: it has 201 characters"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_too_long_or_too_large_is_refused_in_a_sentence(
    db: Db, column: str, value: object, sentence: str
) -> None:
    """Every column that a user writes: field, sentence and remedy, and no error of PostgreSQL's own, when a job is
    inserted and when it is changed."""
    columns: dict[str, object] = {"type": "injection", "file_name": "a.csv", "params": '{"service_id": 1}'}
    names = columns | {column: value}
    insert = f"insert into xmp_jobs ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})"  # noqa: S608
    said = db.refusal(insert, *names.values())
    assert ("PJ400", column) == (said.sqlstate, said.column_name)
    assert str(said.message_primary).startswith(sentence)
    assert said.message_hint
    if column == "idempotency_key":
        return  # A key never changes at all.
    insert_job(db, "injection", params={"service_id": 1}, file_name="a" * 127)
    said = db.refusal(f"update xmp_jobs set {column} = %s", value)  # noqa: S608
    assert ("PJ400", column) == (said.sqlstate, said.column_name)
    assert said.message_hint


def test_empty_values_are_named(db: Db) -> None:
    """An empty value or null is refused as empty, whatever the key and the type; so are a count that selects nothing,
    a file name that would be ignored and an injection without a service."""
    for kind, key, value in itertools.product(("expired", "injection"), KEYS, (" \t", None)):
        said = check(db, kind, {key: value})
        assert said is not None
        assert f"params.{key}: it is empty" == said.message_primary
        assert "leave it out" in (said.message_hint or "")
    said = check(db, "injection", {"prefix": ""})
    assert said is not None
    assert "give the digits every msisdn begins with, * for any, or leave it out" == said.message_hint
    said = db.refusal("insert into xmp_jobs (type, params) values ('expired', '{\"count\": \"0\"}')")
    assert "params.count: 0 would select nothing" == said.message_primary
    said = db.refusal("insert into xmp_jobs (type, file_name) values ('expired', 'lines.csv')")
    assert ("PJ400", "bad_file_name") == (said.sqlstate, said.constraint_name)
    assert "file_name: a job of type expired reads no file, and 'lines.csv' would be ignored" == said.message_primary
    db.execute("update xmp_job_types set defaults = defaults - 'service_id'")
    said = db.refusal("insert into xmp_jobs (type, file_name) values ('injection', 'lines.csv')")
    assert ("PJ400", "no_service", "service_id") == (said.sqlstate, said.constraint_name, said.column_name)
    assert insert_job(db, "injection", params={"service_code": "7"})


def test_a_lenient_type_reads_as_the_predecessor_did(db: Db) -> None:
    """Of a type that is set so, empty strings, null and count 0 are accepted and mean that nothing is given; unknown
    parameters and those that can't be read are refused as ever."""
    db.execute("update xmp_job_types set lenient = true")
    db.execute("insert into xmp_retries_expired (msisdn) values ('923000000001')")
    empty = dict.fromkeys(sorted(EXPIRED), "")
    null = dict.fromkeys(sorted(EXPIRED | INJECTION))
    for params in (empty, null, empty | {"count": 0}, {"count": "0"}, {"count": " 00 "}):
        assert check(db, "expired", params) is None
        assert [(1, None)] == outcome(db, insert_job(db, params=params))
    read_lines(db, job := insert_job(db, "injection", params=dict.fromkeys(sorted(INJECTION), "")), "823000000001")
    assert [(1, "Wrong prefix: 823000000001")] == outcome(db, job)
    for bad in ({"from": ""}, {"count": "x"}, {"count": -1}, {"date_from": "today"}, {"order": "up"}):
        assert check(db, "expired", bad) is not None


def test_keys_of_another_type_have_no_effect_and_are_told(db: Db) -> None:
    """A key that belongs to the other type is accepted, changes nothing and is told in the job's events, which is
    no transition; its value has to be one all the same."""
    job = insert_job(db, "injection", params={"order": "desc", "date_from": "2016-10-31", "prefix": "*"})
    read_lines(db, job, "1230000001", "1230000002")
    claimed = claim(db, job, descending=False)
    prepare(db, claimed)
    assert [(1, None), (2, None)] == outcome(db, job)
    remarks = "select reason from pgjobs.job_events where job_id = %s and to_status is null order by id"
    assert [
        "params.date_from: it has no effect on a job of type injection",
        "params.order: it has no effect on a job of type injection",
    ] == db.column(remarks, job)
    assert [(None, "ready"), ("ready", "in progress")] == db.execute(
        "select from_status, to_status from pgjobs.job_events where job_id = %s and to_status is not null", (job,)
    ).fetchall()
    other = insert_job(db)
    db.execute('update xmp_jobs set params = \'{"prefix": "92"}\' where id = %s', (other,))
    assert ["params.prefix: it has no effect on a job of type expired"] == db.column(remarks, other)
    said = check(db, "injection", {"order": "up"})
    assert said is not None
    assert_plain(said, "order")


@pytest.mark.parametrize("last", ["2016-10-31", "2016-10-30"])
def test_dates_that_select_nothing_are_told(db: Db, last: str) -> None:
    """date_from that is not before date_to is accepted, selects nothing, and is told in the job's events."""
    db.execute("insert into xmp_retries_expired (msisdn, created_at) values ('923000000001', '2016-10-31')")
    job = insert_job(db, params={"date_from": "2016-10-31", "date_to": last})
    assert [] == outcome(db, job)
    assert "params.date_from: it is not before date_to, so the job selects nothing" == db.value(
        "select reason from pgjobs.job_events where job_id = %s and to_status is null", job
    )


def test_rows_older_than_the_rules_can_be_started(db: Db) -> None:
    """A ready row whose params nobody touches keeps what it was written with: empty values are not given, unknown keys
    and a file name have no effect, and it is started, stopped and resumed. Before its start, a resume checks it."""
    db.execute("insert into xmp_retries_expired (msisdn) values ('923000000001')")
    old = {"date_from": "", "order": "", "service_id": "", "never": "", "count": None, "limit": 5}
    job = insert_job(db)
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute("update xmp_jobs set params = %s, file_name = 'x.csv' where id = %s", (json.dumps(old), job))
    db.execute("select pgjobs.start_job(%s)", (job,))
    prepare(db, claim(db, job))
    assert [(1, None)] == outcome(db, job)
    for status in ("canceled", "ready"):
        set_status(db, job, status)
    said = db.refusal("insert into xmp_jobs (type, params) values ('expired', %s)", json.dumps(old))
    assert "bad_params" == said.constraint_name


@pytest.mark.parametrize(("shards", "params"), [(0, {}), (-1, {}), (65, {}), (2, {"count": 5})])
def test_shards_are_refused_where_they_cannot_be(db: Db, shards: int, params: dict[str, Any]) -> None:
    """A number of shards out of range, or more than one for a job that counts over the whole selection, is
    refused."""
    insert = "insert into xmp_jobs (type, shards, params) values ('expired', %s, %s)"
    said = db.refusal(insert, shards, json.dumps(params))
    assert ("PJ400", "bad_shards", "shards") == (said.sqlstate, said.constraint_name, said.column_name)
    assert said.message_hint


@pytest.mark.parametrize("kind", ["nonsense", "", "EXPIRED", "it's", None])
def test_an_unknown_type_is_refused(db: Db, kind: str | None) -> None:
    """A type that nobody registered is refused before any foreign key speaks, and the hint lists the
    registered ones."""
    said = db.refusal("insert into xmp_jobs (type) values (%s)", kind)
    assert ("PJ400", "unknown_type", "type") == (said.sqlstate, said.constraint_name, said.column_name)
    assert "use one of expired, injection, mailing" == said.message_hint


def test_a_resume_checks_what_an_earlier_version_had_let_in(db: Db) -> None:
    """A job whose params this version can't read is refused when it is resumed, and can still be stopped."""
    job = insert_job(db)
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute('update xmp_jobs set params = \'{"count": "many"}\' where id = %s', (job,))
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    assert_plain(db.refusal("update xmp_jobs set status = 'ready' where id = %s", job), "count")


def test_digits_of_other_scripts_are_refused_under_any_collation(services: Services) -> None:
    """In a database whose collation calls every script's digits digits, they are refused all the same, not
    broken on."""
    name = f"pgjobs_digits_{uuid.uuid4().hex[:12]}"
    with connect(services.database_url) as admin:
        if admin.info.server_version < 180000:
            pytest.skip("this server has no such collation built in")
        collation = "locale_provider builtin builtin_locale 'PG_UNICODE_FAST'"
        admin.execute(f"create database {name} template template0 {collation}".encode())
    try:
        url = sibling(services.database_url, name)
        migrate(url)
        with connect(url) as db:
            assert db.value(r"select '٣' ~ '^\d$'")
            for key, value in (("count", "٣"), ("prefix", "٣"), ("date_from", "٢٠١٦-10-31"), ("never", "\u0661")):
                said = check(db, type_for(key), {key: value})
                assert said is not None
                assert_plain(said, key)
    finally:
        drop_database(services.database_url, name)


SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""Neither that the tests share a database nor that the machine is busy is a fault."""
# Surrogates and NUL are no jsonb, which has its own test.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
HINTED = st.sampled_from([value for _, value in BAD if not (isinstance(value, str) and len(value) > 1000)])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    HINTED,
)
ANY_JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
ODD_PARAMS = st.dictionaries(st.one_of(st.sampled_from(KEYS), TEXTS), ANY_JSON, max_size=6)


@settings(deadline=None, max_examples=400, suppress_health_check=SLOW)
@given(kind=st.sampled_from(["expired", "injection"]), params=ODD_PARAMS)
def test_any_object_is_accepted_or_refused_and_never_breaks(db: Db, kind: str, params: dict[str, Any]) -> None:
    """Whatever JSON object params are, they are accepted and then give a selection that runs, or refused
    with PJ400 and the key."""
    said = check(db, kind, params)
    if said is not None:
        assert said.column_name in params
        assert said.message_hint
        return
    with db.transaction(force_rollback=True):
        job = insert_job(db, kind, params=params)
        assert [] == outcome(db, job)


@st.composite
def good_params(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Params in some accepted spelling, and what they mean."""
    written: dict[str, Any] = {}
    meant: dict[str, Any] = {}
    for key in draw(st.sets(st.sampled_from(["count", "offset", "service_id", "campaign_id"]))):
        number = draw(st.integers(1 if key == "count" else 0, 10**18 - 1))
        name = key.replace("_id", draw(st.sampled_from(["_id", "_code"])))
        written[name] = draw(st.sampled_from([number, str(number), f" {number} "]))
        meant[key] = number
    for key in draw(st.sets(st.sampled_from(FLAGS))):
        flag = draw(st.booleans())
        written[key] = draw(st.sampled_from([flag, int(flag), str(int(flag)), str(flag)]))
        meant |= {key: True} if flag else {}
    for key in draw(st.sets(st.sampled_from(MOMENTS))):
        offset = timezone(timedelta(minutes=draw(st.integers(-15 * 60, 15 * 60))))
        moment = draw(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(offset)))  # noqa: DTZ001 - given a zone by the strategy
        written[key] = moment.isoformat(draw(st.sampled_from(["T", " "])))
        meant[key] = moment.astimezone(UTC)
    if draw(st.booleans()):
        order = draw(st.sampled_from(["asc", "desc"]))
        written["order"] = order
        meant |= {"descending": True} if order == "desc" else {}
    return written, meant


@settings(deadline=None, max_examples=200, suppress_health_check=SLOW)
@given(drawn=good_params())
def test_every_accepted_spelling_is_read_as_meant(db: Db, drawn: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Numbers, flags, moments with any offset, aliases and order, in any accepted spelling, are read as what
    they mean."""
    written, meant = drawn
    assert check(db, "expired", written) is None
    given_back = read(db, written)
    for key in set(MOMENTS) & set(given_back):
        given_back[key] = datetime.fromisoformat(given_back[key])
    assert meant == given_back
