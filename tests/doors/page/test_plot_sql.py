"""What the plot of a job is drawn from: sums that are right, few rows read, and honest words where there is nothing."""

from datetime import timedelta
from typing import Any

import pytest
from fix_jobs import Db, insert_job
from fix_lives import BEGIN, Told, at_second, begun, end, plot, tell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHECKPOINT = st.builds(
    Told,
    second=st.integers(1, 5000).map(float),
    sent=st.integers(0, 2000),
    skipped=st.integers(1, 50),
    confirm_ms=st.one_of(st.none(), st.integers(0, 90_000)),
    backlog=st.one_of(st.none(), st.integers(0, 2**33)),
)
SHARD = st.lists(CHECKPOINT, min_size=1, max_size=25).map(lambda told: sorted(told, key=lambda each: each.second))
MANY = 100_000


def test_the_pieces_add_up_to_the_counts_of_the_job(db: Db) -> None:
    """Whatever the checkpoints of whatever shards, and in however few pieces they are told: all records lie in the
    pieces of their window, and together they are those of the job."""

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(SHARD, min_size=1, max_size=3), st.integers(1, 300))
    def holds(shards: list[list[Told]], points: int) -> None:
        with db.transaction(force_rollback=True):
            job = begun(db)
            for number, told in enumerate(shards):
                tell(db, job, told, number)
            all_told = [each for told in shards for each in told]
            # The last checkpoint lies at the very end, and is in the last piece.
            last = max(each.second for each in all_told)
            end(db, job, last)
            found = plot(db, job, points)
        if len(all_told) < 2:
            assert "one checkpoint" == found["state"]
            return
        pieces: list[dict[str, Any]] = found["points"]
        assert 1 <= len(pieces) <= points
        for name in ("sent", "records"):
            assert sum(piece[name] for piece in pieces) == found[name]
        assert found["records"] == sum(each.sent + each.skipped for each in all_told)
        width = last / len(pieces)
        touched = [0] * len(pieces)
        for told in shards:
            former = 0.0
            for each in told:
                # Its window lasted as long as its confirms took, and 300 ms, but not longer than since the one before.
                since = max(0.0, former, each.second - (each.confirm_ms or 0) / 1000 - 0.3)
                for n in range(len(pieces)):
                    if n * width <= each.second + 1e-6 and since <= (n + 1) * width + 1e-6:
                        touched[n] += each.sent + each.skipped
                former = each.second
        for n, piece in enumerate(pieces):
            assert 0 <= piece["sent"] <= piece["records"] <= touched[n]
        latencies = [each.confirm_ms for each in all_told if each.confirm_ms is not None]
        assert found["confirm"]["most"] == max(latencies, default=None)
        assert found["backlog"] == max((each.backlog for each in all_told if each.backlog is not None), default=None)

    holds()


def test_what_each_piece_says(db: Db) -> None:
    """Records, their speed, the middle and the slowest window, and the longest backlog of ten seconds each."""
    job = begun(db)
    tell(
        db,
        job,
        [
            Told(2, 100, 0, 10, 5),
            Told(4, 100, 0, 30, 9),
            Told(6, 50, 50, 20, 2),
            Told(15, 10, 0, None, None),
            Told(16, 0, 3),
        ],
    )
    end(db, job, 20)
    found = plot(db, job, 2)
    assert ("drawn", 313, 5, 5) == (found["state"], found["records"], found["checkpoints"], found["looked_at"])
    first, second = found["points"]
    assert (0, 10) == (at_second(first["at"]), at_second(second["at"]))
    assert {
        "records": 300,
        "sent": 250,
        "rate": 25,
        "unsent": 5,
        "confirm_ms": 20,
        "confirm_most": 30,
        "backlog": 9,
    }.items() <= first.items()
    assert {
        "records": 13,
        "sent": 10,
        "rate": 1,
        "unsent": 0.3,
        "confirm_ms": 5,
        "confirm_most": 5,
        "backlog": None,
    }.items() <= second.items()
    assert {"mean": 13, "peak": 25, "p50": 1, "p95": 25} == found["rate"]
    assert {"windows": 4, "p50": 10, "p95": 30, "p99": 30, "most": 30} == found["confirm"]


