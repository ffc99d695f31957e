"""The contract of mailings, line by line: the seed's own examples, fields, errors, statistics."""

from typing import Any

import pytest
from fix_mailings import Mailings, in_seconds, noting

CLIENT = {"phone": "78218173218", "operator_code": "123", "timezone": "timezone"}
MAILING = {"start_time": "2022-12-02T16:50:00Z", "text": "hello", "client_tag_filter": "VIP", "end_time": "2128-11-20"}
AS_PRINTED = """{
    "start_time":"2022-12-02T16:50:00Z",
    "text":"hello",
    "client_tag_filter":"VIP"
    "end_time":"2128-11-20"
}"""
JSON = {"Content-Type": "application/json"}


def test_the_example_of_a_client(mailings: Mailings) -> None:
    """The same data comes back, with an id and with the tag that was not given."""
    answer = mailings.call("POST", "/clients/", CLIENT)
    assert 201 == answer.status_code
    number = answer.json()["id"]
    assert isinstance(number, int)
    assert {"id": number, **CLIENT, "tag": None} == answer.json()
    assert ["id", "phone", "operator_code", "tag", "timezone"] == list(answer.json())


def test_the_example_of_a_mailing_lacks_a_comma(mailings: Mailings) -> None:
    """As it is printed it is no JSON, and nothing is created; with the comma it comes back with id, nulls, and times in
    UTC, a date as its midnight."""
    answer = mailings.call("POST", "/mailings/", content=AS_PRINTED, headers=JSON)
    assert 400 == answer.status_code
    assert ["detail"] == list(answer.json())
    assert answer.json()["detail"].startswith("the body is no JSON: Expecting ',' delimiter at line 5, column 5")
    assert {"message_data": [], "total_mailings": 0} == mailings.call("GET", "/mailings/").json()
    mended = AS_PRINTED.replace('"VIP"', '"VIP",')
    answer = mailings.call("POST", "/mailings/", content=mended, headers=JSON)
    assert 201 == answer.status_code
    number = answer.json()["id"]
    shown = {
        "id": number,
        "start_time": "2022-12-02T16:50:00Z",
        "text": "hello",
        "client_operator_code_filter": None,
        "client_tag_filter": "VIP",
        "end_time": "2128-11-20T00:00:00Z",
    }
    assert list(shown.items()) == list(answer.json().items())
    assert 1 == mailings.total()


