"""Batches: every string once, within the budget, nearly without padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from catenane.data import LengthGroupedBatches, collate, stream_strings
from catenane.data import batches as batches_module
from catenane.errors import ConfigError
from catenane.tokenizers import load_tokenizer

any_lengths = st.lists(st.integers(2, 300), min_size=1, max_size=300).map(np.array)


@settings(max_examples=60, deadline=None)
@given(any_lengths, st.integers(1, 5000), st.booleans(), st.sampled_from([0.0, 0.06, 1.0]))
def test_every_string_comes_once_and_no_batch_exceeds_the_budget(lengths, budget, shuffle, noise):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches_module, "NOISE", noise)
        grouped = LengthGroupedBatches(lengths, budget, seed=1, shuffle=shuffle)
    for epoch in (0, 1):
        batches = list(grouped.batches(epoch))
        assert len(batches) == len(grouped)
        np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(lengths)))
        assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= budget for batch in batches)


@settings(max_examples=60, deadline=None)
@given(any_lengths, st.integers(1, 5000), st.data())
def test_strings_that_are_left_out_never_come(lengths, budget, data):
    without = np.sort(
        data.draw(st.lists(st.integers(0, len(lengths) - 1), unique=True).map(np.array)).astype(int)
    )
    grouped = LengthGroupedBatches(lengths, budget, seed=1, without=without)
    batches = list(grouped.batches(0))
    assert len(batches) == len(grouped)
    found = np.sort(np.concatenate([*batches, without]))
    np.testing.assert_array_equal(found, np.arange(len(lengths)))


def padding(grouped, lengths):
    """Share of padding in all tokens that an epoch computes, and the tokens of a batch."""
    computed = sum(len(batch) * lengths[batch].max() for batch in grouped.batches(0))
    return 1 - lengths.sum() / computed, computed / len(grouped)


def same(a, b):
    a, b = list(a), list(b)
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(params=["one pool", "many pools"])
def lengths(request, monkeypatch):
    if request.param == "many pools":
        monkeypatch.setattr(batches_module, "BLOCK", 64)
        monkeypatch.setattr(batches_module, "POOL", 4)
    return np.random.default_rng(0).integers(5, 120, 2000)


def test_seed_and_epoch_decide(lengths):
    def batches(seed, epoch):
        return LengthGroupedBatches(lengths, 2048, seed=seed).batches(epoch)

    assert same(batches(0, 0), batches(0, 0))
    assert not same(batches(0, 0), batches(0, 1))
    assert not same(batches(0, 0), batches(1, 0))


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_goes_on_where_it_stopped(lengths, shuffle):
    grouped = LengthGroupedBatches(lengths, 2048, seed=3, shuffle=shuffle)
    whole = list(grouped.batches(4))
    for start in (0, 1, len(whole) // 2, len(whole) - 1, len(whole)):
        assert same(grouped.batches(4, start), whole[start:])


def test_a_string_meets_others_in_every_epoch():
    lengths = np.random.default_rng(0).integers(5, 120, 2000)
    grouped = LengthGroupedBatches(lengths, 2048, seed=0)
    owners = np.empty((2, len(lengths)), int)
    for epoch in (0, 1):
        for number, batch in enumerate(grouped.batches(epoch)):
            owners[epoch, batch] = number
    together = owners[:, :, None] == owners[:, None, :]
    assert (together[0] & together[1]).sum() < 0.7 * together[0].sum()


def test_batches_come_in_no_order_of_length(lengths):
    means = [lengths[batch].mean() for batch in LengthGroupedBatches(lengths, 2048, seed=0).batches(0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5


def test_predictions_go_from_the_longest_to_the_shortest():
    lengths = np.random.default_rng(0).integers(5, 120, 2000)
    batches = LengthGroupedBatches(lengths, 2048, seed=0, shuffle=False).batches(0)
    assert (np.diff(lengths[np.concatenate(list(batches))]) <= 0).all()


def test_a_string_longer_than_the_budget_is_alone():
    batches = list(LengthGroupedBatches(np.array([9, 50, 3]), 20, seed=0).batches(0))
    assert sorted(map(list, batches), key=len) == [[1], [0, 2]]


def test_no_strings_no_batches():
    grouped = LengthGroupedBatches(np.array([], dtype=np.int64), 100)
    assert len(grouped) == 0
    assert list(grouped.batches(0)) == []


def test_batches_without_tokens_are_refused():
    with pytest.raises(ConfigError):
        LengthGroupedBatches(np.array([3]), 0)


@pytest.mark.parametrize("batch_tokens", [3072, 6144, 16384])
@pytest.mark.parametrize(("name", "tokenizer"), [("mof/hmof", "mofid"), ("smiles/zinc_100k", "smiles")])
def test_padding_stays_under_five_percent_on_real_sets(shared_data, name, tokenizer, batch_tokens):
    strings = [string for _, string in stream_strings(name, data_dir=shared_data)]
    lengths = load_tokenizer(tokenizer).encode_flat(strings, 512).lengths
    grouped = LengthGroupedBatches(lengths, batch_tokens, seed=0)
    share, tokens = padding(grouped, lengths)
    assert share < 0.05
    assert tokens > 0.9 * batch_tokens


def test_collate_pads_on_the_right_and_keeps_what_belongs_together():
    strings = ["CCO", "C", "c1ccccc1Cl"]
    tokenizer = load_tokenizer("smiles")
    targets = np.array([[1.0, np.nan], [2.0, 0.5], [3.0, 4.0]])
    descriptors = np.arange(9, dtype=np.float32).reshape(3, 3)
    batch = collate(
        tokenizer.encode_flat(strings),
        np.array([2, 0]),
        targets=targets,
        descriptors=descriptors,
    )
    rows = [tokenizer.encode([strings[i]])[0] for i in (2, 0)]
    width = max(map(len, rows))
    assert batch.ids_BL.tolist() == [row + [tokenizer.pad_id] * (width - len(row)) for row in rows]
    assert batch.keep_BL.tolist() == [[True] * len(row) + [False] * (width - len(row)) for row in rows]
    torch.testing.assert_close(batch.targets_BT, torch.tensor([[3.0, 4.0], [1.0, np.nan]]), equal_nan=True)
    torch.testing.assert_close(batch.descriptors_BF, torch.tensor([[6.0, 7.0, 8.0], [0.0, 1.0, 2.0]]))
    kinds = (batch.ids_BL.dtype, batch.keep_BL.dtype, batch.targets_BT.dtype)
    assert kinds == (torch.int64, torch.bool, torch.float32)


def test_a_batch_without_labels_moves_as_a_whole():
    batch = collate(load_tokenizer("smiles").encode_flat(["CC"]), np.array([0])).to("meta")
    assert batch.ids_BL.device.type == batch.keep_BL.device.type == "meta"
    assert batch.targets_BT is None
    assert batch.descriptors_BF is None
