"""Inject faults, and undo those that last."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from pgjobs import failpoints as faults
from pgjobs.torture import database
from pgjobs.torture.fleet import Daemon
from pgjobs.torture.jobs import Jobs
from pgjobs.torture.place import Place
from pgjobs.torture.schedule import Fault

Undo = Callable[[], None]
BACKENDS = (
    "select pid from pg_stat_activity where datname = current_database() and application_name like %s"
    " and application_name <> 'torture' order by application_name, backend_start"
)
ALARM = ("set_vm_memory_high_watermark", "absolute", "1MB")
NO_ALARM = ("set_vm_memory_high_watermark", "absolute", "2GB")


class FaultInjector:
    """Injects faults into the daemons of this run, their connections and their servers, and into nothing else."""

    def __init__(self, place: Place, fleet: list[Daemon], jobs: Jobs) -> None:
        self.injected: Counter[str] = Counter()
        self._place = place
        self._fleet = fleet
        self._jobs = jobs
        self._workers = ThreadPoolExecutor(2, "torture-servers")
        self._busy: dict[str, Future[None]] = {}
        self._ways: dict[str, Callable[[Daemon, Fault, random.Random], Undo | None]] = {
            "kill -9": self._kill,
            "SIGSTOP": self._freeze,
            "SIGTERM": self._terminate,
            "backend terminated": self._end_backend,
            "crash point": self._crash_point,
            "failing call": self._failing_call,
            "full log disk": self._full_disk,
            "missed notification": self._miss_notification,
            "stray notifications": lambda _daemon, _fault, rng: database.notify_garbage(self._place, rng),
            "listeners terminated": lambda *_: database.end_listeners(self._place),
            "changed setting": lambda _daemon, _fault, rng: database.change_setting(self._place, rng),
            "trigger that refuses": lambda _daemon, _fault, rng: database.refuse_one_job(self._place, rng),
            "cut": self._cut,
            "cut mid-frame": self._cut_mid_frame,
            "black hole": self._black_hole,
            "late delivery": self._deliver_late,
            "delay": self._delay,
            "PostgreSQL restart": self._restart_postgres,
            "broker kill -9": self._kill_broker,
            "memory alarm": self._alarm,
        }

    def inject(self, fault: Fault) -> Undo | None:
        """Inject a fault; the returned function undoes it."""
        rng = random.Random(fault.seed)  # noqa: S311 not a secret
        self.injected[fault.kind] += 1
        return self._ways[fault.kind](self._fleet[fault.daemon], fault, rng)

    @property
    def idle(self) -> bool:
        """Whether nobody works on a server."""
        return all(work.done() for work in self._busy.values())

    def wait(self) -> None:
        """Wait until every server is back; one that does not come back is an error."""
        for work in self._busy.values():
            work.result(180)

    def close(self) -> None:
        """Start nothing more."""
        self._workers.shutdown(cancel_futures=True)

    @staticmethod
    def _kill(daemon: Daemon, _fault: Fault, _rng: random.Random) -> None:
        daemon.kill()
        daemon.start()

    @staticmethod
    def _freeze(daemon: Daemon, _fault: Fault, _rng: random.Random) -> Undo | None:
        if not daemon.running or daemon.frozen:
            return None
        pid = daemon.pid
        daemon.send(signal.SIGSTOP)

        def thaw() -> None:
            if daemon.running and daemon.pid == pid:
                daemon.send(signal.SIGCONT)

        return thaw

    @staticmethod
    def _terminate(daemon: Daemon, _fault: Fault, _rng: random.Random) -> None:
        daemon.send(signal.SIGTERM)

    def _end_backend(self, _daemon: Daemon, _fault: Fault, rng: random.Random) -> None:
        role = rng.choice(["control", "control", "reader", "listen", "claims", "leases", "load", "%"])
        found = self._place.rows(BACKENDS, f"pgjobs {role}")
        if found:
            self._place.rows("select pg_terminate_backend(%s)", rng.choice(found)[0])

    @staticmethod
    def _crash_point(daemon: Daemon, _fault: Fault, rng: random.Random) -> None:
        daemon.kill()
        daemon.start(f"{rng.choice([*faults.CRASHES, *faults.ITEM_CRASHES])}:{rng.randint(1, 20)}")

    @staticmethod
    def _failing_call(daemon: Daemon, _fault: Fault, rng: random.Random) -> None:
        daemon.kill()
        daemon.start(f"{rng.choice(['sql', 'publish', 'connect', faults.SHORT_WRITE])}:{rng.randint(1, 20)}")

    @staticmethod
    def _full_disk(daemon: Daemon, _fault: Fault, rng: random.Random) -> None:
        daemon.kill()
        daemon.start(f"{rng.choice(['log_full', 'log_sync'])}:{rng.randint(1, 20)}")

    def _miss_notification(self, _daemon: Daemon, _fault: Fault, _rng: random.Random) -> None:
        self._jobs.muted = True

    @staticmethod
    def _cut(daemon: Daemon, _fault: Fault, rng: random.Random) -> None:
        if daemon.proxies:
            rng.choice(daemon.proxies).cut()

    @staticmethod
    def _cut_mid_frame(daemon: Daemon, _fault: Fault, rng: random.Random) -> None:
        if daemon.proxies:
            rng.choice(daemon.proxies).cut_after(rng.randint(1, 20_000), rng.choice(["up", "up", "down"]))

    @staticmethod
    def _black_hole(daemon: Daemon, _fault: Fault, rng: random.Random) -> Undo | None:
        return _stall(daemon, rng, drop=True)

    @staticmethod
    def _deliver_late(daemon: Daemon, _fault: Fault, rng: random.Random) -> Undo | None:
        return _stall(daemon, rng, drop=False)

    @staticmethod
    def _delay(daemon: Daemon, _fault: Fault, rng: random.Random) -> Undo | None:
        if not daemon.proxies:
            return None
        proxy = rng.choice(daemon.proxies)
        proxy.delay(rng.uniform(0.02, 0.3))
        return lambda: proxy.delay(0)

    def _restart_postgres(self, _daemon: Daemon, _fault: Fault, _rng: random.Random) -> None:
        server = self._place.services.postgres
        if server:
            self._alone("postgres", lambda: server.restart("immediate"))

    def _kill_broker(self, _daemon: Daemon, fault: Fault, _rng: random.Random) -> None:
        server = self._place.services.broker
        if server:
            self._alone("broker", server.kill, lambda: _pause(fault.seconds), server.start)

    def _alarm(self, _daemon: Daemon, fault: Fault, _rng: random.Random) -> None:
        server = self._place.services.broker
        if server:
            steps = (lambda: server.ctl(*ALARM), lambda: _pause(fault.seconds), lambda: server.ctl(*NO_ALARM))
            self._alone("broker", *steps)

    def _alone(self, server: str, *steps: Callable[[], object]) -> None:
        """Work on a server in the background, one thing after the other."""
        before = self._busy.get(server)

        def work() -> None:
            if before is not None:
                before.result()
            for step in steps:
                step()

        self._busy[server] = self._workers.submit(work)


def _stall(daemon: Daemon, rng: random.Random, *, drop: bool) -> Undo | None:
    if not daemon.proxies:
        return None
    proxy = rng.choice(daemon.proxies)
    proxy.stall()
    return lambda: proxy.heal(drop=drop)


def _pause(seconds: float) -> None:
    time.sleep(seconds)
