"""A new type by sql/README.md: its steps are done as they stand there; mistakes are told in one sentence each."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fix_broker import Drain
from fix_shop import BLOCKS, Shop

DEATH = ("setpriv", "--pdeathsig=KILL", "--")


def test_a_type_is_added_as_the_page_says(shop: Shop, tmp_path: Path) -> None:
    """Block by block: the untracked job sends to whom it should; the agent closes every item of the tracked one."""
    engine = shop.engine
    kinds = [kind for kind, _ in BLOCKS]
    assert ["sql", "sql", "sql", "sh", "sql", "sql", "sh", "python", "sql"] == kinds
    _, selector, row, queue, job, track, replies, agent, tracked_job = (text for _, text in BLOCKS)
    shop.sql(selector)
    shop.sql(row)
    told = shop.shell(queue.replace("| grep", "| COLUMNS=300 grep"))
    assert "newsletter selects with public.newsletter_records" in " ".join(told.split())
    assert f"newsletter publishes to queue {shop.queue}" in " ".join(told.split())
    first = shop.sql(job)
    assert first is not None
    engine.start()
    engine.wait_status(first, "done")
    assert [(1, b'{"to" : "ann@example.com"}')] == [(message.key, message.body) for message in engine.drain(shop.queue)]
    assert {("sent", None): 1, ("skip", "no_email"): 1} == engine.outcomes(first)
    said = shop.developer.refusal(
        "insert into xmp_jobs (type, params) values ('newsletter', '{\"country\": \"Spain\"}')"
    )
    assert "params.country: give two letters, such as ES" == said.message_primary

    shop.sql(track)
    shop.shell(replies)
    program = tmp_path / "mailer.py"
    program.write_text(shop.own(agent))
    insert, look = tracked_job.split("\n", 1)
    mailer = subprocess.Popen([*DEATH, sys.executable, str(program)], env=shop.environment, cwd=tmp_path)
    try:
        second = shop.sql(insert)
        assert second is not None
        engine.wait_status(second, "done")
    finally:
        mailer.terminate()
        mailer.wait(30)
    (item,) = shop.developer.execute(look.encode()).fetchall()
    assert ("bob@example.com", "good", "SUCCESSFUL", "written to bob@example.com") == item


SELECTOR, ROW = BLOCKS[1][1], BLOCKS[2][1]
CLOSED = (
    r"the database refuses: permission denied for table closed \(grant select on closed to the owner of schema pgjobs,"
    r" which is pgjobs_owner or the role that ran migrate\)"
)
ANEW = "drop function public.newsletter_records; create function public.newsletter_records"


@pytest.mark.parametrize("tracked", [False, True])
def test_a_parameter_that_is_missing_in_the_statement(shop: Shop, tracked: bool) -> None:
    """A selector that puts a value in with %s, and a job that does not give it: the sentence of the syntax error names
    the selector and the parameter."""
    engine = shop.engine
    shop.sql(SELECTOR.replace("c.country = %L", "c.id = %s"))
    shop.sql("insert into xmp_job_types" + ROW.partition("insert into xmp_job_types")[2])
    engine.execute("update xmp_job_types set tracked = %s where name = 'newsletter'", tracked)
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(shop.queue, durable=True)
    job = shop.sql("insert into xmp_jobs (type) values ('newsletter') returning id")
    assert job is not None
    engine.start()
    engine.wait_status(job, "error")
    told = "that is the statement of public.newsletter_records, and the job gives no country"
    assert f'the database refuses: syntax error at or near "order"; {told}' == engine.error_of(job)


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (" as body", " as message", "the selector has to select key bigint, .*; its column 5 is called message"),
        ("::text as body", " as body", "the selector has to select key bigint, .*; its column body is json"),
        ("c.id as key", "c.email as key", "the selector has to select key bigint, .*; its column key is text"),
        ("c.country = ", "c.land = ", "the database refuses: column c.land does not exist"),
        (
            "public.customers c",
            "public.closed c",
            CLOSED,
        ),
    ],
    ids=["name", "type", "key", "column", "grant"],
)
def test_a_mistake_in_the_selector(shop: Shop, old: str, new: str, said: str, tracked: bool) -> None:
    """The job breaks off with one sentence that says what is wrong, tracked or not; mended and resumed it is done."""
    engine = shop.engine
    engine.execute("create table public.closed as select * from public.customers")
    engine.execute("revoke all on public.closed from public, pgjobs_owner, pgjobs_daemon")
    assert old in SELECTOR
    shop.sql(SELECTOR.replace(old, new))
    shop.sql(ROW.partition("insert into xmp_job_types")[2].join(["insert into xmp_job_types", ""]))
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(shop.queue, durable=True)
    engine.execute("update xmp_job_types set tracked = %s where name = 'newsletter'", tracked)
    job = shop.sql(BLOCKS[4][1])
    assert job is not None
    engine.start()
    engine.wait_status(job, "error")
    assert re.fullmatch(said, engine.error_of(job)), engine.error_of(job)
    shop.sql(SELECTOR.replace("create function", "create or replace function"))
    engine.set_status(job, "ready")
    engine.wait_until("(select sum(p.sent) = 1 from pgjobs.shards p where p.job_id = %s)", job)


@pytest.mark.parametrize(
    ("mistake", "said", "hint"),
    [
        (
            "drop function public.newsletter_records",
            "there is no function public.newsletter_records(bigint, integer, bigint, bigint)",
            "or mend the name",
        ),
        (
            ANEW + "(job bigint) returns text language sql as 'select null'",
            "there is no function public.newsletter_records(bigint, integer, bigint, bigint)",
            "there is public.newsletter_records(bigint): give it these arguments",
        ),
        (
            ANEW + "(bigint, integer, bigint, bigint) returns table (key bigint) language sql as 'select 1::bigint'",
            "function public.newsletter_records returns TABLE(key bigint), and it has to return text",
            "let it return the statement",
        ),
        (
            "alter function public.newsletter_records owner to {stranger}",
            "belongs to {stranger}, and its text would run with the rights of the owner",
            "alter function public.newsletter_records(bigint, integer, bigint, bigint) owner to pgjobs_owner",
        ),
    ],
    ids=["none", "arguments", "result", "owner"],
)
def test_a_mistake_that_the_row_meets(shop: Shop, mistake: str, said: str, hint: str) -> None:
    """The row of the type is refused with one sentence and the remedy, and nothing is written."""
    engine, stranger = shop.engine, f"stranger_{shop.mark}"
    engine.execute(f"create role {stranger}")
    try:
        shop.sql(SELECTOR)
        engine.database.execute(mistake.format(stranger=stranger).encode())
        refusal = shop.developer.refusal(
            shop.own("insert into xmp_job_types" + ROW.partition("insert into xmp_job_types")[2])
        )
        assert ("PJ400", "selector") == (refusal.sqlstate, refusal.column_name)
        assert said.format(stranger=stranger) in str(refusal.message_primary)
        assert hint in str(refusal.message_hint)
        assert 0 == engine.value("select count(*) from xmp_job_types where name = 'newsletter'")
    finally:
        engine.execute(f"drop owned by {stranger}")
        engine.execute(f"drop role {stranger}")
