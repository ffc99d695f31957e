"""One odd row keeps no other job from starting: whatever refuses the start of one, the next one is taken."""

import pytest
from fix_daemon import Engine
from fix_jobs import WORKER, Db, connect, insert_job, job_in, set_status

CLAIMED = "select job_id from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '30 s')"
REFUSING = """
create or replace function public.refuse_odd() returns trigger language plpgsql as $$
begin
  if {when} then {what}; end if;
  return {answer};
end $$
"""
# When a trigger of the database's own refuses: each must be overcome, whichever SQLSTATE it raises.
TIMES = ["before", "after", "deferred"]
STATES = ["P0001", "23514", "PJ409", "55000", "53300", "57014", "P0004", "40001", "55P03", "25006", "XX000", "08006"]


def odd_trigger(db: Db, condition: str, what: str, time: str = "before", answer: str = "new") -> None:
    """A trigger on xmp_jobs that does `what` to the rows of a condition."""
    db.execute(REFUSING.format(when=condition, what=what, answer=answer).encode())
    kind = "constraint trigger" if time == "deferred" else "trigger"
    moment = "before" if time == "before" else "after"
    late = "deferrable initially deferred" if time == "deferred" else ""
    rest = f"{late} for each row execute function public.refuse_odd()"
    db.execute(f"create {kind} odd {moment} update on xmp_jobs {rest}".encode())


def stop_clock(db: Db) -> None:
    """From now on no time goes by for what waits: a pause that was given is not over before it is looked at."""
    db.execute("select set_config('pgjobs.now', clock_timestamp()::text, false)")


def seen(db: Db, job: int) -> tuple[str, str]:
    """The status of a job and why it does not move; a daemon is alive."""
    db.execute("select pgjobs.beat(%s, 'one', 'host', 1, '0', 'up', '[]')", (WORKER,))
    status, why = db.row("select status::text, pgjobs.why(id) from xmp_jobs where id = %s", job)
    return str(status), str(why)


def odd_and_good(db: Db, number: int = 3) -> tuple[list[int], int]:
    """So many odd jobs, with id_user 666, and a good one behind them."""
    odd = [insert_job(db, id_user=666) for _ in range(number)]
    return odd, insert_job(db)


@pytest.mark.parametrize("time", TIMES)
def test_a_job_whose_start_a_trigger_refuses_keeps_no_other_from_starting(db: Db, time: str) -> None:
    """Whatever SQLSTATE a trigger raises, before, after or at the end of the transaction, the good job is claimed by
    the first call, and each odd one says why; what passes by itself does not break a job off."""
    for state in STATES:
        raised = f"raise 'not\ttoday' using errcode = '{state}'"
        odd_trigger(db, "new.id_user = 666 and new.status = 'in progress'", raised, time)
        odd, good = odd_and_good(db)
        claimed = db.column(CLAIMED)
        if state == "57014":
            # Somebody cancelled the statement: nothing more is taken in it.
            claimed = [job for _ in odd for job in db.column(CLAIMED)]
        assert [good] == claimed, state
        passing = state[:2] in ("40", "53", "57", "08") or state in ("25006", "55P03")
        for job in odd:
            status, why = seen(db, job)
            assert ("ready" if passing else "error") == status, state
            assert "not today" in why
        db.execute("drop trigger odd on xmp_jobs")
        set_status(db, good, "canceled")
        db.execute("update pgjobs.shards set owner = null, lease_until = null")
        db.execute("delete from xmp_jobs")


def test_jobs_that_cannot_even_break_off_are_set_aside(db: Db) -> None:
    """Where the end in error is refused as well, the job waits with the sentence and growing pauses, which end up to
    five minutes later; nobody looks for it all the time, and it starts once the trigger is gone."""
    odd_trigger(db, "new.id_user = 666", "raise 'never'")
    odd, good = odd_and_good(db)
    stop_clock(db)
    assert [good] == db.column(CLAIMED)
    status, why = seen(db, odd[0])
    assert "ready" == status
    assert why.startswith("the database refuses its start: never (P0001); tried again at ")
    assert 1 == db.value("select pgjobs.next_wakeup(true)")
    set_status(db, good, "canceled")
    db.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", (good,))
    for attempt in range(2, 12):
        db.execute("update pgjobs.shards set due_at = pgjobs.now() - interval '1 s' where failures > 0")
        assert 0 == db.value("select pgjobs.next_wakeup(true)")
        assert [] == db.column(CLAIMED)
        assert [attempt] * 3 == db.column("select failures from pgjobs.shards where failures > 0")
        assert min(300, 2 ** (attempt - 1)) == db.value("select pgjobs.next_wakeup(true)")
    db.execute("drop trigger odd on xmp_jobs")
    db.execute("update pgjobs.shards set due_at = pgjobs.now() where failures > 0")
    assert [odd[0]] == db.column(CLAIMED)
    assert odd[1:] == db.column("select job_id from pgjobs.shards where failures > 0 order by 1")


