"""Injection files at the door of the CMS: uploaded whole or not at all, never over another one, and listed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import hashlib
import os
import signal
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fix_jobs import Db
from fix_services import soon
from fix_web import Web, WebProcess, rest_of

from pgjobs.injection.incoming import PREFIX, name_fault
from pgjobs.settings import read_settings
from pgjobs.web.doors.cms import files
from pgjobs.web.doors.cms.files import UPLOADS

LIST = b"923000000001\n923000000002\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The injections directory."""
    made = tmp_path / "injections"
    made.mkdir()
    return made


@pytest.fixture
def door(web_url: str, folder: Path) -> Iterator[Web]:
    """The application with this directory; a file may have 100,000 bytes."""
    given = {"injections_dir": folder, "injection_max_bytes": 100_000, "injection_settle_seconds": 7}
    with Web(read_settings(database_url=web_url, **given)) as running:
        yield running


def lying(folder: Path) -> dict[str, bytes]:
    """What lies in the directory, whatever its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("data", [LIST, gzip.compress(LIST, mtime=0), bytes(range(256)) * 300])
def test_a_file_arrives_as_it_was_sent(door: Web, folder: Path, method: str, data: bytes) -> None:
    """The bytes of the body are the file, packed or not; the answer has size, digest and when it is read."""
    answer = door.call(method, "/files/20170201_1039.csv", content=data)
    assert {"20170201_1039.csv": data} == lying(folder)
    assert 0o640 == stat.S_IMODE((folder / "20170201_1039.csv").stat().st_mode)
    assert (201, "/files/20170201_1039.csv") == (answer.status_code, answer.headers["location"])
    told = answer.json()
    assert hashlib.sha256(data).hexdigest() == told.pop("sha256")
    assert 0 < told.pop("readable_in_seconds") <= 7
    shown = door.get(answer.headers["location"]).json()
    assert 0 <= shown.pop("readable_in_seconds") <= 7
    assert {"name": "20170201_1039.csv", "bytes": len(data)} == {k: shown[k] for k in ("name", "bytes")}
    assert shown == told
    assert [shown["name"]] == [file["name"] for file in door.get("/files").json()]


def test_the_mode_is_that_of_the_setting_whatever_the_umask(web_url: str, folder: Path) -> None:
    """PGJOBS_INJECTION_MODE says who may read an uploaded file."""
    former = os.umask(0o077)
    try:
        with Web(read_settings(database_url=web_url, injections_dir=folder, injection_mode="0664")) as web:
            assert 201 == web.call("PUT", "/files/a.csv", content=LIST).status_code
    finally:
        os.umask(former)
    assert 0o664 == stat.S_IMODE((folder / "a.csv").stat().st_mode)


GOOD = ["a", "x" * 127, "list (1) \u00fc\u00e9.csv.gz", "\u0416" * 127, "a%b", "-rf", "a\\b", "a?b", "a;b", " a"]
BAD = [
    "", ".", "..", ".hidden", "../a", "a/b", "/etc/passwd", "a/", "x" * 128, "\u20ac" * 86, "a\0b", "a\x7fb",
    "a\u200bb", "a\u202eb", PREFIX + "0" * 16,
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_plain_name_is_taken_and_a_job_may_have_it(door: Web, db: Db, folder: Path, name: str) -> None:
    """Every name that the door takes is one that xmp_jobs.file_name takes."""
    answer = door.call("PUT", "http://localhost/files/" + _quoted(name), content=LIST)
    assert (201, name) == (answer.status_code, answer.json()["name"])
    assert {name: LIST} == lying(folder)
    given = {"type": "injection", "params": {"service_id": 1}, "file_name": name}
    assert (201, name) == ((job := door.post("/jobs", json=given)).status_code, job.json()["file_name"])
    assert 1 == db.value("select count(*) from xmp_jobs")


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_plain_name_is_refused(door: Web, folder: Path, tmp_path: Path, name: str) -> None:
    """Paths, dot names, unseen letters and names that are too long are a 400, and nothing is made anywhere."""
    before = sorted(tmp_path.rglob("*"))
    assert name_fault(name)
    for method in ("PUT", "GET"):
        answer = door.call(method, "http://localhost/files/" + _quoted(name), content=LIST if method == "PUT" else b"")
        assert (400, "bad_name") == (answer.status_code, answer.json()["code"])
    assert before == sorted(tmp_path.rglob("*"))
    assert {} == lying(folder)


def _quoted(name: str) -> str:
    return "".join(f"%{byte:02x}" for byte in name.encode())


def test_bytes_that_are_no_text_are_no_name(door: Web, folder: Path) -> None:
    """A path whose bytes are no UTF-8 names no file."""
    answer = door.call("PUT", "http://localhost/files/a%ff.csv", content=LIST)
    assert (400, "bad_name") == (answer.status_code, answer.json()["code"])
    assert {} == lying(folder)


def make(kind: str, path: Path) -> None:
    """Something of this name."""
    if kind == "link":
        path.symlink_to("nowhere")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"older")


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_name_that_is_taken_is_409(door: Web, folder: Path, kind: str) -> None:
    """Whatever has the name stays as it is, and the body is not even read."""
    make(kind, folder / "a.csv")
    before = (folder / "a.csv").lstat()

    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield LIST

    answer = door.call("PUT", "/files/a.csv", content=body())
    assert (409, "file_exists", []) == (answer.status_code, answer.json()["code"], read)
    assert before == (folder / "a.csv").lstat()
    assert ["a.csv"] == [path.name for path in folder.iterdir()]


def test_of_two_that_race_for_a_name_one_gets_it(door: Web, folder: Path) -> None:
    """An upload that another one has overtaken under its name is refused at its end, and the file is the other's."""

    async def race(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        begun, overtaken = asyncio.Event(), asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"slow"
            begun.set()
            await overtaken.wait()
            yield b"slow"

        slow = asyncio.create_task(client.put("/files/a.csv", content=slowly()))
        await begun.wait()
        quick = await client.put("/files/a.csv", content=LIST)
        overtaken.set()
        return quick, await slow

    quick, slow = door.within(race)
    assert (201, 409, "file_exists") == (quick.status_code, slow.status_code, slow.json()["code"])
    assert {"a.csv": LIST} == lying(folder)


def test_of_many_that_race_for_a_name_one_gets_it(door: Web, folder: Path) -> None:
    """However many come at once, one file is there, whole, and one caller was told so."""

    async def race(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(
            *(client.put("/files/a.csv", content=b"%d" % number * 20_000) for number in range(UPLOADS))
        )

    for _ in range(5):
        answers = door.within(race)
        (won,) = [number for number, answer in enumerate(answers) if answer.status_code == 201]
        assert [409] * (UPLOADS - 1) == [answer.status_code for answer in answers if answer.status_code != 201]
        assert {"a.csv": b"%d" % won * 20_000} == lying(folder)
        (folder / "a.csv").unlink()


def in_pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """A body without a length."""

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    return pieces()


def test_what_is_too_large_is_413(door: Web, folder: Path) -> None:
    """At the limit a file is taken, a byte above it is refused, by its length or as soon as it is too much."""
    assert 201 == door.call("PUT", "/files/most", content=b"x" * 100_000).status_code
    assert 201 == door.call("PUT", "/files/pieces", content=in_pieces(b"x" * 100_000)).status_code
    for content in (b"x" * 100_001, in_pieces(b"x" * 100_001), in_pieces(b"x" * 5_000_000)):
        answer = door.call("PUT", "/files/more", content=content)
        assert (413, "too_large") == (answer.status_code, answer.json()["code"])
    assert {"most", "pieces"} == set(lying(folder))


@pytest.mark.parametrize(
    ("headers", "status", "sentence"),
    [
        ({"Content-Encoding": "gzip"}, 415, "Content-Encoding"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415, "a form with the file inside"),
        ({"Content-Range": "bytes 0-5/10"}, 400, "whole or not at all"),
    ],
)
def test_what_is_no_plain_body_is_refused(
    door: Web, folder: Path, headers: dict[str, str], status: int, sentence: str
) -> None:
    """What would be stored as something else than was meant is refused with the way to send it."""
    answer = door.call("PUT", "/files/a.csv", content=LIST, headers=headers)
    assert status == answer.status_code
    assert sentence in answer.json()["error"]
    assert {} == lying(folder)


@pytest.mark.parametrize("content", [b"", in_pieces(b"")])
def test_an_empty_body_is_400(door: Web, folder: Path, content: Any) -> None:
    """An empty file would only break a job off."""
    answer = door.call("PUT", "/files/a.csv", content=content)
    assert (400, "empty_file") == (answer.status_code, answer.json()["code"])
    assert {} == lying(folder)


@pytest.mark.parametrize(
    ("call", "number", "status", "code"),
    [
        ("write", errno.ENOSPC, 507, "no_room"),
        ("write", errno.EDQUOT, 507, "no_room"),
        ("fsync", errno.EIO, 503, "no_directory"),
        ("link", errno.ENOSPC, 507, "no_room"),
        ("link", errno.EPERM, 503, "no_directory"),
        ("fchmod", errno.EPERM, 503, "no_directory"),
        ("open", errno.EACCES, 503, "no_directory"),
    ],
)
def test_where_the_system_fails_nothing_is_left(
    door: Web, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, status: int, code: str
) -> None:
    """A disk that is full and a directory that takes no file are an error of the service, and leave nothing behind."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fails)
    answer = door.call("PUT", "/files/a.csv", content=LIST)
    monkeypatch.undo()
    assert (status, code) == (answer.status_code, answer.json()["code"])
    assert {} == lying(folder)
    assert 201 == door.call("PUT", "/files/a.csv", content=LIST).status_code


def test_without_a_directory_the_answer_says_so(web_url: str, tmp_path: Path) -> None:
    """A directory that is not there, or is none, is a 503 that names the setting; the process starts all the same."""
    (tmp_path / "file").touch()
    for wrong in ("nowhere", "file"):
        with Web(read_settings(database_url=web_url, injections_dir=tmp_path / wrong)) as web:
            answers = [web.call("PUT", "/files/a.csv", content=LIST), web.get("/files/a.csv"), web.get("/files")]
        assert [(503, "no_directory")] * 3 == [(answer.status_code, answer.json()["code"]) for answer in answers]
        assert "PGJOBS_INJECTIONS_DIR" in answers[0].json()["hint"]


def test_a_directory_that_hangs_does_not_keep_the_service_from_starting(
    web_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where looking for leftovers does not come to an end, the process says so and serves."""
    gate = threading.Event()
    monkeypatch.setattr(files, "CLEANING_SECONDS", 0.05)
    monkeypatch.setattr(files, "remove_leftovers", lambda _folder: gate.wait(20) and [])
    with Web(read_settings(database_url=web_url, injections_dir=folder)) as web:
        assert 200 == web.get("/healthz").status_code
        gate.set()
    assert "does not answer" in caplog.text


def test_more_uploads_than_there_may_be_are_503(door: Web) -> None:
    """So many files come in at once, one more is refused, and once one has ended there is room again."""

    async def crowd(client: httpx.AsyncClient) -> tuple[list[int], int, int]:
        go_on = asyncio.Event()
        begun = asyncio.Semaphore(0)

        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            begun.release()
            await go_on.wait()

        tasks = [asyncio.create_task(client.put(f"/files/{n}", content=body())) for n in range(UPLOADS)]
        for _ in range(UPLOADS):
            await begun.acquire()
        refused = await client.put("/files/more", content=LIST)
        assert "too_many_at_once" == refused.json()["code"]
        go_on.set()
        made = [(await task).status_code for task in tasks]
        return made, refused.status_code, (await client.put("/files/more", content=LIST)).status_code

    assert ([201] * UPLOADS, 503, 201) == door.within(crowd)


def test_files_are_paged_by_name(door: Web, folder: Path) -> None:
    """Pages behind the last name have each file once; what no job can read is none."""
    names = [f"{number:03}.csv" for number in range(0, 1000, 41)]
    for name in reversed(names):
        (folder / name).write_bytes(LIST)
    (folder / ".hidden").touch()
    (folder / f"{PREFIX}1").touch()
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("000.csv")
    (folder / os.fsdecode(b"a\xff")).touch()
    found: list[str] = []
    while page := door.get("/files", params={"limit": 4} | ({"after": found[-1]} if found else {})).json():
        assert 4 >= len(page)
        found += [file["name"] for file in page]
    assert names == found
    assert 404 == door.get("/files/folder").status_code == door.get("/files/link").status_code
    for limit in ("0", "1001", "x"):
        assert (400, "bad_limit") == ((a := door.get(f"/files?limit={limit}")).status_code, a.json()["code"])
    assert 200 == door.call("HEAD", "/files").status_code == door.call("HEAD", f"/files/{names[0]}").status_code


def test_a_token_that_may_look_uploads_nothing(web_url: str, db: Db, folder: Path) -> None:
    """With read alone a caller sees which files there are, and brings none."""
    db.execute("select pgjobs.add_token('looker', sha256('secret'), '{cms:read}', null)")
    headers = {"Authorization": "Bearer secret"}
    with Web(read_settings(database_url=web_url, http_auth=True, injections_dir=folder)) as web:
        assert 200 == web.get("/files", headers=headers).status_code
        assert 403 == web.call("PUT", "/files/a.csv", content=LIST, headers=headers).status_code
        assert 401 == web.call("PUT", "/files/a.csv", content=LIST).status_code
    assert {} == lying(folder)


def begun(web: WebProcess, folder: Path, name: str = "a.csv", length: int = 100_000_000) -> socket.socket:
    """A connection on which an upload has begun, whose first bytes are in the directory."""
    before = {path.name for path in folder.iterdir()}
    line = web.connect()
    line.sendall(f"PUT /files/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
    line.sendall(b"x" * 2_000_000)

    def has_bytes() -> bool:
        with contextlib.suppress(FileNotFoundError):
            return any(path.stat().st_size for path in folder.iterdir() if path.name not in before)
        return False

    assert soon(has_bytes)
    return line


def test_a_client_that_breaks_off_leaves_nothing(web_url: str, folder: Path) -> None:
    """An upload whose client goes away half-way is gone, its name is free, and it is one line of the log."""
    with WebProcess(database_url=web_url, injections_dir=str(folder)) as web:
        begun(web, folder).close()
        assert soon(lambda: not any(folder.iterdir()))
        assert 201 == web.client.put("/files/a.csv", content=LIST).status_code
        assert 0 == web.end()
    said = [line for line in web.log if "incomplete_request" in line]
    assert [True] == ["PUT /files/a.csv" in line for line in said]
    assert "Traceback" not in "".join(web.log)
    assert {"a.csv": LIST} == lying(folder)


def test_the_end_of_the_process_leaves_nothing(web_url: str, folder: Path) -> None:
    """At SIGTERM an upload that is not complete is refused, and nothing of it stays."""
    with WebProcess(database_url=web_url, injections_dir=str(folder)) as web, begun(web, folder) as line:
        web.process.send_signal(signal.SIGTERM)
        assert b" 503 " in rest_of(line)[:20]
        assert 0 == web.end()
    assert "Traceback" not in "".join(web.log)
    assert {} == lying(folder)


def test_what_a_killed_process_leaves_is_removed_by_the_next(web_url: str, folder: Path) -> None:
    """What an upload has left of a process that was killed goes when another one starts; a living one stays."""
    settings = {"database_url": web_url, "injections_dir": str(folder)}
    with WebProcess(**settings) as living, begun(living, folder, "living.csv", 4_000_000) as line:
        kept = set(lying(folder))
        with WebProcess(**settings) as killed, begun(killed, folder):
            killed.end(signal.SIGKILL)
        assert 2 == len(lying(folder))
        with WebProcess(**settings) as next_one:
            # It answers when it has cleaned; it listens before.
            assert 200 == next_one.client.get("/healthz").status_code
            assert kept == set(lying(folder))
        line.sendall(b"x" * 2_000_000)
        assert b" 201 " in line.recv(20)
    assert {"living.csv": b"x" * 4_000_000} == lying(folder)


def test_a_go_ahead_comes_only_where_the_file_is_wanted(web_url: str, folder: Path) -> None:
    """With Expect: 100-continue a refusal comes before a byte of the file, else the go-ahead and then the answer."""
    head = "PUT /files/{} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n"
    (folder / "there.csv").write_bytes(b"older")
    with WebProcess(database_url=web_url, injections_dir=str(folder), injection_max_bytes="1000") as web:
        for name, length, status in (("there.csv", 3, 409), ("a.csv", 1001, 413), (".a", 3, 400)):
            with web.connect() as line:
                line.sendall(head.format(name, length).encode())
                assert f"HTTP/1.1 {status} ".encode() == line.recv(13)
        with web.connect() as line:
            line.sendall(head.format("a.csv", len(LIST)).encode())
            assert line.recv(100).startswith(b"HTTP/1.1 100 ")
            line.sendall(LIST)
            assert b"HTTP/1.1 201 " == line.recv(13)
    assert {"there.csv": b"older", "a.csv": LIST} == lying(folder)


def test_a_large_file_passes_through_little_memory(web_url: str, folder: Path) -> None:
    """A file of 64 MB, in chunks without a length, costs the process only a few MB."""
    piece = os.urandom(1 << 20)

    def pieces() -> Iterator[bytes]:
        for _ in range(64):
            yield piece

    with WebProcess(database_url=web_url, injections_dir=str(folder)) as web:
        assert 201 == web.client.put("/files/small", content=LIST).status_code
        before = psutil.Process(web.process.pid).memory_info().rss
        answer = web.client.put("/files/large", content=pieces())
        grown = psutil.Process(web.process.pid).memory_info().rss - before
    assert (201, 64 << 20) == (answer.status_code, answer.json()["bytes"])
    assert hashlib.sha256(piece * 64).hexdigest() == answer.json()["sha256"]
    assert grown < 24 << 20
