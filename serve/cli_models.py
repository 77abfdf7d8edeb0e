"""`ludus evaluate` and `ludus calibrate`: how well a trained model plays, and how true its values are."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE

from serve.command_line import DEFAULT_RUNS_DIR, RunsDir, console, one_sentence
from serve.live_view import results_table
from serve.model_tables import error_table, player_name, report_lines, report_table

if TYPE_CHECKING:
    from actors.config import SelfPlay
    from actors.searcher import NetworkSearcher
    from league.evaluation import Score
    from league.positions import Positions, SetErrors
    from learners.calibration import Sample
    from learners.engines.engine import Engine
    from learners.model import Model
    from native.game import Game

BATCH = 256
EVALUATION_SEED = 20_001
BASELINE = "600 rollouts"
SIMULATIONS = 32
GAMES = 400

app = typer.Typer(rich_markup_mode="markdown")

POLICIES = ("deterministic", "stochastic")

ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A run, as `ludus runs list` shows it, or the folder of a run, a "
                        "checkpoint or a learner. Of a run, its newest checkpoint.")
]
EngineName = Annotated[
    str, typer.Option("--engine", help="Of inference; torch is exact, auto takes the fastest that is nearly so.")
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of inference.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def evaluate(
    model_path: ModelPath,
    positions: Annotated[
        Path | None, typer.Option(help="CSV of positions with the exact score of every move; see league/positions.py.")
    ] = None,
    sets: Annotated[str | None, typer.Option(help="Sets of these positions, divided by commas [default: all].")] = None,
    simulations: Annotated[
        int | None, typer.Option(min=0, help="Of the search for each move; 0: the network alone [default: as the run's "
                                 "evaluation.simulations; without a run 32, in games that can be searched].")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Measure plain tree search with 600 games of random play beside it.")
    ] = False,
    opponents: Annotated[
        str | None, typer.Option(help="Scripted players, divided by commas [default: all there are, without positions]")
    ] = None,
    games: Annotated[
        int | None, typer.Option(min=2, help="Against each of them, as many in every seat [default: about 400].")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Without a search: deterministic plays the most probable action, stochastic "
                                 "draws [default: as the run's evaluation.policy].")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of games and searches.")] = EVALUATION_SEED,
    engine: EngineName = "torch",
    threads: Threads = 1,
    as_json: AsJson = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Measure how a trained model plays: in positions with a known truth, and against scripted players.

    ```
    ludus evaluate RUN                                              games against scripted players, as the run plays
    ludus evaluate RUN --simulations 0 --opponents one_ply          the network alone, without search
    ludus evaluate RUN --positions scores.csv --baseline            errors, beside those of 600 rollouts
    ludus evaluate RUN --positions scores.csv --sets L1_R3 --json
    ```

    An *error* is a move that gives the result away: a win for a draw or a loss, a draw for a loss. Where all moves are
    equally good nobody errs, so that errors are also shown as a share of the other, *non-trivial* positions.

    Exit status: 0 measured, 2 a mistake in the request.
    """
    with one_sentence():
        model = _model(model_path, runs_dir)
        table = None if positions is None else _positions(positions, sets, model)
        bots = _bots(model.game, opponents) if opponents is not None or table is None else []
        simulations, games = _simulations(model, simulations), _games(model.game, games)
        mind, chosen = _engine(model, engine, threads)
        with console().status("measuring"):
            found = {} if table is None else _errors(model, mind, table, simulations, baseline, seed)
            scores = _scores(model, mind, bots, simulations, games, seed, _temperature(model, policy))
    if as_json:
        print(json.dumps({
            **_facts(model), "engine": chosen, "simulations": simulations,
            "positions": {player: [one.as_row() for one in rows] for player, rows in found.items()},
            "scores": [one.as_row() for one in scores],
        }, indent=2))
        return
    print(_title(model, chosen))
    if found:
        console().print(error_table(found))
    if scores:
        print(f"Games against scripted players, {player_name(simulations)}:")
        console().print(results_table([one.as_row() for one in scores], SIMPLE))


