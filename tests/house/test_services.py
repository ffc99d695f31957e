"""The private servers: they start, answer, restart, and leave nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pika
import psutil
import psycopg
import pytest
from fix_broker import Drain
from fix_services import private_postgres

from pgjobs.lab.postgres import EmbeddedPostgres, embedded_bin_dir
from pgjobs.lab.process import ServicesError
from pgjobs.lab.rabbitmq import PrivateBroker
from pgjobs.lab.services import Services, running_services

pytestmark = pytest.mark.skipif(
    "PGJOBS_AMQP_URL" in os.environ or "PGJOBS_DATABASE_URL" in os.environ,
    reason="the environment names other servers, so none of our own are wanted",
)

# Says what it started, then waits to be ended.
HOLDER = """
import sys
from pgjobs.lab.services import running_services
with running_services(fsync=False) as services:
    print(services.postgres.root.parent, services.postgres.pid, services.broker.pid,
          services.broker.epmd_pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def private() -> Iterator[Services]:
    """Servers of this module's own: its tests restart and kill them."""
    with running_services(fsync=False) as services:
        yield services


@pytest.fixture
def postgres(private: Services) -> EmbeddedPostgres:
    assert private.postgres is not None
    return private.postgres


@pytest.fixture
def broker(private: Services) -> PrivateBroker:
    assert private.broker is not None
    return private.broker


def family(*pids: int | None) -> list[psutil.Process]:
    """Collect the processes of `pids` and everything they started."""
    roots = [psutil.Process(pid) for pid in pids if pid]
    return [process for root in roots for process in (root, *root.children(recursive=True))]


def left_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Wait for all of `processes` to end and give those that do not."""
    return psutil.wait_procs(processes, timeout=20)[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_both_servers_start_answer_and_leave_nothing_behind() -> None:
    """Inside the block both answer at their URLs; after it no process, no port and no file is left."""
    with running_services(fsync=False) as services:
        postgres, broker = services.postgres, services.broker
        assert postgres is not None
        assert broker is not None
        processes = family(postgres.pid, broker.pid, broker.epmd_pid)
        with psycopg.connect(services.database_url) as connection:
            assert ("pgjobs", "UTC", "off") == connection.execute(
                "select current_database(), current_setting('timezone'), current_setting('fsync')"
            ).fetchone()
        with Drain(services.amqp_url) as drain:
            drain.channel.queue_declare("answers", durable=True)
            assert 0 == drain.depth("answers")
        ports = [postgres.port, *broker.ports]
        assert all(map(listens, ports))
    assert len(processes) > 5
    assert [] == left_running(processes)
    assert [] == [port for port in ports if listens(port)]
    assert not postgres.root.parent.exists()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_restarts_with_its_data(postgres: EmbeddedPostgres, mode: Literal["fast", "immediate"]) -> None:
    """A restart keeps the URL and the committed rows; only the process is new."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create table if not exists kept (mode text)")
        connection.execute("insert into kept values (%s)", [mode])
    before, url = postgres.pid, postgres.url
    postgres.restart(mode)
    assert before != postgres.pid
    with psycopg.connect(url) as connection:
        assert (1,) == connection.execute("select count(*) from kept where mode = %s", [mode]).fetchone()


@pytest.mark.parametrize("crash", [False, True])
def test_the_broker_comes_back_with_its_durable_messages(broker: PrivateBroker, crash: bool) -> None:
    """After an orderly restart and after a SIGKILL the confirmed persistent message is still there."""
    persistent = pika.BasicProperties(delivery_mode=2)
    with Drain(broker.url) as drain:
        drain.channel.queue_declare("durable", durable=True)
        drain.channel.confirm_delivery()
        drain.channel.basic_publish("", "durable", b"kept", persistent)
    broker.keep_declared()
    before = broker.pid
    if crash:
        broker.kill()
        assert not listens(broker.port)
        broker.start()
    else:
        broker.restart()
    assert before != broker.pid
    with Drain(broker.url) as drain:
        assert [b"kept"] == [body for _, body in drain.read("durable")]


