"""What a run may publish is decided for all shards of a job together: budgets, rates, windows, holds, kill switch."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from fix_jobs import WORKER, Db, claim, insert_job, prepare

NINE = datetime(2030, 3, 4, 9, tzinfo=UTC)
NIGHT = timedelta(hours=9)
OTHER = UUID("99999999-2222-3333-4444-555555555555")
WINDOW = '{"window": {"start": "09:00", "stop": "15:00"}}'
CLAIM = "select job_id from pgjobs.claim_shards(%s, '{}', true, interval '1 min')"


class Grant(NamedTuple):
    """What grant_records() has answered."""

    verdict: str
    pause: timedelta | None
    reason: str | None
    at_most: int
    delay: timedelta | None
    valid: timedelta | None


class Running:
    """A job with all its shards claimed, whose runs ask for grants."""

    def __init__(self, db: Db, shards: int = 1, **columns: object) -> None:
        db.execute(
            "insert into xmp_retries_expired (id, msisdn) select i, (923000000000 + i)::text"
            " from generate_series(1, 60) i on conflict do nothing"
        )
        self.db = db
        self.id = insert_job(db, shards=shards, **columns)
        prepare(db, claim(db, self.id))
        for number in range(1, shards):
            claim(db, self.id, shard=number)

    def ask(self, shard: int = 0, wanted: int = 15, depth: int | None = None, seen: int | None = None) -> Grant:
        """What one shard may publish."""
        columns = ", ".join(Grant._fields)
        call = f"select {columns} from pgjobs.grant_records(%s, %s, 1, %s, %s, %s)"  # noqa: S608 - names of our own
        return Grant(*self.db.row(call, self.id, shard, wanted, depth, seen))

    def checkpointed(self, shard: int, sent: int = 0, returned: int = 0) -> None:
        """What has become of the grant of one shard."""
        statement = (
            "update pgjobs.shards set granted = 0, sent = sent + %(s)s, returned = returned + %(r)s,"
            " considered = considered + %(s)s + %(r)s where job_id = %(j)s and shard = %(n)s"
        )
        self.db.execute(statement, {"s": sent, "r": returned, "j": self.id, "n": shard})

    def set_on(self, **columns: object) -> None:
        """Change the row of the job."""
        for column, value in columns.items():
            statement = f"update xmp_jobs set {column} = %s where id = %s"  # noqa: S608 - names of our own
            assert 1 == self.db.run(statement, value, self.id)

    def value(self, column: str) -> Any:
        """A column of the job."""
        return self.db.value(f"select {column} from xmp_jobs where id = %s", self.id)  # noqa: S608

    def due(self) -> list[datetime | None]:
        """From when on its shards may be claimed."""
        return self.db.column("select due_at from pgjobs.shards where job_id = %s order by shard", self.id)


def clock(db: Db, moment: datetime) -> None:
    """Set the clock of schedules."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def test_errors_are_counted_over_all_shards(db: Db) -> None:
    """Three shards with two errors each exceed a budget of five, whichever of them asks next."""
    job = Running(db, 3, budget='{"errors": 5}')
    for shard in range(3):
        assert ("go", 15) == (job.ask(shard).verdict, job.ask(shard).at_most)
        job.checkpointed(shard, sent=5, returned=2)
    held = job.ask()
    assert ("wait", 0, None) == (held.verdict, held.at_most, held.pause)
    assert (held.reason or "").startswith("6 records were refused, returned or failed, and its budget.errors allows 5")
    assert not job.value("active")


def test_a_share_is_one_of_all_shards(db: Db) -> None:
    """A share of errors counts from its sample on, over what all shards have published together."""
    job = Running(db, 2, budget='{"errors": {"share": 0.1, "after": 40}}')
    job.checkpointed(0, sent=15, returned=5)
    assert "go" == job.ask(1).verdict
    job.checkpointed(1, sent=20)
    assert "wait" == job.ask(1).verdict


def test_a_record_is_one_attempt(db: Db) -> None:
    """A record that is returned is an error and one attempt, and so is one that is no message; after a release both are
    counted anew, by the same rule."""
    job = Running(db, budget='{"errors": {"share": 0.3, "after": 12}}')
    for _ in range(2):
        job.checkpointed(0, sent=6, returned=4)
        skipped = (
            "insert into pgjobs.outcomes as o values (%s, 0, 'skip', 'empty', 1)"
            " on conflict (job_id, shard, action, code) do update set n = o.n + 1"
        )
        db.execute(skipped.encode(), (job.id,))
        assert "go" == job.ask().verdict
        job.checkpointed(0, sent=1)
        assert (job.ask().reason or "").startswith("5 of 12 records were refused, returned or failed")
        job.set_on(active=True)


