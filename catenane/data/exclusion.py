"""Strings that a corpus must not hold, because a model is to be tested on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from catenane.data.streams import stream_strings
from catenane.files import file_digest, replaced
from catenane.notation import NotationName, Record, detect_notation, get_notation, read_records

__all__ = ["read_excluded", "write_excluded"]

CHUNK = 8192


def write_excluded(
    path: Path,
    sources: Sequence[str | Path],
    data_dir: str | Path | None,
    reads: NotationName | None = None,
) -> tuple[Path, str] | None:
    """Write all strings of the sources in normal form, for the workers to read; with its digest.

    `reads` is the notation of the model; that of the strings is detected unless it is text.
    """
    is_text = reads is not None and not get_notation(reads).is_chemical
    if not sources:
        return None
    found: set[str] = set()
    for source in sources:
        rows = stream_strings(source, data_dir=data_dir, on_rejection=lambda _: None, is_text=is_text)
        notation = reads if is_text else None
        while strings := [text for _, text in islice(rows, CHUNK)]:
            notation = notation or detect_notation(strings)
            read = read_records(strings, notation)
            found.update(item.text for item in read if isinstance(item, Record))
    with replaced(path) as fresh:
        fresh.write_text("\n".join(sorted(found)) + "\n", encoding="utf-8")
    return path, file_digest(path)


@cache
def read_excluded(path: Path, digest: str) -> frozenset[str]:
    """The strings; another digest under the same path is another file."""
    return frozenset(path.read_text(encoding="utf-8").split("\n"))