def test_a_job_of_many_checkpoints_is_sampled(db: Db) -> None:
    """Of 100,000 checkpoints three thousand rows are read, the pieces still add up, and the plot says that it was drawn
    from a part of them."""
    job = begun(db)
    db.execute(
        "insert into pgjobs.checkpoints"
        " (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks,"
        " confirm_ms)"
        " select %s, 0, g, 1, %s::timestamptz + g * interval '1 s', g * 10, 7 + g %% 3, 0, 1, g, '', '', g %% 50"
        " from generate_series(1, %s) g",
        (job, BEGIN, MANY),
    )
    db.execute(
        "update pgjobs.shards set checkpoints = %s, (considered, sent, returned) ="
        " (select sum(sent + returned), sum(sent), sum(returned) from pgjobs.checkpoints) where job_id = %s",
        (MANY, job),
    )
    end(db, job, MANY)
    db.execute("analyze pgjobs.checkpoints")
    with db.transaction(force_rollback=True):
        assert db.rows_read(f"select pgjobs.page_plot({job}, 300)") < 3_100
    found = plot(db, job, 300)
    assert MANY == found["checkpoints"]
    assert 2_500 < found["looked_at"] <= 3_001
    assert 300 == len(found["points"])
    considered, sent = db.row("select considered, sent from pgjobs.shards where job_id = %s", job)
    assert (considered, sent) == (found["records"], found["sent"])
    assert considered == sum(piece["records"] for piece in found["points"])
    assert sent == sum(piece["sent"] for piece in found["points"])
    mean = considered / MANY
    assert all(0.8 * mean < piece["rate"] < 1.25 * mean for piece in found["points"]), "one that is even looks even"


def test_many_shards_share_what_is_read(db: Db) -> None:
    """Sixty-four shards together are read no more than one: each gives its share, and its last checkpoint at least."""
    job = begun(db)
    db.execute("insert into pgjobs.shards (job_id, shard) select %s, g from generate_series(1, 63) g", (job,))
    db.execute(
        "insert into pgjobs.checkpoints"
        " (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks)"
        " select %s, s, n, 1, %s::timestamptz + n * interval '1 s', n, 10, 0, 0, n, '', ''"
        " from generate_series(0, 63) s, generate_series(1, case when s = 63 then 1 else 300 end) n",
        (job, BEGIN),
    )
    db.execute(
        "update pgjobs.shards p set started_at = %s, (checkpoints, considered, sent) ="
        " (select count(*), sum(c.sent), sum(c.sent) from pgjobs.checkpoints c where c.shard = p.shard)",
        (BEGIN,),
    )
    end(db, job, 300)
    db.execute("analyze pgjobs.checkpoints, pgjobs.shards")
    with db.transaction(force_rollback=True):
        assert db.rows_read(f"select pgjobs.page_plot({job}, 300)") < 3_000 + 6 * 64 + 50
    found = plot(db, job)
    assert 63 * 3000 + 10 == sum(piece["records"] for piece in found["points"])


@pytest.mark.parametrize("state", ["not begun", "no checkpoint", "one checkpoint", "cleared"])
def test_nothing_to_draw_is_said(db: Db, state: str) -> None:
    """A job without two checkpoints, and one whose checkpoints were cleared, say which of it is so."""
    job = insert_job(db) if state == "not begun" else begun(db)
    if state in ("one checkpoint", "cleared"):
        tell(db, job, [Told(1, 5)] * (1 if state == "one checkpoint" else 3))
    if state == "cleared":
        db.execute("delete from pgjobs.checkpoints where number < 3")
        db.execute("update pgjobs.shards set checkpoints_cleared = 2 where job_id = %s", (job,))
    found = plot(db, job)
    records = {"one checkpoint": 5, "cleared": 15}.get(state, 0)
    assert {"state": state, "dry_run": False, "over": False, "records": records}.items() <= found.items()
    assert "points" not in found


def test_a_dry_run_is_drawn_without_latency(db: Db) -> None:
    """A dry run has records per second, and says that it is one."""
    job = begun(db, params={"dry_run": True})
    tell(db, job, [Told(1, 10, 0, None), Told(2, 10, 0, None), Told(3, 10, 0, None), Told(4, 10, 0, None)])
    end(db, job, 4)
    found = plot(db, job)
    assert found["dry_run"] is True
    assert found["confirm"]["p50"] is None
    assert 40 == sum(piece["records"] for piece in found["points"])


def at(db: Db, second: float, *statements: str) -> None:
    """Do these things so many seconds after the beginning, by the clock of schedules."""
    db.execute("select set_config('pgjobs.now', %s, false)", ((BEGIN + timedelta(seconds=second)).isoformat(),))
    for statement in statements:
        db.execute(statement.encode())


