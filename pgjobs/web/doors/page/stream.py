"""An event stream (server-sent events): the answer that lasts while its viewer stays."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pgjobs.web.doors.page.hub import Hub
from pgjobs.web.doors.page.render import PAGE_HEADERS
from pgjobs.web.doors.page.viewer import Viewer

EVENT_STREAM = "text/event-stream"
STREAM_HEADERS = PAGE_HEADERS | {"X-Accel-Buffering": "no"}
"""nginx would keep events until its buffer is full."""
RETRY = b"retry: 3000\n\n"
"""After so many milliseconds a browser connects again."""


class EventStream(StreamingResponse):
    """What a viewer of a hub is told, from now until it or its browser is gone."""

    def __init__(self, hub: Hub, viewer: Viewer) -> None:
        super().__init__(self._events(), headers=STREAM_HEADERS, media_type=EVENT_STREAM)
        self._hub = hub
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; the viewer leaves the hub however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave(self._viewer)

    async def _events(self) -> AsyncIterator[bytes]:
        yield RETRY
        while updates := await self._viewer.next():
            yield b"".join(each.sent for each in updates)
