"""Carry faults out, and take back those that last."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from pgjobs import failpoints as faults
from pgjobs.torture import database
from pgjobs.torture.crew import Seat
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


class Striker:
    """Strikes daemons, their connections and their servers; never anything that is not ours."""

    def __init__(self, place: Place, seats: list[Seat], jobs: Jobs) -> None:
        self.struck: Counter[str] = Counter()
        self._place = place
        self._seats = seats
        self._jobs = jobs
        self._workers = ThreadPoolExecutor(2, "torture-servers")
        self._busy: dict[str, Future[None]] = {}
        self._ways: dict[str, Callable[[Seat, Fault, random.Random], Undo | None]] = {
            "kill -9": self._kill,
            "SIGSTOP": self._freeze,
            "SIGTERM": self._terminate,
            "backend terminated": self._end_backend,
            "crash point": self._crash_point,
            "failing call": self._failing_call,
            "full log disk": self._full_disk,
            "missed notification": self._miss_notification,
            "stray notifications": lambda _seat, _fault, dice: database.notify_garbage(self._place, dice),
            "listeners terminated": lambda *_: database.end_listeners(self._place),
            "changed setting": lambda _seat, _fault, dice: database.change_setting(self._place, dice),
            "trigger that refuses": lambda _seat, _fault, dice: database.refuse_one_job(self._place, dice),
            "cut": self._cut,
            "cut mid-frame": self._cut_mid_frame,
            "black hole": self._black_hole,
            "late delivery": self._deliver_late,
            "delay": self._delay,
            "PostgreSQL restart": self._restart_postgres,
            "broker kill -9": self._kill_broker,
            "memory alarm": self._alarm,
        }

    def strike(self, fault: Fault) -> Undo | None:
        """Let a fault happen; the answer takes it back."""
        dice = random.Random(fault.dice)  # noqa: S311 not a secret
        self.struck[fault.kind] += 1
        return self._ways[fault.kind](self._seats[fault.daemon], fault, dice)

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
    def _kill(seat: Seat, _fault: Fault, _dice: random.Random) -> None:
        seat.kill()
        seat.start()

    @staticmethod
    def _freeze(seat: Seat, _fault: Fault, _dice: random.Random) -> Undo | None:
        if not seat.running or seat.frozen:
            return None
        pid = seat.pid
        seat.send(signal.SIGSTOP)

        def thaw() -> None:
            if seat.running and seat.pid == pid:
                seat.send(signal.SIGCONT)

        return thaw

    @staticmethod
    def _terminate(seat: Seat, _fault: Fault, _dice: random.Random) -> None:
        seat.send(signal.SIGTERM)

    def _end_backend(self, _seat: Seat, _fault: Fault, dice: random.Random) -> None:
        role = dice.choice(["control", "control", "reader", "listen", "claims", "beat", "load", "%"])
        found = self._place.rows(BACKENDS, f"pgjobs {role}")
        if found:
            self._place.rows("select pg_terminate_backend(%s)", dice.choice(found)[0])

    @staticmethod
    def _crash_point(seat: Seat, _fault: Fault, dice: random.Random) -> None:
        seat.kill()
        seat.start(f"{dice.choice(faults.CRASHES)}:{dice.randint(1, 20)}")

    @staticmethod
    def _failing_call(seat: Seat, _fault: Fault, dice: random.Random) -> None:
        seat.kill()
        seat.start(f"{dice.choice(['sql', 'publish', 'connect', faults.SHORT_WRITE])}:{dice.randint(1, 20)}")

    @staticmethod
    def _full_disk(seat: Seat, _fault: Fault, dice: random.Random) -> None:
        seat.kill()
        seat.start(f"{dice.choice(['log_full', 'log_sync'])}:{dice.randint(1, 20)}")

    def _miss_notification(self, _seat: Seat, _fault: Fault, _dice: random.Random) -> None:
        self._jobs.muted = True

    @staticmethod
    def _cut(seat: Seat, _fault: Fault, dice: random.Random) -> None:
        if seat.proxies:
            dice.choice(seat.proxies).cut()

    @staticmethod
    def _cut_mid_frame(seat: Seat, _fault: Fault, dice: random.Random) -> None:
        if seat.proxies:
            dice.choice(seat.proxies).cut_after(dice.randint(1, 20_000), dice.choice(["up", "up", "down"]))

    @staticmethod
    def _black_hole(seat: Seat, _fault: Fault, dice: random.Random) -> Undo | None:
        return _stall(seat, dice, drop=True)

    @staticmethod
    def _deliver_late(seat: Seat, _fault: Fault, dice: random.Random) -> Undo | None:
        return _stall(seat, dice, drop=False)

    @staticmethod
    def _delay(seat: Seat, _fault: Fault, dice: random.Random) -> Undo | None:
        if not seat.proxies:
            return None
        proxy = dice.choice(seat.proxies)
        proxy.delay(dice.uniform(0.02, 0.3))
        return lambda: proxy.delay(0)

    def _restart_postgres(self, _seat: Seat, _fault: Fault, _dice: random.Random) -> None:
        server = self._place.services.postgres
        if server:
            self._alone("postgres", lambda: server.restart("immediate"))

    def _kill_broker(self, _seat: Seat, fault: Fault, _dice: random.Random) -> None:
        server = self._place.services.broker
        if server:
            self._alone("broker", server.kill, lambda: _pause(fault.seconds), server.start)

    def _alarm(self, _seat: Seat, fault: Fault, _dice: random.Random) -> None:
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


def _stall(seat: Seat, dice: random.Random, *, drop: bool) -> Undo | None:
    if not seat.proxies:
        return None
    proxy = dice.choice(seat.proxies)
    proxy.stall()
    return lambda: proxy.heal(drop=drop)


def _pause(seconds: float) -> None:
    time.sleep(seconds)
