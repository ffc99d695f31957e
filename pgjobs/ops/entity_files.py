"""Read entities out of a file: JSON lines, a JSON array, or CSV, plain or gzip; each with the line on which it begins.

What they mean is checked by the database; here only what can't be read at all is refused, by its line.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn, TextIO, cast

from pgjobs.errors import FileError

GZIP = b"\x1f\x8b"
CHUNK = 1 << 16
LONGEST = 1 << 20
"""Characters that one entity, or one line, may have at most."""
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
NEEDED = ("id", "type")
MEND = "mend this line and load the file again: nothing was changed"

Entity = tuple[int, str]
"""The line on which an entity begins, and the entity as a JSON text."""


def read_entities(path: Path) -> Iterator[Entity]:
    """The entities of a file in its order; FileError where one can't be read."""
    with contextlib.ExitStack() as opened:
        source: IO[bytes] = opened.enter_context(path.open("rb"))
        if source.read(len(GZIP)) == GZIP:
            source.seek(0)
            source = cast("IO[bytes]", opened.enter_context(gzip.open(source)))
        source.seek(0)
        text = opened.enter_context(io.TextIOWrapper(source, encoding="utf-8-sig", newline=""))
        try:
            yield from _of_its_kind(text)
        except UnicodeDecodeError:
            raise FileError("the file is not UTF-8", "save it as UTF-8") from None
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise FileError(f"the file is gzip, and can't be unpacked: {error}", "upload it again") from None


def _of_its_kind(text: TextIO) -> Iterator[Entity]:
    """Begin with what the first sign says: an array, objects one a line, or CSV."""
    first = text.read(CHUNK).lstrip()[:1]
    text.seek(0)
    if first == "[":
        return _array(iter(lambda: text.read(CHUNK), ""))
    return _json_lines(_lines(text)) if first == "{" else _csv(_lines(text))


def _lines(text: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: text.readline(LONGEST), ""), 1):
        if len(line) == LONGEST:
            raise FileError(f"line {number}: it has more than {LONGEST} characters", MEND)
        yield line


def _json_lines(lines: Iterator[str]) -> Iterator[Entity]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _told(number, _parsed(number, line))


def _array(chunks: Iterator[str]) -> Iterator[Entity]:
    """The elements of an array, of which no more than one and a chunk are in memory."""
    decoder = json.JSONDecoder(parse_constant=_constant)
    line, rest = 1, next(chunks)
    separator = "["
    while True:
        rest, line = _skipped(rest, chunks, line)
        if separator == "," and rest[:1] == "]":
            break
        if rest[:1] != separator:
            raise FileError(f"line {line}: {rest[:20]!r} stands where {separator} belongs", MEND)
        rest, line = _skipped(rest[1:], chunks, line)
        if separator == "[" and rest[:1] == "]":
            break
        while True:
            try:
                entity, end = decoder.raw_decode(rest)
            except (ValueError, RecursionError) as error:
                more = next(chunks, "") if len(rest) < LONGEST and not isinstance(error, RecursionError) else ""
                if not more:
                    raise FileError(f"line {line}: it is no JSON: {_said(error)}", MEND) from None
                rest += more
            else:
                break
        yield line, _told(line, entity)
        line += rest.count("\n", 0, end)
        rest, separator = rest[end:], ","
    rest, line = _skipped(rest[1:], chunks, line)
    if rest:
        raise FileError(f"line {line}: {rest[:20]!r} stands behind the end of the array", MEND)


def _skipped(rest: str, chunks: Iterator[str], line: int) -> tuple[str, int]:
    """What comes behind white space, which is on this line."""
    while True:
        bare = rest.lstrip()
        line += rest.count("\n", 0, len(rest) - len(bare))
        if bare or not (rest := next(chunks, "")):
            return bare, line


def _csv(lines: Iterator[str]) -> Iterator[Entity]:
    """Rows below a header: id, type, tags (separated by |), and any further column as an attribute."""
    header_line = next(lines, "")
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    try:
        header = [name.strip() for name in next(csv.reader([header_line], delimiter=delimiter, strict=True), [])]
    except csv.Error as error:
        raise FileError(f"line 1: it is no line of CSV: {error}", MEND) from None
    odd = [name for name in header if not name or header.count(name) > 1]
    if odd or not set(NEEDED) <= set(header):
        missing = next((name for name in NEEDED if name not in header), None)
        wrong = f"there is no column {missing}" if missing else f"the column {odd[0]!r} has no name of its own"
        raise FileError(f"line 1: {wrong}; a CSV file begins with a header such as id,type,tags,model", MEND)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 1
    while True:
        begins = rows.line_num + 2
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise FileError(f"line {begins}: it is no line of CSV: {error}", MEND) from None
        if row is None:
            return
        number = begins
        if not row:
            continue
        if len(row) != len(header):
            raise FileError(f"line {number}: it has {len(row)} cells, and the header has {len(header)}", MEND)
        cells = dict(zip(header, row, strict=True))
        entity = {
            "id": cells.pop("id").strip(),
            "type": cells.pop("type").strip(),
            "tags": [tag.strip() for tag in cells.pop("tags", "").split("|") if tag.strip()],
            "attributes": {name: text for name, text in cells.items() if text != ""},
        }
        yield number, _told(number, entity)


def _parsed(number: int, line: str) -> Any:
    try:
        return json.loads(line, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise FileError(f"line {number}: it is no JSON: {_said(error)}", MEND) from None


def _told(number: int, entity: Any) -> str:
    """An entity as PostgreSQL takes it."""
    try:
        text = json.dumps(entity, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise FileError(f"line {number}: it has half of a surrogate pair, which is no character", MEND) from None
    if NUL.search(text):
        raise FileError(f"line {number}: it has a zero character", MEND)
    if len(text) > LONGEST:
        raise FileError(f"line {number}: the entity has more than {LONGEST} characters", MEND)
    return text


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
