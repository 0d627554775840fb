"""`catenane fill` and `generate`: what may stand in the place of hidden tokens, or of a part."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from catenane.cli.arguments import Column, DataDir, Device, Json, Replace, Seed, column_names
from catenane.cli.console import print_json, print_table, stderr
from catenane.cli.outputs import choose_output, choose_rejected, table_writer
from catenane.cli.proposals import is_page, print_proposals, write_proposals, write_proposals_page
from catenane.errors import UsageError
from catenane.formatting import number

__all__ = ["fill", "generate"]

WRITER = "mof-writer"
"""The bundled model that writes fragments."""


def fill(
    string: Annotated[str, typer.Argument(metavar="STRING", help="With [MASK] in the place of tokens.")],
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="BUNDLE", help="Pretrained model: a folder, or a bundled one."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Fillings of each gap.")] = 5,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Fill hidden tokens of a string: the likeliest with their probabilities, and what the string becomes.

    A model pretrained by masking fills each [MASK]; one that writes fragments (recipe mass-small) each run.

    Example: `catenane fill "CC(=O)[MASK]" --model mol-base`
    """
    from catenane.models.folder import find_bundle

    folder = find_bundle(model)

    from catenane.inference import fill as run
    from catenane.inference import load

    found = run(load(folder, device=device), string, top=top)
    if as_json:
        print_json([filling._asdict() for filling in found])
        return
    columns = {"gap": "number", "tokens": "text", "probability": "number", "string": "text", "error": "text"}
    rows = [
        [str(gap), text, number(probability, 0.1), string, error]
        for gap, text, probability, string, error in found
    ]
    shown = [place for place, head in enumerate(columns) if head != "error" or any(row[-1] for row in rows)]
    heads = list(columns.items())
    print_table("", dict(heads[i] for i in shown), [[row[i] for i in shown] for row in rows])


def generate(
    strings: Annotated[
        list[str],
        typer.Argument(metavar="STRINGS|FILES|-", help="SMILES or MOFids, tables of them, or - for stdin."),
    ],
    mask: Annotated[
        str | None,
        typer.Option(metavar="FIRST:END", help="Characters of one string to write anew, from 0, as 12:20."),
    ] = None,
    vary: Annotated[
        Literal["linker", "sidechain"] | None, typer.Option(help="In the place of --mask: each of them.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Proposals for each string.")] = 20,
    rank_by: Annotated[
        str | None,
        typer.Option(metavar="MODEL:TARGET", help="Property that sets the order; likelihood by default."),
    ] = None,
    lowest: Annotated[bool, typer.Option("--lowest", help="With --rank-by: the lowest first.")] = False,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="BUNDLE", help="A model that writes fragments.")
    ] = WRITER,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV or Parquet table, or HTML page.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.01, help="Above 1 more varied, below 1 safer.")] = 1.0,
    seed: Seed = 0,
    overwrite: Replace = False,
    column: Column = None,
    device: Device = None,
    data_dir: DataDir = None,
) -> None:
    """Propose other linkers for frameworks, other side chains for molecules, or anything for a part of one.

    A model writes fragments of many lengths. Those that make no sound molecule, or a linker with other
    connection points, are left out and counted, and each proposal is given once. Of a table, or of several
    strings, each proposal has the columns of its row and its number; rows that have none are written beside
    --out. A model that `finetune --source` made writes the string that belongs to this one: the likeliest
    --n.

    Example: `catenane generate MOFID --vary linker --rank-by mof-uptake:co2_0.1bar --out proposals.html`
    """
    from catenane.data.inputs import open_inputs
    from catenane.models.folder import find_bundle, read_card

    place = None if mask is None else _places(mask)
    given = open_inputs(strings, string_column=column_names(column), data_dir=data_dir)
    is_one = len(given.strings) == 1
    if place is None and vary is None and (pair := read_card(find_bundle(model)).get("translates")):
        if not is_one:
            raise UsageError(f"{model} writes {pair['target']} for a whole table by catenane predict")
        _translate(strings[0], model, n, device, pair)
        return
    if (place is None) == (vary is None):
        raise UsageError("say what to write anew: --mask FIRST:END, or --vary linker or sidechain")
    if place is not None and not is_one:
        raise UsageError("--mask names characters of one string: give --vary linker or sidechain for several")
    ranked, colon, target = (rank_by or "").rpartition(":")
    if rank_by is not None and not (ranked and colon and target):
        raise UsageError(f"--rank-by {rank_by!r} must read MODEL:TARGET, as in mof-uptake:co2_0.1bar")
    if lowest and rank_by is None:
        raise UsageError("--lowest is of a property: give --rank-by as well")
    out = choose_output(out, given.files, overwrite=overwrite)
    beside = None if is_one else choose_rejected(out, given.files, overwrite=overwrite)
    folder = find_bundle(model)
    if ranked:
        find_bundle(ranked)

    from catenane.inference import load
    from catenane.screen.proposals import propose_each

    ranker = load(ranked, device=device) if ranked else None
    writer = load(folder, device=device)
    find = partial(
        propose_each, writer, mask=place, vary=vary, n=n, ranker=ranker, target=target, lowest=lowest,
        temperature=temperature, seed=seed,
    )  # fmt: skip
    if not is_one:
        write_proposals(given, find, out, beside, ranker or writer, n=n, lowest=lowest)
        return
    [found] = find(strings)
    if isinstance(found, Exception):
        raise found
    if out is not None and is_page(out):
        write_proposals_page(out, {"": found}, ranker or writer, lowest=lowest)
    elif out is not None:
        with table_writer(out, {}) as write:
            write({name: found.table[name].to_numpy() for name in found.table})
    print_proposals(found, ranker)
    for reason, count in found.left_out.most_common():
        stderr.print(f"{count:,} left out: {reason}")
    if out is not None:
        stderr.print(f"{len(found.table):,} proposals written to {out}")
    if len(found.table) < n:
        stderr.print(f"only {len(found.table):,} of {n:,} found: try --temperature 1.3", style="yellow")


def _translate(string: str, model: str, n: int, device: str | None, pair: dict[str, str]) -> None:
    """Print the likeliest strings that a model of pairs writes from this one."""
    from catenane.inference import load
    from catenane.inference.translation import translate

    [found] = translate(load(model, device=device), [string], n=n)
    if found.error:
        raise UsageError(found.error)
    rows = [[number(share, 0.1), text] for share, text in zip(found.probabilities, found.texts, strict=True)]
    print_table("", {"probability": "number", pair["target"]: "text"}, rows)


def _places(mask: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):(\d+)", mask)
    if match is None:
        raise UsageError(f"--mask {mask!r} must read FIRST:END, as in 12:20")
    return int(match[1]), int(match[2])
