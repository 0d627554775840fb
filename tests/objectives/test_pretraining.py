from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from catenane import config
from catenane.config import Recipe
from catenane.data import collate
from catenane.models import BundleConfig
from catenane.objectives import OBJECTIVES
from catenane.tokenizers import load_tokenizer


def test_every_objective_that_a_recipe_can_name_is_there():
    assert set(OBJECTIVES) == set(get_args(config.Objective))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_model_of_an_objective_names_the_tokens_that_it_hides(name):
    tokenizer, objective = load_tokenizer("smiles"), OBJECTIVES[name]
    recipe = Recipe(objective=name).with_settings(
        {"encoder.vocabulary_size": tokenizer.vocabulary_size, "encoder.n_layers": 1, "masking.share": 0.5}
    )
    encoded = tokenizer.encode_flat(["CCO", "c1ccccc1C(=O)O"], 64)
    batch = collate(encoded, np.arange(2), pad_id=tokenizer.pad_id)

    def hide(seed: int):
        return objective.hide(batch, recipe, tokenizer, torch.Generator().manual_seed(seed))

    hidden, again, other = hide(0), hide(0), hide(1)
    assert all(torch.equal(a, b) for a, b in zip(hidden.inputs, again.inputs, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(hidden.inputs, other.inputs, strict=True))
    model = BundleConfig(kind=objective.kind, notation="smiles", recipe=recipe).build_model()
    logits_NV = model(*hidden.inputs)
    assert logits_NV.shape == (len(hidden.labels_N), tokenizer.vocabulary_size)
    assert len(hidden.labels_N)
    assert torch.isin(hidden.labels_N, batch.ids_BL[batch.keep_BL]).all()
