"""What partners submit: payloads in all their forms, the items that a job gets of them, and what is refused."""

import asyncio
import json
import re
import threading
import uuid
from typing import Any

import httpx
import psycopg
import pytest
from fix_jobs import Db
from fix_partner import RECORD, SUBSCRIPTION, Gateway, Partner
from fix_services import soon
from fix_web import WebProcess

from pgjobs.lab.roles import member_url
from pgjobs.settings import read_settings

GOOD, BAD = {"result": "SUCCESSFUL"}, {"result": "ERROR"}
APP = f"/2.0/sub/{SUBSCRIPTION}/partner/exec/cinx/json-rfq-import"


def bodies(gateway: Gateway, guid: str) -> list[tuple[str, Any]]:
    """Target and message of each record of a job, as its selector gives them."""
    statement = gateway.engine.value("select pgjobs.partner_records(%s, 0, null, null)", gateway.job(guid))
    return [(row["target"], json.loads(row["body"])) for row in gateway.engine.rows(statement)]


def test_items_of_a_payload_are_items_of_the_job(gateway: Gateway, partner: Partner) -> None:
    """Each element of items is a record of its own, in its order; it is sent with the rest of the payload, the
    arguments and the job's GUID, and is called by the field that the type names."""
    items = [{"number": "a", "price": 1.10}, {"number": ""}, "no object", {"number": 7}]
    guid = partner.made("json-rfq-import", {"name": "RFQ", "items": items, "due": None}, "body=json&auto_submit=0")
    sent = {
        "app": "json-rfq-import",
        "partner": "cinx",
        "method": "POST",
        "job_id": guid,
        "payload": {"name": "RFQ", "due": None},
        "args": {
            "body": ["json"],
            "auto_submit": ["0"],
            "api_version": ["2.0"],
            **{name: [value] for name, value in RECORD.items()},
            "archive": [1],
            "sub_id": [SUBSCRIPTION],
        },
    }
    expected = list(zip(["a", "2", "3", "7"], [sent | {"item": item} for item in items], strict=True))
    assert expected == bodies(gateway, guid)
    daemon = gateway.engine.start()
    seen: list[Any] = []
    gateway.consume(lambda _properties, body: seen.append(body))
    gateway.engine.wait_status(gateway.job(guid), "done")
    gateway.engine.wait_for(lambda: len(seen) == len(items), "all messages")
    assert [body for _, body in expected] == seen
    assert daemon.running


@pytest.mark.parametrize(
    "payload",
    [
        {"number": "P-1"},
        {"number": "P-1", "items": []},
        {"number": "P-1", "items": {"a": 1}},
        {"number": "P-1", "items": None},
        {},
    ],
)
def test_a_payload_without_items_is_one_item(gateway: Gateway, partner: Partner, payload: dict[str, Any]) -> None:
    """Where there is no array of items the whole payload is the item."""
    ((target, body),) = bodies(gateway, partner.made("json-rfq-import", payload))
    assert (payload.get("number", "1"), payload) == (target, body["item"])
    assert "payload" not in body


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ({"items": "order.lines"}, [1, 2]),
        ({"items": "elsewhere"}, [{"items": [3], "order": {"lines": [1, 2], "by": "x"}}]),
        ({"items": None}, [{"items": [3], "order": {"lines": [1, 2], "by": "x"}}]),
        ({}, [3]),
    ],
)
def test_the_type_says_where_the_items_are(
    gateway: Gateway, partner: Partner, defaults: dict[str, Any], expected: list[Any]
) -> None:
    """defaults.items is the path to the array; null: the payload is one item, whatever it holds."""
    gateway.change("json-rfq-import", defaults=defaults)
    guid = partner.made("json-rfq-import", {"items": [3], "order": {"lines": [1, 2], "by": "x"}})
    assert expected == [body["item"] for _, body in bodies(gateway, guid)]


