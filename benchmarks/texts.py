"""Translation on a generated pair of languages, by the commands of docs/guide/text.md.

    python benchmarks/texts.py --out runs/texts

Language B has a word of its own for each word of A, save for names, which both share, and puts adjectives
behind nouns. Words have usual companions, so that a name says something of the words beside it. The files of
sentences in A and in B share no sentence with each other, the pairs or the test; which word means which is
said in the pairs alone. Results are written to benchmarks/results/texts.json.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from documents import RESULTS

Sentence = tuple[str, str]
WORDS = {"adjective": 3, "noun": 5, "verb": 3}
"""Of each kind; each is half as common as the one before it."""
FAITHFUL = 0.75
"""Share of the places where a word goes with its usual companion: names with verbs, verbs with things."""
NAMES = ["Anna", "Boris", "Clara", "Dario", "Elena", "Felix"]
SEEDS = 3
"""Of the models that learn from pairs."""
SHAPE = "--set encoder.d_model=48 --set encoder.n_layers=1 --set decoder.n_layers=1 --set encoder.d_hidden=96"


def lexicon(rng: random.Random, consonants: str, vowels: str) -> dict[str, list[str]]:
    """Invented words of every kind, each once."""
    found: set[str] = set()
    while len(found) < sum(WORDS.values()):
        found.add("".join(rng.choice(consonants) + rng.choice(vowels) for _ in range(2)))
    words = iter(rng.sample(sorted(found), len(found)))
    return {kind: [next(words) for _ in range(count)] for kind, count in WORDS.items()}


def sentences(seed: int) -> Iterator[Sentence]:
    """Sentences in both languages, frequent ones again and again."""
    rng = random.Random(seed)
    first, second = lexicon(rng, "bdgklmnprst", "aeiou"), lexicon(rng, "cfhjqvwxyz", "aeiou")

    def draw(kind: str, wanted: int) -> int:
        places = range(WORDS[kind])
        if rng.random() < FAITHFUL:
            return wanted % WORDS[kind]
        return rng.choices(places, [0.5**place for place in places])[0]

    def phrase(wanted: int | None = None) -> tuple[int, str, str]:
        """What a verb goes with, and how it is said."""
        place = rng.randrange(len(NAMES)) if wanted is None else wanted
        if rng.random() < 0.4:
            name = NAMES[place if rng.random() < FAITHFUL else rng.randrange(len(NAMES))]
            return NAMES.index(name), name, name
        noun = draw("noun", place)
        nouns = first["noun"][noun], second["noun"][noun]
        if rng.random() < 0.5:
            return noun, f"the {nouns[0]}", f"la {nouns[1]}"
        adjective = draw("adjective", noun)
        adjectives = first["adjective"][adjective], second["adjective"][adjective]
        return noun, f"the {adjectives[0]} {nouns[0]}", f"la {nouns[1]} {adjectives[1]}"

    while True:
        subject = phrase()
        verb = draw("verb", subject[0])
        thing = phrase(2 * verb + rng.randrange(2))
        yield (
            f"{subject[1]} {first['verb'][verb]} {thing[1]}.",
            f"{subject[2]} {second['verb'][verb]} {thing[2]}.",
        )


def write_languages(folder: Path, *, n_texts: int, n_pairs: int, n_test: int, seed: int = 1) -> None:
    """mono.la and mono.lb, train.la and train.lb, test.la and test.lb; each sentence is of one set alone."""
    sizes = {"test": n_test, "train": n_pairs, "mono.la": n_texts, "mono.lb": n_texts}
    rng, homes = random.Random(seed), {}
    kept: dict[str, list[Sentence]] = {name: [] for name in sizes}
    for sentence in sentences(seed):
        known = sentence in homes
        name = homes.setdefault(sentence, rng.choice([*sizes]))
        if len(kept[name]) < sizes[name] and not (known and name == "test"):
            kept[name].append(sentence)
        if all(len(kept[name]) == size for name, size in sizes.items()):
            break
    folder.mkdir(parents=True, exist_ok=True)
    files = {"mono.la": ("mono.la", 0), "mono.lb": ("mono.lb", 1)} | {
        f"{name}.{language}": (name, side)
        for name in ("train", "test")
        for side, language in enumerate(("la", "lb"))
    }
    for file, (name, side) in files.items():
        lines = [sentence[side] for sentence in kept[name]]
        (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/texts"))
    parser.add_argument("--texts", type=int, default=1000, help="sentences of each language")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--test", type=int, default=100)
    arguments = parser.parse_args()
    write_languages(arguments.out, n_texts=arguments.texts, n_pairs=arguments.pairs, n_test=arguments.test)
    run = Runner(arguments.out)
    small = f"--tokenizer bpe --recipe mass-small {SHAPE} --set fragment.share=0.5"
    stage = "pretrain mono.la mono.lb --recipe mass-translation-small --set translation.shuffle=2"
    pairs = f"finetune --source train.la --target train.lb {rates('finetuning', 1e-2)} --epochs 20"
    run("tokenizer train mono.la mono.lb --size 400 --out bpe")
    run(f"pretrain mono.la mono.lb {small} {rates('pretraining', 1e-2)} --epochs 15 --out mass")
    run(
        f"{stage} --tokenizer bpe {SHAPE} {rates('pretraining', 1e-2)} --set translation.back_translation=0 "
        "--epochs 25 --out noise"
    )
    run(f"{stage} {rates('pretraining', 5e-3)} --model noise --epochs 12 --out unpaired")
    for seed in range(SEEDS):
        run(f"{pairs} --model mass --seed {seed} --out pairs-mass-{seed}")
        run(f"{pairs} {small} --seed {seed} --out pairs-{seed}")
    both = ("la", "lb"), ("lb", "la")
    scores = {
        "copied from the source": run.copied(),
        "MASS alone": run.scores("mass", *both),
        "without pairs: noise": run.scores("noise", *both),
        "without pairs: noise, then back-translation too": run.scores("unpaired", *both),
        "pairs, from scratch": [run.scores(f"pairs-{seed}", both[0]) for seed in range(SEEDS)],
        "pairs, after MASS": [run.scores(f"pairs-mass-{seed}", both[0]) for seed in range(SEEDS)],
    }
    history = (arguments.out / "unpaired" / "history.csv").read_text(encoding="utf-8").splitlines()
    result = {
        "texts": arguments.texts, "pairs": arguments.pairs, "test": arguments.test, "metric": "BLEU",
        "commands": run.commands, "bleu": scores,
        "unpaired_history": [line.split(",") for line in history],
    }  # fmt: skip
    (RESULTS / "texts.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(scores, indent=2))


def rates(stage: str, rate: float) -> str:
    """Of small batches, for a small model."""
    return f"--set {stage}.batch_tokens=450 --set {stage}.learning_rate={rate:g} --set {stage}.min_steps=0"


class Runner:
    """Runs commands in a folder, and keeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[str] = []

    def __call__(self, words: str) -> None:
        """Run one command, unless its output is there."""
        out = self.folder / words.rsplit("--out ", 1)[1].split()[0]
        if (
            out if out.suffix else out / ("tokenizer.json" if "tokenizer train" in words else "bundle")
        ).exists():
            self.commands.append(f"catenane {words}")
            return
        print(f"catenane {words}", flush=True)
        more = ["--resume"] if words.startswith(("pretrain", "finetune")) else []
        command = [sys.executable, "-m", "catenane", *words.split(), *more]
        subprocess.run(command, check=True, cwd=self.folder)
        self.commands.append(f"catenane {words}")

    def scores(self, model: str, *directions: Sequence[str]) -> dict[str, float]:
        """BLEU of the test sentences by direction."""
        found = {}
        for source, target in directions:
            out = f"test-{model}-{source}-{target}.{target}"
            self(f"predict test.{source} --model {model} --languages {source},{target} --out {out}")
            found[f"{source} to {target}"] = self.bleu(out, f"test.{target}")
        return found

    def copied(self) -> dict[str, float]:
        """BLEU of the sources as they are."""
        return {"la to lb": self.bleu("test.la", "test.lb"), "lb to la": self.bleu("test.lb", "test.la")}

    def bleu(self, found: str, wanted: str) -> float:
        """BLEU of the lines of a file."""
        from sacrebleu import corpus_bleu

        sides = [(self.folder / name).read_text(encoding="utf-8").splitlines() for name in (found, wanted)]
        return round(corpus_bleu(sides[0], [sides[1]]).score, 1)


if __name__ == "__main__":
    main()
