"""The benchmark at a tiny scale: each measurement really runs and counts what it says; how fast is not judged."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pika
import psycopg
import pytest
from fix_services import soon

from pgjobs.bench import (
    backlog,
    comparisons,
    crowd,
    crowded,
    doors,
    fairness,
    growth,
    injecting,
    jobs,
    latency,
    live,
    meter,
    profiler,
    rates,
    report,
    runner,
    selecting,
    sharding,
    tracking,
    viewers,
    views,
    waiting,
    workers,
)
from pgjobs.bench.book import Book, Key, Sample, percentile
from pgjobs.bench.lab import QUEUE_TYPES, Lab, laboratory
from pgjobs.bench.scale import LETTERS, QUICK, Scale, choose
from pgjobs.bench.targets import TARGETS
from pgjobs.errors import SettingsError
from pgjobs.lab.services import Services

TINY = Scale(
    small=40,
    records=4000,
    repeat=1,
    part=600,
    other_seconds=0.3,
    rest=0,
    lines=1500,
    starts=4,
    stops=2,
    urgent=1,
    growth=(2000, 5000),
    resume_at=0.4,
    history=3000,
    views=2000,
    asks=3,
    rates=(20, 80),
    pace_seconds=1.0,
    waiting=300,
    dues=3,
)


@pytest.fixture(scope="module")
def lab(services: Services) -> Iterator[Lab]:
    """A laboratory of the tests' own; windows are small, so that small jobs last a while."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PGJOBS_WINDOW", "20")
        with laboratory(services, TINY, say=lambda _words: None) as made:
            yield made


def selection(lab: Lab, *, dry: bool = False) -> int:
    """How many records of the whole table are to be sent (or, dry, considered), told by other SQL than the engine's."""
    row = lab.connection.execute(
        "select count(distinct r.msisdn), count(*) from xmp_retries_expired r where r.msisdn not in ("
        " select msisdn from xmp_transactions where result in ('paid', 'retry_paid', 'injection_paid', 'expired_paid'))"
    ).fetchone()
    assert row is not None
    return int(row[1 if dry else 0])


def only(lab: Lab, letter: str, name: str, queue: str = "") -> Sample:
    """The one repetition of a measurement."""
    [sample] = lab.book.samples[Key(letter, name, queue)]
    return sample


def test_views_over_a_history(lab: Lab) -> None:
    """Every view of the page is asked for, in the database where it has a statement and through a web process, and each
    index on the table of jobs is built and timed."""
    views.measure(lab)
    assert [] == [remark for remark in lab.book.remarks if remark.startswith(views.LETTER)]
    for name, view in views.all_views().items():
        (sample,) = lab.book.samples[views.key(name)]
        assert sample.count == TINY.asks
        assert {"first byte_ms", *(("database_ms",) if view.statement else ())} <= sample.figures.keys()
    assert lab.book.figure(views.key("index pgjobs_jobs_created_idx"), "size_mb")
    assert views.slowest(lab.book)


def test_ceiling_and_live_send_the_same_number_of_messages(lab: Lab) -> None:
    """Both publish what they are asked to, into both types of queue; the whole table is everything selected."""
    live.measure(lab, None)
    for kind in QUEUE_TYPES:
        assert TINY.part == only(lab, "a", live.CEILING, kind).count
        assert TINY.part == only(lab, "b", live.LIVE, kind).count
        assert selection(lab) == only(lab, "b", live.WHOLE, kind).count


def test_processor_time_and_memory_are_read(lab: Lab) -> None:
    """The servers are found by themselves: their processes, and the daemon's, have spent something."""
    assert lab.trees["postgres"] is not None
    assert lab.trees["broker"] is not None
    queue = lab.queue("classic")
    live.ceiling(lab, queue, TINY.part)
    sample = lab.book.samples[Key("a", live.CEILING, "classic")][-1]
    assert {"publisher", "postgres", "broker"} == set(sample.cpu)
    assert sample.cpu["publisher"] > 0
    assert sample.peak_mb is not None
    assert sample.peak_mb > 10


def test_what_people_use_instead_arrives_too(lab: Lab) -> None:
    """Each way is measured and found in its queue to the last message, or said to be not installed."""
    comparisons.measure(lab)
    for way in comparisons.WAYS:
        if importlib.util.find_spec(way.package) is None:
            assert any(remark.startswith(way.name) for remark in lab.book.remarks)
        else:
            assert 0 < only(lab, "c", way.name, "classic").count <= selection(lab)


