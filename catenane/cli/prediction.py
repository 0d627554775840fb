"""`catenane predict` and `catenane embed`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from catenane.cli.arguments import Column, DataDir, Device, Languages, Replace, column_names, numbers
from catenane.cli.console import command_line, stderr, stdout
from catenane.cli.outputs import (
    VECTOR,
    add_suffix,
    atom_writer,
    choose_output,
    choose_rejected,
    report_rejected,
    table_writer,
    vector_writer,
)
from catenane.cli.ranking import Ranking
from catenane.cli.texts import write_translations
from catenane.errors import BundleError, DataError, UsageError
from catenane.files import check_output
from catenane.progress import RowCount

if TYPE_CHECKING:
    from catenane.data.inputs import InputChunk, Inputs
    from catenane.inference import Model

__all__ = ["Gas", "ModelName", "embed", "load_model", "predict"]

TOP = 20
"""Rows of a ranking."""
Strings = Annotated[
    list[str],
    typer.Argument(
        metavar="STRINGS|FILES|-", help="Strings themselves, or tables, folders of them, or - for stdin."
    ),
]
Gas = Annotated[str | None, typer.Option(metavar="FORMULA", help="Of an uptake, with --pressure.")]
ModelName = Annotated[
    str, typer.Option("--model", "-m", metavar="BUNDLE", help="Model folder, or the name of a bundled model.")
]


def predict(
    strings: Strings,
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", metavar="BUNDLE", help="Model folder or name; of several, their mean."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="CSV, TSV or Parquet file; stdout by default."),
    ] = None,
    gas: Gas = None,
    pressure: Annotated[str | None, typer.Option(metavar="BAR[,BAR]", help="With --gas.")] = None,
    rank: Annotated[str | None, typer.Option(metavar="COL", help="Column that sets the order.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="Print the highest rows; 20 by default.")] = None,
    lowest: Annotated[bool, typer.Option("--lowest", help="With --top: the lowest rows first.")] = False,
    per_group: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --top: at most N with one linker, or one scaffold."),
    ] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="The ranking as an HTML page.")] = None,
    coverage: Annotated[float, typer.Option(metavar="SHARE", help="Share of labels in an interval.")] = 0.9,
    spellings: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Mean over N spellings: the normal form, and random ones."),
    ] = 1,
    languages: Languages = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="COL|FILE", help="Of a model that writes: what should be written; gives BLEU."),
    ] = None,
    overwrite: Replace = False,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Predict properties: the input's rows and columns, with a column per target and why a row has none.

    A model that `finetune --source` made writes a string for each row, and translates text; its options are
    --languages and --reference.

    Row k belongs to row k of the input, and one that cannot be read never stops the others. Of several tables
    a column `source` says which one. --rank, --top or --page ask for a ranking; the table of all rows is then
    written only where --out says.

    Example: `catenane predict mofs.csv --model mof-uptake --gas co2 --pressure 0.15 --top 20 --page top.html`
    """
    from catenane.data.inputs import open_inputs

    if (writer := _writer_folder(model)) is not None:
        asked = {
            "gas": gas, "pressure": pressure, "rank": rank, "top": top, "lowest": lowest,
            "per-group": per_group, "page": page, "spellings": spellings > 1, "coverage": coverage != 0.9,
        }  # fmt: skip
        if strange := [name for name, value in asked.items() if value]:
            raise UsageError(f"--{strange[0]} is of properties, and {model[0]} writes strings: leave it out")
        write_translations(
            strings, writer, out=out, overwrite=overwrite, column=column, languages=languages,
            reference=reference, device=device, data_dir=data_dir,
        )  # fmt: skip
        return
    if languages or reference:
        raise UsageError(f"--languages and --reference are of a model that writes, and {model[0]} does not")
    if top is None and (lowest or per_group is not None):
        raise UsageError(f"{'--lowest' if lowest else '--per-group'} is of a ranking: give --top as well")
    pressures = numbers(pressure, "--pressure") if pressure is not None else []
    conditions = {name: value for name, value in (("gas", gas), ("pressure", pressures)) if value}
    given = open_inputs(strings, string_column=_string_columns(column, model), data_dir=data_dir)
    ranked = rank is not None or top is not None or page is not None
    write_table = out is not None or not ranked
    out = choose_output(out, given.files, overwrite=overwrite)
    if page is not None:
        check_output(page, inputs=given.files, overwrite=overwrite)
        if out is not None and out.resolve() == page.resolve():
            raise UsageError(f"--out and --page are both {page}: give two files")

    predicting = load_model(model, device)
    head = predicting.property_model.head
    places = given.find([column.name for column in predicting.config.features])
    for note in filter(None, head.extrapolations(conditions)):
        stderr.print(note, style="yellow")
    columns = list(predicting.columns(conditions))
    ranking = None
    if ranked:
        by = _ranked_column(rank, columns)
        ranking = Ranking(
            predicting, columns, by, top=top or TOP, lowest=lowest, per_group=per_group,
            keep_all=page is not None,
        )  # fmt: skip
    from catenane.inference import predict_pieces  # loads PyTorch

    tally = _Tally()
    count = RowCount("predict", show=out is not None or not stdout.is_terminal)
    with_features = (
        (chunk, {name: chunk.columns[place] for name, place in places.items()}) for chunk in given.chunks()
    )
    pieces = (((chunk, features), chunk.readable(), features) for chunk, features in with_features)
    predicted = predict_pieces(predicting, pieces, conditions, coverage=coverage, spellings=spellings)
    table = table_writer(out, given.types) if write_table else nullcontext()
    with count, table as write, closing(predicted):
        for (chunk, features), found in predicted:
            results = found.named()
            if not tally.n_rows and (taken := [name for name in results if name in chunk.columns]):
                names = ", ".join(taken)
                stderr.print(f"the input has columns {names}: those of the predictions end in _predicted")
            results["error"] = tally.add(chunk, found.errors, found.notes)
            if write is not None:
                write(chunk.columns | add_suffix(results, chunk.columns))
            if ranking is not None:
                ranking.add(chunk.strings, found, features)
            count.add(len(chunk.strings))
        tally.require_rows(given.name)
    if ranking is not None and tally.n_failed < tally.n_rows:
        # The page before the table: whoever reads the table may close it early, as `head` does.
        if page is not None:
            ranking.write_page(page, n_rejected=tally.n_failed, command=command_line())
            stderr.print(f"drawn in {page}")
        ranking.print_table()
    tally.report("have no prediction", f"the error column of {out}" if out else "the error column")
    if tally.n_noted:
        noted = f"{tally.n_noted:,} of {tally.n_rows:,} rows have a note"
        stderr.print(f"{noted}, as {tally.first_note}", style="yellow")


