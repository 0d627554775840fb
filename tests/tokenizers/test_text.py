"""Vocabularies of text: nothing is lost, whatever stands in it."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from catenane.errors import ConfigError, DataError, NotationError
from catenane.notation import get_notation, normalise
from catenane.tokenizers import (
    StringTokenizer,
    TextTokenizer,
    build_tokenizer,
    load_tokenizer,
    train_tokenizer,
)

TEXTS = ["The cat sat on the mat.", "Die Katze saß auf der Matte.", "Le chat s'est assis."] * 5
ODD = ["[MASK] [en] [SEP]", "▁Ġ", "\u200b 日本語 😀 e\u0301", "a + b", "&&pcu.cat0", "x" * 3000]


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def tokenizer(request) -> TextTokenizer:
    return train_tokenizer(TEXTS, kind=request.param, size=320, languages=["en", "de"])


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_text_comes_back_in_normal_form(tokenizer, text: str) -> None:
    if "\0" in text or not text.split():
        with pytest.raises(NotationError):
            normalise(text, "text")
        return
    normal = normalise(text, "text")
    assert normalise(normal, "text") == normal
    [ids] = tokenizer.encode([normal])
    assert tokenizer.unk_id not in ids
    assert tokenizer.decode(ids) == normal
    assert "".join(tokenizer.tokens(normal)) == normal


def test_odd_texts_come_back_and_hold_no_special_token(tokenizer) -> None:
    for text in (normalise(text, "text") for text in ODD):
        [ids] = tokenizer.encode([text])
        assert tokenizer.decode(ids) == text
        assert min(ids[1:-1]) >= tokenizer.n_special


def test_white_space_of_all_scripts_is_one_space() -> None:
    assert normalise(" a\u00a0b\u2028c\t\td\r\n", "text") == "a b c d"
    assert normalise("e\u0301", "text") == "é"
    for wrong in ("", " \u2028", "a\0b", "a\ud800"):
        with pytest.raises(NotationError):
            normalise(wrong, "text")


def test_a_text_with_plus_is_one_string() -> None:
    record = get_notation("text").read("1 + 1 = 2")
    assert record.parts == (record,)


def test_languages_begin_the_strings(tokenizer) -> None:
    plain, german = tokenizer.encode(["Katze"])[0], tokenizer.speaking("de").encode(["Katze"])[0]
    assert plain[1:] == german[1:]
    assert (plain[0], german[0]) == (tokenizer.cls_id, tokenizer.vocabulary["[de]"])
    assert pickle.loads(pickle.dumps(tokenizer.speaking("de"))).encode(["Katze"]) == [german]
    with pytest.raises(ConfigError, match="has no language 'fr': known are en, de"):
        tokenizer.speaking("fr")
    with pytest.raises(ConfigError, match="a tokenizer of smiles has no languages"):
        load_tokenizer("smiles").speaking("en")


def test_hidden_words_are_marked_where_they_are_asked_for(tokenizer) -> None:
    ids = tokenizer.encode_marked("[de] Die [MASK][MASK] saß.")
    assert ids[0] == tokenizer.vocabulary["[de]"]
    assert ids.count(tokenizer.mask_id) == 2
    assert tokenizer.mask_id not in tokenizer.encode(["Die [MASK] saß."])[0]
    with pytest.raises(ConfigError, match=r"begin the text with its language, as in '\[en\] ...'"):
        tokenizer.encode_marked("Die [MASK] saß.")


def test_the_file_is_read_again_and_by_the_library(tokenizer, tmp_path) -> None:
    path = tokenizer.save(tmp_path)
    read = StringTokenizer.load(tmp_path)
    assert isinstance(read, TextTokenizer)
    assert (read.languages, read.vocabulary) == (tokenizer.languages, tokenizer.vocabulary)
    library = Tokenizer.from_file(str(path))
    assert library.encode(TEXTS[1]).ids == read.encode([TEXTS[1]])[0] == tokenizer.encode([TEXTS[1]])[0]
    path.write_text(path.read_text().replace("[MASK]", "[MUSK]"))
    with pytest.raises(ConfigError, match="not a tokenizer of Catenane"):
        StringTokenizer.load(path)


def test_long_texts_are_cut_at_their_end(tokenizer) -> None:
    text = " ".join(["Katze"] * 10_000)
    cut = tokenizer.encode_flat([text, "Katze"], max_length=12)
    assert cut.lengths.tolist()[0] == 12
    assert cut.n_cut[0] > 9_000
    assert cut.n_cut[1] == 0
    ids, places = tokenizer.encode_placed(text, 12)
    assert ids.tolist() == cut.ids[:12].tolist()
    assert places.tolist() == [-1, *range(10), -1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 100}, ConfigError, "size=100 must lie between 261 and 65536"),
        ({"languages": ["en", "en"]}, ConfigError, "language 'en' must be letters"),
        ({"languages": ["[x]"]}, ConfigError, "must be letters, digits"),
        ({"texts": []}, DataError, "there is no text to train a tokenizer on"),
    ],
)
def test_says_what_it_cannot_train(options, error, message) -> None:
    with pytest.raises(error, match=message):
        train_tokenizer(**{"texts": TEXTS, "size": 300} | options)


def test_text_is_trained_and_not_built(tokenizer) -> None:
    assert tokenizer.extended(["ñ"]) is tokenizer
    with pytest.raises(ConfigError, match="unknown tokenizer 'text'"):
        load_tokenizer("text")
    with pytest.raises(ConfigError, match="a vocabulary of text is trained"):
        build_tokenizer(["a"], "text")
