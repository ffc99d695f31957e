"""What a type says of its items, answers and messages is refused where it could not be obeyed, when it is written."""

import pytest
from fix_jobs import Db, insert_job
from psycopg.types.json import Jsonb

from pgjobs.broker.formats.choice import check_for
from pgjobs.errors import ConfigurationError

TYPE = """
create function public.no_records(_job bigint, _shard integer, _after bigint, _end bigint)
returns text language sql stable as $$ select 'select 1::bigint, null, null, null, ''{}'' where false' $$;
insert into xmp_job_types (name, selector, routing_key, tracked, reply_queue)
values ('tracked', 'public.no_records', 'work', true, 'answers');
"""
LAST = "select * from xmp_job_types where name = 'tracked'"
MOMENT = "is not a moment in ISO 8601, or seconds up to 315360000"


@pytest.fixture
def typed(db: Db) -> Db:
    """A database with a tracked type: work on one queue, answers on another one."""
    db.execute(TYPE)
    return db


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("execution_limit", "178000000 years", "is no time that an attempt could last"),
        ("execution_limit", "0 s", "is no time that an attempt could last"),
        ("ack_limit", "-1 s", "is no time that an attempt could last"),
        ("ack_limit", "1001 years", "is no time that an attempt could last"),
        ("delay_to_retry", "-1 s", "is no time that an item could wait"),
        ("delay_to_retry", "178000000 years", "is no time that an item could wait"),
        ("retry_limit", None, "retry_limit: it is null"),
        ("delay_to_retry", None, "delay_to_retry: it is null"),
        ("retry_growth", 0.99, "retry_growth: 0.99 is out of range"),
        ("retry_growth", 10.01, "retry_growth: 10.01 is out of range"),
        ("retry_growth", "NaN", "retry_growth: NaN is out of range"),
        ("tracked", None, "tracked: it is null"),
        ("format_options", None, "format_options: it has to be a JSON object"),
        ("defaults", None, "defaults: it has to be a JSON object"),
        ("schedule", None, "schedule: it has to be a JSON object"),
        ("budget", None, "budget: it has to be a JSON object"),
        ("exchange", None, "exchange: it is null"),
        ("shards", None, "shards: it is null"),
        ("results", "{NULL}", "results: one of its elements is null"),
        ("retry_results", "{ERROR,NULL}", "retry_results: one of its elements is null"),
        ("params", "{NULL}", "params: one of its elements is null"),
        ("ignores", "{NULL}", "ignores: one of its elements is null"),
        ("results", "{{A,B},{C,D}}", "results: it has 2 dimensions"),
        ("retry_results", "{{A}}", "retry_results: it has 2 dimensions"),
        ("params", "{{a}}", "params: it has 2 dimensions"),
        ("queue", "", "queue: '' is not the name of a queue"),
        ("queue", "a\tb", "is not the name of a queue"),
        ("reply_queue", "", "reply_queue: '' is not the name of a queue"),
        ("reply_queue", "amq.rabbitmq.reply-to", "is a name that the broker keeps for itself"),
        ("reply_queue", "amq.gen-1", "is a name that the broker keeps for itself"),
        ("reply_queue", "work", "reply_queue: to 'work' go the messages of type tracked"),
        ("routing_key", "answers", "reply_queue: to 'answers' go the messages of type tracked"),
    ],
)
def test_a_value_that_no_job_could_have(typed: Db, column: str, value: object, sentence: str) -> None:
    """One sentence, the table and the column, a hint, and nothing has changed."""
    before = typed.row(LAST)
    said = typed.refusal(f"update xmp_job_types set {column} = %s where name = 'tracked'", value)  # noqa: S608 a name of the test
    assert "PJ400" == said.sqlstate
    assert sentence in str(said.message_primary)
    assert "xmp_job_types" == said.table_name
    assert "reply_queue" if "reply_queue:" in sentence else column == said.column_name
    assert said.message_hint
    assert before == typed.row(LAST)


def test_limits_without_end_are_refused(typed: Db) -> None:
    """PostgreSQL has infinite lengths of time from 17 on: no item could wait for ever, and no limit is null."""
    if typed.info.server_version < 170000:
        pytest.skip("there is no such interval")
    for column in ("execution_limit", "ack_limit", "delay_to_retry"):
        said = typed.refusal(f"update xmp_job_types set {column} = 'infinity' where name = 'tracked'")  # noqa: S608 a name of the test
        assert ("PJ400", column) == (said.sqlstate, said.column_name)


