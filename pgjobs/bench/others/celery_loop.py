"""Celery: apply_async in a loop over a server-side cursor, with or without publisher confirms."""

from __future__ import annotations

from celery import Celery
from kombu import Exchange, Queue

from pgjobs.bench.others.charges import charges, task
from pgjobs.bench.script import play


def work(**event: object) -> None:
    """What a worker would do; only its name is needed here."""


def main() -> None:
    """Play from the command line."""
    asked = task()
    app = Celery("bench", broker=asked.amqp_url)
    queue = Queue(
        asked.queue,
        Exchange("", type="direct"),
        routing_key=asked.queue,
        durable=True,
        queue_arguments={"x-queue-type": asked.queue_type},
    )
    app.conf.update(
        task_queues=[queue],
        task_default_queue=asked.queue,
        task_ignore_result=True,
        broker_transport_options={"confirm_publish": asked.confirm},
    )

    charge = app.task(work, name="charge")

    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=3)

    supply = charges(asked)

    def run() -> int:
        published = 0
        for _, event in supply:
            charge.apply_async(kwargs=event)
            published += 1
        return published

    play(run)
    app.close()


if __name__ == "__main__":
    main()
