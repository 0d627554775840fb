"""A property model from a table in memory: assembled and trained."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import skew

from catenane.config import HeadKind, Recipe, TargetScale, Task
from catenane.data import Split, Table
from catenane.data.row_groups import group_rows
from catenane.descriptors import Descriptors, descriptor_names, head_inputs
from catenane.errors import DataError, UsageError
from catenane.inference import Model, calibrate, plan_calibration
from catenane.models.bundle import Bundle, BundleConfig, FeatureColumn, build_property_model
from catenane.models.encoder import Encoder
from catenane.models.gaussian_process import GaussianProcessHead
from catenane.models.graphs import make_encoder, take_over
from catenane.models.property_head import PropertyHead
from catenane.notation import get_notation, part_texts
from catenane.settings import fingerprint
from catenane.tokenizers import StringTokenizer, Tokenization, load_tokenizer, summarise
from catenane.train.checkpoint import Progress
from catenane.train.logs import LogFormat
from catenane.train.loop import forked_generators, run
from catenane.train.start import with_encoder_of
from catenane.train.tasks import HeadTask, PropertyTask
from catenane.version import __version__

__all__ = ["FittedModel", "check_bounds", "check_target_weights", "fit_property_model", "infer_task"]

logger = logging.getLogger(__name__)
ROWS_PER_LANDMARK: Mapping[Task, float] = {"regression": 0.5, "classification": 5, "multiclass": 5}
"""Training rows for each landmark up to which a Gaussian process is chosen; networks overfit classes."""
LARGEST_SKEWNESS = 1.0
"""Of labels that are learnt as they are, where they are never negative."""


@dataclass(frozen=True)
class FittedModel:
    """A trained model and what was seen on the way."""

    bundle: Bundle
    """The model of the best epoch; its card holds what `calibrate` writes there."""
    progress: Progress
    """The run, its history included."""
    tokenization: Tokenization
    """Unknown and truncated tokens of the table."""
    descriptors: Descriptors | None
    """Descriptors of the table's rows, if the head reads them."""
    pooled_ND: np.ndarray | None
    """Vectors of the table's rows, if the encoder is frozen."""


