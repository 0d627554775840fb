"""Generic plots of what variants gave, as SVG files in the style of the reports.

Each function takes an empty matplotlib Figure, the values of every seed by variant, and the options of the
protocol's plot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catenane.reporting.plots import ACCENT, INK, MARKERS, MUTED, PALETTE, SECOND, STYLE, settle
from catenane.reproduce.measures import power_law
from catenane.reproduce.protocols import Plot, published_number
from catenane.reproduce.result import look_up

__all__ = ["PLOTS", "draw"]

Found = Mapping[str, Sequence[Mapping[str, Any]]]
"""By variant, the values of every seed."""
Lines = Mapping[str, Any]
"""By label, a number or the path of a published one."""
COLOURS = (ACCENT, *PALETTE[1:], MUTED)
FEW_POINTS = 300  # more are one embedded image
MOST_GROUPS = 6  # that have a colour of their own


def draw(folder: Path, plot: Plot, found: Found) -> bool:
    """Draw a plot into its file; False where no variant has what it shows."""
    import matplotlib.style
    from matplotlib.figure import Figure

    options = dict(plot.options)
    needed, only = options.pop("needs", ""), options.pop("only", list(found))
    found = {name: values for name, values in found.items() if not needed or look_up(values[0], needed)}
    found = {name: values for name, values in found.items() if name in only}
    if not found:
        return False
    with matplotlib.style.context(["default", STYLE], after_reset=True):
        canvas = Figure(figsize=(options.pop("width", 720) / 72, options.pop("height", 330) / 72), dpi=150)
        PLOTS[plot.kind](canvas, found, **options)
        settle(canvas)
        canvas.savefig(folder / plot.file, metadata={"Date": None})
    return True


def curves(
    canvas: Any, found: Found, *, panels: Mapping[str, str], ylabel: str, lines: Lines, of: str = "history",
    n_rows: int = 1,
) -> None:  # fmt: skip
    """Columns of the history by epoch: the mean over seeds, shaded from the smallest to the largest.

    Panels of one row share their axis; of several rows, on logarithmic axes, those of one column do.
    """
    grid = canvas.subplots(
        n_rows, len(panels) // n_rows, sharey="all" if n_rows == 1 else "col", squeeze=False
    )
    for axes, (title, column) in zip(grid.flat, panels.items(), strict=True):
        for (name, values), colour in zip(found.items(), COLOURS * len(found), strict=False):
            runs = [[row[column] for row in look_up(seed, of)] for seed in values]
            epochs = range(1, min(map(len, runs)) + 1)
            runs_SE = np.array([run[: len(epochs)] for run in runs])
            axes.plot(epochs, runs_SE.mean(axis=0), color=colour, label=name, marker=".")
            ends_2E = runs_SE.min(axis=0), runs_SE.max(axis=0)
            axes.fill_between(epochs, *ends_2E, color=colour, alpha=0.15, lw=0)
        axes.set_title(title)
        if n_rows > 1:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:.2g}")
            axes.yaxis.set_minor_formatter("{x:.2g}")
            axes.tick_params(axis="y", which="both", labelsize="small")
        axes.xaxis.get_major_locator().set_params(integer=True)
    _mark(lines, axes.axhline)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    for axes in grid[:, 0]:
        axes.set_ylabel(ylabel)
    canvas.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def dots(canvas: Any, found: Found, *, scores: Mapping[str, str], xlabel: str, lines: Lines) -> None:
    """A line for each variant, on it for each score a dot a seed and a bar at their mean."""
    axes = canvas.subplots()
    step = min(0.3, 0.9 / len(scores))
    for rank, ((label, path), colour) in enumerate(zip(scores.items(), COLOURS, strict=False)):
        for row, values in enumerate(found.values()):
            place = row + step * (rank - (len(scores) - 1) / 2)
            numbers = [number for seed in values if (number := look_up(seed, path)) is not None]
            if numbers:
                axes.plot(numbers, [place] * len(numbers), "o", ms=5.5, alpha=0.7, color=colour, mew=0)
                axes.plot(
                    [np.mean(numbers)] * 2, [place - 0.4 * step, place + 0.4 * step], color=colour, lw=2.4
                )
        axes.plot([], [], "o", ms=5.5, color=colour, label=label)
    _mark(lines, axes.axvline)
    axes.set_yticks(range(len(found)), list(found))
    axes.set(xlabel=xlabel, ylim=(len(found) - 0.5, -0.5))
    canvas.legend(loc="outside lower center", ncols=4)


def parity(canvas: Any, found: Found, *, xlabel: str, ylabel: str) -> None:
    """Predictions against labels of the first seed's test rows, by group."""
    panels = np.atleast_1d(canvas.subplots(1, len(found), sharex=True, sharey=True))
    for axes, (name, (first, *_)) in zip(panels, found.items(), strict=True):
        places_2N = np.array([first["labels"], first["predictions"]])
        axes.plot([0, places_2N.max()], [0, places_2N.max()], color=MUTED, lw=0.9, zorder=0)
        _scatter_groups(axes, places_2N, first["groups"])
        axes.set(title=name, xlabel=xlabel, aspect="equal")
    panels[0].set_ylabel(ylabel)
    canvas.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)


