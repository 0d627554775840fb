"""What the report says of the run as a whole: its data, its training, and how to make it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from catenane.data import Rejection, shared_with_train
from catenane.data.rejects import excerpt
from catenane.formatting import count, duration, percent, with_unit
from catenane.metrics import Task
from catenane.reporting.data_plots import group_counts, histogram, loss_curves, rate_curve, score_curve
from catenane.reporting.groups import Groupings
from catenane.reporting.plots import Drawing
from catenane.reporting.result import THINGS, FinetuneResult
from catenane.tokenizers import Tokenization

__all__ = [
    "RejectedKind",
    "data_drawings",
    "data_facts",
    "data_warnings",
    "known_shares",
    "making_facts",
    "rejected_kinds",
    "training_drawings",
]

SMALL_TEST = 100
"""Test rows below which the report warns of chance."""
VARIABLE_PART = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,]*|: .*")
"""What differs between two rows that are rejected for the same reason."""
HANDLING = {
    "mean": "joined, with the mean of their labels",
    "median": "joined, with the median of their labels",
    "first": "only the first of each is used",
    "keep": "all of them are used",
}
MAJORITY = "joined, with the class of the majority"
"""What joining rows means where the labels are classes."""
Fact = tuple[str, str]
"""A name and what it is."""


@dataclass(frozen=True)
class RejectedKind:
    """Rows that were turned away for one reason, and the first of them."""

    reason: str
    n: int
    row: int
    column: str
    value: str


def data_facts(result: FinetuneResult, shares: Mapping[str, float]) -> list[Fact]:
    """Where the rows come from and how they were divided.

    Args:
        result: The finished run.
        shares: From `known_shares`.
    """
    table, split, duplicates = result.table, result.metrics["split"], result.metrics["duplicates"]
    groups = f"; {split['n_groups']:,} groups kept whole" if split["n_groups"] else ""
    parts = f"{split['train']:,} to train, {split['valid']:,} to validate, {split['test']:,} to test"
    known = ", ".join(f"{what} {percent(share)}" for what, share in shares.items()) or "none"
    return [
        ("source", table.source),
        ("strings", f"{count(len(table), THINGS[table.notation])} from column {table.string_column}"),
        ("split", f"{split['method']}, seed {split['seed']}: {parts}{groups}"),
        ("test rows share with training", known),
        ("repeated strings", _repeated(duplicates, result.task)),
        ("tokens", str(Tokenization(**result.metrics["tokenization"]))),
        ("rejected rows", f"{result.metrics['rejected']:,}" if result.metrics["rejected"] else "none"),
    ]


def known_shares(result: FinetuneResult) -> dict[str, float]:
    """Shares of the test rows that have something in common with a training row, by what that is."""
    parts = result.split.train, result.split.test
    return shared_with_train(result.table, result.split) if all(map(len, parts)) else {}


def _repeated(duplicates: Mapping[str, Any], task: Task) -> str:
    if not duplicates["strings"]:
        return "none"
    handling = HANDLING[duplicates["handling"]]
    if task == "classification" and duplicates["handling"] in ("mean", "median"):
        handling = MAJORITY
    strings, rows = count(duplicates["strings"], "string"), count(duplicates["rows"], "row")
    return f"{strings} in {rows}, {duplicates['conflicting']:,} with labels that differ; {handling}"


def data_warnings(result: FinetuneResult, shares: Mapping[str, float]) -> list[str]:
    """What a careful reader should know before trusting the scores.

    Args:
        result: The finished run.
        shares: From `known_shares`.
    """
    tokens, n_test = result.metrics["tokenization"], len(result.split.test)
    warnings = []
    if rejected := result.metrics["rejected"]:
        warnings.append(f"Rows that could not be used, for reasons listed below: {rejected:,}.")
    if tokens["n_unknown"]:
        warnings.append(
            f"Strings with tokens that are unknown to the model: {tokens['n_strings_unknown']:,}."
        )
    if tokens["n_cut"]:
        warnings.append(
            f"Strings longer than the model can read, which were cut: {tokens['n_strings_cut']:,}."
        )
    if shares.get("string"):
        warnings.append(
            f"Test rows with a string that was trained on: {percent(shares['string'])}; "
            "on them the scores show memory, not prediction."
        )
    if n_test < SMALL_TEST:
        warnings.append(f"Only {count(n_test, 'test row')}: small differences mean little.")
    return warnings


def data_drawings(result: FinetuneResult, groupings: Groupings, most_targets: int) -> list[Drawing]:
    """Histograms of labels, string lengths, and what the strings are made of."""
    table, test = result.table, result.split.test
    drawings = []
    for place, name in enumerate(table.target_names[:most_targets]):
        labels = table.targets[:, place]
        xlabel = with_unit(name, result.metrics["targets"][name]["unit"])
        svg = histogram(labels, labels[test], xlabel=xlabel, alt=f"Histogram: labels of {name}")
        drawings.append(Drawing(svg, f"Labels of {name}, {count(int(np.isfinite(labels).sum()), 'row')}."))
    lengths = np.array([len(string) for string in table.strings], dtype=np.float64)
    svg = histogram(lengths, lengths[test], xlabel="characters", alt="Histogram: string lengths")
    drawings.append(Drawing(svg, f"Length of the strings; the median is {np.median(lengths):.0f}."))
    drawings += [
        Drawing(group_counts(grouping, test), f"Rows by {grouping.title}.")
        for grouping in (groupings.main, groupings.size)
    ]
    return drawings


def rejected_kinds(rejected: list[Rejection], most: int = 12) -> list[RejectedKind]:
    """The reasons for which rows were turned away, the commonest first, each with its first row."""
    by_kind: dict[str, list[Rejection]] = {}
    for rejection in rejected:
        by_kind.setdefault(VARIABLE_PART.sub("…", rejection.reason), []).append(rejection)
    ranked = sorted(by_kind.items(), key=lambda item: -len(item[1]))
    rest = [rejection for _, rejections in ranked[most:] for rejection in rejections]
    return [
        RejectedKind(
            reason=kind if len(rejections) > 1 else rejections[0].reason,
            n=len(rejections),
            row=rejections[0].row,
            column=rejections[0].column,
            value=excerpt(rejections[0].value),
        )
        for kind, rejections in [*ranked[:most], *([("other reasons", rest)] if rest else [])]
    ]


def training_drawings(result: FinetuneResult) -> list[Drawing]:
    """Learning curves; none where nothing was recorded."""
    if not result.history:
        return []
    return [
        Drawing(loss_curves(result.history), "Loss on the training and the validation rows."),
        Drawing(score_curve(result.history), "The score that chooses the weights to keep."),
        Drawing(rate_curve(result.history), "Learning rate at the end of each epoch."),
    ]


def making_facts(result: FinetuneResult) -> list[Fact]:
    """What it takes to make the model again."""
    metrics = result.metrics
    return [
        ("model", result.model_name),
        ("recipe", str(metrics["recipe"])),
        ("pretrained from", str(metrics["pretrained_from"] or "nothing: its weights started at random")),
        ("parameters", f"{metrics['n_parameters']:,}"),
        ("epochs", f"{len(result.history)}, the weights of epoch {metrics['best_epoch']} kept"),
        ("time", duration(metrics["seconds"])),
        ("seed", str(metrics["seed"])),
        ("versions", ", ".join(f"{name} {version}" for name, version in metrics["versions"].items())),
    ]
