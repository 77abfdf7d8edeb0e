"""Updates that several learners together must make as one alone does: configs, chunks, and how equal weights are."""
from __future__ import annotations

from typing import Any

import numpy as np
import torch

from learners.action_heads import head_log_probs, log_policy, unpack_legal
from learners.chunk import Chunk
from learners.config import Learning, Optimiser
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import Weights
from learners.objective_config import Objective, Ppo, SearchObjective, Term, Upgo, VTrace
from native.game import Game
from tests.learners.samples import random_chunk, random_columns

UPDATES = 4
SEED = 3
TOLERANCE = 1e-6
STREAMS = (4, 3)        # of two chunks: no even number together
USUAL: dict[str, Any] = {
    "network": Network(hidden=(16,)), "device": "cpu", "gradient_shares_every": 0,
    "optimiser": Optimiser(learning_rate=1e-3),
}
CASES = {
    "vtrace": Learning(**USUAL),
    "vtrace per head and upgo, averaged": Learning(
        **USUAL, ema_decay=0.9, objective=Objective(vtrace=VTrace(per_head=True), upgo=Upgo())),
    "ppo, epochs": Learning(**USUAL, epochs=3, objective=Objective(ppo=Ppo())),
    "ppo, target_kl": Learning(
        **USUAL, epochs=8, objective=Objective(ppo=Ppo(target_kl=2e-4), value_quartic=Term(weight=0.1))),
    "rows": Learning(**{**USUAL, "network": Network(hidden=(16,), difficulty=True)}, minibatch_rows=8,
                     search_objective=SearchObjective(illegal=Term(weight=0.1))),
    "rows, wdl": Learning(**{**USUAL, "network": Network(hidden=(16,), value="wdl")}, epochs=2),
}


def chunks_for(game: Game, case: str, alone: Learner, update: int) -> list[Chunk]:
    """Chunks of one update: unrolls with few valid rows in the first streams and many in the others, near the policy of
    `alone`, or searched decisions."""
    if case.startswith("rows"):
        return [random_chunk(game, (rows,), 100 * update + rows, layout="rows", version=update) for rows in (13, 16)]
    made = []
    for number, streams in enumerate(STREAMS):
        columns = random_columns(game, (6, streams), 10 * update + number, version=update)
        if not number:
            columns["valid"][1:, :3] = 0
            columns["discount"][1:, :3] = 0
        seen, legal, action = (torch.from_numpy(columns[name]) for name in ("observation", "legal", "action"))
        with torch.no_grad():
            logits = alone.network(seen.flatten(0, 1)).logits
        log_p = log_policy(logits, unpack_legal(legal, game.num_actions).flatten(0, 1), game.head_sizes)
        drift = np.random.default_rng(update).uniform(-0.005, 0, columns["log_prob"].shape)
        near = head_log_probs(log_p, action.flatten(0, 1), game.head_sizes).view(action.shape).numpy() + drift
        legally = {"log_prob": np.where(columns["valid"][..., None] != 0, near, 0).astype(np.float32)}
        made.append(random_chunk(game, (6, streams), number, {**columns, **legally}))
    return made


def difference(one: Weights, other: Weights) -> float:
    """The largest of any weight."""
    assert one.keys() == other.keys()
    return max(float(abs(one[name] - other[name]).max()) for name in one)
