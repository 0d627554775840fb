"""`catenane fill`: what may stand in the place of hidden tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from catenane.cli.arguments import Device, Json
from catenane.cli.console import print_json, print_table
from catenane.formatting import number

__all__ = ["fill"]


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
