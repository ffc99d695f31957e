"""What the broker says: that it is there, and that the route of every job type exists."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator

from pgjobs.broker.publisher import Publisher
from pgjobs.errors import ConfigurationError, Interrupted
from pgjobs.metrics import Metrics
from pgjobs.ops.doctor import queues
from pgjobs.ops.doctor.finding import Finding, ok, problem, warning
from pgjobs.ops.doctor.work import JobType
from pgjobs.settings import Settings

PATIENCE_SECONDS = 6.0
UNREACHABLE = "check host and port in PGJOBS_AMQP_URL, and that RabbitMQ runs"
REMEDIES = (
    (
        r"SSL|certificate|TLS",
        "check the certificate, and the port in PGJOBS_AMQP_URL: amqps:// is 5671, amqp:// is 5672",
    ),
    (
        r"[Ll]ogin was refused|authentication",
        "check user and password in PGJOBS_AMQP_URL; guest may only log in locally",
    ),
    (r"vhost .*not found", "create the virtual host, or mend it in PGJOBS_AMQP_URL, where / is written as %2F"),
    (
        r"vhost .*(refused|is down)|ACCESS_REFUSED",
        "give the user rights on the virtual host: rabbitmqctl set_permissions",
    ),
    (r"limit", "raise the limit that is named, or run fewer daemons or a smaller PGJOBS_MAX_RUNNING"),
    (r"not known|name resolution|No address", "check the host's name in PGJOBS_AMQP_URL"),
    (r"[Tt]imed? ?out", "check host and port in PGJOBS_AMQP_URL, firewalls on the way, and that RabbitMQ answers"),
    (r"protocol|lost|EOF|reset", "check that RabbitMQ, and nothing else, listens at host and port of PGJOBS_AMQP_URL"),
)
"""By the words of the broker, of pika and of the network, the first that fits."""
SUSPENDED = "mobilink_mo_tarifficate"
"""Where /api publishes to, see pgjobs.request_suspended()."""


async def findings(settings: Settings, types: list[JobType]) -> AsyncIterator[Finding]:
    """The broker and its routes."""
    began = time.monotonic()
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # it would tell the same in four lines
    try:
        publisher = await Publisher.connect(settings.amqp_url, "pgjobs doctor", Metrics(), PATIENCE_SECONDS)
    except Interrupted as error:
        yield problem("broker", error.sentence, remedy_for(error.sentence))
        return
    try:
        yield ok("broker", f"{_version(publisher)} answers ({1000 * (time.monotonic() - began):.0f} ms)")
        for job_type in types:
            if job_type.taken_by_sql:
                yield ok("routes", f"{job_type.name} has no route: its items are taken by SQL")
                continue
            sentence = await _missing(publisher, job_type.exchange, job_type.routing_key)
            route = f"exchange {job_type.exchange}" if job_type.exchange else f"queue {job_type.routing_key}"
            if sentence:
                remedy = "declare it, or mend exchange and routing_key in xmp_job_types"
                yield problem("routes", f"{job_type.name}: {sentence}", remedy)
            else:
                yield ok("routes", f"{job_type.name} publishes to {route}")
        async for found in queues.findings(publisher, types):
            yield found
        sentence = await _missing(publisher, "", SUSPENDED)
        if sentence:
            yield warning("routes", f"/api: {sentence}", "declare it where /api is used")
        else:
            yield ok("routes", f"/api publishes to queue {SUSPENDED}")
    finally:
        publisher.close()
        await publisher.wait_closed()


def remedy_for(sentence: str) -> str:
    """What to do about a broker that does not let us in, by what it or the network says."""
    return next((what for words, what in REMEDIES if re.search(words, sentence)), UNREACHABLE)


async def _missing(publisher: Publisher, exchange: str, routing_key: str) -> str:
    try:
        await publisher.check_route(exchange, routing_key)
    except (ConfigurationError, Interrupted) as error:
        return error.sentence
    return ""


def _version(publisher: Publisher) -> str:
    said = publisher.connection.properties
    names = (said.get("product", "the broker"), said.get("version", ""))
    return " ".join(name.decode() if isinstance(name, bytes) else str(name) for name in names).strip()
