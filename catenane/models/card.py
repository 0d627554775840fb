"""The card of a bundle as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catenane.models.bundle import BundleConfig

__all__ = ["describe"]


def describe(config: BundleConfig, card: Mapping[str, Any], n_weights: int) -> str:
    """The card as Markdown."""
    lines = [
        f"# {card.get('name', 'Catenane model')}",
        "",
        card.get("description", ""),
        "",
        f"- reads: {config.notation}, at most {config.recipe.encoder.max_length} tokens",
        f"- weights: {n_weights:,} (recipe `{config.recipe.name}`)",
        f"- written by: catenane {config.catenane}",
    ]
    lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in card.get("training", {}).items()]
    if config.targets:
        lines += ["", f"| target | unit | {config.task} test scores | best baseline |", "|---|---|---|---|"]
    for name in config.targets:
        entry = card.get("targets", {}).get(name, {})
        cells = [name, entry.get("unit") or "-", _scores(entry.get("test", {})), _best_baseline(entry)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _scores(scores: Mapping[str, Any]) -> str:
    shown = [f"{name} {value:.3g}" for name, value in scores.items() if isinstance(value, float)]
    return ", ".join(shown) or "-"


def _best_baseline(entry: Mapping[str, Any]) -> str:
    for score, best in (("mae", min), ("roc_auc", max)):
        scored = {
            name: scores[score]
            for name, scores in entry.get("baselines", {}).items()
            if scores.get(score) is not None
        }
        if scored:
            name = best(scored, key=scored.__getitem__)
            return f"{name}: {score} {scored[name]:.3g}"
    return "-"
