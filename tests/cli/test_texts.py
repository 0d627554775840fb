"""A small generated pair of languages: learnt from pairs, and from two files that share no sentence."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from catenane.errors import CatenaneError, DataError, UsageError
from catenane.inference import fill, load
from catenane.inference.translation import bleu, translate
from catenane.models.bundle import load_bundle
from catenane.tokenizers import train_tokenizer
from catenane.train import pretrain
from catenane.train.translation import finetune_pairs

ADJECTIVES = {"red": "rugo", "old": "vexo", "big": "gando"}
NOUNS = {"cat": "kato", "dog": "hundo", "owl": "strigo", "fox": "vulpo"}
VERBS = {"sees": "vidas", "likes": "amas", "bites": "mordas"}
NAMES = ("Ann", "Bob", "Cy", "Dot", "Eve")
SHAPE = {
    "encoder.d_model": 48, "encoder.n_layers": 1, "encoder.n_heads": 4, "encoder.d_hidden": 96,
    "encoder.max_length": 64, "decoder.n_layers": 1,
}  # fmt: skip
QUICK = {"min_steps": 0, "batch_tokens": 450, "learning_rate": 1e-2, "precision": "fp32"}
N_TEST = 50


def changes(table: str, **more: object) -> dict[str, object]:
    return {f"{table}.{name}": value for name, value in (QUICK | more).items()}


def sentences(count: int) -> list[tuple[str, str]]:
    """Sentences with their translations, in which adjectives follow nouns; each word is half as common as the
    one before it."""
    rng = random.Random(0)

    def word(words: dict[str, str]) -> tuple[str, str]:
        return rng.choices(list(words.items()), [0.5**place for place in range(len(words))])[0]

    def phrase() -> tuple[str, str]:
        if rng.random() < 0.4:
            return (rng.choice(NAMES),) * 2
        (noun, other), (adjective, its) = word(NOUNS), word(ADJECTIVES)
        if rng.random() < 0.5:
            return f"the {noun}", f"la {other}"
        return f"the {adjective} {noun}", f"la {other} {its}"

    found = set()
    while len(found) < count:
        (first, its), (verb, does), (second, other) = phrase(), word(VERBS), phrase()
        found.add((f"{first} {verb} {second}.", f"{its} {does} {other}."))
    ordered = sorted(found)
    rng.shuffle(ordered)
    return ordered


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """test, train: aligned; mono: half of the other sentences in either language. tokenizer.json of mono."""
    folder = tmp_path_factory.mktemp("languages")
    pairs = sentences(640)
    test, train, rest = pairs[:N_TEST], pairs[N_TEST:450], pairs[N_TEST:]
    half = len(rest) // 2
    sides = {"test": (test, test), "train": (train, train), "mono": (rest[:half], rest[half:])}
    for name, parts in sides.items():
        for side, (language, part) in enumerate(zip(("la", "lb"), parts, strict=True)):
            lines = [pair[side] for pair in part]
            (folder / f"{name}.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = [line for name in ("mono.la", "mono.lb") for line in lines_of(folder / name)]
    train_tokenizer(texts, size=400, languages=["la", "lb"]).save(folder)
    return folder


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def score(model, folder: Path, source: str, target: str) -> float:
    found = translate(model, lines_of(folder / f"test.{source}"), languages=(source, target))
    return bleu(
        [item.texts[0] for item in found], lines_of(folder / f"test.{target}"), model.bundle.tokenizer
    )["bleu"]


@pytest.fixture(scope="module")
def supervised(folder: Path):
    return finetune_pairs(
        source=str(folder / "train.la"), target=str(folder / "train.lb"), tokenizer=folder / "tokenizer.json",
        recipe="mass-small", settings=SHAPE | changes("finetuning", epochs=20), out=folder / "pairs",
        device="cpu",
    )  # fmt: skip


@pytest.fixture(scope="module")
def pretrained(folder: Path):
    settings = SHAPE | changes("pretraining", epochs=6) | {"fragment.share": 0.5, "fragment.spread": 0.2}
    return pretrain(
        [folder / "mono.la", folder / "mono.lb"], tokenizer=folder / "tokenizer.json", recipe="mass-small",
        settings=settings, out=folder / "mass", device="cpu", workers=1,
    )  # fmt: skip


def test_pairs_are_learnt_and_unseen_sentences_translated(supervised, folder, catenane, tmp_path):
    bundle = load_bundle(supervised.folder)
    assert bundle.card["translates"] == {"source": "la", "target": "lb"}
    assert bundle.config.languages == ("la", "lb")
    told = catenane(
        "predict", folder / "test.la", "--model", supervised.folder, "--device", "cpu",
        "--reference", folder / "test.lb", "--out", tmp_path / "found.lb",
    )  # fmt: skip
    assert told.code == 0, told.err
    found, wanted = lines_of(tmp_path / "found.lb"), lines_of(folder / "test.lb")
    assert bleu(found, wanted, bundle.tokenizer)["bleu"] > 90
    assert "BLEU" in told.err
    assert f"of {N_TEST} rows with a reference" in " ".join(told.err.split())


def test_a_table_keeps_its_columns_and_gives_bleu_by_the_name_of_the_target(
    supervised, folder, catenane, tmp_path
):
    table = tmp_path / "test.csv"
    pairs = zip(lines_of(folder / "test.la")[:3], lines_of(folder / "test.lb"), strict=False)
    rows = [*(f"{place},{la},{lb}" for place, (la, lb) in enumerate(pairs)), "3,,", f"4,{'cat ' * 90},"]
    table.write_text("id,la,lb\n" + "\n".join(rows) + "\n")
    out = tmp_path / "found.csv"
    told = catenane("predict", table, "-m", supervised.folder, "-o", out, "--device", "cpu")
    assert told.code == 0, told.err
    assert "of 3 rows with a reference" in " ".join(told.err.split())
    with out.open() as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["id", "la", "lb", "written", "probability", "error"]
    assert [bool(row["error"]) for row in found] == [False] * 3 + [True] * 2
    assert "tokens are more than the 64 that this model reads" in found[4]["error"]


def test_two_files_without_pairs_are_learnt_after_mass(pretrained, folder):
    files = [folder / "mono.la", folder / "mono.lb"]

    def go_on(model: Path, name: str, **more: object) -> Path:
        noise = {"translation.shuffle": 2.0}
        return pretrain(
            files, model=model, recipe="mass-translation-small", out=folder / name, device="cpu", workers=1,
            settings=noise | changes("pretraining", learning_rate=5e-3) | more,
        ).folder  # fmt: skip

    noise = go_on(
        pretrained.folder, "noise", **{"pretraining.epochs": 6, "translation.back_translation": 0.0}
    )
    unpaired = load(go_on(noise, "unpaired", **{"pretraining.epochs": 7}), device="cpu")
    copied = bleu(lines_of(folder / "test.la"), lines_of(folder / "test.lb"), unpaired.bundle.tokenizer)[
        "bleu"
    ]
    untrained = score(load(pretrained.folder, device="cpu"), folder, "la", "lb")
    for source, target in (("la", "lb"), ("lb", "la")):
        assert score(unpaired, folder, source, target) > 3 * max(copied, untrained)
    assert unpaired.bundle.card["translates"] == {"source": "la", "target": "lb", "both": True}
    history = list(csv.DictReader(lines_of(folder / "unpaired" / "history.csv")))
    assert all(float(row["valid_score"]) == -float(row["round_trip_bleu"]) for row in history)
    assert all(0 <= float(row["copied"]) <= 1 for row in history)


def test_says_which_way_a_model_translates(supervised, pretrained, folder, catenane):
    def refused(*words: object) -> str:
        told = catenane(*words, "--device", "cpu")
        assert told.code in (1, 2), words
        assert told.err.count("\n") == 1, told.err
        return told.err

    model = ("--model", supervised.folder)
    assert "the input is lb by its name, and the model translates la to lb" in refused(
        "predict", folder / "test.lb", *model
    )
    assert "does not translate lb to la, but la to lb" in refused(
        "predict", folder / "test.lb", *model, "--languages", "lb,la"
    )
    assert "must name the source and the target" in refused("predict", "the cat", *model, "--languages", "lb")
    assert "--coverage is of properties" in refused("predict", "the cat", *model, "--coverage", "0.8")
    assert "is neither a column of the input nor a file" in refused(
        "predict", "Bob", *model, "--reference", "x"
    )
    assert "mono.la has 295 lines and the strings 1 rows" in refused(
        "predict", "Bob", *model, "--reference", folder / "mono.la"
    )
    assert "was not trained to write one string from another" in refused(
        "predict", "the cat", "--model", pretrained.folder
    )
    assert "are of a model that writes" in refused(
        "predict", "CCO", "--model", "solubility", "--reference", "x"
    )
    told = catenane("generate", "the cat sees Bob.", *model, "--device", "cpu")
    assert told.code == 0
    assert "la kato vidas Bob." in told.out


def test_other_verbs_refuse_a_model_of_text(pretrained, supervised, folder, catenane, tmp_path):
    model = ("--model", pretrained.folder)
    table = tmp_path / "t.csv"
    table.write_text("smiles,y\n" + "".join(f"{'C' * n}C(=O)O,{n}\n" for n in range(1, 30)))
    for words in (
        ("embed", "the cat", *model, "--out", tmp_path / "v.npy"),
        ("attend", "the cat", *model, "--out", tmp_path / "a.html"),
        ("explain", "the cat", *model, "--out", tmp_path / "e.html"),
        ("groups", table, *model, "--out", tmp_path / "g.csv"),
        ("generate", "the cat", *model, "--mask", "0:3"),
        ("finetune", table, "--target", "y", *model, "--out", tmp_path / "run"),
        ("models", "export", "hf", pretrained.folder, "--out", tmp_path / "hf"),
    ):
        told = catenane("--quiet", *words)
        assert told.code in (1, 2), words
        assert told.err.count("\n") == 1, told.err


def test_hidden_words_are_filled(pretrained):
    model = load(pretrained.folder, device="cpu")
    found = fill(model, "[la] the [MASK] sees Bob.", top=3)
    assert len(found) == 3
    assert all(item.string.startswith("the") and item.string.endswith("sees Bob.") for item in found)
    with pytest.raises(CatenaneError, match="begin the text with its language"):
        fill(model, "the [MASK] sees Bob.")


def test_says_what_cannot_be_learnt(folder, pretrained, tmp_path):
    one, other = folder / "mono.la", folder / "mono.lb"
    tokenizer, out = folder / "tokenizer.json", tmp_path / "run"
    for error, message, options in (
        (UsageError, "language 'txt' is not one|language 'm' is not one", {"corpora": [tmp_path / "m.txt"]}),
        (UsageError, "mono.la is given twice", {"corpora": [one, one]}),
        (DataError, "files of two languages or more", {"corpora": [one], "recipe": "mass-translation-small"}),
        (UsageError, "--languages names 1 for 2", {"corpora": [one, other], "languages": ["la"]}),
    ):
        (tmp_path / "m.txt").write_text("a b\n" * 30)
        with pytest.raises(error, match=message):
            pretrain(
                **{
                    "recipe": "mass-small",
                    "tokenizer": tokenizer,
                    "out": out,
                    "workers": 1,
                    "overwrite": True,
                }
                | options
            )
    with pytest.raises(UsageError, match="--model has a tokenizer of its own"):
        pretrain([one], model=pretrained.folder, tokenizer=tokenizer, out=out)
    out = tmp_path / "another"
    with pytest.raises(DataError, match="text is read with --tokenizer, see catenane tokenizer train"):
        pretrain([one], out=out)
    with pytest.raises(UsageError, match="give --tokenizer, or --model of text"):
        finetune_pairs(source=str(one), target=str(other), out=out)
    with pytest.raises(UsageError, match="name two files"):
        finetune_pairs(source=str(one), target=str(one), tokenizer=tokenizer, out=out)
