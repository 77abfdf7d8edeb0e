"""Batches that are staged ahead are learned as they would be in turn; faults and the end come where they should."""
from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest
import torch

from learners.batch import Staging
from learners.chunk import Chunk
from learners.config import Learning
from learners.learner import Learner
from learners.network_config import Network
from learners.prefetch import AHEAD, BUFFERS, InTurn, Prefetch, Take
from tests.learners.samples import random_chunk, tic_tac_toe

CPU = torch.device("cpu")
LONG_S = 60.0       # until a test fails, not until it is over
Batches = list[list[Chunk]]


def taker(batches: Batches) -> Take:
    """Gives these batches, then nothing."""
    left = list(batches)
    return lambda timeout_s: (left.pop(0), "") if left else ([], "nothing is left")


@pytest.mark.parametrize("layout", ["unroll", "rows"])
def test_weights_are_those_of_learning_in_turn(layout: str) -> None:
    game = tic_tac_toe()
    lead = (5, 3) if layout == "unroll" else (20,)
    batches = [[random_chunk(game, lead, 10 * batch + number, layout=layout) for number in range(2)]
               for batch in range(8)]
    config = Learning(network=Network(hidden=(16,)), minibatch_rows=8, epochs=2, ema_decay=0.9, prefetch=True)
    learners = [Learner(game, config, seed=1) for _ in range(2)]
    figures: list[list[dict[str, float]]] = [[], []]
    for learner, found, threaded in zip(learners, figures, (False, True), strict=True):
        take = taker(batches)
        staged = Prefetch(take, learner.stage, CPU) if threaded else InTurn(take, learner.stage)
        with closing(staged):
            while len(found) < len(batches):
                batch, _ = staged.next(LONG_S)
                if batch is not None:
                    found.append(learner.learn(batch, 0.5))
    assert figures[0] == figures[1]
    assert [one["data_lag_mean"] for one in figures[1]] == list(range(8))   # of the learner when it learns
    for one, other in ((learner.weights(), learners[0].weights()) for learner in learners):
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name])
    for name, array in learners[0].published().items():
        np.testing.assert_array_equal(array, learners[1].published()[name])


def test_no_more_is_taken_than_there_is_memory_for() -> None:
    taken = threading.Semaphore(0)
    numbers = iter(range(100))
    seen: list[int] = []

    def take(timeout_s: float) -> tuple[list[Chunk], str]:
        seen.append(next(numbers))
        taken.release()
        return [random_chunk(tic_tac_toe(), (4, 2), seen[-1])], ""

    with closing(Prefetch(take, lambda chunks: chunks[0].header.sequence, CPU)) as staged:
        for number in range(5):
            for _ in range(AHEAD if not number else 1):
                assert taken.acquire(timeout=LONG_S)
            assert len(seen) == AHEAD + number
            assert staged.next(LONG_S) == (number, "")


def test_batches_in_use_keep_their_memory() -> None:
    game = tic_tac_toe()
    chunks = [random_chunk(game, (4, 2), seed) for seed in range(BUFFERS + 1)]
    staging = Staging(game, CPU, buffers=BUFFERS)
    batches = [staging.collate([chunk]) for chunk in chunks[:BUFFERS]]
    rewards = [batch.reward.clone() for batch in batches]
    for batch, chunk in zip(batches, chunks, strict=False):
        np.testing.assert_array_equal(batch.reward.numpy(), chunk.columns["reward"][:-1])
    last = staging.collate([chunks[-1]])
    assert last.reward.data_ptr() == batches[0].reward.data_ptr()
    for batch, reward in zip(batches[1:], rewards[1:], strict=True):
        torch.testing.assert_close(batch.reward, reward, rtol=0, atol=0)
    other = staging.collate([random_chunk(game, (6, 3), 9)])        # of another shape
    assert other.reward.shape == (5, 3)
    torch.testing.assert_close(batches[2].reward, rewards[2], rtol=0, atol=0)


def test_why_nothing_comes_is_told() -> None:
    with closing(Prefetch(lambda _: ([], "nobody plays"), lambda chunks: chunks, CPU)) as staged:
        reasons = {staged.next(0.0)[1]}
        while "nobody plays" not in reasons:
            batch, reason = staged.next(0.01)
            assert batch is None
            reasons.add(reason)


@pytest.mark.parametrize("where", ["take", "stage"])
def test_faults_reach_who_asks_after_all_batches_before_them(where: str) -> None:
    batch = [random_chunk(tic_tac_toe(), (4, 2), 1)]
    calls: list[str] = []

    def fail_second(name: str) -> None:
        calls.append(name)
        if name == where and calls.count(name) == 2:
            raise ValueError(f"{name} is broken")

    def take(timeout_s: float) -> tuple[list[Chunk], str]:
        fail_second("take")
        return batch, ""

    def stage(chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        fail_second("stage")
        return chunks

    with closing(Prefetch(take, stage, CPU)) as staged:
        assert staged.next(LONG_S) == (batch, "")
        for _ in range(2):
            with pytest.raises(ValueError, match=f"{where} is broken"):
                staged.next(LONG_S)


def test_it_ends_when_asked_and_not_before_it_has_put_down_what_it_holds() -> None:
    began, go_on, threads = threading.Event(), threading.Event(), threading.active_count()

    def take(timeout_s: float) -> tuple[list[Chunk], str]:
        began.set()
        assert go_on.wait(LONG_S)
        return [], "too late"

    staged = Prefetch(take, lambda chunks: chunks, CPU)
    assert began.wait(LONG_S)
    go_on.set()
    staged.close()
    staged.close()
    assert threading.active_count() == threads
    with pytest.raises(RuntimeError, match="prefetch has been closed"):
        staged.next(LONG_S)
