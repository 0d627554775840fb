"""What is measured on a variant: functions from a `Case` to JSON values, by the name that a protocol gives.

The values of a protocol's measures are merged; "test.mae" is `values["test"]["mae"]`.

Axes: N rows, K neighbours, B strings of a batch, L tokens, D width of the encoder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenane.data import Table, collate, find_duplicates, make_split
from catenane.inference import Model
from catenane.metrics import FloatArray, Score, mean_scores, score
from catenane.notation import compute_all, groups
from catenane.reproduce.faults import FaultyEncoder
from catenane.reproduce.generation import generation
from catenane.reproduce.protocols import Variant
from catenane.reproduce.structures import attention_change, geometry, similarity
from catenane.reproduce.training import Case, Values
from catenane.reproduce.workbench import LONGEST, Workbench

__all__ = ["MEASURES", "label_r2", "measure", "nearest", "power_law", "topology_purity"]

N_NEIGHBOURS, MOST_POINTS, N_PROBED, N_BINS = 10, 2000, 64, 40
MOST_NETS, FEWEST_ROWS = 10, 10
SAME = "without stereochemistry"
"""Group of a molecule that is the same but for that."""


def errors(case: Case) -> Values:
    """Scores by part, of the median predictor too, and how training went; of several labels their means."""
    if case.data.pairs:
        return {}
    split, known, predicted, task = case.split, case.labels, case.predictions, case.data.task
    parts = {"train": split.train, "valid": split.valid, "test": split.test, "all": np.arange(len(known))}
    scored = {name: rows for name, rows in parts.items() if len(rows)}
    std = np.nanstd(known[split.train], axis=0)
    values: Values = {
        name: mean_scores(known[rows], predicted[rows], task, std) for name, rows in scored.items()
    }
    values["rows"] = {name: len(rows) for name, rows in parts.items()}
    values["label"] = {"std": float(np.mean(std)), "count": known[0].size}
    if task == "regression":
        median = np.broadcast_to(np.nanmedian(known[split.train], axis=0), known[split.test].shape)
        values["median"] = mean_scores(known[split.test], median, task, std)
        values["relative"] = {"mae": values["test"]["mae"] / values["median"]["mae"]}
    if known.ndim == 1:
        values["predictions"] = predicted[split.test].tolist()
        values["labels"] = known[split.test].tolist()
    tested_NT, predicted_NT = (each[split.test].reshape(len(split.test), -1) for each in (known, predicted))
    names = case.table.target_names if known.ndim == 2 else (case.data.scored,)
    values["targets"] = score(tested_NT, predicted_NT, task, names)
    if case.variant.recipe:
        kept = ("history", "best_epoch", "parameters", "chosen")
        values |= {key: case.trained[key] for key in kept if key in case.trained}
    return values | _pretraining(case)


def _pretraining(case: Case) -> Values:
    """How pretraining went, and the share of a string that a fragment is; nothing without it."""
    if case.variant.start != "masked":
        return {}
    kept = ("strings", "accuracy", "valid_loss", "history")
    found = {key: case.pretraining[key] for key in kept if key in case.pretraining}
    values: Values = {"pretraining": found | {"perplexity": math.exp(found["valid_loss"])}}
    if case.recipe.objective == "mass":
        values["fragment"] = {"share": case.recipe.fragment.share}
    return values


def translation(case: Case) -> Values:
    """Scores of what was written from the test strings, where pairs are learnt, and how training went."""
    if not case.data.pairs:
        return {}
    found, split = case.translated, case.split
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    return {
        "test": found["scores"], "history": found["history"], "parameters": found["parameters"],
        "rows": {name: len(rows) for name, rows in parts.items()},
    } | _pretraining(case)  # fmt: skip


def leakage(case: Case) -> Values:
    """What test molecules share with training ones, with all rows that there are."""
    data = case.data
    return {
        "shared": _shared(case.bench, data.name, data.cleaning, data.split, tuple(data.shares), case.seed)
    }


@cache
def _shared(
    bench: Workbench, name: str, cleaning: str, split: str, shares: tuple[float, ...], seed: int
) -> Values:
    """Test molecules that are `ringed`, that have a `scaffold` of training, that are the `same` as one."""
    table = bench.cleaned(name, cleaning)
    parts = make_split(table, split, seed=seed, fractions=shares)
    found = compute_all(table.records, groups)
    known = {key: {each for row in parts.train for each in found[row][key]} for key in found[0]}
    test = [found[row] for row in parts.test]
    ringed = [row for row in test if row["scaffold"]]
    counts = {
        "tested": len(test), "ringed": len(ringed),
        "scaffold": sum(row["scaffold"][0] in known["scaffold"] for row in ringed),
        "same": sum(row[SAME][0] in known[SAME] for row in test),
    }  # fmt: skip
    return counts | {"share": counts["scaffold"] / max(counts["ringed"], 1)}


def by_net(case: Case) -> Values:
    """Scores of the test rows by net, the commonest first."""
    rows = case.split.test
    net_N, predicted_N = _nets(case.table.take(rows)), case.predictions[rows]
    scores = {}
    for net, n in Counter(net_N.tolist()).most_common(MOST_NETS):
        found = _score(case.labels[rows][net_N == net], predicted_N[net_N == net])
        scores[net] = found if n >= FEWEST_ROWS else {"n": n, "mae": found["mae"]}
    return {"nets": scores, "groups": net_N.tolist()}


def labels(case: Case) -> Values:
    """Statistics of the label and its histogram."""
    label_N = case.labels
    counts, edges = np.histogram(label_N, N_BINS)
    return {
        "label": {
            "mean": float(label_N.mean()), "median": float(np.median(label_N)),
            "std": float(label_N.std(ddof=1)), "min": float(label_N.min()), "max": float(label_N.max()),
        },
        "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
    }  # fmt: skip


def cleaning(case: Case) -> Values:
    """Rows before and after the paper's cleaning, and why they were left out."""
    read, kept = case.bench.read(case.data.name), case.bench.cleaned(case.data.name, case.data.cleaning)
    found = Counter(_nets(read).tolist())
    return {
        "counts": {
            "rows": len(read), "nets": len(found), "long": sum(len(s) > LONGEST for s in read.strings),
            "unnamed": sum(not record.parsed.nets for record in read.records),
            "repeated": find_duplicates(read).n_rows, "kept": len(kept),
            "commonest": max(found.values()) / len(read),
        },
        "bars": dict(found.most_common(12)),
    }  # fmt: skip


