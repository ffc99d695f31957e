"""Operation jobs: what their schedule and their operationParameters may say, and what becomes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_operations import Operations, error

NOW = datetime.now(UTC)


def columns(operations: Operations, job: str) -> dict[str, Any]:
    """What the row of a job says of its schedule, moments in seconds from now."""
    asked = (
        "select schedule, rules, round(extract(epoch from run_at - created_at)) as starts,"
        " round(extract(epoch from stop_at - created_at)) as stops from xmp_jobs where id = %s"
    )
    (row,) = operations.engine.rows(asked, int(job))
    return row


def in_seconds(seconds: float) -> str:
    """A moment so many seconds from now, in another zone."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).astimezone().isoformat()


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        ({"delayed": 600_000}, 600), ({"delayed": "600000"}, 600), ({"delayed": 600_000.0}, 600), ({}, 0), (None, 0),
        ({"date": in_seconds(-3600)}, 0), ({"date": "2101-01-10T22:44:13+01:00"}, None),
    ],
)  # fmt: skip
def test_a_start_is_a_delay_or_a_date_or_now(
    operations: Operations, start: dict[str, Any] | None, seconds: float | None
) -> None:
    """delayed counts from the activation, a date that has passed means now, and so does {}."""
    job = operations.made("dev-1", schedule={"start": start})
    found = columns(operations, job)["starts"]
    assert (seconds == found) if seconds is not None else found > 10**9


def test_a_stop_counts_from_the_start_or_is_a_date(operations: Operations) -> None:
    """delayed is a time-out of the job, counted from its start; a date has to be after the start; {} is none."""
    job = operations.made("dev-1", schedule={"start": {"delayed": 600000}, "stop": {"delayed": 43200}})
    found = columns(operations, job)
    assert ({"stop_after": "43200 milliseconds"}, None) == (found["schedule"], found["stops"])
    dated = operations.made("dev-1", schedule={"stop": {"date": in_seconds(3600)}})
    found = columns(operations, dated)
    # It was asked for some time before the job was there.
    assert (True, {}) == (3540 < found["stops"] <= 3600, found["schedule"])
    no_stop: list[object] = [{}, None]
    for none in no_stop:
        assert columns(operations, operations.made("dev-1", schedule={"stop": none}))["stops"] is None
    early = {"start": {"delayed": 7_200_000}, "stop": {"date": in_seconds(3600)}}
    assert (400, "0x020001", "schedule.stop.date") == error(operations.create("dev-1", schedule=early))
    idle = operations.made("dev-1", active=False, schedule={"stop": {"date": in_seconds(3600)}})
    later = {"active": True, "schedule": {"start": {"delayed": 7_200_000}}}
    assert (400, "0x020001", "schedule.stop.date") == error(operations.put(idle, request=later))


@pytest.mark.parametrize(
    ("window", "kept"),
    [
        ({"start": "09:00:00Z", "stop": "15:00:00Z"}, {}),
        ({"start": "09:30:00Z", "stop": "15:30:00Z"}, {}),
        ({"days": ["MON", "WED"], "start": "09:00:00Z", "stop": "15:00:00Z"}, {"days": ["MON", "WED"]}),
        ({"days": None, "start": "22:00:00+02:00", "stop": "06:00:00+02:00"}, {}),
        ({"days": None, "start": "09:00", "stop": "09:00", "zone": "Europe/Madrid"}, {"zone": "Europe/Madrid"}),
    ],
)
def test_a_window_is_kept(operations: Operations, window: dict[str, Any], kept: dict[str, Any]) -> None:
    """Whole hours, over midnight or the whole day, with an offset or a zone; no days are every day."""
    job = operations.made("dev-1", schedule={"window": window})
    assert {"start": window["start"], "stop": window["stop"]} | kept == columns(operations, job)["schedule"]["window"]


