"""Show the log of a job: all of it, its last lines, or what is added to it until the job ends.

Only what checkpoints have committed is read. The files lie where the daemon wrote them, so they are read where
PGJOBS_LOG_HOST names the same volume.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import NamedTuple

from pgjobs.errors import PgjobsError, SettingsError
from pgjobs.joblog.committed import Part, blocks, check, last_lines, matching
from pgjobs.joblog.format import LogFormat
from pgjobs.joblog.reader import LINE, value
from pgjobs.joblog.search import MSISDN, lines_of_msisdn
from pgjobs.joblog.words import log_format
from pgjobs.ops.patience import Patient
from pgjobs.ops.printed import harmless
from pgjobs.process import complain
from pgjobs.settings import Settings
from pgjobs.words import visible

STATE = "select pgjobs.log_state(%s)::text"
LAST_LINES = 10
"""So many lines are shown before what is added, where nobody says how many."""
LOOK_SECONDS = 1.0
MOMENT = slice(6, 26)
"""Where the time stands in a line."""


class File(NamedTuple):
    """A file of a log, and how many bytes of it count."""

    shard: int
    host: str
    path: str
    bytes: int
    removed: bool


class State(NamedTuple):
    """What is known of a log at a moment; ended: nothing more is added to it."""

    status: str
    ended: bool
    files: list[File]
    shards: frozenset[int]
    """Those that have a log, also where the lines of another one are wanted."""


class Wanted(NamedTuple):
    """Which lines are to be shown, and how."""

    job: int
    msisdn: str | None
    lines: int | None
    shard: int | None
    follow: bool
    as_json: bool


async def show(settings: Settings, wanted: Wanted) -> int:
    """Show it; 0, or 1 where a part of it is not to be had here."""
    if wanted.msisdn is not None and not MSISDN.fullmatch(wanted.msisdn):
        raise SettingsError("--msisdn: it is no number of 5 to 20 digits", "give all of its digits")
    async with Patient(settings, "log") as database:
        reader = Reader(settings.log_host, wanted, await log_format(await database.connection()))
        state = await _state(database, wanted)
        reader.need_log(state)
        _write(reader.beginning(state))
        if wanted.follow and not state.ended:
            async for later in _later(database, wanted):
                _write(reader.added(later))
    return reader.code


def _write(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _later(database: Patient, wanted: Wanted) -> AsyncIterator[State]:
    """What is known of it every second, and the last time when the job has ended."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        state = await _state(database, wanted)
        yield state
        if state.ended:
            return


async def _state(database: Patient, wanted: Wanted) -> State:
    said = json.loads(await database.value(STATE, wanted.job))
    files = [File(**file) for file in said["files"] if wanted.shard in (None, file["shard"])]
    return State(said["status"], said["ended"], files, frozenset(file["shard"] for file in said["files"]))


class Reader:
    """Reads a log on from where it was read to."""

    def __init__(self, host: str, wanted: Wanted, words: LogFormat) -> None:
        self.code = 0
        self._host = host
        self._wanted = wanted
        self._words = words
        self._read: dict[tuple[int, str], int] = {}
        self._elsewhere: set[str] = set()

    def need_log(self, state: State) -> None:
        """Refuse a log of which nothing can be read here."""
        of = f"job {self._wanted.job}"
        if any(file.removed for file in state.files):
            hint = "pgjobs.retention says how long logs are kept; pgjobs outcomes tells what became of its records"
            raise PgjobsError(f"the log of {of} was removed after its keep time", hint)
        if not state.files and (state.ended or not self._wanted.follow):
            of = of if self._wanted.shard is None else f"shard {self._wanted.shard} of {of}"
            if state.shards:
                which = ", ".join(map(str, sorted(state.shards)))
                raise PgjobsError(f"{of} has no log", f"these of its shards have one: {which}")
            if state.ended:
                hint = f'it ended before it wrote one: "pgjobs why {self._wanted.job}" says how'
                raise PgjobsError(f"{of} has no log", hint)
            hint = f'it is made when the job begins: "pgjobs why {self._wanted.job}" says what the job waits for'
            raise PgjobsError(
                f"{of} has no log yet", f'{hint}, and "pgjobs log {self._wanted.job} --follow" waits for it'
            )
        there = [file for file in state.files if file.bytes and file.host != self._host]
        if there and len(there) == sum(1 for file in state.files if file.bytes):
            raise PgjobsError(*self._where(there[0]))
        check([Part(file.path, file.bytes) for file in state.files if file not in there])

    def beginning(self, state: State) -> Iterator[str]:
        """The lines that are there: as many of the last ones as are wanted, in the order of their time."""
        most = self._wanted.lines
        if most is None and self._wanted.follow:
            most = LAST_LINES
        files = self._here(state)
        for file in files:
            self._read[file.shard, file.path] = file.bytes
        if most is None:
            for file in files:
                yield from self._lines(file, 0)
            return
        last = [(line, file) for file in files for line in self._last(file, most)]
        last.sort(key=lambda pair: pair[0][MOMENT])
        for line, file in last[max(0, len(last) - most) :]:
            yield self._shown(line, file)

    def added(self, state: State) -> Iterator[str]:
        """The lines that were added since."""
        for file in self._here(state):
            begin = self._read.get((file.shard, file.path), 0)
            if file.bytes > begin:
                self._read[file.shard, file.path] = file.bytes
                yield from self._lines(file, begin)

    def _here(self, state: State) -> list[File]:
        """The files that can be read here; of each other one it is said once where it lies."""
        for file in state.files:
            if file.bytes and file.host != self._host and file.path not in self._elsewhere:
                self._elsewhere.add(file.path)
                self.code = 1
                complain(*self._where(file))
        return [file for file in state.files if file.bytes and file.host == self._host]

    def _where(self, file: File) -> tuple[str, str]:
        sentence = f"the log of job {self._wanted.job} lies on host {file.host}, and this is {self._host}"
        if file.shard:
            sentence = sentence.replace("the log of", f"shard {file.shard} of the log of", 1)
        return sentence, (
            f"call pgjobs log there, or read {file.path} there; PGJOBS_LOG_HOST names a volume that hosts share"
        )

    def _last(self, file: File, most: int) -> deque[bytes]:
        begin = last_lines(Part(file.path, file.bytes), most) if self._wanted.msisdn is None else 0
        return deque(self._found(file, begin), maxlen=most)

    def _lines(self, file: File, begin: int) -> Iterator[str]:
        return (self._shown(line, file) for line in self._found(file, begin))

    def _found(self, file: File, begin: int) -> Iterator[bytes]:
        parts = [Part(file.path, file.bytes)]
        if self._wanted.msisdn is None:
            return _split(blocks(parts, begin))
        return _split(matching(parts, *lines_of_msisdn(self._wanted.msisdn), begin))

    def _shown(self, line: bytes, file: File) -> str:
        """A line as it is, or what it says as JSON."""
        found = LINE(line) if self._wanted.as_json else None
        if found is None:
            text = visible(line.decode("utf-8", "replace").removesuffix("\n"))
            return json.dumps({"shard": file.shard, "unreadable": text}) if self._wanted.as_json else text
        error = None if found[2] is None else value(found[2])
        said = {"time": line[MOMENT].decode(), "shard": file.shard, "id": int(found[3]), "target": value(found[1])}
        said |= {"action": "sent" if error is None else "skip"}
        said |= {"error": error, "code": error and self._words.code_of(error)}
        return harmless(json.dumps(said, ensure_ascii=False))


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text that comes in pieces."""
    kept = b""
    for piece in pieces:
        *lines, kept = (kept + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if kept:
        yield kept
