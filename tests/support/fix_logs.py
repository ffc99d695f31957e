"""Helpers: the log of a job made by hand, as a daemon would have left it."""

from datetime import UTC, datetime
from pathlib import Path

from fix_jobs import Db, job_in

from pgjobs.joblog.format import LogFormat
from pgjobs.joblog.rules import HOST

WORDS = [("wrong_prefix", "Wrong prefix", ": "), ("duplicate", "duplicate", ": ")]


def log_lines(targets: list[bytes], first: int = 1, code: bytes | None = None, detail: bytes | None = None) -> bytes:
    """The lines that the engine writes for these records."""
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    records = [(key, target, code, detail, b"") for key, target in enumerate(targets, first)]
    return b"".join(LogFormat(WORDS).lines(at, records, {}))


class Log:
    """The log of a job, made by hand; where none is given it is one that runs."""

    def __init__(self, db: Db, folder: Path, job: int | None = None) -> None:
        self.job = job_in(db, "in progress") if job is None else job
        self.url = f"/jobs/{self.job}/log"
        self._db = db
        self._folder = folder

    def add(self, shard: int, segment: int, data: bytes, tail: bytes = b"", host: str = HOST) -> Path:
        """A file of it; `tail` was never committed."""
        path = self._folder / f"job-{self.job}-{shard}-{segment}.log"
        path.write_bytes(data + tail)
        self._db.execute(
            "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, bytes)"
            " values (%s, %s, %s, 1, %s, %s, %s)",
            (self.job, shard, segment, host, str(path), len(data)),
        )
        return path

    def commit(self, data: bytes) -> None:
        """More lines of the first file, and that they count."""
        path = self._folder / f"job-{self.job}-0-1.log"
        with path.open("ab") as file:
            file.write(data)
        self._db.execute(
            "update pgjobs.log_segments set bytes = bytes + %s where (job_id, shard, segment) = (%s, 0, 1)",
            (len(data), self.job),
        )


FIRST, SECOND, THIRD = (log_lines([b"92300%07d" % (number * 100 + i) for i in range(30)]) for number in range(3))
