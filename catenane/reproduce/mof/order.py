"""What two faults of the public code of MOFormer cost. They live here and nowhere else.

The encoder there is batch-first and its positions are sequence-first: the wave of row b of the *batch* is
added to every token of string b. So the encoder sees a bag of tokens, shifted by where the string stands in
its batch. And no padding is masked: every string is padded to the longest that the model takes, and every
token attends to all of it.

Axes: B strings of a batch, L tokens, D width of the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from catenane.config import EncoderConfig
from catenane.data import Table, collate
from catenane.formatting import count
from catenane.inference import Model
from catenane.models import Bundle, TransformerEncoder
from catenane.nn import SinusoidalPositions
from catenane.reproduce.figures import dots_by_seed
from catenane.reproduce.mof.training import labelled, median_row, of_seeds, split_of, train
from catenane.reproduce.result import NOT_IN_PAPER, Comparison, Figure, Findings, compare, mean
from catenane.reproduce.result import Table as ResultTable
from catenane.reproduce.run import Run

__all__ = ["FAULTS", "Faults", "FaultyEncoder", "run", "sensitivity"]

RECIPE = "cao-small"
TARGET, UNIT = "co2_0.1bar", "mol/kg"
PAD_ID = 0
"""Of every tokenizer here."""
LARGEST_BATCH = 8192
"""Rows of a batch that have a wave; no batch has more tokens."""
PROBED = 64
"""Test strings whose answers are watched while tokens, batches and padding are changed."""


@dataclass(frozen=True)
class Faults:
    """Which of the two faults an encoder has."""

    batch_axis: bool = False
    """Positions are added along the batch."""
    unmasked: bool = False
    """Padding up to the longest string the encoder takes, and attended to."""


FAULTS = {
    "correct": Faults(),
    "batch-axis positions": Faults(batch_axis=True),
    "unmasked padding": Faults(unmasked=True),
    "both faults": Faults(batch_axis=True, unmasked=True),
}
"""The four encoders of the ablation."""


class FaultyEncoder(TransformerEncoder):
    """Our encoder with the faults of the public code; weights and their names stay those of a sound one.

    Args:
        config: Shape, with sinusoidal positions.
        faults: Which ones it has.
    """

    def __init__(self, config: EncoderConfig, faults: Faults) -> None:
        super().__init__(config)
        self.unmasked = faults.unmasked
        self.padded_to = config.max_length if faults.unmasked else 0
        """Tokens up to which every batch is padded."""
        if faults.batch_axis:
            self.positions = None
            self.waves = SinusoidalPositions(config.d_model, LARGEST_BATCH)
            self.embedding.register_forward_hook(self._add_waves)

    def forward(self, ids_BL: Tensor, keep_BL: Tensor) -> Tensor:  # type: ignore[override]
        """States of the tokens and of the padding, (B, max(L, padded_to), D)."""
        missing = max(0, self.padded_to - ids_BL.shape[1])
        ids_BL, keep_BL = pad(ids_BL, (0, missing), value=PAD_ID), pad(keep_BL, (0, missing), value=False)
        return super().forward(ids_BL, torch.ones_like(keep_BL) if self.unmasked else keep_BL)

    def _add_waves(self, embedding: nn.Module, ids: tuple[Tensor], states_BLD: Tensor) -> Tensor:
        """The wave of each row's place in the batch; the encoder multiplies by its factor afterwards."""
        waves_BD = self.waves(torch.arange(len(states_BLD), device=states_BLD.device)) / self.embedding_factor
        shifted_BLD: Tensor = states_BLD + waves_BD.unsqueeze(1)
        return shifted_BLD


def run(run: Run) -> Findings:
    """Train the four encoders with every seed, and watch what moves their answers."""
    table = labelled(run, TARGET)
    found = {
        name: run.by_seed(name.replace(" ", "-"), partial(_train, run, table, faults))
        for name, faults in FAULTS.items()
    }
    parts = split_of(table, 0)
    recipe = run.recipe(RECIPE)
    shape = recipe.encoder
    return Findings(
        ran=f"Trained {RECIPE} (width {shape.d_model}, {shape.n_layers} layers) as it should be and with "
        f"the faults of the public code put into it, on {len(parts.train):,} frameworks; tested on "
        f"{len(parts.test):,} (70/30); label {TARGET}. Then changed the input of the trained models in "
        f"ways that should, or should not, change the answer, for {min(PROBED, len(parts.test))} test "
        "strings.",
        tables=(_errors(found), _sensitivities(found)),
        shows=_verdict(found),
        figures=(_figure(found),),
        notes=(
            "Shuffled are the tokens between [CLS] and [SEP]: that is another string, and a model that "
            "reads order answers otherwise. A batch in another order and a longer padding may change "
            "nothing.",
            "Our batches hold strings of like length, those of the public code strings at random: there "
            "the place in the batch is pure noise, here it also tells a little of the length.",
        ),
    )


