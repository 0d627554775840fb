"""tokenizer.json, the format of exchange: what `tokenizers` and `transformers` read with equal ids.

The format has no place for the name of a notation, and needs none: its `pre_tokenizer` holds the rules, and a
file whose rules are not those of a notation here is foreign and refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catenane.errors import ConfigError
from catenane.files import replaced
from catenane.notation import NOTATIONS, NotationName
from catenane.tokenizers.grammar import SPECIAL_TOKENS, pre_tokenizer

__all__ = ["read_tokenizer", "write_tokenizer"]

# What decides the ids; truncation, padding and decoder are the reader's own affair.
_DECISIVE = ("normalizer", "pre_tokenizer", "post_processor", "added_tokens")


def write_tokenizer(path: Path, vocabulary: Mapping[str, int], notation: NotationName) -> None:
    """Write a tokenizer.json, whole or not at all; `UsageError` where the folder cannot be written to."""
    text = json.dumps(_document(vocabulary, notation), ensure_ascii=False, indent=2) + "\n"
    with replaced(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def read_tokenizer(path: Path) -> tuple[dict[str, int], NotationName]:
    """Vocabulary and notation of a tokenizer.json; `ConfigError` where it is missing, damaged or foreign."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not a tokenizer.json: {error}") from None
    for notation in NOTATIONS:
        expected = _document({}, notation)
        if isinstance(document, dict) and all(document.get(key) == expected[key] for key in _DECISIVE):
            return _vocabulary(path, document.get("model")), notation
    raise ConfigError(
        f"{path}: not a tokenizer of Catenane: its rules are not those of {' or '.join(NOTATIONS)}; "
        "make one with build_tokenizer(...).save(...)"
    )


def _vocabulary(path: Path, model: Any) -> dict[str, int]:
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, dict) and model == _model(vocabulary):
        return vocabulary
    raise ConfigError(f"{path}: damaged: its model must be a WordLevel vocabulary with [UNK] for unknown")


def _document(vocabulary: Mapping[str, int], notation: NotationName) -> dict[str, Any]:
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    ends = [_piece("SpecialToken", token, 0) for token in ("[CLS]", "[SEP]")]
    single = [ends[0], _piece("Sequence", "A", 0), ends[1]]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": token, **special} for i, token in enumerate(SPECIAL_TOKENS)],
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer(notation),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, _piece("Sequence", "B", 1), _piece("SpecialToken", "[SEP]", 1)],
            "special_tokens": {
                token: {"id": token, "ids": [SPECIAL_TOKENS.index(token)], "tokens": [token]}
                for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "Fuse"},
        "model": _model(vocabulary),
    }


def _model(vocabulary: Mapping[str, int]) -> dict[str, Any]:
    return {"type": "WordLevel", "vocab": dict(vocabulary), "unk_token": "[UNK]"}


def _piece(kind: str, name: str, segment: int) -> dict[str, Any]:
    return {kind: {"id": name, "type_id": segment}}
