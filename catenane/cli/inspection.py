"""`catenane data` and `catenane models`: what there is to work with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from catenane.cli.arguments import DataDir, Json
from catenane.cli.console import print_json, print_table, stdout
from catenane.errors import DataError
from catenane.progress import draws_bars, new_bar

if TYPE_CHECKING:
    from catenane.data import Dataset

__all__ = ["data_app", "models_app"]

WITHOUT_TARGETS = {"encoder": "vectors alone", "generator": "fragments"}
"""What a model without targets gives, by the kind of its bundle."""


class _Shows(TyperGroup):
    """`catenane data NAME` is short for `catenane data show NAME`, and `catenane models NAME` likewise."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


data_app = typer.Typer(cls=_Shows, rich_markup_mode="markdown")
models_app = typer.Typer(cls=_Shows, rich_markup_mode="markdown")


@data_app.callback()
def data() -> None:
    """List the registered data sets, describe one, or fetch local copies.

    Local copies are in --data-dir, else in the folder that CATENANE_DATA names, else in one of your own.

    Examples: `catenane data`, `catenane data molnet/esol`, `catenane data fetch molnet/esol`
    """


@data_app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Describe this one.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the registered data sets, or describe one; the word `show` may be left out.

    Example: `catenane data molnet/esol`
    """
    from dataclasses import asdict

    from rich.text import Text

    from catenane.data import DATASETS, find_dataset

    if name is not None:
        dataset = find_dataset(name)
        entry = asdict(dataset) | {"local copy": _local_copy(dataset, data_dir)}
        if as_json:
            print_json(entry)
            return
        original = entry.pop("original") or {}
        for key, value in (entry | {"fetched from": original.get("url", "")}).items():
            if isinstance(value, dict):
                value = ", ".join(f"{name} ({unit})" if unit else name for name, unit in value.items())
            stdout.print(Text.assemble((key, "bold"), f"  {value}"))
        return
    if as_json:
        print_json([asdict(dataset) for dataset in DATASETS.values()])
        return
    columns = {"name": "text", "rows": "number", "here": "text", "what it is": "text"}
    rows = []
    for d in DATASETS.values():
        here = "yes" if _local_copy(d, data_dir) else "fetch" if d.original else "no"
        rows.append([d.name, f"{d.rows:,}", here, d.description])
    print_table("Registered data sets", columns, rows)
    stdout.print("\nThose marked fetch are downloaded by `catenane data fetch NAME`.", soft_wrap=True)


def _local_copy(dataset: Dataset, data_dir: Path | None) -> str:
    from catenane.data import dataset_file

    try:
        return str(dataset_file(dataset, data_dir))
    except DataError:
        return ""


@data_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Of registered data sets.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", "--data-dir", envvar="CATENANE_DATA", metavar="DIR", help="Folder of local copies."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make a copy that is there anew.")] = False,
) -> None:
    """Download public data sets, verify them, and keep them where every verb finds them by name.

    Without --to and CATENANE_DATA they go to a folder of your own, which is where they are looked for then.

    Example: `catenane data fetch molnet/esol molnet/freesolv`
    """
    from rich.progress import DownloadColumn

    from catenane.data import fetch, find_dataset

    bar = new_bar(DownloadColumn(), show=draws_bars())
    task = bar.add_task("", total=None)
    for dataset in [find_dataset(name) for name in names]:
        bar.reset(task, description=dataset.name)
        with bar:
            path, n_rows = fetch(
                dataset, to, overwrite=overwrite,
                progress=lambda done, total: bar.update(task, completed=done, total=total or None),
            )  # fmt: skip
        what = f"{n_rows:,} rows fetched to" if n_rows else "is there already:"
        stdout.print(f"{dataset.name}: {what} {path}", soft_wrap=True)


@models_app.callback()
def models() -> None:
    """List the bundled models and the recipes, show a card, import published weights, or export a model.

    Examples: `catenane models`, `catenane models mof-uptake`,
    `catenane models import molformer MoLFormer-XL-both-10pct --out molformer`
    """


@models_app.command("show")
def show_models(
    name: Annotated[str | None, typer.Argument(metavar="[BUNDLE]", help="Show the card of this one.")] = None,
    as_json: Json = False,
) -> None:
    """List the bundled models and the recipes, or show the card of a model; the word `show` may be left out.

    Example: `catenane models mof-uptake`
    """
    from catenane.config import load_recipe, recipe_names
    from catenane.models.folder import bundled_names, find_bundle, read_card, read_json

    if name is not None:
        folder = find_bundle(name)
        if as_json:
            print_json(read_card(folder))
        else:
            from rich.markdown import Markdown

            stdout.print(Markdown((folder / "README.md").read_text(encoding="utf-8")))
        return
    cards = {bundled: read_card(find_bundle(bundled)) for bundled in bundled_names()}
    recipes = {recipe: load_recipe(recipe).description for recipe in recipe_names()}
    if as_json:
        print_json({"models": cards, "recipes": recipes})
        return

    def kind(bundled: str) -> str:
        return str(read_json(find_bundle(bundled) / "config.json")["kind"])

    rows = [
        [bundled, ", ".join(card.get("targets", ())) or WITHOUT_TARGETS[kind(bundled)], card["description"]]
        for bundled, card in cards.items()
    ]
    print_table("Bundled models", dict.fromkeys(["name", "targets", "what it is"], "text"), rows)
    stdout.print()
    print_table("Recipes", {"name": "text", "what it is": "text"}, list(recipes.items()))
