"""What the paper's Fig. 2 shows of its data, and which pressure its label really is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from catenane.data import Table, find_duplicates, read_table
from catenane.reporting.plots import ACCENT, INK, MUTED, SECOND
from catenane.reproduce.mof.training import (
    FEWEST_CHARACTERS_TOO_MANY,
    clean,
    topologies,
    without_topology,
)
from catenane.reproduce.result import NOT_IN_PAPER, Comparison, Figure, Findings, compare
from catenane.reproduce.result import Table as ResultTable
from catenane.reproduce.run import Run

__all__ = ["run"]

PUBLISHED = {"mean": 0.598, "median": 0.332, "standard deviation": 0.682, "smallest": 0.0, "largest": 6.7}
"""Of the label of the first paper, mol/kg."""
FULL_SET = {"co2_0.1bar": (0.5982, 0.3324, 0.6819), "co2_0.5bar": (1.8454, 1.4434, 1.4003)}
"""Mean, median and standard deviation on all 102,858 rows, which do not come with this package."""
LABELS = {"co2_0.1bar": "0.1 bar", "co2_0.5bar": "0.5 bar"}
N_FULL, N_NETS = 102_858, 30
MOST_NETS, N_BINS = 12, 40


def run(run: Run) -> Findings:
    """Count, describe and clean; nothing is trained."""
    table = run.sample(read_table("mof/hmof", targets=tuple(LABELS), data_dir=run.data_dir))
    cleaned = clean(table)
    nets = Counter(topologies(table))
    statistics = {name: _describe(table.targets[:, place]) for place, name in enumerate(LABELS)}
    near, far = (_distance(statistics[name]) for name in LABELS)
    net, n_commonest = nets.most_common(1)[0]
    return Findings(
        ran=f"Read the {len(table):,} rows we have of the {N_FULL:,} (a random fifth, less a tenth kept "
        "back for validation), described the label at both pressures, and cleaned as the paper does.",
        tables=(_counts(table, cleaned, nets), _statistics(statistics)),
        shows=f"Mean, median and deviation as published lie within {near:.3f} mol/kg of the label at 0.1 "
        f"bar and up to {far:.3f} mol/kg from that at 0.5 bar, the pressure the paper prints: its label "
        f"is the uptake at 0.1 bar. {n_commonest / len(table):.0%} of the frameworks have the net {net}.",
        figures=(_figure(table, nets),),
        notes=(
            "The figures of the full set were measured on the public file of 102,858 rows; our rows are a "
            "random sample of it and agree with them to 0.02 mol/kg.",
            "The paper's MAE of 0.247 is therefore compared with models of the uptake at 0.1 bar.",
        ),
    )


def _describe(label_N: np.ndarray) -> dict[str, float]:
    values = label_N[np.isfinite(label_N)]
    return {
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "standard deviation": float(values.std(ddof=1)),
        "smallest": float(values.min()),
        "largest": float(values.max()),
    }


def _distance(statistics: dict[str, float]) -> float:
    """How far mean, median and deviation lie from the published ones at most."""
    return max(abs(statistics[name] - PUBLISHED[name]) for name in ("mean", "median", "standard deviation"))


def _counts(table: Table, cleaned: Table, nets: Counter[str]) -> ResultTable:
    long = sum(len(string) >= FEWEST_CHARACTERS_TOO_MANY for string in table.strings)
    found = find_duplicates(table)
    return compare(
        "Counts and cleaning",
        [
            Comparison(quantity="frameworks", paper=N_FULL, ours=[len(table)]),
            Comparison(quantity="topologies", paper=N_NETS, ours=[len(nets)]),
            Comparison(quantity="MOFids of 512 characters and more, left out", ours=[int(long)]),
            Comparison(quantity="without a topology, left out", ours=[int(without_topology(table).sum())]),
            Comparison(quantity="rows whose MOFid occurs twice or more, averaged", ours=[found.n_rows]),
            Comparison(quantity="left after cleaning", ours=[len(cleaned)]),
        ],
    )


def _statistics(statistics: dict[str, dict[str, float]]) -> ResultTable:
    places = {"mean": 0, "median": 1, "standard deviation": 2}
    rows = tuple(
        (
            quantity,
            value,
            *(
                cell
                for name in LABELS
                for cell in (
                    statistics[name][quantity],
                    FULL_SET[name][places[quantity]] if quantity in places else NOT_IN_PAPER,
                )
            ),
        )
        for quantity, value in PUBLISHED.items()
    )
    columns = tuple(f"{whose}, {pressure}" for pressure in ("0.1", "0.5") for whose in ("ours", "full"))
    return ResultTable(
        title="CO2 uptake in mol/kg at 0.1 and at 0.5 bar, our rows and the full set",
        columns=("quantity", "paper", *columns),
        rows=rows,
    )


def _figure(table: Table, nets: Counter[str]) -> Figure:
    def draw(canvas: Any) -> None:
        left, right = canvas.subplots(1, 2, width_ratios=(1.25, 1))
        edges = np.linspace(0, table.targets.max(), N_BINS + 1)
        for place, (name, colour) in enumerate(zip(LABELS, (ACCENT, SECOND), strict=True)):
            left.hist(
                table.targets[:, place],
                edges,
                color=colour,
                alpha=0.75,
                label=f"{LABELS[name]}: mean {table.targets[:, place].mean():.3f}",
                zorder=2 - place,
            )
        left.axvline(PUBLISHED["mean"], color=INK, lw=1.4, ls="--", label="paper's mean 0.598", zorder=3)
        left.legend(loc="upper right")
        left.yaxis.set_major_formatter("{x:,.0f}")
        left.grid(visible=False, axis="x")
        left.set(xlabel="CO₂ uptake (mol/kg)", ylabel="frameworks")
        common = nets.most_common(MOST_NETS)
        right.barh(range(len(common)), [n for _, n in common], height=0.66, color=ACCENT)
        for place, (_, n) in enumerate(common):
            right.annotate(f"{n:,}", (n, place), (4, 0), textcoords="offset points", va="center", fontsize=10)
        right.set_yticks(range(len(common)), [net for net, _ in common])
        right.tick_params(axis="y", length=0, labelcolor=INK)
        right.tick_params(axis="x", labelcolor=MUTED)
        right.set_xscale("log")
        right.xaxis.set_major_formatter("{x:,.0f}")
        right.minorticks_off()
        right.grid(visible=False, axis="y")
        right.set(
            xlabel="frameworks (logarithmic)",
            ylabel="topology",
            xlim=(1, 6 * common[0][1]),
            ylim=(len(common) - 0.4, -0.6),
        )

    return Figure(
        file="dataset.png",
        caption="Left: the label at 0.1 and at 0.5 bar, and the mean that the paper prints for 0.5 bar. "
        f"Right: the {min(MOST_NETS, len(nets))} commonest topologies.",
        draw=draw,
        width=760,
        height=330,
    )
