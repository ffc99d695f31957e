"""Operation jobs whose entities are chosen by tags or a filter: in the background, before the job starts."""

from typing import Any

from fix_operations import Operations, error
from fix_services import soon


def test_entities_by_tag_are_chosen_in_the_background(operations: Operations) -> None:
    """The answer comes at once, with INITIATING; then the job is IDLE, or SCHEDULED where it is active, and runs."""
    operations.entities("red-1", "red-2", tags=("red", "x"))
    operations.entities("blue-1", tags=("blue",))
    operations.entities("red-sim", type_="entity.subscription", tags=("red",))
    later = {"start": {"delayed": 600000}}
    red = {"append": {"tags": ["red"]}}
    idle = operations.made(target=red, active=False)
    scheduled = operations.made(target={"append": {"tags": ["red", "blue"]}}, schedule=later)
    assert ["INITIATING"] * 2 == [operations.status(job) for job in (idle, scheduled)]
    assert [] == operations.operations(idle)
    operations.engine.start()
    assert soon(lambda: ["IDLE", "SCHEDULED"] == [operations.status(job) for job in (idle, scheduled)])
    assert ["red-1", "red-2"] == [each["entityId"] for each in operations.operations(idle)]
    assert 3 == operations.show(scheduled)["report"]["summary"]["total"]
    assert red == operations.show(idle)["request"]["target"]
    operations.consume()
    assert 200 == operations.put(idle, request={"active": True}).status_code
    assert operations.comes_to(idle, "FINISHED")


def test_entities_by_filter_are_those_of_the_resource_type(operations: Operations) -> None:
    """A filter finds entities by id, type, tags and attributes; {} finds all; resourceType leaves the others out."""
    operations.entities("pump-1", tags=("pump",))
    operations.entities("pump-2", type_="entity.asset", tags=("pump",))
    find = {"filter": {"and": [{"like": {"id": "^pump"}}, {"eq": {"tags": "pump"}}]}}
    devices = operations.create(query="?resourceType=entity.device", name="PING", target=find, active=False)
    every = operations.create(name="PING", target=find, active=False)
    all_of_them = operations.create(
        query="?resourceType=entity.asset", name="PING", target={"filter": {}}, active=False
    )
    operations.engine.start()
    for answer, expected in ((devices, ["pump-1"]), (every, ["pump-1", "pump-2"]), (all_of_them, ["pump-2"])):
        assert 201 == answer.status_code, answer.text
        job = answer.json()["id"]
        assert operations.comes_to(job, "IDLE")
        assert expected == [each["entityId"] for each in operations.operations(job)]


def test_a_filter_that_is_wrong_is_refused_at_once(operations: Operations) -> None:
    """What is no filter is a 400 that names the place."""
    wrongs: list[dict[str, Any]] = [{"near": {"id": "x"}}, {"eq": {"id": None}}, {"and": {}}, {"eq": "x"}, {"and": []}]
    for wrong in wrongs:
        status, code, field = error(operations.create(target={"filter": wrong}))
        assert (400, "0x020001", "filter") == (status, code, field.split(".")[0])


def test_tags_are_appended_and_chosen_anew(operations: Operations) -> None:
    """A job by tags takes further tags while it is inactive; one without a target takes tags or a filter by PUT."""
    operations.entities("red-1", tags=("red",))
    operations.entities("blue-1", tags=("blue",))
    operations.engine.start()
    job = operations.made(target={"append": {"tags": ["red"]}}, active=False)
    assert operations.comes_to(job, "IDLE")
    more = {"target": {"append": {"tags": ["blue"]}}}
    assert "INITIATING" == operations.put(job, request=more).json()["report"]["summary"]["status"]
    assert {"blue", "red"} == set(operations.show(job)["request"]["target"]["append"]["tags"])
    assert operations.comes_to(job, "IDLE")
    assert ["red-1", "blue-1"] == [each["entityId"] for each in operations.operations(job)]
    for target in ({"append": {"tags": ["red"]}}, {"filter": {"eq": {"id": "red-1"}}}):
        empty = operations.made(active=False)
        assert 200 == operations.put(empty, request={"target": target}).status_code
        assert operations.comes_to(empty, "IDLE")
        assert ["red-1"] == [each["entityId"] for each in operations.operations(empty)]


def test_a_job_is_cancelled_while_its_entities_are_chosen(operations: Operations) -> None:
    """INITIATING is cancelled like any other state, and no operation comes afterwards."""
    operations.entities("red-1", tags=("red",))
    job = operations.made(target={"append": {"tags": ["red"]}})
    assert 200 == operations.cancel(job).status_code
    assert "CANCELLED" == operations.status(job)
    operations.engine.start()
    other = operations.made(target={"append": {"tags": ["red"]}}, active=False)
    assert operations.comes_to(other, "IDLE")
    assert ("CANCELLED", []) == (operations.status(job), operations.operations(job))