@pytest.mark.parametrize("end", ["", "/"])
def test_a_client_is_changed_and_removed(mailings: Mailings, end: str) -> None:
    """PUT needs every needed field, PATCH changes what is given; a deleted client is gone. With and without a slash."""
    number = mailings.call("POST", f"/clients{end}", CLIENT | {"tag": "VIP"}).json()["id"]
    path = f"/clients/{number}{end}"
    assert CLIENT | {"tag": "VIP", "id": number} == mailings.call("GET", path).json()
    answer = mailings.call("PATCH", path, {"phone": "79990000000"})
    assert (200, CLIENT | {"id": number, "tag": "VIP", "phone": "79990000000"}) == (answer.status_code, answer.json())
    answer = mailings.call("PUT", path, CLIENT | {"id": number, "operator_code": "9"})
    assert (200, CLIENT | {"id": number, "tag": None, "operator_code": "9"}) == (answer.status_code, answer.json())
    answer = mailings.call("PUT", path, {"phone": "79990000000", "timezone": "UTC"})
    assert (400, {"operator_code": ["it is missing; this field is needed"]}) == (answer.status_code, answer.json())
    answer = mailings.call("DELETE", path)
    assert (204, b"") == (answer.status_code, answer.content)
    for method, body in (("GET", None), ("PUT", CLIENT), ("PATCH", {}), ("DELETE", None)):
        answer = mailings.call(method, path, body)
        assert 404 == answer.status_code
        assert ["detail"] == list(answer.json())


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"phone": "+78218173218"}, "phone", '"+78218173218" is no phone number of the form 7XXXXXXXXXX'),
        ({"phone": "88218173218"}, "phone", "is no phone number"),
        ({"phone": "782181732180"}, "phone", "is no phone number"),
        ({"phone": "7821817321"}, "phone", "is no phone number"),
        ({"phone": "7821817321\u0663"}, "phone", "is no phone number"),
        ({"phone": "78218173218\n"}, "phone", "is no phone number"),
        ({"phone": ""}, "phone", "is no phone number"),
        ({"phone": None}, "phone", "it is missing"),
        ({"phone": True}, "phone", "true is no phone number"),
        ({"phone": ["78218173218"]}, "phone", "is no phone number"),
        ({"operator_code": "12345678901"}, "operator_code", "it has 11 characters; give at most 10"),
        ({"operator_code": " "}, "operator_code", "it is empty"),
        ({"operator_code": {}}, "operator_code", "it has to be a text"),
        ({"operator_code": 123}, "operator_code", "it has to be a text"),
        ({"tag": ""}, "tag", "it is empty"),
        ({"tag": "x" * 11}, "tag", "it has 11 characters; give at most 10"),
        ({"timezone": "x" * 51}, "timezone", "it has 51 characters; give at most 50"),
        ({"timezone": None}, "timezone", "it is missing"),
        ({"timezone": "   "}, "timezone", "it is empty"),
        ({"timezone": "a\tb"}, "timezone", "it has a control character"),
        ({"name": "Ann"}, "name", "there is no such field; the fields are phone, operator_code, tag, timezone"),
        ({"id": 7}, "id", "there is no such field"),
    ],
)
def test_a_client_that_can_not_be(mailings: Mailings, fields: dict[str, object], field: str, words: str) -> None:
    """Bad input is 400 with the field and one sentence, and changes nothing."""
    answer = mailings.call("POST", "/clients/", CLIENT | fields)
    assert 400 == answer.status_code
    ((name, said),) = answer.json().items()
    assert field == name
    assert 1 == len(said)
    assert words in said[0]
    assert [] == mailings.call("GET", "/clients/").json()
    number = mailings.client(**CLIENT)
    for method in ("PUT", "PATCH"):
        answer = mailings.call(method, f"/clients/{number}", CLIENT | fields)
        assert (400, [field]) == (answer.status_code, list(answer.json()))
    assert CLIENT | {"id": number, "tag": None} == mailings.call("GET", f"/clients/{number}").json()


def test_what_a_client_may_have(mailings: Mailings) -> None:
    """Phones need not be unique, and may come as numbers; any timezone is stored."""
    first, second = mailings.client(**CLIENT), mailings.client(**CLIENT | {"phone": 78218173218.0})
    assert first < second
    shown = mailings.call("GET", f"/clients/{second}").json()
    assert CLIENT | {"id": second, "tag": None} == shown
    assert [first, second] == [one["id"] for one in mailings.call("GET", "/clients").json()]
    assert [second] == [one["id"] for one in mailings.call("GET", f"/clients?after={first}&limit=1").json()]
    for zone in ("Europe/Moscow", "+03:00", "nowhere"):
        assert zone == mailings.call("PATCH", f"/clients/{first}", {"timezone": zone}).json()["timezone"]


def test_blanks_around_a_text_do_not_count(mailings: Mailings) -> None:
    """Neither in what a client has nor in a filter, so that both are equal; the text of a mailing stays as it is."""
    number = mailings.client(**CLIENT | {"operator_code": " 123 ", "tag": "VIP ", "timezone": " Europe/Moscow"})
    shown = mailings.call("GET", f"/clients/{number}").json()
    assert ("123", "VIP", "Europe/Moscow") == (shown["operator_code"], shown["tag"], shown["timezone"])
    text = " a\tb\r\nc\n"
    made = mailings.call("POST", "/mailings/", MAILING | {"client_tag_filter": "  VIP", "text": text}).json()
    assert ("VIP", text) == (made["client_tag_filter"], made["text"])


