"""`ludus baseline`: RLlib's own algorithms on our games, measured as our runs are."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from serve.api_server import DEFAULT_PORT
from serve.command_line import DEFAULT_RUNS_DIR, Port, Profile, RunsDir, Serve, console, one_sentence

ALGORITHMS = ("ppo", "impala", "appo")

app = typer.Typer(rich_markup_mode="markdown")


@app.command()
def baseline(
    config: Annotated[Path, typer.Argument(help="A YAML file, such as configs/connect_four_demo.yaml.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change, such as seed=7 or baseline.cores=4."),
    ] = None,
    algo: Annotated[str, typer.Option(help=f"One of {', '.join(ALGORITHMS)}.")] = "ppo",
    minutes: Annotated[float | None, typer.Option(help="Of training [default: the config's budget].")] = None,
    profile: Profile = None,
    run_id: Annotated[
        str | None, typer.Option(help="The run's name [default: of the algorithm, the config, and the time].")
    ] = None,
    serve: Serve = True,
    port: Port = DEFAULT_PORT,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Train RLlib's PPO, IMPALA or APPO on a config's game: an independent yardstick for our own training.

    ```
    ludus baseline --algo ppo configs/connect_four_demo.yaml --minutes 3
    ludus baseline --algo appo configs/connect_four_demo.yaml learning.network.hidden=[64,64] baseline.cores=4
    ludus baseline --algo ppo CONFIG "baseline.training={num_epochs: 10}"      any argument of RLlib's training()
    ```

    Network, learning rate, discount, entropy bonus and evaluation are the config's, so that it is the algorithms that
    are compared. Where a game has several seats, RLlib learns in one of them, another in every game; the players of
    `league.bots` hold the others, those of `evaluation.opponents` if there are none.

    The weights are in the run's newest checkpoint, for `ludus evaluate`. Ctrl-C ends the training, not the evaluation.

    Exit status: 0 completed, 1 failed, 2 a mistake in the request.
    """
    from serve.train_command import TrainRequest, execute, import_train

    with one_sentence():
        from league.config import load_config

        if algo not in ALGORITHMS:
            raise ValueError(f"--algo is {algo!r}, expected one of {', '.join(ALGORITHMS)}")
        if minutes is not None and not minutes > 0:
            raise ValueError(f"--minutes is {minutes:g}, expected more than 0")
        changes = [*(overrides or []), "method=baseline", f"baseline.algorithm={algo}"]
        if minutes is not None:
            changes += [f"budget.minutes={minutes}", "budget.updates=null", "budget.env_steps=null"]
        name = run_id or f"baseline-{algo}-{config.stem.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
        request = TrainRequest(config, changes, profile, name, False, serve, runs_dir, port)

        status = execute(request, load_config, import_train, console())
    raise typer.Exit(status)
