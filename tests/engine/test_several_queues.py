"""One job over several queues: each record goes where its own routing key leads, and what leads nowhere is told."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from fix_doctor import Examine
from pika.exceptions import AMQPError

ENGINE_PAGE = (Path(__file__).parents[2] / "pgjobs" / "engine" / "README.md").read_text()
SECTION = ENGINE_PAGE[ENGINE_PAGE.index("### One job over several queues") : ENGINE_PAGE.index("## The log of a job")]
URL = '"amqp://admin:secret@mq/%2F"'


@pytest.fixture
def offers(engine: Engine) -> Iterator[str]:
    """The exchange of the page, under a name of the test's own, with its four queues and its type."""
    name = f"pgjobs-offers-{uuid.uuid4().hex[:12]}"
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL))
    assert {"sh", "python", "sql"} == blocks.keys()
    declare = blocks["python"].replace(URL, repr(engine.amqp_url))
    assert declare != blocks["python"]
    try:
        exec(re.sub(r'"offers\b', f'"{name}', declare), {})  # noqa: S102 the example of the page
    except AMQPError as error:
        pytest.skip(f"the broker has no exchange for consistent hashing: {error}")
    engine.execute(blocks["sql"].replace("'offers'", f"'{name}'").replace("%", "%%"))
    yield name
    with Drain(engine.amqp_url) as broker:
        broker.channel.exchange_delete(name)
        for number in range(4):
            broker.channel.queue_delete(f"{name}-{number}")


def subscribe(engine: Engine, number: int) -> None:
    """So many subscriptions, ten of each msisdn."""
    engine.execute(
        "insert into xmp_subscriptions (id, msisdn) select i, 923000000000 + i / 10 from generate_series(1, %s) i",
        number,
    )


def keys_of(engine: Engine, queue: str) -> list[int]:
    """The records whose messages lie in a queue."""
    return [message.key for message in engine.drain(queue)]


def test_a_job_is_spread_over_the_queues_of_its_exchange(engine: Engine, offers: str) -> None:
    """As the page says: every record comes once, each queue gets its share, and a target is always in the same one."""
    subscribe(engine, 2000)
    engine.start(window=100)
    job = engine.add_job("offer")
    engine.wait_status(job, "done")
    queues = [keys_of(engine, f"{offers}-{number}") for number in range(4)]
    assert list(range(1, 2001)) == sorted(key for keys in queues for key in keys)
    assert all(len(keys) > 100 for keys in queues)
    assert 201 == sum(len({key // 10 for key in keys}) for keys in queues)
    assert (2000, 2000, 0, 0) == tuple(vars(engine.counters(job)).values())


def test_doctor_knows_such_an_exchange(engine: Engine, examine: Examine, offers: str) -> None:
    """It is a good route while it is there; once it is gone the type is named, with what to do."""
    assert ("ok", f"offer publishes to exchange {offers}") in [(one.level, one.sentence) for one in examine()]
    with Drain(engine.amqp_url) as broker:
        broker.channel.exchange_delete(offers)
    (found,) = [one for one in examine() if one.about == "routes" and one.sentence.startswith("offer:")]
    assert ("problem", "declare it, or mend exchange and routing_key in xmp_job_types") == (found.level, found.remedy)
    assert f"broker refuses exchange {offers!r}: 404" in found.sentence


def unbind(engine: Engine, exchange: str) -> None:
    """Take all queues off an exchange."""
    with Drain(engine.amqp_url) as broker:
        for number in range(4):
            broker.channel.queue_unbind(f"{exchange}-{number}", exchange, "10")


def bind(engine: Engine, exchange: str) -> None:
    """Bind one queue to it."""
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_bind(f"{exchange}-0", exchange, "10")


@pytest.mark.parametrize(("number", "rate"), [(1, None), (500, None), (30, 20)])
def test_a_job_of_which_everything_comes_back_breaks_off(
    engine: Engine, offers: str, number: int, rate: int | None
) -> None:
    """Where no record has come to a queue the job ends with a sentence and counts nothing of the window; bound and
    resumed it sends that. Where a pace makes its windows small, those before the last one are returned one by one."""
    subscribe(engine, number)
    unbind(engine, offers)
    engine.start(window=100)
    job = engine.value("insert into xmp_jobs (type, rate) values ('offer', %s) returning id", rate)
    engine.wait_status(job, "error")
    sentence = engine.error_of(job)
    assert sentence.startswith(
        f"no queue is bound to exchange '{offers}' with any routing key of its records, such as '923"
    )
    assert sentence.endswith("Returned by the broker: 312 NO_ROUTE")
    returned = engine.counters(job).returned
    assert (0, returned) == (engine.counters(job).sent, engine.counters(job).considered)
    assert rate or not returned
    bind(engine, offers)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert list(range(returned + 1, number + 1)) == keys_of(engine, f"{offers}-0")
    assert 0 == engine.value("select count(*) from pgjobs.job_uncertain where job_id = %s", job)


def test_queues_that_are_gone_in_mid_job(engine: Engine, offers: str) -> None:
    """A hundred different keys in a row that lead nowhere end the job, also where others have come to a queue."""
    engine.execute(
        "insert into xmp_subscriptions (id, msisdn) select i, 923000000000 + i from generate_series(1, 3000) i"
    )
    engine.start(window=100)
    job = engine.value("insert into xmp_jobs (type, rate) values ('offer', 200) returning id")
    engine.wait_considered(job, 200)
    unbind(engine, offers)
    engine.wait_status(job, "error")
    assert "with any routing key of its records" in engine.error_of(job)
    counters = engine.counters(job)
    assert counters.sent >= 100
    assert counters.returned < 300
    bind(engine, offers)
    engine.execute("update xmp_jobs set rate = null where id = %s", job)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    arrived = sorted(key for number in range(4) for key in keys_of(engine, f"{offers}-{number}"))
    returned = {line.key for line in engine.log_lines(job) if line.error}
    assert engine.counters(job).returned == len(returned)
    assert [key for key in range(1, 3001) if key not in returned] == arrived


@pytest.mark.usefixtures("offers")
def test_one_key_that_leads_nowhere_costs_no_other(engine: Engine) -> None:
    """A window of one key alone that comes back is returned record by record, where others have come to a queue."""
    subscribe(engine, 300)
    keys = f"case when id between 101 and 300 and id <> 250 then 'nobody' else '{engine.queue}' end"
    engine.execute(
        "create or replace function public.offer_records(job bigint, shard integer, after_key bigint, end_key bigint)"  # noqa: S608
        " returns text language sql stable as $f$ select $$ select id as key, msisdn as target, null::text as code,"
        f" null::text as detail, '{{}}' as body, {keys} as routing_key from public.xmp_subscriptions where id > $$"
        " || coalesce(after_key, 0) || ' order by id' $f$"
    )
    engine.execute("update xmp_job_types set exchange = '', routing_key = %s where name = 'offer'", engine.queue)
    engine.start(window=50)
    job = engine.add_job("offer")
    engine.wait_status(job, "done")
    assert [*range(1, 101), 250] == keys_of(engine, engine.queue)
    assert (300, 101, 0, 199) == tuple(vars(engine.counters(job)).values())
    assert {("sent", None): 101, ("skip", "Returned by the broker"): 199} == engine.outcomes(job)
