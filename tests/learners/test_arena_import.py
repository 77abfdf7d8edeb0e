"""Logs of the arena become steps as their formats say: samples, the recorded games' own features, outcomes, schemas."""
from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.arena.actions import encode
from learners.importers import arena
from learners.importers.arena import Logs, detect, import_logs, size_of
from learners.importers.arena_live import LiveLog, action_of
from learners.importers.arena_manifest import outcome_of, outcome_of_finish
from learners.importers.arena_recorder import match_and_agent
from learners.importers.faults import Faults
from learners.importers.inspect import inspect
from learners.importers.steps import Columns, read, read_facts, read_report, schemas
from tests.learners.arena_logs import live_line, recorder_line, session_end, write

DATA = Path(__file__).parents[1] / "data"
SAMPLES = DATA / "arena_logs"
STREAM = "feedback_stream.jsonl"


def rows(path: Path, schema: str = "arena19") -> Columns:
    parts = list(read(path, schema))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def live(tmp_path: Path, *lines: Any, manifests: dict[str, Any] | None = None) -> Columns:
    """The steps of one session in `play_1`."""
    write(tmp_path / "feedback/play_1" / STREAM, *lines)
    where = None
    if manifests is not None:
        where = write(tmp_path / "live/b/manifest.jsonl", manifests).parents[1]
    import_logs(Logs(live=tmp_path / "feedback", manifests=where), tmp_path / "out.parquet")
    return rows(tmp_path / "out.parquet", "live19")


def test_the_samples_of_all_three_formats(tmp_path: Path) -> None:
    logs = Logs(SAMPLES / "data/processed", SAMPLES / "reports/feedback_training", SAMPLES / "reports/live")
    told: list[int] = []
    reports = import_logs(logs, tmp_path / "out", told.append)
    assert sum(told) == size_of(logs)
    assert schemas(tmp_path / "out") == ["arena19", "live19"]

    world = rows(tmp_path / "out")
    assert world["tick"].tolist() == [0, 1, 3, 4, 0, 1, 2]          # line 3 of the first file is torn
    assert world["begins"].tolist() == [1, 0, 1, 0, 1, 0, 0]
    assert world["done"].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert world["reward"].tolist() == [0.25, 0.25, 0.25, -10, 0.25, 0.25, 0.25]
    assert world["episode"].tolist() == [0] * 7                     # two players of one match
    assert np.isnan(world["log_prob"]).all()
    assert world["action"].tolist() == [[10, 4, 6, 0, 1, 0, 0]] * 4 + [[5, 5, 5, 5, 0, 1, 1]] * 3
    np.testing.assert_array_equal(
        world["observation"][1],
        [2, 2, 5, -1, 80, 12, 0.5, -0.5, 50, 1, 2, 5, 40, 5, 6, 2, 1, 3, 5],
    )
    assert world["observation"][-1].tolist() == [3, 2, 5, -1, 80, 12, 0.5, -0.5, 50, 1, *[0] * 9]
    report = reports["arena19"]
    assert (report["files"], report["files_without_steps"], report["corrupt_lines"]) == (3, 1, 1)
    assert report["corrupt_lines_by_kind"] == {"JSON": 1}
    assert "match_seed7_duration60_p0.jsonl.gz line 3 is not JSON" in report["first_faults"][0]
    assert report["actions"]["fire"] == [3, 4]
    assert (report["reward"]["min"], report["reward"]["max"]) == (-10, 0.25)
    assert read_report(tmp_path / "out/arena19.parquet") == report

    session = rows(tmp_path / "out", "live19")
    assert session["tick"].tolist() == [0, 2, 0, 1]                 # one without an action, one damaged
    assert session["begins"].tolist() == [1, 0, 1, 1]
    assert session["done"].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(session["reward"], [0.05, -0.05 - 1, 0.05, 0.05 + 1], atol=1e-6)
    assert session["action"][1].tolist() == [5, 0, 5, 5, 0, 0, 0]
    assert session["observation"][0].tolist() == pytest.approx(
        [0.3405, 1, 0, 1, 1, 2, 0, 0, 0, 0, 5, 6, 4, 3, 1, 7, 8, 0, 1])
    report = reports["live19"]
    assert report["corrupt_lines_by_kind"] == {"JSON": 1, "object": 1}
    assert report["manifests"] == {"files": 1, "entries": 3, "strays": 1}
    assert report["outcomes"] == {"lost": 1, "won": 1}
    assert (report["sessions_too_short"], report["ticks_without_action"]) == (1, 1)

    found = inspect(tmp_path / "out")
    assert found["arena19"]["rows"] == 7
    assert found["live19"]["imports"][0]["corrupt_lines"] == 2


