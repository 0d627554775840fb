"""Translation without pairs: noise, round trips and their BLEU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from catenane.config import TranslationConfig, load_recipe
from catenane.data import collate
from catenane.errors import ConfigError
from catenane.models.bundle import BundleConfig
from catenane.objectives import make_objective
from catenane.objectives.translation import add_noise, corpus_bleu, ngram_counts
from catenane.tokenizers import train_tokenizer

TEXTS = [
    "the old cat sees a dog",
    "a dog sees the cat",
    "le chat voit un vieux chien",
    "un chien voit le chat",
]
SHAPE = {
    "encoder.d_model": 16, "encoder.n_layers": 1, "encoder.n_heads": 2, "encoder.d_hidden": 16,
    "encoder.max_length": 40, "decoder.n_layers": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS * 4, size=330, languages=["en", "fr"])


@pytest.fixture
def learnt(tokenizer):
    """Objective, network and a batch of both languages."""
    recipe = load_recipe("mass-translation-small").with_settings(
        {**SHAPE, "encoder.vocabulary_size": tokenizer.vocabulary_size}
    )
    config = BundleConfig(kind="generator", notation="text", recipe=recipe, languages=tokenizer.languages)
    torch.manual_seed(0)
    objective, network = make_objective(recipe, tokenizer), config.build_model()
    sides = [tokenizer.speaking(name).encode(texts) for name, texts in (("en", TEXTS[:2]), ("fr", TEXTS[2:]))]
    ids = [row for side in sides for row in side]
    encoded = tokenizer.encode_flat(TEXTS)
    encoded.ids[:] = [number for row in ids for number in row]
    return objective, network, collate(encoded, np.arange(4))


def test_noise_moves_words_a_little_and_keeps_each_whole() -> None:
    words = [[10 * place, 10 * place + 1] for place in range(1, 41)]
    config = TranslationConfig(drop=0.0, mask=0.0, shuffle=3)
    moved = add_noise(words, config, np.random.default_rng(0), mask_id=4)
    order = [token // 10 - 1 for token in moved[::2]]
    assert sorted(order) == list(range(40)) != order
    assert max(abs(place - was) for place, was in enumerate(order)) <= 3
    assert all(second == first + 1 for first, second in zip(moved[::2], moved[1::2], strict=True))


def test_noise_drops_and_masks_the_shares_that_are_set() -> None:
    rng = np.random.default_rng(0)
    words = [[place] for place in range(10, 20_010)]
    found = add_noise(words, TranslationConfig(drop=0.1, mask=0.2, shuffle=0), rng, mask_id=4)
    assert len(found) == pytest.approx(18_000, rel=0.02)
    assert found.count(4) == pytest.approx(3_600, rel=0.05)
    assert [token for token in found if token != 4] == sorted(set(found) - {4})
    assert add_noise([[7]], TranslationConfig(drop=0.99, mask=0), rng, 4) == [7]
    same = add_noise(words, TranslationConfig(drop=0, mask=0, shuffle=0), rng, 4)
    assert same == list(range(10, 20_010))


def test_each_sentence_is_translated_to_the_other_language(learnt, tokenizer) -> None:
    objective, network, batch = learnt
    examples = objective.examples(batch, torch.Generator().manual_seed(1))
    english, french = (tokenizer.vocabulary[name] for name in ("[en]", "[fr]"))
    assert examples.batch.ids_BL[:, 0].tolist() == [english, english, french, french]
    assert examples.other_B.tolist() == [french, french, english, english]
    assert examples.noisy.ids_BL[:, 0].tolist() == examples.batch.ids_BL[:, 0].tolist()
    network.train()
    there = objective.translate(network, examples.batch, examples.other_B)
    assert network.training
    assert there.ids_BL[:, 0].tolist() == examples.other_B.tolist()
    assert not there.ids_BL[:, 0].is_inference()
    ends = (there.ids_BL == tokenizer.sep_id).sum(dim=1)
    assert ends.tolist() == [1] * 4
    most = (examples.batch.keep_BL.sum(dim=1) * 1.3 + 5).long() + 2
    assert bool((there.keep_BL.sum(dim=1) <= most).all())


def test_the_loss_has_a_gradient_for_every_weight_under_autocast_too(learnt) -> None:
    objective, network, batch = learnt
    examples = objective.examples(batch, torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective.loss(network, examples)
    loss.backward()
    missing = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert missing == []
    assert bool(loss.isfinite())


def test_the_language_is_added_to_every_token(learnt, tokenizer) -> None:
    _, network, batch = learnt
    ids = batch.ids_BL[:1]
    changed = ids.clone()
    changed[:, 0] = tokenizer.vocabulary["[fr]"]
    positions = torch.arange(ids.shape[1])
    first, second = (network.encoder.place(some, positions, some[:, :1])[0] for some in (ids, changed))
    assert bool((first != second).any(dim=-1).all())
    before = torch.tensor([[tokenizer.vocabulary["[fr]"], 30], [30, 31]])
    both = network.language(ids.expand(2, -1), before)
    assert both.flatten().tolist() == [tokenizer.vocabulary["[fr]"], int(ids[0, 0])]


def test_figures_are_those_of_sacrebleu(learnt) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    found = ["a b c d e f", "x y z a b c d", "a a a a b"]
    wanted = ["a b c d e g", "x y z a b c q d", "a a b a b"]
    counts = ngram_counts([text.split() for text in found], [text.split() for text in wanted])
    expected = sacrebleu.corpus_bleu(found, [wanted], tokenize="none", smooth_method="none", force=True).score
    assert corpus_bleu(counts) == pytest.approx(expected)
    assert corpus_bleu({name: value / 7 for name, value in counts.items()}) == pytest.approx(expected)
    assert corpus_bleu(ngram_counts([["a"]], [["b"]])) == 0


def test_what_copies_has_a_perfect_round_trip_and_is_told(learnt) -> None:
    objective, network, batch = learnt
    examples = objective.examples(batch, torch.Generator().manual_seed(1))

    def copy(_, tokens, other_B):
        ids = tokens.ids_BL.clone()
        ids[:, 0] = other_B
        return tokens._replace(ids_BL=ids)

    objective.translate = copy
    with torch.no_grad():
        means = {name: float(value) for name, value in objective.measure(network, examples).items()}
    figures = objective.summarise(means)
    assert figures["round_trip_bleu"] == pytest.approx(100)
    assert figures["copied"] == pytest.approx(1)
    assert objective.score(figures) == pytest.approx(-100)
    objective.recipe = objective.recipe.with_settings({"translation.back_translation": 0.0})
    assert objective.score(figures) == figures["loss"]


def test_one_language_is_refused() -> None:
    recipe = load_recipe("mass-translation-small")
    with pytest.raises(ConfigError, match="a tokenizer of two languages or more"):
        make_objective(recipe, train_tokenizer(TEXTS, size=300))
