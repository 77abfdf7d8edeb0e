"""Games and decisions of other origin become rows that agree with the rules, or are refused with their line."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import registry
from learners.dataset import facts_of, load, read_facts, write
from learners.dataset_import import import_dataset
from learners.dataset_inspect import inspect
from tests.learners.samples import tic_tac_toe
from tests.learners.searched import searched_chunks

GAME = tic_tac_toe()
WIN = [0, 3, 1, 4, 2]       # seat 0 fills the first row


def lines(path: Path, *entries: Any) -> Path:
    path.write_text("".join(f"{entry if isinstance(entry, str) else json.dumps(entry)}\n" for entry in entries))
    return path


def test_a_game_becomes_its_decisions(tmp_path: Path) -> None:
    source = lines(tmp_path / "games.jsonl", {"moves": WIN}, {"moves": WIN[:3], "result": -1})
    out = tmp_path / "out.parquet"
    assert import_dataset(source, out, GAME) == 8
    columns = load(out, GAME)
    assert columns["action"][:, 0].tolist() == [*WIN, *WIN[:3]]
    assert columns["outcome"].tolist() == [1, -1, 1, -1, 1, -1, 1, -1]
    assert columns["ply"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert len(set(columns["episode"].tolist())) == 2
    assert (columns["target_action"] == columns["action"]).all()
    state = GAME.new_state()
    for row, move in enumerate(WIN):
        np.testing.assert_array_equal(columns["observation"][row], state.observe())
        np.testing.assert_array_equal(np.unpackbits(columns["legal"][row], bitorder="little")[:9], state.legal())
        state.apply(move)
    assert read_facts(out).known == ("outcome",)


def test_moves_may_be_in_the_games_notation(tmp_path: Path) -> None:
    game = registry.make("connect_four")
    source = lines(tmp_path / "games.jsonl", {"moves": ["4", "4", 0], "result": 0})
    import_dataset(source, tmp_path / "out.parquet", game)
    assert load(tmp_path / "out.parquet", game)["action"][:, 0].tolist() == [3, 3, 0]


def test_rewards_on_the_way_count_from_where_they_are_still_to_come(tmp_path: Path) -> None:
    game = registry.make("prospector", rules="balanced")
    state, moves, rewards = game.new_state(5), [], []
    rng = np.random.default_rng(0)
    while not state.is_terminal:
        moves.append(int(rng.choice(state.legal_actions())))
        state.apply(moves[-1])
        rewards.append(float(state.rewards()[0]))
    assert sum(reward != 0 for reward in rewards) > 1
    source = lines(tmp_path / "games.jsonl", {"moves": moves, "seed": 5})
    import_dataset(source, tmp_path / "out.parquet", game)
    wanted = np.cumsum(rewards[::-1])[::-1]
    np.testing.assert_allclose(load(tmp_path / "out.parquet", game)["outcome"], wanted, atol=1e-3)


def test_a_decision_knows_its_action_alone(tmp_path: Path) -> None:
    source = lines(tmp_path / "d.jsonl", {"moves": WIN[:2], "action": 8}, {"moves": [], "action": 4, "result": 1})
    out = tmp_path / "out.jsonl"
    assert import_dataset(source, out, GAME) == 2
    columns = load(out, GAME)
    assert columns["action"][:, 0].tolist() == [8, 4]
    assert columns["outcome"].tolist() == [0, 0]        # one is unknown: so are all
    assert columns["ply"].tolist() == [2, 0]
    assert read_facts(out).known == ()
    assert "outcome_mean" not in inspect(out, GAME)


REFUSED = {
    "occupied": ({"moves": [0, 0]}, r"line 2 has move 2 0, legal are \[1, 2"),
    "beyond": ({"moves": [*WIN, 5]}, "line 2 has move 5 after the end"),
    "number": ({"moves": [0, 1.5]}, "line 2 has move 2 1.5"),
    "text": ({"moves": ["z9"]}, "line 2 tic_tac_toe: no move 'z9'"),
    "unfinished": ({"moves": WIN[:4]}, "line 2 has no result, and the game is not over after 4 moves"),
    "result": ({"moves": WIN, "result": -1}, r"line 2 has result -1, by the rules it is \[1.0, -1.0\]"),
    "seats": ({"moves": WIN[:2], "result": [1, 0, 0]}, "expected the returns of 2 seats"),
    "keys": ({"moves": WIN, "winner": 1}, r"line 2 has \['moves', 'winner'\]"),
    "json": ('{"moves": [0', "line 2 is not JSON"),
    "list": ([1, 2], "line 2 has list"),
    "empty": ({"moves": []}, "line 2 has no moves"),
    "seed": ({"moves": WIN, "seed": -1}, "line 2 has seed -1"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, kind: str) -> None:
    entry, message = REFUSED[kind]
    source, out = lines(tmp_path / "games.jsonl", {"moves": WIN}, entry, {"moves": WIN}), tmp_path / "out.parquet"
    with pytest.raises(ValueError, match=message):
        import_dataset(source, out, GAME)
    assert not out.exists()
    faults: list[str] = []
    assert import_dataset(source, out, GAME, None, faults) == 10
    assert len(faults) == 1


def test_rows_are_checked_and_keep_what_they_know(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    write(source, searched_chunks(GAME, 3, seed=1), facts_of(GAME, {"simulations": 16}, ("policy", "outcome")))
    out = tmp_path / "out.parquet"
    rows = import_dataset(source, out, GAME)
    assert rows == len(load(source, GAME)["outcome"])
    assert read_facts(out).known == ("policy", "outcome")
    assert read_facts(out).made["was"] == {"simulations": 16}
    text = source.read_text().splitlines()
    row = json.loads(text[4])
    row["legal"].remove(row["action"])
    source.write_text("\n".join([*text[:4], json.dumps(row), *text[5:]]) + "\n")
    with pytest.raises(ValueError, match=f"in.jsonl line 5 has action {row['action']}, expected one of legal"):
        import_dataset(source, tmp_path / "other.parquet", GAME)


def test_inspect_counts(tmp_path: Path) -> None:
    source = lines(tmp_path / "games.jsonl", {"moves": WIN}, {"moves": WIN})
    out = tmp_path / "out.parquet"
    import_dataset(source, out, GAME)
    found = inspect(out, GAME)
    assert (found["rows"], found["games"], found["rows_per_game"], found["faults"]) == (10, 2, 5, 0)
    assert found["distinct_observations"] == 0.5
    assert found["actions"] == {0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2}
    assert found["legal_actions"] == 7
    assert (found["target_actions"], found["target_entropy"], found["played_the_best"]) == (1, 0, 1)
    assert found["outcome_of_who_begins"] == {"mean": 1.0, "won": 1.0, "drawn": 0.0, "lost": 0.0}
    assert "root_value_mean" not in found


def test_inspect_compares_the_search_with_what_happened(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    write(path, searched_chunks(GAME, 12, seed=3), facts_of(GAME, {}))
    columns = load(path, GAME)
    found = inspect(path, GAME)
    prob = columns["target_prob"].astype(float)
    entropy = np.mean([-sum(p * np.log(p) for p in row if p > 0) for row in prob])
    assert found["target_entropy"] == pytest.approx(entropy)
    calibration = found["root_value_calibration"]
    assert calibration["mse"] == pytest.approx(np.mean((columns["root_value"] - columns["outcome"]) ** 2), rel=1e-5)
    assert 0 < calibration["floor"] < calibration["floor_p95"]
    path.write_text(path.read_text() + '{"episode": 1\n')
    found = inspect(path, GAME)
    assert found["faults"] == 1
    assert "line" in found["first_faults"][0]
