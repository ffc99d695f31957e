"""The contract of the partner door, line by line, with a daemon, the broker and consumers that answer."""

import re
import time
import uuid
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from fix_partner import RECORD, SUBSCRIPTION, Gateway, Partner
from fix_web import Web
from psycopg.types.json import Jsonb

from pgjobs.settings import read_settings

METHOD = "App\\Controllers\\Auth->authenticate"
RESPONSE = [
    "status_code",
    "message",
    "method",
    "uri",
    "format",
    "start_time",
    "total_time",
    "record_count",
    "total_count",
]
ROW = ["app", "args", "command_started_at", "file_count", "partner", "status_code", "status_message", "cinx_id"]
GOOD, BAD = {"result": "SUCCESSFUL"}, {"result": "ERROR"}
NOWHERE = "7ab6f316-39bb-4d02-92aa-c9cfd8eeeb11"
QUERY = "body=json&auto_submit=1"
MOMENT = "select to_char(%s::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS\"Z\"')"


def shape(value: Any) -> Any:
    """The keys of a JSON value in their order, with the types of what they hold."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value)


SEED: dict[str, Any] = {
    "response": {
        "status_code": 200,
        "message": "OK",
        "method": METHOD,
        "uri": "",
        "format": "json",
        "start_time": 1719584394.89486,
        "total_time": 3.177053928375244,
        "record_count": 1,
        "total_count": 0,
    },
    "rows": [
        {
            "app": "json-rfq-import",
            "args": {
                "body": ["json"],
                "auto_submit": ["1"],
                "api_version": ["2.0"],
                **{name: [value] for name, value in RECORD.items()},
                "archive": [1],
                "sub_id": [SUBSCRIPTION],
            },
            "command_started_at": "2024-01-17 16:38:55Z",
            "file_count": 1,
            "partner": "cinx",
            "status_code": 200,
            "status_message": "Processed",
            "cinx_id": {"id": "97b96860-ca73-4f8e-b6ba-37ce9f256871", "domain": "pig", "type": "PIG-UPLOAD"},
        }
    ],
}
"""The seed's example of a processed job; api_version is an array, as every argument is."""


def test_a_processed_job_has_the_answer_of_the_seed(gateway: Gateway, partner: Partner) -> None:
    """Submitted with the seed's arguments by the caller of its examples, a job that is done has the seed's answer: each
    key in its place, each value that is not the job's own."""
    guid = partner.made("json-rfq-import", {"number": "RFQ 7", "items": [{"number": "a"}, {"number": "b"}]}, QUERY)
    before = time.time()
    gateway.engine.start()
    gateway.engine.wait_status(gateway.job(guid), "done")
    answer = partner.status(guid)
    assert shape(SEED) == shape(answer)
    assert before < answer["response"]["start_time"] < time.time()
    assert 0 < answer["response"]["total_time"] < 60
    started = answer["rows"][0]["command_started_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", started)
    began = gateway.engine.value("select started_at from pgjobs.shards where job_id = %s", gateway.job(guid))
    assert started == gateway.engine.value(MOMENT, began)
    seed = SEED["rows"][0] | {"command_started_at": started, "cinx_id": SEED["rows"][0]["cinx_id"] | {"id": guid}}
    own = {name: answer["response"][name] for name in ("start_time", "total_time")}
    assert {"response": SEED["response"] | own, "rows": [seed]} == answer


@pytest.mark.parametrize("prefix", ["", f"sub/{SUBSCRIPTION}/"])
@pytest.mark.parametrize(
    "asked", [NOWHERE, "", "42", "a b", "../../jobs", f"{NOWHERE}x", "{" + NOWHERE + "}", "\x01", "\n", "é"]
)
def test_an_unknown_id_has_the_answer_of_the_seed(partner: Partner, prefix: str, asked: str) -> None:
    """An id that no job has, one that can't be one, and none at all: status_code 500, the sentence of the seed, the
    path as the uri, and no rows."""
    path = f"{prefix}partner/exec/{asked}/status"
    escaped = quote(asked, safe="").replace(".", "%2e")
    answer = partner.answer(f"/1.0/{prefix}partner/exec/{escaped}/status")
    assert [] == answer["rows"]
    assert RESPONSE == list(answer["response"])
    assert {
        "status_code": 500,
        "message": f"Failed to find a job with the given id of [{asked}]",
        "method": METHOD,
        "uri": path,
        "format": "json",
        "record_count": 0,
        "total_count": 0,
    }.items() <= answer["response"].items()


