"""Released weights of MoLFormer as a bundle, from both forms in which they are published.

The Lightning checkpoint is that of github.com/IBM/molformer, whose layers come from `fast_transformers`; the
folder is that of the Hugging Face hub (ibm-research/MoLFormer-XL-both-10pct). Their code draws new random
features at every evaluation as well; here the matrix that the file holds is used, so that a string has one
answer, and padding is masked.

Axes: V tokens of the vocabulary, D width of the stream and of one head, M features after the map.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from catenane.config import EncoderConfig, TokenHeadConfig, load_recipe
from catenane.errors import BundleError, ConfigError
from catenane.models.bundle import Bundle, BundleConfig, unique_state
from catenane.models.folder import read_json
from catenane.models.initialisation import Uninitialised
from catenane.models.pickled import read_checkpoint
from catenane.models.tensor_files import read_tensors
from catenane.settings import build
from catenane.tokenizers import SmilesTokenizer
from catenane.tokenizers.grammar import SPECIAL_TOKENS, is_token
from catenane.version import __version__

__all__ = ["read_molformer"]

FORMS = ("Lightning", "Hugging Face")
PARTS = {
    "encoder.embedding": ("tok_emb", "molformer.embeddings.word_embeddings"),
    "encoder.norm": ("blocks.norm", "molformer.LayerNorm"),
    "head.transform": ("lang_model.embed", "lm_head.transform.dense"),
    "head.norm": ("lang_model.ln_f", "lm_head.transform.LayerNorm"),
    "head.output_VD": ("lang_model.head.weight", "lm_head.decoder.weight"),
}
"""Names of modules, ours and theirs by form."""
BLOCKS = {
    "attention.kernel.features.directions_DM": (
        "attention.inner_attention.feature_map.omega",
        "attention.self.feature_map.weight",
    ),
    "attention.output": ("attention.out_projection", "attention.output.dense"),
    "attention_norm": ("norm1", "attention.output.LayerNorm"),
    "feed_forward.input": ("linear1", "intermediate.dense"),
    "feed_forward.output": ("linear2", "output.dense"),
    "feed_forward_norm": ("norm2", "output.LayerNorm"),
}
"""The same within a block."""
BLOCK = ("blocks.layers.{}.", "molformer.encoder.layer.{}.")
PROJECTION = ("attention.{}_projection", "attention.self.{}")
"""Of queries, keys and values, which are one matrix here."""
DERIVED = re.compile(r"inv_freq$|position_ids$")
"""Buffers that follow from the settings."""
TOKENS = dict(zip(SPECIAL_TOKENS, ("<pad>", "<unk>", "<bos>", "<eos>", "<mask>"), strict=True))
VOCABULARY = "bert_vocab.txt"


def read_molformer(path: str | Path, vocabulary: str | Path | None = None) -> Bundle:
    """The encoder and token head of a released MoLFormer.

    Args:
        path: A Lightning checkpoint, or a folder of Hugging Face's form.
        vocabulary: File of the checkpoint's tokens, one a line; by default `bert_vocab.txt` beside it. A
            folder brings its own.

    Raises:
        BundleError: It is no such checkpoint, a weight is missing, of another shape or not finite, the
            vocabulary does not fit, or a setting is none that the encoder has.
    """
    path = Path(path)
    settings: dict[str, Any] = {}
    if path.is_dir():
        settings, tensors = _read_folder(path)
        tokens = _folder_tokens(path)
    elif not path.is_file():
        raise BundleError(f"{path}: no such file: give the .ckpt file, or the folder of Hugging Face's form")
    else:
        tensors = read_checkpoint(path)
        tokens = _listed_tokens(Path(vocabulary or path.with_name(VOCABULARY)))
    first = PARTS["encoder.embedding"]
    form = next((number for number, name in enumerate(first) if f"{name}.weight" in tensors), None)
    if form is None:
        raise BundleError(
            f"{path}: no checkpoint of MoLFormer: none of its {len(tensors):,} weights is "
            f"{' or '.join(f'{name}.weight' for name in first)}"
        )
    rows, kept = _choose_tokens(path, tokens, len(tensors[f"{first[form]}.weight"]))
    config = _config(path, tensors, form, settings, len(kept))
    with Uninitialised(), torch.random.fork_rng(devices=[]):
        model = config.build_model()
    used: set[str] = set()
    for name, tensor in unique_state(model).items():
        sources = _their_names(name, form)
        vocabulary_rows = rows if name in ("encoder.embedding.weight", "head.output_VD") else None
        shape = (len(tensor) // len(sources), *tensor.shape[1:])
        shape = (len(tokens), *shape[1:]) if vocabulary_rows is not None else shape
        part = torch.cat([_weight(path, tensors, source, shape) for source in sources])
        tensor.copy_(part if vocabulary_rows is None else part[vocabulary_rows])
        used.update(sources)
    left_out = sorted(name for name in tensors.keys() - used if not DERIVED.search(name))
    card = {
        "name": "MoLFormer",
        "description": f"MoLFormer (Ross et al. 2022), imported from {path.name}.",
        "imported": {
            "form": FORMS[form],
            "tokens": len(tokens),
            "tokens_left_out": sorted(tokens.keys() - kept.values(), key=tokens.__getitem__),
            "weights_left_out": left_out,
        },
    }
    tokenizer = SmilesTokenizer({token: number for number, token in enumerate(kept)})
    return Bundle(config=config, model=model.eval(), tokenizer=tokenizer, card=card)


def _read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if not (folder / "config.json").is_file():
        raise BundleError(
            f"{folder}: no folder of Hugging Face's form: config.json is missing; of the original form give "
            "the .ckpt file"
        )
    settings = read_json(folder / "config.json")
    if settings.get("model_type") != "molformer":
        raise BundleError(
            f"{folder / 'config.json'}: model_type is {settings.get('model_type')!r}, expected 'molformer'"
        )
    if (folder / "model.safetensors").is_file():
        return settings, read_tensors(folder / "model.safetensors")
    if (folder / "pytorch_model.bin").is_file():
        return settings, read_checkpoint(folder / "pytorch_model.bin")
    raise BundleError(f"{folder}: neither model.safetensors nor pytorch_model.bin is there")


def _folder_tokens(folder: Path) -> dict[str, int]:
    """Ids of the tokens, from `vocab.json` or `tokenizer.json`."""
    if (folder / "vocab.json").is_file():
        found = read_json(folder / "vocab.json")
    elif (folder / "tokenizer.json").is_file():
        document = read_json(folder / "tokenizer.json")
        try:
            added = {token["content"]: token["id"] for token in document.get("added_tokens") or ()}
            found = {**document["model"]["vocab"], **added}
        except (KeyError, TypeError):
            raise BundleError(f"{folder / 'tokenizer.json'}: holds no vocabulary by name") from None
    else:
        raise BundleError(f"{folder}: neither vocab.json nor tokenizer.json is there")
    if not all(type(number) is int for number in found.values()):
        raise BundleError(f"{folder}: the ids of its tokens must be whole numbers")
    return found


def _listed_tokens(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path}: the checkpoint's vocabulary cannot be read ({error}): give the original repository's "
            f"{VOCABULARY}, one token a line"
        ) from None
    return {token: number for number, token in enumerate(lines if lines[-1] else lines[:-1])}


def _choose_tokens(path: Path, tokens: Mapping[str, int], n_rows: int) -> tuple[torch.Tensor, dict[str, str]]:
    """Rows of their embedding in the order of our vocabulary, and their token for each of ours.

    Where they have no token for the unknown, padding stands for it, as in the original tokenizer. Tokens that
    no SMILES can be split into are left out.
    """
    if sorted(tokens.values()) != list(range(n_rows)):
        raise BundleError(
            f"{path}: the vocabulary of {len(tokens):,} tokens does not fit an embedding of {n_rows:,} rows"
        )
    theirs = TOKENS if "<unk>" in tokens else TOKENS | {"[UNK]": "<pad>"}
    if lost := [token for token in theirs.values() if token not in tokens]:
        raise BundleError(f"{path}: the vocabulary lacks the special token {lost[0]}")
    plain = sorted(tokens.keys() - TOKENS.values() - TOKENS.keys(), key=tokens.__getitem__)
    kept = dict(theirs) | {token: token for token in plain if is_token(token, "smiles")}
    return torch.tensor([tokens[token] for token in kept.values()]), kept


def _config(
    path: Path, tensors: Mapping[str, torch.Tensor], form: int, settings: Mapping[str, Any], n_tokens: int
) -> BundleConfig:
    """Shapes as the weights have them; what they do not show is in the settings, or as in the recipe."""
    for name, known in (("feature_map_kernel", "relu"), ("hidden_act", "gelu")):
        if settings.get(name, known) != known:
            raise BundleError(f"{path}: {name} is {settings[name]!r} in config.json, expected {known!r}")
    recipe = load_recipe("molformer")
    d_model = _matrix(path, tensors, _their_names("encoder.embedding.weight", form)[0]).shape[1]
    block = "encoder.blocks.0."
    directions = _matrix(path, tensors, _their_names(block + next(iter(BLOCKS)), form)[0])
    hidden = _matrix(path, tensors, _their_names(f"{block}feed_forward.input.weight", form)[0])
    numbered = re.compile(re.escape(BLOCK[form]).replace(r"\{\}", r"(\d+)"))
    tied = PARTS["head.output_VD"][form] not in tensors and settings.get("tie_word_embeddings", False)
    changes = {
        "d_model": d_model,
        "n_layers": len({found[1] for name in tensors if (found := numbered.match(name))}),
        "n_heads": d_model // max(1, len(directions)),
        "n_features": directions.shape[1],
        "d_hidden": len(hidden),
        "vocabulary_size": n_tokens,
    }
    theirs = {
        "dropout": "hidden_dropout_prob", "embedding_dropout": "embedding_dropout_prob",
        "norm_epsilon": "layer_norm_eps", "max_length": "max_position_embeddings",
    }  # fmt: skip
    changes |= {ours: settings[name] for ours, name in theirs.items() if name in settings}
    try:
        encoder = build(EncoderConfig, dataclasses.asdict(recipe.encoder) | changes)
    except ConfigError as error:
        raise BundleError(f"{path}: {error}") from None
    recipe = dataclasses.replace(
        recipe, encoder=encoder, token_head=TokenHeadConfig(tied=bool(tied), bias=False)
    )
    return BundleConfig(catenane=__version__, kind="encoder", notation="smiles", recipe=recipe)


def _their_names(name: str, form: int) -> list[str]:
    """What one of our weights is called in the file; queries, keys and values are three there."""
    if found := re.match(r"encoder\.blocks\.(\d+)\.(.*)", name):
        prefix, rest = BLOCK[form].format(found[1]), found[2]
        if rest.startswith("attention.input."):
            end = rest.removeprefix("attention.input")
            return [prefix + PROJECTION[form].format(part) + end for part in ("query", "key", "value")]
        return [prefix + _renamed(rest, BLOCKS, form)]
    return [_renamed(name, PARTS, form)]


def _renamed(name: str, parts: Mapping[str, tuple[str, str]], form: int) -> str:
    ours = next(part for part in parts if name == part or name.startswith(f"{part}."))
    return parts[ours][form] + name.removeprefix(ours)


def _matrix(path: Path, tensors: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    tensor = _weight(path, tensors, name, None)
    if tensor.ndim != 2:
        raise BundleError(f"{path}: weight {name!r} has the shape {list(tensor.shape)}, expected a matrix")
    return tensor


def _weight(
    path: Path, tensors: Mapping[str, torch.Tensor], name: str, shape: tuple[int, ...] | None
) -> torch.Tensor:
    if name not in tensors:
        raise BundleError(f"{path}: weight {name!r} is missing: not a whole checkpoint of MoLFormer")
    tensor = tensors[name]
    if shape is not None and tensor.shape != shape:
        raise BundleError(
            f"{path}: weight {name!r} has the shape {list(tensor.shape)}, expected {list(shape)}"
        )
    if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
        raise BundleError(f"{path}: weight {name!r} holds values that are not finite numbers")
    return tensor.float()