def fit_property_model(
    table: Table,
    split: Split,
    recipe: Recipe,
    *,
    task: Task,
    parent: Bundle | None = None,
    seed: int = 0,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    log: LogFormat = "csv",
    device: str | None = None,
    pooled_ND: np.ndarray | None = None,
    target_weights: Sequence[float] = (),
    best_by: str | None = None,
    intervals: bool = True,
    watch: Callable[[Bundle], Mapping[str, float]] | None = None,
    make_encoder: Callable[[Recipe], Encoder] = make_encoder,
) -> FittedModel:
    """Train a property head, and the encoder under it, on the training rows of a table.

    Args:
        table: Strings and labels.
        split: Rows to learn from and rows that choose the best epoch (the last one if there are none); its
            test rows are not looked at. Validation rows without a single label count as none.
        recipe: Shapes and training; with a parent, the parent's encoder shape counts.
        task: What the labels are.
        parent: Pretrained bundle whose encoder, tokenizer and encoder shape are taken over.
        seed: Of weights, order and dropout.
        folder: Where checkpoints and history go; nothing is written without it.
        settings: What else distinguishes this run, for the fingerprint of its checkpoint.
        resume: Go on from the folder's checkpoint.
        log: "csv", or "tensorboard" beside it.
        device: "cpu", "cuda", ...; the fastest by default.
        pooled_ND: Vectors of the table's strings by the parent, if they are at hand; for a frozen encoder.
        target_weights: How much each target counts in the loss, where they do not count alike; a Gaussian
            process learns each by itself.
        best_by: Score on the validation rows that chooses the best epoch, see `catenane.metrics.SCORES`; by
            default the loss of classes, and the absolute error of numbers in their deviations.
        intervals: Calibrate intervals and the domain check. For that, each row is left out by one or two
            members of a head on a frozen encoder; else half of the validation rows does not choose the epoch.
        watch: Called with the model after every epoch; what it measures joins the history.
        make_encoder: Makes an encoder that is not quite ours, for an ablation.

    Raises:
        UsageError: The parent cannot read this notation, or there is none to be frozen.
        TrainingError: See `catenane.train.loop.run`.
    """
    tokenizer, recipe = _resolve(recipe, table, split, task, parent)
    texts = part_texts(table.records)
    descriptors = head_inputs(table.records, table.notation, table.features, recipe.head, table.n_strings)
    config = BundleConfig(
        catenane=__version__, kind="property", notation=table.notation, recipe=recipe, task=task,
        targets=table.target_names,
        strings=table.string_columns,
        descriptors=descriptor_names(table.notation, table.n_strings) if recipe.head.descriptors else (),
        classes=tuple(table.classes[name] for name in table.target_names if table.classes),
        features=tuple(_feature_column(*item, split) for item in table.features.items()),
    )  # fmt: skip
    with forked_generators(torch.device("cpu")):
        torch.default_generator.manual_seed(seed)
        encoder = make_encoder(recipe)
        model = build_property_model(config, encoder)
    if parent is not None:
        take_over(encoder, parent.encoder)
    bundle = Bundle(config=config, model=model, tokenizer=tokenizer)
    reader = Model(bundle, device=device)
    encoded = reader.encode(table.records)
    tokenization = summarise(tokenizer, texts, encoded.tokens)
    logger.info("%s", tokenization)
    if recipe.finetuning.encoder_rate:
        pooled_ND = None
    elif pooled_ND is None:
        logger.info("reading %s strings with the frozen encoder", f"{len(texts):,}")
        pooled_ND = reader.pool(encoded)

    values_NF = descriptors.values if descriptors else None
    labels_NT, weights_NT = (
        torch.from_numpy(table.targets[split.train]),
        _weights(table, split, target_weights),
    )
    described_NF, states_ND = (
        None if values is None else torch.from_numpy(values[split.train]) for values in (values_NF, pooled_ND)
    )
    head = model.head
    evidence: dict[str, Any]
    if isinstance(head, GaussianProcessHead):
        assert states_ND is not None
        began = time.monotonic()
        weighed_NT = None if weights_NT is None else torch.from_numpy(weights_NT[split.train])
        # Where several rows share a solute, say, one that is left out tells little without the others.
        groups = group_rows(table, split.method) if table.string_columns else None
        left_out_2NT = head.fit(
            labels_NT, described_NF, states_ND, weighed_NT, seed=seed,
            groups_N=None if groups is None else torch.from_numpy(_numbered(groups[split.train])),
        )  # fmt: skip
        evidence = {"left_out_2NT": left_out_2NT.numpy()}
        progress = Progress("", seconds=time.monotonic() - began, finished=True)
    else:
        assert isinstance(head, PropertyHead)
        head.fit_scalers(labels_NT, described_NF, states_ND)
        chosen = _with_usable_validation(split, table)
        learns_MN, held_back = None, None
        if intervals:
            n_members = recipe.head.members if pooled_ND is not None else 1
            chosen, learns_MN, held_back = plan_calibration(chosen, table, n_members, seed)
        evidence = {"learns_MN": learns_MN, "held_back": held_back}
        training: HeadTask | PropertyTask
        if pooled_ND is not None:
            training = HeadTask(
                head,
                chosen,
                pooled_ND,
                table.targets,
                values_NF,
                recipe.finetuning,
                seed,
                learns_MN,
                weights_NT,
                table.bounds,
            )
        else:
            training = PropertyTask(
                model, table, chosen, encoded, descriptors, tokenizer, recipe, seed, weights_NT
            )
        training.best_by = best_by
        parts = [encoded.tokens.ids, table.targets, split.train, split.valid, *table.features.values()]
        parts += [values for values in (weights_NT, table.bounds) if values is not None]
        progress = run(
            training, recipe.finetuning, folder, seed=seed, resume=resume, log=log, device=device,
            fingerprint=fingerprint(settings or {}, *(values.tobytes() for values in parts)),
            watch=None if watch is None else lambda: watch(bundle),
        )  # fmt: skip
    if intervals:
        bundle = calibrate(
            bundle, table, split.train, descriptors=descriptors, pooled_ND=pooled_ND, seed=seed,
            device=device, **evidence,
        )  # fmt: skip
    bundle.model.to("cpu").eval()
    return FittedModel(bundle, progress, tokenization, descriptors, pooled_ND)


def _resolve(
    recipe: Recipe, table: Table, split: Split, task: Task, parent: Bundle | None
) -> tuple[StringTokenizer, Recipe]:
    """The tokenizer, and the recipe with what depends on the data filled in."""
    tokenizer = parent.tokenizer if parent is not None else load_tokenizer(table.notation)
    if not get_notation(tokenizer.notation).reads(table.notation):
        raise UsageError(
            f"the pretrained model reads {tokenizer.notation}, and {table.source} holds {table.notation}: "
            f"pretrain one on {table.notation}"
        )
    if parent is None and recipe.finetuning.encoder_rate == 0:
        raise UsageError(
            f"recipe {recipe.name!r} freezes its encoder (finetuning.encoder_rate=0), so it needs a "
            "pretrained one: give a model, or another recipe"
        )
    head = recipe.head
    bounded = check_bounds(recipe, table, split)
    if head.kind == "auto":
        few = len(split.train) <= ROWS_PER_LANDMARK[task] * head.landmarks
        frozen = recipe.finetuning.encoder_rate == 0
        kind: HeadKind = "gaussian-process" if few and frozen and not bounded else "network"
        head = dataclasses.replace(head, kind=kind)
    if head.kind == "gaussian-process" and recipe.finetuning.encoder_rate:
        raise UsageError("a Gaussian process needs a frozen encoder: set finetuning.encoder_rate=0")
    if head.target_scale == "auto":
        scale: TargetScale = "sqrt" if task == "regression" and _are_amounts(table, split) else "linear"
        head = dataclasses.replace(head, target_scale=scale)
    if head.kind == "gaussian-process":
        head = dataclasses.replace(head, landmarks=min(head.landmarks, len(split.train)))
    recipe = with_encoder_of(recipe, table.notation, parent)
    shape = dataclasses.replace(recipe.encoder, vocabulary_size=tokenizer.vocabulary_size)
    return tokenizer, dataclasses.replace(recipe, encoder=shape, head=head)


