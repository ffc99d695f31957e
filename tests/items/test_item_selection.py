"""What a selector of a tracked type gives is judged while its items are written: all or none, with a sentence."""

from pathlib import Path

import pytest
from fix_items import Tracked

RECORDS = """
create or replace function public.target_records(_job bigint, _shard integer, _after bigint, _end bigint) returns text
language sql stable as $f$
  select 'select {key} as key, {target} as target, {code} as code, null::text as detail, {body} as body'
    || ' from public.targets t (i) where true' || coalesce(' and i > ' || _after, '') || ' order by i'
$f$
"""
GOOD = {"key": "i::bigint", "target": "''a''::text", "code": "null::text", "body": "''{}''::text"}
ODD = {
    "a code of ours": (
        {"code": "case i when 7 then ''returned_x'' end"},
        "the code 'returned_x' of key 7 is not allowed: ",
    ),
    "a sentence as code": (
        {"code": "case i when 7 then ''Not today'' end"},
        "the code 'Not today' of key 7 is not allowed: ",
    ),
    "an empty code": ({"code": "case i when 7 then '''' end"}, "the code '' of key 7 is not allowed: "),
    "a code for each": (
        {"code": "''c'' || i"},
        "the selector gives more than 100 codes: what differs by record is its detail",
    ),
    "a key twice": (
        {"key": "(case i when 8 then 7 else i end)::bigint"},
        "the selector public.target_records gives key 7 twice",
    ),
    "no key": ({"key": "nullif(i, 7)::bigint"}, "the selector public.target_records gives a key that is null"),
    "no value": (
        {"body": "(10 / (i - 7))::text"},
        "the record behind 6 can't be selected: division by zero",
    ),
}


def select(tracked: Tracked, **columns: str) -> None:
    """Let the selector give 120 records with these columns."""
    if not tracked.engine.value("select count(*) from public.targets"):
        tracked.targets(120)
    tracked.engine.execute(RECORDS.format(**(GOOD | columns)))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_record_ends_the_job_before_an_item_is_written(tracked: Tracked, name: str) -> None:
    """The sentence names the key or the place; nothing is kept, so that the job goes on once the selector is mended."""
    columns, sentence = ODD[name]
    select(tracked, **columns)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_status(job, "error")
    assert tracked.engine.error_of(job).startswith(sentence)
    assert {} == tracked.statuses(job)
    select(tracked)
    tracked.engine.execute("update xmp_jobs set status = 'ready' where id = %s", job)
    tracked.engine.wait_until("(select coalesce(sum(n), 0) = 120 from pgjobs.item_counts where job_id = %s)", job)


def test_a_record_without_a_target_is_refused(tracked: Tracked) -> None:
    """It goes to nobody and has a code; the others go out, and one that has a code of its own keeps it."""
    select(
        tracked, target="nullif(''a'', case when i < 3 then ''a'' end)::text", code="case i when 2 then ''late'' end"
    )
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    assert {"x": 2, "l": 118} == tracked.statuses(job)
    assert ["no_target", "late"] == [tracked.item(job, key)["result"] for key in (1, 2)]
    log = tracked.engine.value("select log_path from xmp_jobs where id = %s", job)
    assert 'action=skip error="No target" id=1\n' in Path(log).read_text(encoding="utf-8")


def test_a_dry_run_over_an_earlier_job_has_the_records_that_would_be_sent(tracked: Tracked) -> None:
    """Those items of the earlier job as they were, whatever the selector says of them by now."""
    tracked.rules(params=["dry_run"])
    tracked.targets(20)
    tracked.consume(lambda _properties, body: {"result": "SUCCESSFUL" if body["n"] % 4 else "ERROR"})
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    tracked.engine.execute("delete from public.targets where id > 12; update public.targets set code = 'gone'")
    counts = "(considered, sent) = (5, 5)"
    for params in ({"dry_run": True}, {"dry_run": True, "order": "desc"}, {}):
        tracked.rules(params=["dry_run", "order"])
        again = tracked.add_job(params=params | {"source": f"job:{job}.failed"})
        tracked.engine.wait_status(again, "done")
        assert tracked.engine.value(f"select {counts} from pgjobs.job_status where id = %s", again)  # noqa: S608 ours


def test_total_is_the_number_of_items_and_percent_goes_by_what_is_closed(tracked: Tracked) -> None:
    """From when they are written, whatever was sent or tried again, at each door; a job with 100 is through."""
    tracked.rules(retry_limit=1)
    tracked.targets(20)
    job = tracked.add_job()
    tracked.engine.execute("select pgjobs.expand_items(%s)", job)
    shown = "select json_build_array(total, percent) from pgjobs.job_status where id = %s"
    assert [20, 0] == tracked.engine.value(shown, job)
    tracked.engine.execute("update pgjobs.item_counts set status = 's'")
    assert [20, 99.9] == tracked.engine.value(shown, job)
    tracked.engine.execute("update pgjobs.item_counts set status = 'w'")
    tracked.engine.start()
    tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
    assert [20, 0] == tracked.engine.value(shown, job)
    tracked.report(*((f"{job}-{n}", {"result": "ERROR"}) for n in range(1, 6)))
    tracked.engine.wait_until("(select considered = 25 and round_over from pgjobs.shards where job_id = %s)", job)
    tracked.report(*((f"{job}-{n}", {"result": "SUCCESSFUL"}) for n in range(3, 9)))
    assert [20, 30] == tracked.engine.value(shown, job)
    progress = tracked.engine.value("select pgjobs.show_job(%s) -> 'progress'", job)
    assert (20, 30) == (progress["total"], progress["percent"])
    tracked.report(*((f"{job}-{n}", {"result": "SUCCESSFUL"}) for n in range(1, 21)))
    tracked.engine.wait_status(job, "done")
    assert [20, 100] == tracked.engine.value(shown, job)
