"""Whatever the data and the parameters, queue, log and counters are what the contract says.

Hypothesis draws tables, files and parameters; a real daemon runs the jobs; tests/models/model.py knows what should come
out. Some jobs are stopped at a drawn record and resumed after more has happened in the tables.
"""

import contextlib
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any

import hypothesis
import model
import pytest
from fix_daemon import Engine
from fix_database import create_database, drop_database
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from model import Outcome, Params, Phase, Retry, Transaction
from pika import BlockingConnection, URLParameters

from pgjobs.injection import kind
from pgjobs.lab.services import Services

_PHASE = hypothesis.Phase
RUN = settings(
    max_examples=150,
    deadline=None,
    print_blob=True,
    phases=(_PHASE.explicit, _PHASE.reuse, _PHASE.generate, _PHASE.shrink),  # to explain would run jobs for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WINDOWS = (1, 3, 7)
DAY = dt.datetime(2017, 2, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
MIDNIGHT = DAY + dt.timedelta(days=1)
MOMENTS = [DAY - MICROSECOND, DAY, MIDNIGHT - MICROSECOND, MIDNIGHT]
WRITTEN = {"2017-02-01": DAY, "2017-02-01 05:00:00+05": DAY, "2017-02-02T00:00:00.000Z": MIDNIGHT}
MSISDNS = [f"9230000000{i:02}" for i in range(6)]
RESULTS = [*sorted(model.OFFICIALLY_PAID), "failed", "sms_paid", ""]


class Engines:
    """An engine with a running daemon for each size of the window, made when it is first asked for."""

    def __init__(self, services: Services, template: str, folder: Any, stack: contextlib.ExitStack) -> None:
        self._services = services
        self._template = template
        self._folder = folder
        self._stack = stack
        self._made: dict[int, Engine] = {}

    def of(self, window: int) -> Engine:
        """The engine whose windows have this size, its tables empty."""
        if window not in self._made:
            self._made[window] = self._make(window)
        engine = self._made[window]
        engine.execute(
            "truncate xmp_retries_expired, xmp_transactions, xmp_msisdn_blacklist, xmp_msisdn_postpaid, xmp_services"
        )
        return engine

    def _make(self, window: int) -> Engine:
        name = f"pgjobs_{self._folder.name}_{window}_{id(self):x}".replace("-", "_")
        self._stack.callback(drop_database, self._services.database_url, name)
        url = create_database(self._services.database_url, name, self._template)
        broker = BlockingConnection(URLParameters(self._services.amqp_url))
        broker.channel().queue_declare(name, durable=True)
        broker.close()
        self._stack.callback(self._delete_queue, name)
        engine = self._stack.enter_context(Engine(url, self._services.amqp_url, name, self._folder / str(window)))
        engine.start(window=window, lease_seconds=20)
        return engine

    def _delete_queue(self, name: str) -> None:
        broker = BlockingConnection(URLParameters(self._services.amqp_url))
        broker.channel().queue_delete(name)
        broker.close()


@pytest.fixture
def engines(services: Services, template_database: str, tmp_path: Any) -> Iterator[Engines]:
    """Daemons that live as long as the test, over all its examples."""
    with contextlib.ExitStack() as stack:
        yield Engines(services, template_database, tmp_path, stack)


@dataclasses.dataclass(frozen=True)
class Stop:
    """A stop after so many considered records, and what happens before the resume."""

    considered: int
    transactions: Sequence[Transaction]
    more: int


def either(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value as JSON number or as string."""
    return value.flatmap(lambda v: st.sampled_from([v, str(v)]))


def flags() -> st.SearchStrategy[Any]:
    """The spellings of true and false."""
    return st.sampled_from([1, "1", True, "true", 0, "0", False, "false"])


def is_true(flag: object) -> bool:
    """What such a spelling means."""
    return str(flag).lower() in ("1", "true")


transactions = st.builds(Transaction, st.sampled_from(MSISDNS), st.sampled_from(RESULTS), st.sampled_from(MOMENTS))
stops = st.none() | st.builds(Stop, st.integers(1, 40), st.lists(transactions, max_size=4), st.integers(0, 3))
moments = st.sampled_from(sorted(WRITTEN))
expired_params = {
    "count": either(st.integers(1, 7)),
    "offset": either(st.integers(0, 4)),
    "order": st.sampled_from(["asc", "desc"]),
    "never": flags(),
    "last_charge_at": moments,
    "date_from": moments,
    "date_to": moments,
    "service_code": either(st.integers(0, 1)),
    "campaign_id": either(st.integers(0, 1)),
    "dry_run": flags(),
}
injection_params = {
    "count": either(st.integers(1, 30)),
    "offset": either(st.integers(0, 12)),
    "never": flags(),
    "last_charge_at": moments,
    "prefix": st.sampled_from(["*", "92", "9230", "7"]),
    "service_id": either(st.just(5)),
    "campaign_id": either(st.integers(0, 1)),
    "dry_run": flags(),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """How a job is run: its phases are those of one shard, and only a file is cut where there is a count."""

    params: dict[str, Any]
    stop: Stop | None
    shards: int
    window: int


@st.composite
def runs(draw: st.DrawFn, params: dict[str, st.SearchStrategy[Any]]) -> Run:
    """A few parameters of a job (more at once would leave hardly any record to look at), a stop or several shards."""
    shards = draw(st.sampled_from([1, 1, 1, 2, 3]))
    counted = shards == 1 or "prefix" in params
    possible = sorted(params if counted else params.keys() - {"count"})
    drawn = {key: draw(params[key]) for key in sorted(draw(st.sets(st.sampled_from(possible), max_size=4)))}
    return Run(drawn, draw(stops) if shards == 1 else None, shards, draw(st.sampled_from(WINDOWS)))


def many(values: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Any]]:
    """Lists that are long more often than Hypothesis would make them."""
    return st.sampled_from([0, most // 3, most // 2]).flatmap(
        lambda least: st.lists(values, min_size=least, max_size=most)
    )


@st.composite
def tables(draw: st.DrawFn) -> list[Retry]:
    """Rows of xmp_retries_expired: few msisdns, moments at the boundaries, gaps between the ids."""
    rows: list[Retry] = []
    row_id = 0
    columns = st.tuples(
        st.sampled_from(MSISDNS),
        st.sampled_from(MOMENTS),
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(1, 3),
    )
    for msisdn, at, service, campaign, gap in draw(many(columns, 40)):
        row_id += gap
        rows.append(Retry(row_id, msisdn, at, service, campaign))
    return rows


numbers = st.sampled_from([*(m.encode() for m in MSISDNS), b"923", b"7123123123", b"9" * 20, b"9" * 21, b""])
odd = st.binary(max_size=6).map(lambda b: b.replace(b"\n", b" ").replace(b'"', b"'"))
file_lines = st.one_of(
    numbers,
    numbers,
    st.builds(lambda n, rest: n + b"," + rest, numbers, odd),
    st.builds(lambda before, n, after: before + n + after, odd, numbers, odd),
    st.builds(lambda n, rest: b'"' + n + b'"' + rest, numbers, st.sampled_from([b"", b",x", b' ;"y"'])),
    st.builds(lambda a, o, b: a + o + b, numbers, odd, numbers),
    odd,
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """The content of an injection file, with any kind of line end."""
    lines = draw(many(file_lines, 40)) or [b""]
    ends = [draw(st.sampled_from([b"\n", b"\r\n"])) for _ in lines]
    content = b"".join(line.removesuffix(b"\r") + end for line, end in zip(lines, ends, strict=True))
    if draw(st.booleans()):
        content = content.removesuffix(b"\n").removesuffix(b"\r") or b"\n"
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + content
    assume(kind.encoding(content) is None and kind.refusal(content) is None and content[:2] != b"\x1f\x8b")
    return content


def read_params(drawn: dict[str, Any]) -> Params:
    """The drawn parameters as the model takes them."""
    number: dict[str, Any] = {key: int(drawn[key]) for key in ("count", "offset") if key in drawn}
    moment: dict[str, Any] = {
        key: WRITTEN[drawn[key]] for key in ("date_from", "date_to", "last_charge_at") if key in drawn
    }
    service = drawn.get("service_id", drawn.get("service_code"))
    campaign = drawn.get("campaign_id")
    return Params(
        **number,
        **moment,
        descending=drawn.get("order") == "desc",
        never=is_true(drawn.get("never", 0)),
        service=None if service is None else int(service),
        campaign=None if campaign is None else int(campaign),
        prefix=drawn.get("prefix", "92").strip("*"),
    )


def insert_retries(engine: Engine, rows: Sequence[Retry]) -> None:
    """Rows of the model into the table."""
    engine.insert(
        "xmp_retries_expired",
        [
            {"id": r.id, "msisdn": r.msisdn, "created_at": r.created_at, "id_service": r.service}
            | {"id_campaign": r.campaign}
            for r in rows
        ],
    )


def insert_transactions(engine: Engine, rows: Sequence[Transaction]) -> None:
    """Transactions of the model into the table."""
    engine.insert("xmp_transactions", [dataclasses.asdict(row) for row in rows])


def run(engine: Engine, job: int, known: Sequence[Transaction], stop: Stop | None) -> list[Phase]:
    """Run a job to its end, with its stop where one is drawn; the phases it went through."""
    ended = (
        "exists (select from xmp_jobs j where j.id = %s and j.status in ('done', 'canceled') and not exists"
        " (select from pgjobs.shards p where p.job_id = j.id and p.owner is not null))"
    )
    engine.set_status(job, "ready")
    engine.wait_until(ended, job)
    if engine.value("select status from xmp_jobs where id = %s", job) == "done":
        return [Phase(known)]
    assert stop is not None
    until = engine.value("select after_key from pgjobs.shards where job_id = %s", job)
    insert_transactions(engine, stop.transactions)
    last = engine.value("select coalesce(max(id), 0) from xmp_retries_expired")
    insert_retries(
        engine, [Retry(last + 1 + i, MSISDNS[i], DAY + dt.timedelta(hours=23), i % 2, 0) for i in range(stop.more)]
    )
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    return [Phase(known, until), Phase([*known, *stop.transactions])]


def add_held_job(
    engine: Engine, job_type: str, file_name: str, params: dict[str, Any], stop: Stop | None, shards: int
) -> int:
    """A job that waits for `run`, its stop set."""
    job = int(
        engine.value(
            "insert into xmp_jobs (type, file_name, params, shards, status)"
            " values (%s, %s, %s, %s, 'canceled') returning id",
            job_type,
            file_name,
            json.dumps(params),
            shards,
        )
    )
    if stop is not None:
        engine.stop_when_considered(job, stop.considered)
    return job


def compare(
    engine: Engine, job: int, expected: Sequence[Outcome], shards: int, *, dry_run: bool
) -> list[dict[str, Any]]:
    """Log, queue and counters against the model; the messages' contents. Shards keep no order among each other."""
    lines = engine.log_lines(job)
    messages = engine.drain()
    if shards > 1:
        expected = sorted(expected, key=lambda outcome: outcome.key)
        lines.sort(key=lambda line: line.key)
        messages.sort(key=lambda message: message.key)
    assert list(expected) == [Outcome(line.key, line.msg, line.error) for line in lines]
    sent = [outcome.key for outcome in expected if outcome.reason is None]
    assert ([] if dry_run else sent) == [message.key for message in messages]
    assert [f"{job}-{key}" for key in sent][: len(messages)] == [m.properties.message_id for m in messages]
    assert not any(message.marked for message in messages)
    counters = engine.counters(job)
    assert (len(expected), len(sent), 0) == (counters.considered, counters.sent, counters.returned)
    assert model.counts(expected) == engine.outcomes(job)
    return [message.event for message in messages]


@RUN
@given(
    rows=tables(),
    drawn=runs(expired_params),
    known=many(transactions, 10),
)
@pytest.mark.long
def test_expired(
    engines: Engines,
    rows: list[Retry],
    drawn: Run,
    known: list[Transaction],
) -> None:
    """Every expired job does what the model says, stopped and resumed or not; no msisdn is sent twice."""
    engine = engines.of(drawn.window)
    insert_retries(engine, rows)
    insert_transactions(engine, known)
    job = add_held_job(engine, "expired", "", drawn.params, drawn.stop, drawn.shards)
    phases = run(engine, job, known, drawn.stop)
    expected = model.expired(rows, read_params(drawn.params), phases)
    events = compare(engine, job, expected, drawn.shards, dry_run=is_true(drawn.params.get("dry_run", 0)))
    assert len(events) == len({event["msisdn"] for event in events})
    by_id = {row.id: row for row in rows}
    for event in events:
        row = by_id[event["retry_id"]]
        codes = {"service_code": row.service, "campaign_id": row.campaign}
        assert row.msisdn == event["msisdn"]
        assert {key: str(code) for key, code in codes.items() if code} == {
            key: event[key] for key in codes if key in event
        }


@RUN
@given(
    content=files(),
    drawn=runs(injection_params),
    known=many(transactions, 10),
    blacklisted=st.frozensets(st.sampled_from(MSISDNS), max_size=2),
    postpaid=st.frozensets(st.sampled_from(MSISDNS), max_size=2),
)
@pytest.mark.long
def test_injection(
    engines: Engines,
    content: bytes,
    drawn: Run,
    known: list[Transaction],
    blacklisted: frozenset[str],
    postpaid: frozenset[str],
) -> None:
    """Every injection job does what the model says about every line, whatever bytes it is made of."""
    engine = engines.of(drawn.window)
    engine.insert("xmp_services", [{"id": 5, "price": 3}, {"id": 0, "price": 0}])
    for table, members in (("xmp_msisdn_blacklist", blacklisted), ("xmp_msisdn_postpaid", postpaid)):
        engine.insert(table, [{"msisdn": msisdn} for msisdn in sorted(members)])
    insert_transactions(engine, known)
    file_name = engine.add_file("drawn.csv", content)
    job = add_held_job(engine, "injection", file_name, drawn.params, drawn.stop, drawn.shards)
    phases = run(engine, job, known, drawn.stop)
    read = read_params(drawn.params)
    expected = model.injection(content, read, phases, blacklisted, postpaid)
    events = compare(engine, job, expected, drawn.shards, dry_run=is_true(drawn.params.get("dry_run", 0)))
    codes = {"service_code": read.service, "campaign_id": read.campaign}
    sent = [outcome for outcome in expected if outcome.reason is None]
    for outcome, event in zip(sent, events, strict=False):
        assert model.msisdn_of(outcome.msg) == event["msisdn"]
        assert {key: str(code) for key, code in codes.items() if code} == {
            key: event[key] for key in codes if key in event
        }
