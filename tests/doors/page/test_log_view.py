"""The log of a job in a browser: its newest lines, both ways from there, a search, and why it can't be read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import fix_logs
import pytest
from fix_jobs import Db, job_in
from fix_kept import ODD_TEXTS, Item, Kept, Text, shown
from fix_web import Web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgjobs.joblog import committed, excerpt
from pgjobs.joblog.committed import Part, length
from pgjobs.joblog.excerpt import Excerpt, before_place, from_place, search
from pgjobs.joblog.format import LogFormat
from pgjobs.joblog.rules import HOST
from pgjobs.joblog.search import lines_with_target
from pgjobs.settings import read_settings
from pgjobs.web.doors.page.logs import FOUND, LINES, NEXT
from pgjobs.web.turns import Turns

WORDS = [("wrong_prefix", "Wrong prefix", ": "), ("duplicate", "duplicate", ": ")]


def log_lines(targets: list[bytes], first: int = 1, code: bytes | None = None) -> bytes:
    """The lines that the engine writes for these records."""
    at = datetime(2026, 11, 26, 19, 30, 5, tzinfo=UTC)
    records = [(key, target, code, None, b"") for key, target in enumerate(targets, first)]
    return b"".join(LogFormat(WORDS).lines(at, records, {}))


class Log(fix_logs.Log):
    """The log of a job, made by hand, and where the page shows it."""

    def __init__(self, db: Db, folder: Path, job: int | None = None) -> None:
        super().__init__(db, folder, job)
        self.url = f"/job/{self.job}/log"


@pytest.fixture
def log(db: Db, tmp_path: Path) -> Log:
    """A running job whose log is still empty."""
    return Log(db, tmp_path)


def targets(page: Text) -> list[str]:
    """The targets of the lines on a page."""
    return re.findall(r"msg=(\S+) action=", page.text)


def numbered(number: int, first: int = 0) -> list[bytes]:
    """So many targets that differ."""
    return [b"n%d" % at for at in range(first, first + number)]


def test_the_newest_lines_come_first_and_older_ones_behind_a_link(web: Web, log: Log) -> None:
    """The page begins with the end of the log; going back shows each line once, and so does going forth again."""
    log.add(0, 1, log_lines(numbered(300)))
    log.add(0, 2, log_lines(numbered(250, 300)), tail=b"half a li")
    everything = [target.decode() for target in numbered(550)]
    read = shown(web.get(log.url))
    pages = [targets(read)]
    assert LINES == len(pages[0])
    while address := read.link("Older"):
        read = shown(web.get(address))
        pages.insert(0, targets(read))
    assert everything == [target for page in pages for target in page]
    assert read.link("Oldest") is None
    forth = shown(web.get(f"{log.url}?offset=0"))
    seen = targets(forth)
    while address := forth.link("Newer →"):
        forth = shown(web.get(address))
        seen += targets(forth)
    assert everything == seen
    assert everything[-LINES:] == targets(shown(web.get(str(shown(web.get(f"{log.url}?offset=0")).link("Newest")))))


def test_a_log_is_followed_by_a_link(web: Web, log: Log) -> None:
    """Without a script newer lines are behind a link, each of them once; it says so where there are none yet."""
    log.add(0, 1, log_lines(numbered(3)))
    read = shown(web.get(log.url))
    for number in range(4):
        address = read.link("Newer lines")
        assert address is not None
        assert "no lines from here on yet" in shown(web.get(address)).text
        log.commit(log_lines([b"more%d" % number, b"and%d" % number]))
        read = shown(web.get(address))
        assert [f"more{number}", f"and{number}"] == targets(read)


def test_a_log_is_followed_by_a_script(web: Web, log: Log) -> None:
    """The page names an address that answers with newer lines alone, and says in a header where the next ones begin."""
    log.add(0, 1, log_lines(numbered(3)))
    found = re.search('data-follow="([^"]+)"', web.get(log.url).text)
    assert found
    address = found[1].replace("&amp;", "&")
    for number in range(3):
        answer = web.get(address)
        assert [] == targets(shown(answer))
        assert address.endswith(f"offset={answer.headers[NEXT]}")
        log.commit(log_lines([b"more%d" % number]))
        answer = web.get(address)
        assert [f"more{number}"] == targets(shown(answer))
        assert answer.text.lstrip().startswith("<li")
        address = re.sub("offset=[0-9]+", f"offset={answer.headers[NEXT]}", address)


def test_a_job_that_has_ended_is_not_followed(web: Web, db: Db, tmp_path: Path) -> None:
    """Of a job that is done a script has nothing to ask for."""
    log = Log(db, tmp_path, job_in(db, "done"))
    log.add(0, 1, log_lines(numbered(3)))
    assert "data-follow" not in web.get(log.url).text


def test_each_shard_has_its_log(web: Web, db: Db, log: Log) -> None:
    """Of several shards the one that was written last is shown, and the others are behind links."""
    for shard in range(3):
        log.add(shard, 1, log_lines([b"of%d" % shard]))
    for shard, ago in ((1, 0), (2, 1)):
        statement = "insert into pgjobs.shards (job_id, shard, updated_at) values (%s, %s, now() - %s * interval '1 s')"
        db.execute(statement, (log.job, shard, ago))
    read = shown(web.get(log.url))
    assert ["of1"] == targets(read)
    assert ["of2"] == targets(shown(web.get(str(read.link("shard 2")))))


def test_a_line_of_a_megabyte_is_cut_and_its_length_told(web: Web, log: Log) -> None:
    """A page stays small, whatever its lines are."""
    log.add(0, 1, log_lines([b"a", b"x" * 1_000_000, b"b"]))
    answer = web.get(log.url)
    assert len(answer.text) < 20_000
    assert re.search("1\u202f000\u202f0[0-9]{2} bytes", answer.text)
    assert ["a", "b"] == targets(shown(answer))


def test_two_hundred_such_lines_are_read_in_parts(web: Web, log: Log) -> None:
    """A page reads four megabytes at most; the links lead through all lines all the same."""
    log.add(0, 1, b"".join(log_lines([b"%d" % number + b"x" * 1_000_000]) for number in range(20)))
    read, seen = shown(web.get(log.url)), 0
    while True:
        seen += len(re.findall("\u2026 1\u202f000\u202f[0-9]{3} bytes", read.text))
        if not (address := read.link("Older")):
            break
        read = shown(web.get(address))
    assert 20 == seen


@pytest.mark.parametrize(
    ("query", "most"), [("", 100_000), ("?offset=5000000", 5 << 20), ("?find=n1", excerpt.SEARCHED_BYTES + (1 << 20))]
)
def test_a_log_of_gigabytes_is_read_in_part(
    web: Web, db: Db, log: Log, query: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large a log is, a page reads a bounded part of it."""
    path, size, end = log.add(0, 1, log_lines(numbered(3))), 8 << 30, log_lines(numbered(300))
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size - len(end) - 1)
        file.write(b"\n" + end)
    db.execute("update pgjobs.log_segments set bytes = %s", (size,))
    read: list[int] = []

    def counted(parts: Sequence[Part], begin: int = 0, end: int | None = None) -> Iterator[bytes]:
        for block in committed.blocks(parts, begin, end):
            read.append(len(block))
            yield block

    monkeypatch.setattr(excerpt, "blocks", counted)
    answer = web.get(log.url + query)
    assert 200 == answer.status_code
    assert len(answer.text) < 100_000
    assert 0 < sum(read) <= most
    if not query:
        assert [target.decode() for target in numbered(300)][-LINES:] == targets(shown(answer))


