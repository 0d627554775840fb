"""Numbers that the papers print, from the records in `published/*.toml`, digits as printed."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from catenane.errors import DataError

__all__ = ["published_number", "record"]

RECORDS = Path(__file__).with_name("published")


@cache
def record(name: str) -> dict[str, Any]:
    """One paper's record; floats are `Decimal`, so that 0.5400 keeps its zeros.

    Raises:
        DataError: There is none of this name.
    """
    path = RECORDS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in RECORDS.glob("*.toml")))
        raise DataError(f"no published record {name!r}: known are {known}")
    return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)


def published_number(path: Sequence[str]) -> str:
    """A printed number by its path: `["mof_transformer", "table", "table1", "Small", "test_mae"]`.

    A step is a key of a table; in a list it is an entry's `id`, `what` or `name`; in a `[[table]]` or
    `[[figure]]` it may be a row, by the values of its `row_key`, joined by commas.

    Raises:
        DataError: The path leads nowhere, or not to a number.
    """
    name, *steps = path
    found: Any = record(name)
    for step in steps:
        found = _entries(found).get(step)
    relation = ""
    if isinstance(found, dict) and "value" in found:
        relation, found = f"{found.get('relation', '')} ".lstrip(), found["value"]
    if isinstance(found, bool) or not isinstance(found, int | Decimal):
        raise DataError(f"{' / '.join(path)}: not a number of the published record")
    return f"{relation}{found:,}"


def _entries(found: Any) -> dict[str, Any]:
    """What a table or a list holds by name; nothing for a value."""
    if isinstance(found, list):
        return {entry[key]: entry for key in ("name", "what", "id") for entry in found if key in entry}
    if not isinstance(found, dict):
        return {}
    keys = found.get("row_key", [])
    keys = [keys] if isinstance(keys, str) else keys
    rows = {", ".join(str(row[key]) for key in keys): row for row in found.get("rows", []) if keys}
    return rows | found
