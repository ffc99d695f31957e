"""A reply queue that is missing: nothing is sent while nobody could take the answers, unless the type wants that."""

from fix_broker import Drain
from fix_items import Tracked

GOOD = {"result": "SUCCESSFUL"}
WHY = (
    "pgjobs.why(%s) like 'nothing is sent while nobody could take the answers: broker refuses queue ''{}'': 404"
    "%%declare this reply queue, or mend reply_queue of its type; it goes on when the queue is there'"
)


def test_nothing_is_sent_while_nobody_could_take_the_answers(tracked: Tracked) -> None:
    """The job waits and says why, with nothing sent and nothing broken off; once the queue is declared it goes on."""
    engine, queue = tracked.engine, f"{tracked.replies}-2"
    tracked.rules(reply_queue=queue)
    tracked.targets(3)
    job = tracked.add_job()
    engine.start()
    engine.wait_until(WHY.format(queue), job)
    assert [] == engine.drain()
    assert {"w": 3} == tracked.statuses(job)
    assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(queue, durable=True)
        try:
            tracked.consume(lambda *_: GOOD)
            engine.wait_status(job, "done")
        finally:
            broker.channel.queue_delete(queue)
    assert {"s": 3} == tracked.statuses(job)
    assert 0 == engine.value("select count(*) from pgjobs.job_uncertain where job_id = %s", job)


def test_a_reply_queue_that_goes_away_in_mid_job(tracked: Tracked) -> None:
    """What is in flight is accounted for, the rest waits for the queue; then each item is launched once."""
    engine = tracked.engine
    tracked.targets(400)
    job = tracked.add_job(rate=20)
    engine.start(window=5)
    engine.wait_until("(select sum(n) > 20 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_delete(tracked.replies)
        engine.wait_until(WHY.format(tracked.replies), job)
        launched = tracked.statuses(job)["l"]
        assert launched < 400
        assert 0 == engine.value("select count(*) from pgjobs.job_uncertain where job_id = %s", job)
        broker.channel.queue_declare(tracked.replies, durable=True)
    engine.execute("update xmp_jobs set rate = null where id = %s", job)
    engine.wait_until("(select sum(n) = 400 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    messages = engine.drain()
    assert list(range(1, 401)) == [int(str(message.properties.correlation_id).split("-")[1]) for message in messages]
    assert [] == [message for message in messages if message.marked]


def test_a_type_that_needs_no_answers_goes_on(tracked: Tracked) -> None:
    """Where the type says so everything is sent all the same, and answers are taken once the queue is there."""
    engine, queue = tracked.engine, f"{tracked.replies}-2"
    tracked.rules(reply_queue=queue, needs_replies=False)
    tracked.targets(3)
    job = tracked.add_job()
    engine.start()
    engine.wait_until("(select sum(n) = 3 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    assert 3 == len(engine.drain())
    tracked.report(*((f"{job}-{n}", GOOD) for n in (1, 2, 3)))
    engine.wait_status(job, "done")
    assert {"s": 3} == tracked.statuses(job)


def test_a_reply_queue_that_is_a_stream(tracked: Tracked) -> None:
    """What is taken from a stream stays there, and a daemon that comes later does not see it: why says so."""
    engine, queue = tracked.engine, f"{tracked.replies}-2"
    tracked.rules(reply_queue=queue)
    tracked.targets(3)
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "stream"})
        try:
            job = tracked.add_job()
            tracked.consume(lambda _, body: GOOD if body["n"] == 1 else None)
            engine.start()
            words = f"%no answers are taken from its reply queue {queue} (it is a stream%declare%"
            engine.wait_until("(select w.why like %s from pgjobs.job_status w where w.id = %s)", words, job)
        finally:
            broker.channel.queue_delete(queue)
