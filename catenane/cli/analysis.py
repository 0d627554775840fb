"""The verbs that look into a corpus or a model: `catenane ngrams`, `attend`, `groups` and `explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from catenane.cli.arguments import Column, DataDir, Device, Replace, Seed
from catenane.cli.console import command_line, print_table, stderr
from catenane.cli.outputs import choose_output, choose_rejected, csv_rows, report_rejected
from catenane.cli.prediction import Gas, ModelName, load_model
from catenane.errors import UsageError
from catenane.files import check_output

if TYPE_CHECKING:
    from catenane.analysis import Corpus
    from catenane.data.inputs import Inputs

__all__ = ["attend", "explain", "groups", "ngrams"]

LONGEST_NAME = 256
"""Of a file, in characters."""

AsWritten = Annotated[bool, typer.Option("--as-written", help="Do not put strings into normal form.")]
CorpusFiles = Annotated[
    list[str], typer.Argument(metavar="CORPUS...", help="Files of strings, or names of registered data sets.")
]
Page = Annotated[Path | None, typer.Option(metavar="FILE", help="The result as an HTML page.")]


def ngrams(
    corpus: CorpusFiles,
    shortest: Annotated[int, typer.Option("--min", min=1, help="Tokens of the shortest n-grams.")] = 1,
    longest: Annotated[int, typer.Option("--max", min=1, help="Tokens of the longest.")] = 40,
    top: Annotated[int, typer.Option(min=1, help="How many of each length.")] = 50,
    as_written: AsWritten = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV file; stdout by default.")
    ] = None,
    page: Page = None,
    overwrite: Replace = False,
    column: Column = None,
    data_dir: DataDir = None,
) -> None:
    """Count every run of tokens of every length, and in how many strings it stands.

    The page draws those that spell a molecule and names the functional groups in them.

    Example: `catenane ngrams zinc.smi --top 50 --out ngrams.csv --page ngrams.html`
    """
    if shortest > longest:
        raise UsageError(f"--min {shortest} must be at most --max {longest}")
    _require_ending("--page", page, ".html")

    from catenane.data.inputs import open_inputs

    given = open_inputs(corpus, string_column=column, data_dir=data_dir)
    beside = _outputs(given, out, page, overwrite=overwrite)

    from catenane.analysis import count_ngrams, read_corpus, write_ngram_page
    from catenane.tokenizers import load_tokenizer

    read = read_corpus(given, as_written=as_written)
    _report(read, beside)
    strings = [record.text for record in read.records]
    counts = count_ngrams(load_tokenizer(read.notation), strings, shortest=shortest, longest=longest, top=top)
    if page is not None:
        write_ngram_page(page, counts, source=read.name, notation=read.notation, command=command_line())
        stderr.print(f"drawn in {page}")
    with csv_rows(choose_output(out, given.files, overwrite=overwrite)) as write:
        write(["ngram", "length", "count", "documents"])
        for gram in counts.ngrams:
            write([gram.text, gram.length, gram.count, gram.documents])


def attend(
    strings: Annotated[
        list[str], typer.Argument(metavar="STRING...", help="One, or several encoded together.")
    ],
    model: ModelName,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Page (.html), figure (.svg, .png) or arrays (.npz)."
        ),
    ],
    layer: Annotated[int | None, typer.Option(min=1, help="The mean of all by default.")] = None,
    head: Annotated[int | None, typer.Option(min=1, help="The mean of all by default.")] = None,
    direction: Annotated[
        Literal["received", "given"], typer.Option(help="What atoms are shaded by.")
    ] = "received",
    join: Annotated[
        Literal["sep", "dot"], typer.Option(help="What stands between several strings: [SEP], or a dot.")
    ] = "sep",
    as_written: AsWritten = False,
    overwrite: Replace = False,
    device: Device = None,
) -> None:
    """Show what each token attends to: heat map, lines between tokens, and the structure with atoms shaded.

    In a page layer and head are chosen by mouse or key. Of several strings atoms are shaded by their scores
    across molecules (Payne et al. 2020, Eq. 4 and 5).

    Example: `catenane attend "CC(=O)Oc1ccccc1C(=O)O" --model mol-base --out aspirin.html`
    """
    _require_ending("--out", out, ".html", ".svg", ".png", ".npz")
    check_output(out, overwrite=overwrite)
    _refuse_files(strings)
    if len(strings) > 1 and join == "dot" and any("&&" in text or "MOFid-" in text for text in strings):
        raise UsageError("--join dot is of molecules: frameworks are joined by [SEP]")

    from catenane.analysis import write_attention
    from catenane.tokenizers import SEPARATOR

    reading = load_model([model], device)
    found = reading.attention(strings, join="." if join == "dot" else SEPARATOR, as_written=as_written)
    name = reading.bundle.card.get("name", model)
    write_attention(
        out, found, layer=layer, head=head, direction=direction, model_name=name, command=command_line()
    )
    stderr.print(f"drawn in {out}" if out.suffix != ".npz" else f"written to {out}")


def groups(
    corpus: CorpusFiles,
    model: ModelName,
    sample: Annotated[int, typer.Option(min=1, metavar="N", help="Strings, drawn at random.")] = 1000,
    fewest: Annotated[int, typer.Option(min=1, help="Strings that must have a group.")] = 10,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV file; stdout by default.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A page (.html), or its figure (.svg, .png).")
    ] = None,
    seed: Seed = 0,
    overwrite: Replace = False,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Test whether heads attend to named functional groups more than to shuffled atoms of the same strings.

    Atoms are shuffled among all of a string, and among those that are written alike; p values are corrected
    for all groups and heads. The same network with random weights is the control.

    Example: `catenane groups zinc.smi --model mol-base --out groups.csv --page groups.html`
    """
    _require_ending("--page", page, ".html", ".svg", ".png")

    from catenane.data.inputs import open_inputs

    given = open_inputs(corpus, string_column=column, data_dir=data_dir)
    beside = _outputs(given, out, page, overwrite=overwrite)
    reading = load_model([model], device)

    from catenane.analysis import GROUP_COLUMNS, group_attention, group_rows, read_corpus, write_group_page

    read = read_corpus(given, notation=reading.config.notation, sample=sample, seed=seed)
    _report(read, beside)
    found = group_attention(reading, read.records, fewest=fewest, seed=seed)
    if page is not None:
        name = reading.bundle.card.get("name", model)
        write_group_page(page, found, source=read.name, model_name=name, command=command_line())
        stderr.print(f"drawn in {page}")
    with csv_rows(choose_output(out, given.files, overwrite=overwrite)) as write:
        write(GROUP_COLUMNS)
        for row in group_rows(found):
            write(row)


