"""`catenane predict` and `catenane embed`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from catenane.cli.arguments import Column, DataDir, Device
from catenane.cli.console import command_line, stderr
from catenane.cli.outputs import VECTOR_WRITERS, csv_rows
from catenane.cli.ranking import Ranking
from catenane.errors import UsageError

__all__ = ["embed", "predict"]

TOP = 20
"""Rows of a ranking."""
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
    gas: Annotated[
        str | None,
        typer.Option("--gas", metavar="FORMULA", help="Gas whose uptake is asked, with --pressure."),
    ] = None,
    pressure: Annotated[
        str | None,
        typer.Option("--pressure", metavar="BAR[,BAR]", help="Any pressures, where the model has isotherms."),
    ] = None,
    rank: Annotated[
        str | None,
        typer.Option("--rank", metavar="COL", help="Column to rank by; of a single one it is clear."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, help="Print so many of the highest as a table; 20 by default."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write the highest as an HTML page, drawn."),
    ] = None,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Predict properties: CSV of string, a column per target, and why a row has no answer.

    Rows come in the order given, and one that cannot be read never stops the others. --rank, --top or --page
    ask for a ranking; the CSV is then written only where --out says.

    Example: `catenane predict mofs.csv --model mof-uptake --gas co2 --pressure 0.15 --top 20 --page top.html`
    """
    from catenane.inference import in_chunks, load

    pressures = _pressures(pressure)
    conditions = {name: value for name, value in (("gas", gas), ("pressure", pressures)) if value}
    if page is not None and not page.parent.is_dir():
        raise UsageError(f"--page {page}: there is no folder {page.parent}; make it first")
    answering = load(model, device=device)
    head = answering.property_model.head
    for note in filter(None, head.extrapolations(conditions)):
        stderr.print(note, style="yellow", markup=False)
    columns = list(head.columns(conditions))
    ranking = None
    if rank is not None or top is not None or page is not None:
        by = _ranked_column(rank, columns)
        ranking = Ranking(answering, columns, by, top=top or TOP, keep_all=page is not None)
    n_rows, n_failed = 0, 0
    with csv_rows(out, silent=ranking is not None and out is None) as write:
        write(["string", *columns, "error"])
        for chunk in in_chunks(_read_strings(strings, column, data_dir)):
            answers = answering.predictions([text for _, text, _ in chunk], conditions)
            errors = [unread or error for (_, _, unread), error in zip(chunk, answers.errors, strict=True)]
            for (_, text, _), values, error in zip(chunk, answers.values, errors, strict=True):
                write([text, *("" if error else f"{value:.6g}" for value in values), error])
            if ranking is not None:
                known = [place for place, error in enumerate(errors) if not error]
                ranking.add([chunk[place][1] for place in known], answers.values[known])
            n_rows += len(chunk)
            n_failed += sum(map(bool, errors))
    if ranking is not None:
        ranking.print_table()
    if ranking is not None and page is not None:
        ranking.write_page(page, n_rejected=n_failed, command=command_line())
        stderr.print(f"drawn in {page}", markup=False)
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
            found.vectors[[bool(error) for error in found.errors]] = np.nan
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


def _pressures(text: str | None) -> list[float]:
    """The numbers of `--pressure`.

    Raises:
        UsageError: One is none.
    """
    try:
        return [] if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--pressure {text!r}: expected numbers of bar, such as 0.15 or 0.1,0.5") from None


def _ranked_column(rank: str | None, columns: list[str]) -> str:
    """The column that sets the order.

    Raises:
        UsageError: It is not there, or there are several and none is named.
    """
    if rank is None and len(columns) == 1:
        return columns[0]
    if rank is None:
        raise UsageError(f"say with --rank which column sets the order: {', '.join(columns)}")
    if rank not in columns:
        raise UsageError(f"--rank {rank!r}: the model predicts {', '.join(columns)}")
    return rank