def embed(
    strings: Strings,
    model: ModelName,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help=".npy, .parquet or .csv file to write.")
    ],
    atoms: Annotated[
        bool, typer.Option("--atoms", help="A vector for every atom; to .parquet, .csv or .npz.")
    ] = False,
    overwrite: Replace = False,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Write the encoder's vector of every string, or of every atom.

    A .npy file holds the float32 array alone; .parquet and .csv have the input's columns, the vector and why
    a row has none. Row k belongs to row k of the input: one that cannot be read is a row of NaN. With --atoms
    there is a row for every atom instead, in the order in which the normal form of the string has them.

    Example: `catenane embed molecules.smi --model runs/encoder --out vectors.npy`
    """
    from catenane.data.inputs import open_inputs

    given = open_inputs(strings, string_column=_string_columns(column, [model]), data_dir=data_dir)
    writer = atom_writer(out) if atoms else vector_writer(out, given.types)
    check_output(out, inputs=given.files, overwrite=overwrite)
    beside = choose_rejected(out, given.files, overwrite=overwrite) if atoms else None

    reading = load_model([model], device)
    if atoms:
        _embed_atoms(given, reading, out, writer, beside)
        return
    tally = _Tally()
    with RowCount("embed") as count, writer as write:
        for chunk in given.chunks():
            vectors, errors = reading.embed_readable(chunk.readable())
            errors = tally.add(chunk, errors)
            results = {VECTOR: vectors.astype(np.float32), "error": errors}
            write(chunk.columns | add_suffix(results, chunk.columns))
            count.add(len(errors))
        tally.require_rows(given.name)
    stderr.print(f"{tally.n_rows:,} vectors of {vectors.shape[1]} numbers written to {out}")
    tally.report("could not be read and are NaN", tally.first_error)


def _writer_folder(models: Sequence[str]) -> Path | None:
    """Folder of the model, where it is one that writes."""
    from catenane.models.folder import find_bundles, read_json

    with suppress(BundleError):  # which is reported when the model is loaded
        folders = [folder for model in models for folder in find_bundles(model)]
        if len(folders) == 1 and read_json(folders[0] / "config.json").get("kind") == "generator":
            return folders[0]
    return None


def _string_columns(given: str | None, models: Sequence[str]) -> str | Sequence[str] | None:
    """The column of strings that is named; several where the model reads several of a row."""
    from catenane.models.folder import find_bundles, read_json

    if given is not None:
        return column_names(given)
    with suppress(BundleError):  # which is reported when the model is loaded
        names = read_json(find_bundles(models[0])[0] / "config.json").get("strings")
        return [str(name) for name in names or ()] or None
    return None


def _embed_atoms(given: Inputs, reading: Model, out: Path, writer: Any, beside: Path | None) -> None:
    """Write the state of every atom; an atom beyond the longest sequence has NaN, an unread row no atoms."""
    from catenane.data import Rejection
    from catenane.inference.attention import read_states

    tally, n_atoms = _Tally(), 0
    rejected: list[Rejection] = []
    with RowCount("embed") as count, writer as write:
        for chunk in given.chunks():
            first = tally.n_rows + 1
            records, errors = reading.read(chunk.readable())
            errors = tally.add(chunk, errors)
            remaining = iter(records)
            for row, (error, string) in enumerate(zip(errors, chunk.strings, strict=True), start=first):
                if error:
                    rejected.append(Rejection(row, "", string, None, error))
                    continue
                record = next(remaining)
                states_AD, alignment = read_states(reading, record)
                size = len(states_AD)
                n_atoms += size
                write(
                    {
                        "row": np.full(size, row), "string": [record.text] * size, "atom": np.arange(size),
                        "symbol": list(alignment.symbols), VECTOR: states_AD,
                    }
                )  # fmt: skip
            count.add(len(errors))
        tally.require_rows(given.name)
    stderr.print(f"{n_atoms:,} vectors of {reading.encoder.d_model} numbers written to {out}")
    report_rejected(beside, rejected, tally.n_rows, "could not be read")
    if tally.n_failed == tally.n_rows:
        tally.report("could not be read", "")


def load_model(models: Sequence[str], device: str | None) -> Model:
    """The model; PyTorch, which is slow to import, is loaded after all that can be wrong without it."""
    from catenane.models.folder import find_bundles

    folders = [folder for model in models for folder in find_bundles(model)]

    from catenane.hardware import tune_cpu
    from catenane.inference import load

    tune_cpu()
    return load(folders, device=device)


class _Tally:
    """Counts rows, those without a result and those with a note, and keeps the first of either."""

    def __init__(self) -> None:
        self.n_rows = self.n_failed = self.n_noted = 0
        self.first_error = self.first_note = ""

    def add(self, chunk: InputChunk, errors: Sequence[str], notes: Sequence[str] = ()) -> list[str]:
        """Count the rows of a chunk; why each has no result, unread ones included."""
        joined = [unread or error for unread, error in zip(chunk.errors, errors, strict=True)]
        self.first_error = self.first_error or self._first(joined)
        self.first_note = self.first_note or self._first(notes)
        self.n_rows += len(joined)
        self.n_failed += sum(map(bool, joined))
        self.n_noted += sum(map(bool, notes))
        return joined

    def _first(self, reasons: Sequence[str]) -> str:
        found = ((place, reason) for place, reason in enumerate(reasons) if reason)
        return next((f"row {self.n_rows + place + 1}: {reason}" for place, reason in found), "")

    def require_rows(self, name: str) -> None:
        if not self.n_rows:
            raise DataError(f"{name}: there are no rows")

    def report(self, failed: str, more: str) -> None:
        """Print how many rows failed; an error where all did."""
        if self.n_failed == self.n_rows:
            raise DataError(f"all {self.n_rows:,} rows {failed}: {self.first_error}")
        if self.n_failed:
            stderr.print(f"{self.n_failed:,} of {self.n_rows:,} rows {failed}: {more}", style="yellow")


def _ranked_column(rank: str | None, columns: list[str]) -> str:
    """The column that sets the order; it must be named where there are several."""
    if rank is None and len(columns) == 1:
        return columns[0]
    if rank is None:
        raise UsageError(f"say with --rank which column sets the order: {', '.join(columns)}")
    if rank not in columns:
        raise UsageError(f"--rank {rank!r}: the model predicts {', '.join(columns)}")
    return rank