def explain(
    string: Annotated[str, typer.Argument(metavar="STRING", help="A SMILES or MOFid.")],
    model: Annotated[
        list[str],
        typer.Option("--model", "-m", metavar="BUNDLE", help="Model folder or name; of several, their mean."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Page .html, figure .svg or .png; a table by default."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", metavar="COL", help="What is explained.")
    ] = None,
    gas: Gas = None,
    pressure: Annotated[float | None, typer.Option(metavar="BAR", help="With --gas.")] = None,
    method: Annotated[
        Literal["occlusion", "deletion", "masking", "gradients", "rollout", "attention"] | None,
        typer.Option(help="Deletion where the string is the only input of the head, else occlusion."),
    ] = None,
    overwrite: Replace = False,
    device: Device = None,
) -> None:
    """Predict for one string, with its interval, and draw what each atom adds.

    Occlusion makes each atom in turn unknown (`*`) and predicts all anew, so that it works for every model;
    deletion leaves its token out, where the head reads nothing else.

    Example: `catenane explain "CC(=O)Oc1ccccc1C(=O)O" --model runs/solubility --out aspirin.html`
    """
    if out is not None:
        _require_ending("--out", out, ".html", ".svg", ".png")
        check_output(out, overwrite=overwrite)
    _refuse_files([string])
    given: dict[str, Any] = {"gas": gas, "pressure": pressure}
    conditions: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    predicting = load_model(model, device)

    from catenane.analysis import atom_grid, headline, write_explanation
    from catenane.analysis import explain as run

    found = run(predicting, string, target=target, method=method, **conditions)
    if out is None:
        table = atom_grid(found)
        print_table(headline(found), table.columns, table.rows)
        return
    name = predicting.bundle.card.get("name", ", ".join(model))
    write_explanation(out, found, model_name=name, command=command_line())
    stderr.print(f"drawn in {out}")


def _require_ending(option: str, path: Path | None, *endings: str) -> None:
    if path is not None and path.suffix.lower() not in endings:
        *others, last = endings
        raise UsageError(
            f"{option} {path}: must end in {' or '.join(filter(None, (', '.join(others), last)))}"
        )


def _refuse_files(strings: list[str]) -> None:
    for text in strings:
        if len(text) < LONGEST_NAME and Path(text).is_file():
            raise UsageError(f"{text} is a file: give the string itself, of a molecule or a framework")


def _outputs(given: Inputs, *paths: Path | None, overwrite: bool) -> Path | None:
    """Where rejected rows go, beside the first output, once it is known that all may be written."""
    named = [path for path in paths if path is not None]
    for path in named:
        check_output(path, inputs=given.files, overwrite=overwrite)
    if len({path.resolve() for path in named}) < len(named):
        raise UsageError(f"two outputs are both {named[0]}: give two files")
    besides = [choose_rejected(path, given.files, overwrite=overwrite) for path in named]
    return next((beside for beside in besides if beside is not None), None)


def _report(corpus: Corpus, beside: Path | None) -> None:
    n_rows = len(corpus.records) + len(corpus.rejected)
    report_rejected(beside, corpus.rejected, n_rows, "could not be read")
