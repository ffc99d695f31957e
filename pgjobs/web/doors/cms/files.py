"""Injection files: upload one into the injections directory, and look at what lies there."""

from __future__ import annotations

import asyncio
import errno
import heapq
import json
import logging
import stat
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.injection.incoming import Incoming, name_fault, remove_leftovers
from pgjobs.settings import Settings
from pgjobs.unbroken import unbroken
from pgjobs.web.doors.cms import doc_files as doc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import LATER, Problem, clipped, json_response
from pgjobs.web.limits import allow_long_body
from pgjobs.web.parameters import query
from pgjobs.web.turns import Turns

logger = logging.getLogger(__name__)

UPLOADS = 8
"""So many files may come in at once."""
BATCH = 1 << 20
"""So many bytes are gathered before they are written."""
PAGE, LONGEST_PAGE = 100, 1000
CLEANING_SECONDS = 5.0
"""A network share that hangs must not keep the other endpoints from being served."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ENVELOPE = "multipart/form-data"


class Files:
    """What the endpoints of one process share: the settings, and how many uploads are under way."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.turns = Turns(UPLOADS, "uploads")

    async def clean(self) -> None:
        """Remove what uploads that were cut off by the end of a process have left behind."""
        task = asyncio.ensure_future(asyncio.to_thread(remove_leftovers, self.settings.injections_dir))
        if not (await asyncio.wait((task,), timeout=CLEANING_SECONDS))[0]:
            logger.warning("the injections directory does not answer: the service starts without looking at it")
            return
        try:
            removed = task.result()
        except OSError as error:
            logger.debug("the injections directory can't be looked at: %s", error.strerror)
            return
        for name in removed:
            logger.info("upload %s was cut off by the end of a process, and is removed", name)


async def upload(request: Request) -> Response:
    """Take a file, whole or not at all, and never over another one."""
    query(request)
    files, name = _files(request), _name(request)
    _check_head(request, files.settings.injection_max_bytes)
    async with files.turns:
        incoming = Incoming(files.settings.injections_dir, name, int(files.settings.injection_mode, 8))
        try:
            await unbroken(incoming.open)
            allow_long_body(request.scope)
            async for batch in _batches(request, files.settings.injection_max_bytes):
                await unbroken(incoming.write, batch)
            if not incoming.size:
                raise Problem(400, "empty_file", "the body is empty", "send the file as the body of the request")
            await unbroken(incoming.put_in_place)
        except FileExistsError:
            hint = "give another name; GET of this path says what is there"
            raise Problem(409, "file_exists", f"there is a file {clipped(name)} already", hint) from None
        except OSError as error:
            raise _failed(error) from error
        finally:
            incoming.discard()
    request.state.parameters = {"bytes": str(incoming.size)}
    shown = await asyncio.to_thread(_shown, files.settings, name)
    body = {**(shown or {"name": name}), "bytes": incoming.size, "sha256": incoming.sha256}
    return json_response(json.dumps(body), 201, {"Location": f"/files/{quote(name)}"})


async def listing(request: Request) -> Response:
    """A page of the files, by name."""
    given = query(request, "limit", "after")
    limit = given.whole("limit")
    if limit is None:
        limit = PAGE
    if not 1 <= limit <= LONGEST_PAGE:
        hint = f"give a number from 1 to {LONGEST_PAGE}"
        raise Problem(400, "bad_limit", f"limit: {limit} is out of range", hint, field="limit")
    try:
        found = await asyncio.to_thread(_page, _files(request).settings, limit, given.text("after") or "")
    except OSError as error:
        raise _failed(error) from error
    return json_response(json.dumps(found))


async def show(request: Request) -> Response:
    """One file: how large it is, and when a daemon reads it."""
    query(request)
    name = _name(request)
    try:
        found = await asyncio.to_thread(_shown, _files(request).settings, name)
    except OSError as error:
        raise _failed(error) from error
    if found is None:
        raise Problem(404, "unknown_file", f"there is no file {clipped(name)}", "GET /files lists what there is")
    return json_response(json.dumps(found))


def _files(request: Request) -> Files:
    files: Files = request.app.state.files
    return files


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if fault := name_fault(name):
        hint = "give a plain name, as in 20170201_1039.csv"
        raise Problem(400, "bad_name", f"name: {fault}", hint, field="name")
    return name


def _check_head(request: Request, most: int) -> None:
    """Refuse, before a byte of it is read, what can't be the body of a file."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):
        sentence = f"Content-Encoding {clipped(encoding)}: a file is stored as it comes, and nothing is unpacked"
        raise Problem(415, "encoded", sentence, "send a .gz file as it is, without this header")
    if "content-range" in request.headers:
        raise Problem(400, "bad_range", "Content-Range: a file comes whole or not at all", "send all of it")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == ENVELOPE:
        hint = "send the file itself as the body, as curl -T does"
        raise Problem(415, "bad_body", f"the body is {ENVELOPE}: a form with the file inside", hint)
    length = request.headers.get("content-length", "0")
    if len(length) > 18 or int(length) > most:
        raise _too_large(most)


async def _batches(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body in larger pieces; refused as soon as it is larger than it may be."""
    batch, size = bytearray(), 0
    async for chunk in request.stream():
        batch += chunk
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        if len(batch) >= BATCH:
            yield bytes(batch)
            batch.clear()
    if batch:
        yield bytes(batch)


def _too_large(most: int) -> Problem:
    hint = "pack it with gzip, cut it into smaller files, or raise PGJOBS_INJECTION_MAX_BYTES"
    return Problem(413, "too_large", f"the file is larger than {most} bytes", hint)


def _failed(error: OSError) -> Problem:
    """What the operating system said of the injections directory."""
    reason = error.strerror or type(error).__name__
    logger.error("the injections directory: %s", reason)
    if error.errno in NO_ROOM:
        return Problem(507, "no_room", f"the injections directory has no room for the file ({reason})", "make room")
    hint = "pgjobs web needs PGJOBS_INJECTIONS_DIR, a directory that it may write to: pgjobs doctor looks at it"
    return Problem(503, "no_directory", f"the injections directory can't be used: {reason}", hint, LATER)


def _page(settings: Settings, limit: int, after: str) -> list[dict[str, Any]]:
    """The first files behind a name; what no job can name is no file here."""
    names = heapq.nsmallest(limit, (name for name in _names(settings.injections_dir) if name > after))
    return [found for name in names if (found := _shown(settings, name)) is not None]


def _names(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.iterdir() if not _odd(path.name))


def _odd(name: str) -> bool:
    return not name.isprintable() or name_fault(name) is not None


def _shown(settings: Settings, name: str) -> dict[str, Any] | None:
    """A file as JSON shows it; None where there is none, or something else of this name."""
    try:
        status = (settings.injections_dir / name).lstat()
    except FileNotFoundError:
        if not settings.injections_dir.is_dir():
            raise
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    left = max(status.st_mtime, status.st_ctime) + settings.injection_settle_seconds - time.time()
    return {
        "name": name,
        "bytes": status.st_size,
        "modified_at": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds"),
        "readable_in_seconds": round(min(max(left, 0), settings.injection_settle_seconds), 1),
    }


ENDPOINTS = (
    Endpoint("/files", listing, "read", ("GET",), doc.LISTING),
    Endpoint("/files/{name:path}", show, "read", ("GET",), doc.SHOW),
    Endpoint("/files/{name:path}", upload, "control", ("PUT", "POST"), doc.UPLOAD),
)
