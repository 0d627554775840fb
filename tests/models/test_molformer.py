"""The released weights, against the published architecture written out plainly.

Axes: B strings, L tokens, V vocabulary, D width of the stream and of one head, M features after the map.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

import catenane
from catenane.errors import BundleError
from catenane.models.bundle import load_bundle, save_bundle
from catenane.models.molformer import read_molformer

N_LAYERS, N_HEADS, D_HEAD, D_HIDDEN, N_FEATURES = 2, 3, 8, 20, 5
D_MODEL = N_HEADS * D_HEAD
PLAIN = ["C", "c", "(", ")", "1", "O", "N", "=", "Cl", "[nH]", "Br", "10%", "%10", "[N+]"]
TOKENS = ["<bos>", "<eos>", "<pad>", "<mask>", *PLAIN, "<unk>"]
PATTERN = re.compile(r"(\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>|\*|\$|"
                     r"\%[0-9]{2}|[0-9])")  # fmt: skip
SMILES = ["CC(=O)Oc1ccc[nH]1", "ClCBr", "C%10CC%10", "N" * 150, "CFC"]


def lightning_weights() -> dict[str, Tensor]:
    """Random weights in the naming of the original repository."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * (1.5 * shape[-1] ** -0.5)

    def layer(name: str, n_out: int, n_in: int) -> dict[str, Tensor]:
        return {f"{name}.weight": draw(n_out, n_in), f"{name}.bias": draw(n_out)}

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}.weight": 1 + 0.1 * draw(D_MODEL), f"{name}.bias": draw(D_MODEL)}

    weights = {"tok_emb.weight": draw(len(TOKENS), D_MODEL)}
    for number in range(N_LAYERS):
        block = f"blocks.layers.{number}"
        weights[f"{block}.attention.inner_attention.feature_map.omega"] = 2 * draw(D_HEAD, N_FEATURES)
        for part in ("query_projection", "key_projection", "value_projection", "out_projection"):
            weights |= layer(f"{block}.attention.{part}", D_MODEL, D_MODEL)
        rates = 1.0 / 10_000 ** (torch.arange(0, D_HEAD, 2).float() / D_HEAD)
        weights[f"{block}.attention.rotaryemb.inv_freq"] = rates
        weights |= layer(f"{block}.linear1", D_HIDDEN, D_MODEL) | layer(f"{block}.linear2", D_MODEL, D_HIDDEN)
        weights |= norm(f"{block}.norm1") | norm(f"{block}.norm2")
    weights |= norm("blocks.norm") | layer("lang_model.embed", D_MODEL, D_MODEL) | norm("lang_model.ln_f")
    return weights | {"lang_model.head.weight": draw(len(TOKENS), D_MODEL)}


RULES = {
    r"^tok_emb": "molformer.embeddings.word_embeddings",
    r"^blocks\.norm": "molformer.LayerNorm",
    r"^blocks\.layers\.(\d+)": r"molformer.encoder.layer.\1",
    r"attention\.inner_attention\.feature_map\.omega": "attention.self.feature_map.weight",
    r"attention\.(query|key|value)_projection": r"attention.self.\1",
    r"attention\.out_projection": "attention.output.dense",
    r"\.norm1": ".attention.output.LayerNorm",
    r"\.linear1": ".intermediate.dense",
    r"\.linear2": ".output.dense",
    r"\.norm2": ".output.LayerNorm",
    r"^lang_model\.embed": "lm_head.transform.dense",
    r"^lang_model\.ln_f": "lm_head.transform.LayerNorm",
    r"^lang_model\.head": "lm_head.decoder",
}


def hub_weights() -> dict[str, Tensor]:
    """The same in the naming of the Hugging Face hub, which keeps no table of positions."""
    renamed = {}
    for name, tensor in lightning_weights().items():
        if "rotaryemb" not in name:
            for rule, new in RULES.items():
                name = re.sub(rule, new, name)
            renamed[name] = tensor
    return renamed


