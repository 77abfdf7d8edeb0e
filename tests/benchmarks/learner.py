"""How fast `Learner.update` learns chunks that are ready, and how much of its time the network's passes alone take.

Of every case, on Connect Four: rows learned per second; `passes_share`: the time of forward, backward and optimiser
alone, with given gradients of the outputs and no loss at all, as a share of the update's; `rate` and `matmul`: the
operations per second of the update's matrix products and convolutions, over all of its time, and of one plain matrix
product of like size and precision; `of_matmul`: their ratio. What is compared runs in turns of a few milliseconds. On a
CPU seconds are those of one core's time.

`mlp`: 2x256, chunks of 64 steps, 4096 rows. `small`, `medium`, `large`: residual towers and searched decisions, one
minibatch of 512 rows or, on a GPU, of 512 to 4096; `medium` and `large` on a CPU if asked for. Needs no Ray.
The update's passes for `gradient_share_*` are every 100th one's only, and no part of the medians.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.flop_counter import FlopCounterMode

from envs import registry
from learners.chunk import Chunk, seal
from learners.config import Learning
from learners.device import choose_device
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import build_network
from learners.precision import autocast, has_bfloat16
from native.game import Game
from native.vector import VectorGame
from tests.benchmarks.measure import record

GAME = "connect_four"
REPEATS, SECONDS = 7, 0.5       # measurements, and how long each of the things compared runs in one of them
TURN_S = 0.005                  # at least, before it is the next one's turn
STEPS, CHUNKS = 64, 4           # of an unroll, of an update
ROWS = (512, 1024, 2048, 4096)

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A network and what it learns from. `rows`: of an update, on a GPU; elsewhere the first."""

    network: Network
    rows: tuple[int, ...] = ROWS
    layout: str = "rows"
    quick: bool = False     # enough for a CPU


def _residual(preset: str) -> Network:
    return Network.model_validate({"kind": "residual", "preset": preset})


CASES = {
    "mlp": Case(Network(hidden=(256, 256)), (4096,), "unroll", quick=True),
    "small": Case(_residual("small"), quick=True),
    "medium": Case(_residual("medium")),
    "large": Case(_residual("large")),
}


def run(peers: bool, device: str = "auto", network: Sequence[str] = ()) -> Iterator[dict[str, object]]:
    """Records of the networks named; of none named all on a GPU, elsewhere those that a CPU learns in a minute.

    Raises ValueError, before anything is measured, for an unknown network or a device that is not here.
    """
    if unknown := [name for name in network if name not in CASES]:
        raise ValueError(f"unknown network {unknown[0]!r}, expected one of {', '.join(CASES)}")
    try:
        place = choose_device(device)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    on_gpu = place.type == "cuda"
    names = network or [name for name, case in CASES.items() if on_gpu or case.quick]
    wanted = [(name, rows) for name in names for rows in CASES[name].rows[:None if on_gpu else 1]]
    return chain.from_iterable(
        measured(name, CASES[name], rows, place, repeats=REPEATS, seconds=SECONDS) for name, rows in wanted)


def measured(
    name: str, case: Case, rows: int, device: torch.device, *, repeats: int, seconds: float
) -> Iterator[dict[str, object]]:
    """The records of one network and number of rows; seconds: see `in_turns`."""
    game = registry.make(GAME)
    precision = "bfloat16" if case.layout == "rows" and has_bfloat16(device) else "float32"
    settings = Learning.model_validate(
        {"network": case.network, "minibatch_rows": rows, "device": device.type, "precision": precision})
    learner = Learner(game, settings, seed=0)
    chunks = unrolled(game, rows) if case.layout == "unroll" else searched(game, rows)
    seen = np.concatenate([chunk.columns["observation"].reshape(-1, *game.observation_shape) for chunk in chunks])
    passes = Passes(game, settings, device, seen)
    with FlopCounterMode(display=False) as operations:
        passes()
    product = Product(*like_size(case.network, game, len(seen)), device, precision)
    parts: list[Call] = [lambda: learner.update(chunks), passes, product]
    turns = [in_turns(parts, device, seconds) for _ in range(repeats)]
    update_s, _, product_s = np.array([np.median(one, axis=0) for one in turns]).T
    rate, matmul = operations.get_total_flops() / update_s / 1e9, product.operations / product_s / 1e9
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    for what, values, unit in (
        ("", rows / update_s, "rows/s"),
        ("/passes_share", np.array([np.median(one[:, 1] / one[:, 0]) for one in turns]), "share"),
        ("/rate", rate, "GFLOP/s"),
        ("/matmul", matmul, "GFLOP/s"),
        ("/of_matmul", rate / matmul, "share"),
    ):
        yield record("learner", f"{GAME}/{name}_{rows}/{where}/{precision}{what}", values.tolist(), unit)


class Passes:
    """Forward, backward and optimiser of a network like the learner's, on the observations of its batch."""

    def __init__(self, game: Game, settings: Learning, device: torch.device, seen: npt.NDArray[Any]) -> None:
        self.network = build_network(settings.network, game, seed=0).to(device)
        self._optimiser = torch.optim.AdamW(self.network.parameters(), lr=1e-4, fused=True)
        self._precision, self._device = settings.precision, device
        self._seen = torch.from_numpy(seen).to(device)
        if settings.network.kind == "residual" and device.type == "cpu":
            self._seen = self._seen.contiguous(memory_format=torch.channels_last)   # as the learner does
        self._gradients = [torch.full_like(end, 1e-6) for end in self._forward()]

    def __call__(self) -> None:
        self._optimiser.zero_grad()
        torch.autograd.backward(self._forward(), self._gradients)
        self._optimiser.step()

    def _forward(self) -> list[torch.Tensor]:
        with autocast(self._precision, self._device):
            output = self.network(self._seen)
        return [output.logits, output.value]


