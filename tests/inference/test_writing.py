from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from catenane.config import load_recipe
from catenane.errors import BundleError, UsageError
from catenane.inference import Model, fill, load
from catenane.inference.writing import Gap, write_gaps, write_strings
from catenane.models.bundle import Bundle, BundleConfig
from catenane.models.decoding import Decoding
from catenane.tokenizers import load_tokenizer


def make(kind: str, seed: int = 0) -> Model:
    tokenizer = load_tokenizer("smiles")
    tiny = {
        "encoder.vocabulary_size": tokenizer.vocabulary_size, "encoder.d_model": 16, "encoder.n_heads": 2,
        "encoder.n_layers": 1, "decoder.n_layers": 1, "encoder.d_hidden": 24, "encoder.max_length": 40,
    }  # fmt: skip
    config = BundleConfig(kind=kind, notation="smiles", recipe=load_recipe("mass-small").with_settings(tiny))
    torch.manual_seed(seed)
    return Model(Bundle(config=config, model=config.build_model(), tokenizer=tokenizer), device="cpu")


@pytest.fixture(scope="module")
def namer() -> Model:
    return load("mol-base", device="cpu")


def test_likeliest_tokens_of_a_gap_and_the_whole_string(namer):
    found = fill(namer, "CC(=O)[MASK]", top=6)
    assert [x.gap for x in found] == [1] * 6
    assert [x.string for x in found] == [f"CC(=O){x.text}" for x in found]
    probabilities = [x.probability for x in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert {"O", "N", "[O-]"} <= {x.text for x in found}  # as any chemist would say
    assert sum(x.probability for x in fill(namer, "CC(=O)[MASK]", top=10_000)) == pytest.approx(1, abs=1e-4)


def test_other_gaps_have_the_likeliest_token(namer):
    found = fill(namer, "CC(=O)[MASK]c1cc[MASK]cc1", top=3)
    assert [x.gap for x in found] == [1, 1, 1, 2, 2, 2]
    assert {x.string for x in found if x.gap == 1} == {f"CC(=O){x.text}c1ccccc1" for x in found[:3]}
    assert all("[MASK]" not in x.string for x in found)
    assert found[0].string == found[3].string


def test_what_cannot_be_read_says_why(namer):
    broken = [x for x in fill(namer, "c1cc[MASK]cc1", top=6) if x.error]
    assert broken
    assert all("aromatic" in x.error or "position" in x.error for x in broken)


def test_a_model_that_writes_fills_each_run_by_as_many_tokens():
    model = make("generator")
    found = fill(model, "CC[MASK][MASK][MASK]CC[MASK]C", top=4)
    assert [x.gap for x in found] == [1] * 4 + [2] * 4
    tokens = model.bundle.tokenizer.tokens
    assert {len(tokens(x.text)) for x in found[:4]} == {3}
    assert {len(tokens(x.text)) for x in found[4:]} == {1}
    assert all(len(tokens(x.string)) == 9 for x in found)
    one = fill(model, "CC[MASK]C", top=10_000)
    assert sum(x.probability for x in one) == pytest.approx(1, abs=1e-3)


def test_says_what_it_cannot_fill(namer):
    with pytest.raises(UsageError, match=r"nothing is hidden: write \[MASK\]"):
        fill(namer, "CCO")
    with pytest.raises(UsageError, match=r"the token '\[Og\]' is not in the vocabulary"):
        fill(namer, "[Og][MASK]")
    with pytest.raises(UsageError, match="tokens are more than the 40"):
        fill(make("generator"), "C" * 60 + "[MASK]")
    with pytest.raises(BundleError, match="cannot write: it is a property model"):
        fill(load("mof-uptake", device="cpu"), "[Zn].[MASK]&&pcu.cat0")
    with pytest.raises(BundleError, match="cannot write: it is an encoder that names single tokens"):
        write_strings(namer, [[2, 5, 3]], Decoding())


def test_strings_of_many_lengths_are_written_as_if_alone():
    model = make("generator")
    tokenizer = model.bundle.tokenizer
    gaps = []
    for number, text in enumerate(["CCO", "c1ccccc1", "CC(C)(C)C", "O", "CCCCCCCCCC"] * 3):
        [ids] = tokenizer.encode([text])
        start = 1 + number % (len(ids) - 1)
        end = min(start + 1 + number // 5, len(ids))
        masked = [tokenizer.mask_id if start <= place < end else x for place, x in enumerate(ids)]
        gaps.append(Gap(tuple(masked), start, end))
    how = Decoding(method="beam", n=2, beams=3)
    together = write_gaps(model, gaps, how)
    for gap, found in zip(gaps, together, strict=True):
        [alone] = write_gaps(model, [gap], how)
        assert [w.ids for w in found] == [w.ids for w in alone]
        assert {len(w.ids) for w in found} == {gap.end - gap.start}
        assert math.exp(found[0].log_probability) <= 1
    sources = tokenizer.encode(["CCO", "CCCCCCC"])
    written = write_strings(model, sources, replace(how, method="greedy", n=1))
    assert all(len(options) == 1 and len(options[0].ids) <= 39 for options in written)
