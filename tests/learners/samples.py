"""Random but well-formed columns, chunks and batches for the tests.

Letters: T transitions, B streams, N rows, H heads, A mask bytes, K targets.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import envs.registry
from learners.batch import Batch
from learners.chunk import Chunk, seal
from learners.rows import RowBatch
from native.game import Game

Array = npt.NDArray[Any]


def tic_tac_toe() -> Game:
    """The game that the tests learn on."""
    return envs.registry.make("tic_tac_toe")


def random_legal(rng: np.random.Generator, lead: tuple[int, ...], head_sizes: Sequence[int]) -> tuple[Array, Array]:
    """`(action [..., H], legal [..., A])`, uint8 mask with holes, in which the action is legal."""
    action = np.stack([rng.integers(0, size, lead) for size in head_sizes], -1).astype(np.int32)
    legal = (rng.random((*lead, sum(head_sizes))) < 0.6).astype(np.uint8)
    offsets = np.cumsum([0, *head_sizes[:-1]])
    np.put_along_axis(legal, action + offsets, 1, -1)
    return action, legal


def random_columns(game: Game, lead: tuple[int, ...], seed: int, version: int = 0) -> dict[str, Array]:
    """Columns with true ends, truncations and ratios on both sides of 1."""
    rng = np.random.default_rng(seed)
    action, legal = random_legal(rng, lead, game.head_sizes)
    valid = (rng.random(lead) < 0.85).astype(np.uint8)
    return {
        "observation": rng.integers(0, 2, (*lead, *game.observation_shape)).astype(game.observation_dtype),
        "legal": np.packbits(legal, axis=-1, bitorder="little"),
        "action": action,
        "log_prob": np.log(rng.uniform(0.02, 0.9, (*lead, len(game.head_sizes)))).astype(np.float32),
        "reward": rng.choice([-1, 0, 0, 1], lead).astype(np.float32),
        "discount": (rng.choice([0.0, 0.9, 0.9], lead) * valid).astype(np.float32),
        "valid": valid,
        "version": np.full(lead, version, np.int32),
    }


def random_rows(game: Game, rows: int, seed: int, version: int = 0, targets: int = 4) -> dict[str, Array]:
    """Columns of layout "rows"; some rows have fewer than K actions with a target above 0."""
    rng = np.random.default_rng(seed)
    action, legal = random_legal(rng, (rows,), game.head_sizes)
    target_action, target_prob = random_targets(rng, legal, targets)
    return {
        "observation": rng.integers(0, 2, (rows, *game.observation_shape)).astype(game.observation_dtype),
        "legal": np.packbits(legal, axis=-1, bitorder="little"),
        "action": action,
        "target_action": target_action,
        "target_prob": target_prob.astype(np.float32),
        "root_value": rng.uniform(-1, 1, rows).astype(np.float32),
        "outcome": rng.choice([-1, 0, 1], rows).astype(np.float32),
        "surprise": rng.exponential(1.0, rows).astype(np.float32),
        "episode": np.sort(rng.integers(0, 5, rows)),
        "ply": rng.integers(0, 9, rows).astype(np.int32),
        "version": np.full(rows, version, np.int32),
    }


def random_targets(rng: np.random.Generator, legal: Array, targets: int) -> tuple[Array, Array]:
    """`(target_action, target_prob)`, `[N, K]`, over legal actions; unused places hold action 0 with 0."""
    action, prob = np.zeros((len(legal), targets), np.int32), np.zeros((len(legal), targets))
    for row, mask in enumerate(legal):
        chosen = rng.permutation(np.flatnonzero(mask))[:rng.integers(1, targets + 1)]
        action[row, :len(chosen)] = chosen
        prob[row, :len(chosen)] = rng.dirichlet(np.ones(len(chosen)))
    return action, prob


def random_chunk(
    game: Game, lead: tuple[int, ...], seed: int, replaced: Mapping[str, Array] | None = None, *,
    layout: str = "unroll", split: str = "train", version: int = 0,
) -> Chunk:
    """A sealed chunk of random columns, some of them replaced."""
    drawn = random_columns(game, lead, seed, version) if layout == "unroll" else random_rows(
        game, lead[0], seed, version)
    return seal({**drawn, **(replaced or {})}, chunk_id=f"chunk-{seed}", producer="actor-0", sequence=seed,
                match_id="match", player="main", game=game, layout=layout, split=split)


def random_row_batch(num_actions: int, rows: int, seed: int, targets: int = 3) -> RowBatch:
    """A float64 minibatch for loss functions; its observations are empty. Some surprises are above 2 nats."""
    rng = np.random.default_rng(seed)
    _, legal = random_legal(rng, (rows,), (num_actions,))
    action, prob = random_targets(rng, legal, targets)
    return RowBatch(
        observation=torch.empty(0),
        legal=torch.from_numpy(legal).bool(),
        target_action=torch.from_numpy(action).long(),
        target_prob=torch.from_numpy(prob),
        root_value=torch.from_numpy(rng.uniform(-1, 1, rows)),
        outcome=torch.from_numpy(rng.choice([-1.0, 0.0, 1.0], rows)),
        surprise=torch.from_numpy(rng.exponential(2.0, rows)),
    )


def random_batch(head_sizes: Sequence[int], steps: int, streams: int, seed: int) -> Batch:
    """A float64 batch for loss functions; its observations are the numbers of the rows."""
    rng = np.random.default_rng(seed)
    action, legal = random_legal(rng, (steps + 1, streams), head_sizes)
    valid = rng.random((steps, streams)) < 0.8
    return Batch(
        observation=torch.arange((steps + 1) * streams).view(steps + 1, streams, 1),
        legal=torch.from_numpy(legal).bool(),
        action=torch.from_numpy(action),
        log_prob=torch.from_numpy(np.log(rng.uniform(0.1, 0.9, (steps, streams, len(head_sizes))))),
        reward=torch.from_numpy(rng.normal(size=(steps, streams))),
        discount=torch.from_numpy(rng.choice([0.0, 0.9, 0.99], (steps, streams)) * valid),
        valid=torch.from_numpy(valid.astype(np.float64)),
        rows=int(valid.sum()),
        mean_version=0.0,
    )
