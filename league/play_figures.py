"""Means over the games that self-play finished since the last look, from what workers have counted so far."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.self_play import RATE, WEIGHT

COUNTERS = ("games", "plies", "resignations", "resign_checks", "resign_mistakes")


class PlayFigures:
    """metric_names: of the game. `seen`: each worker's counts at the last look, from which a resumed run goes on.

    Rates are pooled: `pass_decision_rate` is pass turns over all turns of all games.
    """

    def __init__(self, metric_names: Sequence[str]) -> None:
        self._names = tuple(metric_names)
        self.seen: dict[str, dict[str, float]] = {}

    def since_last(self, totals: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Figures of the games that ended since the last call; none if there were none.

        totals: by worker, since its process began. A worker whose counts have fallen began anew; one that does not
        answer is looked at another time. avg_game_length: actions of all seats; resign_share: games that somebody gave
        up; resign_mistakes: of the games that were played on to see, those that whoever would have given up did not
        lose. Then the game's own metrics, of games that were played to their end.
        """
        new: dict[str, float] = {}
        for worker, counts in totals.items():
            before = self.seen.get(worker, {})
            if any(counts.get(name, 0.0) < before.get(name, 0.0) for name in COUNTERS):
                before = {}
            for name, value in counts.items():
                new[name] = new.get(name, 0.0) + value - before.get(name, 0.0)
            self.seen[worker] = dict(counts)
        games = new.get("games", 0.0)
        if games <= 0:
            return {}
        figures = {"avg_game_length": new["plies"] / games, "resign_share": new["resignations"] / games}
        if new["resign_checks"]:
            figures["resign_mistakes"] = new["resign_mistakes"] / new["resign_checks"]
        for name in self._names:
            pooled = name.endswith(RATE) and WEIGHT in self._names
            weight = new[f"game_{WEIGHT}"] if pooled else games - new["resignations"]
            if weight > 0:
                figures[name] = new[f"game_{name}"] / weight
        return figures
