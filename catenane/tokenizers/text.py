"""Pieces of words for text: byte-pair encoding or a unigram model, trained on the text itself.

Text is read as bytes, so no character is unknown and every string comes back as it was. Both kinds are those
of the library `tokenizers`: byte-pair encoding joins the commonest pairs (Sennrich et al. 2016,
arXiv:1508.07909, over bytes as in Radford et al. 2019); the unigram model keeps the likeliest pieces (Kudo
2018, arXiv:1804.10959), as SentencePiece does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from catenane.errors import ConfigError, DataError, suggestion
from catenane.tokenizers.encoded import EncodedStrings
from catenane.tokenizers.exchange import outline
from catenane.tokenizers.grammar import SPECIAL_TOKENS
from catenane.tokenizers.tokenizer import LARGEST, StringTokenizer

__all__ = ["TextKind", "TextTokenizer", "train_tokenizer"]

TextKind = Literal["bpe", "unigram"]
LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_PASS = 4096


class TextTokenizer(StringTokenizer):
    """Text as pieces of words, which begin with the token of its language where several share a vocabulary.

    Nothing that is written out in a text is a special token, but for [MASK] in `encode_marked`.

    Args:
        text: Content of a tokenizer.json.
        language: That of the strings; "" for [CLS].

    Raises:
        ConfigError: The content is damaged, or the language is none of its own.
    """

    notation = "text"
    shortest = 3

    def __init__(self, text: str, language: str = "") -> None:
        self._text, self._language = text, language
        self._library = _library(text)
        vocabulary = self._library.get_vocab()
        self.vocabulary = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
        self._texts = list(self.vocabulary)
        special = self._library.get_added_tokens_decoder()
        self.n_special = len(special)
        names = [special[number].content for number in sorted(special)]
        if tuple(names[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS or self._texts[: len(names)] != names:
            raise ConfigError(f"the vocabulary must begin with {' '.join(SPECIAL_TOKENS)} and the languages")
        if len(self._texts) > LARGEST:
            raise ConfigError(f"a vocabulary must hold at most {LARGEST} tokens, not {len(self._texts)}")
        self.languages = tuple(name[1:-1] for name in names[len(SPECIAL_TOKENS) :])
        if language and language not in self.languages:
            raise ConfigError(
                f"the tokenizer has no language {language!r}: {suggestion(language, self.languages)}"
                if self.languages
                else f"the tokenizer was trained without languages, so {language!r} is none of its own"
            )
        if language:
            self.cls_id = vocabulary[f"[{language}]"]

    def __reduce__(self) -> tuple[Any, ...]:
        return TextTokenizer, (self._text, self._language)

    def speaking(self, language: str) -> TextTokenizer:  # noqa: D102
        return TextTokenizer(self._text, language)

    def extended(self, strings: Iterable[str]) -> TextTokenizer:
        """This one: nothing is unknown to it."""
        return self

    def tokens(self, string: str) -> list[str]:
        """The pieces of a text; of a character that is several, the first is all of it and the others ""."""
        [encoding] = self._library.encode_batch([string], add_special_tokens=False)
        ends = [end for _, end in encoding.offsets]
        return [string[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def encode_marked(self, string: str) -> list[int]:
        """Ids of a text in which [MASK] stands for hidden tokens.

        Where there are languages it begins with that of the text, as in `[en] The [MASK] sat.`; `ConfigError`
        where it does not.
        """
        first_id = self.cls_id
        if self.languages and not self._language:
            language, _, text = string.removeprefix("[").partition("]")
            if not string.startswith("[") or language not in self.languages:
                raise ConfigError(f"begin the text with its language, as in '[{self.languages[0]}] ...'")
            first_id, string = self.vocabulary[f"[{language}]"], text.strip()
        ids: list[int] = []
        for place, part in enumerate(string.split(SPECIAL_TOKENS[4])):
            ids += [self.mask_id] * (place > 0) + (self._pieces([part])[0] if part else [])
        return [first_id, *ids, self.sep_id]

    def encode_flat(self, strings: Sequence[str], max_length: int | None = None) -> EncodedStrings:
        """Ids of all strings, in normal form, in one array; cut at the end. See `StringTokenizer`."""
        texts = self._checked(strings, max_length)
        pieces = self._pieces(texts)
        room = max(map(len, pieces), default=0) if max_length is None else max_length - 2
        kept = [[self.cls_id, *ids[:room], self.sep_id] for ids in pieces]
        offsets = np.cumsum([0, *map(len, kept)])
        n_cut = np.array([max(len(ids) - room, 0) for ids in pieces], np.int32)
        flat = np.array([number for ids in kept for number in ids], np.uint16)
        return EncodedStrings(flat, offsets, np.zeros(len(texts), np.int32), n_cut)

    def encode_placed(
        self, string: str, max_length: int | None = None
    ) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Ids of a text, (L,), and which of its `tokens` each is, or -1."""
        ids = self.encode_flat([string], max_length).ids
        return ids, np.array([-1, *range(len(ids) - 2), -1])

    def document(self) -> dict[str, Any]:
        """The content of tokenizer.json."""
        content: dict[str, Any] = json.loads(self._text)
        return content

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """That of the content of a tokenizer.json; `ConfigError` where it is damaged."""
        return cls(json.dumps(document, ensure_ascii=False))

    def _pieces(self, texts: Sequence[str]) -> list[list[int]]:
        found: list[list[int]] = []
        for start in range(0, len(texts), _PASS):
            encodings = self._library.encode_batch(
                list(texts[start : start + _PASS]), add_special_tokens=False
            )
            found += [encoding.ids for encoding in encodings]
        return found

    def _joined(self, ids: Sequence[int]) -> str:
        text: str = self._library.decode(list(ids), skip_special_tokens=False)
        return text.removeprefix(" ")


