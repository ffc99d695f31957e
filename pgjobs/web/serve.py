"""Run the web process: refuse settings that are unsafe or cannot work, then serve until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import sys
from types import FrameType

import psycopg
import uvicorn

from pgjobs.bind import joined, loopback, split
from pgjobs.errors import SettingsError
from pgjobs.pg import connection as db
from pgjobs.pg.rights import WEB, check_rights
from pgjobs.pg.versions import CHANGED
from pgjobs.settings import Settings
from pgjobs.web.app import create_app
from pgjobs.web.bind import listen
from pgjobs.web.limits import BACKLOG, Limits, connection_limit
from pgjobs.web.protocol import bounded

logger = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then running requests have PGJOBS_DRAIN_SECONDS to end."""
    settings.need("database_url")
    check_bind(settings)
    asyncio.run(_check_schema(settings.database_url))
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=bounded(Limits(connection_limit(settings.http_connections))),
        ws="none",
        backlog=BACKLOG,
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
    )
    with listen(settings.http_bind) as listener:
        host, port = listener.getsockname()[:2]
        logger.info("listening on http://%s", joined(host, port))
        # uvicorn raises the signal again once it has drained: these handlers then end the process, as before it starts.
        for sent in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sent, _leave)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup means: stay
            signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        _Server(config, app.state.leaving).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tells the handlers that wait for something when the process begins to end."""

    def __init__(self, config: uvicorn.Config, leaving: asyncio.Event) -> None:
        super().__init__(config)
        self._leaving = leaving

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let running requests end; those that only wait are answered at once."""
        self._leaving.set()
        await super().shutdown(sockets)


def check_bind(settings: Settings) -> None:
    """Refuse an address that other machines reach if no token is asked for there."""
    host, _ = split(settings.http_bind)
    if settings.http_auth or settings.http_insecure or loopback(host):
        return
    raise SettingsError(
        f"PGJOBS_HTTP_BIND {settings.http_bind!r} is open to other machines and asks for no token",
        "set PGJOBS_HTTP_AUTH=true and make a token with pgjobs token, or PGJOBS_HTTP_INSECURE=true"
        " where a proxy or a firewall stands in front",
    )


async def _check_schema(url: str) -> None:
    try:
        async with asyncio.timeout(10), await db.connect(url, "web") as connection:
            await check_rights(connection, WEB)
            if (await db.check_schema(connection)).changed:
                logger.warning(CHANGED)
    except (psycopg.OperationalError, TimeoutError) as error:
        # A process that answers 503 until the database is back is of more use than none. Each connection is checked.
        logger.warning("the database does not answer yet: %s", str(error).strip() or "no answer within 10 s")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