def test_a_dry_run_and_copy_read_the_same_selection(lab: Lab) -> None:
    """The dry run considers everything the statement that is copied has rows."""
    selecting.measure(lab)
    assert selection(lab, dry=True) == only(lab, "d", selecting.DRY).count
    row = lab.connection.execute("select max(id) from xmp_jobs where params ? 'dry_run'").fetchone()
    assert row is not None
    statement = selecting.records_statement(lab, row[0])
    copied = lab.connection.execute(statement.encode())
    assert selection(lab, dry=True) == copied.rowcount
    assert "set enable_hashjoin = off;" in selecting.planner_settings(lab)
    assert {selecting.COPY, selecting.COPY_BINARY} <= {key.name for key in lab.book.samples}


def test_copy_works_without_psql(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no psql, psycopg copies."""
    monkeypatch.setattr(lab, "psql", None)
    with workers.daemon(lab):
        job = jobs.start(lab, lab.type_for("expired", lab.queue("copied")), {**lab.range(), "dry_run": True})
        jobs.wait_for(lab, job.id)
    assert selecting.copy(lab, job.id, "binary").seconds > 0


def test_an_injection_considers_every_line(lab: Lab) -> None:
    """The dry run and the live one both consider the whole file."""
    injecting.measure(lab)
    assert TINY.lines == only(lab, "e", injecting.DRY).count
    injected = only(lab, "e", injecting.LIVE, "classic")
    assert TINY.lines == injected.count
    assert 0 < injected.figures["sent"] < TINY.lines


def test_latencies_are_positive_and_as_many_as_asked_for(lab: Lab) -> None:
    """Starts and stops are timed one by one."""
    latency.measure(lab)
    for kind in QUEUE_TYPES:
        started = only(lab, "f", latency.START, kind)
        assert TINY.starts == started.count
        assert 0 < started.figures["p50_ms"] <= started.figures["p99_ms"] < 30_000
        confirmed = only(lab, "f", latency.CONFIRMED, kind)
        assert TINY.starts == confirmed.count
        assert 0 < confirmed.figures["p50_ms"] <= confirmed.figures["p99_ms"] < 30_000
    stopped = only(lab, "f", latency.STOP, "classic")
    assert TINY.stops == stopped.count
    assert 0 <= stopped.figures["p50_ms"] < 30_000


def test_eight_jobs_send_as_much_as_one(lab: Lab) -> None:
    """The same rows are split; only subscribers who are in two parts are sent twice."""
    crowd.measure(lab)
    one, many = only(lab, "h", crowd.ONE, "classic"), only(lab, "h", crowd.MANY, "classic")
    assert 0 < one.count <= many.count < 1.3 * one.count
    assert TINY.urgent == only(lab, "h", crowd.URGENT, "classic").count


def test_urgent_jobs_come_while_every_place_is_taken(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The giants hold all places before each urgent job, and do not run any more afterwards."""
    monkeypatch.setattr(fairness, "PLACES", 1)
    monkeypatch.setenv("PGJOBS_WINDOW", "1")
    fairness.measure(lab)
    sample = only(lab, *fairness.KEY)
    assert TINY.urgent == sample.count
    assert 0 < sample.figures["p50_ms"] <= sample.figures["max_ms"]
    assert lab.connection.execute("select count(*) from xmp_jobs where status = 'in progress'").fetchone() == (0,)


def test_shards_consider_what_one_does(lab: Lab) -> None:
    """In however many shards, the same records are considered and sent."""
    sharding.measure(lab)
    for dry in (True, False):
        samples = [only(lab, *sharding.key(shards, dry=dry)) for shards in sharding.SHARDS]
        assert 1 == len({(sample.count, sample.figures["sent"]) for sample in samples})
        assert samples[0].count > samples[0].figures["sent"] > 0
    cut = "select max(parts) from pgjobs.shards where finished_at is not null"
    assert lab.connection.execute(cut).fetchone() == (16,)


def test_each_statement_is_asked_on_both_databases(lab: Lab) -> None:
    """Every statement has its times on the small and on the crowded database."""
    crowded.measure(lab)
    for what in crowded.STATEMENTS:
        for name in (crowded.SMALL, crowded.CROWDED):
            assert TINY.asks == only(lab, crowded.LETTER, f"{what}: {name}").count
        assert (crowded.ratio(lab.book, what) or 0) > 0
    assert (crowded.worst(lab.book) or 0) >= max(crowded.ratio(lab.book, what) or 0 for what in crowded.STATEMENTS)


def test_rates_are_watched_and_changed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rate has what was confirmed under it, its edit, and ten jobs of one type have theirs together."""
    monkeypatch.setattr(rates, "EDIT_SECONDS", 2.0)
    monkeypatch.setattr(rates, "EDGE_SECONDS", 0.5)
    rates.measure(lab)
    for rate, new in ((20, 80), (80, 20)):
        kept = only(lab, *rates.rate_key(rate))
        assert 0 < kept.count <= 2 * rate * (kept.seconds + 1)
        assert kept.figures["fullest_times"] > 0
        assert 0 <= only(lab, *rates.edit_key(rate, new)).figures["after_ms"] <= 2000
    assert only(lab, *rates.FREE).count > 0
    shared = only(lab, *rates.SUM)
    assert 0 < shared.count <= rates.TYPE_RATE * (shared.seconds + 1)
    assert 0 <= shared.figures["poorest_percent"] <= 100
    assert lab.connection.execute("select count(*) from xmp_jobs where status = 'in progress'").fetchone() == (0,)


def test_a_rate_is_judged_by_its_checkpoints() -> None:
    """The first messages are not counted, the fullest second is found, and an edit is in effect from the second on that
    has what it allows."""
    steady = [rates.Confirmed(100 + n / 10, 1) for n in range(31)]
    sample = rates.accuracy(steady, 8, 2.0, {})
    assert 20 == sample.count
    assert pytest.approx(2.0) == sample.seconds
    assert pytest.approx(25) == sample.figures["error_percent"]
    assert 10 <= 8 * sample.figures["fullest_times"] <= 11
    faster = [*steady, *(rates.Confirmed(103.5 + n / 40, 1) for n in range(120))]
    assert pytest.approx(0.3, abs=0.2) == rates.in_effect(faster, 103.0, 10, 40)
    assert rates.in_effect(steady, 103.0, 10, 40) is None
    assert pytest.approx(0) == rates.in_effect(steady, 101.0, 40, 10)
    with pytest.raises(workers.BenchError, match="only the messages of the first checkpoint"):
        rates.accuracy(steady[:1], 8, 2.0, {})


def test_a_slow_consumer_is_watched(lab: Lab) -> None:
    """It takes messages, and never more lie ready than max_backlog and a window, nor after the stop."""
    backlog.measure(lab)
    sample = only(lab, *backlog.KEY)
    assert sample.count > 0
    assert 0 < sample.figures["most ready"] <= backlog.MAX_BACKLOG + 20
    assert 0 <= sample.figures["left"] <= sample.figures["most ready"]
    assert 0 <= sample.figures["found nothing_percent"] < 100


def test_jobs_that_wait_do_so_in_three_ways(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third waits for its moment, a third for its window, a third is paused: nothing of it is due, and the daemon at
    rest and jobs that fall due are measured with and without them."""
    found: list[tuple[object, ...]] = []

    def fill(own: Lab, kind: str, number: int) -> None:
        waiting_fill(own, kind, number)
        counts = "select status::text, active, count(*) from xmp_jobs where type = %s group by 1, 2 having count(*) > 9"
        found.extend(own.connection.execute(counts, (kind,)).fetchall())
        found.extend(own.connection.execute("select count(*) from pgjobs.shards where due_at < now()").fetchall())

    waiting_fill = waiting.fill
    monkeypatch.setattr(waiting, "fill", fill)
    waiting.measure(lab)
    assert {("ready", True, 100), ("in progress", True, 100), ("in progress", False, 100), (0,)} == set(found)
    for number in (0, TINY.waiting):
        at_rest = only(lab, *waiting.rest_key(number))
        assert {"publisher", "postgres", "broker"} == set(at_rest.cpu)
        assert at_rest.figures["connections"] >= 1
        due = only(lab, *waiting.due_key(number))
        assert TINY.dues == due.count
        assert due.figures["p50_ms"] <= due.figures["p99_ms"]
    assert None not in (waiting.later(lab.book), waiting.dearer(lab.book))


def test_tracked_records_are_sent_answered_and_measured(lab: Lab) -> None:
    """A launch ends with everything sent, all its answers are taken in, an agent closes every item, and nothing is open
    when their size is taken."""
    tracking.measure(lab)
    plain, launched = only(lab, *tracking.UNTRACKED), only(lab, *tracking.LAUNCH)
    assert TINY.part == plain.count == launched.count
    assert only(lab, *tracking.EXPANSION).count >= TINY.part
    assert 0 <= only(lab, *tracking.REPLIES).count < TINY.part
    for together in (1, tracking.TOGETHER):
        ended = only(lab, *tracking.end_key(together))
        assert TINY.part == ended.count
        assert ended.figures["agent_us"] > 0
    left = only(lab, *tracking.SIZE)
    assert lab.connection.execute("select count(*) from pgjobs.items").fetchone() == (left.count,)
    assert left.figures["all tables"] >= left.figures["bytes each"] > left.figures["without index"] > 0
    answered = "select sum(n) filter (where status = 's'), sum(n) filter (where status = 'D') from pgjobs.item_counts"
    assert lab.connection.execute(answered).fetchone() == (3 * TINY.part, None)


def test_growth_loads_what_is_missing_and_resumes(services: Services) -> None:
    """A bigger table is loaded where it is needed, and the resumed job sends each record once.

    Windows are very small, so that a job lasts long enough to be stopped on a busy machine.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PGJOBS_WINDOW", "5")
        with laboratory(services, TINY, say=lambda _words: None) as lab:
            growth.measure(lab)
            small, big = (only(lab, *growth.key(rows)) for rows in TINY.growth)
            assert selection(lab) == big.count > small.count > 0
            assert big.figures["resume_ms"] > 0
            assert big.peak_mb is not None


def test_a_profile_shows_the_daemon(tmp_path: Path) -> None:
    """py-spy writes a flame graph of a process while a block runs."""
    if not Path(sys.executable).with_name("py-spy").exists():
        pytest.skip("py-spy is not installed (extra bench)")
    spinning = [sys.executable, "-c", "import time\nprint(flush=True)\nwhile True: sum(range(1000))"]
    target = tmp_path / "daemon.svg"
    with subprocess.Popen(spinning, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with profiler.recording(process.pid, target):
                assert soon(lambda: meter.cpu_seconds(process.pid) > 1.5)
        finally:
            process.kill()
    assert "<svg" in target.read_text()


def test_a_failed_script_is_one_sentence(lab: Lab) -> None:
    """What a script says last is what one reads."""
    with pytest.raises(workers.BenchError, match="ceiling failed"):
        workers.run_script(lab, "ceiling", "nowhere", "10", "0")


def test_nothing_is_left_behind(services: Services) -> None:
    """The database and the queues of the benchmark go with it."""
    with laboratory(services, TINY, say=lambda _words: None) as lab:
        queue, database = lab.queue("gone"), urlsplit(lab.database_url).path[1:]
    with psycopg.connect(services.database_url) as connection:
        found = connection.execute("select count(*) from pg_database where datname = %s", (database,)).fetchone()
    assert (0,) == found
    broker = pika.BlockingConnection(pika.URLParameters(services.amqp_url))
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="404"):
        broker.channel().queue_declare(queue, passive=True)
    broker.close()


def test_one_failing_measurement_does_not_stop_the_others(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It leaves a remark, and the report is still written."""

    def fails(_lab: Lab) -> None:
        raise workers.BenchError("no luck today")

    taken: list[str] = []
    monkeypatch.setattr(runner, "REST", (("c", fails), ("d", lambda _lab: taken.append("d")), ("e", fails)))
    monkeypatch.setattr(lab, "scale", choose(records=None, repeat=None, letters="cd", quick=True, full=False))
    assert not runner.measure(lab)
    assert ["d"] == taken
    assert "c: broken off: no luck today" in lab.book.remarks
    report.write(tmp_path / "bench.json", lab.book, lab.scale, runner.versions(lab))
    written = json.loads((tmp_path / "bench.json").read_text())
    assert len(TARGETS) == len(written["targets"])
    assert written["versions"]["postgresql"]
    assert written["versions"]["rabbitmq"]


def test_medians_ratios_and_percentiles() -> None:
    """Ratios are taken pair by pair where two measurements alternated, else of the medians."""
    book, one, other = Book(), Key("b", "one"), Key("a", "other")
    for seconds in (1.0, 2.0, 4.0):
        book.add(one, Sample(100, seconds, {"broker": 0.001}))
        book.add(other, Sample(100, seconds / 2))
    assert 50 == book.rate(one)
    assert 0.5 == book.ratio(one, other)
    assert pytest.approx(10) == book.micros(one, "broker")
    assert book.micros(other, "broker") is None
    book.add(other, Sample(100, 0.25))
    assert 50 / 150 == book.ratio(one, other)
    assert book.ratio(one, Key("c", "never measured")) is None
    hundred = [float(n) for n in range(1, 101)]
    assert (50, 99) == (percentile(hundred, 50), percentile(hundred, 99))
    assert 3 == percentile([3.0], 99)


def test_a_target_is_met_missed_or_not_measured() -> None:
    """The bound itself is met."""
    [target] = [each for each in TARGETS if each.what == "live ÷ ceiling, classic queue"]
    book = Book()
    assert target.met(book) is None
    book.add(Key("a", live.CEILING, "classic"), Sample(100, 0.9))
    book.add(Key("b", live.LIVE, "classic"), Sample(100, 1.0))
    assert target.met(book) is True
    book.samples[Key("b", live.LIVE, "classic")] = [Sample(100, 1.1)]
    assert target.met(book) is False


def test_processor_time_of_a_tree_counts_its_children() -> None:
    """What a shell's child has burnt is the shell's, also after the child's end; several trees count together."""
    command = "python3 -c 'sum(i * i for i in range(3000000))'; read _"
    with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE) as shell:
        watch = meter.Watch({"shell": shell.pid, "both": (shell.pid, shell.pid), "elsewhere": None})
        while not (spent := watch.spent())["shell"] > 0.05:
            assert shell.poll() is None
        assert {"shell", "both"} == set(spent)
        assert spent["both"] > spent["shell"]


