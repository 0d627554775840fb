from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenane.errors import ConfigError, DataError
from catenane.tokenizers import (
    SPECIAL_TOKENS,
    MofidTokenizer,
    SmilesTokenizer,
    StringTokenizer,
    build_tokenizer,
)

MOFID = "[Zn].c1ccncc1&&bcu,fcu.cat0"


@pytest.fixture
def mofid() -> StringTokenizer:
    return build_tokenizer([MOFID], "mofid")


def texts(tokenizer: StringTokenizer, ids: list[int]) -> list[str]:
    names = list(tokenizer.vocabulary)
    return [names[number] for number in ids]


def test_special_tokens_come_first_and_around(mofid: StringTokenizer) -> None:
    assert tuple(mofid.vocabulary)[:5] == SPECIAL_TOKENS
    assert (mofid.pad_id, mofid.unk_id, mofid.cls_id, mofid.sep_id, mofid.mask_id) == (0, 1, 2, 3, 4)
    ids = mofid.encode([MOFID])[0]
    assert texts(mofid, ids) == ["[CLS]", *mofid.tokens(MOFID), "[SEP]"]
    assert mofid.vocabulary_size == len(mofid.vocabulary)


@given(data=st.data(), notation=st.sampled_from(["smiles", "mofid"]))
@settings(deadline=None)
def test_strings_of_known_tokens_survive(data, notation, mixed_text) -> None:
    strings = data.draw(
        st.lists(mixed_text.filter(lambda text: "[MASK]" not in text), min_size=1, max_size=5)
    )
    tokenizer = build_tokenizer(strings, notation)
    assert [tokenizer.decode(ids) for ids in tokenizer.encode(strings)] == strings


def test_unknown_characters_are_counted_one_by_one() -> None:
    tokenizer = build_tokenizer(["CO"], "smiles")
    encoded = tokenizer.encode_flat(["CO", "C€€O", "C[Zn]X", "[Zn"])
    assert encoded.n_unknown.tolist() == [0, 2, 2, 3]
    assert tokenizer.encode(["C€€O"]) == [[2, 5, 1, 1, 6, 3]]


def test_many_passes_give_the_same_as_one(mofid: StringTokenizer) -> None:
    strings = [MOFID[: i % len(MOFID)] for i in range(10_000)]
    one_by_one = {text: mofid.encode([text])[0] for text in set(strings)}
    assert mofid.encode(strings) == [one_by_one[text] for text in strings]


def test_no_strings_are_no_ids(mofid: StringTokenizer) -> None:
    encoded = mofid.encode_flat([], max_length=16)
    assert (len(encoded), len(encoded.ids), encoded.offsets.tolist()) == (0, 0, [0])
    assert mofid.encode([]) == []


def test_smiles_is_cut_on_the_right() -> None:
    tokenizer = build_tokenizer(["CNO[Zn]ClBr"], "smiles")
    encoded = tokenizer.encode_flat(["CNO[Zn]ClBr", "CN"], max_length=5)
    assert texts(tokenizer, encoded.ids.tolist()) == [
        "[CLS]",
        "C",
        "N",
        "O",
        "[SEP]",
        "[CLS]",
        "C",
        "N",
        "[SEP]",
    ]
    assert encoded.n_cut.tolist() == [3, 0]


@pytest.mark.parametrize("max_length", range(8, 20))
def test_the_tail_of_a_mofid_is_never_cut(mofid: StringTokenizer, max_length: int) -> None:
    strings = [MOFID, "C", MOFID.replace("c1", ""), "[Zn]&&bcu", "c" * 30, "c" * 30 + "&&fcu.cat0"]
    encoded = mofid.encode_flat(strings, max_length=max_length)
    whole = mofid.encode(strings)
    for text, ids, cut, full in zip(
        strings, mofid.encode(strings, max_length), encoded.n_cut, whole, strict=True
    ):
        blocks, _, tail = text.partition("&&")
        got_blocks, _, got_tail = mofid.decode(ids).partition("&&")
        assert got_tail == tail
        assert blocks.startswith(got_blocks)
        assert len(ids) == min(len(full), max_length) == len(full) - cut
        assert (ids[0], ids[-1]) == (mofid.cls_id, mofid.sep_id)