WAITING = "select job_id from pgjobs.shards where due_at > pgjobs.now() order by 1"


def test_a_job_set_aside_is_forgotten_with_its_reason(db: Db) -> None:
    """A job that is set aside, stopped and resumed, is tried at once; nothing is left of one that is deleted."""
    odd_trigger(db, "new.id_user = 666 and new.status in ('in progress', 'error')", "raise 'never'")
    (first, second), _ = odd_and_good(db, 2)
    stop_clock(db)
    db.column(CLAIMED)
    assert [first, second] == db.column(WAITING)
    set_status(db, first, "canceled")
    assert [second] == db.column(WAITING)
    set_status(db, first, "ready")
    assert 0 == db.value("select pgjobs.next_wakeup(true)")
    db.execute("delete from xmp_jobs where id = %s", (second,))
    assert [] == db.column(WAITING)


BEHIND = "alter table xmp_jobs disable trigger user; {}; alter table xmp_jobs enable trigger user"
ODDITIES = {
    "check": "alter table xmp_jobs add check (id_user <> 666 or status <> 'in progress')",
    "rule": "create rule odd as on update to xmp_jobs where new.id_user = 666 and new.status = 'in progress'"
    " do instead nothing",
    "deferred key": "create table public.allowed (s varchar primary key);"
    " insert into public.allowed values ('ready'), ('error'); alter table xmp_jobs add column shadow varchar"
    " generated always as (case when id_user = 666 then status else 'ready' end) stored"
    " references public.allowed deferrable initially deferred",
    "params": BEHIND.format("update xmp_jobs set params = jsonb_build_object('count', 'x') where id_user = 666"),
    "type": BEHIND.format(
        "alter table xmp_jobs drop constraint xmp_jobs_type_fkey; update xmp_jobs set type = 'gone' where id_user = 666"
    ),
    "run_at": BEHIND.format("update xmp_jobs set run_at = '-infinity' where id_user = 666"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_row_keeps_no_other_from_starting(db: Db, oddity: str) -> None:
    """A CHECK, a rule, a deferred foreign key, params that can't be read, a type that is gone, a run_at in minus
    infinity: the good job is claimed by the same call, the odd ones say what is wrong with them."""
    odd, good = odd_and_good(db)
    stop_clock(db)
    db.execute(ODDITIES[oddity].encode())
    assert [good] == db.column(CLAIMED)
    for job in odd:
        status, why = seen(db, job)
        assert status in ("ready", "error")
        assert "refuses its start" in why or "it broke off: " in why or "-infinity" in why, why
    assert 0 < db.value("select pgjobs.next_wakeup(true)")


def test_a_trigger_that_swallows_the_start_is_named(db: Db) -> None:
    """A trigger that returns null makes an update do nothing: that is no start, and no end."""
    odd_trigger(db, "new.id_user = 666", "return null")
    odd, good = odd_and_good(db)
    assert [good] == db.column(CLAIMED)
    for job in odd:
        status, why = seen(db, job)
        assert "ready" == status
        assert "suppresses the change to in progress" in why


@pytest.mark.parametrize("at", ["infinity", "-infinity"])
def test_an_infinite_run_at_is_told(db: Db, at: str) -> None:
    """A row of old whose run_at is no moment keeps nobody from knowing when to look next, and every view shows it."""
    job = insert_job(db)
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute("update xmp_jobs set run_at = %s, created_at = %s where id = %s", (at, at, job))
    db.execute("alter table xmp_jobs enable trigger user")
    stop_clock(db)
    db.column(CLAIMED)
    assert 0 < db.value("select pgjobs.next_wakeup(true)") <= 3600
    assert at in seen(db, job)[1]
    assert [job] == [shown["id"] for shown in db.value("select pgjobs.list_jobs(null, null, 10, null)")]


def test_a_shard_whose_type_is_gone_keeps_no_other_from_being_taken(db: Db) -> None:
    """The type of a job in progress is deleted: the job breaks off and says so, and the next one is claimed."""
    odd = job_in(db, "in progress")
    good = insert_job(db)
    db.execute("alter table xmp_jobs drop constraint xmp_jobs_type_fkey")
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute("update xmp_jobs set type = 'gone' where id = %s", (odd,))
    db.execute("alter table xmp_jobs enable trigger user")
    assert [good] == db.column(CLAIMED)
    said = f"it broke off: type: 'gone' is not a registered job type; mend that, then run \"pgjobs resume {odd}\""
    assert ("error", said) == seen(db, odd)


def test_a_job_in_progress_that_cannot_break_off_is_set_aside(db: Db) -> None:
    """A shard that can't be taken and whose job can't be ended keeps neither the others nor the daemon busy."""
    odd = job_in(db, "in progress", id_user=666)
    good = insert_job(db)
    stop_clock(db)
    odd_trigger(db, "new.id_user = 666", "raise 'never'")
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute("update xmp_jobs set params = jsonb_build_object('count', 'x') where id = %s", (odd,))
    db.execute("alter table xmp_jobs enable trigger user")
    assert [good] == db.column(CLAIMED)
    status, why = seen(db, odd)
    assert "in progress" == status
    assert "tried again at" in why
    db.execute(
        "update pgjobs.shards set lease_until = clock_timestamp() + interval '1 hour' where job_id = %s", (good,)
    )
    assert 0 < db.value("select pgjobs.next_wakeup(true)") <= 1


def test_a_start_that_waits_for_a_lock_is_passed_over(db: Db, database: str) -> None:
    """A trigger that needs a locked row costs the others its lock_timeout once, and breaks nothing off."""
    db.execute(b"create table public.ledger (n integer); insert into public.ledger values (1)")
    odd_trigger(db, "new.id_user = 666 and new.status = 'in progress'", "perform from public.ledger for update")
    (odd,), good = odd_and_good(db, 1)
    with connect(database) as other, other.transaction():
        other.execute("select from public.ledger for update")
        db.execute("set lock_timeout = '50ms'")
        assert [good] == db.column(CLAIMED)
        status, why = seen(db, odd)
        assert "ready" == status
        assert "lock timeout" in why
    db.execute("update pgjobs.shards set due_at = clock_timestamp() where failures > 0")
    assert [odd] == db.column(CLAIMED)


def test_the_chores_go_on_past_a_job_that_cannot_be_done(db: Db) -> None:
    """Of two jobs with nothing left to do, one may not become done: it breaks off or waits, the other one is done."""
    odd, good = (job_in(db, "in progress", id_user=user) for user in (666, 0))
    db.execute("update pgjobs.shards set finished_at = now()")
    odd_trigger(db, "new.id_user = 666 and new.status = 'done'", "raise 'never'")
    db.execute("select pgjobs.sweep()")
    assert "done" == db.value("select status::text from xmp_jobs where id = %s", good)
    assert "error" == seen(db, odd)[0]


def test_a_daemon_runs_the_good_ones(engine: Engine) -> None:
    """With a real daemon: three odd jobs first, the good one behind them is done, nobody spins, and each attempt is a
    line of the daemon's log."""
    engine.add_retries(10)
    engine.execute(
        "create function public.refuse_odd() returns trigger language plpgsql as"
        " $$ begin if new.id_user = 666 then raise 'never'; end if; return new; end $$"
    )
    engine.execute("create trigger odd before update on xmp_jobs for each row execute function public.refuse_odd()")
    for _ in range(3):
        engine.execute("insert into xmp_jobs (type, id_user) values ('expired', 666)")
    good = engine.add_job("expired")
    engine.start()
    engine.wait_status(good, "done")
    engine.wait_until("3 = (select count(*) from pgjobs.shards where failures >= 2)")
    assert 3 == engine.value("select count(*) from pgjobs.shards where note like '%%never%%'")
    for job in engine.rows("select job_id as id from pgjobs.shards where failures >= 2"):
        line = f" WARNING pgjobs.pg.notices: job {job['id']} is set aside: the database refuses its start: never "
        engine.daemons[0].wait_said(line, times=2)


def test_a_job_that_ends_at_its_start_is_a_line_of_the_log(engine: Engine) -> None:
    """A job that breaks off before it has run leaves one line with its number and the sentence, as `why` has it; what
    somebody's trigger says beside that is not logged."""
    engine.execute(
        "create function public.refuse_odd() returns trigger language plpgsql as $$ begin"
        " raise notice 'chatter'; if new.status = 'in progress' then raise 'not today'; end if; return new; end $$"
    )
    engine.execute("create trigger odd before update on xmp_jobs for each row execute function public.refuse_odd()")
    job = engine.add_job("expired")
    daemon = engine.start()
    engine.wait_status(job, "error")
    sentence = "the database refuses its start: not today (P0001)"
    remedy = f'mend that, then run "pgjobs resume {job}"'
    assert f"it broke off: {sentence}; {remedy}" == engine.value("select pgjobs.why(%s)", job)
    daemon.wait_said(f" ERROR pgjobs.pg.notices: job {job} ends with error: {sentence}\n")
    assert 1 == daemon.said.count(f"job {job} ")
    assert "chatter" not in daemon.said
