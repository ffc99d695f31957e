"""How a run ends and what is told of it: loudly where records are unaccounted for, quietly where the end is refused."""

import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_daemon import Engine

from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate


def test_records_that_are_unaccounted_for(engine: Engine) -> None:
    """A job of which an outcome is missing ends in error with both counts, once; put right and resumed it is done."""
    engine.add_retries(40)
    daemon = engine.start()
    job = engine.add_stopping_job(20)
    engine.wait_status(job, "canceled")
    engine.execute("create table kept as select * from pgjobs.outcomes")
    engine.execute("delete from pgjobs.outcomes")
    engine.set_status(job, "ready")
    engine.wait_status(job, "error")
    counted = engine.value("select sum(n) from pgjobs.outcomes")
    assert f"of 40 records considered {counted} are accounted for" in engine.error_of(job)
    reason = "select reason from pgjobs.job_events where job_id = %s and to_status = 'error'"
    assert engine.value(reason, job).startswith("unaccounted: ")
    assert daemon.said.count(": taken") == 2
    engine.execute("update pgjobs.outcomes o set n = o.n + k.n from kept k where o.action = k.action")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert list(range(1, 41)) == [line.key for line in engine.log_lines(job)]


def test_the_log_says_what_to_do_about_a_job_that_breaks_off(engine: Engine) -> None:
    """The line about the end of a job names the job, what is missing, and the remedy."""
    engine.add_retries(1)
    engine.execute("update xmp_job_types set routing_key = 'nowhere' where name = 'expired'")
    daemon = engine.start()
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    daemon.wait_said(f"job {job} ends with error: ")
    [line] = [line for line in daemon.said.splitlines() if " ERROR " in line]
    assert f"job {job} ends with error: broker refuses queue 'nowhere': 404 " in line
    assert line.endswith(" (mend what the sentence names and resume the job)")


@pytest.mark.parametrize("refused", [("done",), ("done", "error")])
def test_an_end_that_a_trigger_refuses(engine: Engine, refused: tuple[str, ...]) -> None:
    """A job whose end somebody's trigger refuses says so and does not spin; freed, it ends as it should."""
    engine.add_retries(20)
    engine.execute(
        "create function public.no_end() returns trigger language plpgsql as"
        " $$ begin raise exception 'not on a Sunday'; end $$"
    )
    engine.execute(
        "create trigger zz_no_end before update on xmp_jobs for each row"
        f" when (new.status in ({', '.join(map(repr, refused))})) execute function public.no_end()"
    )
    daemon = engine.start()
    job = engine.add_job("expired")
    sentence = "the database refuses its end: not on a Sunday"
    if "error" in refused:
        engine.wait_until("exists (select from pgjobs.shards where failures >= 2 and owner is null)")
        assert sentence in engine.value("select pgjobs.why(%s)", job)
        assert "in progress" == engine.value("select status from xmp_jobs")
        assert engine.value("select epoch from pgjobs.shards") <= 4
    else:
        engine.wait_status(job, "error")
        assert sentence == engine.error_of(job)
    engine.execute("drop trigger zz_no_end on xmp_jobs")
    if "error" not in refused:
        engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert list(range(1, 21)) == [message.key for message in engine.drain()]
    assert daemon.running


