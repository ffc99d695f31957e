"""What a type keeps of the records that were not sent, although they are no items, and the job that takes them."""

import json

import psycopg
import pytest
from fix_cli import run
from fix_items import Tracked
from psycopg.types.json import Jsonb

from pgjobs.lab.roles import member_url

ROUTED = """
create or replace function public.target_records(_job bigint, _shard integer, _after bigint, _end bigint) returns text
language sql stable as $f$
  select 'select t.id as key, t.target, t.code, null::text as detail, t.body,'
    || ' case when mod(t.id, 5) = 0 then ''nowhere-at-all'' end as routing_key'
    || ' from public.targets t where true' || coalesce(' and t.id > ' || _after, '')
    || coalesce(' and t.id <= ' || _end, '') || ' order by t.id'
$f$
"""
KEPT = (
    "select key, code, convert_from(target, 'UTF8') as target from pgjobs.refused_records where job_id = %s order by 1"
)


@pytest.fixture
def untracked(tracked: Tracked) -> Tracked:
    """The type as one that keeps no items, only what it has refused."""
    tracked.rules(tracked=False)
    tracked.rules(keep_refused=True)
    return tracked


def refusal(tracked: Tracked, statement: str, *args: object) -> str | None:
    """What the database says while it refuses a statement."""
    with pytest.raises(psycopg.Error) as caught:
        tracked.engine.execute(statement, *args)
    assert (caught.value.sqlstate or "").startswith("PJ")
    return caught.value.diag.message_primary


def ended(tracked: Tracked, **columns: object) -> int:
    """A job that is done."""
    job = tracked.add_job(**columns)
    tracked.engine.wait_status(job, "done")
    return job


def kept(tracked: Tracked, job: int) -> list[tuple[int, str, str]]:
    """(key, code, target) of what a job has kept."""
    return [(row["key"], row["code"], row["target"]) for row in tracked.engine.rows(KEPT, job)]


def test_what_was_refused_is_kept_and_sent_again(untracked: Tracked) -> None:
    """Skipped by the selector, unfit, given back by the broker: another job takes these records, judged anew."""
    engine = untracked.engine
    engine.execute(ROUTED)
    untracked.targets(12)
    engine.execute("update public.targets set code = 'not_wanted' where id in (3, 6, 9)")
    engine.execute("update public.targets set body = '' where id = 7")
    engine.start()
    job = ended(untracked, shards=2)
    refused = [
        (3, "not_wanted", "dev-3"), (5, "returned_unroutable", "dev-5"), (6, "not_wanted", "dev-6"),
        (7, "empty", "dev-7"), (9, "not_wanted", "dev-9"), (10, "returned_unroutable", "dev-10"),
    ]  # fmt: skip
    assert refused == kept(untracked, job)
    assert {f"{job}-{n}" for n in (1, 2, 4, 8, 11, 12)} == {m.properties.message_id for m in engine.drain()}

    engine.execute("update public.targets set code = null where id = 3")
    engine.execute("update public.targets set body = '{}' where id = 7")
    engine.execute("update public.targets set id = 13 where id = 9")
    engine.execute("insert into public.targets values (9, 'somebody else', '{}')")
    said = run("retry", job, database_url=member_url(engine.database_url, "pgjobs_operator"))
    again = job + 1
    assert (0, f"job {again} sends again the records of job {job} that are: refused\n", "") == said
    engine.wait_status(again, "done")
    assert {f"{again}-3", f"{again}-7"} == {m.properties.message_id for m in engine.drain()}
    assert [5, 6, 10] == [key for key, _code, _target in kept(untracked, again)]
    assert 5 == engine.counters(again).considered


