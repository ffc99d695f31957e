"""T3 and T5: the broker is killed and comes back; the broker raises its memory alarm."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from pgjobs.lab.process import ServicesError
from pgjobs.lab.rabbitmq import PrivateBroker
from pgjobs.lab.services import Services
from pgjobs.torture.injector import ALARM, NO_ALARM
from pgjobs.torture.parts.trial import Result, Tell, Trial, trial
from pgjobs.torture.place import Scale

MEGABYTE = 1 << 20
RUNNING = (
    "select j.id from public.xmp_jobs j where j.status = 'in progress'"
    " and exists (select from pgjobs.shards p where p.job_id = j.id and p.owner is not null) order by j.id"
)
HELD = "select owner is not null from pgjobs.shards where job_id = %s"
WHY = "select pgjobs.why(%s)"


def kills(times: int, tell: Tell, queue: str = "quorum", services: Services | None = None) -> Result:
    """T3: kill -9 of the broker in full stream; nothing confirmed is lost, and work resumes once it is back."""
    result = Result(f"t3 {queue}", "broker kill -9", times)
    scale = Scale(retries=20_000, lines=10, window=100)
    with trial(result, tell, scale=scale, queue=queue, services=services) as run:
        broker = _own_broker(run)
        run.fleet[0].start()
        for number in range(1, times + 1):
            tell(f"broker kill {number} of {times}, {queue}")
            run.moves(60, windows=3)
            broker.kill()
            broker.start()
            result.worst("slowest resume", run.moves(60), 15)
        run.finish()
    return result


def alarm(times: int, tell: Tell, services: Services | None = None) -> Result:
    """T5: the memory alarm is shown, costs no memory, lets jobs be stopped, and passes."""
    result = Result("t5", "memory alarm", times)
    scale = Scale(retries=30_000, lines=10, window=100)
    with trial(result, tell, scale=scale, services=services) as run:
        broker = _own_broker(run)
        run.fleet[0].start()
        for number in range(1, times + 1):
            tell(f"memory alarm {number} of {times}")
            _one_alarm(run, broker)
        run.finish()
    return result


def _one_alarm(run: Trial, broker: PrivateBroker) -> None:
    result, daemon = run.result, run.fleet[0]
    run.busy(jobs=2)
    run.moves(60, windows=3)
    memory = daemon.memory_bytes()
    try:
        with ThreadPoolExecutor(1) as worker:
            raised = worker.submit(broker.ctl, *ALARM)
            while not raised.done():  # jobs are at work when the alarm comes, however long that takes
                run.busy(jobs=2)
                time.sleep(0.05)
            raised.result()
        run.busy(jobs=2)
        run.wait(lambda: len(run.place.rows(RUNNING)) >= 2, "two jobs run", 30)
        first, second = (row[0] for row in run.place.rows(RUNNING)[:2])
        shown = run.wait(
            lambda: all("blocked" in (run.place.value(WHY, job) or "") for job in (first, second)),
            "the alarm is shown",
            20,
        )
        result.worst("alarm shown after", shown, 2)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            result.worst("memory growth", (daemon.memory_bytes() - memory) / MEGABYTE, 20, "MB")
            time.sleep(0.2)
        run.place.rows("select pgjobs.stop_job(%s)", first)
        result.worst("stop during the alarm", run.wait(lambda: not run.place.value(HELD, first), "it stops", 20), 5)
        run.place.rows("select pgjobs.resume_job(%s)", first)
    finally:
        broker.ctl(*NO_ALARM)
    result.worst("resume after the alarm", run.moves(30), 5)


def _own_broker(run: Trial) -> PrivateBroker:
    broker = run.place.services.broker
    if broker is None:
        raise ServicesError("this part kills the broker, and PGJOBS_AMQP_URL names somebody's", "unset PGJOBS_AMQP_URL")
    return broker