def histogram(canvas: Any, found: Found, *, xlabel: str, ylabel: str, lines: Lines) -> None:
    """Histograms of variants over each other."""
    axes = canvas.subplots()
    for (name, values), colour in zip(found.items(), COLOURS, strict=False):
        axes.stairs(*values[0]["histogram"].values(), color=colour, fill=True, alpha=0.6, label=name)
    _mark(lines, axes.axvline)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()


def bars(canvas: Any, found: Found, *, xlabel: str, ylabel: str) -> None:
    """Counts by name of the first variant, on a logarithmic axis."""
    counts = next(iter(found.values()))[0]["bars"]
    axes = canvas.subplots()
    axes.bar_label(axes.barh(*zip(*counts.items(), strict=True), color=ACCENT), fmt="{:,.0f}", padding=4)
    axes.invert_yaxis()
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log", xlim=(1, 6 * max(counts.values())))
    axes.xaxis.set_major_formatter("{x:,.0f}")


def maps(canvas: Any, found: Found, *, label: str) -> None:
    """Two-dimensional maps of the first seed, coloured by label above, if it has a name, and group below."""
    if not label:
        panels = canvas.subplots(1, len(found), squeeze=False)[0]
        for axes, (name, (first, *_)) in zip(panels, found.items(), strict=True):
            _scatter_groups(axes, np.array(first["map"]).T, first["groups"])
            axes.set(title=name, xticks=[], yticks=[])
            axes.grid(visible=False)
        canvas.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=7)
        return
    panels = canvas.subplots(2, len(found), squeeze=False)
    for (above, below), (name, (first, *_)) in zip(panels.T, found.items(), strict=True):
        places_2N, label_N = np.array(first["map"]).T, np.array(first["map_labels"])
        order, top = np.argsort(label_N), np.quantile(label_N, 0.98)
        look = {"s": 9, "vmin": 0, "vmax": top, "linewidth": 0, "rasterized": True}
        points = above.scatter(*places_2N[:, order], c=label_N[order], **look)
        _scatter_groups(below, places_2N, first["groups"])
        above.set_title(name)
        for axes in (above, below):
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
    canvas.colorbar(points, ax=panels[0, :], extend="max", label=label)
    canvas.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=7)


