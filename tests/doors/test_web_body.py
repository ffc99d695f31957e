"""Bodies of requests: JSON is read strictly and within bounds, and the headers about them mean what RFCs say."""

import asyncio
import json

import pytest
from fix_jobs import Db
from starlette.requests import Request
from starlette.types import Message

from pgjobs.web.body import json_body, once, parse_json
from pgjobs.web.errors import Problem
from pgjobs.web.etag import etag, if_match


def request_of(body: bytes = b"", *headers: tuple[str, str], path: str = "/jobs") -> Request:
    """A POST with this body, which comes in two parts."""
    parts: list[Message] = [
        {"type": "http.request", "body": body[:3], "more_body": True},
        {"type": "http.request", "body": body[3:], "more_body": False},
    ]

    async def receive() -> Message:
        return parts.pop(0)

    given = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": "POST", "path": path, "headers": given, "query_string": b"", "state": {}}
    return Request(scope, receive)


def refusal_of(body: bytes, *headers: tuple[str, str], most: int = 1000, any_type: bool = False) -> Problem:
    with pytest.raises(Problem) as caught:
        asyncio.run(json_body(request_of(body, *headers), most, any_type=any_type))
    return caught.value


JSON = ("Content-Type", "application/json; charset=UTF-8")


def test_an_object_is_read_as_it_is() -> None:
    """Any letters, numbers of nineteen digits, fractions and a byte order mark are read."""
    said = {"naïve 😀": [1, -9223372036854775808, 0.5, None, True], "deep": {"a": {"b": "\n"}}}
    body = b"\xef\xbb\xbf" + json.dumps(said).encode()
    assert said == asyncio.run(json_body(request_of(body, JSON), 1000))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is no JSON"),
        (b'{"a": 1', "the body is no JSON"),
        (b'{"a": 1} 2', "the body is no JSON"),
        (b"[1]", "the body is no JSON object"),
        (b'"a"', "the body is no JSON object"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": -Infinity}', "-Infinity is no JSON"),
        (b'{"a": 1e999}', 'the number "1e999" is too large'),
        (b'{"a": -1.5e-99999}', 'the number "-1.5e-99999" has too many digits'),
        (b'{"a": 0e99999}', "has too many digits"),
        (b'{"a": 12345678901234567890}', 'the number "12345678901234567890" has more than 19 digits'),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', '"c": this key comes twice in one object'),
        (b'{"a": "\\u0000"}', "holds a zero character"),
        (b'{"\\u0000": 1}', "holds a zero character"),
        (b'{"a": "\\ud800"}', "a text holds half of a surrogate pair"),
        (b'{"a": "\xff"}', "the body is not UTF-8"),
        (b'{"a": ' + b"[" * 51 + b"]" * 51 + b"}", "it is nested more than 50 deep"),
        (b'{"a": ' + b"[" * 400 + b"]" * 400 + b"}", "it is nested more than 50 deep"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_kept_is_refused(body: bytes, sentence: str) -> None:
    """What is no JSON, or what one reader understands otherwise than another, is a 400 that says what is wrong."""
    problem = refusal_of(body, JSON)
    assert (400, "bad_json") == (problem.status, problem.code)
    assert sentence in problem.sentence


def test_a_number_of_very_many_digits_is_refused() -> None:
    """The database could not keep all of them."""
    with pytest.raises(Problem, match="has too many digits"):
        parse_json(b"0." + b"1" * 1000)


@pytest.mark.parametrize("text", [b"0e0", b"-0.0", b"1e-0999", b"1e-300", b"0." + b"0" * 900 + b"1", b"1.7e308"])
def test_the_database_keeps_every_number_that_is_read(db: Db, text: bytes) -> None:
    """What is neither too large nor has too many digits is a number of jsonb."""
    parse_json(text)
    assert "number" == db.value("select jsonb_typeof(%s::jsonb)", text.decode())


@pytest.mark.parametrize("levels", [100_000, 1_000])
def test_no_nesting_ends_the_process(levels: int) -> None:
    """However deep a text is nested, it is refused and nothing is exhausted."""
    with pytest.raises(Problem, match="nested more than 50 deep"):
        parse_json(b"[" * levels + b"]" * levels)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 415),
        ((("Content-Type", "text/plain"),), 415),
        ((("Content-Type", "application/x-www-form-urlencoded"),), 415),
        ((("Content-Type", "application/json; charset=latin-1"),), 415),
        ((JSON, ("Content-Encoding", "gzip")), 415),
    ],
)
def test_a_body_of_another_kind_is_refused(headers: tuple[tuple[str, str], ...], status: int) -> None:
    """A body that is not said to be plain JSON in UTF-8 is a 415, however it looks."""
    assert status == refusal_of(b"{}", *headers).status