@pytest.mark.parametrize("thing", ["clients", "mailings"])
@pytest.mark.parametrize("number", ["abc", "0", "999999", "9" * 19, "9" * 40, "-1", "1.0", "%00", "1e3", "\u0663"])
def test_an_id_that_nothing_has(mailings: Mailings, thing: str, number: str) -> None:
    """404, whatever stands there."""
    for method, body in (("GET", None), ("PUT", {}), ("PATCH", {}), ("DELETE", None)):
        answer = mailings.call(method, f"/{thing}/{number}/", body)
        assert (404, ["detail"]) == (answer.status_code, list(answer.json())), (method, answer.text)


@pytest.mark.parametrize(
    ("path", "refused", "allowed"),
    [
        ("/clients/", "DELETE", "GET, HEAD, POST"),
        ("/clients/1/", "POST", "DELETE, GET, HEAD, PATCH, PUT"),
        ("/mailings", "PUT", "GET, HEAD, POST"),
        ("/mailings/1", "POST", "DELETE, GET, HEAD, PATCH, PUT"),
    ],
)
def test_other_methods(mailings: Mailings, path: str, refused: str, allowed: str) -> None:
    """405, with the methods that there are."""
    answer = mailings.call(refused, path)
    assert (405, allowed, ["detail"]) == (answer.status_code, answer.headers["allow"], list(answer.json()))


def test_bodies_are_json(mailings: Mailings) -> None:
    """A form is 415 with a sentence; what is too large is 413; nothing of either is created."""
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        answer = mailings.call("POST", "/clients/", content="phone=78218173218", headers={"Content-Type": kind})
        assert (415, ["detail"]) == (answer.status_code, list(answer.json()))
        assert "JSON" in answer.json()["detail"]
    answer = mailings.call("POST", "/mailings/", MAILING | {"text": "x" * 300_000})
    assert 413 == answer.status_code
    for body in ("[]", '"text"', '{"phone": 1, "phone": 2}', "{", ""):
        answer = mailings.call("POST", "/clients/", content=body, headers=JSON)
        assert 400 == answer.status_code, body
    assert 0 == mailings.engine.value("select count(*) from pgjobs.entities")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2128-11-20", "2128-11-20T00:00:00Z"),
        ("2128-11-20T16:50:00+03:00", "2128-11-20T13:50:00Z"),
        ("2128-11-20 16:50", "2128-11-20T16:50:00Z"),
        ("2128-11-20T16:50:00.250Z", "2128-11-20T16:50:00.250000Z"),
        ("2128-11-20T16:50:00.000Z", "2128-11-20T16:50:00Z"),
        ("2128-11-20T23:30:00-01", "2128-11-21T00:30:00Z"),
    ],
)
def test_times_come_back_in_utc(mailings: Mailings, given: str, shown: str) -> None:
    """Offsets are converted, and there is a fraction only where it is not zero."""
    answer = mailings.call("POST", "/mailings/", MAILING | {"end_time": given})
    assert (201, shown) == (answer.status_code, answer.json()["end_time"])
    answer = mailings.call("POST", "/mailings/", MAILING | {"start_time": given, "end_time": "2200-01-01"})
    assert (201, shown) == (answer.status_code, answer.json()["start_time"])


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"text": ""}, "text", "it is empty"),
        ({"text": None}, "text", "it is missing"),
        ({"text": "a\u0007b"}, "text", "it has a control character"),
        ({"text": "a\u007fb"}, "text", "it has a control character"),
        ({"text": ["a"]}, "text", "it has to be a text"),
        ({"text": "x" * 10_001}, "text", "it has 10001 characters"),
        ({"client_tag_filter": ""}, "client_tag_filter", "it is empty"),
        ({"client_operator_code_filter": ""}, "client_operator_code_filter", "it is empty"),
        ({"client_operator_code_filter": []}, "client_operator_code_filter", "it has to be a text"),
        ({"client_tag_filtre": "VIP"}, "client_tag_filtre", "there is no such field"),
        ({"start_time": None}, "start_time", "it is missing"),
        ({"start_time": "tomorrow"}, "start_time", '"tomorrow" is no date and no time'),
        ({"start_time": "infinity"}, "start_time", "is no date and no time"),
        ({"start_time": "2128-02-30"}, "start_time", "is no date and no time"),
        ({"start_time": "0000-01-01"}, "start_time", "is no date and no time"),
        ({"start_time": 1700000000}, "start_time", "1700000000 is no date and no time"),
        ({"end_time": "2128-11-20T25:00"}, "end_time", "is no date and no time"),
        ({"end_time": "2022-12-02T16:50:00Z"}, "end_time", "2022-12-02T16:50:00Z is not after start_time"),
        ({"end_time": "2022-12-03"}, "end_time", "2022-12-03T00:00:00Z has passed; give a moment to come"),
    ],
)
def test_a_mailing_that_can_not_be(mailings: Mailings, fields: dict[str, object], field: str, words: str) -> None:
    """Bad input is 400 with the field and one sentence, and nothing is created or changed. An empty filter never
    means everybody."""
    answer = mailings.call("POST", "/mailings/", MAILING | fields)
    assert 400 == answer.status_code
    ((name, said),) = answer.json().items()
    assert field == name
    assert words in said[0]
    assert 0 == mailings.total()
    number = mailings.mailing(**MAILING | {"start_time": "2127-01-01"})
    before = mailings.call("PATCH", f"/mailings/{number}", {}).json()
    for method in ("PUT", "PATCH"):
        answer = mailings.call(method, f"/mailings/{number}", MAILING | fields)
        assert (400, [field]) == (answer.status_code, list(answer.json()))
    assert before == mailings.call("PATCH", f"/mailings/{number}", {}).json()


