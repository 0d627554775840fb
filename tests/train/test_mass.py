"""The objective `mass` from a corpus to a bundle, and what can be done with that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catenane.inference import load
from catenane.models.bundle import load_bundle
from catenane.train import finetune, pretrain

MASS = {"objective": "mass", "decoder.n_layers": 1, "fragment.parts": 0.3}


@pytest.fixture(scope="module")
def generator(molecule_file: Path, tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mass") / "run"
    settings = tiny | MASS | {"pretraining.epochs": 15, "pretraining.learning_rate": 1e-2}
    pretrain([molecule_file], out=folder, settings=settings, device="cpu")
    return folder


def test_learns_to_write_what_is_hidden(generator: Path, molecule_file: Path, tiny, tmp_path: Path):
    still = tiny | MASS | {"pretraining.epochs": 1, "pretraining.learning_rate": 1e-12}
    untrained = pretrain([molecule_file], out=tmp_path, settings=still, device="cpu")
    bundle = load_bundle(generator)
    assert bundle.config.kind == "generator"
    assert bundle.config.generates
    assert bundle.card["training"]["valid_loss"] < 0.5 * untrained.metrics["held_out"]["valid_loss"]


def test_its_encoder_embeds_and_is_fine_tuned_like_any_other(generator, molecule_file, tiny, tmp_path):
    vectors = load(generator, device="cpu").embed(["CCO", "CCN"])
    assert vectors.shape == (2, 16)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    finetune(
        molecule_file, target="size", model=generator, out=tmp_path, device="cpu", baselines=False,
        settings={"finetuning.epochs": 2, "head.hidden": [16]},
    )  # fmt: skip
    fine_tuned = load_bundle(tmp_path)
    assert not fine_tuned.config.generates
    assert len(load(tmp_path, device="cpu").predict(["CCO"])) == 1
    weights, started = (x.encoder.embedding.weight for x in (fine_tuned, load_bundle(generator)))
    assert 0 < (weights - started).abs().max() < 0.5  # the pretrained ones, trained further
