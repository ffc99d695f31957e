"""Operation jobs: how they are created, and what is refused."""

import json

from fix_operations import BASE, Operations, error


def test_a_created_job_is_located_and_shows_its_request_and_report(operations: Operations) -> None:
    """201 with Location, and id, request and report in the body, the request in the order in which it came."""
    asked = {
        "userNotes": "one", "name": "DIAGNOSIS", "active": False, "notify": True, "callback": "https://host/path",
        "parameters": {"type": "HARDWARE", "depth": 1},
        "target": {"append": {"entities": ["dev-2", "dev-1"]}},
    }  # fmt: skip
    answer = operations.call("POST", "/operation/jobs", {"job": {"request": asked}})
    assert 201 == answer.status_code, answer.text
    body = answer.json()
    assert {"id", "request", "report"} == set(body)
    assert f"{BASE}/operation/jobs/{body['id']}" == answer.headers["location"]
    assert json.dumps(asked) == json.dumps(body["request"])
    assert {"notProvisioned": [], "notAllowed": [], "duplicated": []} == body["report"]["target"]
    assert ("IDLE", 2) == (body["report"]["summary"]["status"], body["report"]["summary"]["total"])
    job = operations.show(body["id"])
    assert {"id", "request", "report"} == set(job)
    assert {key: kept for key, kept in asked.items() if key != "target"} == job["request"]
    assert ["dev-1", "dev-2"] == [each["entityId"] for each in operations.operations(body["id"])]


def test_whoever_creates_a_job_is_known(operations: Operations) -> None:
    """The row of the job says who created it, and the operations name the user."""
    job = operations.made("dev-1", active=False)
    row = "select submitted_by from xmp_jobs where id = %s"
    assert "http from 127.0.0.1" == operations.engine.value(row, int(job))
    assert "127.0.0.1" == operations.operations(job)[0]["user"]


def test_a_missing_active_means_true_and_a_missing_start_now(operations: Operations) -> None:
    """Without active the job is active, and due at once."""
    job = operations.made("dev-1")
    assert "SCHEDULED" == operations.status(job)
    assert operations.show(job)["request"]["active"] is True
    assert operations.engine.value("select run_at <= now() from xmp_jobs where id = %s", int(job))


def test_the_name_of_an_operation_counts_in_any_letters(operations: Operations) -> None:
    """reboot and REBOOT are the same operation; an unknown one is refused."""
    assert 201 == operations.create("dev-1", name="reboot").status_code
    assert (400, "0x020001", "name") == error(operations.create("dev-1", name="DANCE"))
    assert (400, "0x020001", "name") == error(operations.create("dev-1", name=""))
    assert (400, "0x020001", "name") == error(operations.create("dev-1", name=None))
    assert (400, "0x020001", "name") == error(operations.create("dev-1", name=7))
    # A type of the registry that this door does not offer.
    assert (400, "0x020001", "name") == error(operations.create("dev-1", name="expired"))


def test_parameters_are_checked_against_the_schema_of_the_type(operations: Operations) -> None:
    """A wrong value is a 0x020006 that names the place, for all entities and for a single one."""
    wrong = operations.create("dev-1", name="DIAGNOSIS", parameters={"type": "WETWARE"})
    assert (400, "0x020006", "parameters.type") == error(wrong)
    assert (400, "0x020006", "parameters") == error(operations.create("dev-1", name="DIAGNOSIS", parameters={"x": 1}))
    assert (400, "0x020006", "parameters") == error(operations.create("dev-1", name="DIAGNOSIS", parameters=[1]))
    assert (400, "0x020006", "parameters") == error(operations.create("sub-1", name="SIM_REPLACEMENT"))
    assert 201 == operations.create("sub-1", name="SIM_REPLACEMENT", parameters={"icc": "1"}).status_code
    one = {"append": {"entitiesWithParameters": [{"id": "dev-1", "parameters": {"depth": 10}}]}}
    place = "target.append.entitiesWithParameters[0].parameters.depth"
    assert (400, "0x020006", place) == error(operations.create(name="DIAGNOSIS", target=one))
    assert 0 == operations.engine.value("select count(*) from xmp_jobs where type <> 'sim_replacement'")


def test_a_schema_that_is_wrong_is_the_operators_to_mend(operations: Operations) -> None:
    """A params_schema that is no JSON Schema, or that refers to another host, is a 503; no host is asked."""
    for schema in ({"type": "device"}, {"$ref": "http://127.0.0.1:9/schema"}):
        operations.engine.execute(
            "update xmp_job_types set params_schema = %s where name = 'reboot'", json.dumps(schema)
        )
        assert (503, "0x020001", "") == error(operations.create("dev-1"))


def test_entities_have_their_own_parameters(operations: Operations) -> None:
    """entities and entitiesWithParameters are one kind, and may be mixed."""
    target = {
        "append": {"entities": ["dev-1"], "entitiesWithParameters": [{"id": "dev-2", "parameters": {"depth": 2}}]}
    }
    answer = operations.create(name="DIAGNOSIS", parameters={"depth": 1}, target=target, active=False)
    assert 201 == answer.status_code, answer.text
    found = {each["entityId"]: each["parameters"] for each in operations.operations(answer.json()["id"])}
    assert {"dev-1": {"depth": 1}, "dev-2": {"depth": 2}} == found


def test_an_entity_that_is_named_twice_has_its_own_parameters(operations: Operations) -> None:
    """Named in both lists: the parameters that it has of its own count, and it is told as a duplicate."""
    both = {"entities": ["dev-1"], "entitiesWithParameters": [{"id": "dev-1", "parameters": {"depth": 2}}]}
    answer = operations.create(name="DIAGNOSIS", parameters={"depth": 1}, target={"append": both}, active=False)
    assert ["dev-1"] == answer.json()["report"]["target"]["duplicated"]
    assert [{"depth": 2}] == [each["parameters"] for each in operations.operations(answer.json()["id"])]