@pytest.mark.parametrize("suppressed", [("done",), ("done", "error")])
def test_an_end_that_a_trigger_suppresses(engine: Engine, suppressed: tuple[str, ...]) -> None:
    """A job whose end somebody's trigger silently undoes is told like one whose end is refused; freed, it is done."""
    engine.add_retries(20)
    engine.execute("create function public.no_end() returns trigger language plpgsql as $$ begin return null; end $$")
    engine.execute(
        "create trigger zz_no_end before update on xmp_jobs for each row"
        f" when (new.status in ({', '.join(map(repr, suppressed))})) execute function public.no_end()"
    )
    engine.start()
    job = engine.add_job("expired")
    words = "a trigger, a rule or a row security policy suppresses the change to"
    if "error" in suppressed:
        engine.wait_until("exists (select from pgjobs.shards where failures >= 2 and owner is null)")
        why = engine.value("select pgjobs.why(%s)", job)
        assert f"the database refuses its end: {words} done; and the database refuses this end: {words} error" in why
        assert "in progress" == engine.value("select status from xmp_jobs")
    else:
        engine.wait_status(job, "error")
        assert f"the database refuses its end: {words} done" == engine.error_of(job)
    engine.execute("drop trigger zz_no_end on xmp_jobs")
    if "error" not in suppressed:
        engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert list(range(1, 21)) == [message.key for message in engine.drain()]


def test_a_job_whose_shards_are_all_finished(engine: Engine) -> None:
    """One that was left in progress without an open shard says so; its resume names what suppresses the end."""
    engine.add_retries(5)
    engine.start()
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    engine.execute("alter table xmp_jobs disable trigger user")
    engine.execute("update xmp_jobs set status = 'in progress'")
    engine.execute("alter table xmp_jobs enable trigger user")
    assert "suppressed the change to done" in engine.value("select pgjobs.why(%s)", job)
    engine.execute("create function public.no_end() returns trigger language plpgsql as $$ begin return null; end $$")
    engine.execute(
        "create trigger zz_no_end before update on xmp_jobs for each row"
        " when (new.status = 'done') execute function public.no_end()"
    )
    engine.set_status(job, "error")
    engine.set_status(job, "ready")
    engine.wait_status(job, "error")
    assert "suppresses the change to done" in engine.value("select pgjobs.why(%s)", job)
    engine.execute("drop trigger zz_no_end on xmp_jobs")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")


def test_a_hand_back_that_a_trigger_refuses(engine: Engine) -> None:
    """A daemon that may not make a job ready again when it ends leaves it to the next one as it is."""
    engine.add_retries(20_000)
    engine.execute(
        "create function public.no_return() returns trigger language plpgsql as"
        " $$ begin raise exception 'never back'; end $$"
    )
    engine.execute(
        "create trigger zz_no_return before update on xmp_jobs for each row"
        " when (new.status = 'ready') execute function public.no_return()"
    )
    daemon = engine.start()
    job = engine.add_job("expired")
    engine.wait_considered(job, 50)
    assert 0 == daemon.terminate()
    assert f"job {job} can't be handed back: never back" in daemon.said
    engine.start(window=500)
    engine.wait_status(job, "done")
    assert list(range(1, 20_001)) == [line.key for line in engine.log_lines(job)]


def test_rows_that_row_level_security_hides_end_the_job(services: Services, queue: str, tmp_path: Path) -> None:
    """A plain role, from which the table hides its rows, gets a sentence that says so, and no empty `done`."""
    role = f"pgjobs_plain_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(services.database_url)
    with psycopg.connect(services.database_url, autocommit=True) as admin:
        admin.execute(f"create role {role} login password 'pw42'".encode())
        admin.execute(f"create database {role} owner {role}".encode())
        try:
            url = parts._replace(netloc=f"{role}:pw42@{parts.hostname}:{parts.port}", path=f"/{role}").geturl()
            migrate(url)
            with Engine(url, services.amqp_url, queue, tmp_path) as engine:
                engine.add_retries(5)
                engine.execute("alter table xmp_retries_expired enable row level security, force row level security")
                engine.start()
                job = engine.add_job("expired")
                engine.wait_status(job, "error")
                assert "row level security" in engine.error_of(job)
                engine.execute("alter table xmp_retries_expired no force row level security")
                engine.set_status(job, "ready")
                engine.wait_status(job, "done")
                assert 5 == engine.counters(job).sent
        finally:
            admin.execute(f"drop database {role} with (force)".encode())
            admin.execute(f"drop role {role}".encode())