def test_a_window_closes_operations_out(operations: Operations) -> None:
    """An active job waits for its window: it is SCHEDULED or IN_PROGRESS, and nothing goes out."""
    day = (datetime.now(UTC) + timedelta(days=2)).strftime("%a").upper()
    operations.engine.start()
    operations.consume()
    job = operations.made("dev-1", schedule={"window": {"days": [day], "start": "09:00Z", "stop": "10:00Z"}})
    other = operations.made("dev-1")
    operations.engine.wait_until("(select status = 'done' from xmp_jobs where id = %s)", int(other))
    assert 0 == operations.show(job)["report"]["summary"]["finished"]["total"]
    assert "PENDING_EXECUTION" == operations.operations(job)[0]["status"] or "SCHEDULED" == operations.status(job)


def test_scattering_is_kept_and_needs_both_and_a_stop(operations: Operations) -> None:
    """maxSpread and factor are both needed, from 0 to 100, and so is a stop."""
    stop = {"delayed": 3_600_000}
    strategy = {"field": "subscription.collected.cellInfo", "factor": 75, "warningMaxRate": "3"}
    job = operations.made("dev-1", schedule={"stop": stop, "scattering": {"maxSpread": "80", "strategy": strategy}})
    kept = columns(operations, job)["schedule"]["scattering"]
    assert (80, 75, 3) == (kept["max_spread"], kept["factor"], kept["warning_max_rate"])
    (warning,) = operations.show(job)["report"]["warnings"]
    assert warning.startswith("schedule.scattering.strategy: factor and field have no effect: ")
    even = {"stop": stop, "scattering": {"maxSpread": 80, "strategy": {"factor": 0}}}
    assert "warnings" not in operations.create("dev-1", schedule=even).json()["report"]
    both = operations.create(
        "dev-1",
        schedule=even | {"scattering": {"maxSpread": 80, "strategy": {"factor": 1}}},
        operationParameters={"retries": 3, "retryResultList": []},
    ).json()["report"]["warnings"]
    assert ["operationParameters.retries", "schedule.scattering.strategy"] == [
        one.split(" ")[0].rstrip(":") for one in both
    ]
    place = "schedule.scattering"
    for scattering, field in (
        ({"maxSpread": 80}, f"{place}.strategy.factor"), ({"strategy": {"factor": 75}}, f"{place}.maxSpread"),
        ({"maxSpread": 101, "strategy": {"factor": 1}}, f"{place}.maxSpread"), ({}, f"{place}.maxSpread"),
        ({"maxSpread": 1, "strategy": {"factor": -1}}, f"{place}.strategy.factor"),
        ({"maxSpread": 1, "strategy": {"factor": 1, "warningMaxRate": 0}}, f"{place}.strategy.warningMaxRate"),
    ):  # fmt: skip
        answer = operations.create("dev-1", schedule={"stop": stop, "scattering": scattering})
        assert (400, "0x020001", field) == error(answer)
    without = {"scattering": {"maxSpread": 80, "strategy": {"factor": 75}}}
    assert (400, "0x020001", place) == error(operations.create("dev-1", schedule=without))
    idle = operations.made("dev-1", active=False, schedule=without | {"stop": stop})
    assert (400, "0x020001", place) == error(operations.put(idle, request={"schedule": {"stop": {}}}))


def test_what_no_schedule_can_be_is_refused(operations: Operations) -> None:
    """Each wrong value is a 400 that names its field."""
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"start": {"delayed": -1}}, "start.delayed"), ({"start": {"delayed": "soon"}}, "start.delayed"),
        ({"start": {"delayed": 1.5}}, "start.delayed"), ({"start": {"delayed": 10**18}}, "start.delayed"),
        ({"start": {"date": "tomorrow"}}, "start.date"), ({"start": {"date": "2028-02-30"}}, "start.date"),
        ({"start": {"date": 1}}, "start.date"), ({"start": "now"}, "start"),
        ({"start": {"date": in_seconds(60), "delayed": 1}}, "start"),
        ({"stop": {"delayed": 0}}, "stop.delayed"), ({"stop": {"date": in_seconds(-60)}}, "stop.date"),
        ({"stop": {"date": in_seconds(60), "delayed": 1}}, "stop"),
        ({"window": {"start": "09:00:00Z", "stop": "15:30:00Z"}}, "window.stop"),
        ({"window": {"start": "09:00:00Z"}}, "window.stop"),
        ({"window": {"start": "9", "stop": "10:00Z"}}, "window.start"), ({"window": []}, "window"),
        ({"window": {"days": ["MONDAY"], "start": "09:00Z", "stop": "10:00Z"}}, "window.days"),
        ({"window": {"start": "09:00", "stop": "10:00", "zone": "Mars/Base"}}, "window.zone"),
    ]  # fmt: skip
    for schedule, field in wrong:
        answer = operations.create("dev-1", schedule=schedule)
        assert (400, "0x020001", f"schedule.{field}") == error(answer), schedule
    assert (400, "0x020001", "schedule") == error(operations.create("dev-1", schedule=[]))
    assert 0 == operations.engine.value("select count(*) from xmp_jobs")


