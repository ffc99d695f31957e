"""The vendor's Python client, unchanged, against the running server: every builder of it that concerns this door.

That is the search of operations, with the builders of its filter and of its columns; it makes no jobs.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fix_operations import BASE, Operations, good, response
from fix_web import WebProcess
from opengate_data import OpenGateClient

from pgjobs.ops.tokens import make_token

DEVICES = 1100
"""More than the client asks for at once: it pages."""
BROKEN = "dev-7"


@pytest.fixture
def server(operations: Operations, web_url: str) -> Iterator[WebProcess]:
    """The web process, which asks for tokens; `server.token` may read and control operations."""
    token, digest = make_token()
    operations.engine.execute("select pgjobs.add_token('fleet', %s, '{operations:control}', null)", digest)
    with WebProcess(database_url=web_url, http_auth="true") as process:
        process.client.headers["X-ApiKey"] = token
        yield process


def client_of(server: WebProcess, token: str | None = None) -> Any:
    """The vendor's client, which knows the address and a token."""
    address = str(server.client.base_url).rstrip("/")
    return OpenGateClient(url=address, api_key=token or server.client.headers["X-ApiKey"])


def create(server: WebProcess, name: str, target: dict[str, Any]) -> str:
    """The id of a new job, which is active."""
    request = {"name": name, "target": target, "operationParameters": {"timeout": 60_000}}
    answer = server.client.post(f"{BASE}/operation/jobs", json={"job": {"request": request}})
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["id"])


def answer_of_device(properties: Any, body: Any) -> object:
    """What a device answers; one of them is broken."""
    if body["operation"]["request"]["id"].endswith("-7"):
        return response(body, "ERROR_PROCESSING")
    return good(properties, body)


@pytest.fixture
def jobs(operations: Operations, server: WebProcess) -> tuple[str, str]:
    """A reboot of all devices of a tag, and a ping of two of them, both finished by devices that answer."""
    more = [f"dev-{number}" for number in range(131, DEVICES + 1)]
    operations.entities(*more)
    operations.engine.execute("update pgjobs.entities set tags = '{all}' where type = 'entity.device'")
    operations.consume(answer_of_device)
    operations.engine.start()
    made = (
        create(server, "REBOOT", {"append": {"tags": ["all"]}}),
        create(server, "PING", {"append": {"entities": ["dev-1", BROKEN]}}),
    )
    for job in made:
        operations.engine.wait_status(int(job), "done")
    return made


def rows(found: str) -> list[dict[str, Any]]:
    """What the client gives back as "dict", which is a text."""
    return list(json.loads(found)["operations"])


def test_before_there_is_anything_the_client_finds_nothing(server: WebProcess) -> None:
    """It takes 204 for an empty list, an empty table, and an empty frame."""
    client = client_of(server)
    assert [] == rows(client.new_operations_search_builder().build().execute())
    select = client.new_select_builder().add("operationId", ["value"]).build()
    assert "" == client.new_operations_search_builder().with_select(select).with_format("csv").build().execute()
    assert client.new_operations_search_builder().with_format("pandas").build_execute().empty


