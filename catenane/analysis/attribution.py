"""Which atoms a prediction rests on, by several methods.

Axes: A atoms, B variants of a string, L tokens, D width of the encoder, S steps of an integral.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenane.analysis.enrichment import atoms_by_group
from catenane.errors import BundleError, UsageError
from catenane.inference import Ensemble, Model
from catenane.inference.attention import attend, read_all
from catenane.models.encoder import TransformerEncoder
from catenane.notation import JOINT, Record
from catenane.progress import RowCount
from catenane.tokenizers import Alignment, align

__all__ = ["METHODS", "Attribution", "TokenScorer", "attribute", "explain"]

Floats = NDArray[np.float64]
UNKNOWN_ATOM = "*"
AT_ONCE = 256
"""Variants of a string that are predicted together."""
STEPS = 32
"""Of the integral of gradients; twice as many change it by less than a hundredth."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """A prediction and what each atom adds to it."""

    record: Record
    alignment: Alignment
    scores_A: Floats
    """In units of the prediction for all methods but attention and rollout; NaN where there is none."""
    method: str
    column: str
    """What is predicted."""
    unit: str
    """Of the prediction, "" where it has none or is not known."""
    value: float
    low: float
    high: float
    """The prediction and its interval, NaN where the model has none."""
    in_domain: bool
    note: str

    def of_groups(self) -> dict[str, tuple[float, int]]:
        """Sum of the scores, and the number of atoms, of each functional group, the strongest first."""
        sums = {
            name: (float(np.nansum(self.scores_A[sorted(atoms)])), len(atoms))
            for name, atoms in atoms_by_group(self.alignment).items()
        }
        return dict(sorted(sums.items(), key=lambda item: -abs(item[1][0])))


def explain(
    model: Model,
    string: str,
    *,
    target: str | None = None,
    method: str | None = None,
    features: Mapping[str, Any] | None = None,
    **conditions: Any,
) -> Attribution:
    """Predict for a string, and say what each atom adds.

    Args:
        model: A property model, or the mean of several.
        string: SMILES or MOFid.
        target: The column that is explained; it may be left out where there is one.
        method: A name of `METHODS`, see there; by default what was found best: deletion where the head of one
            model reads the states of the encoder alone, and occlusion elsewhere.
        features: Of a model that reads such beside strings, by name.
        conditions: As in `Model.predict`.

    Raises:
        UsageError: There is no such target or method, or the method has no place for conditions.
        NotationError: The string cannot be read.
        BundleError: The model predicts nothing, or its encoder cannot be looked into.
    """
    columns = model.columns(conditions)
    if target is None and len(columns) == 1:
        target = columns[0]
    if target not in columns:
        wrong = "several targets" if target is None else f"target {target!r}"
        raise UsageError(f"{wrong}: this model predicts {', '.join(columns)}; name one of them")
    place = columns.index(target)
    [record] = read_all(model, string)
    if method is None:
        beside = model.config.descriptors or model.config.recipe.head.fragments or features or conditions
        several = isinstance(model, Ensemble) or len(record.parts) > 1
        method = "occlusion" if beside or several or not _reads_tokens(model) else "deletion"
    found = model.predictions([record.text], conditions, features=features)
    scores_A, alignment = attribute(
        model, record, place, method=method, features=features, conditions=conditions
    )
    value, low, high = (float(part[0, place]) for part in (found.values, found.low, found.high))
    unit, inside, note = model.bundle.unit(target), bool(found.in_domain[0]), found.notes[0]
    return Attribution(record, alignment, scores_A, method, target, unit, value, low, high, inside, note)


def attribute(
    model: Model,
    record: Record,
    place: int = 0,
    *,
    method: str = "occlusion",
    features: Mapping[str, Any] | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> tuple[Floats, Alignment]:
    """What each atom adds to the prediction of a column, (A,), and which token it is; see `METHODS`."""
    if method == "occlusion":
        return _occlusion(model, record, place, features, conditions)
    if method not in METHODS:
        raise UsageError(f"method={method!r} must be one of {', '.join(METHODS)}")
    if conditions or features:
        raise UsageError(f"method={method!r} attributes targets of strings alone: use occlusion")
    scorer = TokenScorer(model, record, place)
    score_L = _OF_TOKENS[method](scorer)
    token_A = scorer.alignment.token_of_atom
    return np.where(token_A >= 0, score_L[token_A], np.nan), scorer.alignment


def _occlusion(
    model: Model,
    record: Record,
    place: int,
    features: Mapping[str, Any] | None,
    conditions: Mapping[str, Any] | None,
) -> tuple[Floats, Alignment]:
    """How much the whole prediction falls when an atom is not known, and no other is changed.

    The atom is written `*`, with the bonds it has, and everything is predicted anew, descriptors, fragments
    and the state of the encoder. So it works for any model and any head. An atom without which there is no
    molecule to RDKit has NaN.
    """
    _, alignment = align(model.bundle.tokenizer, record.parts, join=JOINT)
    starts = alignment.spans_L2[alignment.token_of_atom]
    texts = [record.text[:start] + UNKNOWN_ATOM + record.text[end:] for start, end in starts.tolist()]
    falls = []
    with RowCount("explain", len(texts)) as count:
        for first in range(0, len(texts), AT_ONCE):
            variants = texts[first : first + AT_ONCE]
            found = model.predictions([record.text, *variants], conditions, features=features)
            falls.append(found.values[0, place] - found.values[1:, place])
            count.add(len(variants))
    return np.concatenate(falls), alignment


class TokenScorer:
    """A prediction as a function of the ids of one string; what the head reads besides stays as it is.

    Raises:
        BundleError: The model has no property head, or is the mean of several.
    """

    def __init__(self, model: Model, record: Record, place: int = 0) -> None:
        if not _reads_tokens(model):
            raise BundleError("the encoder of this model reads atoms, not tokens: take the method occlusion")
        self.model, self.record, self.place = model, record, place
        self.network, self.encoder = model.property_model, model.encoder
        ids_L, self.alignment = align(
            model.bundle.tokenizer, [record], model.config.recipe.encoder.max_length
        )
        self.ids_L = ids_L.astype(np.int64)
        described = model.describe([record])
        self._descriptors_1F = None if described is None else torch.from_numpy(described.astype(np.float32))

    def score(self, ids_BL: Tensor) -> Tensor:
        """The prediction for each row of ids, (B,), in units of the label."""
        ids_BL = ids_BL.to(self.model.device)
        pooled_BD = self.network.embed((ids_BL, torch.ones_like(ids_BL, dtype=torch.bool)))
        descriptors = self._descriptors_1F
        if descriptors is not None:
            descriptors = descriptors.to(self.model.device).expand(len(ids_BL), -1)
        return self.network.head.to_labels(self.network.head(pooled_BD, descriptors))[:, self.place]

    def values(self, ids_BL: NDArray[np.int64]) -> Floats:
        """As `score`, as an array."""
        with torch.inference_mode():
            return self.score(torch.from_numpy(ids_BL)).double().cpu().numpy()

    @property
    def inner(self) -> NDArray[np.int64]:
        """Places of the tokens between [CLS] and [SEP]."""
        return np.arange(1, len(self.ids_L) - 1)


def _reads_tokens(model: Model) -> bool:
    return isinstance(model.encoder, TransformerEncoder)


def _deletion(scorer: TokenScorer) -> Floats:
    ids_L = scorer.ids_L
    shorter = np.array([np.delete(ids_L, place) for place in scorer.inner])
    return _falls(scorer, shorter)


def _masking(scorer: TokenScorer) -> Floats:
    masked = np.repeat(scorer.ids_L[None], len(scorer.inner), axis=0)
    masked[np.arange(len(masked)), scorer.inner] = scorer.model.bundle.tokenizer.mask_id
    return _falls(scorer, masked)


def _falls(scorer: TokenScorer, variants_BL: NDArray[np.int64]) -> Floats:
    falls = np.zeros(len(scorer.ids_L))
    falls[scorer.inner] = scorer.values(scorer.ids_L[None])[0] - scorer.values(variants_BL)
    return falls


def _integrated_gradients(scorer: TokenScorer) -> Floats:
    """The gradient along the straight way from [MASK] at every token to the string, times that way.

    Source: M. Sundararajan, A. Taly, Q. Yan 2017, arXiv:1703.01365.
    """
    embedding = scorer.encoder.embedding
    with torch.no_grad():
        own_LD = embedding(torch.from_numpy(scorer.ids_L).to(scorer.model.device))
        start_LD = own_LD.clone()
        start_LD[1:-1] = embedding.weight[scorer.model.bundle.tokenizer.mask_id]
        share_S = (torch.arange(STEPS, device=own_LD.device) + 0.5) / STEPS
        way_SLD = start_LD + share_S[:, None, None] * (own_LD - start_LD)
    way_SLD.requires_grad_()
    handle = embedding.register_forward_hook(lambda *_: way_SLD)
    try:
        with torch.enable_grad():
            total = scorer.score(torch.from_numpy(np.repeat(scorer.ids_L[None], STEPS, axis=0))).sum()
            (gradient_SLD,) = torch.autograd.grad(total, way_SLD)
    finally:
        handle.remove()
    found: Floats = (gradient_SLD.mean(dim=0) * (own_LD - start_LD)).sum(dim=-1).double().cpu().numpy()
    return found


def _attention(scorer: TokenScorer) -> Floats:
    """The mean weight that a token receives, over all layers, heads and tokens."""
    weights = attend(scorer.model, [scorer.record]).weights_YHLL
    found: Floats = weights.mean(axis=(0, 1, 2)).astype(np.float64)
    return found


def _rollout(scorer: TokenScorer) -> Floats:
    """Attention multiplied through all layers, half of each being the residual path, to what is pooled.

    Source: S. Abnar, W. Zuidema 2020, arXiv:2005.00928.
    """
    weights_YLL = attend(scorer.model, [scorer.record]).weights_YHLL.mean(axis=1).astype(np.float64)
    through = np.eye(weights_YLL.shape[-1])
    for layer_LL in weights_YLL:
        through = (0.5 * layer_LL + 0.5 * np.eye(len(layer_LL))) @ through
    found: Floats = through[0] if scorer.network.pooling == "cls" else through.mean(axis=0)
    return found


_OF_TOKENS: dict[str, Callable[[TokenScorer], Floats]] = {
    "deletion": _deletion,
    "masking": _masking,
    "gradients": _integrated_gradients,
    "rollout": _rollout,
    "attention": _attention,
}
METHODS = {
    "occlusion": "how much the prediction falls when the atom is written * and all is computed anew, "
    "descriptors included",
    "deletion": "how much it falls when the encoder is not given the atom's token",
    "masking": "how much it falls when the encoder is given [MASK] in its place",
    "gradients": "gradients of the prediction, integrated from [MASK] at every token to the string",
    "rollout": "attention multiplied through the layers",
    "attention": "the mean attention that the atom's token receives",
}
"""What each method attributes, by name. All but the first look at the string that the encoder reads, and keep
descriptors and fragments of the head as they are; the last two are never negative and know nothing of what is
predicted."""
