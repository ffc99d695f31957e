"""Where the next page of a search begins, kept for a while for the caller who will ask for it.

The contract numbers pages, and a number alone says that all pages before have to be passed over again. A position that
is not kept any more costs that, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict

from starlette.datastructures import State

MOST, SECONDS = 10_000, 600.0
Key = tuple[bytes, int]


class Positions:
    """The positions of pages, by the search and the number of the page; the ones longest unused go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[float, str]] = OrderedDict()

    def find(self, series: object, page: int) -> str | None:
        """Where this page begins; None: nobody knows."""
        at, position = self._kept.get(_key(series, page), (0.0, None))
        return position if time.monotonic() - at < SECONDS else None

    def keep(self, series: object, page: int, position: str | None) -> None:
        """Remember where a page begins; without a position what was known of it is forgotten."""
        key = _key(series, page)
        self._kept.pop(key, None)
        if position is not None:
            self._kept[key] = time.monotonic(), position
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)


def _key(series: object, page: int) -> Key:
    return hashlib.sha256(json.dumps(series, sort_keys=True).encode()).digest(), page


def positions(state: State) -> Positions:
    """Those of this application."""
    if not hasattr(state, "positions"):
        state.positions = Positions()
    found: Positions = state.positions
    return found
