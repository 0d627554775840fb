"""`catenane predict` and `catenane embed`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import typer

from catenane.cli.arguments import Column, DataDir, Device
from catenane.cli.console import print_table, stderr
from catenane.errors import UsageError

__all__ = ["embed", "predict"]

Strings = Annotated[
    list[str], typer.Argument(metavar="STRINGS|FILE|-", help="Strings themselves, one file of them, or - for stdin.")
]
ModelName = Annotated[
    str, typer.Option("--model", "-m", metavar="BUNDLE", help="Model folder, or the name of a bundled model.")
]


def predict(
    strings: Strings,
    model: ModelName,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV file; stdout by default.")] = None,
    rank: Annotated[
        str | None, typer.Option("--rank", metavar="TARGET", help="Print the highest in this target as a table.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows of that table.")] = 20,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Predict properties: CSV of string, a column per target, and why a row has no answer.

    Rows come in the order given, and one that cannot be read never stops the others.

    Example: `catenane predict frameworks.csv --model mof-uptake --rank co2_0.1bar`
    """
    from catenane.inference import in_chunks, load

    answering = load(model, device=device)
    answering.require_targets()
    if rank is not None and rank not in answering.targets:
        raise UsageError(f"--rank {rank!r}: the model predicts {', '.join(answering.targets)}")
    n_rows, n_failed = 0, 0
    best: list[tuple[float, str, list[str]]] = []
    with _csv_writer(out, quiet=rank is not None and out is None) as write:
        write(["string", *answering.targets, "error"])
        for chunk in in_chunks(_read_strings(strings, column, data_dir)):
            answers = answering.answer([text for _, text in chunk])
            for text, values, error in zip(answers.strings, answers.values, answers.errors, strict=True):
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

    A .npy file holds the float32 array alone; a .parquet file has columns string, vector and error. In both a string
    that cannot be read is a row of NaN, so that rows stay in the order given.

    Example: `catenane embed molecules.smi --model runs/encoder --out vectors.npy`
    """
    from catenane.inference import in_chunks, load

    if out.suffix not in (".npy", ".parquet"):
        raise UsageError(f"--out {out}: must end in .npy or .parquet")
    reading = load(model, device=device)
    texts, vectors, errors = [], [], []
    for chunk in in_chunks(_read_strings(strings, column, data_dir)):
        found = reading.embed_readable([text for _, text in chunk])
        texts += found.strings
        vectors.append(found.values)
        errors += found.errors
    values = np.concatenate(vectors).astype(np.float32)
    if out.suffix == ".npy":
        np.save(out, values)
    else:
        _write_parquet(out, texts, values, errors)
    n_failed = sum(map(bool, errors))
    stderr.print(f"{len(values):,} vectors of {values.shape[1]} numbers written to {out}")
    if n_failed:
        first = next(row for row, error in enumerate(errors) if error)
        stderr.print(
            f"{n_failed:,} rows could not be read and are NaN; the first is row {first + 1}: {errors[first]}",
            style="yellow",
            markup=False,
        )


def _read_strings(strings: list[str], column: str | None, data_dir: Path | None) -> Iterator[tuple[int, str]]:
    """Rows of a file where one thing is given that names a file or a data set, else the strings themselves."""
    from catenane.data import is_source, stream_strings

    if len(strings) == 1 and is_source(strings[0]):
        yield from stream_strings(strings[0], string_column=column, data_dir=data_dir)
    else:
        yield from enumerate(strings, start=1)


def _print_ranking(rank: str, model: Any, best: list[tuple[float, str, list[str]]]) -> None:
    units = model.bundle.units
    heads = [f"{name} ({units[name]})" if units[name] else name for name in model.targets]
    order = [rank, *(name for name in model.targets if name != rank)][:3]
    places = [model.targets.index(name) for name in order]
    rows = [
        [str(number), *(shown[place] for place in places), text]
        for number, (_, text, shown) in enumerate(best, start=1)
    ]
    numbers = ["", *(heads[place] for place in places)]
    print_table(f"Highest {rank}, predicted by {model.bundle.card.get('name', 'the model')}", [*numbers, "string"], rows, numbers=numbers)


@contextmanager
def _csv_writer(out: Path | None, *, quiet: bool) -> Iterator[Any]:
    """A function that writes one row; a file appears under its name only when it is whole."""
    if quiet:
        yield lambda row: None
        return
    if out is None:
        yield csv.writer(sys.stdout, lineterminator="\n").writerow
        return
    fresh = out.with_name(out.name + ".partial")
    try:
        with fresh.open("w", newline="", encoding="utf-8") as file:
            stream: IO[str] = file
            yield csv.writer(stream, lineterminator="\n").writerow
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


def _write_parquet(out: Path, texts: list[str], values: np.ndarray, errors: list[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    pq.write_table(pa.table({"string": texts, "vector": vectors, "error": errors}), out)