def test_the_longest_limits_are_taken(typed: Db) -> None:
    """A thousand years, no delay at all, and lists without an element."""
    typed.execute(
        "update xmp_job_types set execution_limit = '1000 years', ack_limit = '1 microsecond', delay_to_retry = '0',"
        " results = '{}', retry_results = '{}', params = '{a,b}' where name = 'tracked'"
    )


def test_a_queue_has_either_work_or_answers(typed: Db) -> None:
    """The daemons take what lies in a reply queue, whosoever it is: another type neither sends to the reply queue of a
    tracked one, nor is answered where one sends to. What is not tracked is not answered."""
    add = "insert into xmp_job_types (name, selector, exchange, routing_key, queue, tracked, reply_queue)"
    add += " values ('other', 'public.no_records', %s, %s, %s, %s, %s)"
    said = typed.refusal(add, "", "answers", None, False, None)
    assert ("routing_key", "name a queue that has work alone") == (said.column_name, said.message_hint)
    assert "routing_key: 'answers' is the reply_queue of type tracked" in str(said.message_primary)
    said = typed.refusal(add, "other", "", "answers", False, None)
    assert "queue: 'answers' is the reply_queue of type tracked" in str(said.message_primary)
    said = typed.refusal(add, "", "others", None, True, "work")
    assert ("reply_queue", "name a queue that has answers alone") == (said.column_name, said.message_hint)
    assert "reply_queue: to 'work' go the messages of type tracked" in str(said.message_primary)
    typed.execute(add.encode(), ("other", "answers", None, False, "work"))
    assert "reply_queue" == typed.refusal("update xmp_job_types set tracked = true where name = 'other'").column_name
    typed.execute("update xmp_job_types set reply_queue = 'answers', tracked = true where name = 'other'")
    said = typed.refusal("update xmp_job_types set queue = 'answers' where name = 'other'")
    assert "reply_queue: to 'answers' go the messages of type other" in str(said.message_primary)
    # Under another name it does not meet its former self.
    typed.execute("update xmp_job_types set name = 'renamed', reply_queue = 'more' where name = 'other'")


OPTIONS = [
    ({}, None),
    ({"task": "shop.charge", "expires": 60, "timelimit": 30, "priority": 4, "ignore_result": True}, None),
    ({"task": None, "expires": None, "timelimit": None, "priority": None, "ignore_result": None}, None),
    ({"expires": "2030-01-01"}, None),
    ({"expires": "2030-01-01T10:00:00.5+02:00"}, None),
    ({"expires": "2030-01-01 10:00Z"}, None),
    ({"expires": 0.5, "timelimit": [60, 30.0], "priority": 255}, None),
    ({"timelimit": [None, 30]}, None),
    ({"expires": 315360000, "timelimit": [315360000, None], "priority": 0, "task": "x" * 255}, None),
    ({"task": 5}, "task"),
    ({"task": ""}, "task"),
    ({"task": "\u00e9" * 128}, "task"),
    ({"task": ["a"]}, "task"),
    ({"expires": 0}, "expires"),
    ({"expires": -5}, "expires"),
    ({"expires": 315360001}, "expires"),
    ({"expires": True}, "expires"),
    ({"expires": "soon"}, "expires"),
    ({"expires": "60"}, "expires"),
    ({"expires": "2030-02-30"}, "expires"),
    ({"expires": "2030-01-01T24:00"}, "expires"),
    ({"expires": "2030-01-01T23:59:60"}, "expires"),
    ({"expires": "0001-01-01T00:00+05:00"}, "expires"),
    ({"expires": "9999-12-31T23:59-05:00"}, "expires"),
    ({"timelimit": 0}, "timelimit"),
    ({"timelimit": 1.5}, "timelimit"),
    ({"timelimit": "60"}, "timelimit"),
    ({"timelimit": [60]}, "timelimit"),
    ({"timelimit": [60, 30, 10]}, "timelimit"),
    ({"timelimit": [60, "30"]}, "timelimit"),
    ({"timelimit": {"hard": 60}}, "timelimit"),
    ({"priority": -1}, "priority"),
    ({"priority": 256}, "priority"),
    ({"priority": 1.5}, "priority"),
    ({"priority": "4"}, "priority"),
    ({"ignore_result": 1}, "ignore_result"),
    ({"ignore_result": "yes"}, "ignore_result"),
    ({"eta": "2030-01-01"}, "eta"),
    ({"headers": {}}, "headers"),
    ({"args": []}, "args"),
]