@pytest.mark.parametrize(
    ("defaults", "field"),
    [
        ({"itms": "a"}, "defaults.itms"),
        ({"items": 5}, "defaults.items"),
        ({"items": ["a"]}, "defaults.items"),
        ({"items": "a..b"}, "defaults.items"),
        ({"items": "a", "target": ["a"]}, "defaults.target"),
    ],
)
def test_defaults_that_would_send_something_else_are_refused(
    gateway: Gateway, defaults: dict[str, Any], field: str
) -> None:
    """A name that nothing reads, and a value that names no field, are refused where the type is written."""
    with pytest.raises(psycopg.Error, match=rf"^{re.escape(field)}: "):
        gateway.change("json-rfq-import", defaults=defaults)
    gateway.change("json-rfq-import", params=["prefix"], defaults={"items": "a.b", "target": None, "prefix": 1})


def test_numbers_are_sent_as_they_came(gateway: Gateway, partner: Partner) -> None:
    """What an item says reaches its consumer letter by letter: no price loses a digit."""
    guid = partner.made("json-rfq-import", b'{"items": [{"price": 0.12345678901234567890,  "name": "\xc3\xa9"}]}')
    statement = gateway.engine.value("select pgjobs.partner_records(%s, 0, null, null)", gateway.job(guid))
    (row,) = gateway.engine.rows(statement)
    assert '"item": {"price": 0.12345678901234567890,  "name": "é"}}' in row["body"]


def test_a_synchronous_call_is_answered_with_the_status(gateway: Gateway, partner: Partner) -> None:
    """With synchronous=1 the answer is the row of the status, when the job has ended: processed or failed."""
    gateway.engine.start()
    gateway.consume(lambda _properties, body: GOOD if body["item"]["hph_code"] == "P-1" else BAD)
    for code, expected in (("P-1", (200, "Processed")), ("P-2", (500, "Internal Server Error"))):
        answer = partner.submit("json-req-import", requisition(code), "body=json&synchronous=1")
        (row,) = answer["rows"]
        assert expected == (row["status_code"], row["status_message"])
        assert (200, "OK") == (answer["response"]["status_code"], answer["response"]["message"])
        assert partner.status(row["cinx_id"]["id"])["rows"] == [row]
        assert ["1"] == row["args"]["synchronous"]


def test_a_synchronous_call_waits_for_so_long_only(gateway: Gateway, partner: Partner) -> None:
    """When the time is over the row says 202 Processing, and has the job_id to ask again."""
    settings = gateway.web.app.state.settings
    gateway.web.app.state.settings = settings.model_copy(update={"http_patience": 0.2})
    (row,) = partner.submit("json-rfq-import", {}, "body=json&synchronous=1")["rows"]
    assert (202, "Processing") == (row["status_code"], row["status_message"])
    assert row["cinx_id"]["id"] == row["job_id"]


def test_calls_that_would_wait_in_a_crowd_are_answered_at_once(gateway: Gateway, partner: Partner) -> None:
    """Fifty calls may wait; the next one gets its 202 at once, and the fifty their places back."""
    waiting = {f"call {n}" for n in range(50)}
    gateway.web.app.state.partners_waiting = waiting
    (row,) = partner.submit("json-rfq-import", {}, "body=json&synchronous=1")["rows"]
    assert 202 == row["status_code"]
    assert 50 == len(waiting)


def test_calls_that_wait_for_one_job_are_a_crowd_as_well(gateway: Gateway, partner: Partner) -> None:
    """Each call that waits takes a place, also where several have the same Idempotency-Key."""
    state = gateway.web.app.state
    state.partners_waiting = {f"call {n}" for n in range(49)}

    async def crowd(client: httpx.AsyncClient) -> list[Any]:
        headers = partner.basic | {"Idempotency-Key": "one"}
        path = f"/pig{APP}?body=json&synchronous=1"
        calls = [asyncio.create_task(client.post(path, content=b"{}", headers=headers)) for _ in range(3)]
        while sum(call.done() for call in calls) < 2:
            await asyncio.wait([call for call in calls if not call.done()], return_when=asyncio.FIRST_COMPLETED)
        before = [call.done() for call in calls]
        state.leaving.set()
        answers = [(await call).json()["rows"][0] for call in calls]
        return [before.count(False), {row["job_id"] for row in answers}, {row["status_code"] for row in answers}]

    last, jobs, codes = gateway.web.within(crowd)
    assert (1, 1, {202}) == (last, len(jobs), codes)


