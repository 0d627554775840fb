"""Translation on a generated pair of languages, by the commands of docs/guide/text.md.

    python benchmarks/texts.py --out runs/texts

Language B has a word of its own for each word of A, save for names, which both share, and puts adjectives
behind nouns. The files of sentences in A and in B share no sentence with each other or with the test; which
word means which is said in the pairs alone. Results are written to benchmarks/results/texts.json.
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
NAMES = ["Anna", "Boris", "Clara", "Dario", "Elena", "Felix"]
SHAPE = "--set encoder.d_model=48 --set encoder.n_layers=1 --set decoder.n_layers=1 --set encoder.d_hidden=96"


def lexicon(rng: random.Random, consonants: str, vowels: str) -> dict[str, list[str]]:
    """Invented words of every kind, each once."""
    found: set[str] = set()
    while len(found) < sum(WORDS.values()):
        found.add("".join(rng.choice(consonants) + rng.choice(vowels) for _ in range(2)))
    words = iter(rng.sample(sorted(found), len(found)))
    return {kind: [next(words) for _ in range(count)] for kind, count in WORDS.items()}


def sentences(seed: int) -> Iterator[Sentence]:
    """Different sentences in both languages."""
    rng = random.Random(seed)
    first, second = lexicon(rng, "bdgklmnprst", "aeiou"), lexicon(rng, "cfhjqvwxyz", "aeiou")
    met = set()

    def word(kind: str) -> tuple[str, str]:
        places = range(WORDS[kind])
        place = rng.choices(places, [0.5**place for place in places])[0]
        return first[kind][place], second[kind][place]

    def phrase() -> tuple[str, str]:
        if rng.random() < 0.4:
            return (rng.choice(NAMES),) * 2
        noun, adjective = word("noun"), word("adjective")
        if rng.random() < 0.5:
            return f"the {noun[0]}", f"la {noun[1]}"
        return f"the {adjective[0]} {noun[0]}", f"la {noun[1]} {adjective[1]}"

    while True:
        subject, verb, thing = phrase(), word("verb"), phrase()
        sentence = (f"{subject[0]} {verb[0]} {thing[0]}.", f"{subject[1]} {verb[1]} {thing[1]}.")
        if sentence not in met:
            met.add(sentence)
            yield sentence


def write_languages(folder: Path, *, n_texts: int, n_pairs: int, n_test: int, seed: int = 1) -> None:
    """mono.la and mono.lb, train.la and train.lb, test.la and test.lb."""
    made = sentences(seed)
    sides: dict[str, list[str]] = {}
    for name, count in (("test", n_test), ("train", n_pairs)):
        pairs = [next(made) for _ in range(count)]
        sides[f"{name}.la"], sides[f"{name}.lb"] = ([pair[side] for pair in pairs] for side in (0, 1))
    for side, name in enumerate(("mono.la", "mono.lb")):
        sides[name] = [next(made)[side] for _ in range(n_texts)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in sides.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/texts"))
    parser.add_argument("--texts", type=int, default=350, help="sentences of each language")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--test", type=int, default=100)
    arguments = parser.parse_args()
    write_languages(arguments.out, n_texts=arguments.texts, n_pairs=arguments.pairs, n_test=arguments.test)
    run = Runner(arguments.out)
    small = f"--recipe mass-small {SHAPE} --set fragment.share=0.5"
    stage = (
        "pretrain mono.la mono.lb --recipe mass-translation-small --set translation.shuffle=2 "
        f"{rates('pretraining', 5e-3)}"
    )
    pairs = f"finetune --source train.la --target train.lb {rates('finetuning', 1e-2)} --epochs 20"
    run("tokenizer train mono.la mono.lb --size 400 --out bpe")
    run(
        f"pretrain mono.la mono.lb --tokenizer bpe {small} {rates('pretraining', 1e-2)} --epochs 6 --out mass"
    )
    run(f"{stage} --model mass --set translation.back_translation=0 --epochs 45 --out noise")
    run(f"{stage} --model noise --epochs 25 --out unpaired")
    run(f"{pairs} --model mass --out pairs-mass")
    run(f"{pairs} --tokenizer bpe {small} --out pairs")
    scores = {
        "copied from the source": run.copied(),
        "MASS alone": run.scores("mass", ("la", "lb"), ("lb", "la")),
        "without pairs: MASS, then noise": run.scores("noise", ("la", "lb"), ("lb", "la")),
        "without pairs: MASS, noise, back-translation": run.scores("unpaired", ("la", "lb"), ("lb", "la")),
        "pairs, from scratch": run.scores("pairs", ("la", "lb")),
        "pairs, after MASS": run.scores("pairs-mass", ("la", "lb")),
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
