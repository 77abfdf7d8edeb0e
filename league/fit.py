"""Whether a config fits its game, and what it names fits it: what only the game, the parts and the files can tell."""
from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from actors.replay import Replay as ReplayTable
from envs import registry
from league.imitation_source import check_source
from league.positions import load_positions
from league.recording import check_players
from learners.columns import expected_columns, expected_rows
from learners.config import Learning
from learners.dataset import check_game, read_facts
from learners.device import choose_device
from learners.learner import Learner
from learners.model import LEARNER
from learners.network_fit import check_network
from learners.reference import load_reference
from learners.warm_start import warm_start
from native.game import Game
from native.search import Search
from native.search_settings import SearchSettings
from native.vector import VectorGame

if TYPE_CHECKING:
    from league.config import RunConfig

ENDLESS = 2**31 - 1                 # as a game's length: nobody knows
PROBES, MOST_PROBED = 64, 500       # games of random play, and moves of each, that tell how a game ends
SEARCHING = ("alphazero", "distill", "compare")      # methods whose players search
USUAL_TARGETS, USUAL_LENGTH = 32, 200   # actions in a search's policy, decisions in a game: for a chunk's size


def check_fit(config: RunConfig, game: Game) -> None:
    """Raises ValueError, in one sentence, for the first thing that does not fit."""
    if game.state_bytes == 0 and (config.method in SEARCHING or config.evaluation.simulations):
        raise ValueError(f"{game.name} has no states that can be copied, which a search needs")
    if game.simultaneous and config.method in SEARCHING:
        raise ValueError(
            f"{game.name} moves all seats at once; method {config.method} takes games in which one seat decides"
        )
    if game.num_players == 1 and config.league.bots:
        raise ValueError(
            f"{game.name} has one seat and nobody to play against: league.bots must be empty, got "
            f"{', '.join(config.league.bots)}; evaluation.opponents compares with scripted players"
        )
    check_network(config.learning.network, game)
    if min(game.time_limit, game.max_length) >= ENDLESS:
        raise ValueError(f"{game.name} {game.options} has no end: an evaluation could last for ever")
    positions = config.evaluation.positions
    if positions is not None:
        if not positions.is_file():
            raise ValueError(f"evaluation.positions is {positions}, which is no file seen from {Path.cwd()}")
        load_positions(positions, game).of(config.evaluation.position_sets or None)
    if config.method == "alphazero" and config.self_play.resign_below is not None and not (
        game.zero_sum and game.num_players == 2
    ):
        raise ValueError(f"self_play.resign_below needs a zero-sum game of two seats, which {game.name} is not")
    if config.learning.network.value == "wdl" and not _ends_in_wins_draws_losses(game):
        raise ValueError(f"network.value wdl needs a game of two seats that ends in 1, 0 or -1; {game.name} is none")
    if config.evaluation.simulations and len(game.head_sizes) > 1:
        raise ValueError(f"evaluation.simulations searches games of one action at a time, {game.name} has more heads")
    if config.method in SEARCHING or config.evaluation.simulations:
        Search(game, 1, SearchSettings(simulations=1))      # says what keeps a game from being searched
    if config.method == "distill" and config.distill.first_dataset and not config.distill.first_dataset.exists():
        raise ValueError(f"distill.first_dataset is {config.distill.first_dataset}, which does not exist")
    if config.method == "imitate":
        _check_imitation(config, game)
        return
    ReplayTable(config.replay, config.batch_chunks)
    if config.method == "compare":
        if not config.comparison.variants:
            raise ValueError("method compare needs comparison.variants: names with changes of section learning")
        for variant in config.comparison.variants:
            config.comparison.learning_of(variant, config.learning)
    if config.method in SEARCHING:
        if len(game.head_sizes) > 1:
            raise ValueError(
                f"method {config.method} searches games of one action at a time, {game.name} has more heads"
            )
        play = config.self_play
        rows = play.chunk_rows if play.chunk_games is None else play.chunk_games * min(game.max_length, USUAL_LENGTH)
        expected = expected_rows(game, rows, min(game.num_actions, USUAL_TARGETS))
    else:
        expected = expected_columns(game, (config.rollout.unroll + 1, config.rollout.chunk_unrolls))
    chunk = sum(dtype.itemsize * prod(shape) for dtype, shape in expected.values())
    if config.replay.max_bytes < 2 * config.batch_chunks * chunk:
        raise ValueError(
            f"replay.max_bytes is {config.replay.max_bytes}, expected at least {2 * config.batch_chunks * chunk}: "
            f"two batches of {config.batch_chunks} chunks of {chunk} bytes"
        )


