"""The segments of a shard's log, read one window after the other as one tape up to their committed lengths."""

from __future__ import annotations

import io
import os
import stat
from collections import deque
from dataclasses import dataclass
from typing import BinaryIO

from pgjobs.words import counted


@dataclass(frozen=True)
class Segment:
    """A file of a log: where it is, and how many bytes of it count."""

    segment: int
    host: str
    path: str
    bytes: int
    here: bool
    removed: bool = False


class Tape:
    """Reads the committed bytes of segments in order; what is wrong with a file is said once, in `findings`."""

    def __init__(self, segments: list[Segment]) -> None:
        self.findings: list[str] = []
        self.elsewhere: list[str] = []
        """Segments that can't be checked here."""
        self.cleared: list[str] = []
        """Segments that were removed after their keep time."""
        self.lines = 0
        self._all = segments
        self._rest = deque(segments)
        self._now: Segment | None = None
        self._file: BinaryIO | None = None
        self._size = 0
        self._at = 0
        self._line = 1

    @property
    def path(self) -> str:
        """The file that is being read."""
        return self._now.path if self._now else ""

    @property
    def committed(self) -> int:
        """How many bytes of the last segment count."""
        return self._all[-1].bytes if self._all else 0

    def take(self, to: int, last: int | None) -> tuple[int, list[bytes] | None]:
        """(number of the first line, lines) up to a committed length; None where they are not to be had.

        `last`: what lies before is unknown, so pass over everything but that many lines.
        """
        while self._now is None or self._at == self._now.bytes or (last is not None and to <= self._at):
            if not self._rest:
                self._say("no segment of the log holds what was checkpointed last")
                return 0, None
            self._open(self._rest.popleft())
        if not self._at < to <= self._now.bytes:
            self._say(f"a checkpoint ends at byte {to}, which does not fit byte {self._at} of {self._now.bytes}")
            return 0, None
        length, self._at = to - self._at, to
        if self._file is None:
            return 0, None
        if self._at > self._size:
            return 0, None
        if last is not None:
            return self._pass_over(length, last)
        first, lines = self._line, io.BytesIO(self._file.read(length)).readlines()
        self._line += len(lines)
        self.lines += len(lines)
        return first, lines

    def wind_up(self, *, tail: bool) -> None:
        """At the end of the checkpoints: see that nothing committed is left, nor (unless a tail is allowed) more."""
        if self._now is not None and self._at < self._now.bytes:
            self._say(f"committed bytes belong to no checkpoint: {self._now.bytes - self._at:,}")
        left = [segment.path for segment in self._rest if segment.bytes]
        if left:
            self.findings.append(f"log {left[0]}: its lines belong to no checkpoint")
        if not tail and self._now is not None and not left and self._size > self._now.bytes:
            self._say(f"bytes were appended behind its committed end: {self._size - self._now.bytes:,}")

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _say(self, sentence: str) -> None:
        self.findings.append(f"log {self.path}: {sentence}")

    def _open(self, segment: Segment) -> None:
        self.close()
        self._now, self._at, self._line, self._size = segment, 0, 1, 0
        if not segment.bytes:
            return
        if segment.removed:
            self.cleared.append(f"log {segment.path}: it was removed after its keep time")
            return
        if not segment.here:
            where = f"lies on host {segment.host} and can only be checked there"
            self.elsewhere.append(f"log {segment.path}: segment {segment.segment} {where}")
            return
        try:
            # Neither a link nor a pipe: the daemon writes to none, and a pipe would be waited for.
            fd = os.open(segment.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._say(f"segment {segment.segment} can't be read: {error.strerror}")
            return
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            self._say(f"segment {segment.segment} can't be read: it is not a file")
            return
        self._file = os.fdopen(fd, "rb")
        self._size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        if self._size < segment.bytes:
            self._say(f"truncated: it has {self._size:,} of its {counted(segment.bytes, 'committed byte')}")

    def _pass_over(self, length: int, last: int) -> tuple[int, list[bytes] | None]:
        """The last lines of a stretch, whatever its length."""
        kept: deque[bytes] = deque(maxlen=max(last, 1))
        while length > 0 and self._file is not None:
            line = self._file.readline(length)
            length -= len(line)
            kept.append(line)
            self._line += 1
            self.lines += 1
        return self._line - len(kept), list(kept)
