"""What heads attend to functional groups: a table of all numbers, and a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from catenane.analysis.attention_figure import save_figure
from catenane.analysis.enrichment import Enrichment, GroupAttention
from catenane.errors import UsageError
from catenane.formatting import count
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import ACCENT, MUTED, Drawing, panel

__all__ = ["COLUMNS", "group_rows", "write_group_page"]

COLUMNS = (
    "group", "strings", "atoms", "layer", "head", "enrichment", "p", "corrected_p", "enrichment_alike",
    "p_alike", "corrected_p_alike", "enrichment_untrained", "p_untrained", "corrected_p_untrained",
    "enrichment_alike_untrained", "p_alike_untrained", "corrected_p_alike_untrained",
)  # fmt: skip
TITLES = (
    "trained, beside all atoms of a string", "trained, beside atoms written alike",
    "random weights, beside all atoms of a string", "random weights, beside atoms written alike",
)  # fmt: skip
"""Of `GroupAttention.comparisons`."""
SIGNIFICANT = 0.01
CLEAR = 1.2
"""Attention over expected that counts; with random weights much is significant and nothing is so large."""
FEWER = "#d55e00"
DOUBLINGS = 1.5
"""Twofold changes at which a colour is full."""


def group_rows(found: GroupAttention) -> Iterator[list[Any]]:
    """A row for every group, layer and head, as `COLUMNS` names them."""
    for g, name in enumerate(found.groups):
        for y, h in np.ndindex(found.among_all.p_GYH.shape[1:]):
            numbers = [
                f"{part[g, y, h]:.6g}"
                for each in found.comparisons
                for part in (each.ratio_GYH, each.p_GYH, each.corrected_GYH)
            ]
            yield [name, found.n_strings[name], found.n_atoms[name], y + 1, h + 1, *numbers]


def write_group_page(
    path: Path, found: GroupAttention, *, source: str, model_name: str, command: str | None = None
) -> None:
    """Write the page, or for .svg and .png its figure, in one move.

    Raises:
        UsageError: The name ends otherwise.
    """
    ending = path.suffix.lower()
    if ending in (".svg", ".png"):
        save_figure(path, lambda: _figure(found))
        return
    if ending != ".html":
        raise UsageError(f"--page {path}: must end in .html, .svg or .png")
    columns = {
        "functional group": "name", "strings": "number", "strongest head": "text", "enrichment": "number",
        "corrected p": "number", "among atoms written alike": "text", "enrichment there": "number",
        "corrected p there": "number",
    }  # fmt: skip
    rows = [
        [
            name,
            f"{found.n_strings[name]:,}",
            *_strongest(found.among_all, g),
            *_strongest(found.among_alike, g),
        ]
        for g, name in enumerate(found.groups)
    ]
    shares = [
        float(np.mean((each.corrected_GYH < SIGNIFICANT) & (each.ratio_GYH > CLEAR)))
        for each in found.comparisons
    ]
    write_page(
        path, "groups.html",
        headline=f"Attention to {len(found.groups)} functional groups",
        source=Path(source).name, model_name=model_name, n_read=found.n_read, shares=shares,
        significant=SIGNIFICANT, clear=CLEAR, command=command,
        figures=[_panel(found, title, each) for title, each in zip(TITLES, found.comparisons, strict=True)],
        grid=Grid(columns, rows),
        absent=", ".join(sorted(name for name in found.n_strings if name not in found.groups)),
    )  # fmt: skip


def _strongest(each: Enrichment, group: int) -> list[str]:
    ratio = np.where(each.corrected_GYH[group] < SIGNIFICANT, each.ratio_GYH[group], 0)
    layer, head = np.unravel_index(int(ratio.argmax()), ratio.shape)
    if not ratio.max() > 1:
        return ["none", "", ""]
    corrected = each.corrected_GYH[group, layer, head]
    shown = "< 1e-99" if corrected < 1e-99 else f"{corrected:.1e}"
    return [f"layer {layer + 1}, head {head + 1}", f"{ratio.max():.2f}", shown]


def _panel(found: GroupAttention, title: str, each: Enrichment) -> Drawing:
    caption = f"{title.capitalize()}: blue more, orange less; full colour at {2**DOUBLINGS:.1f} times."
    return panel(
        lambda axes: _draw(axes, found, each), caption, width=440, height=90 + 14 * len(found.groups)
    )


def _figure(found: GroupAttention) -> Any:
    """All comparisons side by side, with a scale."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(12, 1.4 + 0.17 * len(found.groups)), layout="constrained")
    panels = figure.subplots(1, len(TITLES), sharey=True)
    for axes, title, each in zip(panels, TITLES, found.comparisons, strict=True):
        _draw(axes, found, each)
        axes.set_title(title.replace(", ", ",\n"), fontsize=9)
        axes.xaxis.label.set_size(9)
    colours = LinearSegmentedColormap.from_list("enrichment", [FEWER, "white", ACCENT])
    ends = LogNorm(2**-DOUBLINGS, 2**DOUBLINGS)
    bar = figure.colorbar(ScalarMappable(ends, colours), ax=panels, shrink=0.5, pad=0.01, extend="both")
    bar.set_ticks([0.5, 1, 2], labels=["½", "1", "2"])
    bar.minorticks_off()
    bar.set_label(f"attention over expected (white: corrected p ≥ {SIGNIFICANT})", fontsize=9)
    return figure


def _draw(axes: Any, found: GroupAttention, each: Enrichment) -> None:
    from matplotlib.colors import to_rgb

    n_groups, n_layers, n_heads = each.ratio_GYH.shape
    with np.errstate(divide="ignore"):
        doublings = np.log2(each.ratio_GYH).reshape(n_groups, -1)
    shown = np.clip(np.nan_to_num(doublings) / DOUBLINGS, -1, 1)
    shown[each.corrected_GYH.reshape(n_groups, -1) >= SIGNIFICANT] = 0
    image = np.empty((*shown.shape, 4))
    image[..., :3] = np.where(shown[..., None] > 0, to_rgb(ACCENT), to_rgb(FEWER))
    image[..., 3] = np.abs(shown)
    axes.imshow(image, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(n_groups), found.groups, fontsize=9)
    middles = [n_heads * layer + (n_heads - 1) / 2 for layer in range(n_layers)]
    axes.set_xticks(middles, [str(layer + 1) for layer in range(n_layers)])
    for layer in range(1, n_layers):
        axes.axvline(layer * n_heads - 0.5, color=MUTED, lw=0.6)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set(xlabel=f"layer, {count(n_heads, 'head')} each")
