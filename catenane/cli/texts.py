"""Texts: `catenane tokenizer train`, and what `predict` does with a model that writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from catenane.cli.arguments import DataDir, Languages, split_names
from catenane.cli.console import stderr, stdout
from catenane.cli.outputs import add_suffix, choose_output, table_writer
from catenane.errors import DataError, UsageError
from catenane.files import check_output, replaced

if TYPE_CHECKING:
    from catenane.inference.model import Model

__all__ = ["tokenizer_app", "write_translations"]

TABLES = (".csv", ".tsv", ".parquet", ".pq", ".gz")
"""Endings of an output that is a table; else it has a text on each line."""

tokenizer_app = typer.Typer(help="Vocabularies of text.", no_args_is_help=True)


@tokenizer_app.callback()
def group() -> None:
    """Vocabularies of text."""


@tokenizer_app.command()
def train(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files of text, a sentence a line; or tables.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder that tokenizer.json is written to.")
    ],
    kind: Annotated[
        Literal["bpe", "unigram"],
        typer.Option(help="Byte-pair encoding, or the unigram model of SentencePiece."),
    ] = "bpe",
    size: Annotated[int, typer.Option(help="Tokens, the 256 bytes among them; at most 65536.")] = 32_000,
    languages: Languages = None,
    lines: Annotated[
        int | None, typer.Option(min=1, help="Lines of each file to read; all by default.")
    ] = None,
    column: Annotated[str | None, typer.Option(metavar="COL", help="Of tables: the column of text.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a tokenizer.json.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Train a vocabulary of pieces of words, one for all files; their languages become tokens.

    Text is read in Unicode form NFC with single spaces, as bytes: no character is unknown, and every text is
    decoded as it was.

    Example: `catenane tokenizer train news.en news.de --size 32000 --out runs/bpe`
    """
    from catenane.data.languages import named_language
    from catenane.data.sources import find_source

    paths = [found.path for file in files if (found := find_source(file, data_dir)).path]
    if out.is_dir():
        check_output(out / "tokenizer.json", inputs=paths, overwrite=overwrite)
    named = split_names(languages, "--languages", repeats=True) if languages else ()
    if named and len(named) != len(files):
        raise UsageError(f"--languages names {len(named)} for {len(files)} files: give one for each")
    named = named or tuple(map(named_language, files))
    several = tuple(dict.fromkeys(named)) if len(files) > 1 or languages else ()

    from catenane.tokenizers import train_tokenizer

    counts: dict[str, int] = {}
    texts = chain.from_iterable(islice(_texts(file, column, data_dir, counts), lines) for file in files)
    tokenizer = train_tokenizer(texts, kind=kind, size=size, languages=several)
    out.mkdir(parents=True, exist_ok=True)
    path = tokenizer.save(out / "tokenizer.json")
    for file, language in zip(files, named, strict=True):
        told = f", language {language}" if several else ""
        stdout.print(f"{file}: {counts[file]:,} texts{told}")
        if left := counts.get(f"rejected {file}", 0):
            stderr.print(f"{file}: {left:,} lines are not text and were passed over", style="yellow")
    stdout.print(f"{tokenizer.vocabulary_size:,} tokens written to {path}")


def _texts(file: str, column: str | None, data_dir: Path | None, counts: dict[str, int]) -> Iterator[str]:
    """Texts in normal form, counted; and how many lines are none."""
    from catenane.data import stream_strings
    from catenane.errors import NotationError
    from catenane.notation import normalise

    def reject(_: Any = None) -> None:
        counts[f"rejected {file}"] = counts.get(f"rejected {file}", 0) + 1

    counts[file] = 0
    rows = stream_strings(file, string_column=column, data_dir=data_dir, on_rejection=reject, is_text=True)
    for _, line in rows:
        try:
            text = normalise(line, "text")
        except NotationError:
            reject()
            continue
        counts[file] += 1
        yield text


