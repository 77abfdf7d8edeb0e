"""The chunk: validation names what is wrong, and the serialised forms bring back the same chunk."""
from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from learners.chunk import Chunk, from_arrow, from_wire, seal, to_arrow, to_wire, validate
from tests.learners.samples import random_chunk, random_columns, random_rows, tic_tac_toe

GAME = tic_tac_toe()
LEADS = {"unroll": (6, 4), "rows": (7,)}


def assert_same(one: Chunk, other: Chunk) -> None:
    assert one.header == other.header
    assert list(one.columns) == list(other.columns)
    for name, column in one.columns.items():
        assert column.dtype == other.columns[name].dtype
        np.testing.assert_array_equal(column, other.columns[name])


def test_header_of_a_sealed_chunk() -> None:
    columns = random_columns(GAME, (6, 4), seed=3)
    columns["version"] = np.arange(24, dtype=np.int32).reshape(6, 4) + 10
    columns["valid"][:] = 1
    columns["valid"][0, :2] = 0
    columns["discount"][0, :2] = 0
    header = seal(columns, chunk_id="c", producer="p", sequence=2, match_id="m", player="main", game=GAME).header
    assert (header.version_min, header.version_max) == (12, 29)     # neither invalid rows nor row T count
    assert (header.rows, header.game, header.rules_version) == (20, "tic_tac_toe", GAME.rules_version)
    assert (header.layout, header.split) == ("unroll", "train")
    assert header.bytes == sum(column.nbytes for column in columns.values())


def test_header_of_searched_decisions() -> None:
    columns = random_rows(GAME, 7, seed=3)
    columns["version"] = np.arange(7, dtype=np.int32) + 10
    header = seal(columns, chunk_id="c", producer="p", sequence=2, match_id="m", player="main", game=GAME,
                  layout="rows", split="held_out").header
    assert (header.version_min, header.version_max, header.rows) == (10, 16, 7)
    assert (header.layout, header.split) == ("rows", "held_out")
    assert header.bytes == sum(column.nbytes for column in columns.values())


@pytest.mark.parametrize("layout", LEADS)
def test_arrow_and_wire_round_trips(layout: str) -> None:
    chunk = random_chunk(GAME, LEADS[layout], seed=1, layout=layout, version=5)
    data = to_arrow(chunk)
    back = from_arrow(data)
    assert_same(back, chunk)
    validate(back, GAME)
    memory = np.frombuffer(data, np.uint8)
    assert all(np.shares_memory(column, memory) for column in back.columns.values())
    wired = from_wire(to_wire(chunk))
    assert_same(wired, chunk)
    assert all(column is chunk.columns[name] for name, column in wired.columns.items())
    assert all(type(value) in (int, str) for value in to_wire(chunk)["header"].values())


def test_arrow_takes_columns_that_are_not_contiguous() -> None:
    columns = random_columns(GAME, (6, 8), seed=1)
    chunk = seal({name: column[:, ::2] for name, column in columns.items()}, chunk_id="c", producer="p", sequence=0,
                 match_id="m", player="main", game=GAME)
    assert_same(from_arrow(to_arrow(chunk)), chunk)


@pytest.mark.parametrize("layout", LEADS)
def test_damaged_arrow_is_refused_or_read_but_never_crashes(layout: str) -> None:
    data = to_arrow(random_chunk(GAME, LEADS[layout], seed=1, layout=layout))
    rng = np.random.default_rng(0)
    for length in (0, 1, 10, len(data) // 2):
        with pytest.raises(ValueError, match="not a chunk in Arrow form"):
            from_arrow(data[:length])
    refused = 0
    for _ in range(400):
        broken = bytearray(data)
        broken[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            validate(from_arrow(bytes(broken)), GAME)
        except ValueError:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize(("change", "sentence"), [
    ({"sequence": "2"}, "field 'sequence' is '2', expected int"),
    ({"sequence": True}, "field 'sequence' is True, expected int"),
    ({"extra": 1}, "header has fields"),
])
def test_a_wrong_header_is_refused(change: dict[str, Any], sentence: str) -> None:
    wire = to_wire(random_chunk(GAME, (3, 2), seed=1))
    wire["header"] |= change
    with pytest.raises(ValueError, match=sentence):
        from_wire(wire)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"game": "connect_four"}, "is of connect_four rules 1, expected tic_tac_toe rules 1"),
    ({"rules_version": 7}, "is of tic_tac_toe rules 7, expected tic_tac_toe rules 1"),
    ({"layout": "steps"}, "has layout 'steps', expected one of unroll, rows"),
    ({"layout": "rows"}, "has columns .*'valid'.*, expected .*'target_prob'"),
    ({"split": "test"}, "has split 'test', expected one of train, held_out"),
    ({"rows": 1}, "header says rows 1, its columns say 20"),
    ({"bytes": 1}, "header says bytes 1"),
    ({"version_max": 9}, "header says version_max 9, its columns say 0"),
])
def test_a_header_that_lies_is_refused(change: dict[str, Any], sentence: str) -> None:
    chunk = random_chunk(GAME, (6, 4), seed=1)
    with pytest.raises(ValueError, match=sentence):
        validate(Chunk(dataclasses.replace(chunk.header, **change), chunk.columns), GAME)


