"""What a full queue refuses is published again with care: where the broker keeps copies of it, it keeps few."""

from collections import Counter
from collections.abc import Iterator

import pytest
from fix_broker import Drain
from fix_daemon import Engine, unmarked_copies

RECORDS = 60


@pytest.fixture
def dead(engine: Engine) -> Iterator[str]:
    """The dead-letter queue of a queue that takes five messages; jobs are routed to that one, the engine's own."""
    full, dead = f"{engine.queue}-full", f"{engine.queue}-dead"
    limits = {
        "x-max-length": 5,
        "x-overflow": "reject-publish-dlx",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
    }
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(dead, durable=True)
        broker.channel.queue_declare(full, durable=True, arguments=limits)
        own, engine.queue = engine.queue, full
        engine.set_route(full)
        yield dead
        engine.queue = own
        for name in (full, dead):
            broker.channel.queue_delete(name)


def test_a_full_queue_that_keeps_what_it_refuses(engine: Engine, dead: str) -> None:
    """While a queue is full one message at a time asks for room; all that was published more than once is marked and
    lies in a reported range."""
    engine.add_retries(RECORDS)
    engine.start(window=20)
    job = engine.add_job("expired")
    engine.wait_until("exists (select from pgjobs.shards where note like '%%nack%%')")
    with Drain(engine.amqp_url) as broker:
        first = broker.depth(dead)
        # Two windows were refused but for five; from then on it is asked with single messages.
        engine.wait_for(lambda: broker.depth(dead) >= max(first, 35) + 2, "it asks again")
        # A third window would be twenty more.
        assert broker.depth(dead) < 35 + 20
    taken = engine.drain()

    def is_done() -> bool:
        taken.extend(engine.drain())
        return bool(engine.value("select status = 'done' from xmp_jobs where id = %s", job))

    engine.wait_for(is_done, "the job is done")
    taken += engine.drain()
    refused = engine.drain(dead)
    assert set(range(1, RECORDS + 1)) == {message.key for message in taken}
    assert list(range(1, RECORDS + 1)) == [line.key for line in engine.log_lines(job)]
    everywhere = Counter(message.key for message in [*taken, *refused])
    uncertain = engine.uncertain(job)
    assert [] == [key for key, copies in everywhere.items() if copies > 1 and not uncertain(key)]
    assert [] == unmarked_copies([*taken, *refused])
    assert RECORDS == engine.counters(job).sent
