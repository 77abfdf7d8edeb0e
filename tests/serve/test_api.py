"""The HTTP API, in process."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serve.api import create_app
from serve.run_control import open_store
from tests.serve.runs import TALLY, add_rows, add_run, dead_pid

Call = Callable[..., httpx.Response]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Sends one request to an API over `tmp_path`: `call("GET", "/health")`."""
    app = create_app(open_store(tmp_path))

    def call(method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    return call


def detail(response: httpx.Response) -> tuple[int, str]:
    """Status and sentence of an error."""
    return response.status_code, response.json()["detail"]


def test_health_counts_the_runs(call: Call, tmp_path: Path) -> None:
    assert call("GET", "/health").json()["runs"] == 0
    add_run(tmp_path, "alpha")
    assert call("GET", "/health").json() == {"status": "ok", "version": "0.1.0", "runs": 1}


def test_a_run_is_paused_resumed_and_stopped(call: Call, tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    for verb, desired in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        response = call("POST", f"/api/runs/alpha/{verb}")
        assert (response.status_code, response.json()["desired"]) == (202, desired)
        assert store.desired("alpha") == (desired, response.json()["generation"])
    assert [each["source"] for each in store.changes("alpha")] == ["train", "api", "api", "api"]
    assert detail(call("POST", "/api/runs/alpha/pause")) == (409, 'run "alpha" is stopping and cannot be paused')


def test_what_the_state_does_not_allow_is_a_conflict(call: Call, tmp_path: Path) -> None:
    add_run(tmp_path, "alpha", "completed")
    add_run(tmp_path, "beta", pid=dead_pid())
    assert detail(call("POST", "/api/runs/alpha/pause")) == (409, 'run "alpha" is completed and cannot be paused')
    status, sentence = detail(call("POST", "/api/runs/beta/resume"))
    assert status == 409
    assert "ludus train --resume --run-id beta" in sentence


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/metrics"), ("GET", "/windows"), ("GET", "/players"), ("GET", "/payoff"), ("POST", "/stop")],
)
def test_an_unknown_run_is_not_found(call: Call, tmp_path: Path, method: str, path: str) -> None:
    add_run(tmp_path, "alpha")
    status, sentence = detail(call(method, f"/api/runs/alpah{path}"))
    assert status == 404
    assert sentence.startswith('run "alpah" is not in ')
    assert 'did you mean "alpha"?' in sentence


def test_runs_are_listed_newest_first_and_shown(call: Call, tmp_path: Path) -> None:
    add_run(tmp_path, "alpha")
    add_run(tmp_path, "beta", pid=dead_pid())
    assert [(run["run_id"], run["status"]) for run in call("GET", "/api/runs").json()] == [
        ("beta", "interrupted"), ("alpha", "running")
    ]
    assert call("GET", "/api/runs/alpha").json()["config"]["seed"] == 5


def test_rows_players_and_payoff_are_passed_on(call: Call, tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    add_rows(tmp_path, "alpha", "training", [{"updates": i, "loss_total": float("nan")} for i in range(5)])
    add_rows(tmp_path, "alpha", "windows", [{"window": i} for i in range(3)])
    store.commit_result("alpha", "m1", {}, [TALLY])
    assert call("GET", "/api/runs/alpha/players").json() == {}
    (tmp_path / "alpha" / "league").mkdir()
    (tmp_path / "alpha" / "league" / "players.json").write_text('[{"name": "main"}]')
    assert call("GET", "/api/runs/alpha/players").json() == [{"name": "main"}]
    assert call("GET", "/api/runs/alpha/payoff").json() == [TALLY]
    assert call("GET", "/api/runs/alpha/windows").json() == [{"window": 0}, {"window": 1}, {"window": 2}]
    assert call("GET", "/api/runs/alpha/metrics?limit=2").json() == [
        {"updates": 3, "loss_total": None}, {"updates": 4, "loss_total": None}
    ]


@pytest.mark.parametrize("limit", ["0", "10001", "ten"])
def test_an_impossible_limit_is_one_sentence(call: Call, tmp_path: Path, limit: str) -> None:
    add_run(tmp_path, "alpha")
    status, sentence = detail(call("GET", f"/api/runs/alpha/metrics?limit={limit}"))
    assert status == 422
    assert sentence.startswith(f'limit "{limit}": Input should be ')


def test_polling_pages_get_the_newest_run_or_the_one_they_name(call: Call, tmp_path: Path) -> None:
    assert detail(call("GET", "/metrics/latest"))[1].startswith("there is no run in ")
    for run_id in ("alpha", "beta"):
        add_run(tmp_path, run_id)
    assert detail(call("GET", "/metrics/latest")) == (404, 'run "beta" has not finished a window yet')
    add_rows(tmp_path, "alpha", "windows", [{"env_steps": 10 * i, "avg_floor": 2.5} for i in range(4)])
    add_rows(tmp_path, "beta", "windows", [{"env_steps": 7, "loss_total": 0.25}])
    latest = call("GET", "/metrics/latest").json()
    assert (latest["step"], latest["loss"], latest["win_rate"]) == (7, 0.25, None)
    history = call("GET", "/metrics/history?run_id=alpha&limit=2").json()
    assert [(row["step"], row["avg_floor"]) for row in history] == [(20, 2.5), (30, 2.5)]


def test_prometheus_reads_rows_games_and_state_of_runs_at_work(call: Call, tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha", "paused")
    add_run(tmp_path, "beta", "completed")
    store.commit_result("alpha", "m1", {}, [TALLY])
    for run_id in ("alpha", "beta"):
        add_rows(tmp_path, run_id, "training", [{"loss_total": 9.0}, {"loss_total": 0.5, "note": "x", "won/lost": 2}])
    response = call("GET", "/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    samples = {
        (sample.name, sample.labels.get("run_id", sample.labels.get("status"))): sample
        for family in text_string_to_metric_families(response.text) for sample in family.samples
    }
    assert samples["ludus_training_loss_total", "alpha"].value == 0.5
    assert samples["ludus_training_won_lost", "alpha"].value == 2
    assert samples["ludus_wins_total", "alpha"].labels == {
        "run_id": "alpha", "game": "tic_tac_toe", "player": "main", "opponent": "random", "seat": "1"
    }
    assert samples["ludus_wins_total", "alpha"].value == 3
    assert samples["ludus_run_paused", "alpha"].value == 1
    assert samples["ludus_run_observed_generation", "alpha"].value == 1
    assert samples["ludus_runs", "completed"].value == samples["ludus_runs", "paused"].value == 1
    assert not any(run_id == "beta" for _, run_id in samples)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.1", "[", ""])
def test_a_foreign_host_is_refused(call: Call, tmp_path: Path, host: str) -> None:
    response = call("GET", "/api/runs", headers={"Host": host})
    assert detail(response) == (421, f'Host "{host}" is not this machine: use 127.0.0.1 or localhost')


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8123", "[::1]:8000", "LOCALHOST"])
def test_loopback_hosts_pass(call: Call, host: str) -> None:
    assert call("GET", "/api/runs", headers={"Host": host}).json() == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://["])
def test_a_page_from_elsewhere_cannot_change_a_run(call: Call, tmp_path: Path, origin: str) -> None:
    store = add_run(tmp_path, "alpha")
    response = call("POST", "/api/runs/alpha/stop", headers={"Origin": origin})
    assert detail(response) == (403, f'a page of "{origin}" may not change runs on this machine')
    assert store.desired("alpha") == ("running", 1)


def test_a_page_of_this_machine_can(call: Call, tmp_path: Path) -> None:
    add_run(tmp_path, "alpha")
    assert call("POST", "/api/runs/alpha/pause", headers={"Origin": "http://localhost:3000"}).status_code == 202


def test_a_store_that_cannot_be_read_is_unavailable(tmp_path: Path, call: Call) -> None:
    (tmp_path / "runs.sqlite").write_bytes(b"not a database" * 200)
    status, sentence = detail(call("GET", "/api/runs"))
    assert status == 503
    assert "file is not a database" in sentence
