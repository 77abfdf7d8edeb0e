"""Recorded games play again bit for bit, and whatever is changed in them is found and named."""
from __future__ import annotations

import copy
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from league.episode import Episode
from league.evaluation import scripted
from league.replay_record import Replay, ReplayError, ReplayMismatch, again, drawing, read, record, verify

GAMES: list[tuple[str, dict[str, Any], int | None, str | None]] = [
    ("prospector", {"rules": "balanced", "time_max": 120}, None, None),
    ("prospector", {"rules": "compat"}, None, None),
    ("arena", {"players": 3, "duration": 10}, 2, "utility"),
    ("arena", {"players": 4, "team_size": 2, "frame_skip": 5, "duration": 10}, None, None),
    ("beasty_bar", {"players": 3}, 1, "random"),
    ("connect_four", {}, 0, "one_ply"),
    ("kuhn_poker", {}, None, None),
    ("razzle", {}, 1, "random"),
    ("cartpole", {}, None, None),
    ("gymnasium", {"id": "CartPole-v1"}, None, None),
    ("gymnasium", {"id": "Acrobot-v1"}, None, None),
]


def recorded(
    game: str = "connect_four", options: dict[str, Any] | None = None, seat: int | None = 0,
    opponent: str | None = "random", max_steps: int | None = None, seed: int = 7,
) -> Replay:
    return record(registry.make(game, **(options or {})), scripted("random"), seed=seed, seat=seat, opponent=opponent,
                  max_steps=max_steps, about={"window": 3})


@pytest.mark.parametrize(("game", "options", "seat", "opponent"), GAMES)
def test_written_and_read_it_plays_again(
    tmp_path: Path, game: str, options: dict[str, Any], seat: int | None, opponent: str | None
) -> None:
    replay = recorded(game, options, seat, opponent)
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(replay.packed())
    assert read(path) == replay
    verify(replay)
    assert len(replay.frames) == replay.summary["length"] + 1
    last = replay.steps[-1]
    assert last["terminal"] or last["truncated"]
    assert not any(step["terminal"] or step["truncated"] for step in replay.steps[:-1])
    for place, total in enumerate(replay.summary["returns"]):
        assert total == pytest.approx(sum(step["rewards"][place] for step in replay.steps), abs=1e-4)
    assert recorded(game, options, seat, opponent).packed() == replay.packed()
    assert recorded(game, options, seat, opponent, seed=8).summary["digest"] != replay.summary["digest"]


def test_the_first_line_and_the_frames_say_what_a_viewer_needs() -> None:
    replay = recorded("prospector", {"rules": "balanced", "time_max": 60}, None, None)
    header, first, frame = replay.header, replay.steps[0], replay.steps[-1]["frame"]
    assert (header["game"], header["seed"], header["window"], header["heads"]) == ("prospector", 7, 3, [69])
    assert (header["options"]["rules"], header["rules_version"]) == ("balanced", 1)
    assert first["seat"] == 0
    assert {"fuel", "hull", "credits", "price", "ways", "asteroids", "place", "ending"} <= set(frame)
    assert header["frame"]["ticks"] == 0 < frame["ticks"]
    assert replay.summary["metrics"]["net_profit"] == pytest.approx(frame["credits"], abs=1e-2)
    changed: dict[str, float] = {}
    for step in replay.steps:
        changed |= step["metrics"]
    assert changed.items() <= replay.summary["metrics"].items()


def test_games_that_a_step_limit_cuts() -> None:
    replay = recorded("prospector", {"rules": "balanced"}, None, None, max_steps=5)
    assert replay.summary["length"] == 5
    assert (replay.summary["terminal"], replay.summary["truncated"]) == (False, True)
    verify(replay)
    environment = recorded("gymnasium", {"id": "Acrobot-v1"}, None, None, max_steps=9)
    assert (environment.summary["length"], environment.summary["truncated"]) == (9, True)
    verify(environment)


