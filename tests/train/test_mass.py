"""The objective `mass` from a corpus to a bundle, and what can be done with that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catenane.inference import load
from catenane.models.bundle import load_bundle
from catenane.train import finetune, pretrain


def test_learns_to_write_what_is_hidden(
    writer_folder: Path, molecule_file: Path, tiny_writer, tmp_path: Path
):
    still = tiny_writer | {"pretraining.epochs": 1, "pretraining.learning_rate": 1e-12}
    untrained = pretrain([molecule_file], out=tmp_path, settings=still, device="cpu")
    bundle = load_bundle(writer_folder)
    assert bundle.config.kind == "generator"
    assert bundle.config.generates
    assert bundle.card["training"]["valid_loss"] < 0.5 * untrained.metrics["held_out"]["valid_loss"]


def test_its_encoder_embeds_and_is_fine_tuned_like_any_other(writer_folder, molecule_file, tmp_path):
    vectors = load(writer_folder, device="cpu").embed(["CCO", "CCN"])
    assert vectors.shape == (2, 16)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    finetune(
        molecule_file, target="size", model=writer_folder, out=tmp_path, device="cpu", baselines=False,
        settings={"finetuning.epochs": 2, "head.hidden": [16]},
    )  # fmt: skip
    fine_tuned = load_bundle(tmp_path)
    assert not fine_tuned.config.generates
    assert len(load(tmp_path, device="cpu").predict(["CCO"])) == 1
    weights, started = (x.encoder.embedding.weight for x in (fine_tuned, load_bundle(writer_folder)))
    assert 0 < (weights - started).abs().max() < 0.5  # the pretrained ones, trained further