@pytest.mark.parametrize("prefix", ["", f"sub/{SUBSCRIPTION}/"])
def test_a_missing_id_may_have_lost_a_slash(partner: Partner, prefix: str) -> None:
    """A proxy that joins slashes makes /status of //status."""
    answer = partner.answer(f"/1.0/{prefix}partner/exec/status")
    assert "Failed to find a job with the given id of []" == answer["response"]["message"]


def test_a_job_goes_from_processing_to_processed(gateway: Gateway, partner: Partner) -> None:
    """While its items are open a tracked job is 202 Processing; with the last good answer it is 200 Processed."""
    guid = partner.made("json-req-import", requisition("P-1", "P-2"))
    assert (202, "Processing") == partner.code(guid)
    gateway.engine.start()
    gateway.engine.wait_until("exists (select from pgjobs.items where job_id = %s and status = 'l')", gateway.job(guid))
    assert (202, "Processing") == partner.code(guid)
    gateway.consume(lambda *_: GOOD)
    gateway.engine.wait_status(gateway.job(guid), "done")
    assert (200, "Processed") == partner.code(guid)


@pytest.mark.parametrize(
    ("fails_with", "answers", "expected"),
    [
        ("any", (GOOD, BAD), (500, "Internal Server Error")),
        ("any", (GOOD, GOOD), (200, "Processed")),
        ("all", (GOOD, BAD), (200, "Processed")),
        ("all", (BAD, BAD), (500, "Internal Server Error")),
        (None, (BAD, BAD), (200, "Processed")),
    ],
)
def test_failed_items_count_as_the_type_says(
    gateway: Gateway,
    partner: Partner,
    fails_with: str | None,
    answers: tuple[object, object],
    expected: tuple[int, str],
) -> None:
    """A job that is done has failed where any item has, where all have, or never: fails_with of its type."""
    gateway.change("json-req-import", fails_with=fails_with)
    gateway.engine.start()
    gateway.consume(lambda _properties, body: answers[body["item"]["hph_code"] == "P-2"])
    guid = partner.made("json-req-import", requisition("P-1", "P-2"))
    gateway.engine.wait_status(gateway.job(guid), "done")
    assert expected == partner.code(guid)
    assert 200 == partner.status(guid)["response"]["status_code"]


def test_a_stopped_job_has_failed_until_it_is_resumed(gateway: Gateway, partner: Partner) -> None:
    """A job that somebody stops is 500; one that is resumed is 202 again."""
    guid = partner.made("json-rfq-import", {"number": "RFQ 7"})
    gateway.engine.execute("select pgjobs.stop_job(%s)", gateway.job(guid))
    answer = partner.status(guid)
    assert (200, "OK", 1, "") == tuple(
        answer["response"][key] for key in ("status_code", "message", "record_count", "uri")
    )
    assert (500, "Internal Server Error") == partner.code(guid)
    assert ROW == list(answer["rows"][0])
    gateway.engine.execute("select pgjobs.resume_job(%s)", gateway.job(guid))
    assert (202, "Processing") == partner.code(guid)


def test_a_job_that_broke_off_has_failed(gateway: Gateway, partner: Partner) -> None:
    """A job in error is 500 Internal Server Error."""
    guid = partner.made("json-rfq-import", {"number": "RFQ 7"})
    gateway.engine.execute("update xmp_jobs set status = 'error' where id = %s", gateway.job(guid))
    assert (500, "Internal Server Error") == partner.code(guid)


