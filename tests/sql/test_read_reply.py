"""What an answer says, where it is none of ours: results of Celery, and what Python writes as JSON and SQL refuses."""

import json
from typing import Any

import pytest
from fix_jobs import Db
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=()), max_size=12) | st.text(
    "\\u0d8f\0\ud83d\ude00,:[]NaN ", max_size=12
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def read(db: Db, body: str) -> Any:
    """What an answer to item 7-5 with this body says."""
    return db.row("select id, kind, result, description, fault from pgjobs.read_reply('7-5', %s)", body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"id": "7-9", "result": "BAD"}, ("7-5", "failed", None)),
        ({"id": 4711, "result": "SUCCESSFUL"}, ("7-5", "good", None)),
        ({"operation": {"response": {"id": "7-9", "resultCode": "BAD"}}}, ("7-5", "failed", None)),
        ([{"id": "7-9", "result": "BAD"}], ("7-9", "failed", None)),
        ([{"result": "BAD"}], ("7-5", "failed", None)),
        ({"task_id": 7, "result": "SUCCESSFUL"}, ("7-5", "good", None)),
        ({"task_id": "7-5", "status": "good"}, ("7-5", "good", None)),
        ({"task_id": "a", "status": "PROGRESS"}, ("7-5", "partial", None)),
    ],
    ids=str,
)
def test_the_correlation_id_of_one_answer_wins(db: Db, body: object, said: object) -> None:
    """Whatever id the body has: it counts in an array. What no worker can have sent is no result of a task."""
    row = read(db, json.dumps(body))
    assert said == (row[0], row[1], row[4])


@pytest.mark.parametrize(
    ("correlation_id", "own", "said"),
    [
        (None, "7-9", ("7-9", None)),
        ("order 4711", "7-9-2", ("7-9-2", None)),
        ("order 4711", None, ("order 4711", None)),
        ("7-5", "7-5-2", ("7-5", 2)),
        ("7-5-1", "7-5", ("7-5-1", None)),
        ("7-5", "7-9-2", ("7-5", None)),
    ],
)
def test_the_id_in_the_body(db: Db, correlation_id: str | None, own: str | None, said: object) -> None:
    """It names the item where the correlation id names none, and the attempt where it is of the same item."""
    body = json.dumps({"id": own, "status": "good"})
    assert said == db.row("select id, attempt from pgjobs.read_reply(%s, %s)", correlation_id, body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "no_outcome"),
        ({"result": None}, "no_outcome"),
        ({"result": None, "status": None, "steps": []}, "no_outcome"),
        ({"error": "Traceback"}, "no_outcome"),
        ({"description": "half"}, "no_outcome"),
        ({"steps": "none"}, "no_outcome"),
        ({"operation": {}}, "no_outcome"),
        ({"operation": {"response": {}}}, "no_outcome"),
        ({"operation": {"response": {"resultDescription": "half"}}}, "no_outcome"),
        ({"steps": [1], "description": "half"}, "partial"),
        ({"operation": {"response": {"steps": [1]}}}, "partial"),
        ({"status": "good"}, "good"),
        ({"result": "SUCCESSFUL"}, "good"),
        ({"operation": {"response": {"resultCode": "SUCCESSFUL"}}}, "good"),
    ],
    ids=str,
)
def test_an_answer_has_to_say_how_it_ended(db: Db, body: object, said: str) -> None:
    """Neither a status nor a result is no outcome; steps alone are a part of what happens."""
    row = read(db, json.dumps(body))
    assert said == row[4] or (said, None) == (row[1], row[4])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(value=VALUES)
@example("\ud83d \U0001f600\ude00 \\u0000 \\\0")
@example([float("nan"), float("inf"), {"a": float("-inf")}, "NaN, NaN"])
def test_whatever_python_writes_is_read(db: Db, value: Any) -> None:
    """Any result of a task that a worker can write closes its item; a text stays as it is where it can."""
    said = read(db, json.dumps({"status": "SUCCESS", "result": value, "task_id": "7-5"}))
    assert ("7-5", "good", "SUCCESSFUL", None) == (said[0], said[1], said[2], said[4])
    if isinstance(value, str):
        assert said[3] == "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in joined(value))


def joined(text: str) -> str:
    """A text whose pairs of surrogates are the characters that they stand for."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@pytest.mark.parametrize(
    ("result", "description"),
    [
        ({"exc_type": "E", "exc_message": ["a", {"b": 1}, None]}, 'E: a, {"b": 1}'),
        ({"exc_type": "E", "exc_message": "a text"}, "E: a text"),
        ({"exc_type": "E", "exc_message": []}, "E"),
        ({"exc_type": "E", "exc_message": [""]}, "E"),
        ({"exc_type": "E"}, "E"),
        ({"exc_type": None, "more": 1}, '{"more": 1, "exc_type": null}'),
        ("some other backend's", "some other backend's"),
        (None, None),
    ],
    ids=str,
)
def test_errors_of_tasks(db: Db, result: object, description: str | None) -> None:
    """An error is described by its type and what it was raised with, whatever that is."""
    said = read(db, json.dumps({"status": "FAILURE", "result": result, "task_id": "7-5"}))
    assert ("failed", "ERROR_PROCESSING", description, None) == tuple(said[1:])


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "REVOKED"])
def test_a_result_whose_end_is_missing(db: Db, status: str) -> None:
    """Its beginning says how the task has ended."""
    said = read(db, json.dumps({"status": status, "result": "x" * 500, "task_id": "7-5"})[:200])
    kind = "good" if status == "SUCCESS" else "failed"
    assert ("7-5", kind, "its result is too large, or can't be read", None) == (said[0], said[1], said[3], said[4])


@pytest.mark.parametrize(
    "body", ['{"status": "STARTED", "result": ', '{"status": "good", "result": ', "{NaN}", "\\u0000"]
)
def test_what_is_no_json_stays_none(db: Db, body: str) -> None:
    """Only the last word of a task is taken from a beginning, and what is mended still has to be JSON."""
    assert "no_json" == read(db, body)[4]


@pytest.mark.parametrize(
    "piece", ["\\", "\\u0000", "\\ud83d", "\\ude00", "\\ud83d\\ude00", "[NaN,", ", ", ":", "[", '{"a":'], ids=str
)
def test_the_largest_answers_are_read_or_refused(db: Db, piece: str) -> None:
    """Whatever somebody writes into an answer of 256 KB, it does not hold up the others for long."""
    db.execute("set statement_timeout = '20 s'")
    for beginning in ("", '{"a": "', '{"a": '):
        assert "no_json" == read(db, beginning + piece * ((255 << 10) // len(piece)))[4]