def test_more_searches_than_there_may_be_are_503(web: Web, log: Log) -> None:
    """Who searches while many others do is told to wait; lines are shown all the same."""
    log.add(0, 1, log_lines(numbered(3)))
    web.app.state.searches = Turns(0, "searches of logs")
    answer = web.get(f"{log.url}?find=n1")
    assert (503, True) == (answer.status_code, "searches of logs are under way" in shown(answer).text)
    assert 200 == web.get(log.url).status_code


def test_the_lines_of_a_target_are_found(web: Web, log: Log) -> None:
    """A search shows the lines that have a text in their target, and no others, and leads on where there are more."""
    lines = [b"92300%d" % number if number % 3 == 0 else b'"92300%d";x' % number for number in range(1000)]
    log.add(0, 1, log_lines(lines[:500], 1, b"duplicate"))
    log.add(0, 2, log_lines(lines[500:], 92300))
    found = shown(web.get(log.url, params={"find": "92300777"}))
    assert 1 == found.text.count("action=")
    assert "92300777" in found.text
    assert "No line of this part" in shown(web.get(log.url, params={"find": "duplicate"})).text
    read = shown(web.get(log.url, params={"find": '";x'}))
    assert FOUND == read.text.count("action=")
    seen = FOUND
    while address := read.link("Look on"):
        read = shown(web.get(address))
        seen += read.text.count("action=")
    assert 666 == seen


