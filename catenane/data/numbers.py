"""Cells of a table as numbers or classes, with what is missing and what is wrong held apart."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from catenane.config import Task
from catenane.data.columns import find_column
from catenane.data.labels import split_unit
from catenane.data.rejects import Rejection
from catenane.data.table_files import LineTable, TableFile
from catenane.errors import DataError

__all__ = [
    "cell_text",
    "find_numbers",
    "parse_classes",
    "parse_columns",
    "parse_labels",
    "parse_numbers",
    "parse_targets",
    "parse_weights",
    "split_bounds",
]

_MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none"})
_TRUTH = {"true": 1.0, "false": 0.0}
_SHOWN_ROWS = 3
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
_BOUND = re.compile(r"([<>]=?|[≤≥])\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
MOST_CLASSES = 100
"""Of a target; text of more kinds is something else."""
FEWEST_ROWS = 2
"""Labels a class, on average, from which on text is taken for classes."""


def find_numbers(file: TableFile, names: Sequence[str], taken: Sequence[int], what: str) -> list[int]:
    """Places of these columns, each named with or without its unit; the first one taken holds the strings."""
    bare = [split_unit(column)[0] for column in file.columns]
    places: list[int] = []
    for name in names:
        if isinstance(file, LineTable) and name not in file.columns:
            raise DataError(
                f"{file.name}: there is no column {name!r}, since this is read as a list, a string and its "
                "name a line: the name of a table ends in .csv, .tsv or .parquet"
            )
        place = find_column(file.columns if name in file.columns else bare, name, file.name)
        if place in taken or place in places:
            reason = "holds the strings" if place == taken[0] else "is named twice"
            raise DataError(f"{file.name}: {what} {file.columns[place]!r} {reason}")
        places.append(place)
    return places


def parse_columns(
    file: TableFile, rows: Sequence[int], places: Sequence[int], cells: Mapping[int, Sequence[Any]], what: str
) -> tuple[np.ndarray, dict[int, Rejection]]:
    """Numbers of these columns, (N, len(places)), and by index the rows in which one of them is wrong."""
    numbers = np.empty((len(rows), len(places)))
    wrong: dict[int, Rejection] = {}
    for column, place in enumerate(places):
        header, values = file.columns[place], cells[place]
        numbers[:, column], reasons = parse_labels(values, rows, header, file.name, what)
        for i, reason in reasons.items():
            wrong.setdefault(i, Rejection(rows[i], header, cell_text(values[i]), None, reason))
    return numbers, wrong


def parse_targets(
    file: TableFile,
    rows: Sequence[int],
    places: Sequence[int],
    cells: Mapping[int, Sequence[Any]],
    task: Task | None,
) -> tuple[np.ndarray, np.ndarray, dict[int, tuple[str, ...]], dict[int, Rejection]]:
    """Labels and bounds (N, T), names of classes by target, and by index the rows with a wrong label or none.

    Numbers may be bounds, such as "<5" or ">10": see `split_bounds`.

    Raises:
        DataError: A target holds neither numbers nor classes, as the task asks for.
    """
    labels, bounds = np.empty((len(rows), len(places))), np.zeros((len(rows), len(places)))
    classes: dict[int, tuple[str, ...]] = {}
    wrong: dict[int, Rejection] = {}
    for t, place in enumerate(places):
        try:
            if task == "multiclass":
                labels[:, t], classes[t] = parse_classes(cells[place], file.columns[place], file.name)
            else:
                numbers = cells[place]
                if task != "classification":
                    bounds[:, t], numbers = split_bounds(numbers)
                column, reasons = parse_columns(file, rows, [place], {place: numbers}, "label")
                labels[:, t], wrong = column[:, 0], reasons | wrong
        except DataError as error:
            if task is not None:
                raise
            try:
                found, names = parse_classes(cells[place], file.columns[place], file.name)
            except DataError:
                raise error from None
            if FEWEST_ROWS * len(names) > np.isfinite(found).sum():
                raise
            labels[:, t], classes[t] = found, names
    for i in np.flatnonzero(np.isnan(labels).all(axis=1)).tolist() if places else ():
        named = ", ".join(file.columns[place] for place in places)
        wrong.setdefault(i, Rejection(rows[i], named, "", None, "there is no label"))
    return labels, bounds, classes, wrong


def split_bounds(cells: Sequence[Any]) -> tuple[np.ndarray, list[Any]]:
    """Which labels are bounds, and the cells without their signs.

    Returns:
        float64 of shape (len(cells),), 1 where the true value lies above the number (">10", "≥10"), -1 where
        it lies below ("<5", "<=5"), else 0; and the cells.
    """
    found = [_BOUND.fullmatch(cell.strip()) if isinstance(cell, str) else None for cell in cells]
    signs = [0.0 if match is None else 1.0 if match[1][0] in ">≥" else -1.0 for match in found]
    bare = [cell if match is None else match[2] for cell, match in zip(cells, found, strict=True)]
    return np.array(signs), bare


def parse_weights(
    file: TableFile, rows: Sequence[int], places: Sequence[int], cells: Mapping[int, Sequence[Any]]
) -> tuple[np.ndarray, dict[int, Rejection]]:
    """As `parse_columns`, for a column of weights, if there is one: none is missing or negative."""
    weights, wrong = parse_columns(file, rows, places, cells, "weight")
    for i in np.flatnonzero(~(weights >= 0).all(axis=1)).tolist():
        value = cell_text(cells[places[0]][i])
        reason = "the weight is negative" if weights[i, 0] < 0 else "there is no weight"
        wrong.setdefault(i, Rejection(rows[i], file.columns[places[0]], value, None, reason))
    return weights, wrong


def parse_classes(cells: Sequence[Any], column: str, source: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class in each cell, text or a whole number, by its place among their names; NaN where missing.

    Names are in the order of the numbers, or of the alphabet.

    Raises:
        DataError: There are fewer than two classes or too many, or numbers that are not whole.
    """
    texts = [_class_name(cell) for cell in cells]
    names = set(filter(None, texts))
    if broken := [name for name in names if _is_number(name) and not _is_whole(name)]:
        raise DataError(f"{source}: column {column!r} holds {min(broken)}: classes are text or whole numbers")
    if not 2 <= len(names) <= MOST_CLASSES:
        raise DataError(
            f"{source}: column {column!r} holds {len(names)} classes: expected 2 to {MOST_CLASSES}"
        )
    key = (lambda name: (float(name), "")) if all(map(_is_number, names)) else (lambda name: (0.0, name))
    ordered = tuple(sorted(names, key=key))
    place = {name: float(number) for number, name in enumerate(ordered)}
    return np.array([place.get(text, math.nan) for text in texts]), ordered