def matrices(canvas: Any, found: Found) -> None:
    """A molecule of the last set: bonds, distances, and attention between its atoms by each variant."""
    examples = {name: values[0]["example"] for name, values in found.items()}
    first = list(examples.values())[-1]
    shown = {"bonds": first["bonds"], "distance (Å)": first["distances"]}
    for name, example in examples.items():
        if example["smiles"] == first["smiles"]:
            shown[name.rpartition(": ")[2]] = example["attention"]
    columns = min(4, len(shown))
    panels = canvas.subplots(-(-len(shown) // columns), columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (title, values) in zip(panels, shown.items(), strict=False):
        axes.set_axis_on()
        axes.imshow(values, cmap="Greys_r" if "distance" in title else "Greys")
        ticks = range(len(first["symbols"]))
        axes.set_xticks(ticks, first["symbols"])
        axes.set_yticks(ticks, first["symbols"])
        axes.set_title(title, fontsize="small")
        axes.grid(visible=False)
    canvas.suptitle(first["smiles"])


def learning_curves(canvas: Any, found: Found, *, ylabel: str, to: int, lines: Lines) -> None:
    """Test error by training rows on logarithmic axes, with the power law through the means."""
    axes = canvas.subplots()
    groups: dict[str, list[np.ndarray]] = {}
    for values in found.values():
        dots_S2 = np.array([(seed["rows"]["train"], seed["test"]["mae"]) for seed in values])
        groups.setdefault(values[0]["group"], []).append(dots_S2)
    for (name, steps), colour in zip(groups.items(), COLOURS, strict=False):
        axes.plot(*np.concatenate(steps).T, "o", color=colour, alpha=0.6, mew=0)
        rows_P, means_P = np.array([dots_S2.mean(axis=0) for dots_S2 in steps]).T
        if len(steps) > 1:
            factor, exponent = power_law(rows_P, means_P)
            ends = np.array([rows_P.min(), to])
            axes.plot(ends, factor * ends**-exponent, "--", lw=1.2, color=colour)
        axes.plot([], [], "o--", color=colour, label=name)
    _mark(lines, lambda y, ls, **look: axes.plot([to], [y], "D", **look))
    axes.set(xscale="log", yscale="log", xlabel="training rows", ylabel=ylabel)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:.2g}")
    axes.yaxis.set_minor_formatter("{x:.2g}")
    axes.legend()


def trends(
    canvas: Any, found: Found, *, panels: Mapping[str, Mapping[str, str]], x: str, xlabel: str, log: bool,
    by_group: bool,
) -> None:  # fmt: skip
    """Panels of a number (`of`, of one `set`) by another: a dot a seed, a line through their means.

    There is a line for each group, or one for all; variants without the other number are dashed levels.
    """
    shown: dict[str, dict[str, list[np.ndarray]]] = {}
    for title, panel in panels.items():
        for values in found.values():
            numbers = [(look_up(seed, x), look_up(seed, panel["of"])) for seed in values]
            dots_S2 = np.array([pair for pair in numbers if pair[1] is not None], dtype=float)
            if len(dots_S2) and panel.get("set", values[0]["set"]) == values[0]["set"]:
                line = values[0]["group"] if by_group or np.isnan(dots_S2[0, 0]) else ""
                shown.setdefault(title, {}).setdefault(line, []).append(dots_S2)
    names = list(dict.fromkeys(name for lines in shown.values() for name in lines))
    colours = dict(zip(names, COLOURS * len(names), strict=False))
    drawn = canvas.subplots(1, max(len(shown), 1), squeeze=False)[0]
    handles: dict[str, Any] = {}
    for axes, (title, lines) in zip(drawn, shown.items(), strict=False):
        for name, steps in lines.items():
            colour = colours[name]
            means_P2 = np.array([dots_S2.mean(axis=0) for dots_S2 in steps])
            if np.isnan(means_P2[0, 0]):
                axes.axhline(means_P2[0, 1], color=colour, ls="--", lw=1.2, label=name)
                continue
            axes.plot(*np.concatenate(steps).T, "o", color=colour, alpha=0.6, mew=0)
            axes.plot(*means_P2[means_P2[:, 0].argsort()].T, "-", lw=1.4, color=colour, label=name or None)
        axes.set(title=title, xlabel=xlabel, xscale="log" if log else "linear")
        if log:
            axes.xaxis.set_major_formatter("{x:,.0f}")
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    canvas.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)


PLOTS: dict[str, Callable[..., None]] = {
    plot.__name__: plot
    for plot in (curves, dots, parity, histogram, bars, maps, matrices, learning_curves, trends)
}
"""Every kind of plot by name."""


def _mark(lines: Lines, line: Callable[..., Any]) -> None:
    """Mark published or plain numbers."""
    for style, (label, value) in zip(("--", ":", "-.", "-"), lines.items(), strict=False):
        number = float(value if isinstance(value, int | float) else published_number(value))
        line(number, color=MUTED, ls=style, label=f"{label}: {number:g}")


def _scatter_groups(axes: Any, places_2N: np.ndarray, groups: Sequence[str]) -> None:
    """Points by group: the commonest in grey and small, the rare ones on top, the rest together."""
    commonest = [group for group, _ in Counter(groups).most_common(MOST_GROUPS)]
    group_N = np.array([group if group in commonest else "others" for group in groups])
    looks = zip([*commonest, "others"], [SECOND, *PALETTE[: MOST_GROUPS - 1], INK], MARKERS, strict=False)
    for rank, (group, colour, marker) in enumerate(looks):
        chosen_N = group_N == group
        if chosen_N.any():
            axes.scatter(
                *places_2N[:, chosen_N], s=24 if rank else 8, marker=marker, linewidth=0, color=colour,
                zorder=1 + rank, label=group, rasterized=bool(chosen_N.sum() > FEW_POINTS),
            )  # fmt: skip