def test_jobs_of_other_doors_are_shown_likewise(gateway: Gateway) -> None:
    """A job that was inserted by SQL: app is its type, partner is pgjobs, args are its parameters, each value in an
    array; before its first start it shows when it was made."""
    everything = gateway.partner("auditor", "partner:read", "all")
    job = gateway.engine.add_job("expired", count=5, order="asc")
    guid = gateway.engine.value("select pgjobs.guid_of(id, guid)::text from xmp_jobs where id = %s", job)
    (row,) = everything.status(guid)["rows"]
    made = gateway.engine.value(MOMENT, gateway.engine.value("select created_at from xmp_jobs where id = %s", job))
    assert ROW == list(row)
    assert {
        "app": "expired",
        "args": {"count": [5], "order": ["asc"]},
        "command_started_at": made,
        "file_count": 0,
        "partner": "pgjobs",
        "status_code": 202,
        "status_message": "Processing",
        "cinx_id": {"id": guid, "domain": "pig", "type": "PIG-UPLOAD"},
    } == row
    with_file = gateway.engine.add_job("injection", "a.csv", service_id=1)
    guid = gateway.engine.value("select pgjobs.guid_of(id, guid)::text from xmp_jobs where id = %s", with_file)
    assert 1 == everything.status(guid.upper())["rows"][0]["file_count"]


def test_a_job_older_than_guids_has_one(gateway: Gateway) -> None:
    """A row of before the column guid has a GUID made of its number, and is found by it."""
    everything = gateway.partner("auditor", "partner:read", "all")
    job = gateway.engine.add_job("expired")
    with gateway.engine.database.transaction():
        gateway.engine.execute("set local session_replication_role = replica")
        gateway.engine.execute("update xmp_jobs set guid = null where id = %s", job)
    guid = gateway.engine.value("select pgjobs.guid_of(%s, null)::text", job)
    (row,) = everything.status(guid)["rows"]
    assert ("expired", guid) == (row["app"], row["cinx_id"]["id"])


def test_nobody_sees_what_another_one_submitted(gateway: Gateway, partner: Partner) -> None:
    """A job of another partner, or of nobody, is unknown in the very words in which one that there is not is unknown;
    the scope `all` sees each of them."""
    own, other = partner.made("json-rfq-import", {"number": "1"}), gateway.partner("other").made("json-rfq-import", {})
    job = gateway.engine.add_job("expired")
    nobodys = str(gateway.engine.value("select guid from xmp_jobs where id = %s", job))
    assert 1 == len(partner.status(own)["rows"])
    for guid in (other, nobodys, NOWHERE):
        answer = partner.status(guid)
        assert [] == answer["rows"]
        assert f"Failed to find a job with the given id of [{guid}]" == answer["response"]["message"]
    everything = gateway.partner("auditor", "partner:read", "all")
    assert [1, 1, 1, 0] == [len(everything.status(guid)["rows"]) for guid in (own, other, nobodys, NOWHERE)]


def test_the_subscription_of_the_path_changes_nothing(partner: Partner) -> None:
    """Behind sub/{token} a job is found as without it; who calls is said by the credentials."""
    guid = partner.made("json-rfq-import", {"number": "RFQ 7"})
    assert partner.status(guid)["rows"] == partner.answer(f"/1.0/sub/anything/partner/exec/{guid}/status")["rows"]


def test_everybody_may_ping(gateway: Gateway) -> None:
    """Without credentials a ping has one row: status 200 and a message that ends in Ping Response: Ok."""
    answer = gateway.web.get("/pig/2.0/ping")
    assert 200 == answer.status_code
    (row,) = answer.json()["rows"]
    assert ["status", "message"] == list(row)
    assert 200 == row["status"]
    assert row["message"].endswith(" Ping Response: Ok")
    assert ("OK", 1) == (answer.json()["response"]["message"], answer.json()["response"]["record_count"])