@app.command()
def calibrate(
    model_path: ModelPath,
    games: Annotated[int, typer.Option(min=2, help="Games that the model plays with itself.")] = 2000,
    simulations: Annotated[
        int, typer.Option(min=0, help="Of the search for each move; 0: moves of the network alone.")
    ] = 0,
    temperature: Annotated[float, typer.Option(min=0, help="At which the first moves are drawn.")] = 1.0,
    temperature_moves: Annotated[int, typer.Option(min=0, help="How many moves of a game those are.")] = 30,
    temperature_late: Annotated[float, typer.Option(min=0, help="After them; 0: the best move.")] = 0.0,
    random_moves: Annotated[int, typer.Option(min=0, help="Of each game before that, not judged.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="A dataset of decisions to judge in place of fresh games.")
    ] = None,
    bins: Annotated[int, typer.Option(min=2, max=100, help="Equal bins from -1 to 1.")] = 10,
    out: Annotated[
        Path | None, typer.Option(help="Where reliability.svg and calibration.json go [default: into the run].")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the games, apart from those of training.")] = 30_001,
    engine: EngineName = "torch",
    threads: Threads = 1,
    as_json: AsJson = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Ask how a model's values come true: in fresh games with itself, or in a dataset that it has not learned from.

    ```
    ludus calibrate RUN                                 2000 games of the network with itself
    ludus calibrate RUN --simulations 32 --games 500    of the search, whose values are judged as well
    ludus calibrate RUN --data held_out.parquet --out calibration
    ```

    Values are sorted into bins; a well calibrated model's games end in each bin, on average, as its values say. *ECE*
    is the mean distance between the two, from 0 to 2. Read it beside *by chance*: what a perfectly calibrated model
    would show in as many games. Intervals resample whole games.

    Exit status: 0 measured, 2 a mistake in the request.
    """
    with one_sentence():
        from league.calibrate import Temperature, check_outcomes, report, stored, write_report

        model = _model(model_path, runs_dir)
        mind, chosen = _engine(model, engine, threads)
        facts = {**_facts(model), "engine": chosen, "bins": bins, "seed": seed}
        with console().status("judging"):
            if data is not None:
                samples = stored(model.game, mind.evaluate, data, BATCH)
                facts |= {"data": str(data)}
            else:
                drawn = Temperature(temperature, temperature_moves, temperature_late)
                samples, told = _played(model, mind, games, simulations, drawn, random_moves, seed)
                facts |= told
            check_outcomes(model.game, samples)
            reports = {name: report(sample, bins=bins, seed=seed) for name, sample in samples.items()}
        folder = out if out is not None else (model.run or Path()) / "calibration"
        written = write_report(folder, facts, reports)
    if as_json:
        print(json.dumps({**facts, "values": reports}, indent=2))
        return
    print(_title(model, chosen))
    if "distinct_games" in facts:
        print(f"{facts['games']} games with itself, {facts['distinct_games']} of them distinct; "
              f"moves of {player_name(simulations)}")
    for name, one in reports.items():
        console().print(report_table(name, one))
        print("\n".join(report_lines(one)))
    print("written: " + ", ".join(str(path) for path in written))


def _model(path: str, runs_dir: Path) -> Model:
    from learners.model import load_model

    inside = runs_dir / path
    return load_model(inside if not Path(path).exists() and inside.exists() else Path(path))


def _engine(model: Model, name: str, threads: int) -> tuple[Engine, str]:
    """The engine with the model's weights, and why it is that one."""
    import torch

    from learners.engines.choice import choose

    torch.set_num_threads(threads)
    choice = choose(model.game, model.network, batch=BATCH, threads=threads, engine=name, seed=0)
    choice.engine.load(model.weights)
    return choice.engine, choice.engine.name


def _simulations(model: Model, asked: int | None) -> int:
    """Of the search for each move; None: as the model's run evaluates. Raises ValueError for a search of a game that
    cannot be searched."""
    if asked is None and model.run is None:
        return 0 if _unsearchable(model.game) else SIMULATIONS
    chosen = _evaluation(model).get("simulations", 0) if asked is None else asked
    if not isinstance(chosen, int) or chosen < 0:
        raise ValueError(f"the config in {model.run} has evaluation.simulations {chosen!r}, expected 0 or more")
    if chosen and (fault := _unsearchable(model.game)):
        raise ValueError(f"{fault}; --simulations 0 plays the network alone")
    return chosen


def _unsearchable(game: Game) -> str:
    """What keeps a game from being searched; empty if nothing does."""
    from native.search import Search
    from native.search_settings import SearchSettings

    if not game.state_bytes:
        return f"a search needs a game with states, environments of {game.name} have none"
    try:
        Search(game, 1, SearchSettings(simulations=1))
    except ValueError as fault:
        return str(fault)
    return ""


def _games(game: Game, asked: int | None) -> int:
    """As many in every seat. Raises ValueError if `asked` cannot be divided so."""
    seats = game.num_players
    if asked is not None and asked % seats:
        raise ValueError(f"--games is {asked}, expected a multiple of {seats}: as many in every seat")
    return GAMES - GAMES % seats if asked is None else asked


def _searcher(model: Model, mind: Engine, simulations: int, games: int) -> NetworkSearcher:
    """A search without noise, otherwise as the model's run has it."""
    from actors.searcher import NetworkSearcher, playing

    settings = _self_play(model)
    root = _evaluation(model).get("root") or settings.root
    play = playing(settings.model_copy(update={"root": root}), simulations)
    return NetworkSearcher(model.game, games, play, mind, cache=settings.cache)


def _evaluation(model: Model) -> dict[str, Any]:
    """The section of the run's config, as it stands there."""
    return model.config.get("evaluation") or {}


def _self_play(model: Model) -> SelfPlay:
    from pydantic import ValidationError

    from actors.config import SelfPlay

    try:
        return SelfPlay.model_validate(model.config.get("self_play") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(["self_play", *map(str, first["loc"])])
        raise ValueError(f"the config in {model.run} has an unusable {where}: {first['msg'].lower()}") from None


def _positions(path: Path, sets: str | None, model: Model) -> Positions:
    from league.positions import load_positions

    table = load_positions(path, model.game)
    return table if sets is None else table.of([name.strip() for name in sets.split(",")])


def _bots(game: Game, opponents: str | None) -> list[str]:
    """The scripted players that are asked for, all there are if none is. Raises ValueError for one there is not."""
    if opponents is None:
        return list(dict.fromkeys(("random", *game.bot_names)))
    bots = [name.strip() for name in opponents.split(",") if name.strip()]
    for name in bots:
        if name != "random":
            game.bot_index(name)
    return bots


def _errors(
    model: Model, mind: Engine, table: Positions, simulations: int, baseline: bool, seed: int
) -> dict[str, list[SetErrors]]:
    """Per player, the errors in each set."""
    from league.positions import by_policy, by_rollouts, by_searcher, errors

    found = {player_name(0): errors(table, by_policy(table, mind.evaluate))}
    if simulations:
        searcher = _searcher(model, mind, simulations, BATCH)
        found[player_name(simulations)] = errors(table, by_searcher(table, searcher.search, games=BATCH, seed=seed))
    if baseline:
        found[BASELINE] = errors(table, by_rollouts(table, seed=seed))
    return found


def _temperature(model: Model, policy: str | None) -> float:
    """At which the network alone plays."""
    chosen = policy or _evaluation(model).get("policy", POLICIES[0])
    if chosen not in POLICIES:
        raise ValueError(f"--policy is {chosen!r}, expected {' or '.join(POLICIES)}")
    return float(POLICIES.index(chosen))


def _scores(
    model: Model, mind: Engine, bots: Sequence[str], simulations: int, games: int, seed: int, temperature: float
) -> list[Score]:
    from actors.policy import NetworkPolicy
    from league import evaluation

    game = model.game
    if simulations:
        searcher = _searcher(model, mind, simulations, max(1, games // game.num_players))
        return [evaluation.evaluate_search(game, searcher, bot, games=games, seed=seed) for bot in bots]
    policy = NetworkPolicy(game, model.network)
    policy.load(0, model.weights)
    return evaluation.evaluate_all(
        game, lambda: evaluation.greedy(policy, seed, temperature), bots, games=games, seed=seed)


def _played(
    model: Model, mind: Engine, games: int, simulations: int, temperature: Any, random_moves: int, seed: int
) -> tuple[dict[str, Sample], dict[str, Any]]:
    """The values of fresh games, and what to say of these games."""
    from league.calibrate import SIDE_BY_SIDE, check_game, network_judge, play, search_judge

    check_game(model.game)
    if simulations:
        searcher = _searcher(model, mind, simulations, SIDE_BY_SIDE)
        judge = search_judge(searcher.search, temperature, seed)
    else:
        judge = network_judge(mind.evaluate, temperature, seed)
    played = play(model.game, judge, games, random_moves=random_moves, seed=seed)
    return played.samples, {
        "games": played.games, "distinct_games": played.distinct, "simulations": simulations,
        "temperature": temperature.first, "temperature_moves": temperature.moves,
        "temperature_late": temperature.later, "random_moves": random_moves,
    }


def _facts(model: Model) -> dict[str, Any]:
    return {"model": str(model.directory), "game": model.game.name, "version": model.facts.get("version")}


def _title(model: Model, engine: str) -> str:
    return f"{model.directory}: {model.game.name}, version {model.facts.get('version')}, computed by {engine}"