def test_what_an_entity_ends_up_with_has_to_fit(operations: Operations) -> None:
    """A parameter that is needed may come from each entity, at once or by a later PUT; one that has none is refused."""
    operations.entities("sub-2", type_="entity.subscription")
    own = {"entitiesWithParameters": [{"id": "sub-1", "parameters": {"icc": "1"}}]}
    assert 201 == operations.create(name="SIM_REPLACEMENT", target={"append": own}, active=False).status_code
    with_plain = operations.create(name="SIM_REPLACEMENT", target={"append": own | {"entities": ["sub-2"]}})
    assert (400, "0x020006", "parameters") == error(with_plain)
    job = operations.made(name="SIM_REPLACEMENT", active=False)
    plain = operations.put(job, request={"target": {"append": {"entities": ["sub-2"]}}})
    assert (400, "0x020006", "parameters") == error(plain)
    empty = {"entitiesWithParameters": [{"id": "sub-1", "parameters": {}}]}
    place = "target.append.entitiesWithParameters[0].parameters"
    assert (400, "0x020006", place) == error(operations.put(job, request={"target": {"append": empty}}))
    assert 200 == operations.put(job, request={"target": {"append": own}}).status_code


def test_refused_entities_are_told_within_the_success(operations: Operations) -> None:
    """report.target names entities that are unknown, of a wrong type, or named twice; the others are in the job."""
    answer = operations.create("dev-1", "nobody", "sub-1", "dev-1", active=False)
    assert 201 == answer.status_code, answer.text
    report = answer.json()["report"]
    assert {"notProvisioned": ["nobody"], "notAllowed": ["sub-1"], "duplicated": ["dev-1"]} == report["target"]
    assert 1 == report["summary"]["total"]


def test_entities_of_which_none_is_allowed_are_refused(operations: Operations) -> None:
    """Where the operation is for none of the entities, or not for the resource type, it is a 0x020002."""
    assert (400, "0x020002", "target") == error(operations.create("sub-1"))
    assert (400, "0x020002", "resourceType") == error(
        operations.create(query="?resourceType=entity.subscription", target={"filter": {}})
    )
    assert (400, "0x020001", "resourceType") == error(
        operations.create(query="?resourceType=entity.ufo", target={"filter": {}})
    )
    assert 0 == operations.engine.value("select count(*) from xmp_jobs")


def test_kinds_of_targets_are_not_mixed(operations: Operations) -> None:
    """Entities, tags and a filter exclude each other; a stored filter can't be used."""
    entities, tags = {"entities": ["dev-1"]}, {"tags": ["red"]}
    for target in (
        {"append": entities | tags}, {"append": entities, "filter": {}}, {"append": tags, "filter": {}},
    ):  # fmt: skip
        assert (400, "0x020001", "target") == error(operations.create(target=target))
    for stored in ("my-filter", ["x"]):
        assert (400, "0x020001", "target.filter") == error(operations.create(target={"filter": stored}))
    assert 400 == operations.create(target={"filter": {"id": "my-filter"}}).status_code


def test_an_active_job_needs_a_target(operations: Operations) -> None:
    """active true without a target is a 400, an empty target is none, and active false needs none."""
    empty: list[object] = [{}, {"append": {}}, {"append": {"entities": []}}, None]
    for target in empty:
        assert (400, "0x020001", "target") == error(operations.create(target=target, active=True))
    assert (400, "0x020001", "target") == error(operations.create())
    assert "IDLE" == operations.status(operations.made(active=False))


def test_the_limits_are_named(operations: Operations) -> None:
    """More than 100 entities, or 307,200 bytes, are refused with the configured limit."""
    many = operations.create(*(f"dev-{n}" for n in range(1, 102)))
    assert (400, "0x020001", "target") == error(many)
    assert "the limit is 100" in many.text
    assert 201 == operations.create(*(f"dev-{n}" for n in range(1, 101))).status_code
    large = operations.create("dev-1", userNotes="x" * 307_200)
    assert (413, "0x020001", "") == error(large)
    assert "300 KB" in large.text


def test_unknown_fields_are_forbidden(operations: Operations) -> None:
    """A field that there is not is a 0x020002 that names it, at every place."""
    for request, field in (
        ({"colour": "red"}, "colour"), ({"schedule": {"begin": {}}}, "schedule.begin"),
        ({"schedule": {"start": {"after": 1}}}, "schedule.start.after"),
        ({"operationParameters": {"tries": 1}}, "operationParameters.tries"),
        ({"target": {"append": {"all": []}}}, "target.append.all"),
        ({"target": {"remove": {"entities": ["dev-1"]}}}, "target.remove"),
    ):  # fmt: skip
        assert (400, "0x020002", field) == error(operations.create(**request))
    assert (400, "0x020002", "task") == error(operations.call("POST", "/operation/jobs", {"task": {}}))


def test_the_same_request_under_the_same_key_makes_one_job(operations: Operations) -> None:
    """Idempotency-Key: the same request gets the same answer again, another one is a 409."""
    body = {"job": {"request": {"name": "REBOOT", "active": False}}}
    headers = {"Idempotency-Key": "k-1"}
    first = operations.call("POST", "/operation/jobs", body, headers=headers)
    again = operations.call("POST", "/operation/jobs", body, headers=headers)
    assert (201, 201) == (first.status_code, again.status_code)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    body["job"]["request"]["userNotes"] = "other"
    assert 409 == operations.call("POST", "/operation/jobs", body, headers=headers).status_code
    assert 1 == operations.engine.value("select count(*) from xmp_jobs")
