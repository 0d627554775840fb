"""Result files, written piece by piece: a file gets its name when it is whole, or leaves nothing."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catenane.cli.console import stderr
from catenane.errors import UsageError
from catenane.files import check_output, csv_writer, replaced, storable

if TYPE_CHECKING:
    from catenane.data import Rejection

__all__ = [
    "VECTOR",
    "add_suffix",
    "atom_writer",
    "choose_output",
    "choose_rejected",
    "csv_rows",
    "report_rejected",
    "table_writer",
    "vector_writer",
]

Columns = Mapping[str, Any]
"""Columns by name: lists, or arrays of shape (rows,) or (rows, width)."""
Write = Callable[[Columns], None]
"""Appends rows; every call gives the same columns."""

VECTOR = "vector"
_DIGITS = ".6g"


def choose_output(path: Path | None, inputs: Iterable[Path | int], *, overwrite: bool) -> Path | None:
    """The file, once it is known that it may be written (see `check_output`); None is standard output."""
    if path is None:
        return None
    with suppress(OSError):
        if os.path.samestat(path.stat(), os.fstat(1)):  # as `/dev/stdout`
            return None
    check_output(path, inputs=inputs, overwrite=overwrite)
    return path


def choose_rejected(out: Path | None, inputs: Iterable[Path | int], *, overwrite: bool) -> Path | None:
    """`X.rejected.csv` beside the output X, once it is known that it may be written; None beside no file."""
    if out is None or (out.exists() and not out.is_file()):
        return None
    beside = out.with_name(f"{Path(out.name.removesuffix('.gz')).stem}.rejected.csv")
    return choose_output(beside, inputs, overwrite=overwrite)


def report_rejected(beside: Path | None, rejected: Sequence[Rejection], n_rows: int, what: str) -> None:
    """Write the rows that could not be used, or print the first of them where there is no file.

    A file of an earlier run, whose output is replaced, goes where nothing is rejected.
    """
    if not rejected:
        if beside is not None:
            beside.unlink(missing_ok=True)
        return
    told = f"{len(rejected):,} of {n_rows:,} rows {what}"
    if beside is None:
        stderr.print(f"{told}, the first: {rejected[0]}", style="yellow")
        return
    from catenane.data import write_rejected

    write_rejected(beside, rejected)
    stderr.print(f"{told}: see {beside}", style="yellow")


@contextmanager
def csv_rows(path: Path | None) -> Iterator[Callable[[Sequence[Any]], None]]:
    """A function that writes one row: to a file, or to standard output where there is no path.

    A file is tab-separated if its name ends in .tsv, and compressed if it ends in .gz.
    """
    if path is None:
        yield csv_writer(sys.stdout)
        return
    name = path.name.lower()
    with replaced(path) as fresh:
        opener = gzip.open if name.endswith(".gz") else open
        with opener(fresh, "wt", newline="", encoding="utf-8") as file:
            yield csv_writer(file, "\t" if name.removesuffix(".gz").endswith(".tsv") else ",")


@contextmanager
def table_writer(path: Path | None, types: Mapping[str, Any]) -> Iterator[Write]:
    """A function that appends rows of all columns: Parquet if the name ends so, else CSV (see `csv_rows`).

    `types` are the Arrow types of columns that are neither text nor arrays.
    """
    if path is not None and path.suffix.lower() in (".parquet", ".pq"):
        with replaced(path) as fresh, _parquet(fresh, types) as write:
            yield write
        return
    begun = False
    with csv_rows(path) as write_row:

        def write_text(columns: Columns) -> None:
            nonlocal begun
            flat = _flattened(columns)
            if not begun:
                write_row(list(flat))
                begun = True
            for row in zip(*map(_as_text, flat.values()), strict=True):
                write_row(row)

        yield write_text


def vector_writer(path: Path, types: Mapping[str, Any]) -> Any:
    """As `table_writer`, for columns among which is `VECTOR`: a .npy file holds that one alone."""
    if path.suffix == ".npy":
        return _npy(path)
    if path.suffix in (".parquet", ".csv"):
        return table_writer(path, types)
    raise UsageError(f"--out {path}: must end in .npy, .parquet or .csv")


def atom_writer(path: Path) -> Any:
    """As `vector_writer`, for columns of which a .npz file holds all as arrays, in memory until the end."""
    if path.suffix == ".npz":
        return _npz(path)
    if path.suffix in (".parquet", ".csv"):
        return table_writer(path, {})
    raise UsageError(f"--out {path}: with --atoms it must end in .npz, .parquet or .csv")


@contextmanager
def _npz(path: Path) -> Iterator[Write]:
    parts: dict[str, list[Any]] = {}

    def write(columns: Columns) -> None:
        for name, values in columns.items():
            parts.setdefault(name, []).append(np.asarray(values))

    with replaced(path) as fresh:
        yield write
        arrays: dict[str, Any] = {name: np.concatenate(values) for name, values in parts.items()}
        with fresh.open("wb") as file:
            np.savez_compressed(file, **arrays)


@contextmanager
def _npy(path: Path) -> Iterator[Write]:
    """The header holds the shape; NumPy pads it so that it can be written again at the end."""
    if path.exists() and not path.is_file():
        raise UsageError(f"--out {path}: .npy must be a file, since its header is written last")
    header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (0, 0)}
    with replaced(path) as fresh, fresh.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)

        def write(columns: Columns) -> None:
            vectors = columns[VECTOR]
            header["shape"] = (header["shape"][0] + len(vectors), vectors.shape[1])
            file.write(vectors.astype("<f4").tobytes())

        yield write
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header)


@contextmanager
def _parquet(path: Path, types: Mapping[str, Any]) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None

    def column(name: str, values: Any) -> pa.Array:
        if isinstance(values, np.ndarray) and values.ndim == 2:
            flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
            return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        if isinstance(values, np.ndarray):
            return pa.array(values, from_pandas=True)
        if name in types:
            return pa.array(values, types[name])
        return pa.array([None if value is None else storable(str(value)) for value in values], pa.string())

    def write(columns: Columns) -> None:
        nonlocal writer
        arrays = {name: column(name, values) for name, values in columns.items()}
        if writer is None:
            writer = pq.ParquetWriter(path, pa.schema([(name, a.type) for name, a in arrays.items()]))
        writer.write_table(pa.table(arrays, schema=writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def add_suffix(results: Columns, taken: Iterable[str]) -> dict[str, Any]:
    """The results with `_predicted` after every name that is taken."""
    names, taken = list(results), set(taken)
    for place, name in enumerate(names):
        while name in taken:
            name = f"{name}_predicted"
        taken.add(name)
        names[place] = name
    return dict(zip(names, results.values(), strict=True))


def _flattened(columns: Columns) -> dict[str, Any]:
    """The columns with a matrix as one column for each of its own: `vector_0`, `vector_1`, ..."""
    flat: dict[str, Any] = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.ndim == 2:
            names = [f"{name}_{place}" for place in range(values.shape[1])]
            flat |= add_suffix(dict(zip(names, values.T, strict=True)), columns)
        else:
            flat[name] = values
    return flat


def _as_text(values: Any) -> list[Any]:
    """Fields of a column; a number that is none (NaN) is an empty field, as null is."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return ["" if value != value else format(value, _DIGITS) for value in values.tolist()]
    return ["" if value is None else value for value in values]
