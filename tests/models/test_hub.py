"""What transformers loads gives what the bundle gives."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from catenane.config import EncoderConfig, Recipe, TokenHeadConfig
from catenane.models.bundle import Bundle, BundleConfig, load_bundle
from catenane.models.hub import write_hub_folder
from catenane.nn import RandomFeatures
from catenane.tokenizers import load_tokenizer

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CCO", "N" * 28, "[117Sn]Cl"]
TINY = EncoderConfig(d_model=24, n_layers=2, n_heads=3, d_hidden=32, n_features=16, max_length=32)
KERNELS = [("full", "map-rotated"), ("linear", "map-rotated"), ("linear", "rotate-mapped")]
KINDS = itertools.product(KERNELS, ["sinusoidal", "learned", "rotary", "none"])
BLOCKS = itertools.cycle([("pre", "geglu", None), ("post", "gelu", True), ("post", "relu", None)])
SETTINGS = [
    (
        replace(
            TINY, attention=attention, feature_order=order, positions=positions, norm_order=norm_order,
            activation=activation, final_norm=final_norm, norm_epsilon=1e-3,
        ),
        TokenHeadConfig(tied=norm_order == "pre", bias=positions != "rotary"),
    )
    for ((attention, order), positions), (norm_order, activation, final_norm) in zip(
        KINDS, BLOCKS, strict=False
    )
]  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    """Where transformers copies the code of a folder to before it imports it."""
    pytest.importorskip("transformers")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def encoder_bundle(encoder: EncoderConfig, token_head: TokenHeadConfig) -> Bundle:
    tokenizer = load_tokenizer("smiles")
    encoder = replace(encoder, vocabulary_size=tokenizer.vocabulary_size)
    recipe = Recipe(encoder=encoder, token_head=token_head)
    config = BundleConfig(kind="encoder", notation="smiles", recipe=recipe)
    torch.manual_seed(0)
    model = config.build_model().eval()
    for name, parameter in model.named_parameters():
        nn.init.normal_(parameter, mean=float("norm.weight" in name), std=0.3)
    for module in model.modules():
        if isinstance(module, RandomFeatures):
            module.redraw(torch.default_generator)
    return Bundle(config=config, model=model, tokenizer=tokenizer)


def read_batch(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    read = tokenizer(SMILES, padding=True, truncation=True, return_tensors="pt")
    assert set(read) == {"input_ids", "attention_mask"}
    return read["input_ids"], read["attention_mask"]


@pytest.mark.parametrize(("encoder", "token_head"), SETTINGS)
def test_every_kind_of_encoder_gives_the_same_states_and_scores(encoder, token_head, tmp_path):
    from transformers import AutoModel, AutoModelForMaskedLM

    bundle, folder = encoder_bundle(encoder, token_head), tmp_path / "folder"
    write_hub_folder(folder, bundle)
    ids_BL, mask_BL = read_batch(folder)
    assert [row[keep].tolist() for row, keep in zip(ids_BL, mask_BL.bool(), strict=True)] == (
        bundle.tokenizer.encode(SMILES, encoder.max_length)
    )
    whole = AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True).eval()
    alone = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    keep_BL = mask_BL.bool()
    with torch.no_grad():
        states_BLD = bundle.encoder(ids_BL, keep_BL)
        logits_NV = bundle.model(ids_BL, keep_BL, keep_BL)
        found = whole(ids_BL, attention_mask=mask_BL, labels=ids_BL.where(keep_BL, -100))
        found_BLD = alone(ids_BL, attention_mask=mask_BL).last_hidden_state
    close = {"atol": 2e-5, "rtol": 1e-4}
    torch.testing.assert_close(found_BLD[keep_BL], states_BLD[keep_BL], **close)
    torch.testing.assert_close(found.logits[keep_BL], logits_NV, atol=1e-4, rtol=1e-4)
    expected = nn.functional.cross_entropy(logits_NV, ids_BL[keep_BL])
    torch.testing.assert_close(found.loss, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["mol-base", "mof-uptake"])
def test_a_bundled_model_is_exported_without_its_head(name, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    bundle = load_bundle(name)
    write_hub_folder(tmp_path / name, bundle)
    text = {"smiles": "CC(=O)Oc1ccccc1C(=O)O", "mofid": "[Zn].c1ccncc1&&pcu.cat0"}[bundle.config.notation]
    read = AutoTokenizer.from_pretrained(tmp_path / name)([text], return_tensors="pt")
    assert read["input_ids"].tolist() == bundle.tokenizer.encode([text])
    model, told = AutoModel.from_pretrained(tmp_path / name, trust_remote_code=True, output_loading_info=True)
    assert not told["missing_keys"]
    assert bundle.config.kind == "encoder" or not told["unexpected_keys"]
    with torch.no_grad():
        expected_BLD = bundle.encoder(read["input_ids"], read["attention_mask"].bool())
        found_BLD = model.eval()(**read).last_hidden_state
    torch.testing.assert_close(found_BLD, expected_BLD, atol=2e-5, rtol=1e-4)
    assert asdict(bundle.config.recipe.encoder) == model.config.encoder
