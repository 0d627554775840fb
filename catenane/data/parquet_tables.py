"""Tables in Parquet files, read row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from catenane.data.rejects import Rejection
from catenane.data.text_tables import SAMPLE_ROWS, Row, find_fault
from catenane.errors import DataError

__all__ = ["ParquetTable"]

BATCH_ROWS = 2048


class ParquetTable:
    """A Parquet file as a table; values keep their type, and a null is None.

    Args:
        name: What messages call it.
        path: The file.

    Raises:
        DataError: It is not a Parquet file, or it is cut short.
    """

    def __init__(self, name: str, path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        self.name = name
        self._damage = (pyarrow.ArrowException, OSError)
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except self._damage as error:
            raise DataError(f"{name}: not a readable Parquet file: {error}") from None
        schema = self._file.schema_arrow
        self.columns = tuple(schema.names)
        self.types = dict(zip(schema.names, schema.types, strict=True))

    def sample(self) -> list[list[Any]]:
        """The first rows, all columns; they are still part of `rows`."""
        return next(self._batches(self.columns, SAMPLE_ROWS), [])

    def rows(self, use: Sequence[int], carry: Sequence[int] = ()) -> Iterator[Row | Rejection]:
        """The rows in order: the columns with these numbers, then those that are carried unchecked."""
        number = 0
        for batch in self._batches([self.columns[i] for i in (*use, *carry)], BATCH_ROWS):
            for values in batch:
                number += 1
                yield self._fault(number, values, use) or (number, values)

    def _batches(self, columns: Sequence[str], rows: int) -> Iterator[list[list[Any]]]:
        try:
            for batch in self._file.iter_batches(rows, columns=list(columns)):
                by_column = [batch.column(column).to_pylist() for column in columns]
                yield [list(values) for values in zip(*by_column, strict=True)]
        except self._damage as error:
            raise DataError(f"{self.name}: the Parquet file is damaged: {error}") from None

    def _fault(self, number: int, values: list[Any], use: Sequence[int]) -> Rejection | None:
        for i, value in zip(use, values, strict=False):
            if isinstance(value, str) and (fault := find_fault(value)) is not None:
                return Rejection(number, self.columns[i], value, *fault)
        return None