def test_a_door_may_take_any_content_type() -> None:
    """A door whose clients send JSON as text reads it all the same."""
    request = request_of(b'{"a": 1}', ("Content-Type", "text/plain;charset=UTF-8"))
    assert {"a": 1} == asyncio.run(json_body(request, 1000, any_type=True))


def test_a_body_that_is_too_large_is_refused() -> None:
    """One byte more than the limit is a 413 that names it; the limit itself is not."""
    body = b'{"a": "xxx"}'
    assert {"a": "xxx"} == asyncio.run(json_body(request_of(body, JSON), len(body)))
    problem = refusal_of(body, JSON, most=len(body) - 1)
    assert (413, "the body is larger than 11 bytes") == (problem.status, problem.sentence)
    assert "the body is larger than 300 KB" == refusal_of(b"x" * 307201, JSON, most=307200).sentence


def test_an_idempotency_key_comes_with_a_digest_of_the_request() -> None:
    """The same request has the same digest; another body or another path has another one."""

    async def digest_of(body: bytes, path: str = "/jobs") -> str:
        request = request_of(body, JSON, ("Idempotency-Key", "k-1"), path=path)
        await json_body(request, 1000)
        said = once(request)
        assert said is not None
        return str(json.loads(said)["digest"])

    first = asyncio.run(digest_of(b'{"a": 1}'))
    assert first == asyncio.run(digest_of(b'{"a": 1}'))
    assert first != asyncio.run(digest_of(b'{"a": 2}'))
    assert first != asyncio.run(digest_of(b'{"a": 1}', "/clients"))
    assert once(request_of(b"{}", JSON)) is None


@pytest.mark.parametrize("keys", [("",), ("x" * 201,), ("a", "b"), ("a\tb",)])
def test_an_odd_idempotency_key_is_refused(keys: tuple[str, ...]) -> None:
    """An empty, long, doubled or unprintable key protects nobody, so it is refused."""
    with pytest.raises(Problem) as caught:
        once(request_of(b"{}", *(("Idempotency-Key", key) for key in keys)))
    assert (400, "Idempotency-Key") == (caught.value.status, caught.value.field)


@pytest.mark.parametrize(
    ("said", "revisions"),
    [
        ((), None),
        (("*",), None),
        (('"7"',), ["7"]),
        (('"7", "8"',), ["7", "8"]),
        (('"7"', '"8"'), ["7", "8"]),
        (('W/"7"',), ['W/"7"']),
    ],
)
def test_if_match_names_revisions(said: tuple[str, ...], revisions: list[str] | None) -> None:
    """ETags are read out of If-Match; a weak one stays what it is, and so matches nothing."""
    assert revisions == if_match(request_of(b"", *(("If-Match", value) for value in said)))
    assert {"ETag": '"7"'} == etag(7)


@pytest.mark.parametrize("said", ["7", '"7', '"7" "8"', "'7'", '"7",'])
def test_an_odd_if_match_is_refused(said: str) -> None:
    """What is no list of ETags is a 400, for a change that nobody guards is not what was asked for."""
    with pytest.raises(Problem, match="If-Match: it is no list of ETags"):
        if_match(request_of(b"", ("If-Match", said)))