def changed(change: Callable[[dict[str, Any], list[dict[str, Any]], dict[str, Any]], object], **game: Any) -> Replay:
    """A recorded game with something changed."""
    parts = copy.deepcopy(recorded(**game))
    change(parts.header, parts.steps, parts.summary)
    return parts


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda header, steps, summary: steps[2].update(rewards=[0.5, 0.0]), r"connect_four, step 3: rewards \[0.0, 0"),
        (lambda header, steps, summary: steps[1].update(seat=0), "connect_four, step 2: seat 1, the replay has 0"),
        (lambda header, steps, summary: steps[3].update(terminal=True), "connect_four, step 4: terminal False"),
        (lambda header, steps, summary: steps[4].update(actions=[[9]]), "connect_four, step 5: .*action 9 is illegal"),
        (lambda header, steps, summary: header.update(frame={}), "connect_four, step 0: frame: text .*has None"),
        (lambda header, steps, summary: steps[2].update(frame=None), "connect_four, step 3: frame .*has None"),
        (lambda header, steps, summary: steps[2]["frame"].update(x=1), "connect_four, step 3: frame: x None, .*has 1"),
        (lambda header, steps, summary: steps[0].update(metrics={"x": 1.0}), "connect_four, step 1: metrics: x None"),
        (lambda header, steps, summary: steps.append(steps[-1]), "the game is over after step"),
        (lambda header, steps, summary: steps.pop(), "after the last step .*: length"),
        (lambda header, steps, summary: summary.update(digest="0"), "after the last step .*: digest"),
        (lambda header, steps, summary: summary.update(returns=[9, 9]), "after the last step .*: returns"),
    ],
)
def test_what_was_changed_is_named(change: Any, sentence: str) -> None:
    with pytest.raises(ReplayMismatch, match=sentence):
        verify(changed(change))


def test_another_seed_is_another_game() -> None:
    prospector: dict[str, Any] = {"game": "prospector", "options": {"rules": "balanced", "time_max": 60}, "seat": None}
    with pytest.raises(ReplayMismatch, match="prospector, step "):
        verify(changed(lambda header, steps, summary: header.update(seed=8), **prospector))
    with pytest.raises(ReplayMismatch, match=r"after the last step .*: digest"):
        verify(changed(lambda header, steps, summary: header.update(seed=8), game="gymnasium",
                       options={"id": "CartPole-v1"}, seat=None, max_steps=3))


def test_other_rules_are_named() -> None:
    with pytest.raises(ReplayError, match="is of connect_four by rules version 99, this is version"):
        verify(changed(lambda header, steps, summary: header.update(rules_version=99)))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path, packed = tmp_path / "x.jsonl.gz", recorded().packed()
    with pytest.raises(ReplayError, match=r"cannot read .*x\.jsonl\.gz: No such file"):
        read(path)
    lines = gzip.decompress(packed).splitlines(keepends=True)
    for content, sentence in (
        (packed[:-20], "is no whole replay"), (b"text", "cannot read"), (gzip.compress(b"{}"), "is no replay of"),
        (gzip.compress(b"".join(lines[:-1])), "is no whole replay"), (gzip.compress(b"{"), "is no whole replay"),
        (gzip.compress(b"".join(lines[:3] + lines[4:])), "is no whole replay: .* not as many as its steps need"),
        (gzip.compress(b"".join(lines[:-1]) + b"3"), f"line {len(lines)} of .* is no object with digest, length"),
        (gzip.compress(b'{"format": 1}\n' + b"".join(lines[1:])), "line 1 of .* is no object with format, frame, game"),
        (gzip.compress(lines[0] + b"[]\n" + b"".join(lines[2:])), "line 2 of .* is no object with actions, frame"),
    ):
        path.write_bytes(content)
        with pytest.raises(ReplayError, match=sentence):
            read(path)


def test_drawings_follow_the_game() -> None:
    replay = recorded("prospector", {"rules": "balanced", "time_max": 60}, None, None)
    draw = drawing(replay)
    drawn = [draw(episode) for episode in again(replay)]
    assert len(drawn) == len(replay.frames)
    assert all(one.startswith("<svg") for one in drawn)
    assert "tick 0," in drawn[0]
    assert f"tick {replay.steps[-1]['frame']['ticks']}," in drawn[-1]
    with pytest.raises(ReplayError, match="has no states that could be drawn"):
        drawing(recorded("gymnasium", {"id": "CartPole-v1"}, None, None))


def test_a_core_that_contradicts_itself_is_found() -> None:
    episode = Episode(registry.make("connect_four"), 1)
    assert episode.state is not None
    episode.state.apply(3)      # behind its back
    actions = np.zeros((1, 1), np.int32)
    with pytest.raises(RuntimeError, match="state and vector part at step 7"):     # each sees another seat win
        play_columns(episode, [0, 1, 0, 1, 0, 1, 0], actions)


def play_columns(episode: Episode, columns: list[int], actions: npt.NDArray[np.int32]) -> None:
    for column in columns:
        actions[:] = column
        episode.step(actions)
