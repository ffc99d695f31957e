"""`pgjobs doctor` about the database: versions, functions, tables, columns, indexes, triggers and selectors."""

import asyncio
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_daemon import Engine
from fix_database import sibling
from fix_doctor import Examine, about, levels
from fix_predecessor import SHAPES

import pgjobs
from pgjobs.ops.doctor import database as of_the_database
from pgjobs.ops.doctor import tables, work
from pgjobs.pg import connection as db
from pgjobs.pg import schema
from pgjobs.pg.migrate import migrate


@pytest.mark.parametrize(
    ("column", "consequence"),
    [
        *((f"xmp_subscriptions.{name}", "/api can't publish") for name in ("id", "msisdn", "result", "created_at")),
        *(
            (f"xmp_transactions.{name}", "jobs with never or last_charge_at can't run")
            for name in ("msisdn", "result", "sent_at")
        ),
        *(
            (f"xmp_{name}", "jobs of type injection can't run")
            for name in (
                "services.id", "services.price", "operator_msisdn_prefix.prefix", "msisdn_blacklist.msisdn",
                "msisdn_postpaid.msisdn",
            )
        ),
        ("xmp_retries_expired.msisdn", "jobs of type expired can't run"),
        ("xmp_subscriptions.tid", "messages have no tid"),
    ],
)  # fmt: skip
def test_a_missing_column_of_the_operators_tables_is_told(database: str, column: str, consequence: str) -> None:
    """Whatever a call of /api or a job reads: table, column and what does not run without it."""
    table, _, name = column.partition(".")

    async def act() -> None:
        async with await db.connect(database, "test", autocommit=False) as connection:
            await connection.execute(f"alter table public.{table} rename column {name} to another_name".encode())
            (found,) = [one async for one in work.columns(connection)]
            assert f"{table} has no {name}: {consequence}" == found.sentence
            assert found.level == ("problem" if "can't" in consequence else "warning")
            assert f"add the column to {table} where it is wanted" == found.remedy

    asyncio.run(act())


def test_an_unmigrated_database(empty_database: str, examine: Examine) -> None:
    """The remedy is the command."""
    assert ("problem", "run: pgjobs migrate") == about(examine(database_url=empty_database), "schema")[0::3]


@pytest.mark.parametrize(
    ("version", "compatible_from", "level", "words", "remedy"),
    [
        (pgjobs.__version__, "0.0.1", "problem", "its functions are not those of pgjobs", "run: pgjobs migrate"),
        ("99.1", "0.0.1", "warning", "it is of pgjobs 99.1, and this is", "install pgjobs 99.1"),
        ("99.1", "99.0", "problem", "works with pgjobs 99.0 or later", "install pgjobs 99.1"),
        ("0.0.9", "0.0.1", "problem", "it is of pgjobs 0.0.9, and this is", "run: pgjobs migrate"),
    ],
    ids=["changed", "later", "too late", "earlier"],
)
def test_functions_of_another_version(
    engine: Engine, examine: Examine, version: str, compatible_from: str, level: str, words: str, remedy: str
) -> None:
    """Functions that are not those of their version are told, and a version that is not ours."""
    assert "ok" == about(examine(), "schema").level
    engine.execute(
        "update pgjobs.schema_state set version = %s, compatible_from = %s, fingerprint = 'other'",
        version,
        compatible_from,
    )
    found = about(examine(), "schema")
    assert level == found.level
    assert words in found.sentence.replace("the database is", "it is")
    assert remedy in found.remedy


def test_functions_that_were_changed_by_hand_are_told(engine: Engine, examine: Examine) -> None:
    """Each is named with its signature; migrate puts them back."""
    engine.execute("alter function pgjobs.next_wakeup(boolean) cost 99")
    assert "ok" == about(examine(), "schema").level
    engine.execute("alter function pgjobs.next_wakeup(boolean) set work_mem = '64kB'")
    found = about(examine(), "schema")
    assert ("problem", "functions were changed by hand: pgjobs.next_wakeup(boolean)") == found[0::2]
    assert found.remedy.startswith("run: pgjobs migrate")