def test_the_whole_client(server: WebProcess, jobs: tuple[str, str]) -> None:
    """Everything that its builders for operations can say is understood, and answered as it expects."""
    client, (reboot, ping) = client_of(server), jobs
    that, by = client.new_filter_builder, client.new_operations_search_builder

    # Pages until one is empty.
    every = rows(by().build().execute())
    assert (DEVICES + 2, [ping] * 2 + [reboot] * DEVICES) == (len(every), [row["jobId"] for row in every])
    assert len({row["operationId"] for row in every}) == len(every)
    assert {"REBOOT", "PING"} == {row["name"] for row in every}
    assert {"FINISHED"} == {row["status"] for row in every}

    def found(condition: Any, *more: Any, either: bool = False) -> list[str]:
        builder = that()
        wanted = builder.or_(condition, *more) if either else builder.and_(condition, *more)
        return [row["entityId"] for row in rows(by().with_filter(wanted.build()).build_execute())]

    # Each of its operators.
    f = that()
    assert ["dev-1", BROKEN] == found(f.eq("jobId", ping))
    assert ["dev-1", BROKEN] == found(f.neq("jobId", reboot))
    assert [BROKEN, BROKEN] == found(f.like("entityId", "^dev-7$"))
    assert [BROKEN, BROKEN] == found(f.in_("operationResult", ["ERROR_PROCESSING", "NOT_SUPPORTED"]))
    assert ["dev-1"] == found(f.nin("entityId", [BROKEN]), f.eq("job.id", ping))
    assert ["dev-1", BROKEN] == found(f.gt("jobId", int(reboot)))
    assert DEVICES == len(found(f.lt("jobId", int(ping))))
    assert ["dev-1", BROKEN] == found(f.gte("operationDate", "2026-01-01T00:00:00Z"), f.gte("jobId", int(ping)))
    assert DEVICES == len(found(f.lte("jobTotal", DEVICES), f.lte("jobId", int(reboot))))
    assert ["dev-1", BROKEN] == found(f.exists("operationResult", True), f.eq("operationName", "PING"))
    assert [] == found(f.exists("entityId", False))
    assert ["dev-1", "dev-1", "dev-2"] == found(
        f.eq("entityId", "dev-2"),
        f.eq("operation.id", f"{ping}-{1}"),
        that().and_(f.eq("entityId", "dev-1")),
        either=True,
    )

    # A page, an order, and fields to group by.
    page = by().with_filter(that().and_(f.eq("jobId", reboot)).build()).with_limit(10, 2).build().execute()
    assert [f"dev-{number}" for number in range(11, 21)] == [row["entityId"] for row in rows(page)]
    builder = by().add_sort_by("operationResult", "ASCENDING").add_sort_by("jobId", "DESCENDING").add_by_group("jobId")
    assert [(ping, BROKEN), (reboot, BROKEN)] == [
        (row["jobId"], row["entityId"]) for row in rows(builder.with_limit(2).build_execute())
    ]

    # Every flag.
    builder = by().with_flattened().with_utc().with_summary().with_default_sorted().with_case_sensitive()
    assert ["dev-1"] == [row["entityId"] for row in rows(builder.with_limit(1).build().execute())]

    # Columns, as a list of dictionaries, as a table, and as a frame of pandas.
    select = client.new_select_builder().add("operationId", [("value", "id")]).add("operation", ["result"]).build()
    wanted = that().and_(f.eq("jobId", ping)).build()
    assert [
        {"id": f"{ping}-1", "operation.result": "SUCCESSFUL"},
        {"id": f"{ping}-7", "operation.result": "ERROR_PROCESSING"},
    ] == rows(by().with_filter(wanted).with_select(select).build_execute())
    names = client.new_select_builder().add("entityId").add("operationDetails").build()
    table = by().with_select(names).with_format("csv").build().execute()
    header, *lines = csv.reader(io.StringIO(table, newline=""), delimiter=";")
    assert (["entityId", "operationDetails"], DEVICES + 2) == (header, len(lines))
    assert ["dev-1", "it is SUCCESSFUL"] == lines[0]
    frame = by().with_filter(wanted).with_format("pandas").build().execute()
    assert ["dev-1", BROKEN] == list(frame["entityId"])
    assert ["REBOOTED"] == list(frame["steps_0_name"].dropna())
    assert 1 == frame["attempts_current"][0]


def test_refusals_reach_the_one_who_uses_the_client(
    server: WebProcess, operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown field is a 400 with our sentence, and a wrong token a 401; a bearer token is taken as well."""
    client = client_of(server)
    unknown = client.new_filter_builder().and_(client.new_filter_builder().eq("status", "x")).build()
    for format_ in ("dict", "csv"):
        select = client.new_select_builder().add("operationId", ["value"]).build()
        builder = client.new_operations_search_builder().with_filter(unknown).with_select(select).with_format(format_)
        said = builder.build().execute()
        assert 400 == said["status_code"]
        assert "Field in filter unknown: status" in said["error"]
    stranger = client_of(server, "unknown")
    assert 401 == stranger.new_operations_search_builder().build().execute()["status_code"]
    assert "fleet" == operations.engine.value("select name from pgjobs.tokens")
    monkeypatch.setenv("TOKEN_JWT", server.client.headers["X-ApiKey"])
    bearer = OpenGateClient(url=str(server.client.base_url).rstrip("/"))
    assert {"Authorization"} == set(bearer.headers)
    assert [] == rows(bearer.new_operations_search_builder().build().execute())
