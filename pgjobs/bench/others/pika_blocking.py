"""pika's BlockingConnection in a loop over a server-side cursor, with or without confirm_delivery."""

from __future__ import annotations

import pika

from pgjobs.bench.others.charges import charges, encoded, task
from pgjobs.bench.script import play


def main() -> None:
    """Play from the command line."""
    asked = task()
    connection = pika.BlockingConnection(pika.URLParameters(asked.amqp_url))
    channel = connection.channel()
    if asked.confirm:
        channel.confirm_delivery()

    supply = charges(asked)

    def run() -> int:
        published = 0
        for key, event in supply:
            properties = pika.BasicProperties(
                content_type="application/json", delivery_mode=2, message_id=str(key), type="expired"
            )
            channel.basic_publish("", asked.queue, encoded(event), properties, mandatory=asked.confirm)
            published += 1
        connection.close()  # what is still buffered goes out with it, and counts
        return published

    play(run)


if __name__ == "__main__":
    main()