def sensitivity(bundle: Bundle, strings: Sequence[str], *, seed: int = 0) -> dict[str, float]:
    """How far the answers of a model with a `FaultyEncoder` move when its input is changed.

    Args:
        bundle: The model.
        strings: N strings, read as one batch.
        seed: Of the shuffling.

    Returns:
        Mean absolute changes in label units. `tokens`: the tokens of each string are shuffled; `batch`: the
        batch is; `padding`: it is padded to the encoder's longest instead of the batch's longest.
    """
    model, tokenizer = Model(bundle).property_model, bundle.tokenizer
    encoder, longest = model.encoder, bundle.config.recipe.encoder.max_length
    assert isinstance(encoder, FaultyEncoder)
    device = model.head.target_mean_T.device
    encoded = tokenizer.encode_flat(strings, longest)
    batch = collate(encoded, np.arange(len(strings)), pad_id=tokenizer.pad_id).to(device)
    generator = torch.Generator().manual_seed(seed)
    shuffled_BL = batch.ids_BL.clone()
    for row, length in enumerate(encoded.lengths.tolist()):
        order = 1 + torch.randperm(length - 2, generator=generator)
        shuffled_BL[row, 1 : length - 1] = batch.ids_BL[row, order]
    order_B = torch.randperm(len(strings), generator=generator)

    def answers(ids_BL: Tensor, keep_BL: Tensor, padded_to: int = encoder.padded_to) -> Tensor:
        before, encoder.padded_to = encoder.padded_to, padded_to
        answer_B = model.head.predict(model.embed((ids_BL, keep_BL)))[:, 0]
        encoder.padded_to = before
        return answer_B

    with torch.inference_mode():
        plain_B = answers(batch.ids_BL, batch.keep_BL)
        changes = {
            "tokens": answers(shuffled_BL, batch.keep_BL) - plain_B,
            "batch": answers(batch.ids_BL[order_B], batch.keep_BL[order_B]) - plain_B[order_B],
            "padding": answers(batch.ids_BL, batch.keep_BL, longest)
            - answers(batch.ids_BL, batch.keep_BL, 0),
        }
    return {name: float(change_B.abs().mean()) for name, change_B in changes.items()}


def _train(run: Run, table: Table, faults: Faults, seed: int) -> dict[str, Any]:
    split = split_of(table, seed)
    fitted, told = train(
        run,
        table,
        split,
        run.recipe(RECIPE),
        seed=seed,
        make_encoder=partial(FaultyEncoder, faults=faults),
    )
    probed = [table.strings[row] for row in split.test[:PROBED]]
    return told | {"sensitivity": sensitivity(fitted.bundle, probed, seed=seed)}


def _errors(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> ResultTable:
    comparisons = [
        Comparison(quantity=f"{name}: test MAE", unit=UNIT, paper=NOT_IN_PAPER, ours=of_seeds(stages, "mae"))
        for name, stages in found.items()
    ]
    sound = of_seeds(found["correct"], "mae")
    comparisons += [
        Comparison(
            quantity=f"{name}: less that of the correct encoder, seed by seed",
            unit=UNIT,
            paper=NOT_IN_PAPER,
            ours=[error - right for error, right in zip(of_seeds(stages, "mae"), sound, strict=True)],
        )
        for name, stages in found.items()
        if name != "correct"
    ]
    return compare("What the faults cost", [*comparisons, median_row(found["correct"], UNIT)])


def _sensitivities(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> ResultTable:
    kinds = {"tokens": "tokens shuffled", "batch": "batch shuffled", "padding": "padding to 512"}
    rows = [
        (name, *(mean([stage["sensitivity"][kind] for stage in stages]) for kind in kinds))
        for name, stages in found.items()
    ]
    return ResultTable(
        title=f"Change of the answer ({UNIT}, mean over strings and seeds)",
        columns=("encoder", *kinds.values()),
        rows=tuple(rows),
    )


def _verdict(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    errors = {name: np.array(of_seeds(stages, "mae")) for name, stages in found.items()}
    right = errors["correct"]
    moved = {
        name: {
            kind: float(np.mean([stage["sensitivity"][kind] for stage in stages]))
            for kind in ("tokens", "batch", "padding")
        }
        for name, stages in found.items()
    }
    sound, faulty = moved["correct"], moved["batch-axis positions"]
    costs = ", ".join(
        f"{name} {(found - right).mean():+.3f}".replace(" -", " −")
        + f" (worse with {(found > right).sum()} of {count(len(right), 'seed')})"
        for name, found in errors.items()
        if name != "correct"
    )
    return (
        "With positions on the batch axis the model is blind to order: shuffling the tokens moves its "
        f"answers by {faulty['tokens']:.3f} {UNIT}, those of the correct model by {sound['tokens']:.3f}. "
        "But its answers depend on the company of other strings: shuffling the batch moves them by "
        f"{faulty['batch']:.3f}, those of the correct model by {sound['batch']:.3f}. Where padding is "
        f"attended to, its length moves the answers by {moved['unmasked padding']['padding']:.3f}. Test "
        f"MAE of the correct encoder {right.mean():.3f} {UNIT}; against it {costs}."
    )


def _figure(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    def draw(canvas: Any) -> None:
        groups = {name: {"test MAE": of_seeds(stages, "mae")} for name, stages in found.items()}
        median = float(np.mean([stage["median"] for stage in found["correct"]]))
        dots_by_seed(
            canvas.subplots(),
            groups,
            xlabel=f"test MAE ({UNIT})",
            lines={f"median predictor: {median:.3f}": median},
            linked=True,
        )

    return Figure(
        file="order.png",
        caption="Test error of the four encoders: a dot a seed, joined from encoder to encoder; a bar at "
        "their mean.",
        draw=draw,
        width=600,
        height=270,
    )
