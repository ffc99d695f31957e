"""Tricks to get at the rights of others with few rights of one's own: each is refused or has no effect."""

import psycopg
import pytest
from fix_daemon import Engine
from fix_jobs import Db, connect, insert_job
from fix_roles import Login

from pgjobs.lab.roles import ROLES, member_url

PLANTED = """
create function public.planted({types}) returns boolean language plpgsql as $$
begin insert into public.ran values (current_user); return true; end $$;
create operator public.= (leftarg = {left}, rightarg = {right}, function = public.planted);
create operator public.<> (leftarg = {left}, rightarg = {right}, function = public.planted);
"""
OPERANDS = [("varchar", "varchar"), ("varchar", "text"), ("bigint", "integer"), ("name", "text"), ("text", "text")]
ATTEMPTS = {
    "write jobs": "update public.xmp_jobs set status = 'canceled'",
    "insert jobs": "insert into public.xmp_jobs (type) values ('expired')",
    "read what a job is told": "select params from public.xmp_jobs",
    "write types": "update public.xmp_job_types set selector = 'pgjobs.expired_records'",
    "move a shard": "update pgjobs.shards set epoch = 99",
    "change the history": "delete from pgjobs.events",
    "read lines of a file": "select * from pgjobs.injection_lines",
    "read hashes of tokens": "select sha256 from pgjobs.tokens",
    "make a token": "select pgjobs.add_token('mine', '\\x00', '{control}', null)",
    "read where callbacks go": "select * from pgjobs.callbacks",
    "call what the engine is made of": "select pgjobs.begin_job(1)",
    "run any selector": "select pgjobs.records_statement(1, 0, null, null)",
    "become the owner": "set role pgjobs_owner",
    "replace a function": "create or replace function pgjobs.why(bigint) returns text language sql as 'select null'",
    "make a function": "create function pgjobs.mine() returns void language sql as ''",
    "take a trigger away": "alter table public.xmp_jobs disable trigger all",
    "plant a trigger": "create trigger t after update on public.xmp_jobs execute function pgjobs.notify_job()",
    "pass for a replica": "set session_replication_role = replica",
    "read a file of the server": "select pg_read_file('/etc/passwd')",
    "run a program": "copy pgjobs.injection_lines (raw) from program 'id'",
}


@pytest.mark.parametrize("group", ROLES[1:])
def test_no_role_gets_at_more_than_its_own(database: str, group: str) -> None:
    """Neither a daemon nor anybody else writes jobs, types, shards or events by hand, reads tokens or the lines of
    files, calls the engine's inside, or changes functions and triggers."""
    done = []
    with connect(member_url(database, group)) as member:
        for what, statement in ATTEMPTS.items():
            try:
                member.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            done.append(what)
    assert [] == done


def test_planted_operators_run_with_no_job(engine: Engine, login: Login) -> None:
    """Operators that somebody with CREATE on schema public has made for exact types run neither with the functions a
    daemon calls nor with the statements of selectors, nor with what triggers do for a CMS."""
    stranger = login()
    engine.execute(f"grant create on schema public to {stranger.info.user}")
    stranger.execute("create table public.ran (who text); grant insert on public.ran to public")
    for left, right in OPERANDS:
        stranger.execute(PLANTED.format(types=f"{left}, {right}", left=left, right=right).encode())
    # They would run where the search_path is the usual one.
    stranger.execute("select 'a'::varchar = 'b'::varchar")
    assert 1 == len(stranger.column("delete from public.ran returning who"))
    engine.add_retries(20)
    engine.start()
    name = engine.add_file("planted.csv", b"923000000001\n923000000001\n")
    jobs = [engine.add_job("expired", never=1), engine.add_job("injection", name, never=1)]
    for job in jobs:
        engine.wait_status(job, "done")
    # The test's own statements are no part of it: it asks with the usual search_path.
    assert [] == stranger.column(
        "select who from public.ran where who <> %s", engine.value("select current_user::text")
    )


@pytest.mark.parametrize("setting", ["pgjobs.claims", "pgjobs.actor", "pgjobs.reason", "pgjobs.now"])
def test_no_setting_lends_a_right(db: Db, cms: Db, setting: str) -> None:
    """Whoever makes the settings of the engine can do what he could before, and no more."""
    job = insert_job(db)
    cms.execute("select set_config(%s, %s, false)", (setting, "2017-02-01" if setting == "pgjobs.now" else str(job)))
    cms.execute("update xmp_jobs set status = 'in progress' where id = %s", (job,))
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    row = "select count(*) from pgjobs.events where at < now() - interval '1 day' or reason = %s or actor = %s"
    assert 0 == db.value(row, str(job), str(job))