def test_ctl_reaches_exactly_this_node(broker: PrivateBroker) -> None:
    """Rabbitmqctl answers for the private node, and a refused command raises with its reason."""
    assert broker.node in broker.ctl("status")
    with pytest.raises(ServicesError, match="no_such_queue"):
        broker.ctl("delete_queue", "no_such_queue")


def test_a_server_outlives_the_thread_that_restarted_it(postgres: EmbeddedPostgres) -> None:
    """The kernel ties a child's life to the thread that forked it; a worker thread's end must not matter."""
    thread = threading.Thread(target=postgres.restart)
    thread.start()
    thread.join()
    with psycopg.connect(postgres.url) as connection:
        assert (1,) == connection.execute("select 1").fetchone()


def test_a_killed_owner_takes_its_servers_along() -> None:
    """After kill -9 of their owner the servers end, and the next start removes the files."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        folder, *pids = owner.stdout.readline().split()
        processes = family(*map(int, pids))
        owner.kill()
    assert [] == left_running(processes)
    # Another test's servers may have been that next start already.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PGJOBS_AMQP_URL", "amqp://elsewhere")
        with running_services(fsync=False):
            assert not Path(folder).exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_services_in_the_foreground_print_two_lines_and_stop_on_a_signal(how: signal.Signals) -> None:
    """Standard output can be given to eval, the role is a plain one that owns the database; a signal ends everything,
    and the exit is a clean one."""
    serve = "from pgjobs.lab.services import serve_forever; serve_forever()"
    with subprocess.Popen([sys.executable, "-c", serve], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        lines = [owner.stdout.readline(), owner.stdout.readline()]
        with psycopg.connect(lines[0].partition("=")[2].strip()) as plain:
            superuser = "select rolsuper, pg_has_role(datdba, 'member') from pg_roles, pg_database"
            superuser += " where rolname = current_user and datname = current_database()"
            assert (False, True) == plain.execute(superuser).fetchone()
        processes = family(owner.pid)[1:]
        owner.send_signal(how)
        rest = owner.stdout.read()
    assert ["export PGJOBS_DATABASE_URL", "export PGJOBS_AMQP_URL"] == [line.split("=")[0] for line in lines]
    assert ("", 0) == (rest, owner.returncode)
    assert len(processes) > 5
    assert [] == left_running(processes)


def test_named_servers_are_used_and_none_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With both variables set nothing is started and no folder is made."""
    monkeypatch.setenv("PGJOBS_DATABASE_URL", "postgresql://elsewhere/db")
    monkeypatch.setenv("PGJOBS_AMQP_URL", "amqp://elsewhere")
    before = set(psutil.Process().children())
    with running_services(tmp_path) as services:
        assert Services("postgresql://elsewhere/db", "amqp://elsewhere", None, None) == services
        assert set() == set(psutil.Process().children()) - before
        assert [] == list(tmp_path.iterdir())


def test_a_missing_rabbitmq_is_named_with_its_remedy(tmp_path: Path) -> None:
    """Without the distribution's package the error says which one to install."""
    with pytest.raises(ServicesError, match="apt-get install rabbitmq-server"):
        PrivateBroker(tmp_path, bin_dir=tmp_path / "nowhere").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else")
def test_binaries_behind_a_closed_folder_run_all_the_same(tmp_path: Path) -> None:
    """A checkout in root's home, which the server's user cannot enter, works: the binaries are copied."""
    install = embedded_bin_dir().parent
    package = install.parent
    closed = tmp_path / "closed"
    shutil.copytree(install, closed / package.name / install.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    closed.chmod(0o700)
    bin_dir = closed / package.name / install.name / "bin"
    with private_postgres(bin_dir) as server, psycopg.connect(server.url) as connection:
        assert (1,) == connection.execute("select 1").fetchone()


def test_the_distributions_server_runs_too(distribution_postgres: EmbeddedPostgres) -> None:
    """The same class runs another installation's binaries."""
    with psycopg.connect(distribution_postgres.url) as connection:
        assert connection.info.server_version >= 140000