def test_an_answer_may_be_xml(partner: Partner) -> None:
    """With format=xml the same answer is <cinx_api>: a row is <row>, an array is an element for each value."""
    guid = partner.made("json-rfq-import", {}, "body=json&site=a&site=b%20%26%20c&%3C1=x")
    answer = partner.call("GET", f"/1.0/partner/exec/{guid}/status?format=xml")
    assert (200, "application/xml") == (answer.status_code, answer.headers["content-type"])
    root = ET.fromstring(answer.content)  # noqa: S314 our own answer
    assert ("cinx_api", ["response", "rows"]) == (root.tag, [child.tag for child in root])
    assert RESPONSE == [child.tag for child in root[0]]
    assert "xml" == root.findtext("response/format")
    (row,) = root.findall("rows/row")
    assert ROW == [child.tag for child in row]
    assert ["a", "b & c"] == [child.text for child in row.findall("args/site")]
    assert ["x"] == [child.text for child in row.findall("args/value[@name='<1']")]
    assert (guid, "202") == (row.findtext("cinx_id/id"), row.findtext("status_code"))
    missing = partner.call("GET", f"/1.0/partner/exec/%01{NOWHERE}/status?format=xml")
    root = ET.fromstring(missing.content)  # noqa: S314 as above
    assert (200, "500", 0) == (
        missing.status_code,
        root.findtext("response/status_code"),
        len(root.findall("rows/row")),
    )
    assert f"Failed to find a job with the given id of [\ufffd{NOWHERE}]" == root.findtext("response/message")


@pytest.mark.parametrize(
    "query", ["?format=yaml", "?a%00=1", "?user_id=boss", "?=1", "?" + "&".join(f"a{n}=1" for n in range(60))]
)
def test_what_is_wrong_with_arguments_is_said_in_the_envelope(partner: Partner, query: str) -> None:
    """Arguments that can't be taken are status_code 400 in an answer of HTTP status 200."""
    answer = partner.answer(f"/1.0/partner/exec/{NOWHERE}/status{query}")
    assert (400, []) == (answer["response"]["status_code"], answer["rows"])


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/2.0/nowhere", 404),
        ("GET", "/", 404),
        ("POST", "/2.0/ping", 405),
        ("DELETE", "/1.0/partner/exec/7/status", 405),
    ],
)
def test_every_answer_has_http_status_200(partner: Partner, method: str, path: str, code: int) -> None:
    """Paths and methods that there are not have a status_code, too."""
    answer = partner.answer(path, method)
    assert (code, []) == (answer["response"]["status_code"], answer["rows"])
    assert path.removeprefix("/2.0/").removeprefix("/1.0/").lstrip("/") == answer["response"]["uri"]


def test_a_database_that_is_away_is_503() -> None:
    """While nobody can look up credentials or jobs HTTP says 503, and so does the envelope; a ping is answered."""
    settings = read_settings(database_url="postgresql://nobody@127.0.0.1:1/nothing", http_auth=True)
    with Web(settings) as web:
        answer = web.get(f"/pig/1.0/partner/exec/{NOWHERE}/status", headers={"Bearer": "token"})
        assert (503, 503, []) == (answer.status_code, answer.json()["response"]["status_code"], answer.json()["rows"])
        assert 200 == web.get("/pig/2.0/ping").status_code


def test_the_job_names_who_submitted_it(gateway: Gateway, partner: Partner) -> None:
    """The token that submitted a job stands in its row and in its first event."""
    guid = partner.made("json-rfq-import", {"number": "RFQ 7"})
    job = gateway.job(guid)
    assert (f"token {partner.name}", str(uuid.UUID(guid))) == tuple(
        gateway.engine.rows("select submitted_by, guid::text from xmp_jobs where id = %s", job)[0].values()
    )
    assert f"token {partner.name}" == gateway.engine.value(
        "select actor from pgjobs.events where job_id = %s order by id limit 1", job
    )


def requisition(*codes: str) -> dict[str, Any]:
    """A requisition with an item for each code."""
    return {"number": "R-1", "allow_substitutes": False, "items": [{"hph_code": code, "quantity": 2} for code in codes]}


def test_arguments_without_a_request_are_those_of_params(gateway: Gateway) -> None:
    """A job of an app that was inserted by SQL has no request, and is shown as any other."""
    everything = gateway.partner("auditor", "partner:read", "all")
    gateway.engine.execute("update xmp_job_types set params = '{dry_run}' where name = 'json-rfq-import'")
    guid = gateway.engine.value(
        "insert into xmp_jobs (type, params) values ('json-rfq-import', %s) returning guid::text",
        Jsonb({"dry_run": True}),
    )
    (row,) = everything.status(guid)["rows"]
    assert ("pgjobs", {"dry_run": [True]}, 0) == (row["partner"], row["args"], row["file_count"])
