"""The card of a model, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catenane.models.bundle import BundleConfig

__all__ = ["card_as_markdown"]


def card_as_markdown(config: BundleConfig, card: Mapping[str, Any], n_weights: int) -> str:
    """The card as Markdown."""
    graph = config.recipe.graph
    reads = f"at most {config.recipe.encoder.max_length} tokens"
    if graph is not None:
        reads = f"as a graph; of atoms {' and '.join(graph.atoms)} features"
    lines = [
        f"# {card.get('name', 'Catenane model')}",
        "",
        card.get("description", ""),
        "",
        f"- reads: {config.notation}, {reads}",
        f"- weights: {n_weights:,} (recipe `{config.recipe.name}`)",
        f"- written by: catenane {config.catenane}",
    ]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in card.get("training", {}).items()]
    if config.targets:
        lines += ["", f"| target | unit | {config.task} test scores | best baseline |", "|---|---|---|---|"]
    for name in config.targets:
        entry = card.get("targets", {}).get(name, {})
        test = {key: value for key, value in entry.get("test", {}).items() if type(value) is float}
        scores = ", ".join(f"{key} {value:.3g}" for key, value in test.items())
        cells = [name, entry.get("unit") or "-", scores or "-", _best_baseline(entry)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _best_baseline(entry: Mapping[str, Any]) -> str:
    for score, best in (("mae", min), ("roc_auc", max)):
        found = {name: scores.get(score) for name, scores in entry.get("baselines", {}).items()}
        if scored := [(value, name) for name, value in found.items() if value is not None]:
            value, name = best(scored)
            return f"{name}: {score} {value:.3g}"
    return "-"
