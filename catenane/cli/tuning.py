"""`catenane tune`."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Annotated

import typer

from catenane.cli import arguments as option
from catenane.cli.arguments import collect_settings, column_names, numbers, split_names
from catenane.cli.console import print_json, print_table, stdout

__all__ = ["tune"]


def tune(
    data: option.Data,
    target: option.Target,
    features: option.Features = "",
    weights: option.Weights = None,
    trials: Annotated[int, typer.Option(min=1, help="Settings to try, the recipe as it is included.")] = 20,
    space: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file of settings and their values.")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Validation folds of the other rows.")] = 3,
    model: option.Model = None,
    out: option.Out = None,
    split: Annotated[str, typer.Option(help="As of finetune.")] = "random",
    sizes: Annotated[str | None, typer.Option(metavar="80,10,10", help="As of finetune.")] = None,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="As of finetune.")] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="What is tuned; the model's, or small.")
    ] = None,
    task: option.Task = None,
    column: option.Column = None,
    seed: option.Seed = 0,
    settings: option.Set = None,
    resume: option.Resume = False,
    overwrite: option.Overwrite = False,
    device: option.Device = None,
    data_dir: option.DataDir = None,
    as_json: option.Json = False,
) -> None:
    """Choose settings on validation rows, and write them as a recipe for finetune; test rows take no part.

    Example: `catenane tune solubility.csv --target logS --split scaffold --trials 30 --out runs/tuned`
    """
    from catenane.data.sources import find_source
    from catenane.data.splits import split_shares
    from catenane.models.folder import find_bundle

    targets, changes = split_names(target, "--target"), collect_settings(settings)
    parts = None if sizes is None else split_shares(numbers(sizes, "--sizes"), 3 if test is None else 2)
    if model is not None:
        find_bundle(model)
    for source in filter(None, (data, test)):
        find_source(source, data_dir)

    from catenane.train import tune as run
    from catenane.train.tuning import ERRORS

    result = run(
        data, target=targets, features=split_names(features, "--features") if features else (),
        weights=weights, trials=trials, space=space, folds=folds, model=model, out=out, recipe=recipe,
        settings=changes, column=column_names(column), split=split, sizes=parts, test=test, task=task,
        seed=seed, resume=resume, overwrite=overwrite, device=device, data_dir=data_dir,
    )  # fmt: skip
    best = result.trials[result.best]
    if as_json:
        print_json({"best": best, "trials": result.trials, "out": str(result.folder)})
        return
    rows = []
    for number, trial in sorted(enumerate(result.trials, 1), key=lambda item: item[1]["error"] or math.inf):
        changed = ", ".join(f"{name}={_short(value)}" for name, value in trial["settings"].items())
        error = trial["failure"] or f"{trial['error']:.4f}"
        rows.append([str(number), error, f"{trial['way']}: {changed}" if changed else "the recipe as it is"])
    columns = {"trial": "number", "error": "text", "settings": "text"}
    print_table(f"{ERRORS[result.task]}, validation rows", columns, rows)
    again = ["finetune", data, "--target", target, "--split", split, "--seed", str(seed)]
    for name, value in (
        ("--sizes", sizes),
        ("--test", test),
        ("--model", model),
        ("--task", task),
        ("--column", column),
        ("--features", features or None),
        ("--weights", weights),
    ):
        again += [name, value] if value is not None else []
    command = shlex.join(["catenane", *again, "--recipe", str(result.folder / "recipe.toml")])
    stdout.print(f"\nOn the test rows, which were not looked at: {command}", soft_wrap=True)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