def test_who_waits_gets_the_guid_when_the_process_ends(gateway: Gateway, partner: Partner) -> None:
    """SIGTERM does not leave a caller without the GUID of the job that was made for it."""
    answers: list[httpx.Response] = []
    url = member_url(gateway.engine.database_url, "pgjobs_web")
    with WebProcess(database_url=url, http_auth="true") as web:
        path = f"/pig{APP}?body=json&synchronous=1"
        calling = threading.Thread(
            target=lambda: answers.append(web.client.post(path, content=b"{}", headers=partner.basic))
        )
        calling.start()
        assert soon(lambda: gateway.engine.value("select count(*) from xmp_jobs") == 1)
        assert 0 == web.end()
        calling.join(20)
    (row,) = answers[0].json()["rows"]
    assert (202, 1) == (row["status_code"], gateway.job(row["job_id"]))


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_both_methods_submit(gateway: Gateway, partner: Partner, method: str) -> None:
    """POST and PUT make a job each, and its consumer is told which one it was."""
    answer = partner.submit("json-rfq-import", {}, method=method)
    (row,) = answer["rows"]
    assert (200, "OK", ["job_id"]) == (answer["response"]["status_code"], answer["response"]["message"], list(row))
    assert row["job_id"] == str(uuid.UUID(row["job_id"]))
    ((_, body),) = bodies(gateway, row["job_id"])
    assert method == body["method"]


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("text/plain;charset=UTF-8", "body=json"),
        ("application/json", ""),
        ("application/json; charset=utf-8", "body=json"),
        ("image/jpeg", "body=json"),
        ("", "body=json"),
        # The public client's own call for a category has its arguments so.
        ("text/plain;charset=UTF-8", "body=json?body=json&synchronous=0"),
    ],
)
def test_a_payload_is_json_if_anybody_says_so(partner: Partner, kind: str, query: str) -> None:
    """body=json counts whatever the Content-Type says; without it the Content-Type has to be JSON."""
    headers = {"Content-Type": kind} if kind else {}
    answer = partner.answer(f"{APP}?{query}", "POST", content=b'\xef\xbb\xbf{"number": "1"}', headers=headers)
    assert ["job_id"] == list(answer["rows"][0])


def test_repeated_arguments_are_several_values(partner: Partner) -> None:
    """An argument that is given twice has both values; an empty one is a value as well."""
    guid = partner.made("json-rfq-import", {}, "body=json&site=a&site=&site=c%20d")
    assert ["a", "", "c d"] == partner.status(guid)["rows"][0]["args"]["site"]


REFUSED = [
    ("body=json", b"", 400, "no JSON"),
    ("body=json", b"[1]", 400, "no JSON object"),
    ("body=json", b'{"a": 1, "a": 2}', 400, "twice"),
    ("body=json", b'{"a": NaN}', 400, "NaN"),
    ("body=json", b'{"a": "\\u0000"}', 400, "zero"),
    ("body=json", b'{"a": "\\ud800"}', 400, "surrogate"),
    ("body=json", b'{"a": 123456789012345678901234567890}', 400, "digits"),
    ("body=json", b'{"a": 1e999}', 400, "too large"),
    ("body=json", b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}", 400, "deep"),
    ("body=json", b"[" * 100_000, 400, "deep"),
    ("body=json", b'{"a": "\xff"}', 400, "UTF-8"),
    ("body=json", b'{"items": [1], "a": 1e-99999}', 400, "digits"),
    ("body=json", b"{" + b" " * 1024 * 1024 + b"}", 413, "larger than 1024 KB"),
    ("", b"{}", 415, "body=json"),
    ("body=xml", b"{}", 400, "body=json"),
    ("body=json&synchronous=yes", b"{}", 400, "synchronous"),
    ("body=json&synchronous=1&synchronous=0", b"{}", 400, "synchronous"),
    ("body=json&auto_submit=2", b"{}", 400, "auto_submit"),
    ("body=json&archive=2", b"{}", 400, "archive"),
    ("body=json&sub_id=x", b"{}", 400, "sub_id"),
    ("body=json&user_id=boss", b"{}", 400, "user_id"),
]


