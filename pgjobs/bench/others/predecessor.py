"""The way of the predecessor: declare the queue for every publish, fire and forget."""

from __future__ import annotations

import pika

from pgjobs.bench.others.charges import charges, encoded, task
from pgjobs.bench.script import play


def main() -> None:
    """Play from the command line."""
    asked = task()
    connection = pika.BlockingConnection(pika.URLParameters(asked.amqp_url))
    channel = connection.channel()

    supply = charges(asked)

    def run() -> int:
        published = 0
        for _, event in supply:
            channel.queue_declare(asked.queue, durable=True, arguments={"x-queue-type": asked.queue_type})
            properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
            channel.basic_publish("", asked.queue, encoded(event), properties)
            published += 1
        connection.close()  # what is still buffered goes out with it, and counts
        return published

    play(run)


if __name__ == "__main__":
    main()
