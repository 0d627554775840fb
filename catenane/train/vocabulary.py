"""Which tokenizer a corpus is read with: a shipped one, one from a file, or one that learns the corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from catenane.data import stream_strings
from catenane.errors import NotationError, UsageError
from catenane.notation import NotationName, detect_notation, get_notation, normalise
from catenane.tokenizers import StringTokenizer, build_tokenizer, load_tokenizer

__all__ = ["choose_tokenizer"]

FROM_CORPUS = "corpus"
SAMPLE = 200
STDIN = "-"


def choose_tokenizer(
    corpora: Sequence[str | Path],
    asked: str | Path | None,
    column: str | None,
    data_dir: str | Path | None,
) -> StringTokenizer:
    """The tokenizer for these corpora.

    Args:
        corpora: Files of strings, or names of registered data sets.
        asked: Name or path; "corpus" for the shipped one with all further tokens of the corpora; else the
            shipped one, that of MOFids where any corpus holds them, for it reads SMILES as well.
        column: Column of the strings.
        data_dir: Local copies of the registered data sets.

    Raises:
        UsageError: Standard input would have to be read twice.
        ConfigError: There is no such tokenizer.
    """
    if asked is not None and str(asked) != FROM_CORPUS:
        return load_tokenizer(asked)
    if any(str(source) == STDIN for source in corpora):
        raise UsageError("standard input cannot be read twice: say --tokenizer smiles or mofid")
    notations = [_notation(source, column, data_dir) for source in corpora]
    widest = next(name for name in notations if all(map(get_notation(name).reads, notations)))
    if asked is None:
        return load_tokenizer(widest)
    strings = (
        text
        for source, notation in zip(corpora, notations, strict=True)
        for text in _normalised(source, notation, column, data_dir)
    )
    return build_tokenizer(strings, widest, base=load_tokenizer(widest))


def _notation(source: str | Path, column: str | None, data_dir: str | Path | None) -> NotationName:
    return detect_notation(list(islice(_strings(source, column, data_dir), SAMPLE)))


def _normalised(
    source: str | Path, notation: NotationName, column: str | None, data_dir: str | Path | None
) -> Iterator[str]:
    """Strings as the model will read them; those that it cannot are told when the corpus is written."""
    for text in _strings(source, column, data_dir):
        try:
            yield normalise(text, notation)
        except NotationError:
            continue


def _strings(source: str | Path, column: str | None, data_dir: str | Path | None) -> Iterator[str]:
    rows = stream_strings(source, string_column=column, data_dir=data_dir, on_rejection=lambda _: None)
    return (text for _, text in rows)