@pytest.mark.parametrize(("query", "payload", "code", "word"), REFUSED)
def test_what_can_not_be_taken_is_said_and_makes_no_job(
    gateway: Gateway, partner: Partner, query: str, payload: bytes, code: int, word: str
) -> None:
    """Each payload and each argument that is wrong has a sentence, in the envelope, and nothing is half done."""
    answer = partner.submit("json-rfq-import", payload, query)
    assert (code, [], f"sub/{SUBSCRIPTION}/partner/exec/cinx/json-rfq-import") == (
        answer["response"]["status_code"],
        answer["rows"],
        answer["response"]["uri"],
    )
    assert word in answer["response"]["message"]
    assert 0 == gateway.engine.value(
        "select (select count(*) from xmp_jobs) + (select count(*) from pgjobs.injection_lines)"
    )


@pytest.mark.parametrize("app", ["nothing", "expired", "%00", "x" * 500, "json-rfq-import%0A"])
def test_an_unknown_app_is_404_in_the_envelope(partner: Partner, app: str) -> None:
    """An app that is no type of this door, also one of another door, has status_code 404."""
    answer = partner.submit(app, {})
    assert (404, []) == (answer["response"]["status_code"], answer["rows"])
    if app == "nothing":
        message = "there is no app nothing; take one of json-req-import (req), json-rfq-import (rfq)"
        assert message == answer["response"]["message"]


@pytest.mark.parametrize("path", ["partner/exec/%01/json-rfq-import", f"partner/exec/{'p' * 201}/json-rfq-import"])
def test_partner_and_subscription_are_printable(partner: Partner, path: str) -> None:
    """A partner whose name can't be shown is refused, so is such a subscription, and our own name as a partner."""
    odd = ("/2.0/sub/%02/partner/exec/cinx/json-rfq-import", "/2.0/sub/7/partner/exec/pgjobs/json-rfq-import")
    for whole in (f"/2.0/sub/7/{path}", *odd):
        answer = partner.answer(f"{whole}?body=json", "POST", content=b"{}")
        assert 400 == answer["response"]["status_code"]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"allow_substitutes": True}, "number"),
        ({"number": "", "allow_substitutes": True}, "number"),
        ({"number": "1", "allow_substitutes": "yes"}, "allow_substitutes"),
        (
            {"number": "1", "allow_substitutes": True, "items": [{"quantity": 1, "hph_code": "a"}, {"hph_code": "b"}]},
            "items[1]",
        ),
        ({"number": "1", "allow_substitutes": True, "delivery": {"location_type": "MOON"}}, "delivery.location_type"),
    ],
)
def test_a_payload_is_checked_by_the_schema_of_its_type(
    gateway: Gateway, partner: Partner, payload: dict[str, Any], field: str
) -> None:
    """A payload that the schema does not allow makes no job; the sentence names the place."""
    answer = partner.submit("json-req-import", payload)
    assert (400, []) == (answer["response"]["status_code"], answer["rows"])
    assert field in answer["response"]["message"]
    assert 0 == gateway.engine.value("select count(*) from xmp_jobs")


def test_what_is_asked_of_put_alone_is_asked_of_put(partner: Partner) -> None:
    """$defs.put of the schema holds for PUT, and not for POST."""
    assert 200 == partner.submit("json-req-import", requisition("a"))["response"]["status_code"]
    refused = partner.submit("json-req-import", requisition("a"), method="PUT")
    assert 400 == refused["response"]["status_code"]
    assert "cinx_guid" in refused["response"]["message"]
    whole = requisition("a") | {"cinx_guid": "7"}
    assert 200 == partner.submit("json-req-import", whole, method="PUT")["response"]["status_code"]


def test_a_schema_fetches_nothing(gateway: Gateway, partner: Partner) -> None:
    """A schema that leads to another address can't be used, and says so; nobody is asked for it."""
    gateway.change("json-req-import", params_schema={"$ref": "http://127.0.0.1:9/schema.json"})
    for answer in (partner.submit("json-req-import", {}), partner.answer(f"/2.0/sub/{SUBSCRIPTION}/template/req")):
        assert (503, []) == (answer["response"]["status_code"], answer["rows"])
        assert "schema" in answer["response"]["message"].lower()


