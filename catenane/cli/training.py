"""The verbs that train: `catenane pretrain`, `finetune` and `reproduce`."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from catenane.cli import arguments as option
from catenane.cli.arguments import collect_settings, column_names, numbers, split_names
from catenane.cli.console import command_line, print_json, print_table, stderr, stdout
from catenane.errors import UsageError

__all__ = ["finetune", "pretrain", "reproduce"]

OF_PAIRS = {
    "data", "source", "target", "model", "out", "recipe", "epochs", "seed", "settings", "resume", "overwrite",
    "log", "device", "data_dir", "as_json", "tokenizer", "languages",
}  # fmt: skip
"""Arguments of `finetune` that count with --source."""


def pretrain(
    corpora: Annotated[
        list[str],
        typer.Argument(metavar="CORPUS...", help="Files or folders of strings, or registered data sets."),
    ],
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="Name of a recipe, or a TOML file.")
    ] = "small",
    out: option.Out = None,
    epochs: option.Epochs = None,
    column: option.Column = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="FILE", help="Leave the strings of this file or data set out; repeatable."
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="smiles, mofid or a tokenizer.json; corpus adds its own tokens, scratch has no others.",
        ),
    ] = None,
    model: option.Model = None,
    languages: option.Languages = None,
    seed: option.Seed = 0,
    settings: option.Set = None,
    resume: option.Resume = False,
    overwrite: option.Overwrite = False,
    log: option.Log = "csv",
    device: option.Device = None,
    devices: Annotated[
        int | None, typer.Option(min=1, help="Processes of this node, each on a device; one by default.")
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Machines; see the guide to clusters.")] = 1,
    sharing: Annotated[
        Literal["ddp", "fsdp"], typer.Option(help="Gradients alone, or weights and moments as well.")
    ] = "ddp",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that read the corpora; one a core by default.")
    ] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Read the corpora, and train when called with --resume.")
    ] = False,
    data_dir: option.DataDir = None,
    as_json: option.Json = False,
) -> None:
    """Pretrain an encoder on a corpus, by the objective of the recipe.

    Example: `catenane pretrain zinc.smi chembl.csv.gz --recipe small --out runs/encoder`
    """
    from catenane.config import load_recipe
    from catenane.data.sources import find_sources
    from catenane.models.folder import find_bundle

    changes = collect_settings(settings, pretraining__epochs=epochs)
    load_recipe(recipe).with_settings(changes)
    for corpus in (*corpora, *(exclude or ())):
        find_sources(corpus, data_dir)
    if model is not None:
        find_bundle(model)
    spoken = split_names(languages, "--languages", repeats=True) if languages else ()

    from catenane.train import pretrain as run  # slow, and after all that can be wrong without it
    from catenane.train.ranks import leads

    result = run(
        corpora, out=out, recipe=recipe, settings=changes, column=column, exclude=exclude or (),
        tokenizer=tokenizer, model=model, languages=spoken, seed=seed, resume=resume, overwrite=overwrite,
        log=log, device=device, devices=devices, nodes=nodes, sharing=sharing, workers=workers,
        prepare=prepare, data_dir=data_dir,
    )  # fmt: skip
    if not leads():
        return
    if as_json:
        print_json(result.metrics | {"out": str(result.folder)})
        return
    if prepare:
        stdout.print(f"The corpus is in {result.folder / 'corpus'}: train on it with --resume.")
        return
    held_out = result.metrics["held_out"]
    figures = ", ".join(f"{name} {value:.4g}" for name, value in held_out.items() if name != "strings")
    stdout.print(f"On {held_out['strings']:,} strings held out: {figures.replace('_', ' ')}.")
    stdout.print(f"The model is in {result.folder / 'bundle'}: give {result.folder} to finetune --model.")


def finetune(
    target: option.Target,
    data: option.OptionalData = None,
    features: option.Features = "",
    source: Annotated[
        str | None,
        typer.Option(
            metavar="COL|FILE", help="Strings that --target is written from; without DATA files of text."
        ),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(metavar="FILE", help="With --source: of text, without --model.")
    ] = None,
    languages: option.Languages = None,
    weights: option.Weights = None,
    target_weights: Annotated[
        str, typer.Option(metavar="NUMBER[,NUMBER]", help="Weights of the targets in the loss.")
    ] = "",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME]", help="Scores to show first: mae, rmse, r2, roc_auc, f1 and others."
        ),
    ] = "",
    loss: Annotated[
        Literal["mae", "huber", "mse", "bce", "cross_entropy"] | None,
        typer.Option(help="Of networks, which are then trained."),
    ] = None,
    model: option.Model = None,
    out: option.Out = None,
    split: Annotated[
        str,
        typer.Option(
            help="random; of molecules scaffold, butina; of frameworks linker, topology, framework; "
            "time:COLUMN, column:NAME."
        ),
    ] = "random",
    sizes: Annotated[
        str | None,
        typer.Option(
            metavar="80,10,10", help="Training, validation, test rows; with --test or --folds the first two."
        ),
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="FILE", help="Test rows, in a table of their own.")
    ] = None,
    replicates: Annotated[int, typer.Option(min=1, help="Runs with different seeds.")] = 1,
    folds: Annotated[int, typer.Option(min=0, help="Parts of a cross-validation; none by default.")] = 0,
    members: Annotated[
        int | None, typer.Option(min=1, help="Models, or heads of one, whose mean predicts.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", help="Name of a recipe or a TOML file; the model's, or small."),
    ] = None,
    epochs: option.Epochs = None,
    task: option.Task = None,
    duplicates: Annotated[
        Literal["mean", "median", "first", "keep"],
        typer.Option(help="Label of rows that share a string, or keep all rows."),
    ] = "mean",
    baselines: Annotated[bool, typer.Option(help="Fit the baselines on the same split.")] = True,
    column: option.Column = None,
    seed: option.Seed = 0,
    settings: option.Set = None,
    on_error: Annotated[
        Literal["skip", "raise"],
        typer.Option(help="Keep aside a row that cannot be used, or stop."),
    ] = "skip",
    resume: option.Resume = False,
    overwrite: option.Overwrite = False,
    log: option.Log = "csv",
    device: option.Device = None,
    data_dir: option.DataDir = None,
    as_json: option.Json = False,
) -> None:
    """Train a property model on a table of strings and values, and report on it.

    With --source it is a model that writes one column of strings, --target, from another, or the lines of one
    file of text from those of another; options that are of properties are refused then.

    Example: `catenane finetune solubility.csv --target logS --split scaffold --out runs/solubility`
    """
    if source is not None:
        _finetune_pairs(dict(locals()))
        return
    if data is None:
        raise UsageError("DATA is missing: give a table of strings and values")
    if tokenizer or languages:
        raise UsageError("--tokenizer and --languages are of texts: give --source as well")
    from catenane.config import load_recipe
    from catenane.data.sources import find_source
    from catenane.data.splits import split_shares
    from catenane.models.folder import find_bundle

    targets = split_names(target, "--target")
    changes = collect_settings(settings, finetuning__epochs=epochs, finetuning__loss=loss)
    n_shares = 3 if test is None and not folds else 2
    parts = None if sizes is None else split_shares(numbers(sizes, "--sizes"), n_shares)
    if model is not None:
        find_bundle(model)
    if model is None or recipe is not None:
        load_recipe(recipe or "small").with_settings(changes)
    find_source(data, data_dir)
    if test is not None:
        find_source(test, data_dir)

    from catenane.reporting import ReplicatesResult, headlines, score_grid, spread_grids, verdicts
    from catenane.train import finetune as run

    result = run(
        data, target=targets, features=split_names(features, "--features") if features else (),
        weights=weights, target_weights=numbers(target_weights, "--target-weights") if target_weights else (),
        metrics=split_names(metrics, "--metrics") if metrics else (), model=model, out=out, recipe=recipe,
        settings=changes, column=column_names(column), split=split, sizes=parts, test=test,
        replicates=replicates, folds=folds, members=members, task=task, duplicates=duplicates,
        baselines=baselines, seed=seed, on_error=on_error, resume=resume, overwrite=overwrite, log=log,
        device=device, data_dir=data_dir, command=command_line(),
    )  # fmt: skip
    if as_json:
        print_json(result.metrics | {"out": str(result.folder)})
        return
    assert result.folder is not None
    if isinstance(result, ReplicatesResult):
        for title, grid in spread_grids(result.metrics).items():
            shown = [0, 1, 2, -2, -1]  # two scores: the report has all of them
            heads = list(grid.columns.items())
            print_table(title, dict(heads[i] for i in shown), [[row[i] for i in shown] for row in grid.rows])
            stdout.print()
        stdout.print(
            f"Reports: {result.folder / 'report.html'}, and in the folder of each run with its model"
        )
        _tell_rejected(result.metrics["rejected"], result.folder)
        return
    found = verdicts(result)
    for line in headlines(found):
        stdout.print(line)
    stdout.print()
    for verdict in found:
        grid = score_grid(result, verdict)
        columns = {head: kind for head, kind in grid.columns.items() if kind != "bar"}
        rows = [[cell for cell in row if isinstance(cell, str)] for row in grid.rows]
        print_table(verdict.text, columns, rows)
        stdout.print()
    stdout.print(f"Report: {result.folder / 'report.html'}")
    _tell_rejected(len(result.table.rejected), result.folder)


def _finetune_pairs(options: dict[str, Any]) -> None:
    """`finetune --source`, from the arguments of that verb."""
    usual = {name: given.default for name, given in inspect.signature(finetune).parameters.items()}
    strange = [name for name in usual if name not in OF_PAIRS and options[name] != usual[name]]
    if strange:
        raise UsageError(f"--{strange[0].replace('_', '-')} is of properties: leave it out, or --source")
    changes = collect_settings(options.pop("settings"), finetuning__epochs=options.pop("epochs"))

    from catenane.train.translation import finetune_pairs

    kept = {name: options[name] for name in OF_PAIRS & options.keys() - {"data", "as_json"}}
    if kept["languages"]:
        kept["languages"] = split_names(kept["languages"], "--languages", repeats=True)
    else:
        del kept["languages"]
    result = finetune_pairs(options["data"], settings=changes, **kept)
    if options["as_json"]:
        print_json(result.metrics | {"out": str(result.folder)})
        return
    test, n_test = result.metrics["test"], result.metrics["pairs"]["test"]
    figures = [f"{test['exact_match']:.1%} written exactly"]
    figures += [f"BLEU {test['bleu']:.1f}"] if "bleu" in test else []
    figures += [f"{test['valid']:.1%} valid"] if "valid" in test else []
    stdout.print(f"Of {n_test:,} test pairs: {', '.join(figures)}.")
    stdout.print(f"The model is in {result.folder / 'bundle'}: predict FILE --model {result.folder}.")
    _tell_rejected(result.metrics["rejected"], result.folder)


def _tell_rejected(n_rows: int, folder: Path) -> None:
    if n_rows:
        stderr.print(f"{n_rows:,} rows could not be used: see {folder / 'rejected.csv'}", style="yellow")


def reproduce(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="What to make again; else what there is.")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows to draw; all by default.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each training; the recipe's by default.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Repetitions; the paper's by default.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="VARIANT", help="Names or patterns of variants; may be repeated."),
    ] = None,
    model: option.Model = None,
    settings: option.Set = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Of all reproductions; runs/reproduce by default."),
    ] = None,
    device: option.Device = None,
    data_dir: option.DataDir = None,
    as_json: option.Json = False,
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
        columns = dict.fromkeys(["name", "what it is", "variants"], "text")
        listed = [[p.name, p.title, ", ".join(p.groups)] for p in known]
        print_table("What can be reproduced", columns, listed)
        return
    result = run(
        name, rows=rows, epochs=epochs, seeds=seeds, only=only or (), model=model,
        settings=collect_settings(settings), out=out, data_dir=data_dir, device=device,
    )  # fmt: skip
    if as_json:
        print_json(asdict(result))
        return
    from catenane.reproduce.result import layout

    for table in result.tables:
        print_table(table.title, *layout(table))
        stdout.print()
    stdout.print(f"Tables and figures are in {(out or OUT) / result.name}.")