Record = dict[str, Any]


def recorded_line(player: str, episode: Record, before: Record, entry: Record) -> Record:
    """A tick of a recorded game as a recorder would have written it for one player, from the state before it."""
    me, zone, flags = before["players"][player], episode["zone"], episode["is_bot"]

    def in_sight(position: list[float]) -> bool:
        return math.dist(position, me["pos"]) <= 10

    others = {name: before["players"][name] for name in episode["order"] if name in before["players"]}
    axes, (fire, ability, interact) = entry["actions"][player][:4], entry["actions"][player][4:]
    return {
        "tick_id": entry["t"],
        "observation": {
            "self_state": {"position": me["pos"], "velocity": me["vel"], "hp": me["hp"], "ammo": me["ammo"]},
            "zone_state": {"position": zone["pos"], "radius": zone["radius"],
                           "is_safe": math.dist(me["pos"], zone["pos"]) <= zone["radius"]},
            "visible_entities": [
                {"position": one["pos"], "hp": one["hp"], "type": "friend" if flags[name] == flags[player] else "enemy"}
                for name, one in others.items() if name != player and in_sight(one["pos"])
            ],
            "visible_items": [{"position": item["pos"]} for item in before["items"] if in_sight(item["pos"])],
        },
        "action": {**dict(zip(("move_x", "move_y", "aim_x", "aim_y"), axes, strict=True)),
                   "fire": bool(fire), "ability_id": ability or None, "interact": bool(interact)},
    }


def test_features_are_those_recorded_with_the_original_games(tmp_path: Path) -> None:
    """What a player of the recorded games saw, written as its recorder would, gives the recorded features."""
    wanted, taken, written = [], [], []
    episode: dict[str, Any] = {}
    before: dict[str, Any] = {}
    with gzip.open(DATA / "arena.jsonl.gz", "rt") as file:
        for entry in map(json.loads, file):
            if entry["type"] == "episode":
                episode = entry
            for player, features in (entry.get("features") or {}).items():
                wanted.append(features)
                taken.append(entry["actions"][player])
                written.append(recorded_line(player, episode, before, entry))
            before = entry["state"]
    assert len(wanted) > 500
    write(tmp_path / "match_seed1_duration60_p0.jsonl", *written)
    import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")
    found = rows(tmp_path / "out.parquet")
    np.testing.assert_allclose(found["observation"], wanted, atol=2e-5)
    np.testing.assert_array_equal(found["action"], encode(taken))


def test_what_is_missing_is_zero_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a_p0.jsonl", {"observation": {}, "action": {"fire": None}}, recorder_line(1, reward=None))
    report = import_logs(Logs(recorder=tmp_path / "a_p0.jsonl"), tmp_path / "out.parquet")["arena19"]
    found = rows(tmp_path / "out.parquet")
    assert not found["observation"][0].any()
    assert found["action"][0].tolist() == [5, 5, 5, 5, 0, 0, 0]
    assert report["missing_fields"]["reward"] == 2
    assert report["missing_fields"]["self_state"] == 1


def test_an_unknown_behaviour_policy_stays_unknown(tmp_path: Path) -> None:
    lines = [recorder_line(0), recorder_line(1, behavior_logp=0), recorder_line(2, behavior_logp=-2.5)]
    write(tmp_path / "a_p0.jsonl.gz", *lines)
    report = import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")["arena19"]
    known = rows(tmp_path / "out.parquet")["log_prob"]
    assert np.isnan(known[:2]).all()
    assert known[2] == -2.5
    assert report["log_prob_known"] == 1


def test_positions_that_a_recorder_has_overwritten_are_noticed(tmp_path: Path) -> None:
    same = [recorder_line(tick) for tick in range(3)]
    for line in same:
        line["observation"]["self_state"]["position"] = [9.0, 9.0]
    standing = [json.loads(json.dumps(line)) for line in same]
    for line in standing:
        line["action"] = {"aim_x": 1.0}
    write(tmp_path / "frozen_p0.jsonl", *same)
    write(tmp_path / "standing_p0.jsonl", *standing)
    write(tmp_path / "moving_p0.jsonl", *(recorder_line(tick) for tick in (0, 2, 1)))
    report = import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")["arena19"]
    assert (report["frozen_positions"], report["ticks_disordered"], report["episodes"]) == (1, 1, 3)


@pytest.mark.parametrize(("name", "match", "agent"), [
    ("match_seed7_duration60_p0.jsonl.gz", "match_seed7_duration60", "p0"),
    ("match_seed7_duration60.5_player_12.jsonl", "match_seed7_duration60.5", "player_12"),
    ("other_p1.jsonl.gz", "other", "p1"),
    ("plain.jsonl", "plain", ""),
])
def test_the_name_of_a_file_says_who_played(name: str, match: str, agent: str) -> None:
    assert match_and_agent(Path(name)) == (match, agent)


