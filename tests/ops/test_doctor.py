"""`pgjobs doctor`: finds what is wrong, says what to do about it, and lets a healthy fresh installation pass."""

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_cli import Said, run
from fix_daemon import Engine
from fix_doctor import Examine, about, levels
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import pgjobs
from pgjobs.ops.doctor import database as of_the_database
from pgjobs.ops.doctor.finding import Finding
from pgjobs.pg import connection as db


class Usage(NamedTuple):
    """What shutil.disk_usage answers."""

    total: int
    used: int
    free: int


def test_a_healthy_fresh_installation_passes(engine: Engine) -> None:
    """Code 0 without a daemon: that is a warning only, so the check can be a container's health check."""
    said = run(
        "doctor",
        database_url=engine.database_url,
        amqp_url=engine.amqp_url,
        log_dir=engine.log_dir,
        injections_dir=engine.injections_dir,
    )
    assert (0, "") == (said.code, said.err)
    assert "! daemons      none is alive, so no job runs\n               → start one: pgjobs daemon\n" in said.out
    assert said.out.endswith("0 problems\n")
    password = urlsplit(engine.database_url).password
    assert password
    assert password not in said.everything


def test_an_address_of_key_value_pairs_will_do(engine: Engine, empty_database: str) -> None:
    """migrate, doctor and watch take a database that is named as libpq allows."""
    urls: dict[str, Any] = {"database_url": make_conninfo("", **conninfo_to_dict(empty_database))}
    assert "=" in urls["database_url"].split()[0]
    assert (0, "") == run("migrate", **urls)[0:3:2]
    said = run("doctor", **urls, amqp_url=engine.amqp_url, log_dir=engine.log_dir, injections_dir=engine.injections_dir)
    assert "\u2713 schema " in said.out
    assert "can't be" not in said.out
    assert "there is no job 7" in run("watch", 7, **urls).err


def test_an_ascii_terminal_gets_the_findings_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output takes no mark or arrow, there is a question mark in its place; watch ends as usual too."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    job = engine.add_job("expired")
    engine.execute("update xmp_jobs set status = 'canceled' where id = %s", job)
    urls: dict[str, Any] = {"database_url": engine.database_url, "amqp_url": engine.amqp_url, "log_dir": engine.log_dir}
    said = run("doctor", **urls, injections_dir=engine.injections_dir)
    assert (0, "") == (said.code, said.err)
    assert "               ? start one: pgjobs daemon\n" in said.out
    said = run("watch", job, **urls)
    assert (1, "") == (said.code, said.err)
    assert f"job {job} ? " in said.out


def test_everything_is_looked_at(examine: Examine) -> None:
    """One finding at least about each thing, and every bad one with a remedy."""
    found = examine()
    assert {
        "settings", "log folder", "injections", "database", "version", "clock", "notify", "schema", "tables", "rights",
        "triggers", "indexes", "columns", "daemons", "jobs", "job types", "broker", "routes",
    } == {one.about for one in found}  # fmt: skip
    assert set() == levels(found, "problem")
    assert [] == [one for one in found if (one.level == "ok") != (one.remedy == "")]


def test_a_living_daemon_is_found(engine: Engine, examine: Examine) -> None:
    """Its heartbeat is enough."""
    engine.start(daemon_name="worker-7")
    engine.wait_until("exists (select from pgjobs.daemons where broker = 'connected')")
    assert ("ok", "alive: worker-7") == about(examine(), "daemons")[0::2]


def test_without_a_database_the_rest_is_examined_all_the_same(examine: Examine) -> None:
    """One problem that says so; broker and folders are looked at, and the password stays where it is."""
    found = examine(database_url="postgresql://u:pw42@127.0.0.1:1/d")
    assert {"database"} == levels(found, "problem")
    assert "ok" == about(found, "broker").level
    assert "pw42" not in str(found)


