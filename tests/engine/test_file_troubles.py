"""Injection files that can't be used, or are odd: the job says what is wrong, and goes on once the file is mended."""

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_complete import check_complete
from fix_daemon import Engine

GOOD_FILE = b"923000000001\n923000000002\n"


def make_link(path: Path) -> None:
    """A symbolic link that leads out of the directory."""
    outside = path.parent.parent / "outside.csv"
    outside.write_bytes(GOOD_FILE)
    path.symlink_to(outside)


def make_second_name(path: Path) -> None:
    """A hard link to a file outside of the directory."""
    outside = path.parent.parent / "outside.csv"
    outside.write_bytes(GOOD_FILE)
    path.hardlink_to(outside)


MAKERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _path: None, "No such file or directory"),
    "empty": (Path.touch, "is empty"),
    "directory": (Path.mkdir, "is not a regular file"),
    "symlink": (make_link, "symbolic link"),
    "second name": (make_second_name, "has another name elsewhere"),
    "fifo": (os.mkfifo, "is not a regular file"),
    "spreadsheet": (
        lambda path: path.write_bytes(b"PK\x03\x04" + bytes(99)),
        "it looks like a ZIP",
    ),
    "bomb": (
        lambda path: path.write_bytes(gzip.compress(b"\n" * 3_000_000)),
        "more than 100 times its size",
    ),
    "broken gzip": (lambda path: path.write_bytes(b"\x1f\x8b\x08\x00 not really"), "can't be read to its end"),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.usefixtures("daemon")
def test_unusable_file(engine: Engine, kind: str) -> None:
    """A file that can't be used ends the job with a sentence that names it; mended and resumed it runs."""
    make, sentence = MAKERS[kind]
    path = engine.injections_dir / "in.csv"
    make(path)
    job = engine.add_job("injection", "in.csv")
    engine.wait_status(job, "error")
    error = engine.error_of(job)
    assert "file_name: 'in.csv'" in error
    assert sentence in error
    assert [] == engine.drain()
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(GOOD_FILE)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 2)


def test_file_too_large(engine: Engine) -> None:
    """A file beyond the limit ends the job before anything is sent, also when it is only large unpacked."""
    engine.start(injection_max_bytes=1000)
    engine.add_file("large.csv", b"923000000001\n" * 100)
    job = engine.add_job("injection", "large.csv")
    engine.wait_status(job, "error")
    assert "more than 1000 bytes" in engine.error_of(job)
    assert [] == engine.drain()


def test_a_young_file(engine: Engine) -> None:
    """A job whose file is still being written waits and says so, whatever time the file claims, and goes on by itself
    once it is left alone."""
    engine.start(injection_settle_seconds=3)
    path = engine.injections_dir / "young.csv"
    then = time.time() - 3600

    def write_and_ask() -> bool:
        path.write_bytes(GOOD_FILE)
        os.utime(path, (then, then))
        return "'young.csv'" in (why := str(engine.value("select pgjobs.why(%s)", job))) and "just been written" in why

    engine.add_file("young.csv", GOOD_FILE)
    os.utime(path, (then, then))
    job = engine.add_job("injection", "young.csv")
    engine.wait_for(write_and_ask, "the job waits for its file")
    assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
    assert [] == engine.drain()
    engine.wait_status(job, "done")
    check_complete(engine, job, 2)


@pytest.mark.usefixtures("daemon")
def test_a_cut_last_line(engine: Engine) -> None:
    """A last line without line end is skipped as such, for its number may be cut; or sent, as the type says."""
    engine.add_file("cut.csv", b"923000000001\n923000000")
    outcomes = []
    for skip in (True, False):
        engine.execute("update xmp_job_types set skip_unended_line = %s where name = 'injection'", skip)
        job = engine.add_job("injection", "cut.csv")
        engine.wait_status(job, "done")
        outcomes.append([(line.msg, line.action, line.error) for line in engine.log_lines(job)])
    first = (b"923000000001", "sent", None)
    assert [first, (b"923000000", "skip", "Incomplete last line")] == outcomes[0]
    assert [first, (b"923000000", "sent", None)] == outcomes[1]
    assert ["923000000001", "923000000001", "923000000"] == [message.event["msisdn"] for message in engine.drain()]
    told = "the last line of file_name 'cut.csv' has no line end"
    engine.daemons[0].wait_said(told, times=2)
    assert 2 == engine.daemons[0].said.count(told)


@pytest.mark.usefixtures("daemon")
def test_a_list_from_a_spreadsheet(engine: Engine) -> None:
    """A list that was saved as Unicode text is sent, and its lines are in the log in UTF-8."""
    engine.add_file("wide.csv", "\ufeff923000000001\tимя\r\n923000000002\t\r\n".encode("utf-16-le"))
    job = engine.add_job("injection", "wide.csv")
    engine.wait_status(job, "done")
    check_complete(engine, job, 2)
    assert ["923000000001\tимя".encode(), b"923000000002\t"] == [line.msg for line in engine.log_lines(job)]