def test_a_canary_is_one_for_all_shards(db: Db) -> None:
    """Three shards that ask before any of them has sent share the first 20 records; when these are sent the job is
    held, and once it is active again nothing of the canary is left."""
    job = Running(db, 3, budget='{"canary": {"first": 20}}')
    assert [15, 5, 0] == [job.ask(shard).at_most for shard in range(3)]
    job.checkpointed(0, sent=15)
    assert ("go", 0) == (job.ask(2).verdict, job.ask(2).at_most)
    job.checkpointed(1, sent=5)
    assert ("wait", 0) == (job.ask(2).verdict, job.ask(2).at_most)
    job.set_on(active=True)
    assert [15, 15, 15] == [job.ask(shard).at_most for shard in range(3)]


def test_a_rate_is_one_for_all_shards(db: Db) -> None:
    """However many shards ask, together they are granted what may go within a second, and after a while without work
    0.8 s of unused time more; then each of them has to wait."""
    clock(db, NINE)
    job = Running(db, 3, rate=100)
    for moment, least in ((NINE, 100), (NINE + timedelta(seconds=20), 180)):
        clock(db, moment)
        assert least <= sum(job.ask(shard).at_most for _ in range(20) for shard in range(3)) <= least + 20
        assert {"wait"} == {job.ask(shard).verdict for shard in range(3)}


@pytest.mark.parametrize("rate", [1, 7.5, 100, 5000])
def test_a_burst_is_one_second_of_a_rate(db: Db, rate: float) -> None:
    """After a long wait a job may publish one second's worth at once, and what its rate says from then on: so no second
    has more than twice the rate."""
    clock(db, NINE)
    job = Running(db, rate=rate)
    job.ask(0, 1)
    clock(db, NINE + timedelta(seconds=20))
    granted = []
    while (grant := job.ask(0, 9000)).verdict == "go":
        assert grant.delay is not None
        granted.append((grant.delay, grant.at_most))
    assert 0.8 * rate <= sum(n for delay, n in granted if not delay) <= rate
    assert 1.8 * rate <= sum(n for delay, n in granted if delay < timedelta(seconds=1)) <= 2 * rate


def test_a_grant_ends_with_its_window(db: Db) -> None:
    """A grant is good until the window closes or the stop comes, whichever is first; then there is none."""
    clock(db, NINE)
    job = Running(db, schedule=WINDOW)
    clock(db, NINE + timedelta(hours=5, minutes=59, seconds=30))
    assert ("go", 15, timedelta(seconds=30)) == (job.ask().verdict, job.ask().at_most, job.ask().valid)
    job.set_on(stop_at=NINE + timedelta(hours=5, minutes=59, seconds=50))
    assert timedelta(seconds=20) == job.ask().valid
    clock(db, NINE + timedelta(hours=6))
    assert ("close", 0) == (job.ask().verdict, job.ask().at_most)
    job.set_on(stop_at=None)
    assert ("wait", 0, timedelta(hours=18)) == (job.ask().verdict, job.ask().at_most, job.ask().pause)


@pytest.mark.parametrize("how", ["its lease runs out", "it is handed back"])
def test_a_hold_outlasts_the_daemon(db: Db, how: str) -> None:
    """A job that is held stays so when its daemon dies or ends: nobody takes it until it is resumed."""
    job = Running(db, budget='{"canary": {"first": 5}}')
    job.checkpointed(0, sent=5)
    assert "wait" == job.ask().verdict
    if how == "it is handed back":
        db.execute("select pgjobs.release_shard(%s, 0, 1, true, true)", (job.id,))
    else:
        db.execute(
            "update pgjobs.shards set lease_until = clock_timestamp() - interval '1 s',"
            " lease_check_at = clock_timestamp() - interval '1 s'"
        )
    assert [] == db.column(CLAIM, OTHER)
    assert (False, [None]) == (job.value("active"), job.due())
    assert "its first 5 records are sent" in db.value("select pgjobs.why(%s)", job.id)
    job.set_on(active=True)
    assert [job.id] == db.column(CLAIM, OTHER)