def test_the_command_line_chooses_the_scale() -> None:
    """Quick, full and numbers of one's own."""
    assert QUICK == choose(records=None, repeat=None, letters="", quick=True, full=False)
    assert 10_000_000 == choose(records=None, repeat=None, letters="", quick=False, full=True).growth[-1]
    mine = choose(records=300_000, repeat=5, letters="ab", quick=False, full=False)
    assert (300_000, 5, 60_000, "ab") == (mine.records, mine.repeat, mine.part, mine.letters)
    assert LETTERS == choose(records=None, repeat=None, letters="", quick=False, full=False).letters


@pytest.mark.parametrize(
    ("letters", "json_file", "profile", "sentence"),
    [
        ("xaz", None, None, "--only: x, z is no measurement"),
        ("a", "missing/bench.json", None, "--json: there is no folder"),
        ("b", None, "missing/daemon.svg", "--profile: there is no folder"),
        ("ac", None, "daemon.svg", "--profile: it shows a live job"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    tmp_path: Path, letters: str, json_file: str | None, profile: str | None, sentence: str
) -> None:
    """One sentence at once, and not after an hour."""
    scale = choose(records=None, repeat=None, letters=letters, quick=True, full=False)
    with pytest.raises(SettingsError, match=sentence):
        runner.run(scale, *(tmp_path / name if name else None for name in (json_file, profile)))


def test_each_door_is_asked_while_a_job_runs(lab: Lab) -> None:
    """A job is measured alone and beside calls; the status call of each door is answered with 200, and timed."""
    doors.measure(lab)
    assert TINY.part == only(lab, "q", doors.ALONE.name, "classic").count
    assert 0 < only(lab, "q", doors.ASKED.name, "classic").figures["calls_rate"] <= 1.5 * doors.RATE
    for door in doors.DOORS:
        sample = only(lab, "q", doors.door_key(door).name)
        assert sample.count > 0
        assert 0 < sample.figures["p50_ms"] <= sample.figures["p99_ms"]


def test_a_job_is_watched(lab: Lab) -> None:
    """A job is measured alone and with viewers, each of whom sees its end; they share the connections there are."""
    viewers.measure(lab)
    assert TINY.part == only(lab, "s", viewers.ALONE.name, "classic").count
    watched = only(lab, "s", viewers.WATCHED.name, "classic")
    assert TINY.part == watched.count
    assert 1 <= watched.figures["connections"] <= 9
    assert 2 <= watched.figures["events, fewest"] <= watched.figures["events, median"]
