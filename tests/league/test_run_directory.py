"""Files of a run are whole at any moment, and come back to what a checkpoint knew."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from league.run_directory import WINDOWS, RunDirectory


def fill(folder: Path) -> None:
    (folder / "part").write_text("x")


def test_metadata_is_kept_and_changed(tmp_path: Path) -> None:
    RunDirectory(tmp_path).update_metadata(status="running", latest_window=1)
    RunDirectory(tmp_path).update_metadata(latest_window=2)
    seen = json.loads((tmp_path / "run_metadata.json").read_text())
    assert (seen["status"], seen["latest_window"]) == ("running", 2)


def test_a_failed_checkpoint_leaves_the_old_one(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    files.write_checkpoint("ckpt_000001", fill, {"a": 1})

    def fail(folder: Path) -> None:
        (folder / "part").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_checkpoint("ckpt_000002", fail, {"a": 2})
    (only,) = files.checkpoints()
    assert json.loads((only / "run.json").read_text()) == {"a": 1}


def test_only_the_newest_checkpoints_stay(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    for number in range(4):
        files.write_checkpoint(f"ckpt_{number:06d}", fill, {})
    (tmp_path / "checkpoints/ckpt_000000/run.json").unlink()    # and then somebody was killed
    files.prune_checkpoints(2)
    assert [path.name for path in files.checkpoints()] == ["ckpt_000002", "ckpt_000003"]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["ckpt_000002", "ckpt_000003"]


def test_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    for number in range(2):
        path = files.write_checkpoint("ckpt_000001", fill, {"a": number})
    assert json.loads((path / "run.json").read_text()) == {"a": 0}


def test_the_state_of_one_that_is_there_can_be_amended(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    path = files.write_checkpoint("ckpt_000001", fill, {"a": 1, "b": [2]})
    files.amend_checkpoint("ckpt_000001", {"b": [3, float("nan")]})
    files.amend_checkpoint("ckpt_000002", {"b": 3})
    assert json.loads((path / "run.json").read_text()) == {"a": 1, "b": [3, None]}
    assert files.checkpoints() == [path]


def test_half_of_a_checkpoint_is_none_and_is_replaced(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    (files.write_checkpoint("ckpt_000001", fill, {"a": 0}) / "run.json").unlink()
    assert files.checkpoints() == []
    files.write_checkpoint("ckpt_000001", fill, {"a": 1})
    assert len(files.checkpoints()) == 1


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    files.append(WINDOWS, {"window": 1})
    with open(tmp_path / WINDOWS, "a") as file:
        file.write('{"window": 2, "lo')
    assert files.rows(WINDOWS) == [{"window": 1}]
    files.rewind(WINDOWS, lambda row: True, [])
    files.append(WINDOWS, {"window": 2})
    assert files.rows(WINDOWS) == [{"window": 1}, {"window": 2}]


def test_rewinding_leaves_neither_gap_nor_repeat(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    rows = [{"window": number, "x": number / 3} for number in range(1, 6)]
    for row in rows[:2] + rows[3:]:     # row 3 was lost, rows 4 and 5 came after the checkpoint
        files.append(WINDOWS, row)
    files.rewind(WINDOWS, lambda row: row["window"] <= 3, rows[1:3])
    assert files.rows(WINDOWS) == rows[:3]


def test_what_is_not_finite_becomes_null(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    row: dict[str, Any] = {"loss": float("nan"), "deep": [{"x": float("inf")}], "ok": 1.5}
    files.append(WINDOWS, row)
    assert json.loads((tmp_path / WINDOWS).read_text()) == {"loss": None, "deep": [{"x": None}], "ok": 1.5}


def test_weights_read_back(tmp_path: Path) -> None:
    files = RunDirectory(tmp_path)
    weights = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    files.save_weights("league/snapshots/x.safetensors", weights)
    np.testing.assert_array_equal(files.load_weights("league/snapshots/x.safetensors")["a"], weights["a"])
