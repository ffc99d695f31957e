"""An exchange that asks for no routing key."""

import uuid

from fix_broker import Drain
from fix_daemon import Engine


def test_an_exchange_that_needs_no_routing_key(engine: Engine) -> None:
    """A type with a named exchange may have an empty routing key: its messages reach whatever is bound to it."""
    exchange = f"pgjobs-fanout-{uuid.uuid4().hex[:12]}"
    with Drain(engine.amqp_url) as broker:
        broker.channel.exchange_declare(exchange, "fanout")
        broker.channel.queue_bind(engine.queue, exchange)
        try:
            engine.set_route("", exchange)
            engine.add_retries(5)
            job = engine.add_job("expired")
            engine.start()
            engine.wait_status(job, "done")
            assert 5 == len(engine.drain())
        finally:
            broker.channel.exchange_delete(exchange)