def test_a_daemon_of_another_version_is_told(engine: Engine, examine: Examine) -> None:
    """Each daemon is compared with the database, whose version an upgrade brings them all to."""
    engine.start(version="0.1")
    engine.execute("update pgjobs.schema_state set version = '0.1.1'")
    engine.wait_until("exists (select from pgjobs.daemons where version = '0.1')")
    found = about(examine(), "daemons")
    assert "is version 0.1, and the database 0.1.1" in found.sentence
    assert "restart it as 0.1.1" == found.remedy


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (130022, "problem"), (140020, "warning"), (140021, "ok"), (150015, "warning"), (150016, "ok"),
        (160012, "ok"), (170007, "warning"), (180001, "warning"), (180002, "ok"), (190000, "warning"),
    ],
)  # fmt: skip
def test_versions_of_the_server(number: int, level: str) -> None:
    """14 to 18 are supported; a minor version that can lose LISTEN for good is named, with the one that mends it."""
    assert level == of_the_database.rate(number, "x").level


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("pgjobs.no_such_function", "there is no function pgjobs.no_such_function(bigint, integer, bigint, bigint)"),
        ("pgjobs.why", "there is no function pgjobs.why(bigint, integer, bigint, bigint)"),
        ("not a name(", "'not a name(' is not the name of a function with its schema"),
        ("public.numbers", "public.numbers(bigint, integer, bigint, bigint) does not return text"),
        ("public.planted", "public.planted(bigint, integer, bigint, bigint) belongs to pgjobs_stranger_"),
    ],
)
def test_a_selector_that_no_job_can_run_is_told(
    engine: Engine, examine: Examine, stranger: str, selector: str, words: str
) -> None:
    """Missing, with another signature, not a name at all, with another result, or of another owner."""
    engine.execute(
        "create function public.planted(bigint, integer, bigint, bigint) returns text language sql return 'select'"
    )
    engine.execute(
        "create function public.numbers(bigint, integer, bigint, bigint) returns bigint language sql return 1"
    )
    engine.execute(
        f"alter function public.planted(bigint, integer, bigint, bigint) owner to {urlsplit(stranger).username}"
    )
    with engine.connect() as careless:
        careless.execute("set session_replication_role = replica")
        careless.execute("update xmp_job_types set selector = %s where name = 'expired'", (selector,))
    found = about(examine(), "job types")
    assert "problem" == found.level
    assert found.sentence.startswith("expired: ")
    assert words in found.sentence
    assert found.remedy


@pytest.mark.parametrize("table", sorted(set(tables.NEEDED_FOR) - {"xmp_jobs", "xmp_job_types"}))
def test_a_table_that_is_missing_is_told(engine: Engine, examine: Examine, table: str) -> None:
    """A renamed table of the operator's is one problem that says what does not run without it; nothing is said of its
    columns, and a view in its place will do."""
    assert "ok" == about(examine(), "tables").level
    engine.execute(f"alter table {table} rename to set_apart")
    found = examine()
    assert [f"public.{table} is missing: {tables.NEEDED_FOR[table]}"] == [
        one.sentence for one in found if one.about == "tables"
    ]
    assert ("problem", "ok") == (about(found, "tables").level, about(found, "columns").level)
    engine.execute(f"create view {table} as table set_apart")
    assert "ok" == about(examine(), "tables").level


@pytest.mark.parametrize("table", ["xmp_jobs", "xmp_job_types"])
def test_without_its_first_tables_everything_is_examined_all_the_same(
    engine: Engine, examine: Examine, table: str
) -> None:
    """Where xmp_jobs or xmp_job_types is gone that is said, and each check that needs it is a finding."""
    engine.execute(f"alter table {table} rename to set_apart")
    found = examine()
    assert f"public.{table} is missing: {tables.NEEDED_FOR[table]}" == about(found, "tables").sentence
    assert {"rights", "triggers", "indexes", "daemons", "broker"} <= {one.about for one in found}