def published(weights: dict[str, Tensor], ids_BL: Tensor, keep_BL: Tensor, epsilon: float) -> Tensor:
    """Hidden states of the published architecture from its equations, in float64, all pairs formed."""
    w = {name: tensor.double() for name, tensor in weights.items()}

    def norm(name: str, x: Tensor) -> Tensor:
        return layer_norm(x, (D_MODEL,), w[f"{name}.weight"], w[f"{name}.bias"], epsilon)

    def dense(name: str, x: Tensor) -> Tensor:
        return linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    length = ids_BL.shape[1]
    rates = 10_000.0 ** (-torch.arange(0, D_HEAD, 2).double() / D_HEAD)
    angles_LD = torch.outer(torch.arange(length).double(), rates).repeat(1, 2)

    def turn(x_BLHD: Tensor) -> Tensor:
        left, right = x_BLHD.chunk(2, dim=-1)
        turned = torch.cat([-right, left], dim=-1)
        return x_BLHD * angles_LD.cos()[:, None] + turned * angles_LD.sin()[:, None]

    x_BLD = w["tok_emb.weight"][ids_BL]
    for number in range(N_LAYERS):
        block = f"blocks.layers.{number}"
        q, k, v = (
            dense(f"{block}.attention.{part}_projection", x_BLD).unflatten(-1, (N_HEADS, D_HEAD))
            for part in ("query", "key", "value")
        )
        omega_DM = w[f"{block}.attention.inner_attention.feature_map.omega"]
        q, k = (turn(part) @ omega_DM for part in (q, k))
        scores_BHLS = torch.einsum("blhm,bshm->bhls", q.relu(), k.relu()) * keep_BL[:, None, None]
        weights_BHLS = scores_BHLS / scores_BHLS.sum(-1, keepdim=True).clamp(min=1e-6)
        mixed_BLD = torch.einsum("bhls,bshd->blhd", weights_BHLS, v).flatten(2)
        x_BLD = norm(f"{block}.norm1", x_BLD + dense(f"{block}.attention.out_projection", mixed_BLD))
        changed_BLD = dense(f"{block}.linear2", gelu(dense(f"{block}.linear1", x_BLD)))
        x_BLD = norm(f"{block}.norm2", x_BLD + changed_BLD)
    return norm("blocks.norm", x_BLD)


def published_logits(weights: dict[str, Tensor], states_ND: Tensor, epsilon: float) -> Tensor:
    w = {name: tensor.double() for name, tensor in weights.items()}
    hidden = gelu(linear(states_ND, w["lang_model.embed.weight"], w["lang_model.embed.bias"]))
    hidden = layer_norm(hidden, (D_MODEL,), w["lang_model.ln_f.weight"], w["lang_model.ln_f.bias"], epsilon)
    return hidden @ w["lang_model.head.weight"].T


def published_batch(strings: list[str]) -> tuple[Tensor, Tensor]:
    """Ids as their tokenizer gives them."""
    known = {token: number for number, token in enumerate(TOKENS)}
    rows = [
        [
            known["<bos>"],
            *(known.get(token, known["<unk>"]) for token in PATTERN.findall(text)),
            known["<eos>"],
        ]
        for text in strings
    ]
    ids_BL = torch.full((len(rows), max(map(len, rows))), known["<pad>"])
    for number, row in enumerate(rows):
        ids_BL[number, : len(row)] = torch.tensor(row)
    return ids_BL, ids_BL != known["<pad>"]


class ModelCheckpoint:
    """Stands for a class of Lightning, which keys the states of callbacks and is never imported."""


