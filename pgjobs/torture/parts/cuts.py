"""T7 and T8: connections to database and broker are terminated, reset, cut mid-frame, black-holed; servers are away."""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from collections.abc import Callable

from pgjobs.lab.proxy import Arrival, Proxy
from pgjobs.lab.services import Services
from pgjobs.torture.fleet import Daemon
from pgjobs.torture.injector import BACKENDS
from pgjobs.torture.parts.trial import Result, Tell, Trial, trial
from pgjobs.torture.place import Scale

ROLE = re.compile(rb"application_name[\0=]pgjobs\\? (\w+)").search
RECOVERY_SECONDS = 35.0
BEGUN = "select sum(considered) > 0 from pgjobs.shards where job_id = %s"
BEATS = "select max(seen_at) > clock_timestamp() - interval '6 s' from pgjobs.daemons"
ROLES = ("control", "reader", "listen", "claims", "leases", "load")


def cuts(times: int, tell: Tell, services: Services | None = None) -> Result:
    """Every kind of cut in turn; after each one records move again, without any help."""
    result = Result("t7/t8", "cut connections", times)
    # A new job has to find a place, however many others a slow machine has not finished yet.
    scale = Scale(retries=5_000, lines=10, window=50, places=32)
    rng = random.Random(times)  # noqa: S311 not a secret
    with trial(result, tell, scale=scale, daemons=1, proxied=1, services=services) as run:
        run.fleet[0].start()
        run.moves(30)
        for number in range(times):
            name, cut = WAYS[number % len(WAYS)]
            tell(f"cut {number + 1} of {times}: {name}")
            cut(run, _proxies(run.fleet[0]), rng)
            result.worst(f"recovery: {name}", run.moves(90, windows=3), RECOVERY_SECONDS)
        run.finish()
    return result


def outages(seconds: float, tell: Tell, services: Services | None = None) -> Result:
    """A server refuses, or is a black hole, for a while: no busy loop, no storm of reconnects, work resumes."""
    result = Result("outages", f"servers away for {seconds:g} s each", 4)
    scale = Scale(retries=20_000, lines=10, window=50)
    with trial(result, tell, scale=scale, daemons=1, proxied=1, services=services) as run:
        run.fleet[0].start()
        for server in (0, 1):
            for how in ("refuses", "is a black hole"):
                name = f"{'PostgreSQL' if server == 0 else 'the broker'} {how}"
                tell(name)
                _outage(run, run.fleet[0], server, how, seconds, name)
        run.finish()
    return result


def _outage(run: Trial, daemon: Daemon, server: int, how: str, seconds: float, name: str) -> None:
    proxy = _proxies(daemon)[server]
    run.moves(30, windows=3)
    if how == "refuses":
        proxy.refuse()
    else:
        proxy.stall()
    began, cpu, first = time.monotonic(), daemon.cpu_seconds(), len(proxy.arrivals)
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    share = 100 * (daemon.cpu_seconds() - cpu) / elapsed
    run.result.worst("processor while a server is away", share, 20, "%")
    arrivals = proxy.arrivals[first:]
    proxy.heal(drop=True)
    for who, per_second in _rates(arrivals, elapsed).items():
        run.result.worst(f"reconnects per second of {who}", per_second, 1, "per second")
    run.result.worst(f"recovery: {name}", run.moves(90, windows=3), RECOVERY_SECONDS)


def _rates(arrivals: list[Arrival], seconds: float) -> dict[str, float]:
    """How often each kind of connection was tried, per second."""
    tried: dict[str, int] = defaultdict(int)
    for arrival in arrivals:
        if arrival.greeting.startswith(b"AMQP"):
            tried["the broker"] += 1
        elif role := ROLE(arrival.greeting):
            tried[role[1].decode()] += 1
    # Between so many attempts there is one wait less.
    return {who: (number - 1) / seconds for who, number in tried.items()}


def _proxies(daemon: Daemon) -> tuple[Proxy, Proxy]:
    if daemon.proxies is None:
        raise ValueError("this daemon has no proxies")
    return daemon.proxies


def _terminate(run: Trial, _proxies: tuple[Proxy, Proxy], rng: random.Random) -> None:
    found = run.place.rows(BACKENDS, f"pgjobs {rng.choice(ROLES)}")
    if found:
        run.place.rows("select pg_terminate_backend(%s)", rng.choice(found)[0])


def _reset(server: int) -> Callable[[Trial, tuple[Proxy, Proxy], random.Random], None]:
    def cut(_run: Trial, proxies: tuple[Proxy, Proxy], _rng: random.Random) -> None:
        proxies[server].cut()

    return cut


def _mid_frame(server: int) -> Callable[[Trial, tuple[Proxy, Proxy], random.Random], None]:
    def cut(_run: Trial, proxies: tuple[Proxy, Proxy], rng: random.Random) -> None:
        up = rng.random() < 0.6
        proxies[server].cut_after(rng.randint(1, 30_000 if up else 300), "up" if up else "down")
        time.sleep(0.3)

    return cut


def _hole(server: int) -> Callable[[Trial, tuple[Proxy, Proxy], random.Random], None]:
    def swallow(_run: Trial, proxies: tuple[Proxy, Proxy], rng: random.Random) -> None:
        proxies[server].stall()
        time.sleep(rng.uniform(1, 6))
        proxies[server].heal(drop=rng.random() < 0.5)

    return swallow


def _lose(server: int) -> Callable[[Trial, tuple[Proxy, Proxy], random.Random], None]:
    def forget(run: Trial, proxies: tuple[Proxy, Proxy], _rng: random.Random) -> None:
        proxies[server].lose()
        job = run.add()
        run.wait(lambda: bool(run.place.value(BEGUN, job)), "a new job begins", RECOVERY_SECONDS)
        run.wait(lambda: bool(run.place.value(BEATS)), "the daemon beats again", RECOVERY_SECONDS)

    return forget


def _restart(run: Trial, _proxies: tuple[Proxy, Proxy], _rng: random.Random) -> None:
    if run.place.services.postgres:
        run.place.services.postgres.restart("immediate")


WAYS: list[tuple[str, Callable[[Trial, tuple[Proxy, Proxy], random.Random], None]]] = [
    ("backend terminated", _terminate),
    ("broker cut mid-frame", _mid_frame(1)),
    ("database reset", _reset(0)),
    ("broker reset", _reset(1)),
    ("database cut mid-frame", _mid_frame(0)),
    ("broker black hole", _hole(1)),
    ("PostgreSQL restart", _restart),
    ("broker cut mid-frame", _mid_frame(1)),
    ("backend terminated", _terminate),
    ("database black hole", _hole(0)),
    ("database lost silently", _lose(0)),
    ("broker lost silently", _lose(1)),
]