@pytest.mark.parametrize(("name", "column", "sentence"), [
    ("reward", np.zeros((6, 4)), r"column 'reward' is float64 \[6, 4\], expected float32 \[6, 4\]"),
    ("action", np.zeros((6, 4), np.int32), r"column 'action' is int32 \[6, 4\], expected int32 \[6, 4, 1\]"),
    ("legal", np.zeros((6, 4, 9), np.uint8), r"column 'legal' is uint8 \[6, 4, 9\], expected uint8 \[6, 4, 2\]"),
    ("valid", np.zeros((1, 4), np.uint8), r"column 'valid' has shape \[1, 4\], expected \[T \+ 1, B\]"),
    ("speed", np.zeros(1, np.uint8), "has columns .*'speed'.*, expected"),
])
def test_a_wrong_column_is_refused(name: str, column: npt.NDArray[Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        random_chunk(GAME, (6, 4), 1, {name: column})


@pytest.mark.parametrize(("name", "column", "sentence"), [
    ("outcome", np.zeros((7, 1), np.float32), r"'outcome' has shape \[7, 1\], expected \[N\]"),
    ("outcome", np.zeros(0, np.float32), r"'outcome' has shape \[0\], expected \[N\]"),
    ("action", np.zeros(7, np.int32), r"'action' is int32 \[7\], expected int32 \[7, 1\]"),
    ("target_action", np.zeros((7, 4), np.int64), r"'target_action' is int64 \[7, 4\], expected int32 \[7, 4\]"),
    ("target_prob", np.ones((7, 3), np.float32), r"'target_action' is int32 \[7, 4\], expected int32 \[7, 3\]"),
    ("target_prob", np.ones(7, np.float32), r"'target_action' is int32 \[7, 4\], expected int32 \[7, 1\]"),
    ("surprise", np.zeros(6, np.float32), r"'surprise' is float32 \[6\], expected float32 \[7\]"),
    ("episode", np.zeros(7, np.int32), r"'episode' is int32 \[7\], expected int64 \[7\]"),
])
def test_a_wrong_column_of_searched_decisions_is_refused(name: str, column: npt.NDArray[Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        random_chunk(GAME, (7,), 1, {name: column}, layout="rows")


@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("root_value", np.nan, "'root_value' has a value outside: finite numbers"),
    ("outcome", np.inf, "'outcome' has a value outside: finite numbers"),
    ("surprise", -0.1, "'surprise' has a value outside: finite numbers from 0 on"),
    ("surprise", np.inf, "'surprise' has a value outside"),
    ("target_prob", 0.9, "'target_prob' has a value outside: 0 to 1 with a sum of 1 in every row"),
    ("target_prob", [1.5, -0.5, 0, 0], "'target_prob' has a value outside"),
    ("target_prob", np.nan, "'target_prob' has a value outside"),
    ("target_action", 9, "'target_action' has a value outside: 0 to 8"),
    ("target_action", -1, "'target_action' has a value outside"),
    ("action", 9, "'action' has a value outside: 0 to 8"),
    ("target_action", 8, "'target_action' has an action that column 'legal' forbids"),
    ("action", 8, "'action' has an action that column 'legal' forbids"),
])
def test_an_impossible_searched_decision_is_refused(name: str, value: Any, sentence: str) -> None:
    columns = random_rows(GAME, 7, seed=1)
    columns["legal"][2] = [0b1111, 0]
    columns["action"][2] = 1
    columns["target_action"][2], columns["target_prob"][2] = [3, 1, 8, 0], [0.5, 0.5, 0, 0]     # unused: anything
    random_chunk(GAME, (7,), 1, columns, layout="rows")
    columns[name][2] = value
    with pytest.raises(ValueError, match=sentence):
        random_chunk(GAME, (7,), 1, columns, layout="rows")


@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("reward", np.nan, "'reward' has a value outside: finite"),
    ("reward", np.inf, "'reward' has a value outside"),
    ("reward", -np.inf, "'reward' has a value outside"),
    ("discount", -0.1, "'discount' has a value outside"),
    ("discount", np.nan, "'discount' has a value outside"),
    ("discount", 1.5, "'discount' has a value outside: 0 to 1"),
    ("log_prob", 0.1, "'log_prob' has a value outside: finite numbers not above 0"),
    ("log_prob", np.nan, "'log_prob' has a value outside"),
    ("log_prob", -np.inf, "'log_prob' has a value outside"),
    ("action", 9, "'action' has a value outside: 0 to size - 1"),
    ("action", -1, "'action' has a value outside"),
    ("valid", 2, "'valid' has a value outside: 0 or 1"),
    ("legal", 0, "'action' has an action that column 'legal' forbids"),
])
def test_an_impossible_value_is_refused(name: str, value: float, sentence: str) -> None:
    columns = random_columns(GAME, (6, 4), seed=1)
    columns["valid"][2, 1] = 1
    columns[name][2, 1] = value
    with pytest.raises(ValueError, match=sentence):
        random_chunk(GAME, (6, 4), 1, columns)


def test_a_truncated_row_has_discount_zero_and_needs_no_legal_action() -> None:
    columns = random_columns(GAME, (6, 4), seed=1)
    columns["valid"][2, 1] = columns["legal"][2, 1] = columns["discount"][2, 1] = 0
    random_chunk(GAME, (6, 4), 1, columns)
    columns["discount"][2, 1] = 1
    with pytest.raises(ValueError, match="0 where valid is 0"):
        random_chunk(GAME, (6, 4), 1, columns)
