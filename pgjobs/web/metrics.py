"""The endpoints for Prometheus: the samples of pgjobs.metrics() as text, and where the daemons show their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pgjobs.joblog.rules import HOST
from pgjobs.web.doc import TEXT, Answer, Doc, listing, record
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import HEADERS

Row = tuple[str, str, str, dict[str, str], float]
"""(name of the sample, kind, help, labels, value)"""

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


class Samples(Collector):
    """Regroups samples into families: a sample's name without its kind's suffix is its family's."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows

    def collect(self) -> Iterator[Metric]:
        """The families, their samples in the order the text format wants."""
        families: dict[str, Metric] = {}
        for name, kind, text, labels, value in sorted(self._rows, key=_order):
            family = _family(name, kind)
            metric = families.setdefault(family, Metric(family, text, kind))
            metric.add_sample(name, labels, value)
        yield from families.values()


def _family(name: str, kind: str) -> str:
    for suffix in SUFFIXES.get(kind, ()):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _order(row: Row) -> tuple[str, list[tuple[str, str]], str, float]:
    name, kind, _, labels, _ = row
    series = sorted((label, value) for label, value in labels.items() if label != "le")
    return _family(name, kind), series, name, float(labels.get("le", "inf"))


OWN = CollectorRegistry()
"""What is known of this process itself."""
ProcessCollector(registry=OWN)
PlatformCollector(registry=OWN)


async def scrape(request: Request) -> Response:
    """All samples, as Prometheus reads them."""
    samples = "select name, kind, help, labels, value from pgjobs.metrics()"
    rows = await request.app.state.database.rows(samples, reading=True)
    registry = CollectorRegistry()
    registry.register(Samples(rows))
    text = generate_latest(registry) + generate_latest(OWN)
    return Response(text, headers=HEADERS | {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def targets(request: Request) -> Response:
    """Where the daemons show their own metrics, for Prometheus' discovery by HTTP."""
    [(found,)] = await request.app.state.database.rows("select pgjobs.metrics_targets(%s)", HOST, reading=True)
    return JSONResponse(found, headers=HEADERS)


DOC = Doc("Samples for Prometheus", {200: Answer("The samples.", TEXT, "text/plain")})
LABELS = {"type": "object", "additionalProperties": TEXT}
TARGETS_DOC = Doc(
    "Addresses of the daemons' metrics, for Prometheus (http_sd_configs)",
    {200: Answer("One group for each daemon.", listing(record({"targets": listing(TEXT), "labels": LABELS})))},
)
ENDPOINTS = (
    Endpoint("/metrics", scrape, "read", ("GET",), DOC),
    Endpoint("/metrics/targets", targets, "read", ("GET",), TARGETS_DOC),
)