@pytest.mark.parametrize(("text", "keys", "last", "action"), [
    ("idle", [], "", [0, 0, 0, 0, 0, 0, 0]),
    ("move_only", ["KeyA", "KeyW"], "", [-1, -1, 0, 0, 0, 0, 0]),
    ("hold KeyD+KeyS", [], "", [1, 1, 0, 0, 0, 0, 0]),
    ("move_only left", ["KeyD"], "", [1, 0, 0, 0, 0, 0, 0]),            # keys count before words
    ("move_left up", [], "", [-1, -1, 0, 0, 0, 0, 0]),
    ("move right, down", [], "", [1, 1, 0, 0, 0, 0, 0]),
    ("press keys, Move Up", [], "", [0, -1, 0, 0, 0, 0, 0]),            # which is not KeyS
    ("KeyAlt startup rightmost", [], "", [0, 0, 0, 0, 0, 0, 0]),        # whole words only
    ("attack_click", [], "", [0, 0, 1, 0, 1, 0, 0]),
    ("Fire", [], "", [0, 0, 1, 0, 1, 0, 0]),
    ("wait", ["MouseRight"], "", [0, 0, 1, 0, 1, 0, 0]),
    ("open cofre", [], "", [0, 0, 0, 0, 0, 0, 1]),
    ("loot_chest", ["KeyE"], "", [0, 0, 0, 0, 0, 0, 1]),
    ("cast Digit3", ["Digit1"], "KeyR", [0, 0, 0, 0, 0, 4, 0]),
    ("cast Digit3", ["Digit1"], "dash", [0, 0, 0, 0, 0, 1, 0]),
    ("cast Digit3", [], "", [0, 0, 0, 0, 0, 3, 0]),
])
def test_actions_are_told_from_text_and_keys(text: str, keys: list[str], last: str, action: list[int]) -> None:
    assert action_of(text, keys, last) == action


@pytest.mark.parametrize(("text", "outcome"), [
    ("match_win", 1), ("WINNER", 1), ("you win, no defeat", 1), ("death_event", -1), ("loss", -1), ("Defeated", -1),
    ("timeout", 0), ("", 0), ("window_closed", 0), ("rewind", 0), ("drawing", 0),
])
def test_outcomes_are_told_from_text(text: str, outcome: int) -> None:
    assert outcome_of(text) == outcome


@pytest.mark.parametrize(("text", "outcome"), [
    ("[RUN] done reason=match_win t=3", 1), ('reason="death_event in zone"', -1), ("defeat", -1),
    ("reason = loss;", -1),
    ("log=C:/users/erwin/x.log reason=timeout", 0),
])
def test_a_finish_line_is_read_for_its_reason(text: str, outcome: int) -> None:
    assert outcome_of_finish(text) == outcome


TWO = (live_line(0), live_line(1))
HERE = {"runtime_feedback": f"feedback/play_1/{STREAM}"}


@pytest.mark.parametrize(("end", "manifest", "outcome"), [
    ([], None, 0),
    ([session_end("win")], None, 1),
    ([session_end("timeout")], None, 0),
    ([session_end("timeout", dead=True)], None, -1),
    ([session_end("win", dead=True)], None, 1),
    ([session_end("loss"), {"event": "feedback_video_rendered"}], HERE | {"run_finish": "reason=win"}, 1),
    ([session_end("loss")], HERE | {"run_finish": "reason=timeout"}, -1),
    ([], {"runtime_feedback_jsonl": f"D:\\x\\Play_1\\{STREAM}", "run_finish_line": "done reason=death_event"}, -1),
    ([], {"runtime_feedback_jsonl": f"./play_1/{STREAM}", "run_stop_line": "stopped reason=win"}, 1),
    ([], {"runtime_feedback": f"play_2/{STREAM}", "run_finish": "win"}, 0),
    ([], {"runtime_feedback": f"xplay_1/{STREAM}", "run_finish": "win"}, 0),
])
def test_the_last_step_carries_the_outcome(tmp_path: Path, end: list[Any], manifest: Any, outcome: int) -> None:
    found = live(tmp_path, *TWO, *end, manifests=manifest)
    np.testing.assert_allclose(found["reward"], [0.05, 0.05 + outcome], atol=1e-6)
    assert found["done"].tolist() == [0, 1]


def test_without_action_ok_a_step_went_wrong(tmp_path: Path) -> None:
    line = live_line(0)
    del line["action_ok"]
    assert live(tmp_path, line, live_line(1))["reward"][0] == np.float32(-0.05)
    assert read_report(tmp_path / "out.parquet")["missing_fields"] == {"action_ok": 1}


