"""A private RabbitMQ node: own name, ports, cookie, epmd and folders; the machine's own is never touched.

The server is the distribution's package ``rabbitmq-server``, called without its wrapper (which changes to
the system's user and node). Erlang nodes find each other through a name server, epmd; ours has its own.
"""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import pika
from pika.exceptions import AMQPError

from pgjobs.lab.process import Child, ServicesError, free_port, listening

BIN_DIR = Path("/usr/lib/rabbitmq/bin")
HASH_EXCHANGE = "rabbitmq_consistent_hash_exchange"
"""The plugin by which one job goes over several queues; enabled on the private node alone."""

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.file.level = info
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 100MB
"""
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
# Few threads that sleep when idle: the machine's cores belong to whoever is measured beside this node.
_ERLANG = "-noinput +S 2:2 +SDcpu 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -start_epmd false"


class PrivateBroker:
    """A RabbitMQ node under `root`, reached by `url` as guest."""

    def __init__(self, root: Path, *, bin_dir: Path = BIN_DIR) -> None:
        self.root = root
        self.port = free_port()
        self.node = f"pgjobs-{secrets.token_hex(6)}@localhost"
        self._distribution_port = free_port()
        self._epmd_port = free_port()
        self._bin_dir = bin_dir
        self._epmd: Child | None = None
        self._beam: Child | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def pid(self) -> int | None:
        return self._beam.pid if self._beam else None

    @property
    def epmd_pid(self) -> int | None:
        return self._epmd.pid if self._epmd else None

    @property
    def running(self) -> bool:
        return self._beam is not None and self._beam.running

    @property
    def ports(self) -> tuple[int, int, int]:
        return self.port, self._distribution_port, self._epmd_port

    def start(self) -> None:
        """Start the node and return when it serves an AMQP connection."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the node without waiting, so that other work can be done while it boots."""
        if self.running:
            return
        self._prepare()
        environment = self._environment()
        if self._epmd is None or not self._epmd.running:
            self._epmd = Child(
                [_epmd(), "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                log=self.root / "epmd.log",
                env=environment,
                death_signal=signal.SIGKILL,
            )
            self._epmd.wait_until(lambda: listening(self._epmd_port), seconds=10)
        self._beam = Child(
            [self._bin_dir / "rabbitmq-server"],
            log=self.root / "server.log",
            env=environment,
            death_signal=signal.SIGKILL,
            cwd=self.root,
        )

    def wait_ready(self) -> None:
        if self._beam is None:
            raise ServicesError("the private RabbitMQ was not started")
        self._beam.wait_until(self._answers, seconds=120)

    def stop(self) -> None:
        """Shut the node down in order, then its epmd."""
        self._end_beam(signal.SIGTERM)
        self._end_epmd()

    def kill(self) -> None:
        """SIGKILL the node, as a crash would; `start` brings it back with what it had on disk."""
        self._end_beam(signal.SIGKILL)

    def discard(self) -> None:
        """End everything at once: nobody needs what the node holds."""
        self.kill()
        self._end_epmd()

    def restart(self) -> None:
        self.stop()
        self.start()

    def ctl(self, *args: str) -> str:
        """Run rabbitmqctl against exactly this node and return what it printed."""
        done = subprocess.run(
            [self._bin_dir / "rabbitmqctl", "--node", self.node, *args],
            env=self._environment(),
            cwd=self.root,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode != 0:
            raise ServicesError(f"rabbitmqctl {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def keep_declared(self) -> None:
        """Have what was declared on the disk: RabbitMQ writes it there a little later, and a kill before loses it."""
        self.ctl("eval", "mnesia:sync_log().")

    def _end_beam(self, how: signal.Signals) -> None:
        if self._beam is not None:
            self._beam.end(how, seconds=60)
            self._beam = None

    def _end_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.end(signal.SIGTERM, seconds=10)
            self._epmd = None

    def _prepare(self) -> None:
        if not (self._bin_dir / "rabbitmq-server").exists():
            raise ServicesError(
                "RabbitMQ is not installed; run: apt-get install rabbitmq-server (or set PGJOBS_AMQP_URL)"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "conf.d").mkdir(exist_ok=True)
        (self.root / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self.port))
        (self.root / "rabbitmq-env.conf").touch()
        (self.root / "enabled_plugins").write_text(f"[{HASH_EXCHANGE if self._has(HASH_EXCHANGE) else ''}].\n")
        cookie = self.root / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(16))
            cookie.chmod(0o400)

    def _has(self, plugin: str) -> bool:
        """Whether the distribution's package brings a plugin along."""
        return any(self._bin_dir.parent.glob(f"lib/*/plugins/{plugin}-*"))

    def _environment(self) -> dict[str, str]:
        # Whatever the caller's environment says about Erlang or RabbitMQ is about another node.
        foreign = ("RABBITMQ_", "ERL_", "NOTIFY_SOCKET")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        root = self.root
        return inherited | {
            "HOME": str(root),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(root / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(root / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(root / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(root / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(root / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(root / "generated"),
            "RABBITMQ_MNESIA_BASE": str(root / "mnesia"),
            "RABBITMQ_LOG_BASE": str(root / "log"),
            "RABBITMQ_PID_FILE": str(root / "rabbitmq.pid"),
            # The start script then becomes the server instead of watching it: its pid is the server's pid.
            # It also lets the server read its standard input, which -noinput takes back.
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",  # several nodes bound to the same cores starve each other
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_ERLANG} {_LOOPBACK}",
            # rabbitmqctl is an Erlang node too and listens while it runs: on any free port, loopback only.
            "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK,
            "RABBITMQ_CTL_DIST_PORT_MIN": "0",
            "RABBITMQ_CTL_DIST_PORT_MAX": "0",
        }

    def _answers(self) -> bool:
        # A bare connection first: pika logs each refused one as an error.
        if not listening(self.port):
            return False
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except AMQPError:
            return False
        return True


def _epmd() -> str:
    found = shutil.which("epmd") or next(map(str, Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if found is None:
        raise ServicesError("Erlang's epmd is missing; run: apt-get install rabbitmq-server")
    return found
