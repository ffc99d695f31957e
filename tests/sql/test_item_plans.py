"""However many items are kept and however many jobs wait for answers: nobody reads more than what is asked for.

400 tracked jobs have ended with 100,000 items, and 10,000 wait for answers; PostgreSQL itself counts the rows read.
"""

from collections.abc import Iterator

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect

from pgjobs.lab.services import Services

ENDED, KEPT, WAITING = 400, 250, 10_000
FILL = """
set session_replication_role = replica;
insert into xmp_job_types (name, selector, routing_key, tracked) values ('unit', 'pgjobs.expired_records', 'x', true);
insert into xmp_jobs (id, type, status, run_at, finish_at)
select n, 'unit', 'done', now() - interval '2 days', now() - interval '1 day' from generate_series(1, :ended:) n;
insert into xmp_jobs (id, type, status, run_at)
select n, 'unit', 'in progress', now() - interval '1 hour' from generate_series(:ended: + 1, :ended: + :waiting:) n;
insert into pgjobs.shards
  (job_id, shard, prepared_at, parts, first_key, end_key, after_key, considered, sent, started_at, updated_at, due_at,
   attempt, round_over, finished_at)
select j.id, 0, now(), 1, 1, 250, 250, 250, 250, now(), now(),
  case when j.status <> 'done' then now() + interval '9 min' end, 1, j.status <> 'done', j.finish_at
from xmp_jobs j;
insert into pgjobs.items (job_id, key, status, attempts, result, launched_at, closed_at)
select j, k, 's', 1, 'SUCCESSFUL', now(), now() from generate_series(1, :ended:) j, generate_series(1, :kept:) k;
insert into pgjobs.items (job_id, key, status, attempts, launched_at)
select j, 1, 'l', 1, now() from generate_series(:ended: + 1, :ended: + :waiting:) j;
insert into pgjobs.item_counts (job_id, slot, status, n)
select i.job_id, 0, i.status, count(*) from pgjobs.items i group by 1, 3;
insert into xmp_job_types (name, selector, tracked) values ('taken', 'pgjobs.expired_records', true);
insert into xmp_jobs (id, type, status, run_at, active)
select 100000 + n, 'taken', 'in progress', now() - interval '1 hour', n = 3 from generate_series(1, 3) n;
insert into pgjobs.item_offers (job_id, key, type, lease_until)
select 100001, k, 'taken', '-infinity' from generate_series(1, 20000) k
union all select 100002, k, 'taken', date_trunc('day', now()) - interval '1 day' from generate_series(1, 20000) k
union all select 100003, k, 'taken', now() + interval '9 days' from generate_series(1, 20000) k
union all select 100003, k, 'taken', now() - interval '1 hour' from generate_series(20001, 20010) k;
insert into pgjobs.items (job_id, key, status, attempts, launched_at)
select o.job_id, o.key, 'l', 1, now() from pgjobs.item_offers o where o.job_id = 100003 and o.key > 20000;
insert into pgjobs.agents (name, types, seen_at) select 'a' || n, '{unit}', now() from generate_series(1, 20) n;
reset session_replication_role;
"""
READS = {
    "counters of one": ("select * from pgjobs.job_item_counts where job_id = 7", 20),
    "agents": ("select * from pgjobs.agent_status", 40),
    "job_status of one": ("select * from pgjobs.job_status where id = 7", 100),
    "job_status of one that waits": ("select * from pgjobs.job_status where id = 777", 100),
    "newest": ("select * from pgjobs.job_status order by id desc limit 20", 1200),
    "show": ("select pgjobs.show_job(7)", 100),
    "show one that waits": ("select pgjobs.show_job(777)", 100),
    "list": ("select pgjobs.list_jobs('done', null, 20, null)", 1200),
    "why": ("select pgjobs.why(777)", 100),
    "an item": ("select * from pgjobs.job_items where job_id = 7 and item = 9", 20),
    "settle of one": ("select pgjobs.settle_items(array[777::bigint])", 20),
    "the chore": ("select pgjobs.settle_items()", 200 * 3),
}


@pytest.fixture(scope="module")
def full_url(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database with many items."""
    with shared_database(services, template_database, "items") as url:
        with connect(url) as db:
            text = FILL
            for name, number in {"ended": ENDED, "kept": KEPT, "waiting": WAITING}.items():
                text = text.replace(f":{name}:", str(number))
            for statement in text.split(";\n"):
                db.execute(statement.encode())
            db.execute("vacuum analyze")
        yield url


@pytest.fixture
def full(full_url: str) -> Iterator[Db]:
    """A session of its own on it; what it changes is undone, so that the tests may share it."""
    with connect(full_url) as db, db.transaction(force_rollback=True):
        yield db


@pytest.mark.parametrize("what", READS)
def test_items_cost_nothing_where_none_is_asked_for(full: Db, what: str) -> None:
    """Views, pages and the chore read the rows of the jobs that they show or look after, and no items."""
    statement, most = READS[what]
    for _ in range(7):  # later a plan may be one for all arguments
        assert full.rows_read(statement) <= most


def test_offers_that_may_not_be_taken_cost_nothing(full: Db) -> None:
    """Those of a paused job, fresh or taken before, and those that others have: what is free is found behind them."""
    take = "select * from pgjobs.take_items('a', 'taken', 4, '1 h')"
    for _ in range(2):
        assert full.rows_read(take) <= 60
    assert list(range(20001, 20009)) == full.column("select key from pgjobs.item_offers where agent = 'a' order by key")
    full.execute("update xmp_jobs set active = false where id = 100003")
    assert full.rows_read(take) <= 20


def test_the_chore_comes_to_each_job(full: Db) -> None:
    """It looks after so many jobs at a time and goes on behind them, up to the last one and then from the first on."""
    last = ENDED + WAITING
    full.execute("delete from pgjobs.item_counts where job_id in (%s, %s)", (ENDED + 1, last))
    due = "select array_agg(job_id order by job_id) from pgjobs.shards where round_over and due_at <= pgjobs.now()"
    full.execute("select pgjobs.settle_items()")
    assert [ENDED + 1] == full.value(due)
    for _ in range(WAITING // 200):
        full.execute("select pgjobs.settle_items()")
    assert [ENDED + 1, last] == full.value(due)
    full.execute("delete from pgjobs.item_counts where job_id = %s", (ENDED + 2,))
    full.execute("select pgjobs.settle_items()")
    assert [ENDED + 1, ENDED + 2, last] == full.value(due)
