"""The report as one HTML file that needs nothing else: no network, no script, no font of its own."""

from __future__ import annotations

from pathlib import Path

from catenane.formatting import count, duration
from catenane.reporting.groups import chemistry_groups
from catenane.reporting.overview import (
    data_drawings,
    data_facts,
    data_warnings,
    known_shares,
    making_facts,
    rejected_kinds,
    training_drawings,
)
from catenane.reporting.pages import render_page, write_page
from catenane.reporting.result import THINGS, FinetuneResult, summary_lines, verdicts
from catenane.reporting.scoretables import compare_targets
from catenane.reporting.targets import view_target

__all__ = ["render_report", "write_report"]

MOST_DETAILED = 12
"""Targets that get panels of their own; the table of scores holds all of them."""
MOST_OPEN = 3
"""Targets up to which their panels are shown at once instead of behind a line to unfold."""
GLOSSARY = {
    "regression": (
        "MAE: mean absolute error. RMSE: root of the mean squared error, which large errors dominate. "
        "R²: share of the labels' variance that is explained; 0 is as good as their mean. "
        "Pearson r: how close the answers are to any straight line. "
        "All on rows that the model was not trained on, unless said otherwise."
    ),
    "classification": (
        "ROC AUC: how often a positive is ranked above a negative; 0.5 is chance, 1 perfect. "
        "PR AUC: mean precision over the positives; chance is their share. "
        "Accuracy, and balanced accuracy (its mean over both classes), at probability 0.5. "
        "Brier score: mean squared error of the probabilities; 0 is perfect. "
        "All on rows that the model was not trained on, unless said otherwise."
    ),
}


def write_report(path: str | Path, result: FinetuneResult) -> Path:
    """Write the report of a fine-tuning run in one move.

    Args:
        path: The HTML file to write; its folder exists.
        result: The finished run.

    Returns:
        The path.
    """
    return write_page(Path(path), render_report(result))


def render_report(result: FinetuneResult) -> str:
    """The report as HTML; the same result gives the same text."""
    found = verdicts(result)
    first, *others = summary_lines(result)
    groupings = chemistry_groups(result.table, result.split)
    shares = known_shares(result)
    detailed = found[:MOST_DETAILED]
    n_worst = 10 if len(detailed) == 1 else 6 if len(detailed) <= MOST_OPEN else 4
    return render_page(
        "report.html",
        result=result,
        headline=first,
        lede=others,
        verdicts=found,
        lost=any(verdict.lost for verdict in found),
        summary=_summary(result),
        comparison=compare_targets(found, result.metrics) if len(found) > 1 else None,
        views=[view_target(result, verdict, groupings, n_worst=n_worst) for verdict in detailed],
        open_targets=MOST_OPEN,
        glossary=GLOSSARY[result.task],
        warnings=data_warnings(result, shares),
        data_facts=data_facts(result, shares),
        data_drawings=data_drawings(result, groupings, MOST_DETAILED),
        rejected=rejected_kinds(result.table.rejected),
        training_drawings=training_drawings(result),
        making_facts=making_facts(result),
    )


def _summary(result: FinetuneResult) -> list[str]:
    """The run in a line of short facts."""
    split = result.metrics["split"]
    return [
        Path(result.table.source).name,
        count(len(result.table), THINGS[result.table.notation]),
        f"{split['method']} split, {count(split['test'], 'test row')}",
        f"{result.metrics['n_parameters']:,} parameters",
        duration(result.metrics["seconds"]),
    ]