def write_translations(
    strings: Sequence[str],
    folder: Path,
    *,
    out: Path | None,
    overwrite: bool,
    column: str | None,
    languages: str | None,
    reference: str | None,
    device: str | None,
    data_dir: Path | None,
) -> None:
    """`predict` with a model that writes: the input's columns with what is written, and why a row has none.

    Where the references are known, BLEU and the share that is written exactly are printed.
    """
    from catenane.data.inputs import open_inputs
    from catenane.data.numbers import cell_text
    from catenane.models.folder import read_card, read_json
    from catenane.notation import get_notation
    from catenane.progress import RowCount

    notation = read_json(folder / "config.json")["notation"]
    is_text = not get_notation(notation).is_chemical
    pairs = read_card(folder).get("translates", {})
    given = open_inputs(
        strings, string_column=column, data_dir=data_dir, usual=pairs.get("source"), is_text=is_text
    )
    out = choose_output(out, given.files, overwrite=overwrite)
    wanted = _reference(reference or pairs.get("target", ""), given.columns, said=reference is not None)

    from catenane.inference import load
    from catenane.inference.translation import bleu, translate

    model = load(folder, device=device)
    spoken = _direction(
        model, given.names, split_names(languages, "--languages", repeats=True) if languages else ()
    )
    found: list[str] = []
    known: list[str] = []
    n_rows, failed, first_error = 0, 0, ""
    with (
        RowCount("predict", show=out is not None or not stdout.is_terminal) as count,
        _writer(out, given.types) as write,
    ):
        for chunk in given.chunks():
            results = translate(model, chunk.readable(), languages=spoken)
            errors = [unread or item.error for unread, item in zip(chunk.errors, results, strict=True)]
            texts = ["" if error else item.texts[0] for error, item in zip(errors, results, strict=True)]
            shares = [
                None if error else item.probabilities[0] for error, item in zip(errors, results, strict=True)
            ]
            columns = {"written": texts, "probability": shares, "error": errors}
            write(chunk.columns | add_suffix(columns, chunk.columns))
            if isinstance(wanted, str):
                known += [cell_text(cell) for cell in chunk.columns[wanted]]
            found += texts if wanted is not None else ()
            bad = [place for place, error in enumerate(errors) if error]
            first_error = first_error or (f"row {n_rows + bad[0] + 1}: {errors[bad[0]]}" if bad else "")
            n_rows, failed = n_rows + len(texts), failed + len(bad)
            count.add(len(texts))
    if not n_rows:
        raise DataError(f"{given.name}: there are no rows")
    if failed == n_rows:
        raise DataError(f"nothing could be written for any of {n_rows:,} rows: {first_error}")
    if failed:
        stderr.print(
            f"{failed:,} of {n_rows:,} rows have no result, the first: {first_error}", style="yellow"
        )
    if wanted is None:
        return
    known = [" ".join(text.split()) for text in (known if isinstance(wanted, str) else wanted)]
    if len(known) != len(found):
        raise DataError(f"{reference} has {len(known):,} lines and {given.name} {len(found):,} rows")
    places = [place for place, text in enumerate(known) if text]
    if not places:
        raise DataError(f"no row of {given.name} has a reference")
    found, known = ([side[place] for place in places] for side in (found, known))
    exact = sum(text == other for text, other in zip(found, known, strict=True)) / len(known)
    scores = bleu(found, known, model.bundle.tokenizer)
    told = f"BLEU {scores['bleu']:.1f}, " if scores else ""
    stderr.print(f"{told}{exact:.1%} written exactly, of {len(known):,} rows with a reference.")


def _direction(model: Model, names: Sequence[str], given: tuple[str, ...]) -> tuple[str, str] | None:
    """Source and target that are said, or that a file of this name is to be translated by; None for usual."""
    if given and len(given) != 2:
        raise UsageError(f"--languages {','.join(given)} must name the source and the target, as in en,de")
    if given:
        return given[0], given[1]
    from catenane.data.languages import named_language
    from catenane.inference.translation import directions

    known = directions(model)
    languages = {named_language(name) for name in names}.intersection(model.bundle.tokenizer.languages)
    if not languages:
        return known[0]
    fits = [pair for pair in known if {pair[0]} == languages]
    if not fits:
        told = ", ".join(f"{source} to {target}" for source, target in known)
        raise UsageError(
            f"the input is {' and '.join(sorted(languages))} by its name, and the model translates {told}: "
            "say --languages if the name is wrong"
        )
    return fits[0]


def _reference(name: str, columns: Sequence[str], *, said: bool) -> str | list[str] | None:
    """What should be written: a column of the input, or the lines of a file; None where neither is known."""
    from catenane.data.rejects import Rejection
    from catenane.data.sources import find_source
    from catenane.data.table_files import open_lines

    if name in columns:
        return name
    if not said:
        return None
    if not Path(name).is_file():
        raise UsageError(f"--reference {name!r} is neither a column of the input nor a file")
    lines = open_lines(find_source(name), every_line=True).rows([0])
    return ["" if isinstance(item, Rejection) else item[1][0] for item in lines]


@contextmanager
def _writer(out: Path | None, types: dict[str, Any]) -> Iterator[Callable[[Any], None]]:
    """As `table_writer`; a file that is no table by its name gets the texts alone, one a line."""
    if out is None or out.suffix.lower() in TABLES:
        with table_writer(out, types) as write:
            yield write
        return
    with replaced(out) as fresh, fresh.open("w", encoding="utf-8") as file:
        yield lambda columns: file.writelines(f"{text}\n" for text in columns["written"])