def check_start(config: RunConfig, begun: Mapping[str, Any] | None = None, checkpoint: Path | None = None) -> None:
    """Looks, before anything begins, at what a run needs besides its config: a device, models and datasets, or RLlib.

    No part of `check_fit`, since a config may be read where its files are not, or when they are no longer needed.

    begun: the config that a run to be resumed has had so far. checkpoint: its newest one, in which case
    `learning.initialise_from` does not count. Raises ValueError, in one sentence, for the first thing that cannot be.
    """
    game = config.make_game()
    if begun is not None:
        _check_same_run(config, begun, game)
    if config.method == "random":
        return
    base = config.learner_settings()
    variants = config.comparison.variants if config.method == "compare" else {}
    for learning in (base, *(config.comparison.learning_of(variant, base) for variant in variants)):
        _check_learner(learning, game, checkpoint)
    if config.method == "distill" and config.distill.first_dataset is not None:
        needs = ": expected learning.search_objective.value 0 and no value_quartic"
        _check_dataset(config.distill.first_dataset, game, needs if base.search_objective.learns_outcomes else None)
    if config.method == "compare" and config.comparison.dataset is not None:
        _check_dataset(config.comparison.dataset, game, ", which values are measured by")
    if config.method == "baseline":
        from league.rllib_algorithm import algorithm_config  # RLlib takes seconds to import: only its runs pay

        try:
            algorithm_config(config, config.baseline)
        except ValueError as error:
            raise ValueError(str(error).splitlines()[0]) from None      # RLlib adds how not to be told


def _check_same_run(config: RunConfig, begun: Mapping[str, Any], game: Game) -> None:
    """A resumed run goes on with what it has learned and measured, which another game or method could not use."""
    now: dict[str, Any] = {"game": config.game, "method": config.method}
    before = {name: begun.get(name, value) for name, value in now.items()}
    if before == now:
        before["game_options"] = registry.make(config.game, **begun.get("game_options", {})).options
        now["game_options"] = game.options
    for name, value in now.items():
        if value != before[name]:
            raise ValueError(f"{name} is {value}, but the run to be resumed has {before[name]}: start another one")


def _check_learner(learning: Learning, game: Game, checkpoint: Path | None) -> None:
    """The device, the reference, and what the first weights are to come from."""
    try:
        choose_device(learning.device)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    if learning.reference is not None:
        load_reference(learning.reference, game, choose_device("cpu"))
    if checkpoint is None and learning.initialise_from is None:
        return
    device = "cpu" if learning.backend == "rllib" else learning.device
    learner = Learner(game, Learning(network=learning.network, ema_decay=learning.ema_decay, device=device,
                                     threads=learning.threads), seed=0)
    if checkpoint is None:
        assert learning.initialise_from is not None
        warm_start(learner, learning.initialise_from)
        return
    try:
        learner.restore(checkpoint / LEARNER)
    except FileNotFoundError as fault:
        raise ValueError(str(fault)) from None


def _check_dataset(path: Path, game: Game, without_outcomes: str | None) -> None:
    """without_outcomes: how the sentence goes on that refuses a dataset which knows none; None: it may."""
    check_game(path, game, [])      # files that are damaged are left out, and said, when the others are read
    known = read_facts(path).known
    if without_outcomes is not None and "outcome" not in known:
        raise ValueError(f"{path} knows no outcomes{without_outcomes}")


def _check_imitation(config: RunConfig, game: Game) -> None:
    settings = config.imitation
    if settings.bot is not None:
        check_players(game, settings.bot, settings.opponents)
    elif settings.dataset is None:
        raise ValueError("method imitate needs imitation.dataset or imitation.bot: whose decisions?")
    elif not settings.dataset.exists():
        raise ValueError(f"imitation.dataset is {settings.dataset}, which does not exist")
    else:
        check_source(settings.dataset, game, config.learning)


def _ends_in_wins_draws_losses(game: Game) -> bool:
    """Whether games of random play end so; a game's facts do not tell."""
    if not (game.zero_sum and game.num_players == 2):
        return False
    games = VectorGame(game, PROBES)
    actions = np.zeros((PROBES, len(game.head_sizes)), np.int32)
    returns: set[float] = set()
    for _ in range(min(game.max_length, MOST_PROBED)):
        games.random_actions(actions)
        games.step(actions)
        returns |= set(games.episode_returns[games.terminal != 0].ravel().tolist())
    return returns <= {-1.0, 0.0, 1.0}
