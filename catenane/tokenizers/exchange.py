"""tokenizer.json, the format of exchange: what `tokenizers` and `transformers` read with equal ids.

The format has no place for the name of a notation, and needs none: its `pre_tokenizer` holds the rules, and a
file whose rules are not those of a notation here is foreign and refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catenane.errors import ConfigError
from catenane.files import replaced
from catenane.notation import NOTATIONS, NotationName
from catenane.tokenizers.grammar import SPECIAL_TOKENS, pre_tokenizer

__all__ = ["outline", "read_tokenizer", "vocabulary_of", "write_tokenizer"]

# What decides the ids; truncation, padding and decoder are the reader's own affair.
_DECISIVE = ("normalizer", "pre_tokenizer", "post_processor", "added_tokens")


BYTES: dict[str, Any] = {
    "type": "ByteLevel",
    "add_prefix_space": True,
    "trim_offsets": True,
    "use_regex": True,
}
"""Words with the space before them, as bytes: no character is unknown."""


def write_tokenizer(path: Path, document: Mapping[str, Any]) -> None:
    """Write a tokenizer.json, whole or not at all; `UsageError` where the folder cannot be written to."""
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    with replaced(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def read_tokenizer(path: Path) -> tuple[dict[str, Any], NotationName]:
    """Content and notation of a tokenizer.json; `ConfigError` where it is missing or foreign."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not a tokenizer.json: {error}") from None
    for notation in NOTATIONS:
        expected = outline({}, notation)
        # The names of languages follow the special tokens that all have.
        added = document.get("added_tokens") if isinstance(document, dict) else None
        expected["added_tokens"] += (added or [])[len(SPECIAL_TOKENS) :] * (notation == "text")
        if isinstance(document, dict) and all(document.get(key) == expected[key] for key in _DECISIVE):
            return document, notation
    raise ConfigError(
        f"{path}: not a tokenizer of Catenane: its rules are not those of {' or '.join(NOTATIONS)}; "
        "make one with build_tokenizer(...).save(...), of text with catenane tokenizer train"
    )


def vocabulary_of(document: Mapping[str, Any]) -> dict[str, int]:
    """Ids by token, of SMILES or MOFids; `ConfigError` where the model is no list of whole tokens."""
    model = document.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, dict) and model == _model(vocabulary):
        return vocabulary
    raise ConfigError("its model must be a WordLevel vocabulary with [UNK] for unknown")


def outline(
    vocabulary: Mapping[str, int], notation: NotationName, languages: Sequence[str] = ()
) -> dict[str, Any]:
    """The content of a tokenizer.json; of text the model has to be trained."""
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = (*SPECIAL_TOKENS, *(f"[{language}]" for language in languages))
    ends = [_piece("SpecialToken", token, 0) for token in ("[CLS]", "[SEP]")]
    single = [ends[0], _piece("Sequence", "A", 0), ends[1]]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": token, **special} for i, token in enumerate(added)],
        "normalizer": None,
        "pre_tokenizer": BYTES if notation == "text" else pre_tokenizer(notation),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, _piece("Sequence", "B", 1), _piece("SpecialToken", "[SEP]", 1)],
            "special_tokens": {
                token: {"id": token, "ids": [SPECIAL_TOKENS.index(token)], "tokens": [token]}
                for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": BYTES if notation == "text" else {"type": "Fuse"},
        "model": _model(vocabulary),
    }


def _model(vocabulary: Mapping[str, int]) -> dict[str, Any]:
    return {"type": "WordLevel", "vocab": dict(vocabulary), "unk_token": "[UNK]"}


def _piece(kind: str, name: str, segment: int) -> dict[str, Any]:
    return {kind: {"id": name, "type_id": segment}}
