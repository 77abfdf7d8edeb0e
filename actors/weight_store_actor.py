"""The weight store in a process of its own. Payloads are `[reference]`: a list, so that Ray passes it on unopened."""
from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

from actors.weight_store import WeightStore


class WeightStoreActor:
    """See `actors.weight_store`. Its content is lost when it restarts; the publisher fills it again."""

    def __init__(self) -> None:
        self._store = WeightStore()
        self._published = asyncio.Condition()

    async def publish(self, policy: str, version: int, payload: Any) -> dict[str, int]:
        """As `WeightStore.publish`; wakes those who wait for something newer."""
        held = self._store.publish(policy, version, payload)
        async with self._published:
            self._published.notify_all()
        return held

    async def pull(self, policy: str, have: int, patience_s: float = 0.0) -> tuple[int, Any] | None:
        """As `WeightStore.pull`; waits up to `patience_s` for something newer than `have`."""
        if self._store.pull(policy, have) is None and patience_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s), self._published:
                    await self._published.wait_for(lambda: self._store.pull(policy, have) is not None)
        return self._store.pull(policy, have)

    async def drop(self, policy: str) -> None:
        """As `WeightStore.drop`."""
        self._store.drop(policy)

    async def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
