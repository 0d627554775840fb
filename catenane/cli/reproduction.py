"""`catenane reproduce`: published tables and figures made again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from catenane.cli.arguments import DataDir, Device, Epochs, Json, Out, Set, collect_settings
from catenane.cli.console import print_json, print_table, stdout

__all__ = ["reproduce"]


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="What to make again; without it, what there is.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Rows drawn from the data; all by default.")
    ] = None,
    epochs: Epochs = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Repetitions; the paper's by default.")
    ] = None,
    settings: Set = None,
    out: Out = None,
    device: Device = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a published table or figure again, beside the paper's numbers.

    Without options it is the whole protocol of the paper, which takes long; a run that was stopped goes on
    when it is called again.

    Example: `catenane reproduce mof/table1 --rows 1000 --epochs 4 --seeds 2`
    """
    from catenane.reproduce import PROTOCOLS, result_folder
    from catenane.reproduce import reproduce as run

    if name is None:
        if as_json:
            print_json([asdict(protocol) for protocol in PROTOCOLS.values()])
            return
        known = [[protocol.name, protocol.title] for protocol in PROTOCOLS.values()]
        print_table("What can be reproduced", ["name", "what it is"], known)
        return
    result = run(
        name,
        rows=rows,
        epochs=epochs,
        seeds=seeds,
        settings=collect_settings(settings),
        out=out,
        data_dir=data_dir,
        device=device,
    )
    if as_json:
        print_json(asdict(result))
        return
    from catenane.reproduce.result import format_cell, numeric_columns

    for table in result.tables:
        shown = [[format_cell(cell) for cell in row] for row in table.rows]
        numbers = [
            column for column, right in zip(table.columns, numeric_columns(table), strict=True) if right
        ]
        print_table(table.title, list(table.columns), shown, numbers=numbers)
        stdout.print()
    stdout.print(result.shows, markup=False)
    stdout.print(
        f"Scale: {result.scale}. Tables and figures are in {out or result_folder(name)}.", markup=False
    )
