"""gzip: answers of some size are compressed for whoever takes it, and streams flow all the same."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
from fix_jobs import Db, job_in
from fix_web import Web
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from pgjobs.settings import read_settings
from pgjobs.web.door import Door
from pgjobs.web.endpoint import Endpoint


def raw(web: Web, path: str, encoding: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came."""

    async def ask(client: httpx.AsyncClient) -> tuple[httpx.Response, bytes]:
        async with client.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer:
            return answer, b"".join([part async for part in answer.aiter_raw()])

    return web.within(ask)


def test_a_long_answer_is_compressed_for_whoever_takes_gzip(web: Web, db: Db) -> None:
    """The list of many jobs comes compressed, says so, and is the same list; without gzip it comes as it is."""
    for _ in range(20):
        job_in(db, "ready")
    packed, body = raw(web, "/jobs", "deflate, gzip")
    plain, text = raw(web, "/jobs", "identity")
    assert ("gzip", None) == (packed.headers["content-encoding"], plain.headers.get("content-encoding"))
    assert ["Accept-Encoding", "Accept-Encoding"] == [answer.headers["vary"] for answer in (packed, plain)]
    assert len(body) == int(packed.headers["content-length"]) < len(text) / 3
    assert gzip.decompress(body) == text


def test_a_short_answer_is_not_compressed(web: Web) -> None:
    """What is smaller than 1 KB comes as it is."""
    answer, body = raw(web, "/healthz", "gzip")
    assert (None, b'{"ok": true}') == (answer.headers.get("content-encoding"), body)


async def flow(request: Request) -> Response:
    """Two lines, the second one when it is asked for."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first line\n"
        await request.app.state.gate.wait()
        yield b"second line\n"

    return StreamingResponse(parts(), media_type="text/plain")


def test_a_compressed_stream_flows(web_url: str) -> None:
    """Each part of a stream arrives, and can be read, before the next one is made."""
    door = Door("streams", "/streams", (Endpoint("/flow", flow, "read", ("GET",)),))

    async def call(_client: httpx.AsyncClient) -> None:
        web.app.state.gate = asyncio.Event()
        sent: asyncio.Queue[Message] = asyncio.Queue()

        async def receive() -> Message:
            await asyncio.Event().wait()  # the client stays
            raise AssertionError

        scope = {
            "type": "http", "method": "GET", "path": "/streams/flow", "root_path": "", "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"accept-encoding", b"gzip")], "client": ("127.0.0.1", 1),
            "scheme": "http", "server": ("localhost", 80), "http_version": "1.1",
        }  # fmt: skip
        answering = asyncio.create_task(web.app(scope, receive, sent.put))
        unpacker = zlib.decompressobj(31)
        async with asyncio.timeout(20):
            assert (b"content-encoding", b"gzip") in (await sent.get())["headers"]
            assert b"first line\n" == unpacker.decompress((await sent.get())["body"])
            web.app.state.gate.set()
            await answering
        rest = b"".join(sent.get_nowait()["body"] for _ in range(sent.qsize()))
        assert b"second line\n" == unpacker.decompress(rest)

    with Web(read_settings(database_url=web_url), door) as web:
        web.within(call)
