"""`catenane predict` and `catenane embed`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from catenane.cli.arguments import Column, DataDir, Device
from catenane.cli.console import print_table, stderr, stdout
from catenane.cli.outputs import VECTOR_WRITERS, csv_rows
from catenane.errors import UsageError

__all__ = ["embed", "predict"]

MOST_RANKED, SHORTEST = 3, 24
"""Targets that a ranking shows, and the least room for a string in it."""
Strings = Annotated[
    list[str],
    typer.Argument(metavar="STRINGS|FILE|-", help="Strings themselves, one file of them, or - for stdin."),
]
ModelName = Annotated[
    str, typer.Option("--model", "-m", metavar="BUNDLE", help="Model folder, or the name of a bundled model.")
]


def predict(
    strings: Strings,
    model: ModelName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV file; stdout by default.")
    ] = None,
    rank: Annotated[
        str | None,
        typer.Option("--rank", metavar="TARGET", help="Print the highest in this target as a table."),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows of that table.")] = 20,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Predict properties: CSV of string, a column per target, and why a row has no answer.

    Rows come in the order given, and one that cannot be read never stops the others.

    Example: `catenane predict candidates.csv --model mof-uptake --rank co2_0.1bar`
    """
    from catenane.inference import in_chunks, load

    answering = load(model, device=device)
    _ = answering.property_model
    if rank is not None and rank not in answering.targets:
        raise UsageError(f"--rank {rank!r}: the model predicts {', '.join(answering.targets)}")
    n_rows, n_failed = 0, 0
    best: list[tuple[float, str, list[str]]] = []
    with csv_rows(out, silent=rank is not None and out is None) as write:
        write(["string", *answering.targets, "error"])
        for chunk in in_chunks(_read_strings(strings, column, data_dir)):
            answers = answering.answer([text for _, text, _ in chunk])
            for (_, text, unread), values, error in zip(chunk, answers.values, answers.errors, strict=True):
                error = unread or error
                shown = ["" if error else f"{value:.6g}" for value in values]
                write([text, *shown, error])
                n_failed += bool(error)
                if rank is not None and not error:
                    best.append((values[answering.targets.index(rank)], text, shown))
            n_rows += len(chunk)
            best = sorted(best, key=lambda entry: -entry[0])[:top]
    if rank is not None:
        _print_ranking(rank, answering, best)
    if n_failed:
        where = f"the error column of {out}" if out else "the error column"
        stderr.print(f"{n_failed:,} of {n_rows:,} rows have no answer: {where} says why", style="yellow")


def embed(
    strings: Strings,
    model: ModelName,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help=".npy or .parquet file to write.")],
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Write the encoder's vector of every string.

    A .npy file holds the float32 array alone; a .parquet file has columns string, vector and error. In both a
    string that cannot be read is a row of NaN, so that rows stay in the order given.

    Example: `catenane embed molecules.smi --model runs/encoder --out vectors.npy`
    """
    from catenane.inference import in_chunks, load

    if out.suffix not in VECTOR_WRITERS:
        raise UsageError(f"--out {out}: must end in {' or '.join(VECTOR_WRITERS)}")
    reading = load(model, device=device)
    width = reading.config.recipe.encoder.d_model
    n_rows, failed = 0, []
    with VECTOR_WRITERS[out.suffix](out, width) as write:
        for chunk in in_chunks(_read_strings(strings, column, data_dir)):
            found = reading.embed_readable([text for _, text, _ in chunk])
            found.errors[:] = [
                unread or error for (_, _, unread), error in zip(chunk, found.errors, strict=True)
            ]
            found.values[[bool(error) for error in found.errors]] = np.nan
            write(found)
            n_rows += len(chunk)
            failed += [
                f"row {row}: {error}" for (row, _, _), error in zip(chunk, found.errors, strict=True) if error
            ]
    stderr.print(f"{n_rows:,} vectors of {width} numbers written to {out}")
    if failed:
        stderr.print(
            f"{len(failed):,} rows could not be read and are NaN; {failed[0]}", style="yellow", markup=False
        )


def _read_strings(
    strings: list[str], column: str | None, data_dir: Path | None
) -> Iterator[tuple[int, str, str]]:
    """Rows of a file where one thing is given that names one, else the strings themselves.

    Yields:
        Number of the row from 1, its string, and why there is none ("" where there is).
    """
    from catenane.data import Rejection, stream_strings

    if len(strings) > 1 or not _names_a_table(strings[0]):
        yield from ((row, text, "") for row, text in enumerate(strings, start=1))
        return
    waiting: list[Rejection] = []

    def flush() -> Iterator[tuple[int, str, str]]:
        yield from ((rejection.row, rejection.value, rejection.reason) for rejection in waiting)
        waiting.clear()

    for row, text in stream_strings(
        strings[0], string_column=column, data_dir=data_dir, on_rejection=waiting.append
    ):
        yield from flush()
        yield row, text, ""
    yield from flush()


def _names_a_table(text: str) -> bool:
    """True for "-", a data set, a file, and what can only be meant as one: no SMILES ends in .csv."""
    from catenane.data import DATASETS

    endings = (".csv", ".tsv", ".smi", ".smiles", ".parquet", ".gz", ".txt")
    if text == "-" or text in DATASETS or text.lower().endswith(endings):
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # a SMILES may be too long for a file name, or hold what none can
        return False


def _print_ranking(rank: str, model: Any, best: list[tuple[float, str, list[str]]]) -> None:
    """A line a string, the highest first; long ones lose their middle, which the file of --out keeps."""
    units = model.bundle.units
    order = [rank, *(name for name in model.targets if name != rank)][:MOST_RANKED]
    places = [model.targets.index(name) for name in order]
    heads = [f"{name}, {units[name]}" if units[name] else name for name in order]
    room = max(SHORTEST, stdout.width - sum(len(head) + 2 for head in heads) - 6)
    rows = [
        [str(number), *(f"{float(shown[place]):.3f}" for place in places), _shorten(text, room)]
        for number, (_, text, shown) in enumerate(best, start=1)
    ]
    title = f"Highest {rank}, predicted by {model.bundle.card.get('name', 'the model')}"
    print_table(title, ["", *heads, "string"], rows, numbers=["", *heads])


def _shorten(text: str, room: int) -> str:
    """The text, or its beginning and its end: a MOFid ends in its net and catenation."""
    if len(text) <= room:
        return text
    tail = room // 3
    return f"{text[: room - tail - 1]}…{text[-tail:]}"
