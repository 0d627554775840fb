"""`catenane fill` and `generate`: what may stand in the place of hidden tokens, or of a part."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from catenane.cli.arguments import Device, Json, Replace, Seed
from catenane.cli.console import command_line, print_json, print_table, stderr, stdout
from catenane.cli.outputs import choose_output, table_writer
from catenane.errors import UsageError
from catenane.formatting import number, scale

if TYPE_CHECKING:
    from catenane.inference import Model
    from catenane.screen.proposals import Proposals

__all__ = ["fill", "generate"]

WRITER = "mof-writer"
"""The bundled model that writes fragments."""
SHOWN = 72
"""Characters of a fragment in the table."""


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

    Example: `catenane fill "CC(=O)[MASK]" --model mol-small`
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
    string: Annotated[str, typer.Argument(metavar="STRING", help="A SMILES or a MOFid.")],
    mask: Annotated[
        str | None, typer.Option(metavar="FIRST:END", help="Characters to write anew, from 0, as 12:20.")
    ] = None,
    vary: Annotated[
        Literal["linker", "sidechain"] | None, typer.Option(help="In the place of --mask: each of them.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Proposals.")] = 20,
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
    device: Device = None,
) -> None:
    """Propose other linkers for a framework, other side chains for a molecule, or anything for a part.

    A model writes fragments of many lengths. Those that make no sound molecule, or a linker with other
    connection points, are left out and counted, and each proposal is given once. A model that
    `finetune --source` made writes the string that belongs to this one: the likeliest --n.

    Example: `catenane generate MOFID --vary linker --rank-by mof-uptake:co2_0.1bar --out proposals.html`
    """
    from catenane.models.folder import find_bundle, read_card

    place = None if mask is None else _places(mask)
    if place is None and vary is None and (pair := read_card(find_bundle(model)).get("translates")):
        _translate(string, model, n, device, pair)
        return
    if (place is None) == (vary is None):
        raise UsageError("say what to write anew: --mask FIRST:END, or --vary linker or sidechain")
    ranked, colon, target = (rank_by or "").rpartition(":")
    if rank_by is not None and not (ranked and colon and target):
        raise UsageError(f"--rank-by {rank_by!r} must read MODEL:TARGET, as in mof-uptake:co2_0.1bar")
    if lowest and rank_by is None:
        raise UsageError("--lowest is of a property: give --rank-by as well")
    out = choose_output(out, [], overwrite=overwrite)
    folder = find_bundle(model)
    if ranked:
        find_bundle(ranked)

    from catenane.inference import load
    from catenane.screen.proposals import propose

    ranker = load(ranked, device=device) if ranked else None
    writer = load(folder, device=device)
    found = propose(
        writer, string, mask=place, vary=vary, n=n, ranker=ranker, target=target, lowest=lowest,
        temperature=temperature, seed=seed,
    )  # fmt: skip
    if out is not None and out.suffix.lower() in (".html", ".htm"):
        _write_page(out, found, ranker or writer, lowest=lowest)
    elif out is not None:
        with table_writer(out, {}) as write:
            write({name: found.table[name].to_numpy() for name in found.table})
    _print_proposals(found, ranker)
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


def _units(found: Proposals, ranker: Model | None) -> dict[str, str]:
    """Unit of every column of numbers."""
    if ranker is None:
        return {found.ranked_by: ""}
    return {found.ranked_by: ranker.bundle.unit(found.ranked_by), "likelihood": ""}


def _summary(found: Proposals) -> str:
    """How many proposals there were, and how many are new to the model that wrote them."""
    new = [bool(value) for value in found.table["new"] if value is not None]
    summary = f"{found.n_valid:,} different sound ones among {found.n_drafts:,} drafts"
    return summary + (f"; {sum(new):,} of these {len(new):,} were not in the training" if new else "")


def _print_proposals(found: Proposals, ranker: Model | None) -> None:
    table, units = found.table, _units(found, ranker)
    by = found.ranked_by
    columns: dict[str, list[str]] = {"": [str(place) for place in range(1, len(table) + 1)]}
    head = f"{by}, {units[by]}" if units[by] else by
    columns[head] = [number(value, scale(table[by])) for value in table[by]]
    if ranker is not None:
        low, high = table[f"{by}_low"], table[f"{by}_high"]
        like = scale(table[by], [*low, *high])
        columns["interval"] = [
            f"{number(a, like)} to {number(b, like)}" for a, b in zip(low, high, strict=True)
        ]
        columns["domain"] = ["inside" if inside else "outside" for inside in table["in_domain"]]
    if "span" in table:
        spans = zip(table["span"], table["span_before"], strict=True)
        columns["bonds (before)"] = [f"{new} ({old})" for new, old in spans]
    columns["new"] = [{True: "yes", False: "no"}.get(value, "") for value in table["new"]]
    columns["fragment"] = [
        text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…" for text in table["fragment"]
    ]
    kinds = {head: "text" if head in ("fragment", "new", "domain") else "number" for head in columns}
    stdout.print(f"Proposals: {_summary(found)}.")
    if ranker is not None and by in found.origin:
        stdout.print(f"{head}, of the string itself: {number(found.origin[by], scale(table[by]))}")
    print_table("", kinds, list(zip(*columns.values(), strict=True)))


def _write_page(path: Path, found: Proposals, model: Model, *, lowest: bool) -> None:
    from catenane.notation import get_notation
    from catenane.reporting import target_label, write_ranking_page

    by, noun = found.ranked_by, get_notation(found.notation).noun
    defaults: dict[str, Any] = {f"{by}_low": float("nan"), f"{by}_high": float("nan"), "note": ""}
    best = found.table.assign(
        **{name: value for name, value in (defaults | {"in_domain": True}).items() if name not in found.table}
    )
    met = ["known to the model that wrote it" if new is False else "" for new in best["new"]]
    spans = [""] * len(best)
    if "span" in best:
        pairs = zip(best["span"], best["span_before"], strict=True)
        spans = [f"{new} bonds between sites, {old} before" if new else "" for new, old in pairs]
    best["note"] = ["; ".join(filter(None, notes)) for notes in zip(best["note"], met, spans, strict=True)]
    end = "lowest" if lowest else "highest"
    write_ranking_page(
        path, best, units=_units(found, model if model.targets else None), ranked_by=by, lowest=lowest,
        notation=found.notation, card=model.bundle.card, n_candidates=found.n_valid, n_rejected=0,
        cap=_summary(found), command=command_line(),
        origin=found.origin if model.targets and by in found.origin else None,
        headline=f"{len(best):,} proposed {noun}{'s' * (len(best) != 1)}, {end} {target_label(by)}",
    )  # fmt: skip