def check_bounds(recipe: Recipe, table: Table, split: Split) -> bool:
    """Whether some training labels are bounds; a `UsageError` where the head cannot learn from them."""
    bounded = table.bounds is not None and bool(table.bounds[split.train].any())
    if bounded and recipe.head.kind == "gaussian-process":
        raise UsageError(
            f"{table.source} has labels that are bounds, such as '>10', from which a Gaussian process cannot "
            "learn: set head.kind=network"
        )
    return bounded


def check_target_weights(weights: Sequence[float], targets: Sequence[str]) -> None:
    """Refuse with a `UsageError` what is not one positive weight a target, nor none at all."""
    if weights and (len(weights) != len(targets) or min(weights) <= 0):
        given = ", ".join(f"{weight:g}" for weight in weights)
        raise UsageError(
            f"target weights {given}: expected a positive number for each of {', '.join(targets)}"
        )


def _weights(table: Table, split: Split, target_weights: Sequence[float]) -> np.ndarray | None:
    """Weights of all labels (N, T), of mean one over the training rows and over the targets; None if alike.

    Raises:
        DataError: The weights of the training rows are all zero.
        UsageError: See `check_target_weights`.
    """
    check_target_weights(target_weights, table.target_names)
    if table.weights is None and not target_weights:
        return None
    rows_N = np.ones(len(table)) if table.weights is None else table.weights
    if not rows_N[split.train].any():
        raise DataError("the weights of the training rows are all zero: no row is left to learn from")
    targets_T = np.ones(len(table.target_names)) if not target_weights else np.array(target_weights, float)
    weights_NT: np.ndarray = np.outer(rows_N / rows_N[split.train].mean(), targets_T / targets_T.mean())
    return weights_NT


def _numbered(names_N: np.ndarray) -> np.ndarray:
    numbers_N: np.ndarray = np.unique(names_N, return_inverse=True)[1]
    return numbers_N


def _feature_column(name: str, values_N: np.ndarray, split: Split) -> FeatureColumn:
    known_N = np.isfinite(values_N[split.train])
    if not known_N.any():
        raise DataError(f"feature {name!r} has no number in the training rows")
    low, high = np.quantile(values_N[split.train][known_N], [0.0, 1.0])
    return FeatureColumn(name=name, low=float(low), high=float(high), optional=not known_N.all())


def _are_amounts(table: Table, split: Split) -> bool:
    """Whether the training labels of every target are never negative and spread widely to above."""
    labels_NT = table.targets[split.train]
    skewness_T = skew(labels_NT, axis=0, nan_policy="omit")
    return bool(np.nanmin(labels_NT) >= 0 and (np.asarray(skewness_T) > LARGEST_SKEWNESS).all())


def _with_usable_validation(split: Split, table: Table) -> Split:
    """The split without its validation rows where none of them has a label: these cannot choose an epoch."""
    if not len(split.valid) or not np.isnan(table.exact[split.valid]).all():
        return split
    logger.warning("none of the %d validation rows has a label: the last epoch is kept", len(split.valid))
    return dataclasses.replace(split, valid=split.valid[:0])


def infer_task(table: Table, wanted: Task | None = None) -> Task:
    """The wanted task, else what labels are: text is multiclass, 0 and 1 are classification, else regression.

    Raises:
        DataError: Some targets are classes and others are not, or classes are wanted and labels are none.
    """
    if table.classes:
        if numbers := [name for name in table.target_names if name not in table.classes]:
            named = ", ".join(table.classes)
            raise DataError(f"{named} hold classes and {', '.join(numbers)} numbers: train them separately")
        return "multiclass"
    if table.bounds is not None and wanted is None:
        return "regression"
    binary = [bool(np.isin(labels[~np.isnan(labels)], (0.0, 1.0)).all()) for labels in table.targets.T]
    classes = ", ".join(compress(table.target_names, binary))
    others = ", ".join(compress(table.target_names, np.logical_not(binary)))
    if wanted == "classification" and others:
        raise DataError(f"classification needs labels of 0 and 1, and {others} holds others")
    if wanted is not None:
        return wanted
    if classes and others:
        raise DataError(
            f"{classes} hold only 0 and 1, the other targets do not: train them separately, or give --task"
        )
    return "regression" if others else "classification"