@pytest.mark.parametrize("end", ["", "/"])
def test_a_mailing_is_changed_before_it_starts(mailings: Mailings, end: str) -> None:
    """PUT replaces everything, PATCH what is given; the id may be in the body if it is the same."""
    number = mailings.mailing(**MAILING | {"start_time": "2127-01-01"})
    path = f"/mailings/{number}{end}"
    answer = mailings.call("PATCH", path, {"text": "good day", "client_operator_code_filter": "900"})
    assert 200 == answer.status_code
    changed = {
        "id": number,
        "start_time": "2127-01-01T00:00:00Z",
        "text": "good day",
        "client_operator_code_filter": "900",
        "client_tag_filter": "VIP",
        "end_time": "2128-11-20T00:00:00Z",
    }
    assert changed == answer.json()
    whole = {"id": number, "start_time": "2127-05-01", "text": "line\nline", "end_time": "2127-05-02"}
    answer = mailings.call("PUT", path, whole)
    assert 200 == answer.status_code
    assert (None, None) == (answer.json()["client_operator_code_filter"], answer.json()["client_tag_filter"])
    assert ("line\nline", "2127-05-01T00:00:00Z") == (answer.json()["text"], answer.json()["start_time"])
    answer = mailings.call("PATCH", path, {"client_tag_filter": None, "start_time": "2127-05-01T00:00:01Z"})
    assert (None, "2127-05-01T00:00:01Z") == (answer.json()["client_tag_filter"], answer.json()["start_time"])
    answer = mailings.call("PATCH", path, {"id": number + 1})
    assert (400, ["id"]) == (answer.status_code, list(answer.json()))
    answer = mailings.call("PUT", path, {"text": "good day"})
    assert (400, ["start_time"]) == (answer.status_code, list(answer.json()))


def test_statistics_of_one_and_of_all(mailings: Mailings) -> None:
    """For one mailing there is no number of mailings; what has no message is left out, and nobody is []."""
    number = mailings.mailing(start_time="2127-01-01", end_time="2128-01-01")
    assert {"message_data": []} == mailings.call("GET", f"/mailings/{number}").json()
    assert {"message_data": [], "total_mailings": 1} == mailings.call("GET", "/mailings").json()


