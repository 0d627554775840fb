"""A bundle as a folder that Hugging Face's transformers loads: tokenizer, weights, and code to read them.

No architecture of transformers is ours: BERT, RoFormer and ModernBERT normalise the embeddings, which no
recipe here does. So the folder brings one module of its own, which imports PyTorch and transformers alone and
covers every setting of the encoder.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catenane.errors import BundleError
from catenane.files import replaced_folder
from catenane.models.bundle import Bundle, unique_state
from catenane.models.encoder import TransformerEncoder
from catenane.models.folder import to_json
from catenane.models.tensor_files import write_tensors
from catenane.tokenizers.grammar import SPECIAL_TOKENS

__all__ = ["write_hub_folder"]

MODULE = Path(__file__).parent / "templates" / "modeling_catenane.py"
CLASSES = {"AutoModel": "CatenaneModel", "AutoModelForMaskedLM": "CatenaneForMaskedLM"}


def write_hub_folder(folder: Path, bundle: Bundle) -> None:
    """Write tokenizer and encoder, and the head that names tokens where the bundle is an encoder with one.

    Raises:
        BundleError: Its encoder reads no tokens.
    """
    if not isinstance(bundle.encoder, TransformerEncoder):
        raise BundleError(f"{bundle}: only transformers over tokens can be exported")
    if bundle.config.languages:
        raise BundleError(f"{bundle}: a model of several languages cannot be exported")
    recipe, tokenizer = bundle.config.recipe, bundle.tokenizer
    whole = bundle.config.kind == "encoder"
    classes = CLASSES if whole else {"AutoModel": CLASSES["AutoModel"]}
    auto = {"AutoConfig": "CatenaneConfig", **classes}
    config: dict[str, Any] = {
        "model_type": "catenane",
        "architectures": [list(classes.values())[-1]],
        "auto_map": {name: f"{MODULE.stem}.{kind}" for name, kind in auto.items()},
        "vocab_size": tokenizer.vocabulary_size,
        "hidden_size": recipe.encoder.d_model,
        "pad_token_id": tokenizer.pad_id,
        "tie_word_embeddings": False,
        "encoder": asdict(recipe.encoder),
        "token_head": asdict(recipe.token_head),
    }
    reading = {f"{token[1:-1].lower()}_token": token for token in SPECIAL_TOKENS} | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": recipe.encoder.max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
    }
    card = (
        f"# {bundle.card.get('name', 'Catenane model')}\n\n{bundle.card.get('description', '')}\n\n"
        f"Written by catenane {bundle.config.catenane}. Strings are read in their normal form, "
        f"`catenane.{bundle.config.notation.capitalize()}`.\n"
    )
    with replaced_folder(folder) as fresh:
        (fresh / "config.json").write_text(to_json(config), encoding="utf-8")
        (fresh / "tokenizer_config.json").write_text(to_json(reading), encoding="utf-8")
        (fresh / "README.md").write_text(card, encoding="utf-8")
        tokenizer.save(fresh / "tokenizer.json")
        write_tensors(fresh / "model.safetensors", unique_state(bundle.model if whole else bundle.encoder))
        shutil.copyfile(MODULE, fresh / MODULE.name)
