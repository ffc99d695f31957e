"""Renews the leases of all shards that a daemon runs with one statement, on a connection of its own.

Where this does not succeed, each run asks for its own lease before it trusts it no more (Lease.ensure).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from uuid import UUID

from pgjobs.backoff import set_within
from pgjobs.engine.lease import Orders, boot_seconds
from pgjobs.engine.shard import Shard
from pgjobs.pg import connection as db
from pgjobs.settings import Settings


class Leases:
    """Renews in time, and at once when something about a job has changed; `shards` are those that run now."""

    def __init__(self, settings: Settings, daemon_id: UUID, shards: Callable[[], Iterable[Shard]]) -> None:
        self._settings = settings
        self._daemon_id = daemon_id
        self._shards = shards
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Renew now: the orders of a running shard may have changed."""
        self._poked.set()

    async def run(self, works: Callable[[], None]) -> None:
        """Renew until the connection is lost."""
        url, seconds = self._settings.database_url, self._settings.lease_seconds
        async with await db.connect(url, "leases", patience=min(self._settings.stall_seconds, seconds)) as control:
            while True:
                await self._renew(control)
                works()
                await set_within(self._poked, seconds / 4)
                self._poked.clear()

    async def _renew(self, control: db.Connection) -> None:
        """Pass the orders of each shard on; one that the answer does not know has another owner."""
        shards = list(self._shards())
        if not shards:
            return
        asked_at = boot_seconds()
        running, lease = [shard.claim.name for shard in shards], timedelta(seconds=self._settings.lease_seconds)
        call = "select * from pgjobs.renew_leases(_daemon => %s, _running => %s, _lease => %s)"
        answer = await control.execute(call, (self._daemon_id, running, lease))
        held = {(job, shard, epoch): (renewed, Orders(*orders)) async for job, shard, epoch, renewed, *orders in answer}
        for shard in shards:
            found = held.get(shard.key)
            if found is None:
                shard.fenced()
            else:
                renewed, orders = found
                shard.lease.obey(orders, asked_at if renewed else None)