def test_columns_that_are_nowhere_are_told(engine: Engine, examine: Examine) -> None:
    """What messages leave out is a warning; without what a selection needs no job runs."""
    engine.execute("alter table xmp_retries_expired drop column keep_days")
    found = about(examine(), "columns")
    assert ("warning", "xmp_retries_expired has no keep_days or retry_days: messages have no retry_days") == found[0::2]


def test_indexes_that_are_missing_or_broken(engine: Engine, examine: Examine) -> None:
    """A dropped one and an invalid one are both named."""
    engine.execute("drop index pgjobs_expired_msisdn_id_idx")
    engine.execute("update pg_index set indisvalid = false where indexrelid = 'pgjobs_transactions_paid_idx'::regclass")
    found = about(examine(), "indexes")
    assert "warning" == found.level
    assert "pgjobs_expired_msisdn_id_idx, pgjobs_transactions_paid_idx" in found.sentence


def test_triggers_that_do_not_fire_are_told_and_mended(engine: Engine, examine: Examine) -> None:
    """A trigger that is missing, disabled, or enabled for replicas is named, and migrate puts each back."""
    for change in (
        "drop trigger pgjobs_30_notify_insert on xmp_jobs",
        "alter table xmp_jobs disable trigger pgjobs_40_forget",
        "alter table xmp_jobs enable replica trigger pgjobs_50_truncate",
        "alter table xmp_job_types enable always trigger pgjobs_10_guard",
    ):
        engine.execute(change)
    found = [one for one in examine() if one.about == "triggers"]
    assert {("problem", "run: pgjobs migrate")} == {one[0::3] for one in found}
    assert [
        "trigger pgjobs_10_guard of xmp_job_types fires for a replica as well",
        "trigger pgjobs_30_notify_insert of xmp_jobs is missing",
        "trigger pgjobs_40_forget of xmp_jobs is disabled",
        "trigger pgjobs_50_truncate of xmp_jobs fires only for a replica",
    ] == [one.sentence for one in found]
    migrate(engine.database_url)
    assert ("ok", f"all {len(schema.triggers())} are there and enabled") == about(examine(), "triggers")[0::2]


def test_a_setting_that_silences_every_trigger_is_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """session_replication_role of the database, or of a role that may write jobs, is named with the statement that
    resets it."""
    name, role = engine.database.info.dbname, urlsplit(stranger).username
    engine.execute(f"alter role {role} set session_replication_role = replica")
    assert "ok" == about(examine(), "triggers").level
    engine.execute(f"alter role {role} reset session_replication_role")
    engine.execute(f"grant update on xmp_jobs to {role}")
    for whose in (f"database {name}", f"role {role}", f"role {role} in database {name}"):
        engine.execute(f"alter {whose} set session_replication_role = replica")
        found = about(examine(), "triggers")
        assert ("problem", f"alter {whose} reset session_replication_role") == found[0::3]
        engine.execute(found.remedy)
        assert "ok" == about(examine(), "triggers").level


def test_a_replica_is_asked_too(engine: Engine, examine: Examine) -> None:
    """One that is away or another database is a problem; a primary in its place is worth a word."""
    found = about(examine(replica_url="postgresql://u:pw42@127.0.0.1:1/d"), "replica")
    assert ("problem", "check host and port in PGJOBS_REPLICA_URL, and that the server runs") == found[0::3]
    found = about(examine(replica_url=sibling(engine.database_url, "postgres")), "replica")
    assert "problem" == found.level
    assert "PGJOBS_REPLICA_URL is another database than PGJOBS_DATABASE_URL" == found.sentence
    assert "warning" == about(examine(replica_url=engine.database_url), "replica").level


@pytest.mark.parametrize(("zone", "level"), [("Asia/Karachi", "warning"), ("UTC", "ok")])
def test_moments_without_a_time_zone(empty_database: str, examine: Examine, zone: str, level: str) -> None:
    """run_at of the predecessor means UTC; sessions in another zone would write something else into it."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        for shape in (SHAPES["lookups"], f"alter database {connection.info.dbname} set timezone = '{zone}'"):
            connection.execute(shape.encode())
    migrate(empty_database)
    found = examine(database_url=empty_database)
    assert level == about(found, "clock").level
    assert set() == levels(found, "problem") - {"routes"}
