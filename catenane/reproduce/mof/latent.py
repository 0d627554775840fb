"""Fig. 6: maps of the [CLS] state, and numbers for what the eye sees on them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catenane.data import Table
from catenane.formatting import number
from catenane.inference import Model
from catenane.metrics import FloatArray
from catenane.models import Bundle, MaskedLanguageModel, TransformerEncoder
from catenane.reporting.plots import INK, MARKERS, MUTED, PALETTE, SECOND
from catenane.reproduce.mof.training import labelled, pretrained, split_of, topologies, train
from catenane.reproduce.result import NOT_IN_PAPER, Comparison, Figure, Findings, compare
from catenane.reproduce.result import Table as ResultTable
from catenane.reproduce.run import Run

__all__ = ["label_r2", "nearest", "run", "topology_purity"]

RECIPE = "cao-small"
TARGET, UNIT = "co2_0.1bar", "mol/kg"
NEIGHBOURS = 10
MOST_POINTS = 2000
"""Test rows on a map."""
SHOWN_NETS = 6
RANDOM, MASKED, TUNED = "untrained", "pretrained", "fine-tuned"

Stage = Mapping[str, Any]


def run(run: Run) -> Findings:
    """Embed the test rows by an untrained, a pretrained and a fine-tuned encoder, and map them."""
    table = labelled(run, TARGET)
    stages = run.by_seed("maps", partial(_maps, run, table))
    parts, n_shown = split_of(table, 0), len(stages[0]["rows"])
    return Findings(
        ran=f"Pretrained {RECIPE} by masking on {stages[0]['n_strings']:,} strings of hMOF, none of them "
        f"a test row, fine-tuned it on {len(parts.train):,} frameworks (label {TARGET}), and took the "
        f"[CLS] states of {n_shown:,} test frameworks from the untrained, the pretrained and the "
        "fine-tuned encoder; t-SNE with perplexity 30 for the picture, the states themselves for the "
        "numbers.",
        tables=(_table(stages),),
        shows=_verdict(stages),
        figures=(_figure(table, stages[0]),),
        notes=(
            f"Label R²: each test row answered by the mean label of its {NEIGHBOURS} nearest other test "
            "rows (Euclidean, standardised states). 1 is perfect, 0 is what the mean gives.",
            f"Topology purity: share of those {NEIGHBOURS} neighbours that have the row's own net, first "
            "over the rows of each net and then over nets of more than ten rows, so that pcu does not "
            "decide it; chance is what neighbours drawn at random would give.",
            "Distances and clusters on a t-SNE map are not to be read as numbers; the table is computed "
            "before the map.",
        ),
    )


def nearest(states_ND: FloatArray, n_neighbours: int = NEIGHBOURS) -> NDArray[np.int64]:
    """The rows nearest to each row, itself left out: (N, K); Euclidean, on standardised states."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(n_neighbours, len(states_ND) - 1)).fit(_standardised(states_ND))
    # Asked about no rows in particular, it answers for its own and leaves each out of its neighbours.
    near_NK: NDArray[np.int64] = search.kneighbors(return_distance=False)
    return near_NK


def label_r2(near_NK: NDArray[np.int64], label_N: FloatArray) -> float:
    """R² of answering each row by the mean label of its neighbours."""
    error_N = label_N[near_NK].mean(axis=1) - label_N
    return float(1 - (error_N**2).sum() / ((label_N - label_N.mean()) ** 2).sum())


def topology_purity(near_NK: NDArray[np.int64], net_N: NDArray[np.str_]) -> tuple[float, float]:
    """Share of a row's neighbours that have its own net, a mean over nets; and what chance would give.

    Nets of no more rows than there are neighbours are left out, unless there are no others.
    """
    same_N = (net_N[near_NK] == net_N[:, None]).mean(axis=1)
    counts = Counter(net_N.tolist())
    nets = [net for net, n in counts.items() if n > near_NK.shape[1]] or list(counts)
    purity = float(np.mean([same_N[net_N == net].mean() for net in nets]))
    chance = float(np.mean([(counts[net] - 1) / (len(net_N) - 1) for net in nets]))
    return purity, chance


def _standardised(states_ND: FloatArray) -> FloatArray:
    scaled_ND: FloatArray = (states_ND - states_ND.mean(axis=0)) / np.maximum(states_ND.std(axis=0), 1e-9)
    return scaled_ND


def _maps(run: Run, table: Table, seed: int) -> dict[str, Any]:
    split, recipe = split_of(table, seed), run.recipe(RECIPE)
    rows = split.test[:MOST_POINTS]
    encoder = pretrained(run, table, split, recipe, seed=seed)
    untrained = _untrained(encoder, seed)
    tuned, told = train(run, table, split, recipe, seed=seed, parent=encoder)
    label_N, net_N = table.targets[rows, 0], np.array(topologies(table))[rows]
    measured = {}
    for name, bundle in ((RANDOM, untrained), (MASKED, encoder), (TUNED, tuned.bundle)):
        states_ND = Model(bundle, device=run.device).embed_normalised([table.strings[row] for row in rows])
        near_NK = nearest(states_ND)
        purity, chance = topology_purity(near_NK, net_N)
        measured[name] = {
            "label_r2": label_r2(near_NK, label_N),
            "purity": purity,
            "chance": chance,
            "map": _map(states_ND, seed),
        }
    n_strings = encoder.card["corpus"]["strings"]
    return {"encoders": measured, "rows": rows.tolist(), "scores": told["scores"], "n_strings": n_strings}


