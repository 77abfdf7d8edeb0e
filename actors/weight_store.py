"""The newest weights of every policy: one put, many readers, each reader asks only for what is newer than its own."""
from __future__ import annotations

from typing import Any


class WeightStore:
    """Policy id to version and payload. The payload is opaque: arrays in one process, a reference in a cluster."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, Any]] = {}

    def publish(self, policy: str, version: int, payload: Any) -> dict[str, int]:
        """Takes weights unless a newer version is here; answers which policies are held in which version.

        The answer lets a publisher see that a restarted store has lost some, and publish them again.
        """
        if version >= self._held.get(policy, (-1, None))[0]:
            self._held[policy] = (version, payload)
        return {held: held_version for held, (held_version, _) in self._held.items()}

    def pull(self, policy: str, have: int) -> tuple[int, Any] | None:
        """`(version, payload)` if there is one newer than `have`, else None."""
        version, payload = self._held.get(policy, (-1, None))
        return (version, payload) if version > have else None

    def drop(self, policy: str) -> None:
        """Forgets a policy; unknown ones are ignored."""
        self._held.pop(policy, None)
