"""Where chunks wait between actors and learner: a plain class that holds headers and opaque payloads.

A payload is whatever the caller hands in (a reference in a cluster, the columns themselves in one process); it is
never looked into. Two tables: a queue gives each chunk once and in order; a uniform table gives each about
`samples_per_insert` times, at random, out of a window of the newest. Chunks of held-out games are kept apart and never
sampled.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from actors.config import Replay as ReplaySettings
from actors.rate_limiter import RateLimiter
from learners.chunk import Header

WINDOW_GROWTH, WINDOW_SLOPE = 0.75, 0.4
"""How a window grows with all that was inserted: KataGo's alpha and beta (Wu 2019, arXiv:1902.10565, appendix C)."""


@dataclass(frozen=True)
class Item:
    """One chunk in a table."""

    header: Header
    payload: Any
    inserted_s: float


class Replay:
    """One table under a rate limiter, a byte budget and a bound on staleness.

    `batch` is how many chunks one sample takes. Times are seconds of any clock that never runs backwards.
    """

    def __init__(self, settings: ReplaySettings, batch: int, seed: int = 0) -> None:
        self._settings, self._batch = settings, batch
        self._items: deque[Item] = deque()
        self._held_out: deque[Item] = deque()
        self._random = np.random.default_rng(seed)
        self.bytes = 0
        self.dropped_stale = 0
        self.evicted = 0
        self.rows_sampled = 0
        if settings.table == "queue":
            if settings.capacity < 2 * batch:
                raise ValueError(
                    f"replay.capacity is {settings.capacity}; a queue that gives {batch} chunks at once "
                    f"needs at least {2 * batch}"
                )
            self.limiter = RateLimiter(
                samples_per_insert=1, min_size=1, min_diff=0, max_diff=settings.capacity, batch=batch
            )
        else:
            slack = settings.error_buffer or 2 * max(batch, settings.samples_per_insert)
            middle = settings.samples_per_insert * settings.min_size
            self.limiter = RateLimiter(
                samples_per_insert=settings.samples_per_insert,
                min_size=settings.min_size,
                min_diff=middle - slack,
                max_diff=middle + slack,
                batch=batch,
            )

    def __len__(self) -> int:
        return len(self._items)

    def can_insert(self) -> bool:
        """Whether the next chunk may come in now. A queue that is full of bytes waits; a uniform table evicts.

        Held-out chunks may always come in.
        """
        full = self._settings.table == "queue" and self._items and self.bytes >= self._settings.max_bytes
        return not full and self.limiter.can_insert(len(self._items))

    def insert(self, header: Header, payload: Any, now_s: float) -> None:
        """Takes a chunk; the caller has asked `can_insert`. A uniform table lets its oldest go to make room."""
        if header.split == "held_out":
            self._hold_out(Item(header, payload, now_s))
            return
        self._items.append(Item(header, payload, now_s))
        self.bytes += header.bytes
        self.limiter.inserts += 1
        if self._settings.table == "uniform":
            while len(self._items) > self.window or (
                self.bytes > self._settings.max_bytes and len(self._items) > 1
            ):
                self._forget(self._items.popleft())
                self.evicted += 1

    def _hold_out(self, item: Item) -> None:
        self._held_out.append(item)
        rows = sum(one.header.rows for one in self._held_out)
        while len(self._held_out) > 1 and rows - self._held_out[0].header.rows >= self._settings.held_out_rows:
            rows -= self._held_out.popleft().header.rows

    def held_out(self) -> list[Item]:
        """Chunks of held-out games, oldest first: the newest that make up `held_out_rows`."""
        return list(self._held_out)

    @property
    def window(self) -> int:
        """Chunks that the table holds at most, by now."""
        start, capacity = self._settings.window_start, self._settings.capacity
        if start is None or self.limiter.inserts <= start:
            return capacity if start is None else min(start, capacity)
        grown = ((self.limiter.inserts / start) ** WINDOW_GROWTH - 1) / WINDOW_GROWTH
        return min(capacity, int(start * (1 + WINDOW_SLOPE * grown)))

    def why_not(self, version: int) -> str | None:
        """None if a batch can be sampled for a learner at `version`, else the reason in one word.

        `below_min`: too few chunks; `limiter`: samples run ahead of inserts; `no_fresh`: what is here is too old.
        """
        dropped = self._drop_stale(version)
        needed = self._batch if self._settings.table == "queue" else 1
        if len(self._items) < max(needed, self.limiter.min_size):
            return "no_fresh" if dropped else "below_min"
        return None if self.limiter.can_sample(self._batch, len(self._items)) else "limiter"

    def sample(self) -> list[Item]:
        """A whole batch; the caller has asked `why_not`, which also lets go of what is stale."""
        if self._settings.table == "queue":
            batch = [self._items.popleft() for _ in range(self._batch)]
            for item in batch:
                self._forget(item)
        else:
            batch = [self._items[int(place)] for place in self._random.integers(len(self._items), size=self._batch)]
        self.limiter.samples += self._batch
        self.rows_sampled += sum(item.header.rows for item in batch)
        return batch

    def _drop_stale(self, version: int) -> int:
        """Lets chunks go whose newest decision is more than `max_lag` updates old; a net under admission control."""
        fresh = deque(item for item in self._items if version - item.header.version_max <= self._settings.oldest)
        dropped = len(self._items) - len(fresh)
        if dropped:
            if self._settings.table == "queue":
                # what is thrown away was not learned from: the limiter must not wait for its samples
                self.limiter.samples += dropped
            self._items = fresh
            self.bytes = sum(item.header.bytes for item in fresh)
            self.dropped_stale += dropped
        return dropped

    def save(self) -> tuple[list[Item], dict[str, Any]]:
        """Everything it holds, trained and held out, and plain data, from which `load` goes on exactly."""
        return [*self._items, *self._held_out], {
            "random": self._random.bit_generator.state,
            "inserts": self.limiter.inserts, "samples": self.limiter.samples,
            "dropped_stale": self.dropped_stale, "evicted": self.evicted, "rows_sampled": self.rows_sampled,
        }

    def load(self, items: list[Item], data: Mapping[str, Any]) -> None:
        """Goes on from what `save` gave."""
        self._items = deque(item for item in items if item.header.split != "held_out")
        self._held_out = deque(item for item in items if item.header.split == "held_out")
        self.bytes = sum(item.header.bytes for item in self._items)
        self._random.bit_generator.state = data["random"]
        self.limiter.inserts, self.limiter.samples = data["inserts"], data["samples"]
        self.dropped_stale, self.evicted = data["dropped_stale"], data["evicted"]
        self.rows_sampled = data["rows_sampled"]

    def _forget(self, item: Item) -> None:
        self.bytes -= item.header.bytes

    def metrics(self, now_s: float) -> dict[str, float]:
        """Figures of the table: sizes, the limiter's error, the oldest chunk's age in seconds."""
        return {
            "replay_chunks": len(self._items),
            "replay_bytes": self.bytes,
            "replay_rows": sum(item.header.rows for item in self._items),
            "held_out_rows": sum(item.header.rows for item in self._held_out),
            "replay_inserts": self.limiter.inserts,
            "replay_samples": self.limiter.samples,
            "replay_rows_sampled": self.rows_sampled,
            "replay_spi_error": self.limiter.error,
            "replay_dropped_stale": self.dropped_stale,
            "replay_evicted": self.evicted,
            "queue_age_s": now_s - self._items[0].inserted_s if self._items else 0.0,
        }
