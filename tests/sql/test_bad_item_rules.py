"""Rules of items that can't be right are refused with their path and the remedy, of a job and of a task alike."""

import pytest
from fix_jobs import Db, insert_job
from psycopg.types.json import Jsonb

KNOWN = "it knows execution_limit, ack_limit, retry_limit, delay_to_retry, retry_results"
LENGTH = 'write it as text with its unit, such as "90 min", "12 hours" or "PT1H"'
RESULTS = 'write a list such as ["ERROR_TIMEOUT"], or null for each result that is not good'
HOW_MANY = "say how many further attempts an item has"
WRONG = [
    ([], "rules", "rules: it has to be a JSON object", KNOWN),
    ({"keep_the_last": 3}, "rules.keep_the_last", "rules.keep_the_last: there is no such key", KNOWN),
    ({"execution_limit": 60}, "rules.execution_limit", "rules.execution_limit: 60 is not a length of time", LENGTH),
    ({"ack_limit": "0 s"}, "rules.ack_limit", 'rules.ack_limit: "0 s" is not a length of time', LENGTH),
    (
        {"delay_to_retry": None}, "rules.delay_to_retry", "rules.delay_to_retry: it is empty",
        "give it a value, or leave it out",
    ),
    (
        {"delay_to_retry": "-1 s"}, "rules.delay_to_retry", 'rules.delay_to_retry: "-1 s" is not a length of time',
        LENGTH,
    ),
    (
        {"retry_limit": 1.5}, "rules.retry_limit", "rules.retry_limit: 1.5 is not a whole number from 0 to 1000",
        HOW_MANY,
    ),
    ({"retry_results": "ERROR"}, "rules.retry_results", "rules.retry_results: it is no list of results", RESULTS),
    (
        {"delay_to_retry": "0 xyz"}, "rules.delay_to_retry",
        'rules.delay_to_retry: "0 xyz" is not a length of time', LENGTH,
    ),
    (
        {"delay_to_retry": "infinity"}, "rules.delay_to_retry",
        'rules.delay_to_retry: "infinity" is not a length of time', LENGTH,
    ),
    ({"retry_results": [["A"]]}, "rules.retry_results", "rules.retry_results: it is no list of results", RESULTS),
    ({"retry_results": [None]}, "rules.retry_results", "rules.retry_results: it is no list of results", RESULTS),
    ({"retry_results": [1]}, "rules.retry_results", "rules.retry_results: it is no list of results", RESULTS),
]  # fmt: skip
RIGHT = [
    {},
    {"execution_limit": "60 s", "ack_limit": "PT5S", "retry_limit": 2, "delay_to_retry": "1 min"},
    {"execution_limit": None, "ack_limit": None, "retry_results": None, "delay_to_retry": "0 s"},
    {"retry_results": ["ERROR_TIMEOUT", "BUSY"]},
    {"delay_to_retry": "0"},
    {"delay_to_retry": 0},
    {"delay_to_retry": "PT0S", "retry_results": []},
]
TYPE = """
create function public.no_records(_job bigint, _shard integer, _after bigint, _end bigint)
returns text language sql stable as $$ select 'nobody reads them' $$;
insert into xmp_job_types (name, selector, routing_key, tracked)
values ('tracked', 'public.no_records', 'nowhere', true);
"""
INSERTS = {
    "public.xmp_jobs": "insert into xmp_jobs (type, rules) values ('tracked', %s)",
    "pgjobs.tasks": "insert into pgjobs.tasks (type, rules, repeating)"
    """ values ('tracked', %s, '{"period": {"each": 1, "unit": "HOURS"}}')""",
}


@pytest.mark.parametrize(("rules", "field", "sentence", "hint"), WRONG)
@pytest.mark.parametrize("table", INSERTS)
def test_rules_that_are_wrong_are_refused(
    db: Db, table: str, rules: object, field: str, sentence: str, hint: str
) -> None:
    """One sentence with the path of the key, the remedy beside it, and no row."""
    db.execute(TYPE)
    said = db.refusal(INSERTS[table], Jsonb(rules))
    told = (said.sqlstate, said.constraint_name, said.column_name, said.message_primary, said.message_hint)
    assert ("PJ400", "bad_rules", field, sentence, hint) == told
    assert table == f"{said.schema_name}.{said.table_name}"
    assert 0 == db.value(f"select count(*) from {table}")  # noqa: S608 - text of the test


@pytest.mark.parametrize("rules", RIGHT)
def test_rules_that_are_right_are_taken(db: Db, rules: dict[str, object]) -> None:
    """They are kept as they are written, by a job and by the job of a task, also after a change."""
    db.execute(TYPE)
    for insert in INSERTS.values():
        db.execute(insert.encode(), (Jsonb(rules),))
    assert [rules, rules] == db.column("select rules from xmp_jobs order by id")
    db.execute("update pgjobs.tasks set rules = %s", (Jsonb({"retry_limit": 7}),))
    assert [rules, {"retry_limit": 7}] == db.column("select rules from xmp_jobs order by id")


def test_a_type_that_keeps_no_items_has_none(db: Db) -> None:
    """What would have no effect is refused, in a job that exists as well."""
    job = insert_job(db)
    said = db.refusal("update xmp_jobs set rules = '{\"retry_limit\": 1}' where id = %s", job)
    assert ("PJ400", "rules") == (said.sqlstate, said.column_name)
    assert said.message_primary == "rules: a job of type expired keeps no items, and they would have no effect"