def test_a_tail_longer_than_all_the_room_is_cut_at_its_end(mofid: StringTokenizer) -> None:
    text = "c1ccncc1&&" + ",".join(["bcu", "fcu"] * 10)
    ids = mofid.encode([text], max_length=8)[0]
    assert mofid.decode(ids) == "&&bcu,fcu,bcu"
    assert len(ids) == 8


def test_unknown_tokens_are_counted_after_the_cut() -> None:
    tokenizer = build_tokenizer(["C"], "smiles")
    assert tokenizer.encode_flat(["C?C??"], max_length=5).n_unknown.tolist() == [1]


def test_decode_takes_arrays_and_drops_special_tokens(mofid: StringTokenizer) -> None:
    ids = mofid.encode_flat([MOFID]).ids
    assert mofid.decode(ids) == MOFID
    assert mofid.decode([0, 1, 2, *ids, 3, 4]) == MOFID
    assert mofid.decode([]) == ""


@pytest.mark.parametrize("number", [-1, 10_000])
def test_decode_refuses_what_is_no_id(mofid: StringTokenizer, number: int) -> None:
    with pytest.raises(
        DataError, match=f"^id {number} is not in this vocabulary of {mofid.vocabulary_size} tokens$"
    ):
        mofid.decode([5, number])


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        ("CCO", r"^a list of strings is needed, not one string: write \['CCO'\]$"),
        (["C", None, float("nan")], "^string 1 is None, which is not text$"),
        (["C", float("nan")], "^string 1 is nan, which is not text$"),
        ([b"C"], "^string 0 is b'C', which is not text$"),
    ],
)
def test_what_is_no_list_of_text_is_refused(mofid: StringTokenizer, strings, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mofid.encode(strings)


def test_arrays_of_text_are_read(mofid: StringTokenizer) -> None:
    strings = np.array([MOFID, "[Zn]"])
    assert mofid.encode(strings) == mofid.encode(strings.tolist())


@pytest.mark.parametrize(("kind", "shortest"), [(SmilesTokenizer, 3), (MofidTokenizer, 8)])
def test_a_length_without_room_is_refused(kind: type[StringTokenizer], shortest: int) -> None:
    tokenizer = kind({token: number for number, token in enumerate([*SPECIAL_TOKENS, "C"])})
    assert tokenizer.encode(["C" * 20], max_length=shortest)[0] == [2, *[5] * (shortest - 2), 3]
    with pytest.raises(ConfigError, match=f"^max_length={shortest - 1} must be at least {shortest} for "):
        tokenizer.encode(["C"], max_length=shortest - 1)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ({}, "a vocabulary must begin with"),
        ({"C": 0}, "a vocabulary must begin with"),
        ({token: 4 - i for i, token in enumerate(SPECIAL_TOKENS)}, "a vocabulary must begin with"),
        (
            {**{token: i for i, token in enumerate(SPECIAL_TOKENS)}, "C": 6},
            "ids of 6 tokens must be 0 to 5, each once",
        ),
        ({**{token: i for i, token in enumerate(SPECIAL_TOKENS)}, "C": "5"}, "must be 0 to 5, each once"),
        (
            {**{token: i for i, token in enumerate(SPECIAL_TOKENS)}, "CC": 5},
            "'CC' is not one token of smiles",
        ),
        (
            {**{token: i for i, token in enumerate(SPECIAL_TOKENS)}, "pcu": 5},
            "'pcu' is not one token of smiles",
        ),
        ({chr(0x20000 + i): i for i in range(65_537)}, "must hold at most 65536 tokens, not 65537"),
    ],
)
def test_a_vocabulary_that_cannot_work_is_refused(vocabulary, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SmilesTokenizer(vocabulary)


def test_a_tokenizer_travels_to_another_process(mofid: StringTokenizer) -> None:
    copy = pickle.loads(pickle.dumps(mofid))
    assert copy.encode([MOFID]) == mofid.encode([MOFID])
    assert repr(copy) == f"MofidTokenizer({mofid.vocabulary_size} tokens)"


def test_importing_the_floor_loads_nothing_heavy() -> None:
    heavy = ("torch", "rdkit", "transformers", "tokenizers", "pandas")
    program = f"""
import sys
from catenane.tokenizers import load_tokenizer
load_tokenizer("mofid").encode(["C&&pcu"])
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
