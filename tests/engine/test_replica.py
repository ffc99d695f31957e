"""Records are read on a replica: it is waited for until it knows the job, and what it breaks off goes on."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_broker import Drain
from fix_daemon import Engine, unmarked_copies
from fix_database import create_database, drop_database, sibling
from fix_services import soon

from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.roles import as_role
from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

STANDBY = "\nhot_standby_feedback = off\nmax_standby_streaming_delay = 200ms\nwal_receiver_status_interval = 1s\n"


@pytest.fixture
def standby(own_servers: Services) -> Iterator[EmbeddedPostgres]:
    """A streaming standby of this worker's private server."""
    primary = own_servers.postgres
    assert primary is not None
    with tempfile.TemporaryDirectory(prefix="pgjobs-standby-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", bin_dir=primary._bin_dir, fsync=False)
        server._password = primary._password
        server.root.mkdir()
        Path(folder).chmod(0o711)
        if primary._user is not None:
            shutil.chown(server.root, *primary._user)
        source = f"--dbname={sibling(own_servers.database_url, 'postgres')}"
        copy = ("--pgdata", server._data, source, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast")
        server._run_as_server_user(primary._bin_dir / "pg_basebackup", *copy)
        with (server._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(STANDBY)
        try:
            server.start()
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture
def engine(own_servers: Services, tmp_path: Path) -> Iterator[Engine]:
    """An engine on this worker's private servers, whose database is made before the standby is."""
    name = f"pgjobs_replica_{uuid.uuid4().hex[:8]}"
    url = create_database(own_servers.database_url, name)
    try:
        migrate(url)
        with Drain(own_servers.amqp_url) as broker:
            broker.channel.queue_declare(name, durable=True)
        with Engine(url, own_servers.amqp_url, name, tmp_path) as made:
            yield made
    finally:
        drop_database(own_servers.database_url, name)


def for_the_daemon(engine: Engine, standby: EmbeddedPostgres) -> str:
    """The engine's database on the standby, as the daemon reaches it: a plain member of its group there as well."""
    parts = urlsplit(engine.daemon_url)
    replica = sibling(standby.url, parts.path[1:])
    role = as_role(replica, str(parts.username), str(parts.password))
    assert soon(lambda: reaches(role)), "the daemon's role is not on the standby"
    return role


def reaches(url: str) -> bool:
    """Whether a role may connect."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.long
def test_a_replica_behind_is_waited_for(engine: Engine, standby: EmbeddedPostgres) -> None:
    """What was committed before a job began is in it, also when the replica has not replayed it yet."""
    replica = for_the_daemon(engine, standby)
    with psycopg.connect(sibling(standby.url, urlsplit(replica).path[1:]), autocommit=True) as there:
        engine.start(replica_url=replica)
        reader = "select count(*) from pg_stat_activity where application_name = 'pgjobs reader'"
        engine.wait_for(lambda: there.execute(reader).fetchone() == (1,), "the reader is on the replica")
        there.execute("select pg_wal_replay_pause()")
        engine.add_retries(100)
        job = engine.add_job("expired")
        engine.wait_until("exists (select from pgjobs.shards where job_id = %s and prepared_at is not null)", job)
        asked = f"{reader} and query like '%is_replayed%'"
        engine.wait_for(lambda: there.execute(asked).fetchone() == (1,), "the replica was asked, and is behind")
        assert (0,) == there.execute("select count(*) from xmp_retries_expired").fetchone()
        assert 0 == engine.counters(job).considered
        there.execute("select pg_wal_replay_resume()")
        engine.wait_status(job, "done")
    assert list(range(1, 101)) == [message.key for message in engine.drain()]
    assert list(range(1, 101)) == [line.key for line in engine.log_lines(job)]


@pytest.mark.long
def test_conflicts_with_recovery_lose_nothing(engine: Engine, standby: EmbeddedPostgres) -> None:
    """T13: while the primary cleans up, the replica throws the reader out again and again; the job goes on behind
    its last checkpoint."""
    replica = for_the_daemon(engine, standby)
    engine.add_retries(6000)
    daemon = engine.start(replica_url=replica, window=5)

    def thrown_out() -> int:
        engine.insert("xmp_operators", [{"name": "gone", "code": n} for n in range(1000, 1020)])
        engine.execute("delete from xmp_operators where name = 'gone'")
        engine.execute("vacuum xmp_operators")
        return daemon.said.count("conflict with recovery")

    with engine.slowed():
        job = engine.add_job("expired")
        engine.wait_considered(job, 50)
        engine.wait_for(lambda: thrown_out() >= 3, "the reader was thrown out three times")
    engine.wait_status(job, "done")
    messages = engine.drain()
    assert set(range(1, 6001)) == {message.key for message in messages}
    assert unmarked_copies(messages) == []
    assert list(range(1, 6001)) == [line.key for line in engine.log_lines(job)]
    assert 6000 == engine.counters(job).sent


@pytest.mark.long
def test_another_database_is_no_replica(engine: Engine, standby: EmbeddedPostgres) -> None:
    """Another database of the server, with records of its own, sends none of them: the job ends with a sentence that
    names the setting. The primary itself and its standby are fine; a standby that was promoted is waited for."""
    name = engine.database_url.rpartition("/")[2]
    other = sibling(engine.database_url, f"{name}_other")
    create_database(engine.database_url, f"{name}_other")
    try:
        migrate(other)
        engine.add_retries(5)
        daemon = engine.start(replica_url=other)
        job = engine.add_job("expired")
        engine.wait_status(job, "error")
        assert engine.error_of(job).startswith("PGJOBS_REPLICA_URL is another database than PGJOBS_DATABASE_URL: point")
        assert 0 == daemon.terminate()
    finally:
        drop_database(engine.database_url, f"{name}_other")
    replica = sibling(standby.url, name)
    with psycopg.connect(replica, autocommit=True) as there:
        there.execute("select pg_promote()")
    daemon = engine.start(replica_url=replica)
    engine.set_status(job, "ready")
    copy = "pgjobs.why(%s) like '%%PGJOBS_REPLICA_URL is a copy of the database, but no standby of it%%'"
    engine.wait_until(copy, job)
    assert 0 == engine.counters(job).considered
    assert 0 == daemon.terminate()
    engine.start(replica_url=engine.database_url)
    engine.wait_status(job, "done")
    assert list(range(1, 6)) == [message.key for message in engine.drain()]


def test_a_replica_that_is_away_is_named(engine: Engine) -> None:
    """A job that waits for the replica says which setting has its address."""
    engine.add_retries(5)
    engine.start(replica_url="postgresql://u:pw42@127.0.0.1:1/d")
    job = engine.add_job("expired")
    engine.wait_until("pgjobs.why(%s) like '%%the replica of PGJOBS_REPLICA_URL: the database went away%%'", job)
    assert 0 == engine.counters(job).considered
