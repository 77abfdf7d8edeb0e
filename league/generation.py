"""Makes datasets, by self-play with search for example, part by part, so that nothing finished is lost.

While a dataset is made it is a folder beside its place, `NAME.parts`, of whole files and of the worker's state after
the last of them; interrupted, it goes on from there. In the end the parts become one file. What games were under way
when enough decisions were there is dropped, and these are the longer ones: let every one of the games played side by
side come round many times.
"""
from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from actors.config import SelfPlay
from actors.match import Match, MatchResult
from actors.searcher import RolloutSearcher, exploring, searcher_factory
from actors.self_play import SelfPlayWorker
from actors.weight_store import WeightStore
from learners.chunk import Chunk
from learners.dataset import KNOWN, Facts, Parts, check_name, facts_of, read, read_facts, write
from learners.network_config import Network
from learners.networks import digest
from native.game import Game

PLAYER = "main"
PART_ROWS = 16384       # of a part: what a killed generation loses at most
GAMES_OF_A_MATCH = 1 << 40      # more than anybody plays: nobody counts results here

Weights = Mapping[str, npt.NDArray[Any]]


class Worker(Protocol):
    """Plays and gives chunks in layout "rows": `actors.self_play.SelfPlayWorker`, `league.recording.Recorder`."""

    def next_chunk(self) -> Chunk: ...

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]: ...

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], data: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Prior:
    """A network that guides the search; `version` goes into every row."""

    network: Network
    weights: Weights
    version: int


class Alone:
    """All games are against oneself, and nobody counts them."""

    def __init__(self, game: Game) -> None:
        self._match = Match("self_play", PLAYER, (PLAYER,) * game.num_players, GAMES_OF_A_MATCH, 1.0)

    def assign(self, worker: str) -> Match:
        return self._match

    def report(self, result: MatchResult) -> None:
        pass


def self_play_worker(game: Game, settings: SelfPlay, seed: int, prior: Prior | None) -> SelfPlayWorker:
    """A worker that plays against itself, guided by a network or, without one, by random play from the leaves.

    Nothing is held out by it: datasets are split when they are learned from.
    """
    settings = settings.model_copy(update={"held_out": 0.0})
    weights = WeightStore()
    if prior is None:
        weights.publish(PLAYER, 0, {})
    else:
        weights.publish(PLAYER, prior.version, prior.weights)

    def rollouts(policy: str) -> RolloutSearcher:
        return RolloutSearcher(game, settings.games, exploring(settings))

    return SelfPlayWorker(
        "self-play", game, settings, seed=seed, learner=PLAYER, coordination=Alone(game), weights=weights,
        make_searcher=rollouts if prior is None else searcher_factory(game, prior.network, settings, seed),
    )


def how(settings: SelfPlay, seed: int, prior: Prior | None) -> dict[str, Any]:
    """What the facts of a dataset say about such a worker."""
    return {
        "by": "self_play",
        "evaluator": "rollouts" if prior is None else "network",
        "version": 0 if prior is None else prior.version,
        "seed": seed,
        "weights": "" if prior is None else digest(prior.weights),
        **settings.model_dump(mode="json"),
    }


def check_made(path: Path, made: Mapping[str, Any], decisions: int, besides: Sequence[str] = ()) -> None:
    """Raises ValueError if the dataset `path` was made otherwise than `generate` would make it.

    besides: what may differ.
    """
    found = read_facts(path).made
    wanted = {**made, "decisions": decisions}
    differing = sorted(name for name in (found.keys() | wanted.keys()) - set(besides)
                       if found.get(name) != wanted.get(name))
    if differing:
        raise ValueError(f"{path} was made with another {', '.join(differing)}: remove it, or change that back")


def generate(
    game: Game, make_worker: Callable[[], Worker], path: Path, made: Mapping[str, Any], decisions: int, *,
    on_chunk: Callable[[int], object] = lambda rows: None, known: tuple[str, ...] = KNOWN,
) -> int:
    """Makes the dataset `path`, or goes on making it, and returns its rows.

    decisions: at least so many rows; whole chunks of whole games make it a few more. made, known: go into the facts.
    on_chunk: hears before every chunk, and at the end, how many rows there are. What it raises ends the work; called
    again, it goes on after the last finished part, exactly as it would have (but for what an evaluation cache knew).
    Raises ValueError if `path` exists, or if its parts were made otherwise.
    """
    if path.exists():
        raise ValueError(f"{path} exists: remove it or choose another name")
    check_name(path)
    facts = facts_of(game, {**made, "decisions": decisions}, known)
    making = _Making(Parts(path.with_name(path.name + ".parts")), facts)
    rows = making.rows()
    if rows < decisions:
        worker = make_worker()
        making.restore(worker)
        while rows < decisions:
            chunks: list[Chunk] = []
            while (ready := sum(chunk.header.rows for chunk in chunks)) < min(PART_ROWS, decisions - rows):
                on_chunk(rows + ready)
                chunks.append(worker.next_chunk())
            rows += making.append(chunks, worker)
        on_chunk(rows)
    written = write(path, read(making.parts.folder, game), facts)
    shutil.rmtree(making.parts.folder)
    return written


class _Making:
    """The parts of a dataset under construction and the worker's state after the last of them."""

    def __init__(self, parts: Parts, facts: Facts) -> None:
        self.parts, self._facts = parts, facts
        # a state is written after its part: parts beyond the newest state are from a process that was killed
        parts.cut(max((number for number in self._states() if number <= parts.count), default=0))
        if parts.count:
            found = read_facts(parts.folder)
            if found != facts:
                raise ValueError(f"{parts.folder} was begun otherwise ({_differences(found, facts)}): remove it, or "
                                 "choose another name")

    def rows(self) -> int:
        """Rows of all parts."""
        return self._saved()["rows"] if self.parts.count else 0

    def restore(self, worker: Worker) -> None:
        """Brings a new worker to where the last part ends."""
        if self.parts.count:
            worker.load(load_file(self._state(self.parts.count)), self._saved()["worker"])

    def append(self, chunks: list[Chunk], worker: Worker) -> int:
        """Writes a part and the worker's state after it; returns the part's rows."""
        before = self.rows()
        rows = self.parts.append(chunks, self._facts)
        arrays, data = worker.save()
        count = self.parts.count
        self._replace(self._state(count).with_suffix(".json"), json.dumps({"rows": before + rows, "worker": data}))
        aside = self.parts.folder / f".state.{os.getpid()}"
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, aside)
        os.replace(aside, self._state(count))
        for number in self._states():
            if number < count:
                self._state(number).unlink()
                self._state(number).with_suffix(".json").unlink(missing_ok=True)
        return rows

    def _saved(self) -> dict[str, Any]:
        saved: dict[str, Any] = json.loads(self._state(self.parts.count).with_suffix(".json").read_text())
        return saved

    def _state(self, count: int) -> Path:
        return self.parts.folder / f"state-{count:05d}.safetensors"

    def _states(self) -> list[int]:
        return [int(file.stem.removeprefix("state-")) for file in self.parts.folder.glob("state-*.safetensors")]

    def _replace(self, path: Path, text: str) -> None:
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(text)
        os.replace(aside, path)


def _differences(found: Facts, wanted: Facts) -> str:
    one, other = (dataclasses.asdict(facts) for facts in (found, wanted))
    one, other = one | one.pop("made"), other | other.pop("made")
    return ", ".join(f"{name} {one.get(name)!r} instead of {other.get(name)!r}"
                     for name in sorted({*one, *other}) if one.get(name) != other.get(name))
