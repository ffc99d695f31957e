"""The queues of tracked types: there for answers, read by consumers, and as Celery declares them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pika import exceptions

from pgjobs.broker.connection import answer, fail
from pgjobs.broker.publisher import Publisher
from pgjobs.ops.doctor.finding import Finding, ok, problem, unchecked, warning
from pgjobs.ops.doctor.work import JobType

NEVER = "x-max-age"
IMPOSSIBLE = {NEVER: "never"}
"""No queue can be made with this value: where there is none any more, declaring it makes none either."""
INEQUIVALENT = "inequivalent arg"


async def findings(publisher: Publisher, types: list[JobType]) -> AsyncIterator[Finding]:
    """A line for each reply queue, and one for each queue of work that nobody reads or that Celery would refuse."""
    for job_type in types:
        try:
            async for found in _of_type(publisher, job_type):
                yield found
        except (exceptions.AMQPError, TimeoutError) as error:
            yield unchecked("replies", error)


async def _of_type(publisher: Publisher, job_type: JobType) -> AsyncIterator[Finding]:
    name, queue = job_type.name, "" if job_type.exchange else job_type.routing_key
    if job_type.reply_queue:
        try:
            await _declare(publisher, job_type.reply_queue, passive=True)
            yield ok("replies", f"{name} is answered on queue {job_type.reply_queue}")
        except exceptions.ChannelClosedByBroker as error:
            words = f"queue {job_type.reply_queue!r}: {error.reply_code} {error.reply_text}"
            remedy = "declare the queue, or mend reply_queue in xmp_job_types"
            held = ", and nothing is sent meanwhile" if job_type.needs_replies else ""
            yield problem("replies", f"{name}: no answers are taken from {words}{held}", remedy)
    if job_type.tracked and job_type.format == "celery" and job_type.execution_limit is None:
        sentence = f"{name}: execution_limit is null, so an item whose task a killed Celery worker has lost stays open"
        yield warning("celery", sentence, "set execution_limit in xmp_job_types")
    if not queue:
        return
    try:
        frame = await _declare(publisher, queue, passive=True)
    except exceptions.ChannelClosedByBroker:
        return  # the routes tell
    if job_type.tracked and frame.method.consumer_count == 0:
        sentence = f"{name}: nobody consumes queue {queue!r}, so its items get no answer"
        yield warning("agents", sentence, "start its consumers; pgjobs agents shows those that beat")
    if job_type.format == "celery" and (differs := await _difference(publisher, queue)):
        yield warning(
            "celery",
            f"{name}: queue {queue!r} is no plain classic queue, and a Celery worker that declares it so is refused:"
            f" {differs}",
            "give task_queues of the worker the same queue_arguments, or declare the queue anew without any",
        )


async def _difference(publisher: Publisher, queue: str) -> str:
    """Where a queue is not as Celery declares it by itself, in the broker's words; empty where nothing can be seen."""
    try:
        # The broker compares nothing where a declaration is passive.
        await _declare(publisher, queue, durable=True, arguments=IMPOSSIBLE)
    except exceptions.ChannelClosedByBroker as error:
        said = str(error.reply_text)
        return said if INEQUIVALENT in said and NEVER not in said else ""
    return ""


async def _declare(publisher: Publisher, queue: str, **how: Any) -> Any:
    """Ask for a queue on a channel of its own; ChannelClosedByBroker where the broker refuses."""
    declared: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    channel = await publisher.connection.open_channel()
    channel.add_on_close_callback(lambda _channel, error: fail(declared, error))
    channel.queue_declare(queue, **how, callback=lambda frame: answer(declared, frame))
    async with asyncio.timeout(publisher.connection.stall_seconds):
        frame = await publisher.connection.or_lost(declared)
    channel.close()
    return frame
