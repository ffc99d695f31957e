"""T6: an owner falls silent, another takes over and advances, the first one wakes up and has to keep still."""

from __future__ import annotations

import signal
from collections import Counter

from pgjobs.lab.services import Services
from pgjobs.torture.parts.trial import Result, Tell, Trial, trial
from pgjobs.torture.place import Scale

AUDIT = """
create table public.torture_audit (
  id bigint generated always as identity primary key, job_id bigint, epoch bigint, writer integer, before bigint,
  after bigint);
create function public.torture_audit() returns trigger language plpgsql as $$
begin
  -- Every daemon looks after the leases of all: that is no write of an owner.
  if to_jsonb(new) - 'lease_check_at' = to_jsonb(old) - 'lease_check_at' then
    return null;
  end if;
  -- Without it a quick machine is at the end before its owner falls silent.
  perform pg_sleep(0.01);
  insert into public.torture_audit (job_id, epoch, writer, before, after)
  values (new.job_id, new.epoch, pg_backend_pid(), old.after_key, new.after_key);
  return null;
end
$$;
create trigger torture_audit after update on pgjobs.shards for each row
execute function public.torture_audit();
"""
BACKWARDS = "select count(*) from public.torture_audit where job_id = %s and after < before"
# Who wrote under the first epoch, and then again after the second one had begun.
STALE = """
select count(*) from public.torture_audit a
where a.job_id = %(job)s
  and a.id > (select min(b.id) from public.torture_audit b where b.job_id = %(job)s and b.epoch > 1)
  and a.writer in (select c.writer from public.torture_audit c where c.job_id = %(job)s and c.epoch = 1)
"""
EPOCH = "select epoch from pgjobs.shards where job_id = %s"
ENDED = "select status = 'done' from public.xmp_jobs where id = %s"


def fencing(times: int, tell: Tell, services: Services | None = None) -> Result:
    """Every second time without self-fencing, every third time cut off alive, its bytes delivered late."""
    result = Result("t6", "directed fencing", times)
    scale = Scale(retries=4_000, lines=10, window=20, lease_seconds=2)
    with trial(result, tell, scale=scale, daemons=2, proxied=2, services=services) as run:
        run.place.rows(AUDIT)
        for number in range(1, times + 1):
            tell(f"fencing {number} of {times}")
            _one(run, number)
        run.finish()
        if result.certificate and result.certificate.duplicated > 2 * scale.window * times:
            result.findings.append(f"{result.certificate.duplicated} duplicates of {times} takeovers")
        result.figures["kinds"] = dict(_kinds(times))
    return result


def _kinds(times: int) -> Counter[str]:
    names = []
    for number in range(1, times + 1):
        silence = "cut off" if number % 3 == 0 else "SIGSTOP"
        names.append(silence if number % 2 else f"{silence}, no self-fencing")
    return Counter(names)


def _one(run: Trial, number: int) -> None:
    first, second = run.fleet
    run.wait(first.end, "the first one has let go", 20)
    second.end()
    first.start("" if number % 2 else "no_self_fence:1")
    job = run.add()
    run.moves(30, windows=2)
    cut_off = number % 3 == 0 and first.proxies is not None
    if cut_off and first.proxies:
        for proxy in first.proxies:
            proxy.stall()
    else:
        first.send(signal.SIGSTOP)
    second.start()
    taken = run.wait(lambda: (run.place.value(EPOCH, job) or 0) > 1, "another one takes over", 30)
    run.result.worst("takeover", taken, run.place.scale.lease_seconds + 4)
    run.moves(30, windows=2)
    if cut_off and first.proxies:
        for proxy in first.proxies:
            proxy.heal()
    else:
        first.send(signal.SIGCONT)
    run.wait(lambda: bool(run.place.value(ENDED, job)), "the job is done", 60)
    if backwards := run.place.value(BACKWARDS, job):
        run.result.findings.append(f"job {job}: its last key went backwards {backwards} times")
    cursor = run.place.connection().execute(STALE, {"job": job})
    stale = (cursor.fetchone() or (0,))[0]
    run.result.figures["writes of a stale owner"] = run.result.figures.get("writes of a stale owner", 0) + stale
    if stale:
        run.result.findings.append(f"job {job}: its stale owner wrote {stale} times")