def neighbours(case: Case) -> Values:
    """How well the pooled states of the test rows sort label and net, or class, and their t-SNE map."""
    from sklearn.manifold import TSNE

    rows = case.split.test[:MOST_POINTS]
    table, label_N = case.table.take(rows), case.labels[rows]
    net_N = _nets(table) if case.data.task == "regression" else label_N.astype(int).astype(str)
    states_ND = Model(case.bundle, device=case.bench.device).embed_normalised(table.records)
    states_ND = (states_ND - states_ND.mean(axis=0)) / np.maximum(states_ND.std(axis=0), 1e-9)
    near_NK = nearest(states_ND)
    purity, chance = topology_purity(near_NK, net_N)
    perplexity = min(30.0, (len(rows) - 1) / 3)
    places_N2 = TSNE(perplexity=perplexity, init="pca", random_state=case.seed).fit_transform(states_ND)
    return {
        "neighbours": {"label_r2": label_r2(near_NK, label_N), "purity": purity, "chance": chance},
        "map": [[float(f"{value:.4g}") for value in place] for place in places_N2],
        "map_labels": label_N.tolist(),
        "groups": net_N.tolist(),
    }


def nearest(states_ND: FloatArray, n_neighbours: int = N_NEIGHBOURS) -> NDArray[np.int64]:
    """The rows nearest to each row, itself left out: (N, K); Euclidean."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(n_neighbours, len(states_ND) - 1)).fit(states_ND)
    # Without a query, scikit-learn searches for its own rows and leaves each out of its neighbours.
    near_NK: NDArray[np.int64] = search.kneighbors(return_distance=False)
    return near_NK


def label_r2(near_NK: NDArray[np.int64], label_N: FloatArray) -> float:
    """R² of predicting each row by the mean label of its neighbours."""
    error_N = label_N[near_NK].mean(axis=1) - label_N
    return float(1 - (error_N**2).sum() / ((label_N - label_N.mean()) ** 2).sum())


def topology_purity(near_NK: NDArray[np.int64], net_N: NDArray[np.str_]) -> tuple[float, float]:
    """Share of a row's neighbours that have its own net, a mean over nets; and what chance would give.

    Nets of no more rows than there are neighbours are left out, unless there are no others.
    """
    same_N = (net_N[near_NK] == net_N[:, None]).mean(axis=1)
    counts = Counter(net_N.tolist())
    kept = [net for net, n in counts.items() if n > near_NK.shape[1]] or list(counts)
    purity = float(np.mean([same_N[net_N == net].mean() for net in kept]))
    chance = float(np.mean([(counts[net] - 1) / (len(net_N) - 1) for net in kept]))
    return purity, chance


def order_blindness(case: Case) -> Values:
    """Mean absolute change of predictions, in label units, when the input of a `FaultyEncoder` is changed.

    Some test rows are read as one batch. `tokens`: the tokens of each string are shuffled; `batch`: the batch
    is; `padding`: it is padded to the encoder's longest instead of the batch's longest.
    """
    strings = case.table.take(case.split.test[:N_PROBED]).strings
    model, tokenizer = Model(case.bundle, device="cpu").property_model, case.bundle.tokenizer
    encoder, longest = model.encoder, case.bundle.config.recipe.encoder.max_length
    assert isinstance(encoder, FaultyEncoder)
    encoded = tokenizer.encode_flat(strings, longest)
    batch = collate(encoded, np.arange(len(strings)))
    ids_BL, keep_BL = batch.ids_BL, batch.keep_BL
    generator = torch.Generator().manual_seed(case.seed)
    shuffled_BL = ids_BL.clone()
    for row, length in enumerate(encoded.lengths.tolist()):
        order = 1 + torch.randperm(length - 2, generator=generator)
        shuffled_BL[row, 1 : length - 1] = ids_BL[row, order]
    order_B = torch.randperm(len(strings), generator=generator)

    def predict(ids_BL: Tensor, keep_BL: Tensor, padded_to: int = encoder.padded_to) -> Tensor:
        encoder.padded_to = padded_to
        predicted_B: Tensor = model.head.predict(model.embed((ids_BL, keep_BL)))[:, 0]
        return predicted_B

    with torch.inference_mode():
        padding_B = predict(ids_BL, keep_BL, longest) - predict(ids_BL, keep_BL, 0)
        plain_B = predict(ids_BL, keep_BL)
        changes = {
            "tokens": predict(shuffled_BL, keep_BL) - plain_B,
            "batch": predict(ids_BL[order_B], keep_BL[order_B]) - plain_B[order_B],
            "padding": padding_B,
        }
    return {"moved": {name: float(change_B.abs().mean()) for name, change_B in changes.items()}}


def power_law(rows: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Factor a and exponent b of `error = a * rows ** -b`, by least squares on logarithms."""
    slope, intercept = np.polyfit(np.log(rows), np.log(errors), 1)
    return float(np.exp(intercept)), float(-slope)


_ALL = (
    errors, leakage, by_net, labels, cleaning, neighbours, order_blindness, similarity, geometry,
    attention_change, translation, generation,
)  # fmt: skip
MEASURES: dict[str, Callable[[Case], Values]] = {measure.__name__: measure for measure in _ALL}
"""Every measure by name."""


def measure(bench: Workbench, variant: Variant, seed: int) -> Values:
    """All that the protocol measures on one variant with one seed."""
    case = Case(bench, variant, seed)
    values: Values = {"group": variant.group, "set": variant.set}
    for name in bench.protocol.measures:
        values |= MEASURES[name](case)
    return values


def _nets(table: Table) -> NDArray[np.str_]:
    """Topology of each framework as written: its RCSR codes joined by commas."""
    return np.array([record.parsed.topology for record in table.records])


def _score(label_N: FloatArray, predicted_N: FloatArray) -> dict[str, Score]:
    return score(label_N[:, None], predicted_N[:, None], "regression", ("y",))["y"]