@pytest.mark.parametrize(
    "odd", [*ODD_TEXTS[:-1], 'quo"te', "back\\slash", "new\nline", "tab\tstop", "\x85\u2028"], ids=range(13)
)
def test_an_odd_target_is_text_and_is_found(web: Web, log: Log, odd: str) -> None:
    """Whatever a target holds, its line is shown as text, with nothing alive in it, and the search finds it by that."""
    log.add(0, 1, log_lines([odd.encode(), b"other", b"<b>\xff\x00" + odd.encode()]))
    for params in ({}, {"find": odd}):
        answer = web.get(log.url, params=params)
        read = shown(answer)
        assert not any(char in answer.text for char in "\u202e\u2066\x01\x1b\x7f\u2028\x85")
        assert (3 if not params else 2) == read.text.count("action=")


def test_a_line_leads_to_its_action(web: Web, db: Db, kept: Kept, tmp_path: Path) -> None:
    """Of a tracked job each line has a link to its item; a line that is none of ours has none."""
    log = Log(db, tmp_path, kept.job([Item(7, "s", b"dev-7")]))
    log.add(0, 1, log_lines([b"dev-7"], 7) + b"not a line of ours <b>\xff\n")
    read = shown(web.get(log.url))
    assert [f"/job/{log.job}/items/7"] == [address for address, said in read.links if said == "action"]
    assert "not a line of ours <b>" in read.text


def gone(path: Path, how: str) -> None:
    """Something else in the place of a file."""
    if how == "short":
        os.truncate(path, 100)
    elif how == "missing":
        path.unlink()
    elif how == "link":
        path.rename(path.with_name("moved"))
        path.symlink_to(path.with_name("moved"))


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [("short", 409, "is shorter than"), ("missing", 410, "can't be read"), ("link", 409, "can't be read")],
)
@pytest.mark.parametrize("query", ["", "?offset=0", "?before=50", "?find=n1"])
def test_a_log_that_is_damaged_says_so(web: Web, log: Log, how: str, status: int, said: str, query: str) -> None:
    """Where a file is missing, cut, or something else, the page says which, and leads to what else is known."""
    gone(log.add(0, 1, log_lines(numbered(30))), how)
    answer = web.get(log.url + query)
    assert status == answer.status_code
    read = shown(answer)
    assert said in read.text
    assert "pgjobs verify" in read.text
    assert (f"/job/{log.job}#outcomes-title", f"/job/{log.job}/events") == (read.link("Outcomes"), read.link("Events"))


def test_a_log_that_is_elsewhere_says_where(web: Web, web_url: str, db: Db, log: Log) -> None:
    """A log on another host, one whose keep time is over, and one that was not begun, are sentences with what to do."""
    answer = web.get(log.url)
    assert (404, True) == (answer.status_code, "has no log yet" in shown(answer).text)
    path = log.add(0, 1, log_lines(numbered(3)), host="volume-7")
    answer = web.get(log.url)
    assert 404 == answer.status_code
    text = shown(answer).text
    assert f"lies on host volume-7, and this is {HOST}" in text
    assert str(path) in text
    with Web(read_settings(database_url=web_url, log_host="volume-7")) as there:
        assert ["n0", "n1", "n2"] == targets(shown(there.get(log.url)))
    db.execute("update pgjobs.log_segments set remove_asked_at = now()")
    answer = web.get(log.url)
    assert (410, True) == (answer.status_code, "was removed after its keep time" in shown(answer).text)


