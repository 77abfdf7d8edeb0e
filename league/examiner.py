"""What is measured of the main player in an evaluation: games, positions with exact scores, held-out games."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from actors.policy import NetworkPolicy
from actors.searcher import NetworkSearcher, playing
from league.config import RunConfig
from league.evaluation import Decide, Score, evaluate_all, greedy, searching
from league.positions import Positions, by_policy, by_search, errors, load_positions
from learners.chunk import Chunk
from learners.engines.choice import choose
from learners.learner import Learner
from learners.networks import Weights
from learners.objective_config import largest_weight
from learners.search_metrics import game_metrics, joined, search_metrics
from native.game import Game


class Examiner:
    """Examines weights as `config.evaluation` says; the same weights give the same answers."""

    def __init__(self, config: RunConfig, game: Game) -> None:
        self._game, self._settings = game, config.evaluation
        self._simulations = config.evaluation.simulations
        self._positions = _positions(config, game)
        self._illegal_weight = largest_weight(config.learning.search_objective.illegal)
        self._policy = NetworkPolicy(game, config.learning.network)
        self._searcher: NetworkSearcher | None = None
        if self._simulations:
            per_seat = max(1, self._settings.games // game.num_players)
            self_play = config.self_play_settings()
            self._engine = choose(
                game, config.learning.network, batch=per_seat, threads=config.learning.threads,
                engine=self_play.engine, seed=config.seed,
            ).engine
            root = self._settings.root or self_play.root
            self._play = playing(self_play.model_copy(update={"root": root}), self._simulations)
            self._searcher = NetworkSearcher(game, per_seat, self._play, self._engine, cache=self_play.cache)

    def load(self, version: int, weights: Weights) -> None:
        """Takes the weights to be examined."""
        self._policy.load(version, weights)
        if self._searcher is not None:
            self._searcher.load(version, weights)

    @property
    def version(self) -> int:
        """Of the weights that were loaded; -1 before any."""
        return self._policy.version

    def player(self, seed: int) -> Decide:
        """Who decides as `evaluation.policy` says, by network or search; `seed` is of what it draws."""
        temperature = 1.0 if self._settings.policy == "stochastic" else 0.0
        if self._searcher is None:
            return greedy(self._policy, seed, temperature)
        return searching(self._searcher, seed, temperature)

    def scores(self) -> list[Score]:
        """Results of games against the scripted players."""
        games, seed = self._settings.games, self._settings.seed
        return evaluate_all(self._game, partial(self.player, seed), self._settings.opponents, games=games, seed=seed)

    def position_errors(self) -> dict[str, list[dict[str, Any]]]:
        """Errors in positions with exact scores, per way to decide: by the network alone, and by search."""
        if self._positions is None:
            return {}
        found = {"policy": errors(self._positions, by_policy(self._positions, self._policy.evaluate))}
        if self._searcher is not None:
            chosen = by_search(self._positions, self._engine.evaluate, self._play)
            found[f"search_{self._simulations}"] = errors(self._positions, chosen)
        return {how: [one.as_row() for one in rows] for how, rows in found.items()}

    def held_out(self, learner: Learner, chunks: Sequence[Chunk]) -> dict[str, float]:
        """What the learner's network makes of games that it has not learned from; nothing without such games."""
        if not chunks:
            return {}
        columns = joined(chunks)
        prediction = learner.predict(columns["observation"])
        return {
            **search_metrics(prediction.logits, prediction.value, columns, illegal_weight=self._illegal_weight),
            **game_metrics(columns, self._game),
        }


def _positions(config: RunConfig, game: Game) -> Positions | None:
    settings = config.evaluation
    if settings.positions is None:
        return None
    return load_positions(settings.positions, game).of(settings.position_sets or None)
