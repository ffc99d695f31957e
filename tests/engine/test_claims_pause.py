"""How long a daemon sleeps when it could take nothing."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from pgjobs.engine import claims
from pgjobs.engine.claims import Claims
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings


@pytest.mark.parametrize(("hinted", "pause"), [(True, claims.AGAIN_PAUSE), (False, claims.FULL_PAUSE)])
def test_a_full_daemon_looks_once_more_soon_after_a_hint(
    monkeypatch: pytest.MonkeyPatch, hinted: bool, pause: float
) -> None:
    """Two full daemons that look at the same moment may each leave an urgent shard to the other one: both look again
    soon, and later on as rarely as ever."""

    async def nobody_gives_way(*_: object, **__: object) -> list[tuple[int, int, str]]:
        return []

    async def something_is_due(*_: object) -> float:
        return 0.0

    monkeypatch.setattr("pgjobs.engine.claims.claim.choose_yields", nobody_gives_way)
    monkeypatch.setattr("pgjobs.engine.claims.db.value", something_is_due)
    nothing: Any = None

    async def story() -> float:
        full = Claims(read_settings(), Metrics(), uuid4(), nothing, {}, lambda _claim, _at: None)
        monkeypatch.setattr(Claims, "_places", 0)
        return await full._pause(nothing, hinted=hinted)

    assert pause == asyncio.run(story())
