"""`catenane pretrain` and `catenane finetune`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catenane.cli.arguments import (
    Column,
    DataDir,
    Device,
    Epochs,
    Json,
    Log,
    Out,
    Overwrite,
    Resume,
    Seed,
    Set,
    collect_settings,
    split_names,
)
from catenane.cli.console import command_line, print_json, print_table, stderr, stdout

__all__ = ["finetune", "pretrain"]


def pretrain(
    corpora: Annotated[
        list[str],
        typer.Argument(metavar="CORPUS...", help="Files of strings, or names of registered data sets."),
    ],
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="Name of a recipe, or a TOML file.")
    ] = "small",
    out: Out = None,
    epochs: Epochs = None,
    column: Column = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer",
            help="smiles, mofid, a tokenizer.json, or corpus to learn its own tokens; told from the strings.",
        ),
    ] = None,
    seed: Seed = 0,
    settings: Set = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    log: Log = "csv",
    device: Device = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Pretrain an encoder on a corpus by masking.

    Example: `catenane pretrain zinc.smi chembl.csv.gz --recipe small --out runs/encoder`
    """
    arguments: dict[str, Any] = {
        "out": out,
        "recipe": recipe,
        "settings": collect_settings(settings, pretraining__epochs=epochs),
        "column": column,
        "tokenizer": tokenizer,
        "seed": seed,
        "resume": resume,
        "overwrite": overwrite,
        "log": _log_format(log),
        "device": device,
        "data_dir": data_dir,
    }
    _check(corpora, arguments)

    from catenane.train import pretrain as run

    result = run(corpora, **arguments)
    if as_json:
        print_json(result.metrics | {"out": str(result.folder)})
        return
    held_out = result.metrics["held_out"]
    stdout.print(
        f"Of the hidden tokens of {held_out['strings']:,} strings held out, {held_out['accuracy']:.1%} "
        f"are restored (perplexity {held_out['perplexity']:.2f})."
    )
    stdout.print(f"The encoder is in {result.folder / 'bundle'}: give {result.folder} to finetune --model.")


def finetune(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="CSV, TSV, Parquet or SMI file, - or a registered name.")
    ],
    target: Annotated[str, typer.Option("--target", "-t", metavar="COL[,COL]", help="Columns of labels.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="BUNDLE", help="Pretrained model to start from.")
    ] = None,
    out: Out = None,
    split: Annotated[
        str, typer.Option("--split", help="random, scaffold, linker, topology, framework, or column:NAME.")
    ] = "random",
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", help="Name of a recipe or a TOML file; the model's, or small."),
    ] = None,
    epochs: Epochs = None,
    task: Annotated[
        str | None, typer.Option("--task", help="regression or classification; told from the labels.")
    ] = None,
    duplicates: Annotated[
        str, typer.Option("--duplicates", help="Rows that share a string: mean, median, first, or keep.")
    ] = "mean",
    baselines: Annotated[bool, typer.Option(help="Fit the baselines on the same split.")] = True,
    column: Column = None,
    seed: Seed = 0,
    settings: Set = None,
    on_error: Annotated[
        str, typer.Option("--on-error", help="A row that cannot be used: skip (and keep aside), or raise.")
    ] = "skip",
    resume: Resume = False,
    overwrite: Overwrite = False,
    log: Log = "csv",
    device: Device = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Train a property model on a table of strings and values, and report on it.

    Example: `catenane finetune solubility.csv --target logS --split scaffold --out runs/solubility`
    """
    arguments: dict[str, Any] = {
        "target": split_names(target, "--target"),
        "model": model,
        "out": out,
        "recipe": recipe,
        "settings": collect_settings(settings, finetuning__epochs=epochs),
        "column": column,
        "split": split,
        "task": _choice("--task", task, "regression", "classification"),
        "duplicates": _choice("--duplicates", duplicates, "mean", "median", "first", "keep"),
        "baselines": baselines,
        "seed": seed,
        "on_error": _choice("--on-error", on_error, "skip", "raise"),
        "resume": resume,
        "overwrite": overwrite,
        "log": _log_format(log),
        "device": device,
        "data_dir": data_dir,
        "command": command_line(),
    }
    _check([data], arguments)

    from catenane.reporting import summary_lines
    from catenane.train import finetune as run

    result = run(data, **arguments)
    if as_json:
        print_json(result.metrics | {"out": str(result.folder)})
        return
    assert result.folder is not None
    for line in summary_lines(result):
        stdout.print(line)
    stdout.print()
    for name, entry in result.metrics["targets"].items():
        _print_scores(name, entry)
    stdout.print(f"Report: {result.folder / 'report.html'}")
    if result.table.rejected:
        stderr.print(
            f"{len(result.table.rejected):,} rows could not be used: see {result.folder / 'rejected.csv'}",
            style="yellow",
        )


def _print_scores(name: str, entry: dict[str, Any]) -> None:
    """The model beside its baselines, best first."""
    contestants = {"this model": entry["test"], **entry["baselines"]}
    scores = [score for score in entry["test"] if score != "n"]
    main, sign = ("mae", 1) if "mae" in scores else ("roc_auc", -1)
    order = sorted(
        contestants, key=lambda c: (contestants[c][main] is None, sign * (contestants[c][main] or 0.0))
    )
    rows = [
        [
            contestant,
            *(
                "-" if (value := contestants[contestant][score]) is None else f"{value:.3f}"
                for score in scores
            ),
        ]
        for contestant in order
    ]
    unit = f", {entry['unit']}" if entry["unit"] else ""
    title = f"{name}{unit}: {entry['test']['n']:,} test rows"
    print_table(title, ["", *scores], rows, numbers=scores)
    stdout.print()


def _check(sources: list[str], arguments: dict[str, Any]) -> None:
    """Refuse names of nothing and wrong settings at once, before the libraries of training are loaded.

    Raises:
        DataError: A table is not there.
        BundleError: The model is not there.
        ConfigError: The recipe is not there, or a setting is wrong.
    """
    from catenane.config import load_recipe
    from catenane.data.sources import find_source
    from catenane.models.folder import find_bundle

    model, recipe = arguments.get("model"), arguments["recipe"]
    if model is not None:
        find_bundle(model)
    if model is None or recipe is not None:
        load_recipe(recipe or "small").with_settings(arguments["settings"])
    for source in sources:
        find_source(source, arguments["data_dir"])


def _choice(option: str, value: str | None, *allowed: str) -> Any:
    if value is not None and value not in allowed:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(allowed)}", param_hint=option)
    return value


def _log_format(value: str) -> Any:
    return _choice("--log", value, "csv", "tensorboard")
