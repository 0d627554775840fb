"""Result files, written piece by piece: a file gets its name when it is whole, or leaves nothing."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catenane.files import replaced

if TYPE_CHECKING:
    from catenane.inference import Embeddings

__all__ = ["VECTOR_WRITERS", "csv_rows"]


@contextmanager
def csv_rows(path: Path | None, *, silent: bool = False) -> Iterator[Callable[[Sequence[str]], object]]:
    """A function that writes one row: to a file, to stdout where there is no path, or nowhere if `silent`."""
    if silent:
        yield lambda row: None
    elif path is None:
        yield csv.writer(sys.stdout, lineterminator="\n").writerow
    else:
        with replaced(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
            yield csv.writer(file, lineterminator="\n").writerow


@contextmanager
def npy_vectors(path: Path, width: int) -> Iterator[Callable[[Embeddings], None]]:
    """A function that appends float32 rows to a .npy file.

    The header holds the number of rows; NumPy pads it so that it can be written again when that is known.
    """

    def header(n_rows: int) -> dict[str, object]:
        return {"descr": "<f4", "fortran_order": False, "shape": (n_rows, width)}

    n_rows = 0
    with replaced(path) as fresh, fresh.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header(0))

        def write(found: Embeddings) -> None:
            nonlocal n_rows
            file.write(found.vectors.astype("<f4").tobytes())
            n_rows += len(found.vectors)

        yield write
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header(n_rows))


@contextmanager
def parquet_vectors(path: Path, width: int) -> Iterator[Callable[[Embeddings], None]]:
    """A function that appends rows of string, vector and error to a .parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [("string", pa.string()), ("vector", pa.list_(pa.float32(), width)), ("error", pa.string())]
    )
    with replaced(path) as fresh, pq.ParquetWriter(fresh, schema) as file:

        def write(found: Embeddings) -> None:
            numbers = pa.array(found.vectors.astype(np.float32).ravel())
            vectors = pa.FixedSizeListArray.from_arrays(numbers, width)
            file.write_table(pa.table([found.strings, vectors, found.errors], schema=schema))

        yield write


VECTOR_WRITERS = {".npy": npy_vectors, ".parquet": parquet_vectors}
"""How vectors are written, by the ending of the file."""