def test_no_payload_keeps_the_door_busy(gateway: Gateway, partner: Partner) -> None:
    """A pattern that other engines never end with is answered, whatever the text is, and so are the calls after it."""
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}, "items": {"uniqueItems": True}}}
    gateway.change("json-rfq-import", params_schema=schema)
    long = partner.submit("json-rfq-import", {"a": "a" * 44 + "!"})
    many = partner.submit("json-rfq-import", {"items": [{"a": number} for number in range(40_000)]})
    assert [400, 200] == [answer["response"]["status_code"] for answer in (long, many)]


def test_what_is_sent_with_each_item_is_bounded(gateway: Gateway, partner: Partner) -> None:
    """A payload whose rest would be sent with so many items that the whole is beyond all measure is refused."""
    payload = {"items": [0] * 2000, "rest": "x" * 100_000}
    answer = partner.submit("json-rfq-import", payload)
    assert (413, []) == (answer["response"]["status_code"], answer["rows"])
    assert "2000 items" in answer["response"]["message"]
    assert 0 == gateway.engine.value("select count(*) from xmp_jobs")


def test_the_same_request_with_a_key_makes_one_job(gateway: Gateway, partner: Partner) -> None:
    """With an Idempotency-Key a repeated request gets the same GUID; another one with the key is refused; keys of
    several partners have nothing to do with each other."""

    def post(who: Partner, content: bytes) -> dict[str, Any]:
        headers = {"Idempotency-Key": "key 1"}
        return who.answer(f"{APP}?body=json", "POST", content=content, headers=headers)

    first, again = post(partner, b"{}"), post(partner, b"{}")
    assert first["rows"] == again["rows"]
    assert 409 == post(partner, b'{"a": 1}')["response"]["status_code"]
    gateway.web.app.state.leaving.set()
    for query, code in (("body=json&format=json&synchronous=1", 200), ("body=json&auto_submit=1", 409)):
        answer = partner.answer(f"{APP}?{query}", "POST", content=b"{}", headers={"Idempotency-Key": "key 1"})
        assert code == answer["response"]["status_code"]
        assert [row["job_id"] for row in answer["rows"]] == [row["job_id"] for row in first["rows"] if code == 200]
    assert first["rows"] != post(gateway.partner("other"), b"{}")["rows"]
    assert 2 == gateway.engine.value("select count(*) from xmp_jobs")


def test_who_may_look_may_not_submit(gateway: Gateway) -> None:
    """A token that may read gets status_code 403, one of another door as well."""
    for number, scope in enumerate(("partner:read", "cms:control")):
        answer = gateway.partner(f"p{number}", scope).submit("json-rfq-import", {})
        assert (403, []) == (answer["response"]["status_code"], answer["rows"])


def test_lines_of_payloads_go_when_their_jobs_are_done(gateway: Gateway, partner: Partner, db: Db) -> None:
    """A payload lies beside its job, not in its row, and goes with the end of the job; many small ones in one sweep."""
    guids = [partner.made("json-rfq-import", {"items": [1, 2]}) for _ in range(3)]
    assert 9 == db.value("select count(*) from pgjobs.injection_lines")
    gateway.engine.start()
    for guid in guids:
        gateway.engine.wait_status(gateway.job(guid), "done")
    db.execute("select pgjobs.sweep()")
    # The daemon may be sweeping as well.
    assert soon(lambda: db.value("select count(*) from pgjobs.injection_lines") == 0)


def test_two_payloads_are_no_double_click(gateway: Gateway, partner: Partner) -> None:
    """Jobs of payloads are not remarked as equal because they have no parameters."""
    first, second = partner.made("json-rfq-import", {"a": 1}), partner.made("json-rfq-import", {"a": 2})
    remarks = "select count(*) from pgjobs.events where to_status is null and job_id in (%s, %s)"
    assert 0 == gateway.engine.value(remarks, gateway.job(first), gateway.job(second))


@pytest.mark.parametrize("most", [1, 2**24])
def test_the_largest_payload_is_a_setting(most: int) -> None:
    """PGJOBS_PARTNER_MAX_BYTES says how large a payload may be."""
    assert most == read_settings(partner_max_bytes=most).partner_max_bytes


def requisition(*codes: str) -> dict[str, Any]:
    """A requisition with an item for each code."""
    return {"number": "R-1", "allow_substitutes": False, "items": [{"hph_code": code, "quantity": 2} for code in codes]}
