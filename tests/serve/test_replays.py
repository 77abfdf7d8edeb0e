"""Recorded games over HTTP and on the command line."""
from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from league.config import parse_config
from league.evaluation import scripted
from league.replay_recorder import ReplayRecorder
from league.run_directory import RunDirectory
from serve.api import create_app
from serve.cli import app
from serve.run_control import open_store, show_run
from tests.serve.runs import add_run

RUN = CliRunner()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of Prospector that has four replays of two windows, and one of Connect Four without any."""
    folder = tmp_path_factory.mktemp("runs")
    add_run(folder, "empty")
    add_run(folder, "alpha")
    config = parse_config({
        "game": "prospector", "game_options": {"rules": "balanced", "time_max": 80}, "backend": "local",
        "evaluation": {"opponents": [], "replays": 2, "milestones": {"return": [-100.0, 100.0], "profit": [-1.0]}},
    }, "test")
    recorder = ReplayRecorder(config, config.make_game(), "alpha", RunDirectory(folder / "alpha"), lambda event: None)
    for window in (1, 2):
        recorder.record(lambda seed: scripted("random"), window=window, checkpoint=f"checkpoints/{window}",
                        env_steps=100 * window, version=window)
    return folder


def index(runs: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((runs / "alpha/replay_index.json").read_text())["replays"]
    return entries


def get(runs: Path, path: str) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(open_store(runs)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.get(f"/api/runs{path}")

    return asyncio.run(send())


def ludus(runs: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and everything printed."""
    result = RUN.invoke(app, ["replay", *arguments, "--runs-dir", str(runs)])
    return result.exit_code, result.output


def test_the_list_is_filtered_by_tag_and_window(runs: Path) -> None:
    ids = [entry["id"] for entry in reversed(index(runs))]
    best = [entry["id"] for entry in reversed(index(runs)) if "best_so_far" in entry["tags"]]
    assert [entry["id"] for entry in get(runs, "/alpha/replays").json()] == ids
    assert [entry["id"] for entry in get(runs, "/alpha/replays?limit=1").json()] == ids[:1]
    assert [entry["id"] for entry in get(runs, "/alpha/replays?window=1").json()] == ids[2:]
    assert [entry["id"] for entry in get(runs, "/alpha/replays?tag=best_so_far&tag=every_window").json()] == best
    assert [entry["id"] for entry in get(runs, "/alpha/replays?tag=milestone:return:-100").json()] == ids
    assert [entry["id"] for entry in get(runs, "/alpha/replays?tag=milestone:profit").json()] == ids
    assert get(runs, "/alpha/replays?tag=milestone:return:100").json() == []
    assert get(runs, "/empty/replays").json() == []


def test_frames_come_in_pages_from_the_beginning_to_the_end(runs: Path) -> None:
    entry = index(runs)[0]
    found: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        page = get(runs, f"/alpha/replays/{entry['id']}/frames?offset={offset}&limit=7").json()
        assert page["count"] == len(page["frames"]) <= 7
        assert page["header"]["seed"] == entry["seed"]
        found += page["frames"]
        offset = page["next_offset"]
    assert [frame["step"] for frame in found] == list(range(entry["length"] + 1))
    assert found[0]["frame"]["ticks"] == 0
    assert found[-1]["terminal"]
    assert get(runs, f"/alpha/replays/{entry['id']}/frames?offset={entry['length'] + 1}").json()["frames"] == []
    assert get(runs, f"/alpha/replays/{entry['id']}").json() == entry


@pytest.mark.parametrize("path", ["/alpha/replays/nothing", "/alpha/replays/nothing/frames", "/empty/replays/x"])
def test_what_is_not_there_is_not_found(runs: Path, path: str) -> None:
    response = get(runs, path)
    assert response.status_code == 404
    assert "has no replay" in response.json()["detail"]
    assert get(runs, "/nobody/replays").status_code == 404


def test_a_run_is_shown_with_its_replays(runs: Path) -> None:
    shown = show_run(open_store(runs), "alpha").replays
    best = max(index(runs), key=lambda entry: entry["return"])
    assert (shown["count"], shown["latest"]["id"], shown["best"]["id"]) == (4, index(runs)[-1]["id"], best["id"])
    assert show_run(open_store(runs), "empty").replays == {"count": 0}


def test_the_newest_is_played_again_and_told_in_words(runs: Path) -> None:
    status, text = ludus(runs, "alpha")
    entry = index(runs)[-1]
    lines = text.strip().splitlines()
    assert status == 0
    assert lines[0].endswith(f"{entry['path']}: prospector, policy version 2, alone, seed {entry['seed']}")
    assert len(lines) == entry["length"] + 2
    assert "seat 0: " in lines[1]
    assert lines[-1].endswith("played again: the same")


def test_one_is_chosen_by_id_tag_or_file(runs: Path) -> None:
    first = index(runs)[0]
    for arguments in (["alpha", "--id", first["id"]], [str(runs / "alpha" / first["path"])]):
        status, text = ludus(runs, *arguments, "--json")
        assert (status, json.loads(text)["header"]["seed"]) == (0, first["seed"])
    best = max(index(runs), key=lambda entry: entry["return"])
    assert json.loads(ludus(runs, "alpha", "--tag", "best_so_far", "--json")[1])["header"]["seed"] == best["seed"]
    status, text = ludus(runs, "alpha", "--list")
    assert all(entry["id"] in text for entry in index(runs))
    assert [entry["id"] for entry in json.loads(ludus(runs, "alpha", "--list", "--json")[1])] == [
        entry["id"] for entry in reversed(index(runs))]


def test_it_is_drawn(runs: Path, tmp_path: Path) -> None:
    length = index(runs)[-1]["length"]
    status, _ = ludus(runs, "alpha", "--svg", str(tmp_path / "drawn"), "--every", "10")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == sorted(
        {f"{number:06d}.svg" for number in (*range(0, length, 10), length)})
    assert (tmp_path / "drawn/000000.svg").read_text().startswith("<svg")


def test_mistakes_are_sentences(runs: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (["nobody"], "there is no run nobody"), (["empty"], "has no replay"), (["alpha", "--id", "x"], "has no replay"),
        (["alpha", "--tag", "x"], "has no replay with tag x"),
        ([str(runs / "alpha/replay_index.json"), "--list"], "--list needs a run"),
    ):
        status, text = ludus(runs, *arguments)
        assert (status, sentence in text) == (2, True), text
    damaged = tmp_path / "x.jsonl.gz"
    damaged.write_bytes(b"nothing")
    assert ludus(runs, str(damaged))[0] == 2


def test_a_replay_that_goes_another_way_has_a_status_of_its_own(runs: Path, tmp_path: Path) -> None:
    from league.replay_record import read

    replay = read(runs / "alpha" / index(runs)[0]["path"])
    replay.steps[4]["rewards"][0] += 1
    (tmp_path / "x.jsonl.gz").write_bytes(replay.packed())
    status, text = ludus(runs, str(tmp_path / "x.jsonl.gz"))
    assert status == 1
    assert "does not play again as recorded: prospector, step 5: rewards" in text
