"""What the league needs of a run store: desired and observed state, documents, results that count once."""
from __future__ import annotations

from typing import Any, Protocol


class RunStore(Protocol):
    """Implemented above the league; every call is durable when it returns.

    Pickled, it opens the same store in the process that unpickles it."""

    def desired(self, run_id: str) -> tuple[str, int]:
        """`(state, generation)`: running, paused or stopped, and the number of the wish."""

    def observe(
        self, run_id: str, status: str, reason: str = "", generation: int | None = None, pid: int | None = None
    ) -> None:
        """Writes what is."""

    def heartbeat(self, run_id: str) -> None:
        """Says that the run is alive."""

    def load_document(self, run_id: str, name: str) -> dict[str, Any] | None:
        """A named JSON document, None if there is none."""

    def save_document(self, run_id: str, name: str, document: dict[str, Any]) -> None:
        """Replaces a named JSON document."""

    def commit_result(self, run_id: str, match_id: str, result: dict[str, Any], tallies: list[dict[str, Any]]) -> bool:
        """Counts a match once, all of it or nothing; False if it was counted before."""

    def payoff(self, run_id: str) -> list[dict[str, Any]]:
        """Summed tallies per player, opponent and seat."""

    def replace_payoff(self, run_id: str, tallies: list[dict[str, Any]]) -> None:
        """Forgets every result; the payoff becomes `tallies`."""

