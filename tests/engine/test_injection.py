"""Only a plain file directly inside the directory is opened; its lines are streamed whatever they hold."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import model
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pgjobs.errors import FileError, NotReady
from pgjobs.injection import kind
from pgjobs.injection.lines import FileLines, Limits
from pgjobs.injection.source import open_file

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
    with open_file(folder, "in.csv") as file:
        assert b"923000000001\n" == file.read()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_nothing_else_is_opened(folder: Path, name: str) -> None:
    """No other name opens anything, nor waits for a FIFO; a sentence says what is wrong with which name."""
    with pytest.raises(FileError) as caught:
        open_file(folder, name)
    assert repr(name) in caught.value.sentence
    assert caught.value.sentence.isprintable()


def test_a_device_is_not_opened() -> None:
    """A device is refused."""
    with pytest.raises(FileError, match="is not a regular file"):
        open_file(Path("/dev"), "null")


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
        open_file(folder, "fifo")
    # Whether or not it had opened it in time, the writer is let go.
    reader = os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer.join()
    os.close(reader)


def test_missing_directory(tmp_path: Path) -> None:
    """A missing injections directory is named."""
    with pytest.raises(FileError, match=r"injections directory .*/nowhere can't be opened"):
        open_file(tmp_path / "nowhere", "in.csv")


Row = tuple[int, bytes, bytes, bytes | None]


def limits(most_bytes: int = 10**9, lines: int = 10**9, ratio: int = 10**6, settle: float = 0.0) -> Limits:
    """Limits that nothing meets but what a test is about."""
    return Limits(most_bytes, lines, ratio, settle)


def read_all(folder: Path, at_most: Limits, name: str = "x.csv") -> tuple[FileLines, list[bytes]]:
    """A file read to its end, and its batches."""
    lines = FileLines(folder, name, at_most, 7)
    try:
        return lines, list(iter(lines.batch, b""))
    finally:
        lines.close()


def read_rows(folder: Path, content: bytes, at_most: Limits | None = None) -> list[Row]:
    """(number, raw, msisdn, fault) of the lines of a file, out of COPY's text format."""
    (folder / "x.csv").write_bytes(content)
    rows: list[Row] = []
    for batch in read_all(folder, at_most or limits())[1]:
        for row in batch.splitlines():
            job, number, raw, msisdn, *fault = row.split(b"\t")
            assert b"7" == job
            assert raw.startswith(b"\\\\x")
            known = None if fault == [b"\\N", b"\\N"] else b" ".join(fault)
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
    if not model.split_lines(content) or content[:2] == b"\x1f\x8b":
        content = b"x" + content
    assume(kind.encoding(content) is None and kind.refusal(content) is None)
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
    assert (None if length <= 4096 else b"line_too_long %d" % length) == fault
    if end:
        assert b"after" == read_rows(tmp_path, b"9" * length + end + b"after")[1][1]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"9230\n" * 9000)[:-9],
        gzip.compress(b"9230\n" * 9000)[:-9] + b"\1" * 9,
        gzip.compress(b"9230\n" * 9000) + b"and more",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\x00" + b"z" * 50,
    ],
    ids=["cut off", "wrong sum", "scrap behind it", "only its magic", "scrap"],
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
    assert read_rows(tmp_path, content, limits(size))
    with pytest.raises(FileError, match=f"more than {size - 1} bytes"):
        read_rows(tmp_path, content, limits(size - 1))


def test_a_bomb_in_constant_memory(tmp_path: Path) -> None:
    """Two hundred megabytes of one line, packed into a fraction, are read in little memory."""
    with gzip.open(tmp_path / "bomb.csv", "wb", compresslevel=1) as packed:
        for _ in range(200):
            packed.write(b"9" * 1_000_000)
    tracemalloc.start()
    try:
        _, batches = read_all(tmp_path, limits(), "bomb.csv")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1 == len(batches)
    assert peak < 20_000_000


