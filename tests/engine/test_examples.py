"""The examples of the pages about items and agents run as they stand there, one after the other."""

import subprocess
import sys
from pathlib import Path

from fix_broker import Drain
from fix_daemon import Engine
from fix_shop import BLOCKS, ROOT, Shop, blocks, statements

PAGE = "sql/README.md"
DEATH = ("setpriv", "--pdeathsig=KILL", "--")
TARGETS = "(select array_agg(convert_from(i.target, 'UTF8') order by i.key) from pgjobs.items i where i.job_id = %s)"


def declare(engine: Engine, *queues: str) -> None:
    """Make queues."""
    with Drain(engine.amqp_url) as broker:
        for queue in queues:
            broker.channel.queue_declare(queue, durable=True)


def test_the_examples_of_items(shop: Shop) -> None:
    """Counters, failed items, cancelling, trying again, another job over what was timed out, and rules: on a job of the
    number that the page uses."""
    engine = shop.engine
    looks, rules = (text for _, text in blocks(PAGE, "\n## Items", "### What was refused"))
    _, selector, row, _, _, track, *_ = (text for _, text in BLOCKS)
    for block in (selector, row, track, "update xmp_job_types set retry_limit = 0 where name = 'newsletter'"):
        shop.sql(block)
    declare(engine, shop.queue, shop.own("newsletter_replies"))
    engine.execute("insert into customers values (4, 'eva@example.com', 'ES'), (5, 'leo@example.com', 'ES')")
    engine.execute("insert into xmp_jobs (id, type, params) values (12, 'newsletter', '{\"country\": \"ES\"}')")
    engine.start()
    engine.wait_until("exists (select from pgjobs.shards where job_id = 12 and round_over)")
    bodies = ['{"result": "ERROR"}', '{"result": "ERROR_TIMEOUT"}']
    engine.execute("select pgjobs.report_items('{12-1,12-4}', %s)", bodies)
    counts, failed, cancel, retry, again = statements(looks)
    counted = shop.developer.row(counts)
    assert (12, 0, 1, 0, 0, 1, 1, 0, 1) == counted[:9]
    assert ["ann@example.com"] == [one["target"] for one in engine.rows(failed)]
    shop.developer.execute(cancel.encode())
    assert "canceled" == engine.value("select status from xmp_jobs where id = 12")
    made = shop.developer.value(retry)["id"]
    engine.wait_until(f"{TARGETS} = '{{ann@example.com}}'", made)
    shop.developer.execute(again.encode())
    engine.wait_until(f"{TARGETS} = '{{eva@example.com}}'", made + 1)
    insert, change = statements(rules)
    shop.developer.execute(insert.encode())
    assert {"execution_limit": "90 s", "retry_limit": 2, "retry_results": ["ERROR_TIMEOUT"]} == (
        engine.value("select rules from xmp_jobs where id = %s", made + 2)
    )
    shop.developer.execute(change.encode())
    assert engine.value("select r.execution_limit is null from pgjobs.item_rules(12) r")


def test_the_example_of_agents_in_sql(shop: Shop) -> None:
    """A type without a route: a member of pgjobs_agent takes the item of the job, answers it, and the job is done."""
    engine = shop.engine
    add, work = (text for _, text in blocks(PAGE, "### Agents in SQL", "\n## Entities"))
    for block in (BLOCKS[1][1], BLOCKS[2][1]):
        shop.sql(block)
    engine.execute("alter table xmp_jobs alter column id restart with 12")
    for statement in statements(add):
        shop.developer.execute(statement.encode())
    engine.start()
    engine.wait_until("exists (select from pgjobs.item_offers where job_id = 12)")
    take, report, settle = statements(work)
    agent = engine.database
    agent.execute("set role pgjobs_agent")
    try:
        (taken,) = agent.execute(take.encode()).fetchall()
        assert ("12-2-1", 12, 2, 1, "bob@example.com", '{"to" : "bob@example.com"}') == taken
        agent.execute(report.encode())
        agent.execute(settle.encode())
    finally:
        agent.execute("reset role")
    engine.wait_status(12, "done")
    item = engine.value("select concat_ws(' ', status, agent) from pgjobs.job_items where job_id = 12")
    assert "good worker 1" == item


def test_the_ten_lines_and_their_type(engine: Engine, tmp_path: Path) -> None:
    """The agent of pgjobs/agents/README.md closes the items of a job of the type that stands below it."""
    (_, agent), (_, row) = blocks("pgjobs/agents/README.md", until="## Options of Agent")
    work, replies = engine.queue, f"{engine.queue}-replies"
    declare(engine, work, replies)
    for shown, own in (
        ("amqp://agents:secret@mq/%2F", engine.amqp_url),
        ("unit_queue", work),
        ('"replies"', f'"{replies}"'),
        ("'replies'", f"'{replies}'"),
    ):
        assert shown in agent + row
        agent, row = agent.replace(shown, own), row.replace(shown, own)
    program = tmp_path / "unit.py"
    program.write_text(agent)
    process = subprocess.Popen([*DEATH, sys.executable, str(program)], env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    try:
        engine.database.execute(row.encode())
        job = engine.value("select max(id) from xmp_jobs")
        engine.start()
        engine.wait_status(job, "done")
    finally:
        process.terminate()
        process.wait(30)
        with Drain(engine.amqp_url) as broker:
            broker.channel.queue_delete(replies)
    told = "select array_agg(description order by item) from pgjobs.job_items where job_id = %s and status = 'good'"
    assert [f"done for device {n}" for n in (1, 2, 3)] == engine.value(told, job)
