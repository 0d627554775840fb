"""`catenane models import` and `export`: weights from and for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from catenane.cli.console import stderr, stdout
from catenane.errors import UsageError

__all__ = ["export", "import_"]

Folder = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="New folder to write.")]


def import_(
    form: Annotated[Literal["molformer"], typer.Argument(help="Whose weights.")],
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Lightning .ckpt file, or folder of the Hugging Face hub."),
    ],
    out: Folder,
    vocabulary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Tokens of a .ckpt file; bert_vocab.txt beside it by default."),
    ] = None,
) -> None:
    """Make a model folder of published weights; nothing that a checkpoint has pickled is executed.

    Example: `catenane models import molformer MoLFormer-XL-both-10pct --out molformer`
    """
    from catenane.models.bundle import save_bundle
    from catenane.models.molformer import read_molformer

    _check_new(out)
    bundle = read_molformer(path, vocabulary)
    save_bundle(out, bundle)
    found, shape = bundle.card["imported"], bundle.config.recipe.encoder
    stdout.print(
        f"{out}: {shape.n_layers} layers of width {shape.d_model}, {shape.vocabulary_size:,} tokens; "
        f"form of {found['form']}",
        soft_wrap=True,
    )
    for what in ("tokens", "weights"):
        if left_out := found[f"{what}_left_out"]:
            stderr.print(f"{len(left_out):,} {what} left out: {', '.join(left_out)}", style="yellow")


def export(
    form: Annotated[Literal["hf"], typer.Argument(help="For Hugging Face's transformers.")],
    model: Annotated[str, typer.Argument(metavar="BUNDLE", help="Model folder, or a bundled name.")],
    out: Folder,
) -> None:
    """Write tokenizer and encoder of a model as a folder that transformers loads.

    Example: `catenane models export hf mol-base --out mol-base-hf`
    """
    from catenane.models.bundle import load_bundle
    from catenane.models.hub import write_hub_folder

    _check_new(out)
    bundle = load_bundle(model)
    write_hub_folder(out, bundle)
    stdout.print(
        f"{out}: load it with AutoModel.from_pretrained(..., trust_remote_code=True)", soft_wrap=True
    )
    if bundle.config.kind != "encoder":
        stderr.print("the head stays behind: transformers gets the encoder alone", style="yellow")


def _check_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already: delete it, or give another folder")
