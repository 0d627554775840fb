"""`catenane reproduce`: published tables and figures made again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from catenane.cli.arguments import DataDir, Device, Json, Set, collect_settings
from catenane.cli.console import print_json, print_table, stdout

__all__ = ["reproduce"]


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="What to make again; without it, what there is.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Rows drawn from the local data; all by default.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Of pretraining and of fine-tuning; the recipe's by default."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Repetitions, from seed 0; the paper's by default.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="VARIANT", help="Names or patterns of variants; may be repeated."),
    ] = None,
    settings: Set = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Of all reproductions; runs/reproduce by default."),
    ] = None,
    device: Device = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a published table or figure again, beside the paper's numbers.

    Without options it is the paper's protocol on all rows of the local data, which takes days on a laptop.
    Called again, it goes on where it was stopped. With --only some variants are run, and those of earlier
    runs stay in the table.

    Example: `catenane reproduce mof/table1 --rows 1000 --epochs 4 --seeds 2`
    """
    from catenane.reproduce import OUT, protocols
    from catenane.reproduce import reproduce as run

    if name is None:
        known = protocols().values()
        if as_json:
            print_json([{"name": p.name, "title": p.title, "variants": p.groups} for p in known])
            return
        rows_of_table = [[p.name, p.title, ", ".join(p.groups)] for p in known]
        columns = dict.fromkeys(["name", "what it is", "variants"], "text")
        print_table("What can be reproduced", columns, rows_of_table)
        return
    result = run(
        name, rows=rows, epochs=epochs, seeds=seeds, only=only or (), settings=collect_settings(settings),
        out=out, data_dir=data_dir, device=device,
    )  # fmt: skip
    if as_json:
        print_json(asdict(result))
        return
    from catenane.reproduce.result import COLUMNS, cells

    for table in result.tables:
        print_table(table.title, COLUMNS, [cells(row) for row in table.rows])
        stdout.print()
    stdout.print(f"Tables and figures are in {(out or OUT) / result.name}.")
