"""`ludus export`: a trained model for other programs."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from serve.command_line import DEFAULT_RUNS_DIR, RunsDir, console, one_sentence

app = typer.Typer(rich_markup_mode="markdown")


@app.command()
def export(
    model_path: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run, as `ludus runs list` shows it, or the folder of a run, a "
                            "checkpoint or a learner. Of a run, its newest checkpoint.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where it goes, in place of what is there [default: into the checkpoint].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Write a model's weights (safetensors), what they are (JSON) and an ONNX graph, checked against torch.

    ```
    ludus export RUN                        into the folder model_inference of its newest checkpoint
    ludus export RUN --out model            into a folder of its own, which `ludus evaluate model` reads, too
    ```

    Exit status: 0 written, 2 a mistake in the request.
    """
    with one_sentence():
        from learners.export import Exporter, exported_beside
        from learners.model import load_model

        inside = runs_dir / model_path
        path = inside if not Path(model_path).exists() and inside.exists() else Path(model_path)
        model = load_model(path)
        folder = _folder(out) if out is not None else exported_beside(model.directory)
        facts = Exporter(model.game, model.network).write(folder, model.weights, int(model.facts["version"]))
    if as_json:
        print(json.dumps({"folder": str(folder), **facts}, indent=2))
        return
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, size in facts["bytes"].items():
        table.add_row(name, f"{size:,} bytes")
    console().print(f"{folder}: {model.game.name}, version {facts['version']}, {facts['parameters']:,} parameters")
    console().print(table)
    console().print("ONNX graph: " + ", ".join(facts["graph"].values()))


def _folder(out: Path) -> Path:
    """`out`, where there is nothing yet that anybody could miss. Raises ValueError otherwise."""
    from learners.export import is_export

    if out.exists() and not is_export(out) and not (out.is_dir() and not any(out.iterdir())):
        raise ValueError(f"{out} is there already and is no exported model, which could be replaced")
    return out.absolute()