def test_what_a_stop_has_left_is_kept(untracked: Tracked) -> None:
    """It is no refusal: another job takes it as job:1.timeout."""
    engine = untracked.engine
    untracked.targets(9)
    engine.execute("update public.targets set code = 'not_wanted' where id = 1")
    engine.start()
    job = untracked.add_job(rate=0.01)
    engine.wait_until("exists (select from pgjobs.shards where job_id = %s and considered > 0 and owner is null)", job)
    engine.execute("update xmp_jobs set stop_at = pgjobs.now() where id = %s", job)
    engine.wait_status(job, "done")
    left = [key for key, code, _target in kept(untracked, job) if code == "timed_out"]
    assert left
    engine.drain()
    again = ended(untracked, params={"source": f"job:{job}.timeout"})
    assert {f"{again}-{key}" for key in left} == {m.properties.message_id for m in engine.drain()}
    assert [] == kept(untracked, again)


def test_a_type_that_keeps_nothing_keeps_nothing(untracked: Tracked) -> None:
    """Neither does a dry run; and what was not kept is no source."""
    engine = untracked.engine
    untracked.rules(params=["dry_run", "count"])
    untracked.targets(4)
    engine.execute("update public.targets set code = 'not_wanted' where id = 1")
    engine.start()
    dry = ended(untracked, params={"dry_run": True})
    untracked.rules(keep_refused=False)
    job = ended(untracked)
    assert 0 == engine.value("select count(*) from pgjobs.refused_records")
    insert = "insert into xmp_jobs (type, params) values ('tracked', %s)"
    said = refusal(untracked, insert, Jsonb({"source": f"job:{job}.refused"}))
    assert "params.source: a job of type tracked has no such parameter" == said
    said = refusal(untracked, "select pgjobs.retry_job(%s)", job)
    assert f"job {job} is of type tracked, which keeps no items and no refused records" == said
    untracked.rules(keep_refused=True)
    kept_one = ended(untracked)
    for source, more, sentence in (
        (f"job:{dry}.refused", {}, f"params.source: job {dry} has kept no refused records"),
        (f"job:{job}.refused", {}, f"params.source: job {job} has kept no refused records"),
        (
            f"job:{kept_one}.failed", {},
            "params.source: of a job of type tracked nothing is known to be failed, for it keeps no items",
        ),
        (
            f"job:{kept_one}.refused", {"count": 2},
            "params.source: count and offset choose among all records of a selection",
        ),
    ):  # fmt: skip
        assert sentence == refusal(untracked, insert, Jsonb({"source": source, **more}))
    said = refusal(untracked, "select pgjobs.retry_job(%s, 'timeout')", kept_one)
    assert f"job {kept_one} has no records that are: timeout" == said


def test_what_is_kept_goes_with_its_job(untracked: Tracked) -> None:
    """Its keep time is that of items; a job that is deleted takes it along."""
    engine = untracked.engine
    untracked.targets(8)
    engine.execute("update public.targets set code = 'not_wanted'")
    engine.start()
    old, young = ended(untracked), ended(untracked)
    engine.execute("update pgjobs.retention set keep = case when what = 'items' then interval '30 days' end")
    engine.execute("alter table xmp_jobs disable trigger user")
    engine.execute("update xmp_jobs set finish_at = finish_at - interval '31 days' where id = %s", old)
    engine.execute("alter table xmp_jobs enable trigger user")
    engine.wait_until("not exists (select from pgjobs.refused_records where job_id = %s)", old)
    assert 8 == len(kept(untracked, young))
    engine.wait_until("cleared = '{items}' from pgjobs.shards where job_id = %s", old)
    engine.execute("delete from xmp_jobs where id = %s", young)
    assert [] == kept(untracked, young)


def test_an_owner_of_old_keeps_nothing(untracked: Tracked) -> None:
    """What is kept is stored with the checkpoint: where that is refused, nothing is kept either."""
    engine = untracked.engine
    job = untracked.add_job()
    call = (
        "select count(*) from pgjobs.checkpoint_refused(%s, 0, 99, interval '30 s', 1, 1, 0, 1, 0,"
        " %s, 0, '', '', '{1}', '{not_wanted}', '{x}')"
    )
    assert 0 == engine.value(call, job, json.dumps([["skip", "not_wanted", 1]]))
    assert [] == kept(untracked, job)