def test_several_members(tmp_path: Path) -> None:
    """A gzip file of several members is the list of all of them."""
    content = gzip.compress(b"923000000001\n") + gzip.compress(b"923000000002\n") + b"\0" * 512
    assert [b"923000000001", b"923000000002"] == [msisdn for _, _, msisdn, _ in read_rows(tmp_path, content)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"], ids=["nothing", "only a mark"])
def test_nothing_in_it(tmp_path: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
    """A file without a single line is empty, also when it has a byte order mark or is packed."""
    with pytest.raises(FileError, match="is empty"):
        read_rows(tmp_path, pack(content))


def test_a_bomb_of_lines_is_refused(tmp_path: Path) -> None:
    """Millions of empty lines packed into three kilobytes are refused for their ratio, and the sentence says so."""
    with pytest.raises(FileError, match="unpacks to more than 100 times its size"):
        read_rows(tmp_path, gzip.compress(b"\n" * 3_000_000), limits(ratio=100))
    (tmp_path / "x.csv").write_bytes(gzip.compress(b"\n" * (1 << 20)))
    assert 1 << 20 == read_all(tmp_path, limits(ratio=100))[0].number, "its first megabyte is allowed"


@pytest.mark.parametrize("number", [3, 5000, 5001, 10_000])
def test_line_limit(tmp_path: Path, number: int) -> None:
    """The limit of lines counts empty ones as well, and says which setting it is."""
    content = b"\n" * number
    assert number == len(read_rows(tmp_path, content, limits(lines=number)))
    with pytest.raises(FileError, match=f"more than {number - 1} lines: .*PGJOBS_INJECTION_MAX_LINES"):
        read_rows(tmp_path, content, limits(lines=number - 1))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_decoded(tmp_path: Path, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """A list that a spreadsheet saved as Unicode text is read as what it says, line by line, in UTF-8."""
    numbers = [f"9230000{number:05}" for number in range(10_000)]
    text = "\ufeff" + "".join(f"{number}\tимя\r\n" for number in numbers)
    rows = read_rows(tmp_path, pack(text.encode(encoding)))
    assert [number.encode() for number in numbers] == [msisdn for _, _, msisdn, _ in rows]
    assert f"{numbers[-1]}\tимя".encode() == rows[-1][1]


@pytest.mark.parametrize(
    "content",
    ["\ufeff923000000001\n".encode("utf-16-le")[:-1], b"\xff\xfe92300000\x00\xd8\x31\x00\n\x00"],
    ids=["half a character", "half a surrogate"],
)
def test_a_wrong_byte_order_mark(tmp_path: Path, content: bytes) -> None:
    """A file that is not in the encoding its mark announces is refused, not read in part."""
    with pytest.raises(FileError, match=r"'x\.csv' is not what its byte order mark says: 'utf-16-le' codec"):
        read_rows(tmp_path, content)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-32-le", "UTF-32LE"), ("utf-32-be", "UTF-32BE")],
)
@pytest.mark.parametrize("number", [1, 1000])
def test_a_wide_encoding_without_its_mark_is_named(tmp_path: Path, encoding: str, name: str, number: int) -> None:
    """UTF-16 and UTF-32 without a byte order mark are refused by name."""
    with pytest.raises(FileError, match=f"is in {name} without a byte order mark: save the list as UTF-8"):
        read_rows(tmp_path, ("923000000001\r\n" * number).encode(encoding))


def spreadsheet() -> bytes:
    """A workbook's container, as a spreadsheet writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    return file.getvalue()


def archive() -> bytes:
    """A tar archive of one list."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        member = tarfile.TarInfo("list.csv")
        member.size = 13
        made.addfile(member, io.BytesIO(b"923000000001\n"))
    return file.getvalue()


NO_LISTS = {
    "xlsx": (spreadsheet(), "a ZIP archive or a spreadsheet such as xlsx: save the list as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Office document such as xls: save the list as CSV"),
    "pdf": (b"%PDF-1.7\n923000000001\n", "a PDF: save"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image: save"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(50), "a JPEG image: save"),
    "xz": (lzma.compress(b"923000000001\n"), "an xz archive: unpack it"),
    "bzip2": (bz2.compress(b"923000000001\n"), "a bzip2 archive: unpack it"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00", "a zstd archive: unpack it"),
    "tar": (archive(), "a tar archive: unpack it"),
    "rtf": (b"{\\rtf1\\ansi 923000000001\n}", "an RTF document: save"),
    "html": (b"\n <!DOCTYPE html>\n<html>923000000001</html>\n", "an HTML page: save"),
    "xml": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<a/>\n', "an XML document: save"),
    "json": (b'["923000000001", "923000000002"]\n', "a JSON document: save"),
    "json objects": (b'{"msisdn": "923000000001"}\n{"msisdn": "923000000002"}\n', "a JSON document: save"),
    "scrap": (bytes(range(256)) * 20, "a binary file: save"),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", NO_LISTS)
def test_what_is_no_list_is_refused(tmp_path: Path, kind: str, pack: Callable[[bytes], bytes]) -> None:
    """A file that is no list of numbers is refused, with what it looks like and what to do; packed or not."""
    content, words = NO_LISTS[kind]
    with pytest.raises(FileError) as caught:
        read_rows(tmp_path, pack(content))
    assert f"file_name: 'x.csv' is no list of numbers, it looks like {words}" in caught.value.sentence


def test_gzip_within_gzip(tmp_path: Path) -> None:
    """A list that was packed twice is refused."""
    with pytest.raises(FileError, match="a gzip file within a gzip file: unpack it"):
        read_rows(tmp_path, gzip.compress(gzip.compress(b"923000000001\n")))


def test_lone_carriage_returns(tmp_path: Path) -> None:
    """A list whose lines end with CR alone would be one line: refused with what to do."""
    with pytest.raises(FileError, match="ends its lines with CR alone: save it with LF or CRLF"):
        read_rows(tmp_path, b"923000000001\r923000000002\r")


@pytest.mark.parametrize(
    "content",
    [
        b"msisdn;name\n" + "923000000001;Łukasz ąęć\n".encode("cp1250") * 50,
        "923000000001;Иван Петрович\n".encode("koi8-r") * 50,
        "923000000001;山田太郎\n".encode("shift-jis") * 50,
        b"923000000001\0\n" * 2 + b"923000000001\n" * 50,
        b"\0" * 32 + b"\n923000000001\n",
        b"<923000000001>\n",
        b"[923000000001]\n"[1:],
        b"923000000001\r\n\x1a",
        b"923000000001;PK\n",
        b"MZ 923000000001\nGIF 923000000002\n",
    ],
)
def test_lists_with_odd_bytes_are_lists(tmp_path: Path, content: bytes) -> None:
    """Names in any code page, a few NULs, brackets, a DOS end mark: still a list of numbers."""
    assert b"923000000001" in [msisdn for _, _, msisdn, _ in read_rows(tmp_path, content)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(("end", "ended"), [(b"\n", True), (b"\r\n", True), (b"", False), (b"\r", False)])
def test_a_last_line_without_its_end_is_known(
    tmp_path: Path, end: bytes, pack: Callable[[bytes], bytes], *, ended: bool
) -> None:
    """Whether the last line has its line end is told, for without one its number may be cut."""
    (tmp_path / "x.csv").write_bytes(pack(b"923000000001\n923000000" + end))
    lines, batches = read_all(tmp_path, limits())
    assert (ended, 2, 2) == (lines.ended, lines.number, b"".join(batches).count(b"\n"))


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"923000000009\n")


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"923000000009\n")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    status = path.stat()
    os.utime(path.with_name("new"), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("new").rename(path)


def become_a_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("change", [grow, rewrite, cut, replace, Path.unlink, become_a_link])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    pack: Callable[[bytes], bytes],
) -> None:
    """Grown, rewritten, cut, replaced under its name or removed while it is read: refused, with what to do."""
    path = tmp_path / "x.csv"
    path.write_bytes(pack(b"".join(b"92300%07d\n" % number for number in range(20_000))))
    let_pass(monkeypatch, 60)
    lines = FileLines(tmp_path, "x.csv", limits(settle=2), 7)
    assert lines.batch()
    change(path)
    words = r"'x\.csv' in .* changed while it was read, and nothing of it was sent"
    with pytest.raises(FileError, match=words) as caught:
        list(iter(lines.batch, b""))
    assert "rename it when it is complete, and resume the job" in caught.value.sentence


def date(path: Path, seconds: float) -> None:
    """Let a file say that it was written so many seconds ago, as touch does, and copies that preserve times."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let so many seconds pass for whoever asks how old a file is."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + int(seconds * 1e9))


@pytest.mark.parametrize("content", [b"923000000001\n", b""], ids=["a line", "nothing yet"])
@pytest.mark.parametrize("dated", [0, 3601, 10**9], ids=["now", "an hour ago", "long ago"])
def test_a_young_file_has_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dated: float, content: bytes
) -> None:
    """A file that was written to a moment ago is not read yet, nor called empty, whatever time it claims; left alone
    it is."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    date(path, dated)
    with pytest.raises(NotReady, match=r"'x\.csv' in .* has just been written to or put there: it is read once it was"):
        read_all(tmp_path, limits(settle=3600))
    path.write_bytes(b"923000000001\n")
    date(path, dated)
    let_pass(monkeypatch, 3601)
    assert 1 == read_all(tmp_path, limits(settle=3600))[0].number


def test_an_old_file_that_is_put_there_waits_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file renamed into the directory is read after the settle time, counted from the rename."""
    path = tmp_path / "upload"
    path.write_bytes(b"923000000001\n")
    date(path, 86_400)
    path.rename(tmp_path / "x.csv")
    with pytest.raises(NotReady):
        read_all(tmp_path, limits(settle=3600))
    let_pass(monkeypatch, 3601)
    assert 1 == read_all(tmp_path, limits(settle=3600))[0].number


def test_a_rewritten_file_with_its_old_time_is_noticed(tmp_path: Path) -> None:
    """Other content of the same size under the same time of writing, put in while the file is read, is a change."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"".join(b"92300%07d\n" % number for number in range(20_000)))
    written = path.stat()
    lines = FileLines(tmp_path, "x.csv", limits(), 7)
    assert lines.batch()
    with path.open("r+b") as file:
        file.write(b"92999")
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    with pytest.raises(FileError, match="changed while it was read"):
        list(iter(lines.batch, b""))


@pytest.mark.parametrize("clock", ["of the file", "of the file system"])
def test_a_file_from_the_future_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """Where the time of a file lies ahead, or the whole clock of its folder, its age tells nothing: it is looked at
    twice instead."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"923000000001\n")
    if clock == "of the file":
        date(path, -86_400)
    else:
        let_pass(monkeypatch, -86_400)
    assert 1 == read_all(tmp_path, limits(settle=0.05))[0].number


def test_given_up_in_a_huge_line(tmp_path: Path) -> None:
    """Whoever gives up is obeyed also within a line that has no end, and what changed does not matter then."""
    (tmp_path / "x.csv").write_bytes(b"9" * 5_000_000)
    lines = FileLines(tmp_path, "x.csv", limits(), 7)
    lines.given_up.set()
    (tmp_path / "x.csv").write_bytes(b"9" * 5_000_000)
    assert b"" == lines.batch()
    assert 0 == lines.number
