"""The after-action report as JSON: everything that a job did, sums that were checked, and a hash that proves a copy."""

import json
from datetime import timedelta
from typing import Any

import pytest
from fix_jobs import Db, insert_job
from fix_lives import BEGIN, Told, begun, end, tell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgjobs.web.report.canonical import canonical, digest, is_whole, parsed

LIFE = [Told(1, 100, 5, 10), Told(2, 100, 0, 30), Told(3, 90, 10, 20), Told(4, 50, 0, 40)]
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False).map(str), st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=15,
)  # fmt: skip


def report(db: Db, job: int) -> dict[str, Any]:
    """The report of a job."""
    found = db.value("select pgjobs.job_report(%s)", job)
    assert isinstance(found, dict)
    return found


def test_what_a_job_did(db: Db) -> None:
    """Counts, outcomes, speed, latency, events with actors, standstills, settings, shards, epochs and chains."""
    job = begun(db, name="November", params={"never": 1}, priority=7, rate=500)
    tell(db, job, LIFE)
    db.execute("insert into pgjobs.uncertain_ranges values (%s, 0, 1, 3, 9, %s)", (job, BEGIN))
    end(db, job, 5)
    found = report(db, job)
    assert False is found["interim"]
    assert {"id": job, "name": "November", "type": "expired", "state": "finished", "word": "Finished"}.items() <= found[
        "job"
    ].items()
    assert {"considered": 355, "sent": 340, "skipped": 15, "returned": 0, "checkpoints": 4} == found["counts"]
    assert [("sent", 340), ("skip", 15)] == [(row["action"], row["records"]) for row in found["outcomes"]]
    assert 68 == found["plot"]["rate"]["mean"]
    assert (20, 40) == (found["plot"]["confirm"]["p50"], found["plot"]["confirm"]["most"])
    assert [(None, "ready"), ("ready", "in progress"), ("in progress", "done")] == [
        (event["from"], event["to"]) for event in found["timeline"] if event["to"]
    ]
    assert [(3, 9)] == [(row["after_key"], row["to_key"]) for row in found["uncertain"]]
    assert {"priority": 7, "rate": 500, "dry_run": False, "routing_key": "mobilink_requests"}.items() <= found[
        "settings"
    ].items()
    assert [(0, 1, 355)] == [(row["shard"], row["epoch"], row["records"]) for row in found["epochs"]]
    assert [{"shard": 0, "checkpoint": 4, "bytes": 355 * 50, "sha256": (4).to_bytes(32, "big").hex()}] == found[
        "verification"
    ]["chains"]
    assert True is found["verification"]["holds"]
    assert {"records", "outcomes", "checkpoints", "position", "log", "shards"} == {
        row["name"] for row in found["verification"]["checks"]
    }


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("update pgjobs.outcomes set n = n + 1 where action = 'sent'", "outcomes"),
        ("update pgjobs.checkpoints set sent = sent + 1 where number = 2", "checkpoints"),
        ("delete from pgjobs.checkpoints where number = 2", "checkpoints"),
        ("update pgjobs.checkpoints set last_key = 1 where number = 4", "position"),
        ("delete from pgjobs.checkpoints where number = 4", "position"),
        ("update pgjobs.log_segments set bytes = bytes - 1", "log"),
        ("update pgjobs.shards set finished_at = null", "shards"),
        ("update pgjobs.shards set parts = 2", "shards"),
    ],
)
def test_accounts_that_do_not_agree_are_told(db: Db, change: str, check: str) -> None:
    """Whatever is changed afterwards, the check of it fails, and the report says so."""
    job = begun(db)
    tell(db, job, LIFE)
    end(db, job, 5)
    db.execute(change.encode())
    verification = report(db, job)["verification"]
    assert False is verification["holds"]
    assert check in {row["name"] for row in verification["checks"] if row["holds"] is False}


def test_what_was_cleared_is_not_called_right(db: Db) -> None:
    """Of checkpoints and outcomes that are gone the report says that they can't be checked any more."""
    job = begun(db)
    tell(db, job, LIFE)
    end(db, job, 5)
    db.execute("delete from pgjobs.checkpoints; delete from pgjobs.outcomes")
    db.execute("update pgjobs.shards set checkpoints_cleared = 4, cleared = '{outcomes}'")
    found = report(db, job)
    open_ = {row["name"] for row in found["verification"]["checks"] if row["holds"] is None}
    assert {"checkpoints", "outcomes"} == open_
    assert True is found["verification"]["holds"], "of the rest"
    assert [] == found["verification"]["chains"]
    assert "cleared" == found["plot"]["state"]


@pytest.mark.parametrize("state", ["waiting", "running", "paused", "stopped", "broken", "finished", "cancelled"])
def test_what_can_go_on_is_an_interim_report(db: Db, state: str) -> None:
    """Only the report of a job that is over for good is final."""
    job = insert_job(db) if state == "waiting" else begun(db)
    free = "update pgjobs.shards set owner = null, lease_until = null"
    changes = {
        "paused": [f"select pgjobs.pause_job({job})"],
        "stopped": [f"select pgjobs.stop_job({job})", free],
        "broken": ["update xmp_jobs set status = 'error'"],
        "finished": [
            "update pgjobs.shards set finished_at = now(), owner = null",
            "update xmp_jobs set status = 'done'",
        ],
        "cancelled": [free, f"select pgjobs.cancel_job({job})", "update pgjobs.cancellations set closed_at = now()"],
    }
    for change in changes.get(state, []):
        db.execute(change.encode())
    found = report(db, job)
    assert state == found["job"]["state"]
    assert (state not in ("finished", "cancelled")) == found["interim"]


def test_the_hash_proves_a_copy(db: Db) -> None:
    """The hash is that of all the rest, whatever the job holds; a copy in which one thing was changed is found."""
    job = begun(
        db,
        notes='<b> "é" \u2028 \\ \x7f',
        configuration='{"z": 1.50, "é": [1e3, -0.0, {"b": null, "a": "\\u0001\\t"}], "a\\"": true}',
    )
    tell(db, job, LIFE)
    end(db, job, 5)
    text = db.value("select pgjobs.job_report(%s)::text", job)
    assert is_whole(text)
    assert not is_whole(text.replace('"considered": 355', '"considered": 356', 1))
    assert not is_whole(text.replace("1.50", "1.5"))
    again = json.dumps(json.loads(text), indent=1)
    assert digest(parsed(again.replace("1.5,", "1.50,"))) == parsed(text)["sha256"], "its layout counts for nothing"


def test_python_and_sql_agree_on_the_canonical_text(db: Db) -> None:
    """Whatever a value is, both make the same text of it, which is still that value."""

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(JSON)
    def holds(value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False)
        if "\\u0000" in text:
            return
        try:
            stored, made = db.row("select v::text, pgjobs.canonical_json(v) from (select %s::jsonb) x (v)", text)
        except UnicodeEncodeError:
            return
        loaded = parsed(f'{{"sha256": "", "v": {stored}}}')["v"]
        assert canonical(loaded) == made
        assert json.loads(made) == json.loads(stored)

    holds()


def test_the_report_of_a_long_life_is_bounded(db: Db) -> None:
    """Of very many events the last thousand are told."""
    job = begun(db)
    tell(db, job, LIFE)
    db.execute(
        "insert into pgjobs.events (job_id, at, role, reason)"
        " select %s, %s, 'x', g::text from generate_series(1, 3000) g",
        (job, BEGIN + timedelta(seconds=1)),
    )
    found = report(db, job)
    assert (1000, "3000") == (len(found["timeline"]), found["timeline"][-1]["reason"])