def _class_name(cell: Any) -> str:
    if isinstance(cell, float):
        return "" if math.isnan(cell) else f"{cell:.0f}" if cell.is_integer() else str(cell)
    text = cell_text(cell).strip()
    if text.lower() in _MISSING:
        return ""
    return f"{float(text):.0f}" if _is_number(text) and _is_whole(text) else text


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _is_whole(text: str) -> bool:
    return float(text).is_integer()


def cell_text(cell: Any) -> str:
    """A cell as text; "" where a typed file has a null."""
    return "" if cell is None else str(cell)


def parse_labels(
    cells: Sequence[Any], rows: Sequence[int], column: str, source: str, what: str = "label"
) -> tuple[np.ndarray, dict[int, str]]:
    """As `parse_numbers`, for a column of a table.

    Args:
        cells: As there.
        rows: Data row of each cell, for messages.
        column: Name of the column, for messages.
        source: Name of the table, for messages.
        what: What the numbers are, for messages.

    Raises:
        DataError: Most cells are text.
    """
    values, wrong = parse_numbers(cells, what)
    text = [i for i in wrong if not np.isinf(values[i])]
    if len(text) > np.isfinite(values).sum():
        shown = ", ".join(f"{cells[i]!r} in row {rows[i]}" for i in text[:_SHOWN_ROWS])
        _, hint, advice = wrong[text[0]].partition(";")
        raise DataError(f"{source}: column {column!r} does not hold numbers: {shown}{hint}{advice}")
    values[np.isinf(values)] = math.nan
    return values, wrong


def parse_numbers(cells: Sequence[Any], what: str = "label") -> tuple[np.ndarray, dict[int, str]]:
    """The numbers in cells, and what is wrong with those that hold none.

    Empty cells, NA, NaN, null and none are missing; true and false are 1 and 0.

    Args:
        cells: Text or typed values, None where a typed file has a null.
        what: What the numbers are, for messages.

    Returns:
        float64 array of shape (len(cells),), not finite where the number is missing or wrong, and the reason
        by index for every wrong cell: text, or a number that is not finite.
    """
    values = np.full(len(cells), math.nan)
    wrong: dict[int, str] = {}
    for i, cell in enumerate(cells):
        try:
            values[i] = _number(cell)
        except (TypeError, ValueError):
            has_comma = _DECIMAL_COMMA.fullmatch(str(cell).strip())
            hint = "; write a point for the decimal comma" if has_comma else ""
            wrong[i] = f"{what} {cell!r} is not a number{hint}"
    for i in np.flatnonzero(np.isinf(values)).tolist():
        wrong[i] = f"{what} {cells[i]!r} is not finite"
    return values, wrong


def _number(cell: Any) -> float:
    if not isinstance(cell, str):
        return math.nan if cell is None else float(cell)
    text = cell.strip()
    word = text.lower()
    if word in _MISSING:
        return math.nan
    if word in _TRUTH:
        return _TRUTH[word]
    if "_" in text:
        raise ValueError(text)  # Python reads 1_000 as a number; no measurement is written so
    return float(text)
