"""Several learners together do as one alone: ranks are threads here, whose sums wait for each other."""
from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from envs.registry import make
from learners.config import Learning, Optimiser
from learners.data_parallel import shards
from learners.gradient_step import GradientStep
from learners.learner import Learner
from learners.networks import digest
from tests.learners.conforming import CASES, SEED, TOLERANCE, UPDATES, chunks_for, difference
from tests.learners.samples import random_chunk, tic_tac_toe

GAME = tic_tac_toe()
RANKS = 3


class Together:
    """Ranks of one process: a sum waits until all have brought their part."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._parts: list[torch.Tensor] = []
        self._barrier = threading.Barrier(size, timeout=60)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._barrier.wait() == 0:
            self._parts = []
        self._barrier.wait()
        self._parts.append(tensor.detach().clone())
        self._barrier.wait()
        # in the same order on every rank: equal sums, bit by bit
        return torch.stack(sorted(self._parts, key=lambda part: part.flatten().tolist())).sum(0)

    def ranks(self) -> list[Rank]:
        return [Rank(self.size, rank, self.sum) for rank in range(self.size)]


@dataclass
class Rank:
    size: int
    rank: int
    sum: Callable[[torch.Tensor], torch.Tensor]


class Team:
    """The learners of all ranks."""

    def __init__(self, config: Learning, size: int = RANKS, game: Any = GAME) -> None:
        self.game, self.size = game, size
        self.learners = [Learner(game, config, SEED, rank) for rank in Together(size).ranks()]
        self._threads = ThreadPoolExecutor(size)

    def update(self, chunks: list[Any], progress: float = 0.0) -> list[dict[str, float]]:
        parts = shards(chunks, self.game, self.size)
        tasks: list[Callable[[], dict[str, float]]] = [
            lambda one=one, part=part: one.update(part, progress)    # type: ignore[misc]
            for one, part in zip(self.learners, parts, strict=True)
        ]
        return [done.result() for done in [self._threads.submit(task) for task in tasks]]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("game", [GAME, make("arena", players=2)], ids=["tic_tac_toe", "arena"])
def test_ranks_stay_equal_and_do_what_one_learner_does(case: str, game: Any) -> None:
    if case.startswith("rows") and len(game.head_sizes) > 1:
        return      # searches know no such games
    alone, team = Learner(game, CASES[case], SEED), Team(CASES[case], game=game)
    first = alone.weights()
    for update in range(UPDATES):
        chunks = chunks_for(game, case, alone, update)
        figures, of_ranks = alone.update(chunks, update / UPDATES), team.update(chunks, update / UPDATES)
        assert {one["gradient_steps"] for one in of_ranks} == {figures["gradient_steps"]}
        mean = sum(one["loss_total"] for one in of_ranks) / RANKS
        assert mean == pytest.approx(figures["loss_total"], rel=1e-4, abs=1e-6)
        assert of_ranks[0]["grad_norm_before"] == pytest.approx(figures["grad_norm_before"], rel=1e-4)
        if case == "ppo, target_kl":
            assert 1 < figures["gradient_steps"] < CASES[case].epochs
    assert len({digest(one.weights()) for one in team.learners}) == 1
    assert len({digest(one.published()) for one in team.learners}) == 1
    assert difference(alone.weights(), team.learners[0].weights()) < TOLERANCE
    assert difference(alone.published(), team.learners[0].published()) < TOLERANCE
    assert difference(alone.weights(), first) > 100 * TOLERANCE
    assert {one.version for one in team.learners} == {UPDATES}


@pytest.mark.parametrize("case", ["vtrace", "rows"])
def test_ranks_know_the_reference(tmp_path: Path, case: str) -> None:
    Learner(GAME, CASES[case], seed=9).save(tmp_path / "teacher")
    objective = {"search_objective" if case == "rows" else "objective": {"kl_reference": 0.5}}
    config = Learning.model_validate(CASES[case].model_dump() | {"reference": tmp_path / "teacher"} | objective)
    alone, team = Learner(GAME, config, SEED), Team(config)
    chunks = chunks_for(GAME, case, alone, 0)
    expected = alone.update(chunks)["loss_kl_reference"]
    assert expected > 0
    assert {one["loss_kl_reference"] > 0 for one in team.update(chunks)} == {True}
    assert difference(alone.weights(), team.learners[0].weights()) < TOLERANCE


def test_minibatches_of_unrolls_are_as_many_for_all_ranks() -> None:
    config = CASES["ppo, epochs"].model_copy(update={"minibatch_rows": 12})
    team, alone = Team(config), Learner(GAME, config, SEED)
    chunks = chunks_for(GAME, "ppo", alone, 0)
    steps = {one["gradient_steps"] for one in team.update(chunks)}
    assert steps == {3 * round(5 * 3 / 4)}       # epochs times, of 7 streams in 3 shards of 3, 15 rows by 4
    assert len({digest(one.weights()) for one in team.learners}) == 1


@pytest.mark.parametrize("reward", [3e38, 2.5e19], ids=["gradients neither", "gradients are"])
def test_a_loss_that_is_not_finite_on_one_rank_keeps_all_from_the_step(reward: float) -> None:
    team = Team(CASES["vtrace"], 2)
    before = digest(team.learners[0].weights())
    rewards, valid = np.zeros((6, 4), np.float32), np.ones((6, 4), np.uint8)
    rewards[4, 3] = reward      # in the second shard; its square is infinite
    figures = team.update([random_chunk(GAME, (6, 4), 0, {"reward": rewards, "valid": valid})])
    assert [one["updates_skipped"] for one in figures] == [1, 1]
    assert [one.version for one in team.learners] == [0, 0]
    assert {digest(one.weights()) for one in team.learners} == {before}
    team.update([random_chunk(GAME, (6, 4), 1)])
    after = {digest(one.weights()) for one in team.learners}
    assert len(after) == 1
    assert before not in after


def test_ranks_whose_losses_need_other_parameters_step_together() -> None:
    """Where a pass is compiled an unneeded parameter has a gradient of 0, elsewhere none: sums have one length."""
    def step(rank: Rank) -> list[float]:
        named = {name: torch.nn.Parameter(torch.ones(size)) for name, size in (("needed", 2), ("other", 3))}
        loss = named["needed"].sum() + (named["other"].sum() if rank.rank else 0)
        GradientStep(named, Optimiser(), None, rank)(loss, 0.1)
        return [float(value) for parameter in named.values() for value in parameter.detach()]

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(step, Together(2).ranks())
    assert one == two
    assert all(value < 1 for value in one)


def test_shards_hold_every_stream_once() -> None:
    given = [random_chunk(GAME, (6, 4), 1), random_chunk(GAME, (6, 3), 2)]
    for ranks in (1, 2, 3, 7, 9):
        parts = shards(given, GAME, ranks)
        assert len(parts) == ranks
        assert len({sum(chunk.columns["valid"].shape[1] for chunk in part) for part in parts}) == 1
        for name in given[0].columns:
            joined = np.concatenate([chunk.columns[name] for part in parts for chunk in part], axis=1)
            np.testing.assert_array_equal(joined[:, :7],
                                          np.concatenate([chunk.columns[name] for chunk in given], axis=1))
            if name in ("valid", "discount"):
                assert not joined[:, 7:].any()
    rows = [random_chunk(GAME, (5,), 1, layout="rows")]
    assert shards(rows, GAME, 2) == [rows, rows]


def test_every_rank_needs_a_row_of_every_minibatch() -> None:
    config = CASES["rows"].model_copy(update={"minibatch_rows": 5})
    with pytest.raises(ValueError, match=r"learning\.minibatch_rows is 5, expected at least 6 for 3 learners"):
        Team(config)
    with pytest.raises(ValueError, match="an update of 3 learners needs as many rows, got 2"):
        shards([random_chunk(GAME, (2,), 1, layout="rows")], GAME, 3)
