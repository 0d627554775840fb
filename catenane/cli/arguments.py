"""Options that several verbs share, and how their text becomes values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from catenane.errors import UsageError

__all__ = [
    "Column", "Data", "DataDir", "Device", "Epochs", "Features", "Json", "Languages", "Log", "Model",
    "OptionalData", "Out", "Overwrite", "Replace", "Resume", "Seed", "Set", "Target", "Task", "Weights",
    "collect_settings", "column_names", "numbers", "split_names",
]  # fmt: skip

Column = Annotated[
    str | None,
    typer.Option(
        metavar="COL[,COL]", help="Column of the strings, found by default; of a solute and a solvent, two."
    ),
]
Data = Annotated[
    str, typer.Argument(metavar="DATA", help="CSV, TSV, Parquet or SMI file, - or a registered name.")
]
OptionalData = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="As a rule. CSV, TSV, Parquet or SMI file, - or a registered name.",
        show_default=False,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(envvar="CATENANE_DATA", metavar="DIR", help="Local copies of data sets."),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps; the fastest there is by default.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the data; the recipe's by default.")]
Features = Annotated[
    str, typer.Option(metavar="COL[,COL]", help="Columns of numbers, as further inputs of the model.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Languages = Annotated[
    str | None,
    typer.Option(metavar="NAME[,NAME]", help="Of texts, in order; by default what their names end in."),
]
Log = Annotated[
    Literal["csv", "tensorboard"], typer.Option(help="Curves as CSV, or for TensorBoard as well.")
]
Model = Annotated[
    str | None, typer.Option("--model", "-m", metavar="BUNDLE", help="Pretrained model to start from.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Delete an earlier run in that folder.")]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace a file of that name.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an earlier run was stopped or killed.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.NAME=VALUE", help="Change a recipe's setting; may be repeated."),
]
Target = Annotated[str, typer.Option("--target", "-t", metavar="COL[,COL]", help="Columns of labels.")]
Task = Annotated[
    Literal["regression", "classification", "multiclass"] | None,
    typer.Option(help="Inferred from the labels by default."),
]
Weights = Annotated[str | None, typer.Option(metavar="COL", help="Weights of the rows in training.")]


def collect_settings(pairs: list[str] | None, **more: Any) -> dict[str, Any]:
    """Recipe settings from `--set TABLE.NAME=VALUE`, and `table__name` from options of their own.

    Values are read as JSON where they are JSON (numbers, true, lists) and as text otherwise.
    """
    settings = {}
    for pair in pairs or []:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r} must read TABLE.NAME=VALUE, as in --set finetuning.epochs=5")
        try:
            settings[name.strip()] = json.loads(text)
        except json.JSONDecodeError:
            settings[name.strip()] = text
    return settings | {name.replace("__", "."): value for name, value in more.items() if value is not None}


def column_names(text: str | None) -> str | tuple[str, ...] | None:
    """The name of a column, or several names."""
    return split_names(text, "--column") if text is not None and "," in text else text


def split_names(text: str, option: str, *, repeats: bool = False) -> tuple[str, ...]:
    """Comma-separated names without blanks; an error where there is none, or one is named twice."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError(f"{option} needs at least one name")
    if len(set(names)) < len(names) and not repeats:
        raise UsageError(f"{option} names one twice: {text}")
    return names


def numbers(text: str, option: str) -> list[float]:
    """Comma-separated numbers; an error where one is none."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text!r}: expected numbers with commas between them") from None