@pytest.mark.parametrize(
    ("query", "field"),
    [("offset=x", "offset"), ("offset=99999", "offset"), ("before=99999", "before"),
     ("find=" + "x" * 501, "find"), ("shard=x", "shard"), ("msisdn=5", '"msisdn"')],
)  # fmt: skip
def test_bad_places_are_a_page_with_400(web: Web, log: Log, query: str, field: str) -> None:
    """What can't be meant is refused with its field."""
    log.add(0, 1, log_lines(numbered(3)))
    answer = web.get(f"{log.url}?{query}")
    assert 400 == answer.status_code
    assert f"{field}: " in shown(answer).text.lower()


files = st.lists(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8), max_size=3)


@given(files=files, most=st.integers(1, 9), bound=st.integers(8, 60), block=st.integers(1, 40), cut=st.integers(1, 40))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_excerpts_are_what_a_simple_reading_gives(
    tmp_path: Path, files: list[list[bytes]], most: int, bound: int, block: int, cut: int
) -> None:
    """From either end, for any files, sizes and bounds, excerpts have each byte once, whole lines, and what was cut."""
    parts, whole = [], b""
    for number, inner in enumerate(files):
        data = b"".join(line + b"\n" for line in inner)
        (tmp_path / f"{number}").write_bytes(data + b"never committed\n")
        parts.append(Part(str(tmp_path / f"{number}"), len(data)))
        whole += data
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(committed, "BLOCK", block)
        patch.setattr(excerpt, "MOST_BYTES", bound)
        patch.setattr(excerpt, "FIRST_READ", min(bound, 10))
        patch.setattr(excerpt, "CUT", cut)
        forth = walked(lambda at: from_place(parts, at, most), 0, len(whole), forth=True)
        back = walked(lambda at: before_place(parts, at, most), len(whole), 0, forth=False)
    for pages in (forth, back):
        lines = [line for page in pages for line in page.lines]
        assert all(len(page.lines) <= most for page in pages)
        assert [0] * bool(whole) == [line.begin for line in lines[:1]]
        ends = [*(line.begin for line in lines[1:]), len(whole)]
        for line, behind in zip(lines, ends, strict=bool(whole)):
            text = whole[line.begin : behind].removesuffix(b"\n")
            assert b"\n" not in text
            assert (text[:cut], len(text)) == (line.shown, line.bytes)
    if all(len(line) < bound // 2 for line in whole.split(b"\n")):
        begins = [0, *(found.end() for found in re.finditer(b"\n", whole))][:-1]
        assert begins == [line.begin for page in forth for line in page.lines]


def walked(read: object, begin: int, end: int, *, forth: bool) -> list[Excerpt]:
    """All pages from one end to the other, in order."""
    assert callable(read)
    pages, at = [], begin
    while at != end:
        page = read(at)
        assert isinstance(page, Excerpt)
        pages.append(page)
        assert page.lines
        at = page.end if forth else page.begin
        assert at > pages[-1].begin or not forth
    return pages if forth else pages[::-1]


@given(
    files=files,
    text=st.text(min_size=1, max_size=3),
    bound=st.integers(8, 200),
    block=st.integers(1, 40),
    most=st.integers(1, 5),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_search_finds_what_a_simple_reading_finds(
    tmp_path: Path, files: list[list[bytes]], text: str, bound: int, block: int, most: int
) -> None:
    """For any targets and text, in parts of any size, the lines are those whose target has the text, each once."""
    parts, expected, key = [], [], 0
    for number, inner in enumerate(files):
        named = [line.decode("utf-8", "replace") + text * (place % 2) for place, line in enumerate(inner)]
        data = log_lines([name.encode("utf-8", "surrogateescape") for name in named], key)
        expected += [key + place for place, name in enumerate(named) if text in name]
        key += len(named)
        (tmp_path / f"{number}").write_bytes(data)
        parts.append(Part(str(tmp_path / f"{number}"), len(data)))
    found, at = [], 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(committed, "BLOCK", block)
        patch.setattr(excerpt, "SEARCHED_BYTES", 500 + bound)
        while at < length(parts):
            page = search(parts, at, *lines_with_target(text), most)
            found += [int(line.shown.rpartition(b"id=")[2]) for line in page.lines]
            assert page.end > at
            at = page.end
    assert expected == found