@lru_cache(maxsize=4)
def _library(text: str) -> Any:
    """What encodes and decodes, by the content of a tokenizer.json."""
    from tokenizers import Tokenizer

    try:
        library = Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more precise
        raise ConfigError(f"its model cannot be read: {error}") from None
    library.encode_special_tokens = True
    return library


def train_tokenizer(
    texts: Iterable[str], *, kind: TextKind = "bpe", size: int = 32_000, languages: Sequence[str] = ()
) -> TextTokenizer:
    """A vocabulary of pieces for these texts, one for all languages.

    Args:
        texts: In normal form; read once.
        kind: "bpe" for byte-pair encoding, "unigram" for the model of SentencePiece.
        size: Tokens, special ones and the 256 bytes among them; fewer where the texts hold no more.
        languages: Names of the languages, which become tokens.

    Raises:
        ConfigError: The size is not possible, or a name is none.
        DataError: There is no text.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    for language in languages:
        if not LANGUAGE.fullmatch(language) or languages.count(language) > 1:
            raise ConfigError(
                f"language {language!r} must be letters, digits, - and _, such as en, and be named once"
            )
    special = [*SPECIAL_TOKENS, *(f"[{language}]" for language in languages)]
    if not 256 + len(special) <= size <= LARGEST:
        raise ConfigError(f"size={size} must lie between {256 + len(special)} and {LARGEST}")
    options: dict[str, Any] = {
        "vocab_size": size, "special_tokens": special, "show_progress": False,
        "initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet()),
    }  # fmt: skip
    trainer: Any = trainers.BpeTrainer(**options)
    library = Tokenizer(models.BPE())
    if kind == "unigram":
        trainer = trainers.UnigramTrainer(unk_token="[UNK]", **options)
        library = Tokenizer(models.Unigram())
    library.pre_tokenizer, library.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    count = 0

    def counted() -> Iterable[str]:
        nonlocal count
        for text in texts:
            count += 1
            yield text

    library.train_from_iterator(counted(), trainer)
    if not count:
        raise DataError("there is no text to train a tokenizer on")
    content = outline({}, "text", languages) | {"model": json.loads(library.to_str())["model"]}
    return TextTokenizer(json.dumps(content, ensure_ascii=False))