@pytest.mark.parametrize("part", ["host", "database", "broker", "work.jobs", "rights"])
def test_a_check_that_fails_is_a_finding_and_the_others_are_made(
    part: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever kind of error it is: no traceback, and the examination goes on."""

    async def broken(*_args: object, **_named: object) -> AsyncIterator[Finding]:
        yield Finding("ok", part, "so far")
        raise RuntimeError("something nobody thought of\nwith a second line")

    module, _, name = part.partition(".")
    monkeypatch.setattr(f"pgjobs.ops.doctor.{module}.{name or 'findings'}", broken)
    found = examine()
    failed = [one for one in found if one.sentence == "it can't be checked: something nobody thought of"]
    assert ["problem"] == [one.level for one in failed]
    assert failed[0].remedy
    if part != "broker":
        assert "broker" in {one.about for one in found}


def test_nobody_alive_is_a_problem_where_it_is_asked_for(engine: Engine) -> None:
    """`--live` serves a container's health check: 1 without a daemon, 0 with one."""

    def live() -> Said:
        return run(
            "doctor",
            "--live",
            database_url=engine.database_url,
            amqp_url=engine.amqp_url,
            log_dir=engine.log_dir,
            injections_dir=engine.injections_dir,
        )

    said = live()
    assert (1, "") == (said.code, said.err)
    assert "✗ daemons      none is alive, so no job runs" in said.out
    engine.start()
    engine.wait_until("exists (select from pgjobs.daemons)")
    assert 0 == live().code


@pytest.mark.parametrize(("places", "level"), [(20, "ok"), (160, "warning"), (200, "problem")])
def test_more_connections_than_the_server_allows(engine: Engine, examine: Examine, places: int, level: str) -> None:
    """What the living daemons may need together is compared with what the server, the database and the role allow."""
    engine.execute(
        "insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at, metrics)"
        " select gen_random_uuid(), 'd', 'h', 1, '1', now(), clock_timestamp(),"
        " jsonb_build_object('connections_limit', %s::int / 2)"
        " from generate_series(1, 2)",
        places,
    )
    found = about(examine(), "connections")
    assert level == found.level
    assert found.sentence.startswith(f"the daemons may open {places} of 197 connections")
    name = engine.value("select current_database()::text")
    engine.execute(f"alter database {name} connection limit 10")
    assert "problem" == about(examine(), "connections").level
    engine.execute(f"alter database {name} connection limit -1")


def test_refused_messages_of_a_living_daemon_are_told(engine: Engine, examine: Examine) -> None:
    """A full queue that refuses messages is seen nowhere else than in what the daemon has counted."""
    engine.execute(
        "select pgjobs.beat(gen_random_uuid(), 'w', 'h', 1, %s, 'connected', jsonb_build_object('nacked', 1234,"
        " 'last_nack', extract(epoch from now())))",
        pgjobs.__version__,
    )
    found = about(examine(), "daemons")
    assert "warning" == found.level
    assert "refused messages of w on h 1,234 times (nack)" in found.sentence
    engine.execute(
        "update pgjobs.daemons set metrics = metrics || '{\"last_nack\": 1}', seen_at = now() + interval '1 minute'"
    )
    assert "ok" == about(examine(), "daemons").level


def test_ready_jobs_that_never_start_are_told(engine: Engine, examine: Examine) -> None:
    """A moment that never comes, written before the trigger refused it."""
    with engine.connect() as careless:
        careless.execute("set session_replication_role = replica")
        careless.execute("insert into xmp_jobs (type, run_at) values ('expired', '-infinity'), ('expired', 'infinity')")
    found = [one for one in examine() if one.about == "jobs" and "infinite" in one.sentence]
    assert ["run_at is infinite in ready jobs (1, 2): they never start"] == [one.sentence for one in found]


def test_a_pooler_that_loses_notifications(monkeypatch: pytest.MonkeyPatch, examine: Examine) -> None:
    """Where LISTEN is not the waiting connection's own, as behind a transaction pooler, it is a problem."""
    real = db.connect

    async def pooled(url: str, role: str, **options: Any) -> db.Connection:
        connection = await real(url, role, **options)
        if role == "doctor listen":
            # A statement that does nothing.
            monkeypatch.setattr(connection, "execute", lambda _query: asyncio.sleep(0))
        return connection

    monkeypatch.setattr(of_the_database, "ROUND_TRIP_SECONDS", 0.2)
    monkeypatch.setattr(db, "connect", pooled)
    found = about(examine(), "notify")
    assert "problem" == found.level
    assert "transaction pooler" in found.sentence


def test_clocks_that_differ(monkeypatch: pytest.MonkeyPatch, examine: Examine) -> None:
    """Two seconds are too much, and the sentence says who is ahead."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 60)
    found = about(examine(), "clock")
    assert "warning" == found.level
    said = re.search(r"clock is ([0-9.]+) s ahead of", found.sentence)
    assert said, found.sentence
    # What the question takes is a part of it.
    assert 59 < float(said[1]) < 65


def test_a_missing_queue_and_a_missing_exchange(engine: Engine, examine: Examine) -> None:
    """Both are named with the type that needs them."""
    engine.set_route("nowhere")
    found = about(examine(), "routes")
    assert "problem" == found.level
    assert "queue 'nowhere': 404" in found.sentence
    engine.set_route("anything", exchange="nowhere.at.all")
    assert "exchange 'nowhere.at.all': 404" in about(examine(), "routes").sentence


@pytest.mark.parametrize(
    ("url", "words", "remedy"),
    [
        ("amqp://guest:pw42@127.0.0.1:1/", "Connection refused", "check host and port in"),
        ("amqp://guest:pw42@{place}/", "ACCESS_REFUSED", "check user and password in"),
        ("amqp://guest:guest@{place}/no-such-host", "no-such-host not found", "create the virtual host"),
        ("amqp://guest:pw42@no-such-host.invalid/", "not known", "check the host's name in"),
        ("amqps://guest:pw42@{place}/", "SSL", "5671"),
    ],
)
def test_a_broker_that_does_not_let_us_in(engine: Engine, examine: Examine, url: str, words: str, remedy: str) -> None:
    """The innermost reason in one line with a remedy that fits it, and no password."""
    place = urlsplit(engine.amqp_url).netloc.rpartition("@")[2]
    found = about(examine(amqp_url=url.format(place=place)), "broker")
    assert "problem" == found.level
    assert words in found.sentence
    assert remedy in found.remedy
    assert "\n" not in found.sentence
    assert "pw42" not in str(found)


def test_folders(engine: Engine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, full, open to everybody."""
    missing = examine(log_dir=engine.folder / "none", injections_dir=engine.folder / "none")
    assert ("problem", "warning") == (about(missing, "log folder").level, about(missing, "injections").level)
    engine.injections_dir.chmod(0o777)
    assert f"run: chmod o-w {engine.injections_dir}" == about(examine(), "injections").remedy
    for free, level in ((10 * 2**20, "problem"), (2**29, "warning"), (2**40, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: Usage(2**41, 0, free))
        assert level == about(examine(), "log folder").level


def test_folders_that_are_closed_to_us(engine: Engine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this user may not do is a problem; whether it may write is tried, for rights do not tell, and nothing is
    left behind."""
    assert "ok" == about(examine(), "log folder").level
    assert [] == [*engine.log_dir.iterdir()]
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    found = examine(log_dir=Path("/proc"))
    assert {"log folder", "injections"} == levels(found, "problem")
    assert about(found, "log folder").sentence.startswith("/proc can't be written to by this user (")


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"http_bind": "0.0.0.0:50303"}, "problem"),
        ({"http_bind": "0.0.0.0:50303", "http_insecure": True}, "warning"),
        ({"http_bind": "0.0.0.0:50303", "http_auth": True}, "ok"),
        ({"http_bind": "localhost:50303"}, "ok"),
        ({"lease_seconds": 3}, "warning"),
        ({"autostart": False}, "warning"),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together(examine: Examine, settings: dict[str, Any], level: str) -> None:
    """An open door without tokens above all."""
    assert level == about(examine(**settings), "settings").level


def test_tokens_are_wanted_where_they_are_asked_for(engine: Engine, examine: Examine) -> None:
    """With PGJOBS_HTTP_AUTH and no token nobody gets in."""
    assert "warning" == about(examine(http_auth=True), "tokens").level
    engine.execute("select pgjobs.add_token('cms', sha256('x'), '{control}', null)")
    assert ("ok", "valid: 1") == about(examine(http_auth=True), "tokens")[0::2]


def test_jobs_that_do_not_move_are_told_with_their_reason(engine: Engine, examine: Examine) -> None:
    """What is due and does not move is listed, the first few; what waits for its time is not."""
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 hour')")
    assert "ok" == about(examine(), "jobs").level
    engine.execute(
        "insert into xmp_jobs (type, run_at) select 'expired', now() - interval '1 h' from generate_series(1, 7)"
    )
    found = [one for one in examine() if one.about == "jobs"]
    assert {"warning"} == {one.level for one in found}
    assert 6 == len(found)
    assert "no daemon is alive" in found[0].sentence
    assert "and more of them" == found[-1].sentence


def test_a_task_without_a_next_job_is_told(engine: Engine, examine: Examine) -> None:
    """A task whose next job the database refuses is named with the reason; one that waits for its time is not."""
    engine.execute(
        'insert into pgjobs.tasks (type, repeating) values (\'expired\', \'{"period": {"each": 1, "unit": "HOURS"}}\')'
    )
    assert "tasks" not in {one.about for one in examine()}
    engine.execute("alter table xmp_jobs add constraint in_the_way check (task_id is null) not valid")
    engine.execute("delete from xmp_jobs")
    found = about(examine(), "tasks")
    assert ("warning", "mend that: it is tried again every minute") == found[0::3]
    assert "task 1 stands still: its next job could not be made: new row for relation" in found.sentence


def test_nothing_is_changed(engine: Engine, examine: Examine) -> None:
    """An examination leaves no trace in the tables."""
    count = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables"
    engine.execute("select pg_stat_force_next_flush()" if engine.database.info.server_version >= 150000 else "select 1")
    before = engine.value(count)
    examine()
    with psycopg.connect(engine.database_url) as other:
        assert (before,) == other.execute(count).fetchone()


def test_no_private_path_in_any_sentence(examine: Examine, tmp_path: Path) -> None:
    """Only folders that somebody has set are named."""
    for one in examine():
        rest = f"{one.sentence} {one.remedy}".replace(str(tmp_path), "")
        assert "/home" not in rest