@pytest.mark.parametrize(("options", "wrong"), OPTIONS)
def test_options_of_celery_are_those_that_its_messages_can_have(
    typed: Db, options: dict[str, object], wrong: str | None
) -> None:
    """What the format refuses when a job begins is refused when the type is written, and nothing else."""
    change = "update xmp_job_types set format = 'celery', format_options = %s where name = 'tracked'"
    if wrong is None:
        check_for("celery", options)
        typed.execute(change.encode(), (Jsonb(options),))
        return
    with pytest.raises(ConfigurationError, match=f"^format_options: {wrong} "):
        check_for("celery", options)
    said = typed.refusal(change, Jsonb(options))
    assert "PJ400" == said.sqlstate
    assert str(said.column_name).startswith("format_options")
    assert wrong in str(said.message_primary)
    assert said.message_hint


def test_other_formats_have_no_options(typed: Db) -> None:
    """The sentence of the format itself; with an empty object a type changes its format."""
    for name in ("event", "plain"):
        options = {"priority": 4, "task": "t"}
        with pytest.raises(ConfigurationError, match="task: messages of this format have none"):
            check_for(name, options)
        change = "update xmp_job_types set format = %s, format_options = %s where name = 'tracked'"
        said = typed.refusal(change, name, Jsonb(options))
        assert "format_options: task, priority: messages of this format have none" == said.message_primary
        typed.execute(change.encode(), (name, Jsonb({})))
    assert "format" == typed.refusal("update xmp_job_types set format = 'avro' where name = 'tracked'").column_name


def test_a_type_stays_while_there_are_jobs_or_tasks_of_it(typed: Db) -> None:
    """One sentence that names one of them; afterwards it can be deleted."""
    delete = "delete from xmp_job_types where name = 'tracked'"
    job = insert_job(typed, "tracked")
    said = typed.refusal(delete)
    assert ("PJ409", "in_use", "name") == (said.sqlstate, said.constraint_name, said.column_name)
    assert f"name: job {job} is of type tracked, which stays while there is such a one" == said.message_primary
    typed.execute("delete from xmp_jobs where id = %s", (job,))
    typed.execute(
        """insert into pgjobs.tasks (type, repeating) values ('tracked', '{"period": {"each": 1, "unit": "HOURS"}}')"""
    )
    with typed.transaction():
        # Otherwise the task makes its next job.
        typed.execute("set local session_replication_role = replica")
        typed.execute("delete from xmp_jobs")
    assert "name: task 1 is of type tracked" in str(typed.refusal(delete).message_primary)
    typed.execute("delete from pgjobs.tasks")
    typed.execute(delete.encode())


@pytest.mark.parametrize("call", ["take_items('w', 'offered', null, '2 s')", "take_items('w', 'offered', 5, null)"])
def test_items_are_taken_with_a_number_and_a_lease(typed: Db, call: str) -> None:
    """Null is none: it would hand out everything, or break the table of offers."""
    typed.execute("insert into xmp_job_types (name, selector, tracked) values ('offered', 'public.no_records', true)")
    said = typed.refusal(f"select pgjobs.{call}")
    assert "PJ400" == said.sqlstate
    assert "null is out of range" in str(said.message_primary)
    assert [] == typed.column("select id from pgjobs.take_items('w', 'offered', 10000, '1 day')")


@pytest.mark.parametrize(
    ("ids", "bodies"),
    [(["1-1", "1-2"], ["{}"]), (["1-1"], ["{}", "{}"]), (["1-1"], None), (None, ["{}"]), ([], ["{}"])],
)
def test_as_many_bodies_as_ids(typed: Db, ids: list[str] | None, bodies: list[str] | None) -> None:
    """An answer without its id, or an id without an answer, is a slip: nothing of the call is taken in."""
    said = typed.refusal("select pgjobs.report_items(%s::text[], %s::text[])", ids, bodies)
    assert ("PJ400", "bodies") == (said.sqlstate, said.column_name)
    assert f"bodies: there are {len(bodies or [])} of them, and {len(ids or [])} ids" == said.message_primary
    assert [] == typed.column("select * from pgjobs.reply_faults")
    assert [] == typed.column("select job_id from pgjobs.report_items('{}', '{}')")
