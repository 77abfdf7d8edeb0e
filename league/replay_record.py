"""A replay on disk: JSON lines in gzip that say how an episode went, and that it can be played again bit for bit.

First line: what the game is and who played. Then one line per step: `step` (from 1), `seat` that acted (null: all at
once), `actions` `[S, H]`, `rewards` `[P]`, `terminal`, `truncated`, `metrics` that changed, and `frame` after it, for
viewers; the frame before the first step is in the first line. Last line: return, length, metrics, digest of the end.
"""
from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from envs import registry
from league.episode import Episode, Step, play
from league.evaluation import Decide
from native.game import Game

FORMAT = 1
SUFFIX = ".jsonl.gz"
HEADER = {"format", "game", "options", "rules_version", "players", "heads", "seed", "max_steps", "seat", "opponent",
          "frame"}
STEP = {"step", "seat", "actions", "rewards", "terminal", "truncated", "metrics", "frame"}
SUMMARY = {"length", "returns", "terminal", "truncated", "metrics", "digest"}


class ReplayError(ValueError):
    """What is wrong with a replay, in one sentence."""


class ReplayMismatch(ReplayError):
    """A replay that does not go again as it was recorded."""


@dataclass(frozen=True)
class Replay:
    """The lines of a replay."""

    header: dict[str, Any]
    steps: list[dict[str, Any]]
    summary: dict[str, Any]

    @property
    def frames(self) -> list[dict[str, Any]]:
        """What a viewer shows, from before the first step to the end."""
        return [{"step": 0, "frame": self.header["frame"]}, *self.steps]

    def packed(self) -> bytes:
        """As a file's bytes; equal replays give equal ones."""
        lines = [json.dumps(line, separators=(",", ":"), allow_nan=False)
                 for line in (self.header, *self.steps, self.summary)]
        return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def record(
    game: Game, decide: Decide, *, seed: int, seat: int | None, opponent: str | None, max_steps: int | None,
    about: dict[str, Any],
) -> Replay:
    """Plays one game as whoever decides so in `seat` (None: in all seats, also in a game of one) and keeps it.

    opponent: scripted player of the other seats. about: what else its first line shall say.
    """
    episode = Episode(game, seed, max_steps)
    steps: list[dict[str, Any]] = []
    known = dict(episode.metrics)
    header = {
        "format": FORMAT, "game": game.name, "options": game.options, "rules_version": game.rules_version,
        "players": game.num_players, "heads": list(game.head_sizes), "seed": seed, "max_steps": max_steps,
        "seat": seat, "opponent": opponent, **about, "frame": episode.frame(),
    }

    def keep(step: Step) -> None:
        steps.append(_line(episode, step, known))

    try:
        play(episode, decide, seat, opponent, keep)
        return Replay(header, steps, _summary(episode, steps[-1]))
    finally:
        episode.close()


def read(path: Path) -> Replay:
    """The replay in a file. Raises ReplayError for one that is not there, cut short, or no replay."""
    try:
        lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    except OSError as error:
        raise ReplayError(f"cannot read {path}: {error.strerror or error}") from None
    except (EOFError, zlib.error, ValueError) as error:
        raise ReplayError(f"{path} is no whole replay: {error}") from None
    if not lines or not isinstance(lines[0], dict) or lines[0].get("format") != FORMAT:
        raise ReplayError(f"{path} is no replay of format {FORMAT}: its first line does not say so")
    for number, line in enumerate(lines, start=1):
        expected = HEADER if number == 1 else SUMMARY if number == len(lines) else STEP
        if not isinstance(line, dict) or expected - line.keys():
            raise ReplayError(f"{path} is no whole replay: line {number} of {len(lines)} is no object with "
                              f"{', '.join(sorted(expected))}")
    if len(lines) < 3 or lines[-1]["length"] != len(lines) - 2:
        raise ReplayError(f"{path} is no whole replay: {len(lines)} lines are not as many as its steps need")
    return Replay(lines[0], lines[1:-1], lines[-1])


def again(replay: Replay) -> Iterator[Episode]:
    """Plays a replay again: the episode before the first step, then after each; all that its lines say of the game is
    compared on the way.

    Raises ReplayMismatch naming the first step that does not go as recorded, ReplayError for other rules than these.
    """
    header, name = replay.header, str(replay.header["game"])
    game = registry.make(name, **header["options"])
    if game.rules_version != header["rules_version"]:
        raise ReplayError(f"the replay is of {name} by rules version {header['rules_version']}, this is version "
                          f"{game.rules_version}")
    episode = Episode(game, int(header["seed"]), header["max_steps"])
    known = dict(episode.metrics)
    try:
        _compare(f"{name}, step 0", {"frame": episode.frame()}, {"frame": header["frame"]})
        yield episode
        for line in replay.steps:
            number = episode.length + 1
            if episode.over:
                raise ReplayMismatch(f"{name}, step {number}: the game is over after step {episode.length}")
            try:
                step = episode.step(np.array(line["actions"], np.int32))
            except ValueError as error:
                raise ReplayMismatch(f"{name}, step {number}: {error}") from None
            _compare(f"{name}, step {number}", _line(episode, step, known), line)
            yield episode
        _compare(f"{name}, after the last step {episode.length}", _summary(episode, replay.steps[-1]), replay.summary)
    finally:
        episode.close()


def verify(replay: Replay) -> None:
    """Plays it again to its end; raises as `again` does."""
    for _ in again(replay):
        pass


def drawing(replay: Replay) -> Callable[[Episode], str]:
    """What draws a moment of this replay as SVG. Raises ReplayError for a game without drawings."""
    name = str(replay.header["game"])
    if replay.header["frame"] is None:
        raise ReplayError(f"{name} has no states that could be drawn")
    shown = registry.render(name)
    return lambda episode: str(shown.to_svg(episode.state))


def _compare(where: str, found: dict[str, Any], kept: dict[str, Any]) -> None:
    """Raises ReplayMismatch naming the first entry that differs, in a dict within the first of that one."""
    for what in {**kept, **found}:
        one, other = found.get(what), kept.get(what)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            _compare(f"{where}: {what}", one, other)
        raise ReplayMismatch(f"{where}: {what} {one!r}, the replay has {other!r}")


def _line(episode: Episode, step: Step, known: dict[str, float]) -> dict[str, Any]:
    """What is told of a step. known: the metrics so far, which are brought up to date."""
    changed = {name: value for name, value in episode.metrics.items() if known.get(name) != value}
    known.update(changed)
    return {"step": episode.length, **_plain(step), "metrics": changed, "frame": episode.frame()}


def _summary(episode: Episode, last: dict[str, Any]) -> dict[str, Any]:
    return {
        "length": episode.length, "returns": _floats(episode.returns), "terminal": last["terminal"],
        "truncated": last["truncated"], "metrics": episode.metrics, "digest": episode.digest(),
    }


def _plain(step: Step) -> dict[str, Any]:
    return {"seat": step.seat, "actions": step.actions.tolist(), "rewards": _floats(step.rewards),
            "terminal": step.terminal, "truncated": step.truncated}


def _floats(values: npt.NDArray[np.float32]) -> list[float]:
    """With as few digits as bring each float32 back."""
    return [float(str(value)) for value in values]