def test_a_deleted_job_leaves_no_hold_behind(db: Db) -> None:
    """What held a job, and what its budget was, goes with it."""
    job = Running(db, budget='{"canary": {"first": 5}}')
    job.checkpointed(0, sent=5)
    assert "wait" == job.ask().verdict
    db.execute("select pgjobs.release_shard(%s, 0, 1, true, true)", (job.id,))
    assert 1 == db.run("delete from xmp_jobs where id = %s", job.id)
    assert [0, 0] == [db.value(f"select count(*) from pgjobs.{table}") for table in ("holds", "paces")]  # noqa: S608


def test_a_paused_shard_is_due_at_its_stop(db: Db) -> None:
    """A shard that is given up because its job is paused is due when the stop of the job comes, and closes it then;
    without a stop it is due when the job is active again."""
    clock(db, NINE)
    job = Running(db, rate=100)
    job.set_on(active=False)
    for stop_at in (None, NINE + NIGHT):
        job.set_on(stop_at=stop_at)
        db.execute("update pgjobs.shards set owner = %s, lease_until = 'infinity'", (WORKER,))
        assert db.value("select pgjobs.park_shard(%s, 0, 1, true, null, 'it is paused')", job.id)
        assert [stop_at] == job.due()
    assert [] == db.column(CLAIM, OTHER)
    clock(db, NINE + NIGHT)
    assert [job.id] == db.column(CLAIM, OTHER)
    assert ["close"] == db.column("select verdict from pgjobs.grant_records(%s, 0, 2, 15)", job.id)


@pytest.mark.parametrize(
    "edit",
    [
        "update xmp_jobs set stop_at = '2030-03-04 10:00Z'",
        "update xmp_jobs set rate = 1000",
        "update xmp_job_types set rate = 1000",
        "insert into pgjobs.holidays (calendar, day) values ('default', '2026-12-24')",
    ],
)
def test_what_is_parked_by_a_pace_of_before_looks_again_at_once(db: Db, edit: str) -> None:
    """The pace is changed after a daemon was told to wait for five minutes, and before it has parked the shard."""
    clock(db, NINE)
    job = Running(db, schedule=WINDOW)
    db.run(edit)
    park = "select pgjobs.park_shard(%s, 0, 1, true, '5 min', 'its rate allows the next record later')"
    assert db.value(park, job.id)
    assert db.value("select due_at <= pgjobs.now() from pgjobs.shards")
    db.execute("update pgjobs.shards set owner = gen_random_uuid(), lease_until = 'infinity'")
    assert db.value(park, job.id)
    assert db.value("select due_at > pgjobs.now() + interval '4 min' from pgjobs.shards")


def test_nothing_is_taken_while_everything_is_held(db: Db) -> None:
    """While the kill switch is on no daemon is given anything, no job begins, and a run that asks has to wait; then all
    goes on."""
    running = Running(db)
    waiting = insert_job(db)
    db.execute("select pgjobs.hold_all('the operator asks')")
    assert [] == db.column(CLAIM, OTHER)
    assert "ready" == db.value("select status from xmp_jobs where id = %s", waiting)
    assert 3600 == db.value("select pgjobs.next_wakeup(true)")
    assert ("wait", 0) == (running.ask().verdict, running.ask().at_most)
    assert ["wait"] == db.column("select verdict from pgjobs.orders(%s)", running.id)
    db.execute("select pgjobs.release_all()")
    assert [waiting] == db.column(CLAIM, OTHER)
    assert ("go", 15) == (running.ask().verdict, running.ask().at_most)


def test_what_others_publish_is_in_the_backlog(db: Db) -> None:
    """What other shards were granted, and what they have published since the queue was measured, takes its place in the
    backlog."""
    job = Running(db, 3, max_backlog=100)
    job.checkpointed(0, sent=30)
    assert 90 == job.ask(0, 100, depth=10, seen=30).at_most
    job.checkpointed(0)
    assert 20 == job.ask(1, 20, depth=10, seen=30).at_most
    assert 70 == job.ask(0, 100, depth=10, seen=30).at_most
    job.checkpointed(0)
    job.checkpointed(1, sent=20)
    assert 70 == job.ask(0, 100, depth=10, seen=30).at_most
