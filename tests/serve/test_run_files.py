"""Reading metrics while they are being written."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from serve.run_files import BLOCK_BYTES, newest_row, newest_rows, polling_row, read_document


def write(path: Path, rows: int, width: int = 10) -> Path:
    """A JSON-lines file of `rows` numbered rows, each about `width` bytes long."""
    path.write_text("".join(json.dumps({"i": i, "pad": "x" * width}) + "\n" for i in range(rows)))
    return path


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6, 1000])
@pytest.mark.parametrize("width", [1, BLOCK_BYTES // 2, BLOCK_BYTES + 7])
def test_the_newest_rows_come_oldest_first(tmp_path: Path, limit: int, width: int) -> None:
    rows = newest_rows(write(tmp_path / "rows.jsonl", 5, width), limit)
    assert [row["i"] for row in rows] == [0, 1, 2, 3, 4][-limit:]


def test_only_the_end_of_a_long_file_is_parsed(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", 3000, 100)
    path.write_bytes(b"this is not JSON\n" + path.read_bytes())
    assert [row["i"] for row in newest_rows(path, 3)] == [2997, 2998, 2999]


def test_a_row_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", 2)
    with path.open("a") as file:
        file.write('{"i": 2, "pa')
    assert [row["i"] for row in newest_rows(path, 5)] == [0, 1]
    assert newest_row(path)["i"] == 1


def test_a_run_without_files_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for name in ("empty.jsonl", "missing.jsonl"):
        assert newest_rows(tmp_path / name, 3) == []
        assert newest_row(tmp_path / name) == {}
    assert read_document(tmp_path / "missing.json") == {}


def test_what_json_does_not_have_becomes_null(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"loss": NaN, "norm": Infinity, "rate": 2.5}\n')
    assert newest_row(tmp_path / "rows.jsonl") == {"loss": None, "norm": None, "rate": 2.5}


def test_a_polling_row_has_the_fields_of_the_schema_and_all_others() -> None:
    row = {"env_steps": 12345, "window": 7, "loss_total": 0.432, "win_rate": 0.18, "avg_floor": 12.7,
           "env_steps_per_s": 55.2, "time": 1770206400.0, "entropy": 1.5}
    assert polling_row(row) == {
        **row, "step": 12345, "epoch": 7, "loss": 0.432, "decisions_per_sec": 55.2, "timestamp": "2026-02-04T12:00:00Z"
    }


def test_a_polling_row_says_null_for_what_the_run_does_not_measure() -> None:
    polled = polling_row({"step": 3, "loss": None, "loss_total": 0.5})
    assert polled["loss"] == 0.5
    assert polled["win_rate"] is polled["timestamp"] is polled["decisions_per_sec"] is None
    assert "avg_floor" not in polled