def test_an_entry_that_fits_several_streams_counts_for_none(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / f"feedback/{folder}/play_1" / STREAM, *TWO)
    entry = {"runtime_feedback": f"elsewhere/play_1/{STREAM}", "run_finish": "win"}
    clear = {"runtime_feedback": f"b/play_1/{STREAM}", "run_finish": "defeat"}
    later = clear | {"run_finish": "reason=timeout"}        # says nothing, so the one before still counts
    write(tmp_path / "live/manifest.jsonl", entry, clear, later)
    report = import_logs(Logs(live=tmp_path / "feedback", manifests=tmp_path / "live"), tmp_path / "out.parquet")
    assert report["live19"]["manifests"]["strays"] == 1
    np.testing.assert_allclose(rows(tmp_path / "out.parquet", "live19")["reward"], [0.05, 0.05, 0.05, -0.95], atol=1e-6)


def test_an_agent_can_be_trained_from_the_steps_as_they_are(tmp_path: Path) -> None:
    import_logs(Logs(recorder=SAMPLES / "data/processed"), tmp_path / "out.parquet")
    facts = read_facts(tmp_path / "out.parquet")
    assert facts.game == "arena"
    game = registry.make(facts.game, **facts.options)
    assert game.rules_version == facts.rules_version
    assert tuple(facts.heads.values()) == game.head_sizes
    found = rows(tmp_path / "out.parquet")
    assert found["observation"].shape[1:] == game.observation_shape
    assert found["observation"].dtype == game.observation_dtype
    assert found["action"].dtype == np.int32
    assert found["action"].shape[1] == len(game.head_sizes)


def test_schemas_are_kept_apart(tmp_path: Path) -> None:
    write(tmp_path / "feedback/play_1" / STREAM, *TWO)
    write(tmp_path / "data/a_p0.jsonl.gz", recorder_line(0))
    both = Logs(tmp_path / "data", tmp_path / "feedback")
    with pytest.raises(ValueError, match=r"arena19 and live19 are kept apart: name a folder"):
        import_logs(both, tmp_path / "out.parquet")
    import_logs(both, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["arena19.parquet", "live19.parquet"]
    assert read_facts(tmp_path / "out/live19.parquet").game is None
    with pytest.raises(ValueError, match="has schema live19, expected 'arena19'"):
        list(read(tmp_path / "out/live19.parquet", "arena19"))
    assert len(rows(tmp_path / "out")["reward"]) == 1


@pytest.mark.parametrize(("path", "kind"), [
    ("data/processed", "recorder"), ("reports/feedback_training", "live"), ("", None), ("reports/live", None),
    ("data/processed/match_seed7_duration60_p0.jsonl.gz", "recorder"),
    (f"reports/feedback_training/play_runtime_20260201_100000/{STREAM}", "live"),
])
def test_the_kind_of_logs_is_found_out(path: str, kind: str | None) -> None:
    assert detect(SAMPLES / path) == kind


@pytest.mark.parametrize(("logs", "message"), [
    (Logs(), "nothing to import"),
    (Logs(recorder=Path("no/such/folder")), "there is no no/such/folder"),
    (Logs(recorder=SAMPLES, manifests=SAMPLES), "tells of live feedback streams"),
    (Logs(recorder=SAMPLES / "reports/live"), "0 files of arena19"),
])
def test_requests_that_cannot_be(tmp_path: Path, logs: Logs, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        import_logs(logs, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_nothing_takes_the_place_of_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="exists"):
        import_logs(Logs(recorder=SAMPLES / "data/processed"), tmp_path / "out")


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_an_interrupted_import_leaves_nothing(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "BATCH_ROWS", 2)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_logs(Logs(recorder=SAMPLES / "data/processed"), tmp_path / name, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena, "BATCH_ROWS", 100)
    path = write(tmp_path / "play" / STREAM, *(live_line(tick) for tick in range(3000)), session_end("win"))
    told: list[int] = []
    steps = LiveLog(Faults(), {}).steps(path, told.append)
    for _ in range(1500):
        next(steps)
    assert 0 < sum(told) < path.stat().st_size * 0.6
    import_logs(Logs(live=tmp_path), tmp_path / "out.parquet")
    found = rows(tmp_path / "out.parquet", "live19")
    assert found["tick"].tolist() == list(range(3000))
    assert found["begins"].sum() == 1
    assert found["reward"][-1] == np.float32(1.05)
    assert len(list(read(tmp_path / "out.parquet", "live19", chunk_rows=1000))) == 3