def test_when_it_stood_still_is_known(db: Db) -> None:
    """A pause, a hold of its own rule, a stop and a resume are bands with their reasons, from what was done, not from
    what was said of it; the speed is that of the time in which it could move."""
    job = begun(db)
    at(db, 10, f"select pgjobs.pause_job({job})")
    at(db, 30, f"select pgjobs.resume_job({job})")
    at(db, 40, f"select pgjobs.hold_job({job}, 'canary', 'its canary is through')")
    at(db, 50, f"select pgjobs.resume_job({job})")
    at(
        db,
        60,
        f"select pgjobs.stop_job({job})",
        "update pgjobs.shards set owner = null, lease_until = null",
    )
    at(db, 70, f"select pgjobs.resume_job({job})")
    with db.transaction():
        at(
            db,
            75,
            f"select set_config('pgjobs.claims', '{job}', true)",
            "update xmp_jobs set status = 'in progress'",
        )
    tell(db, job, [Told(second, 10) for second in (5, 9, 35, 39, 55, 59, 78, 79)])
    end(db, job, 80)
    found = plot(db, job, 4)
    bands = [(band["kind"], at_second(band["from"]), at_second(band["to"])) for band in found["bands"]]
    assert bands == [("paused", 10, 30), ("held", 40, 50), ("stopped", 60, 70), ("waiting", 70, 75)]
    assert [None, "its canary is through"] == [band["reason"] for band in found["bands"][:2]]
    assert {db.info.user} == {band["by"] for band in found["bands"]}
    # Of its twenty seconds the first piece could move in ten, the last one in five.
    assert [2, 2, 2, 4] == [piece["rate"] for piece in found["points"]]
    assert 80 / 35 == pytest.approx(found["rate"]["mean"], abs=0.001)


def test_a_running_job_is_drawn_up_to_now(db: Db) -> None:
    """A job that stands still shows it: its plot goes on to this moment, and a pause or the kill switch is a band."""
    job = begun(db)
    tell(db, job, [Told(1, 10), Told(2, 10), Told(3, 10), Told(4, 10)])
    at(db, 10, "select pgjobs.hold_all('a look')")
    at(db, 20)
    found = plot(db, job)
    assert (20, False) == (at_second(found["to"]), found["over"])
    assert [("held", 10, 20, "a look")] == [
        (band["kind"], at_second(band["from"]), at_second(band["to"]), band["reason"]) for band in found["bands"]
    ]
    at(db, 20, "select pgjobs.release_all()", f"select pgjobs.pause_job({job})")
    at(db, 30)
    assert [("held", 10, 20), ("paused", 20, 30)] == bands(db, job)


def bands(db: Db, job: int) -> list[tuple[str, float, float]]:
    """When it stood still, in seconds from the beginning."""
    return [(band["kind"], at_second(band["from"]), at_second(band["to"])) for band in plot(db, job)["bands"]]


def test_a_hold_stays_in_the_plot_when_it_is_over(db: Db) -> None:
    """Each time at which the kill switch was on is a band with its reason, while the job lived and was not paused by
    itself; another reason is another one, and those before and after the job are none."""
    at(db, -50, "select pgjobs.hold_all('before')")
    at(db, -40, "select pgjobs.release_all()", "select set_config('pgjobs.now', '', false)")
    job = begun(db)
    tell(db, job, [Told(second, 10) for second in (5, 9, 25, 29, 55, 59)])
    at(db, 10, "select pgjobs.hold_all('a look')")
    at(db, 15, "select pgjobs.hold_all('a longer look')")
    at(db, 20, "select pgjobs.release_all()")
    at(db, 30, f"select pgjobs.pause_job({job})")
    at(db, 35, "select pgjobs.hold_all('the gateway')")
    at(db, 40, f"select pgjobs.resume_job({job})")
    at(db, 50, "select pgjobs.release_all()")
    end(db, job, 60)
    at(db, 70, "select pgjobs.hold_all('behind it')")
    assert [("held", 10, 15), ("held", 15, 20), ("paused", 30, 40), ("held", 40, 50)] == bands(db, job)
    report = db.value("select pgjobs.job_report(%s)", job)
    assert ["a look", "a longer look", None, "the gateway"] == [each["reason"] for each in report["standstills"]]
    assert ["a look", "a longer look", "the gateway"] == [
        each["reason"].removeprefix("everything is held: ")
        for each in report["timeline"]
        if (each["reason"] or "").startswith("everything is held")
    ]
    assert 2 == plot(db, job)["rate"]["mean"], "sixty in thirty seconds"


