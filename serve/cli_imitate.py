"""`ludus imitate`: learn to play as somebody did, from a dataset."""
from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve.api_server import DEFAULT_PORT
from serve.command_line import DEFAULT_RUNS_DIR, Port, RunsDir, Serve, console, one_sentence

if TYPE_CHECKING:
    from league.config import RunConfig

PI_SUP = "pi_sup"

app = typer.Typer(rich_markup_mode="markdown")


@app.command()
def imitate(
    data: Annotated[Path, typer.Argument(help="A dataset: of decisions, or of the arena's steps.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change, such as imitation.epochs=5."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A config, for network and optimiser [default: the usual, for the data's game].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the best weights, besides the run's own pi_sup.")
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="The run's name [default: the dataset's, and the time].")] = None,
    serve: Serve = True,
    port: Port = DEFAULT_PORT,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Learn to play as somebody did: behaviour cloning, until the loss on held-out games no longer falls.

    ```
    ludus dataset generate --game beasty_bar --bot outcome_heuristic --decisions 200000 --out bot.parquet
    ludus imitate bot.parquet learning.network.hidden=[512,512]
    ludus imitate bot.parquet --config configs/imitate_beasty_bar.yaml --out bot_network
    ludus train configs/beasty_bar_smoke.yaml learning.network.hidden=[512,512] learning.initialise_from=runs/RUN/pi_sup
    ```

    It begins with what is in the dataset and ends with how often the network would have played what was played, in
    games that it has not learned from. The best weights are in RUN/pi_sup: for `ludus evaluate`, `ludus calibrate` and
    `learning.initialise_from`. It is a run as others are: `ludus runs` steers it, and after Ctrl-C
    `ludus train --resume` goes on with it.

    Exit status: 0 completed or stopped, 1 failed, 2 a mistake in the request, 130 interrupted with a checkpoint.
    """
    from serve.train_command import TrainRequest, execute, import_train

    with one_sentence():
        if out is not None and out.exists():
            raise ValueError(f"{out} exists: remove it or choose another name")
        changes = list(overrides or [])
        name = run_id or f"imitate-{data.stem.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
        request = TrainRequest(data, changes, None, name, False, serve, runs_dir, port)

        def load(path: Path, changes: list[str], profile: str | None) -> RunConfig:
            return _settings(path, config, changes)

        status = execute(request, load, import_train, console())
        best = runs_dir / name / PI_SUP
        if out is not None and status == 0 and best.is_dir():
            _copy(best, runs_dir / name / "config.yaml", out)
            console().print(f"the best weights are in {out}", soft_wrap=True)
    raise typer.Exit(status)


def _settings(data: Path, config: Path | None, changes: list[str]) -> RunConfig:
    """Of a run that imitates `data`; without a config, of its game, as its file says. Raises ValueError."""
    from league.config import load_config, parse_config
    from league.imitation_source import game_of, knows_outcomes

    if not data.exists():
        raise ValueError(f"there is no dataset {data}")
    if config is not None:
        of_data = ["method=imitate", f"imitation.dataset={json.dumps(str(data))}", "imitation.bot=null",
                   "imitation.opponents=[]"]
        return load_config(config, [*of_data, *changes])
    game, options = game_of(data)
    tree: dict[str, Any] = {
        "method": "imitate", "game": game, "game_options": options, "imitation": {"dataset": str(data)}
    }
    if not knows_outcomes(data):
        tree["learning"] = {"search_objective": {"value": 0.0}}
    return parse_config(tree, str(data), changes)


def _copy(best: Path, config: Path, out: Path) -> None:
    """`out`, whole or not at all: the learner's folder, and the config that tells the game's options."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        shutil.copytree(best, aside / "learner")
        shutil.copyfile(config, aside / "config.yaml")
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
