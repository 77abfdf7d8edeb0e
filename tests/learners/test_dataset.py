"""Datasets come back as they were written and say where they are damaged; no game is on both sides of a split."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import registry
from learners.chunk import Chunk
from learners.dataset import Parts, as_chunk, check_game, facts_of, load, read, read_facts, write
from learners.dataset_split import Columns, held_out_rows, join, numbered_apart, split_by_game
from tests.learners.samples import random_chunk, tic_tac_toe
from tests.learners.searched import searched_chunks

GAME = tic_tac_toe()
SUFFIXES = (".parquet", ".jsonl")


def written(path: Path, chunks: list[Chunk], game: Any = GAME) -> Path:
    write(path, chunks, facts_of(game, {"seed": 1}))
    return path


def dense(columns: Columns) -> Any:
    """The policies of the search over all actions: files hold what has a probability alone, in any order."""
    policy = np.zeros((len(columns["outcome"]), int(columns["target_action"].max()) + 1), np.float32)
    np.add.at(policy, (np.arange(len(policy))[:, None], columns["target_action"]), columns["target_prob"])
    return policy


def assert_same(one: Columns, other: Columns) -> None:
    assert set(one) == set(other)
    for name, column in one.items():
        assert column.dtype == other[name].dtype
        if not name.startswith("target_"):
            np.testing.assert_array_equal(column, other[name], name)
    np.testing.assert_array_equal(dense(one), dense(other))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["tic_tac_toe", "connect_four", "leduc_poker", "razzle"])
def test_a_dataset_comes_back_bit_by_bit(tmp_path: Path, name: str, suffix: str) -> None:
    game = registry.make(name)
    chunks = searched_chunks(game, 2, seed=3)
    path = tmp_path / f"data{suffix}"
    rows = write(path, chunks, facts_of(game, {"simulations": 16}))
    whole = join([chunk.columns for chunk in chunks])
    assert rows == len(whole["outcome"])
    assert_same(load(path, game), whole)
    small = list(read(path, game, chunk_rows=5))
    assert max(chunk.header.rows for chunk in small) == 5
    assert_same(join([chunk.columns for chunk in small]), whole)
    assert read_facts(path) == facts_of(game, {"simulations": 16})


def test_floats_survive_lines_of_json(tmp_path: Path) -> None:
    chunk = searched_chunks(GAME, 2, seed=1)[0]
    values = np.nextafter(np.float32(0.1), np.arange(len(chunk.columns["outcome"])) - 3, dtype=np.float32)
    path = written(tmp_path / "data.jsonl", [as_chunk({**chunk.columns, "root_value": values}, GAME, "p", 0)])
    np.testing.assert_array_equal(load(path, GAME)["root_value"], values)


def test_a_folder_is_read_in_order_and_grows_by_parts(tmp_path: Path) -> None:
    chunks, facts = searched_chunks(GAME, 4, seed=2), facts_of(GAME, {})
    parts = Parts(tmp_path / "data")
    assert parts.count == 0
    rows = [parts.append([chunk], facts) for chunk in chunks]
    assert (parts.count, rows) == (2, [chunk.header.rows for chunk in chunks])
    assert_same(load(parts.folder, GAME), join([chunk.columns for chunk in chunks]))
    parts.cut(1)
    assert (parts.count, len(load(parts.folder, GAME)["outcome"])) == (1, rows[0])


def test_another_game_or_format_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", searched_chunks(GAME, 2, seed=1))
    with pytest.raises(ValueError, match=r"is of tic_tac_toe rules .*, expected connect_four rules"):
        check_game(path, registry.make("connect_four"))
    path.write_text(path.read_text().replace('"format": 1', '"format": 99', 1))
    with pytest.raises(ValueError, match="has dataset format 99, this version reads 1"):
        load(path, GAME)
    with pytest.raises(ValueError, match=r"expected a name that ends in \.parquet or \.jsonl"):
        write(tmp_path / "data.csv", searched_chunks(GAME, 2, seed=1), facts_of(GAME, {}))
    with pytest.raises(ValueError, match="layout 'unroll', expected 'rows'"):
        write(tmp_path / "data.parquet", [random_chunk(GAME, (3, 2), 1)], facts_of(GAME, {}))
    assert [file.name for file in tmp_path.iterdir()] == ["data.jsonl"]     # nothing half-written stays


def changed(line: str, **values: Any) -> str:
    return json.dumps(json.loads(line) | values)


FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "cut": (lambda line: line[: len(line) // 2], "line 3 is not JSON"),
    "key": (lambda line: line.replace('"ply"', '"plie"'), "line 3 has .*'plie'"),
    "text": (lambda line: changed(line, outcome="won"), "line 3 has outcome 'won', expected a number"),
    "nan": (lambda line: changed(line, root_value=float("nan")), "line 3 column 'root_value'"),
    "illegal": (lambda line: changed(line, action=8, legal=[0, 1]), r"line 3 has action 8, expected one of legal \[0"),
    "policy": (lambda line: changed(line, policy={"77": 1.0}), "line 3 has policy for action '77'"),
    "sum": (lambda line: changed(line, policy={str(json.loads(line)["action"]): 0.5}), "line 3 column 'target_prob'"),
    "board": (lambda line: changed(line, observation=[0]), "line 3 has an observation that is not a list of"),
    "byte": (lambda line: changed(line, observation=[300] * 27), "line 3 has an observation"),
    "huge": (lambda line: changed(line, ply=2**31), "line 3 has ply 2147483648"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_corrupt_line_is_named_and_left_out(tmp_path: Path, kind: str) -> None:
    spoil, message = FAULTS[kind]
    path = written(tmp_path / "data.jsonl", searched_chunks(GAME, 3, seed=4))
    lines = path.read_text().splitlines()
    good = load(path, GAME)
    lines[2] = spoil(lines[2])
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=f"data.jsonl {message}"):
        load(path, GAME)
    faults: list[str] = []
    left = load(path, GAME, faults)
    assert len(faults) == 1
    assert len(left["outcome"]) == len(good["outcome"]) - 1
    np.testing.assert_array_equal(np.delete(good["observation"], 1, axis=0), left["observation"])


def test_a_damaged_part_is_named_and_left_out(tmp_path: Path) -> None:
    parts, chunks = Parts(tmp_path / "data"), searched_chunks(GAME, 4, seed=2)
    for chunk in chunks:
        parts.append([chunk], facts_of(GAME, {}))
    whole = parts.part(0).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"PAR1" + b"\0" * 40 + whole[44:]):
        parts.part(0).write_bytes(damaged)
        with pytest.raises(ValueError, match=r"part-00000\.parquet"):
            load(parts.folder, GAME)
        faults: list[str] = []
        assert len(load(parts.folder, GAME, faults)["outcome"]) == chunks[1].header.rows
        assert len(faults) == 1


def test_a_bad_row_of_parquet_is_named(tmp_path: Path) -> None:
    chunks = searched_chunks(GAME, 3, seed=4)
    chunks[0].columns["root_value"] = np.where(np.arange(chunks[0].header.rows) == 2, np.inf, 0).astype(np.float32)
    path = written(tmp_path / "data.parquet", chunks)
    faults: list[str] = []
    assert len(load(path, GAME, faults)["outcome"]) == sum(chunk.header.rows for chunk in chunks) - 1
    assert [fault.split(" column")[0] for fault in faults] == [f"{path} row 2"]


@given(games=st.lists(st.integers(0, 40), min_size=2, max_size=300), share=st.floats(0.01, 0.99),
       seed=st.integers(0, 2**32))
def test_no_game_is_on_both_sides(games: list[int], share: float, seed: int) -> None:
    episode = np.array(games, np.int64)
    if len(set(games)) < 2:
        with pytest.raises(ValueError, match="expected at least 2 games"):
            held_out_rows(episode, share, seed)
        return
    held_out = held_out_rows(episode, share, seed)
    inside, outside = set(episode[held_out].tolist()), set(episode[~held_out].tolist())
    assert inside
    assert outside
    assert not inside & outside
    assert abs(len(inside) - share * len(set(games))) <= 1
    np.testing.assert_array_equal(held_out, held_out_rows(episode, share, seed))


def test_split_keeps_every_row_once_and_seeds_differ() -> None:
    columns = join([chunk.columns for chunk in searched_chunks(GAME, 20, seed=5)])
    columns["version"] = np.arange(len(columns["outcome"]), dtype=np.int32)     # a name for every row
    train, held_out = split_by_game(columns, 0.3, 1)
    assert len(np.unique(held_out["episode"])) == 6
    assert sorted([*train["version"], *held_out["version"]]) == columns["version"].tolist()
    assert set(split_by_game(columns, 0.3, 2)[1]["episode"]) != set(held_out["episode"])


def test_datasets_side_by_side_share_no_game_number() -> None:
    columns = join([chunk.columns for chunk in searched_chunks(GAME, 4, seed=5)])
    apart = numbered_apart([columns, columns])
    assert set(apart[0]["episode"]) == {0, 1, 2, 3}
    assert set(apart[1]["episode"]) == {4, 5, 6, 7}