def test_a_lost_daemon_is_a_band(db: Db) -> None:
    """From when the daemon was heard of last until another one had the job: waiting for a daemon, in the plot and in
    what happened; what was taken over at once is none."""
    job = begun(db)
    tell(db, job, [Told(5, 10), Told(10, 10)])
    lose = (
        "update pgjobs.shards set updated_at = '{at}', lease_until = '{until}', lease_check_at = '{until}',"
        " owner = '00000000-0000-0000-0000-000000000009'; "
        "select pgjobs.free_lost_shards('00000000-0000-0000-0000-000000000001', '{{}}')"
    )
    for lost, until in ((10, 40), (51, 52)):
        moments = [(BEGIN + timedelta(seconds=second)).isoformat() for second in (lost, until)]
        db.execute(lose.format(at=moments[0], until=moments[1]).encode())
    db.execute("update pgjobs.shards set claimed_at = %s", (BEGIN + timedelta(seconds=53),))
    db.execute(
        "insert into pgjobs.uncertain_ranges values (%s, 0, 1, 20, 30, %s)", (job, BEGIN + timedelta(seconds=45))
    )
    tell_more(db, job, 60)
    end(db, job, 60)
    assert [("waiting", 10, 45)] == bands(db, job)
    report = db.value("select pgjobs.job_report(%s)", job)
    assert "heard of no more" in report["standstills"][0]["reason"]
    assert 2 == sum("heard of no more" in (event["reason"] or "") for event in report["timeline"])
    assert 30 / 25 == plot(db, job)["rate"]["mean"]


def tell_more(db: Db, job: int, second: float) -> None:
    """One more checkpoint of ten records, of the next epoch."""
    db.execute(
        "insert into pgjobs.checkpoints values (%s, 0, 3, 2, %s, 30, 10, 0, 0, 1500, '', '', 5, null)",
        (job, BEGIN + timedelta(seconds=second)),
    )
    db.execute("update pgjobs.shards set considered = 30, sent = 30, checkpoints = 3 where job_id = %s", (job,))


@pytest.mark.parametrize("points", ["0", "301", "-1", "null::integer"])
def test_pieces_out_of_range_are_refused(db: Db, points: str) -> None:
    """So many pieces can't be asked for; the sentence names the field and the range."""
    job = insert_job(db)
    said = db.refusal(f"select pgjobs.page_plot({job}, {points})")
    assert ("PJ400", "points") == (said.sqlstate, said.column_name)
    assert "1 to 300" in (said.message_hint or "")


def test_a_job_that_is_not_there_has_no_plot(db: Db) -> None:
    """It is refused as everywhere."""
    for call in ("page_plot(7)", "page_plan(7)", "job_report(7)"):
        assert "PJ404" == db.refusal(f"select pgjobs.{call}").sqlstate


def test_a_short_job_has_pieces_of_a_second(db: Db) -> None:
    """A job of a few windows is not one piece: its bursts lie where they were, with nothing between them."""
    job = begun(db)
    tell(db, job, [Told(1.9, 100), Told(7.9, 100)])
    end(db, job, 10)
    assert [0, 100, 0, 0, 0, 0, 0, 100, 0, 0] == [piece["rate"] for piece in plot(db, job)["points"]]


def test_a_window_is_as_long_as_its_confirms_took(db: Db) -> None:
    """What was confirmed late was sent before; what came in while it was paused was sent before the pause."""
    job = begun(db)
    at(db, 10, f"select pgjobs.pause_job({job})")
    at(db, 14, f"select pgjobs.resume_job({job})")
    tell(db, job, [Told(4, 40, 0, 3700), Told(10.5, 10), Told(14.1, 10)])
    end(db, job, 16)
    assert [10, 10, 10, 10, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 10, 0] == [
        piece["records"] for piece in plot(db, job)["points"]
    ]


def test_what_was_skipped_is_no_speed(db: Db) -> None:
    """Speed, peak and average are those of what was sent; what was not sent is told apart."""
    job = begun(db)
    tell(db, job, [Told(0.9, 200, 2241), Told(1.9, 200, 0)])
    end(db, job, 2)
    found = plot(db, job)
    assert [(200, 2241), (200, 0)] == [(piece["rate"], piece["unsent"]) for piece in found["points"]]
    assert (200, 200) == (found["rate"]["mean"], found["rate"]["peak"])