def test_the_same_request_twice(mailings: Mailings) -> None:
    """With an Idempotency-Key a repeated POST gets the same answer again, and creates nothing more."""
    for path, body in (("/clients/", CLIENT), ("/mailings/", MAILING)):
        answers = [mailings.call("POST", path, body, headers={"Idempotency-Key": f"form 7 {path}"}) for _ in range(2)]
        assert [201, 201] == [answer.status_code for answer in answers]
        assert answers[0].json() == answers[1].json()
        other: Any = mailings.call("POST", path, {**body, "x": 1}, headers={"Idempotency-Key": f"form 7 {path}"})
        assert (409, ["detail"]) == (other.status_code, list(other.json()))
    assert 1 == mailings.total()
    assert 1 == len(mailings.call("GET", "/clients/").json())


def test_who_did_it(mailings: Mailings) -> None:
    """The events of a mailing name the caller."""
    number = mailings.mailing(start_time="2127-01-01", end_time="2128-01-01")
    mailings.call("PATCH", f"/mailings/{number}", {"end_time": "2129-01-01"})
    mailings.call("DELETE", f"/mailings/{number}")
    said = mailings.engine.rows("select actor, reason from pgjobs.job_events where job_id = %s", number)
    assert {"http from 127.0.0.1"} == {event["actor"] for event in said}
    assert any("deleted at the door of mailings" in (event["reason"] or "") for event in said)


def test_the_message(mailings: Mailings) -> None:
    """It is {"id", "phone", "text"}: the id is what a consumer answers with, the phone a number."""
    number = mailings.client(phone="79001112233")
    mailing = mailings.mailing(text="Привет!\n😀")
    seen: list[Any] = []
    consumer = mailings.consume(noting(seen))
    mailings.engine.start()
    mailings.engine.wait_status(mailing, "done")
    assert [{"id": f"{mailing}-{number}", "phone": 79001112233, "text": "Привет!\n😀"}] == seen
    (properties,) = consumer.seen
    assert f"{mailing}-{number}" == properties.correlation_id
    assert {"SENT": 1} == mailings.counts(mailing) == mailings.counts()


def test_a_consumer_that_answers_by_the_id_alone(mailings: Mailings) -> None:
    """The id in the answer is enough; the message needs nothing else."""
    mailings.client()
    mailing = mailings.mailing(end_time=in_seconds(600))
    mailings.consume(lambda _properties, body: [[{"id": body["id"], "result": "SUCCESSFUL"}]])
    mailings.engine.start()
    mailings.engine.wait_status(mailing, "done")
    assert {"SENT": 1} == mailings.counts(mailing)


@pytest.mark.parametrize("interval", ["9:00-21:00", "09:00", "09:00-24:00", "09:00-21:30", "", 9, ["09:00", "21:00"]])
def test_an_interval_that_can_not_be(mailings: Mailings, interval: object) -> None:
    """It is 400 with the field."""
    answer = mailings.call("POST", "/mailings/", MAILING | {"time_interval": interval})
    assert (400, ["time_interval"]) == (answer.status_code, list(answer.json()))


def test_an_interval_comes_back(mailings: Mailings) -> None:
    """Where there is one; PATCH changes it, and PUT without one takes it away."""
    number = mailings.mailing(**MAILING | {"start_time": "2127-01-01", "time_interval": "22:30-06:30"})
    answer = mailings.call("PATCH", f"/mailings/{number}", {"text": "good night"})
    assert "22:30-06:30" == answer.json()["time_interval"]
    answer = mailings.call("PATCH", f"/mailings/{number}", {"time_interval": "09:00-21:00"})
    assert "09:00-21:00" == answer.json()["time_interval"]
    answer = mailings.call("PATCH", f"/mailings/{number}", {"time_interval": None})
    assert "time_interval" not in answer.json()
    mailings.call("PATCH", f"/mailings/{number}", {"time_interval": "09:00-21:00"})
    answer = mailings.call("PUT", f"/mailings/{number}", MAILING | {"start_time": "2127-01-01"})
    assert (200, "client_tag_filter") == (answer.status_code, list(answer.json())[4])
    assert "time_interval" not in answer.json()