def write_checkpoint(path: Path, weights: dict[str, Tensor], **more: object) -> Path:
    """What Lightning saves: random states of NumPy, callbacks by class, hyper-parameters as objects."""
    content = {
        "epoch": 3,
        "pytorch-lightning_version": "1.1.5",
        "callbacks": {ModelCheckpoint: {"best_model_score": torch.tensor(0.3)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}],
        "state_dict": collections.OrderedDict(weights),
        "hyper_parameters": argparse.Namespace(n_head=12, dims=[1, 2]),
        "rng": {"numpy_state": np.random.RandomState(0).get_state(), "torch_state": torch.get_rng_state()},
        "counts": collections.Counter("abca"),
        **more,
    }
    torch.save(content, path)
    return path


CONFIG = {
    "model_type": "molformer",
    "feature_map_kernel": "relu",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "embedding_dropout_prob": 0.2,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 202,
    "tie_word_embeddings": False,
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "bert_vocab.txt").write_text("\n".join(TOKENS) + "\n")
    return write_checkpoint(tmp_path / "model.ckpt", lightning_weights())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(TOKENS)}))
    save_file(hub_weights(), folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(("form", "epsilon"), [("checkpoint", 1e-5), ("folder", 1e-12)])
def test_states_and_logits_are_those_of_the_published_architecture(form, epsilon, request, tmp_path):
    save_bundle(tmp_path / "bundle", read_molformer(request.getfixturevalue(form)))
    bundle = load_bundle(tmp_path / "bundle")
    theirs_BL, keep_BL = published_batch(SMILES)
    expected_BLD = published(lightning_weights(), theirs_BL, keep_BL, epsilon)
    encoded = bundle.tokenizer.encode(SMILES)
    ours_BL = torch.zeros_like(theirs_BL)
    for row, ids in enumerate(encoded):
        ours_BL[row, : len(ids)] = torch.tensor(ids)
    assert torch.equal(ours_BL != bundle.tokenizer.pad_id, keep_BL)
    with torch.no_grad():
        found_BLD = bundle.encoder(ours_BL, keep_BL)
        logits_NV = bundle.model(ours_BL, keep_BL, keep_BL)
    assert expected_BLD[keep_BL].std() > 0.3
    torch.testing.assert_close(found_BLD[keep_BL].double(), expected_BLD[keep_BL], atol=1e-4, rtol=0)
    logits = published_logits(lightning_weights(), expected_BLD[keep_BL], epsilon)
    for token, number in bundle.tokenizer.vocabulary.items():
        name = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<bos>", "[SEP]": "<eos>", "[MASK]": "<mask>"}
        expected_N = logits[:, TOKENS.index(name.get(token, token))]
        torch.testing.assert_close(logits_NV[:, number].double(), expected_N, atol=1e-3, rtol=0)


def test_both_forms_and_both_files_of_a_vocabulary_are_one_model(checkpoint, folder):
    (folder / "config.json").write_text(json.dumps(CONFIG | {"layer_norm_eps": 1e-5}))
    first, second = read_molformer(checkpoint), read_molformer(folder)
    added = [{"content": token, "id": TOKENS.index(token)} for token in ("<bos>", "<eos>", "<unk>")]
    words = {token: i for i, token in enumerate(TOKENS) if token not in ("<bos>", "<eos>", "<unk>")}
    (folder / "vocab.json").unlink()
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": words}, "added_tokens": added}))
    (folder / "model.safetensors").unlink()
    torch.save(hub_weights(), folder / "pytorch_model.bin")
    third = read_molformer(folder)
    for other in (second, third):
        assert other.tokenizer.vocabulary == first.tokenizer.vocabulary
        for name, tensor in first.model.state_dict().items():
            assert torch.equal(other.model.state_dict()[name], tensor), name
    assert first.config.recipe.encoder.n_heads == N_HEADS
    assert first.card["imported"]["tokens_left_out"] == ["10%"]
    assert not first.card["imported"]["weights_left_out"]


def test_nothing_that_a_checkpoint_pickled_is_executed(tmp_path):
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / "bert_vocab.txt").write_text("\n".join(TOKENS))
    path = write_checkpoint(tmp_path / "trap.ckpt", lightning_weights(), trap=Trap())
    assert read_molformer(path).config.kind == "encoder"
    assert not (tmp_path / "sprung").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "sprung").exists()  # the trap would have worked