def _untrained(encoder: Bundle, seed: int) -> Bundle:
    """A bundle of the same shape whose weights are as they start."""
    torch.manual_seed(seed)
    model = MaskedLanguageModel(TransformerEncoder(encoder.config.recipe.encoder))
    return dataclasses.replace(encoder, model=model)


def _map(states_ND: FloatArray, seed: int) -> list[list[float]]:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(states_ND) - 1) / 3)
    mapping = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    places_N2 = mapping.fit_transform(_standardised(states_ND))
    return [[float(f"{value:.4g}") for value in place] for place in places_N2]


def _values(stages: Sequence[Stage], name: str, key: str) -> list[float]:
    return [stage["encoders"][name][key] for stage in stages]


def _table(stages: Sequence[Stage]) -> ResultTable:
    comparisons = [
        Comparison(quantity=f"{name}: {told}", paper=NOT_IN_PAPER, ours=_values(stages, name, key))
        for key, told in (("label_r2", f"label R² of {NEIGHBOURS} neighbours"), ("purity", "topology purity"))
        for name in (RANDOM, MASKED, TUNED)
    ]
    chance = Comparison(
        quantity="chance: topology purity", paper=NOT_IN_PAPER, ours=_values(stages, RANDOM, "chance")
    )
    return compare("What stands near what among the [CLS] states", [*comparisons, chance])


def _verdict(stages: Sequence[Stage]) -> str:
    r2, purity = (
        [number(float(np.mean(_values(stages, name, key))), 0.1, 2) for name in (RANDOM, MASKED, TUNED)]
        for key in ("label_r2", "purity")
    )
    chance = float(np.mean(_values(stages, RANDOM, "chance")))
    return (
        f"Neighbours among the [CLS] states tell the uptake with an R² of {r2[0]} before any training, "
        f"{r2[1]} after masked pretraining and {r2[2]} after fine-tuning; their topology purity is "
        f"{purity[0]}, {purity[1]} and {purity[2]} (chance {chance:.2f}). What a map shows must be held "
        "against the untrained encoder: what that sorts already, training has not taught."
    )


def _figure(table: Table, stage: Stage) -> Figure:
    rows = np.array(stage["rows"])
    label_N, net_N = table.targets[rows, 0], np.array(topologies(table))[rows]

    def draw(canvas: Any) -> None:
        panels = canvas.subplots(2, 3)
        shown = [net for net, _ in Counter(net_N.tolist()).most_common(SHOWN_NETS)]
        top = float(np.quantile(label_N, 0.98))
        for column, (name, told) in enumerate(stage["encoders"].items()):
            places_N2 = np.array(told["map"])
            by_label, by_net = panels[:, column]
            order = np.argsort(label_N)
            points = by_label.scatter(
                *places_N2[order].T, c=label_N[order], s=9, vmin=0, vmax=top, cmap="viridis", linewidth=0
            )
            for place, net in enumerate(["others", *reversed(shown)]):
                chosen_N = ~np.isin(net_N, shown) if net == "others" else net_N == net
                rank = None if net == "others" else shown.index(net)
                if not chosen_N.any():
                    continue
                by_net.scatter(
                    *places_N2[chosen_N].T,
                    s=7 if rank == 0 else 22,
                    marker="." if rank is None else MARKERS[rank],
                    color=INK if rank is None else SECOND if rank == 0 else PALETTE[rank - 1],
                    linewidth=0,
                    zorder=1 if rank == 0 else 2 + place,
                    label=f"{net} ({chosen_N.sum():,})",
                )
            by_label.set_title(f"{name}: label R² {number(told['label_r2'], 0.1, 2)}", fontsize=11)
            by_net.set_title(f"topology purity {told['purity']:.2f}", fontsize=11)
            for axes in (by_label, by_net):
                axes.set_xticks([])
                axes.set_yticks([])
                axes.grid(visible=False)
                axes.spines[:].set(visible=True, color=MUTED)
        bar = canvas.colorbar(points, ax=panels[0, :], shrink=0.9, extend="max")
        bar.set_label(f"CO₂ uptake at 0.1 bar ({UNIT})")
        bar.outline.set_visible(False)
        handles, labels = panels[1, 0].get_legend_handles_labels()
        # Drawn last and on top, the rare nets; told first, the common ones.
        canvas.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=len(labels))

    return Figure(
        file="latent.png",
        caption="t-SNE of the [CLS] states of test frameworks, coloured by uptake (above) and by topology "
        "(below); seed 0, and its numbers.",
        draw=draw,
        width=800,
        height=520,
    )
