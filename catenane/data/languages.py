"""Which language a file or column of text is in: the one that is said, else the one that its name says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from catenane.data.sources import LAYOUTS, uncompressed
from catenane.errors import UsageError, suggestion
from catenane.tokenizers import StringTokenizer

__all__ = ["choose_languages", "named_language"]


def named_language(name: str) -> str:
    """The ending of a name, as in `news.en` and `news.en.gz`; what is before an ending such as .txt or .csv.

    >>> [named_language(name) for name in ("news.2007.en.gz", "corpora/de.txt", "fr")]
    ['en', 'de', 'fr']
    """
    path = PurePath(uncompressed(PurePath(name).name))
    if path.suffix.lower() in (*LAYOUTS, ".txt", ".text"):
        path = PurePath(path.stem)
    return path.suffix.removeprefix(".") or path.name


def choose_languages(
    tokenizer: StringTokenizer, names: Sequence[str], given: Sequence[str] = ()
) -> tuple[str, ...]:
    """The language of each file or column, one of the tokenizer's; "" where it has none.

    Raises:
        UsageError: There are more or fewer languages than names, one is none of the tokenizer's, or a name
            is given twice.
    """
    if given and len(given) != len(names):
        raise UsageError(
            f"--languages names {len(given)} for {len(names)} inputs, {', '.join(names)}: give one for each"
        )
    if not tokenizer.languages and not given:
        return ("",) * len(names)
    found = tuple(given) or tuple(map(named_language, names))
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} is given twice")
    for language, name in zip(found, names, strict=True):
        if language not in tokenizer.languages:
            known = suggestion(language, tokenizer.languages) if tokenizer.languages else "which has none"
            raise UsageError(
                f"{name}: language {language!r} is not one of the tokenizer's, {known}"
                + ("" if given or not tokenizer.languages else "; say --languages, one for each input")
            )
    return found
