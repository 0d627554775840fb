"""Models that an analysis can look into, small and with fresh weights."""

from __future__ import annotations

import pytest
import torch

from catenane.config import load_recipe
from catenane.inference import Model
from catenane.models.bundle import Bundle, BundleConfig
from catenane.tokenizers import load_tokenizer


@pytest.fixture(scope="session")
def make_model(tiny):
    """A function that makes a model of a notation; settings are given as `encoder__n_layers=3`."""

    def make(notation="smiles", kind="encoder", **settings) -> Model:
        tokenizer = load_tokenizer(notation)
        names = {name.replace("__", "."): value for name, value in settings.items()}
        changes = {"encoder.vocabulary_size": tokenizer.vocabulary_size, "encoder.n_layers": 2}
        recipe = load_recipe("small").with_settings(tiny | changes | names)
        more = {"task": "regression", "targets": ("y",)} if kind == "property" else {}
        config = BundleConfig(kind=kind, notation=notation, recipe=recipe, **more)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = config.build_model()
        return Model(Bundle(config=config, model=model, tokenizer=tokenizer), device="cpu")

    return make
