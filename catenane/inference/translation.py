"""Texts in one language, the same in another; or any strings from which a model writes others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from math import exp
from typing import NamedTuple

from catenane.errors import BundleError, NotationError, UsageError
from catenane.inference.model import Model
from catenane.inference.writing import sequence_model, write_strings
from catenane.models.decoding import Decoding
from catenane.notation import get_notation, normalise
from catenane.tokenizers import StringTokenizer

__all__ = ["SEARCH", "Translated", "bleu", "directions", "translate"]

logger = logging.getLogger(__name__)
SEARCH = Decoding(method="beam", beams=5, length_penalty=1.0)
"""How strings are written."""


class Translated(NamedTuple):
    """What a model writes from a string."""

    texts: tuple[str, ...]
    """The likeliest, best first; none where there is an error."""
    probabilities: tuple[float, ...]
    error: str
    """Why nothing is written; "" where something is."""


def directions(model: Model) -> list[tuple[str, str]]:
    """Source and target of what a model was trained to write: languages, or names of columns.

    Raises:
        BundleError: It was not trained to.
    """
    sequence_model(model)
    pairs = model.bundle.card.get("translates", {})
    if not pairs:
        raise BundleError(
            "this model was not trained to write one string from another: finetune it with --source, or "
            "pretrain --recipe mass-translation-small --model it"
        )
    both = [(pairs["source"], pairs["target"])]
    return both + [(target, source) for source, target in both if pairs.get("both")]


def translate(
    model: Model,
    strings: Sequence[str],
    *,
    languages: tuple[str, str] | None = None,
    n: int = 1,
) -> list[Translated]:
    """What the model writes from each string, which is read as it is spelled; text in its normal form.

    Args:
        model: One that was trained on pairs, or on texts of several languages.
        strings: Strings.
        languages: Source and target, of texts; by default the first of `directions`.
        n: Results of each, found by a beam of five, or of `n` if that is more.

    Raises:
        BundleError: The model cannot write, or was not trained to write one string from another.
        UsageError: It was not trained for these languages.
    """
    tokenizer = model.bundle.tokenizer
    known = directions(model) if languages is None or "translates" in model.bundle.card else [languages]
    languages = languages or known[0]
    if languages not in known:
        told = ", ".join(f"{source} to {target}" for source, target in known)
        raise UsageError(f"this model does not translate {languages[0]} to {languages[1]}, but {told}")
    is_text = not get_notation(tokenizer.notation).is_chemical
    source, target = languages if tokenizer.languages else ("", "")
    reading, writing = tokenizer.speaking(source), tokenizer.speaking(target)
    found = [Translated((), (), _fault(string, tokenizer)) for string in strings]
    texts = [
        "" if item.error else normalise(string, "text") if is_text else string
        for string, item in zip(strings, found, strict=True)
    ]
    encoded, longest = reading.encode_flat(texts), model.config.recipe.encoder.max_length
    for place, (length, n_unknown) in enumerate(zip(encoded.lengths, encoded.n_unknown, strict=True)):
        error = found[place].error
        if n_unknown:
            unknown = next(
                token for token in tokenizer.tokens(texts[place]) if token not in tokenizer.vocabulary
            )
            error = f"the token {unknown!r} is not in the vocabulary of this model"
        elif length > longest:
            error = f"{length:,} tokens are more than the {longest} that this model reads"
        found[place] = found[place]._replace(error=error)
    good = [place for place, item in enumerate(found) if not item.error]
    ids = reading.encode([texts[place] for place in good])
    how = replace(SEARCH, n=n, beams=max(n, SEARCH.beams))
    for place, options in zip(good, write_strings(model, ids, how, first_id=writing.cls_id), strict=True):
        written = [tokenizer.decode(option.ids) for option in options]
        written = [" ".join(text.split()) for text in written] if is_text else written
        shares = tuple(exp(option.log_probability) for option in options)
        found[place] = Translated(tuple(written), shares, "")
    return found


def bleu(found: Sequence[str], wanted: Sequence[str], tokenizer: StringTokenizer) -> dict[str, float]:
    """BLEU of a corpus, 0 to 100: of text by the rules of sacrebleu (13a), else over our own tokens.

    Without sacrebleu nothing, and a line that says so.
    """
    try:
        from sacrebleu import corpus_bleu
    except ImportError:
        logger.info("no BLEU: it needs pip install 'catenane[text]'")
        return {}
    if not get_notation(tokenizer.notation).is_chemical:
        return {"bleu": float(corpus_bleu(list(found), [list(wanted)], force=True).score)}
    sides = [[" ".join(tokenizer.tokens(text)) for text in side] for side in (found, wanted)]
    return {"bleu": float(corpus_bleu(sides[0], [sides[1]], tokenize="none", force=True).score)}


def _fault(string: str, tokenizer: StringTokenizer) -> str:
    if not get_notation(tokenizer.notation).is_chemical:
        try:
            normalise(string, "text")
        except NotationError as error:
            return str(error)
    return "" if string.strip() else "it is empty"
