"""Only a plain file directly inside the directory is opened; its lines are streamed whatever they hold."""

import gzip
import os
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import model
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgjobs.engine import injection
from pgjobs.errors import FileError

NAMES = [
    "", ".", "..", "../secret", "../../etc/passwd", "/etc/passwd", "folder/in.csv", "./in.csv", "in.csv/", "link",
    "folder", "%2e%2e/secret", "in.csv\0.txt", "\0", "x" * 300, "é" * 200, "folder/../in.csv", "linked/in.csv",
    "~/in.csv", "hard", "fifo", "empty", "missing", " in.csv", "in.csv ", "IN.CSV", "in.csv.", "..\\secret",
    "\u202evsc.ni", "in.csv\n", "file:///etc/passwd", "-", "|cat", "*", "in.*",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one good file and every kind of trap."""
    made = tmp_path / "injections"
    made.mkdir()
    (made / "in.csv").write_bytes(b"923000000001\n")
    (made / "empty").touch()
    (tmp_path / "secret").write_bytes(b"secret\n")
    (made / "link").symlink_to(tmp_path / "secret")
    (made / "hard").hardlink_to(tmp_path / "secret")
    (made / "folder").mkdir()
    (made / "folder" / "in.csv").write_bytes(b"923000000001\n")
    (made / "linked").symlink_to(tmp_path / "injections" / "folder")
    os.mkfifo(made / "fifo")
    return made


def test_the_plain_file_is_opened(folder: Path) -> None:
    """The plain name of a file in the directory is opened."""
    with injection.open_file(folder, "in.csv") as file:
        assert b"923000000001\n" == file.read()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_nothing_else_is_opened(folder: Path, name: str) -> None:
    """No other name opens anything, at once and with a sentence that says what is wrong with which name."""
    began = time.monotonic()
    with pytest.raises(FileError) as caught:
        injection.open_file(folder, name)
    assert time.monotonic() - began < 1
    assert repr(name) in caught.value.sentence
    assert caught.value.sentence.isprintable()


def test_a_device_is_not_opened() -> None:
    """A device is refused."""
    with pytest.raises(FileError, match="is not a regular file"):
        injection.open_file(Path("/dev"), "null")


def test_a_fifo_with_a_writer_is_not_opened(folder: Path) -> None:
    """Somebody who writes into a FIFO does not get it read."""

    def write() -> None:
        with (folder / "fifo").open("wb") as fifo:
            try:
                fifo.write(b"923000000001\n")
                fifo.flush()
            except BrokenPipeError:
                return

    def write_and_forgive() -> None:
        try:
            write()
        except BrokenPipeError:
            return

    writer = threading.Thread(target=write_and_forgive)
    writer.start()
    with pytest.raises(FileError, match="is not a regular file"):
        injection.open_file(folder, "fifo")
    # Whether or not it had opened it in time, the writer is let go.
    reader = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer.join()
    os.close(reader)


def test_missing_directory(tmp_path: Path) -> None:
    """A missing injections directory is named."""
    with pytest.raises(FileError, match=r"injections directory .*/nowhere can't be opened"):
        injection.open_file(tmp_path / "nowhere", "in.csv")


Row = tuple[int, bytes, bytes, bytes | None]


def read_rows(folder: Path, content: bytes, limit: int = 10**9) -> list[Row]:
    """(number, raw, msisdn, fault) of the lines of a file, out of COPY's text format."""
    (folder / "x.csv").write_bytes(content)
    rows: list[Row] = []
    with injection.open_file(folder, "x.csv") as file:
        for batch in injection.copy_rows(file, "x.csv", limit, 7):
            for row in batch.splitlines():
                job, number, raw, msisdn, fault = row.split(b"\t")
                assert b"7" == job
                assert raw.startswith(b"\\\\x")
                known = None if fault == b"\\N" else fault
                rows.append((int(number), bytes.fromhex(raw[3:].decode()), msisdn, known))
    return rows


piece = st.sampled_from([b"923", b"\n", b"\r\n", b"\r", b'"', b",", b"\\", b"\\.", b"\t", b"\0", b"\xff", b" ", b"x"])


@settings(deadline=None)
@given(pieces=st.lists(piece | st.binary(max_size=5), min_size=1, max_size=30), packed=st.booleans())
def test_any_content_becomes_its_lines(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], packed: bool
) -> None:
    """Whatever bytes a file holds, its rows are the lines an editor shows, and each row fits COPY."""
    content = b"".join(pieces)
    if not content or content[:2] == b"\x1f\x8b":
        content = b"x" + content
    folder = tmp_path_factory.getbasetemp()
    rows = read_rows(folder, gzip.compress(content) if packed else content)
    lines = model.split_lines(content)
    assert list(enumerate(lines, 1)) == [(number, raw) for number, raw, _, _ in rows]
    for _, _, msisdn, fault in rows:
        assert fault is None
        assert msisdn.isascii()
        assert b"\\" not in msisdn
        assert msisdn.decode().isprintable()
        assert not msisdn or (msisdn[:1] + msisdn[-1:]).isdigit()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["lf", "crlf", "none"])
@pytest.mark.parametrize("length", [4095, 4096, 4097, 4098, 4099, 100_000, 3_000_000])
def test_huge_lines(tmp_path: Path, length: int, end: bytes) -> None:
    """A line beyond 4096 bytes is one faulty line of its true length, cut in the log; the next is not disturbed."""
    rows = read_rows(tmp_path, b"first\n" + b"9" * length + end)
    number, raw, _, fault = rows[1]
    assert (2, 2) == (len(rows), number)
    assert b"9" * min(length, 4096) == raw
    assert (None if length <= 4096 else b"Line too long, length: %d" % length) == fault
    if end:
        assert b"after" == read_rows(tmp_path, b"9" * length + end + b"after")[1][1]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"9230\n" * 9000)[:-9], b"\x1f\x8b", b"\x1f\x8b\x08\x00" + b"z" * 50],
    ids=["cut off", "only its magic", "scrap"],
)
def test_broken_gzip(tmp_path: Path, content: bytes) -> None:
    """A gzip file that is cut off or scrap is refused by name, not half read in silence."""
    with pytest.raises(FileError, match=r"'x\.csv' can't be read to its end"):
        read_rows(tmp_path, content)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("unit", [b"923000000001\n", b"9"], ids=["lines", "one line"])
def test_size_limit(tmp_path: Path, pack: Callable[[bytes], bytes], unit: bytes) -> None:
    """The limit counts unpacked bytes, of many lines as of a single one."""
    size = len(unit) * 5000
    content = pack(unit * 5000)
    assert read_rows(tmp_path, content, limit=size)
    with pytest.raises(FileError, match=f"more than {size - 1} bytes"):
        read_rows(tmp_path, content, limit=size - 1)


def test_a_bomb_in_constant_memory(tmp_path: Path) -> None:
    """Two hundred megabytes of one line, packed into a fraction, are read in little memory."""
    with gzip.open(tmp_path / "bomb.csv", "wb", compresslevel=1) as packed:
        for _ in range(200):
            packed.write(b"9" * 1_000_000)
    tracemalloc.start()
    try:
        with injection.open_file(tmp_path, "bomb.csv") as file:
            batches = list(injection.copy_rows(file, "bomb.csv", 10**9, 7))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1 == len(batches)
    assert peak < 20_000_000
