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
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="VARIANT", help="One line of the table; patterns; may be repeated."),
    ] = None,
    settings: Set = None,
    out: Out = None,
    device: Device = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a published table or figure again, beside the paper's numbers.

    Without options it is the whole protocol of the paper, which takes long; a run that was stopped goes on
    when it is called again. With --only some lines are made, and those of earlier runs stay.

    Example: `catenane reproduce mof/table1 --rows 1000 --epochs 4 --seeds 2`
    """
    from catenane.reproduce import OUT, protocols
    from catenane.reproduce import reproduce as run

    if name is None:
        known = [(protocol.name, protocol.title) for protocol in protocols().values()]
        if as_json:
            print_json([{"name": name, "title": title} for name, title in known])
            return
        print_table("What can be reproduced", ["name", "what it is"], known)
        return
    result = run(
        name,
        rows=rows,
        epochs=epochs,
        seeds=seeds,
        only=only or (),
        settings=collect_settings(settings),
        out=out,
        data_dir=data_dir,
        device=device,
    )
    if as_json:
        print_json(asdict(result))
        return
    from catenane.reproduce.result import COLUMNS, cells

    for table in result.tables:
        print_table(table.title, COLUMNS, [cells(row) for row in table.rows], numbers=COLUMNS[2:])
        stdout.print()
    stdout.print(f"Tables and figures are in {(out or OUT) / result.name}.", markup=False)
