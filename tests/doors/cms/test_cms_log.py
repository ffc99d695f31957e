"""The log of a job at the door of the CMS: its committed lines, whole, by offset, or those of one msisdn."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import psutil
import pytest
from fix_jobs import Db
from fix_logs import FIRST, SECOND, THIRD, Log, log_lines
from fix_services import soon
from fix_web import Web, WebProcess, rest_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgjobs.joblog import committed
from pgjobs.joblog.committed import Part, blocks, matching, page
from pgjobs.settings import read_settings
from pgjobs.web.doors.cms.log import DOWNLOADS

NEXT = "X-Next-Offset"


@pytest.fixture
def log(db: Db, tmp_path: Path) -> Log:
    """A job whose log is still empty."""
    return Log(db, tmp_path)


def test_the_whole_log_comes_in_order_up_to_what_is_committed(web: Web, log: Log) -> None:
    """All files of all shards come in order; what no checkpoint has accounted for does not."""
    log.add(1, 1, THIRD)
    log.add(0, 2, SECOND, tail=b"half a li")
    log.add(0, 1, FIRST, tail=log_lines([b"923009999999"]))
    log.add(2, 1, b"", tail=b"nothing yet")
    answer = web.get(log.url)
    assert (200, FIRST + SECOND + THIRD) == (answer.status_code, answer.content)
    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert f'attachment; filename="job-{log.job}.log"' == answer.headers["content-disposition"]
    whole = str(len(FIRST + SECOND + THIRD))
    assert whole == answer.headers[NEXT]
    head = web.call("HEAD", log.url, headers={"Accept-Encoding": "identity"})
    assert (200, b"", whole) == (head.status_code, head.content, head.headers["content-length"])
    assert [FIRST + SECOND, THIRD] == [web.get(f"{log.url}?shard={shard}").content for shard in (0, 1)]


def test_a_log_is_read_on_while_its_job_runs(web: Web, log: Log) -> None:
    """What the answer says as next offset gives the lines that were committed since, each of them once."""
    log.add(0, 1, FIRST)
    seen = web.get(log.url)
    for more in (b"", SECOND, b"", THIRD):
        log.commit(more)
        answer = web.get(log.url, params={"offset": seen.headers[NEXT]})
        assert (200, more) == (answer.status_code, answer.content)
        seen = answer


@pytest.mark.parametrize("limit", [1, 7, 30, 31, 1000])
def test_pages_have_each_line_once(web: Web, log: Log, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of any size, over the ends of blocks and files, are the whole log."""
    monkeypatch.setattr(committed, "BLOCK", 100)
    log.add(0, 1, FIRST)
    log.add(0, 2, SECOND)
    log.add(3, 1, THIRD)
    found, at = b"", 0
    plain = {"Accept-Encoding": "identity"}
    while lines := (answer := web.get(log.url, params={"offset": at, "limit": limit}, headers=plain)).content:
        assert limit >= lines.count(b"\n")
        assert (str(len(lines)), lines[-1:]) == (answer.headers["content-length"], b"\n")
        found, at = found + lines, int(answer.headers[NEXT])
    assert FIRST + SECOND + THIRD == found
    assert 90 == web.get(log.url, params={"offset": 0}).content.count(b"\n")


@given(
    files=st.lists(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8), max_size=4),
    offset=st.integers(0, 200),
    lines=st.integers(1, 12),
    block=st.integers(1, 40),
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_page_is_what_a_simple_reading_gives(
    tmp_path: Path, files: list[list[bytes]], offset: int, lines: int, block: int
) -> None:
    """For any files, offset, size and block a page has the next whole lines, and the blocks are the bytes."""
    parts, whole = [], b""
    for number, inner in enumerate(files):
        data = b"".join(line + b"\n" for line in inner)
        path = tmp_path / f"{number}"
        path.write_bytes(data + b"never committed\n")
        parts.append(Part(str(path), len(data)))
        whole += data
    offset = min(offset, len(whole))
    begin = offset if not offset or whole[offset - 1 : offset] == b"\n" else whole.index(b"\n", offset) + 1
    expected = b"".join(line + b"\n" for line in whole[begin:].split(b"\n")[:-1][:lines])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(committed, "BLOCK", block)
        found = page(parts, offset, lines)
        assert (begin, begin + len(expected)) == found
        assert expected == b"".join(blocks(parts, *found))
        assert whole == b"".join(blocks(parts))


TARGETS = [
    b"923000217540",
    b'"923000217540";other',
    b"+923000217540",
    b"\xc2\xa0923000217540\xc2\xa0;x",
    b"\x00923000217540",
    b'"say ""923000217540""",x',
    b"  923000217540\t7",
    b"\xff923000217540",
    b"id=923000217540",
]
OTHERS = [
    b"9230002175401",
    b"1923000217540",
    b"x;923000217540",
    b"92300 0217540",
    b"",
    b"923000217541 923000217540",
]