def test_rules_have_their_defaults_and_limits(operations: Operations) -> None:
    """A time-out of 60 s, no acknowledgement and no retries where nothing is given; ackTimeout 0 is none."""
    usual: dict[str, object] = {
        "execution_limit": "60000 milliseconds", "ack_limit": None, "retry_limit": 0,
        "delay_to_retry": "0 milliseconds", "retry_results": [],
    }  # fmt: skip
    no_rules: list[object] = [None, {}, {"ackTimeout": 0, "retries": None}]
    for none in no_rules:
        assert usual == columns(operations, operations.made("dev-1", operationParameters=none))["rules"]
    given = {
        "timeout": "90000", "ackTimeout": 5000, "retries": 3, "retriesDelay": 1000,
        "retryResultList": ["ERROR_TIMEOUT", "ERROR"],
    }  # fmt: skip
    assert {
        "execution_limit": "90000 milliseconds", "ack_limit": "5000 milliseconds", "retry_limit": 3,
        "delay_to_retry": "1000 milliseconds", "retry_results": ["ERROR_TIMEOUT", "ERROR"],
    } == columns(operations, operations.made("dev-1", operationParameters=given))["rules"]  # fmt: skip
    for name, value in (
        ("timeout", 0), ("timeout", -5), ("timeout", "x"), ("ackTimeout", [1]), ("retries", 1001), ("retries", 0.5),
        ("retriesDelay", -1), ("retryResultList", "ERROR"), ("retryResultList", ["DANCE"]), ("retryResultList", [1]),
    ):  # fmt: skip
        answer = operations.create("dev-1", operationParameters={name: value})
        assert (400, "0x020001", f"operationParameters.{name}") == error(answer)


def test_other_fields_are_checked_as_well(operations: Operations) -> None:
    """active, notify, userNotes, callback and target of a wrong kind are a 400 that names the field."""
    bad_ones: list[object] = [{"parameters": {}}, {"id": "dev-1", "parameters": 1}, {"id": " "}, "dev-1", None]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"active": "perhaps"}, "active"), ({"active": 1}, "active"), ({"notify": []}, "notify"),
        ({"userNotes": 7}, "userNotes"), ({"userNotes": "x" * 10_001}, "userNotes"),
        ({"callback": "ftp://x"}, "callback"), ({"callback": 7}, "callback"),
        ({"target": []}, "target"), ({"target": {"append": []}}, "target.append"),
        ({"target": {"append": {"entities": "dev-1"}}}, "target.append.entities"),
        ({"target": {"append": {"entities": [1]}}}, "target.append.entities"),
        ({"target": {"append": {"entities": [""]}}}, "target.append.entities"),
        ({"target": {"append": {"tags": [None]}}}, "target.append.tags"),
        *(
            ({"target": {"append": {"entitiesWithParameters": [bad]}}}, "target.append.entitiesWithParameters")
            for bad in bad_ones
        ),
    ]  # fmt: skip
    for request, field in wrong:
        assert (400, "0x020001", field) == error(operations.create(**{"active": False} | request)), request
    assert "True" == str(operations.show(operations.made("dev-1", active="true"))["request"]["active"])
