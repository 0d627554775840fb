"""`catenane enumerate`: candidates that nobody has made yet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catenane.cli.arguments import Column, Replace, Seed, split_names
from catenane.cli.console import stderr
from catenane.cli.outputs import choose_output, choose_rejected, csv_rows, report_rejected
from catenane.errors import MOST_LISTED, UsageError

if TYPE_CHECKING:
    from catenane.notation.building_blocks import Linker
    from catenane.screen import Framework

__all__ = ["enumerate_app"]

BUILTIN = "builtin"

enumerate_app = typer.Typer(
    help="Write hypothetical structures, well formed and unique, for predict to rank.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@enumerate_app.command()
def mofs(
    nodes: Annotated[
        str | None, typer.Option(metavar="NAME[,NAME]", help="Metal nodes; all by default.")
    ] = None,
    linkers: Annotated[
        str,
        typer.Option(metavar="FILE|NAMES", help="Table of SMILES, or names: BDC,BPDC."),
    ] = BUILTIN,
    column: Column = None,
    topologies: Annotated[
        str | None, typer.Option(metavar="NET[,NET]", help="RCSR codes; all known.")
    ] = None,
    functionalise: Annotated[
        str | None,
        typer.Option(metavar="GROUP[,GROUP]", help="Put on aromatic carbons: F,NH2,..."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="How many of one group a linker may carry.")] = 1,
    catenations: Annotated[
        str | None,
        typer.Option(metavar="N[,N]", help="Interpenetrating nets less one: 0,1."),
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, metavar="N", help="Draw N at random.")] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV file; stdout by default.")
    ] = None,
    overwrite: Replace = False,
) -> None:
    """Combine nodes, linkers and nets into hypothetical frameworks: a CSV of MOFids and their parts.

    What cannot exist is left out and counted. Rows of --linkers that cannot be used are written beside the
    output with their reasons.

    Example: `catenane enumerate mofs --topologies pcu,tbo --functionalise F,NH2 --out candidates.csv`
    """
    out = choose_output(out, [Path(linkers)] if linkers != BUILTIN else [], overwrite=overwrite)

    from catenane.screen import Frameworks

    frameworks = Frameworks(
        nodes=_names(nodes, "--nodes"),
        linkers=_linkers(linkers, column, out, overwrite=overwrite),
        topologies=_names(topologies, "--topologies"),
        substituents=_names(functionalise, "--functionalise") or (),
        most_substituents=most,
        catenations=_counts(catenations),
    )
    chosen: Iterable[Framework] = frameworks
    if sample is not None and sample < frameworks.size:
        chosen = frameworks.sample(sample, seed=seed)
    n_written = 0
    with csv_rows(out) as write:
        write(["mofid", "node", "linkers", "linker_smiles", "net", "catenation"])
        for framework in chosen:
            n_written += 1
            names, smiles = zip(*((linker.name, linker.smiles) for linker in framework.parts), strict=True)
            made_of = (framework.node.name, "; ".join(names), ".".join(smiles))
            write([str(framework), *made_of, framework.topology, framework.catenation])
    stderr.print(f"{n_written:,} of {frameworks.size:,} possible frameworks written to {out or 'stdout'}")
    if linkers != BUILTIN and (unused := [linker.name for linker in frameworks.unused]):
        more = f" and {len(unused) - MOST_LISTED:,} more" if len(unused) > MOST_LISTED else ""
        summary = f"{len(unused):,} of the linkers: {', '.join(unused[:MOST_LISTED])}{more}"
        stderr.print(f"no framework is made of {summary}", style="yellow")
    for reason, count in frameworks.left_out.items():
        stderr.print(f"{count:,} left out: {reason}")


def _names(text: str | None, option: str) -> tuple[str, ...] | None:
    return None if text is None else split_names(text, option)


def _linkers(
    text: str, column: str | None, out: Path | None, *, overwrite: bool
) -> Iterable[Linker | str] | None:
    if text == BUILTIN:
        return None

    from catenane.data.sources import LAYOUTS
    from catenane.screen import read_linkers

    if not (text.lower().endswith((*LAYOUTS, ".gz")) or Path(text).is_file()):
        return split_names(text, "--linkers")
    beside = choose_rejected(out, [Path(text)], overwrite=overwrite)
    linkers, rejected = read_linkers(text, string_column=column)
    report_rejected(beside, rejected, len(linkers) + len(rejected), f"of {text} could not be used")
    return linkers


def _counts(text: str | None) -> list[int] | None:
    names = _names(text, "--catenations")
    if names is not None and not all(name.isdecimal() for name in names):
        raise UsageError(f"--catenations {text}: expected whole numbers, as in 0,1")
    return None if names is None else [int(name) for name in names]
