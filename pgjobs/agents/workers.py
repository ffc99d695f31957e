"""The threads in which handlers run: a fixed number, which a slow handler can't keep from ending with the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

Call = Callable[[], bytes]


class Workers:
    """So many threads; what is given to them begins in its order.

    The threads of concurrent.futures would be waited for at the end of the process; these are not.
    """

    def __init__(self, threads: int) -> None:
        self._calls: SimpleQueue[tuple[Call, Future[bytes]] | None] = SimpleQueue()
        self._threads = threads
        for number in range(threads):
            threading.Thread(target=self._work, name=f"agent-{number}", daemon=True).start()

    def begin(self, call: Call) -> Future[bytes]:
        """Have a call done; its future can be cancelled until a thread has taken it."""
        future: Future[bytes] = Future()
        self._calls.put((call, future))
        return future

    def end(self) -> None:
        """Let each thread end after what it does."""
        for _ in range(self._threads):
            self._calls.put(None)

    def _work(self) -> None:
        while (taken := self._calls.get()) is not None:
            call, future = taken
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 whoever waits for it gets it, and the thread lives on
                future.set_exception(error)