@pytest.mark.parametrize("block", [50, 1 << 18])
def test_the_lines_of_one_msisdn(web: Web, log: Log, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands around it in the first column, its lines are found, and no others with its digits."""
    monkeypatch.setattr(committed, "BLOCK", block)
    wanted = log_lines(TARGETS, 100, b"duplicate")
    others = log_lines(OTHERS, 200, b"wrong_prefix", b"923000217540") + log_lines([b"92300"], 923000217540)
    log.add(0, 1, FIRST + others + wanted)
    log.add(1, 1, wanted + others, tail=wanted)
    answer = web.get(log.url, params={"msisdn": "923000217540"})
    assert (200, wanted * 2) == (answer.status_code, answer.content)
    assert b"" == web.get(log.url, params={"msisdn": "923000217549"}).content


def test_a_search_reads_each_line_of_any_log(tmp_path: Path) -> None:
    """A line that ends exactly with a block, or is longer than one, is found as others are."""
    lines = [b"x" * size + b"#\n" for size in (1, 5, 20, 3, 50)]
    (tmp_path / "log").write_bytes(b"".join(lines))
    parts = [Part(str(tmp_path / "log"), sum(map(len, lines)))]
    for block in range(1, 60):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(committed, "BLOCK", block)
            assert b"".join(lines) == b"".join(matching(parts, re.compile(b"#"), lambda _line: True))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("offset=-1", "bad_offset"),
        ("offset=999999999", "bad_offset"),
        ("limit=0", "bad_limit"),
        ("limit=10001", "bad_limit"),
        ("msisdn=1234", "bad_msisdn"),
        ("msisdn=923x", "bad_msisdn"),
        ("msisdn=" + "9" * 21, "bad_msisdn"),
        ("msisdn=923000217540&limit=1", "bad_msisdn"),
        ("shard=x", "bad_shard"),
        ("lines=5", "unknown_parameter"),
    ],
)
def test_wrong_parameters_are_400(web: Web, log: Log, query: str, code: str) -> None:
    """What can't be meant is refused with the field."""
    log.add(0, 1, FIRST)
    answer = web.get(f"{log.url}?{query}")
    assert (400, code) == (answer.status_code, answer.json()["code"])


def test_a_job_that_has_not_begun_has_no_log(web: Web, log: Log) -> None:
    """Before a log there is 404, for a shard as well; a log without lines is empty."""
    assert (404, "no_log") == ((answer := web.get(log.url)).status_code, answer.json()["code"])
    hint = f"it is made when the job begins; pgjobs why {log.job} says what the job waits for"
    assert hint == answer.json()["hint"]
    log.add(0, 1, b"")
    assert (200, b"") == ((answer := web.get(log.url)).status_code, answer.content)
    assert (404, "no_log") == ((answer := web.get(f"{log.url}?shard=1")).status_code, answer.json()["code"])


def test_a_log_on_another_host_is_404_with_its_place(web: Web, log: Log) -> None:
    """Where a part of it lies elsewhere the answer names the host; the shards that are here can be read."""
    log.add(0, 1, FIRST)
    path = log.add(1, 1, SECOND, host="other-host")
    answer = web.get(log.url)
    assert (404, "log_elsewhere") == (answer.status_code, answer.json()["code"])
    assert "other-host" in answer.json()["error"]
    assert str(path) in answer.json()["hint"]
    assert FIRST == web.get(f"{log.url}?shard=0").content


def test_the_volume_has_the_name_of_the_setting(web_url: str, log: Log) -> None:
    """PGJOBS_LOG_HOST says whose logs lie here."""
    log.add(0, 1, FIRST, host="volume-7")
    with Web(read_settings(database_url=web_url, log_host="volume-7")) as web:
        assert FIRST == web.get(log.url).content


def test_a_log_whose_time_is_over_is_410(web: Web, db: Db, log: Log) -> None:
    """From the moment at which its removal is asked for, a log is gone."""
    log.add(0, 1, FIRST)
    db.execute("update pgjobs.log_segments set remove_asked_at = now()")
    assert (410, "log_removed") == ((answer := web.get(log.url)).status_code, answer.json()["code"])


def spoil(path: Path, how: str) -> None:
    """Something else in the place of a file."""
    if how == "short":
        os.truncate(path, 100)
        return
    moved = path.rename(path.with_name("moved"))
    if how == "link":
        path.symlink_to(moved)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()


@pytest.mark.parametrize("how", ["missing", "short", "link", "pipe", "folder"])
@pytest.mark.parametrize("query", ["", "?offset=5&limit=1", "?msisdn=923000000000"])
def test_a_log_that_is_not_as_it_was_committed_is_refused_for_good(web: Web, log: Log, how: str, query: str) -> None:
    """Where a file is missing, cut, or something else, nothing is sent, and the answer names the file."""
    log.add(0, 1, FIRST)
    path = log.add(0, 2, SECOND)
    spoil(path, how)
    answer = web.get(log.url + query)
    assert (410 if how == "missing" else 409, "log_unreadable") == (answer.status_code, answer.json()["code"])
    assert str(path) in answer.json()["error"]


def test_a_log_whose_folder_is_away_is_503(web: Web, log: Log) -> None:
    """A volume that is not mounted may come back, so that it is worth asking again."""
    path = log.add(0, 1, FIRST)
    folder = path.parent.rename(path.parent.with_name("moved"))
    answer = web.get(log.url)
    folder.rename(path.parent)
    assert (503, "log_unreadable") == (answer.status_code, answer.json()["code"])


def test_a_log_is_packed_for_whoever_takes_gzip(web: Web, log: Log) -> None:
    """With Accept-Encoding: gzip the log comes packed, and is the same."""
    log.add(0, 1, FIRST * 100)
    packed = web.get(log.url, headers={"Accept-Encoding": "gzip"})
    assert ("gzip", FIRST * 100) == (packed.headers["content-encoding"], packed.content)
    plain = web.get(log.url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert str(len(FIRST) * 100) == plain.headers["content-length"]


@pytest.fixture
def long_log(log: Log) -> tuple[Log, Path, bytes]:
    """A log of 40 MB."""
    data = FIRST * (40_000_000 // len(FIRST))
    return log, log.add(0, 1, data), data


def asked(web: WebProcess, url: str, *headers: str) -> socket.socket:
    """A connection on which a log was asked for."""
    line = web.connect()
    line.sendall(
        "\r\n".join([f"GET {url} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]).encode()
    )
    return line


def test_a_log_that_is_cut_meanwhile_breaks_the_download_off(web_url: str, log: Log) -> None:
    """If a file goes while it is sent, the client sees that the answer is not complete, plain or packed, and the log of
    the process has one line of it."""
    # Packed it is as long: lines that repeat would all be on their way before the file is cut.
    data = os.urandom(40_000_000)
    path = log.add(0, 1, data)
    with WebProcess(database_url=web_url) as web:
        with asked(web, log.url) as plain, asked(web, log.url, "Accept-Encoding: gzip") as packed:
            begun = [plain.recv(1000), packed.recv(1000)]
            os.truncate(path, 30_000_000)
            received = [begun[0] + rest_of(plain), begun[1] + rest_of(packed)]
        assert 200 == web.client.get("/healthz").status_code
        web.end()
    assert all(one.startswith(b"HTTP/1.1 200 ") for one in received)
    assert b"content-length: %d\r\n" % len(data) in received[0]
    assert len(data) > len(received[0])
    assert not received[1].endswith(b"0\r\n\r\n")
    said = [line for line in web.log if "a download broke off" in line]
    assert 2 == len(said)
    assert "Traceback" not in "".join(web.log)


def test_clients_that_go_away_are_no_error(web_url: str, long_log: tuple[Log, Path, bytes]) -> None:
    """A client that has had enough of a log, or of its own search, ends the download, and nothing is said of it."""
    log, _, data = long_log
    with WebProcess(database_url=web_url) as web:
        for number in range(24):
            query = "?msisdn=923000000007" if number % 3 == 0 else ""
            with asked(web, log.url + query) as line:
                assert line.recv(1 + number * 1000).startswith(b"H")
        # That the last ones have gone is noticed a moment later.
        assert soon(lambda: web.client.get(f"{log.url}?limit=1").status_code == 200)
        assert data == web.client.get(log.url).content
        assert 0 == web.end()
    assert [] == [line for line in web.log if " INFO " not in line]


def test_a_long_log_passes_through_little_memory(web_url: str, long_log: tuple[Log, Path, bytes]) -> None:
    """A log of any size costs the process only a few MB, whole, packed, or searched."""
    log, _, data = long_log
    with WebProcess(database_url=web_url) as web:
        assert 200 == web.client.get(f"{log.url}?limit=10").status_code
        before = psutil.Process(web.process.pid).memory_info().rss
        assert data == web.client.get(log.url, headers={"Accept-Encoding": "identity"}).content
        assert data == web.client.get(log.url, headers={"Accept-Encoding": "gzip"}).content
        lines = web.client.get(f"{log.url}?msisdn=923000000007").content
        grown = psutil.Process(web.process.pid).memory_info().rss - before
    assert data.count(b"msg=923000000007 ") == lines.count(b"\n")
    assert grown < 24 << 20


def test_more_downloads_than_there_may_be_are_503(web_url: str, long_log: tuple[Log, Path, bytes]) -> None:
    """So many logs are sent at once, one more is refused, and once a client has gone there is room again."""
    log, _, _ = long_log
    with WebProcess(database_url=web_url) as web:
        lines = [asked(web, log.url) for _ in range(DOWNLOADS)]
        assert [b"HTTP/1.1 200 "] * DOWNLOADS == [line.recv(13) for line in lines]
        refused = web.client.get(log.url)
        assert (503, "too_many_at_once") == (refused.status_code, refused.json()["code"])
        assert 200 == web.client.get("/healthz").status_code
        for line in lines:
            line.close()
        assert soon(lambda: web.client.get(f"{log.url}?limit=1").status_code == 200)


def test_lines_of_bytes_that_are_no_text_are_sent_as_they_are(web: Web, log: Log) -> None:
    """A log is bytes: what an odd line has become in it comes unchanged."""
    data = log_lines([b"\xff\xfe\x00", "\u00fc\u0416".encode(), b'a"b'])
    log.add(0, 1, data)
    assert data == web.get(log.url).content