def test_weights_that_are_not_of_the_encoder_are_named(checkpoint):
    more = lightning_weights() | {"net.fc1.weight": torch.ones(2, 2), "net.fc1.bias": torch.ones(2)}
    bundle = read_molformer(write_checkpoint(checkpoint, more))
    assert bundle.card["imported"]["weights_left_out"] == ["net.fc1.bias", "net.fc1.weight"]


def test_a_vocabulary_without_the_unknown_has_padding_for_it(checkpoint):
    weights = lightning_weights()
    for name in ("tok_emb.weight", "lang_model.head.weight"):
        weights[name] = weights[name][:-1]
    (checkpoint.parent / "bert_vocab.txt").write_text("\n".join(TOKENS[:-1]))
    bundle = read_molformer(write_checkpoint(checkpoint, weights))
    rows = bundle.encoder.embedding.weight
    assert torch.equal(rows[bundle.tokenizer.unk_id], rows[bundle.tokenizer.pad_id])


def test_what_is_no_such_checkpoint_is_refused_in_one_line(checkpoint, folder, tmp_path):
    weights = lightning_weights()
    query = "blocks.layers.1.attention.query_projection.weight"

    def refused(path: Path, message: str) -> None:
        with pytest.raises(BundleError, match=message) as raised:
            read_molformer(path)
        assert "\n" not in str(raised.value)

    def changed(**more: Tensor) -> Path:
        return write_checkpoint(checkpoint, weights | more)

    refused(changed(**{query: torch.ones(3, 4)}), rf"{query}' has the shape \[3, 4\], expected \[24, 24\]")
    refused(changed(**{query: weights[query] * torch.nan}), rf"{query}' holds values that are not finite")
    missing = {name: tensor for name, tensor in weights.items() if name != query}
    refused(write_checkpoint(checkpoint, missing), rf"weight '{query}' is missing: not a whole checkpoint")
    refused(
        write_checkpoint(checkpoint, {"other.weight": torch.ones(2)}), r"none of its 1 weights is tok_emb"
    )
    refused(write_checkpoint(checkpoint, {}), "checkpoint without weights by name")
    (tmp_path / "bert_vocab.txt").write_text("\n".join(TOKENS[:-2]))
    refused(write_checkpoint(checkpoint, weights), "vocabulary of 17 tokens does not fit an embedding of 19")
    (tmp_path / "bert_vocab.txt").unlink()
    refused(checkpoint, "vocabulary cannot be read .*: give the original repository's bert_vocab.txt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-200])
    refused(checkpoint, "not a checkpoint of PyTorch 1.6 or later, or damaged")
    refused(tmp_path / "none.ckpt", "no such file: give the .ckpt file")
    refused(tmp_path, "no folder of Hugging Face's form: config.json is missing")
    (folder / "config.json").write_text(json.dumps(CONFIG | {"feature_map_kernel": "elu"}))
    refused(folder, "feature_map_kernel is 'elu' in config.json, expected 'relu'")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    refused(folder, "model_type is 'bert', expected 'molformer'")


def test_an_imported_model_embeds_and_is_fine_tuned(folder, molecule_file, tmp_path):
    save_bundle(tmp_path / "bundle", read_molformer(folder))
    vectors = catenane.StringEmbedder(tmp_path / "bundle").fit_transform(["CCO", "CCO", "c1ccc[nH]1"])
    assert vectors.shape == (3, D_MODEL)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    settings = {"finetuning.epochs": 1, "head.hidden": [D_MODEL]}
    out = tmp_path / "run"
    catenane.finetune(
        molecule_file, target="size", model=tmp_path / "bundle", settings=settings, out=out, baselines=False
    )
    assert "size" in catenane.load(out).predict(["CCO"]).columns
