"""The command line, `ludus`: train, watch, steer and measure.

Torch and Ray are imported only by the commands that need them, so that the others answer at once.
"""
from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from serve import cli_baseline, cli_datasets, cli_export, cli_imitate, cli_models, cli_replay, cli_runs
from serve.api_server import DEFAULT_PORT
from serve.command_line import DEFAULT_RUNS_DIR, Port, Profile, RunsDir, Serve, console, one_sentence

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""
Train an agent that is strong at a game; watch, steer and measure it.

```
ludus games                                   what can be played
ludus train configs/connect_four.yaml         train; Ctrl-C ends it safely
ludus train configs/connect_four.yaml seed=7  with one setting changed
ludus train --resume                          continue the newest run cut short
ludus runs list                               what runs, and what ran
ludus runs pause RUN                          steer a run from another shell
ludus evaluate RUN                            how strong a trained network is
ludus calibrate RUN                           whether its values mean what they say
ludus dataset --help                          searched or recorded decisions as data
ludus imitate DATA                            behaviour cloning of recorded decisions
ludus replay RUN                              a recorded game, played again
ludus export RUN                              a trained network for other programs
ludus bench envs                              how fast this machine is
```
""",
)
app.add_typer(cli_runs.app, name="runs")
app.add_typer(cli_datasets.app, name="dataset")
app.add_typer(cli_models.app)       # its commands are top-level ones
app.add_typer(cli_imitate.app)
app.add_typer(cli_baseline.app)
app.add_typer(cli_export.app)
app.add_typer(cli_replay.app)



@app.command()
def games() -> None:
    """List the games, with their sizes, options and scripted players."""
    from envs import registry

    for name in registry.names():
        game = registry.make(name)
        kinds = ("stochastic", "hidden", "simultaneous", "zero_sum")
        facts = {
            "players": game.num_players,
            "actions": " x ".join(str(size) for size in game.head_sizes),
            "observation": f"{' x '.join(str(size) for size in game.observation_shape)} {game.observation_dtype}",
            "at most": f"{game.max_length} moves",
            "kind": ", ".join(kind.replace("_", "-") for kind in kinds if getattr(game, kind)),
            "scripted": ", ".join(game.bot_names),
            **{f"option {option}": meaning for option, meaning in registry.entry(name).options.items()},
        }
        table = Table(box=None, show_header=False, padding=(0, 2))
        for fact, value in facts.items():
            if value:
                table.add_row(fact, str(value))
        console().print(f"[bold]{name}[/bold]: {registry.entry(name).summary}")
        console().print(table)


@app.command()
def train(
    config: Annotated[str | None, typer.Argument(help="A YAML file, such as configs/connect_four.yaml.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change, such as seed=7.")
    ] = None,
    profile: Profile = None,
    run_id: Annotated[str | None, typer.Option(help="The run's name [default: the config's, and the time].")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue --run-id, or the newest run cut short, with its own config.")
    ] = False,
    serve: Serve = True,
    port: Port = DEFAULT_PORT,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Train until the config's end, a stop, or Ctrl-C (which writes a checkpoint; twice stops at once).

    Exit status: 0 completed or stopped, 1 failed, 2 a mistake in the request, 130 interrupted with a checkpoint.
    """
    from league.config import load_config
    from serve.train_command import TrainRequest, execute, import_train

    changes = list(overrides or [])
    path = Path(config) if config is not None else None
    if config is not None and "=" in config and not Path(config).exists():
        path, changes = None, [config, *changes]
    request = TrainRequest(path, changes, profile, run_id, resume, serve, runs_dir, port)
    with one_sentence():
        status = execute(request, load_config, import_train, console())
    raise typer.Exit(status)


@app.command()
def serve(port: Port = DEFAULT_PORT, runs_dir: RunsDir = DEFAULT_RUNS_DIR) -> None:
    """Answer HTTP over the folder of runs, without training (Ctrl-C ends it)."""
    from serve import api_server

    api_server.serve(runs_dir, port)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="A benchmark of tests/benchmarks, or all.")],
    peers: Annotated[bool, typer.Option("--peers", help="Measure other libraries too, where installed.")] = False,
    device: Annotated[str | None, typer.Option(help="learner: where it computes: auto, cpu or cuda.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="learner: mlp, small, medium or large; may be given several times.")
    ] = None,
) -> None:
    """Measure, and print one JSON object per line."""
    options = {key: value for key, value in (("device", device), ("network", network)) if value}
    with one_sentence():
        found = [_records(module, peers, options) for module in _benchmarks(name)]
    for records in found:
        for record in records:
            print(json.dumps(record), flush=True)


def main() -> None:
    """The console script `ludus`."""
    app()


def _records(module: Any, peers: bool, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a benchmark will find, measured when it is asked for."""
    if unknown := options.keys() - inspect.signature(module.run).parameters.keys():
        raise ValueError(f"benchmark {module.__name__.rpartition('.')[2]} has no option --{min(unknown)}")
    records: Iterator[dict[str, Any]] = module.run(peers, **options)
    return records


def _benchmarks(name: str) -> list[Any]:
    folder = importlib.import_module("tests.benchmarks").__path__
    names = sorted(found.name for found in pkgutil.iter_modules(folder))
    modules = _runnable([each for each in names if name in (each, each.replace("_", "-"), "all")])
    if not modules:
        known = ", ".join(module.__name__.rpartition(".")[2].replace("_", "-") for module in _runnable(names))
        raise ValueError(f'benchmark "{name}" is unknown, expected one of {known}, or all')
    return modules


def _runnable(names: list[str]) -> list[Any]:
    modules = [importlib.import_module(f"tests.benchmarks.{name}") for name in names]
    return [module for module in modules if hasattr(module, "run")]


if __name__ == "__main__":
    main()