class Product:
    """A product of matrices `[m, k]` and `[k, n]`."""

    def __init__(self, m: int, k: int, n: int, device: torch.device, precision: str) -> None:
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._left, self._right, self._out = (
            torch.ones(shape, device=device, dtype=dtype) for shape in ((m, k), (k, n), (m, n)))
        self.operations = 2 * m * k * n

    def __call__(self) -> None:
        torch.mm(self._left, self._right, out=self._out)


def like_size(network: Network, game: Game, rows: int) -> tuple[int, int, int]:
    """m, k and n of the matrix product that most of the network's time goes into; a 3x3 convolution is one, too."""
    if network.kind == "mlp":
        return rows, network.hidden[0], network.hidden[-1]
    _, height, width = game.observation_shape
    return rows * height * width, 9 * network.channels, network.channels


def in_turns(parts: Sequence[Call], device: torch.device, seconds: float) -> npt.NDArray[np.float64]:
    """Seconds per call `[turns, parts]`; a turn is `TURN_S` or one call, and each part has `seconds` of them in all."""
    calls = []
    for part in parts:
        part()      # warms up
        calls.append(max(1, round(TURN_S / _turn(part, 1, device))))
    turns: list[list[float]] = []
    end = time.perf_counter() + seconds * len(parts)
    while not turns or time.perf_counter() < end:
        turns.append([_turn(part, count, device) / count for part, count in zip(parts, calls, strict=True)])
    return np.array(turns)


def _turn(part: Call, calls: int, device: torch.device) -> float:
    """Seconds of all calls together: on the GPU's own clock, or of the processor, where others do not count."""
    if device.type != "cuda":
        clock = time.process_time if device.type == "cpu" else time.perf_counter
        began = clock()
        for _ in range(calls):
            part()
        return clock() - began
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))   # type: ignore[no-untyped-call]
    torch.cuda.synchronize(device)
    start.record()
    for _ in range(calls):
        part()
    end.record()
    torch.cuda.synchronize(device)
    return float(start.elapsed_time(end)) / 1000


def unrolled(game: Game, rows: int) -> list[Chunk]:
    """Random play in chunks of layout "unroll": `rows` decisions of all chunks together, each by the seat to move."""
    streams = max(1, rows // STEPS // CHUNKS)
    chunks = []
    for number in range(CHUNKS):
        played = _played(game, streams, min(STEPS, rows) + 1, seed=number)
        lead = played["action"].shape[:2]
        columns = played | {
            "log_prob": np.full((*lead, 1), -np.log(game.num_actions), np.float32),
            "reward": np.random.default_rng(number).choice([-1, 0, 0, 1], lead).astype(np.float32),
            "discount": np.full(lead, 0.99, np.float32),
            "valid": np.ones(lead, np.uint8),
            "version": np.zeros(lead, np.int32),
        }
        chunks.append(_sealed(columns, game, "unroll", number))
    return chunks


def searched(game: Game, rows: int) -> list[Chunk]:
    """Random play in chunks of layout "rows", as if a search had thought of every move as often as the dice."""
    chunks = []
    for number in range(CHUNKS):
        rng = np.random.default_rng(number)
        count = rows // CHUNKS
        played = {name: column[0] for name, column in _played(game, count, 1, seed=number, skip=12).items()}
        legal = np.unpackbits(played["legal"], axis=1, count=game.num_actions, bitorder="little")
        columns = played | {
            "target_action": np.tile(np.arange(game.num_actions, dtype=np.int32), (count, 1)) * legal.astype(np.int32),
            "target_prob": (legal / legal.sum(1, keepdims=True)).astype(np.float32),
            "root_value": rng.uniform(-1, 1, count).astype(np.float32),
            "outcome": rng.choice([-1, 0, 1], count).astype(np.float32),
            "surprise": rng.exponential(1.0, count).astype(np.float32),
            "episode": np.arange(count),
            "ply": np.full(count, 12, np.int32),
            "version": np.zeros(count, np.int32),
        }
        chunks.append(_sealed(columns, game, "rows", number))
    return chunks


def _played(game: Game, games: int, steps: int, seed: int, skip: int = 0) -> dict[str, npt.NDArray[Any]]:
    """What `games` games of random play show and do in `steps` moves after `skip`; columns `[steps, games, ...]`."""
    vector = VectorGame(game, games, seed=seed)
    vector.play_random(skip)
    action = np.zeros((games, 1), np.int32)
    found = []
    for _ in range(steps):
        vector.random_actions(action)
        legal = np.packbits(vector.legal.reshape(games, -1) != 0, axis=1, bitorder="little")
        found.append((vector.observations.reshape(games, *game.observation_shape).copy(), legal, action.copy()))
        vector.step(action)
    return dict(zip(("observation", "legal", "action"), map(np.stack, zip(*found, strict=True)), strict=True))


def _sealed(columns: dict[str, npt.NDArray[Any]], game: Game, layout: str, number: int) -> Chunk:
    return seal(columns, chunk_id=f"bench-{number}", producer="bench", sequence=number, match_id="", player="main",
                game=game, layout=layout)
