from collections import Counter

import numpy as np

from catenane.baselines.features import (
    N_BUCKETS,
    commonest_columns,
    ngram_counts,
    varying_columns,
)
from catenane.tokenizers import load_tokenizer

STRINGS = ["CCO", "CCCCO", "c1ccccc1Br", "C[C@H](N)C(=O)O", "C"]


def explicit_counts(text: str, longest: int) -> list[int]:
    """Sizes of the groups of equal n-grams, counted one by one."""
    ids = load_tokenizer("smiles").encode([text])[0]
    grams = Counter(tuple(ids[i : i + n]) for n in range(1, longest + 1) for i in range(len(ids) - n + 1))
    return sorted(grams.values())


def test_counts_what_a_loop_counts():
    counts = ngram_counts(STRINGS, "smiles", longest=3)
    assert counts.shape == (len(STRINGS), N_BUCKETS)
    for row, text in enumerate(STRINGS):
        assert sorted(counts[row].data.astype(int).tolist()) == explicit_counts(text, 3)


def test_a_string_has_the_same_counts_in_any_company():
    together = ngram_counts(STRINGS, "smiles")
    for row, text in enumerate(STRINGS):
        assert (together[row] != ngram_counts([text], "smiles")).nnz == 0


def test_order_within_an_ngram_matters():
    counts = ngram_counts(["CN", "NC"], "smiles", longest=2)
    assert (counts[0] != counts[1]).nnz > 0
    assert (ngram_counts(["CN"], "smiles", 1) != ngram_counts(["NC"], "smiles", 1)).nnz == 0


def test_columns_that_vary_come_first_and_constant_ones_never():
    counts = ngram_counts([*["CCO"] * 5, *["CCN"] * 5], "smiles", longest=1)
    chosen = commonest_columns(counts, 10)
    assert len(chosen) == 2
    assert set(np.unique(counts[:, chosen].toarray())) == {0.0, 1.0}


def test_columns_without_two_numbers_are_left_out():
    nan = np.nan
    values = np.array([[1, 2, nan, nan, 0], [1, 3, nan, 4, nan], [1, 2, nan, nan, 1]])
    assert varying_columns(values).tolist() == [1, 4]
