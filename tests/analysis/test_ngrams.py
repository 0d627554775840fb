"""Counts of n-grams beside those of a Counter over slices."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catenane.analysis.ngrams import count_ngrams
from catenane.errors import DataError, UsageError
from catenane.tokenizers import build_tokenizer, load_tokenizer


def by_slices(tokenizer, strings, shortest, longest):
    """What is counted, one slice at a time: places and strings of every n-gram."""
    places, holders = Counter(), Counter()
    for string in strings:
        tokens = tokenizer.tokens(string)
        found = [
            tuple(tokens[start : start + length])
            for length in range(shortest, longest + 1)
            for start in range(len(tokens) - length + 1)
        ]
        places.update(found)
        holders.update(set(found))
    return places, holders


def check(tokenizer, strings, shortest=1, longest=40):
    places, holders = by_slices(tokenizer, strings, shortest, longest)
    found = count_ngrams(tokenizer, strings, shortest=shortest, longest=longest, top=None)
    expected = sorted(("".join(g), len(g), n, holders[g]) for g, n in places.items())
    assert sorted(map(astuple, found.ngrams)) == expected
    lengths = Counter(len(gram) for gram in places)
    assert found.distinct == {n: lengths[n] for n in range(shortest, longest + 1)}
    of_length = Counter()
    for gram, n in places.items():
        of_length[len(gram)] += n
    assert Counter(found.frequencies) == Counter(places.values())
    assert found.total == {n: of_length[n] for n in range(shortest, longest + 1)}
    return found


@settings(deadline=None, max_examples=60)
@given(
    strings=st.lists(st.text("CNO(=)1c[Zn]%", max_size=30), min_size=1, max_size=12),
    lengths=st.tuples(st.integers(1, 9), st.integers(0, 30)),
)
def test_counts_equal_those_over_slices(strings, lengths):
    check(build_tokenizer(["CNO(=)1c"], "smiles"), strings, lengths[0], sum(lengths))


def test_molecules_frameworks_and_long_repeats(molecules):
    check(load_tokenizer("smiles"), molecules)
    nets = [f"{linker}.[Zn]&&pcu.cat{k}" for linker in molecules[:30] for k in (0, 1)]
    found = check(load_tokenizer("mofid"), nets)
    assert next(gram for gram in found.ngrams if gram.text == "[Zn]&&pcu").documents == len(nets)
    check(load_tokenizer("smiles"), ["C" * 300, "C" * 150 + "O" * 150, "CO" * 100], longest=200)


def test_many_symbols_need_many_bits():
    """Words of three tokens, and numbers that a float would round up to the next power of two."""
    rng = np.random.default_rng(0)
    strings = ["".join(f"[{n}C]" for n in rng.integers(1, 900, 30)) for _ in range(20)]
    strings += [strings[0] + strings[1], strings[1] + strings[0]]
    check(load_tokenizer("smiles"), strings, longest=60)


def test_the_commonest_of_each_length_are_kept(molecules):
    tokenizer = load_tokenizer("smiles")
    every = count_ngrams(tokenizer, molecules, top=None).ngrams
    some = count_ngrams(tokenizer, molecules, top=5)
    for length in range(1, 41):
        counts = [gram.count for gram in some.ngrams if gram.length == length]
        whole = sorted((gram.count for gram in every if gram.length == length), reverse=True)
        assert counts == whole[:5]
    assert set(some.ngrams) <= set(every)


def test_wrong_lengths_and_empty_corpora_are_refused():
    tokenizer = load_tokenizer("smiles")
    with pytest.raises(UsageError, match="5 to 4 tokens"):
        count_ngrams(tokenizer, ["C"], shortest=5, longest=4)
    with pytest.raises(UsageError, match="top=0"):
        count_ngrams(tokenizer, ["C"], top=0)
    with pytest.raises(DataError, match="no strings"):
        count_ngrams(tokenizer, [])
