"""Trains the model that writes fragments and comes with the package, and measures what it proposes.

    python benchmarks/writer.py --data-dir DIR            # choose strings, train, measure
    python benchmarks/writer.py --data-dir DIR --measure  # only measure what is shipped

Strings are MOFids of CoRE, QMOF and hMOF, chosen so that no linker fills the corpus, and molecules of ZINC.
Proposals are made for linkers of hMOF frameworks that were not chosen.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
from documents import RESULTS
from models import RUNS

import catenane
from catenane.errors import NotationError
from catenane.inference import load
from catenane.inference.novelty import parts_met
from catenane.models.bundle import load_bundle, save_bundle
from catenane.notation import Mofid
from catenane.screen.proposals import propose
from catenane.train import pretrain

NAME = "mof-writer"
BUNDLED = Path(catenane.__file__).parent / "models" / "bundled" / NAME
SOURCES = (
    ("coremof2024_mofid", 4, None, 220),
    ("qmof_mofid", 4, None, 220),
    ("hmof_mofid", 2, 6500, 180),
    ("hmof_metal_subsets", 2, 1000, 180),
)
"""File; frameworks of one linker, at most, unless another linker is rarer; frameworks; characters of one."""
MOLECULES = 12_000
SETTINGS = {"pretraining.learning_rate": 2e-3, "fragment.parts": 0.7, "pretraining.epochs": 4}
FRAMEWORKS, PROPOSALS = 6, 20
"""That are measured, and wanted of each."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", action="store_true", help="only measure what is shipped")
    parser.add_argument("--run", type=Path, help="ship this run of pretrain, without training again")
    parser.add_argument("--data-dir", type=Path, required=True, help="local copies of the data sets")
    arguments = parser.parse_args()
    mofids, molecules = choose(arguments.data_dir)
    if not arguments.measure:
        ship(arguments.run or train(mofids, molecules), [*mofids, *molecules])
    RESULTS.mkdir(exist_ok=True)
    result = measure(arguments.data_dir, set(mofids))
    (RESULTS / "writer.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def choose(data_dir: Path) -> tuple[list[str], list[str]]:
    """MOFids as they are spelled, and molecules."""
    rng = random.Random(1)
    met: Counter[str] = Counter()
    chosen = set()
    for name, most_alike, most, longest in SOURCES:
        texts = sorted(set(pd.read_csv(data_dir / "mof" / f"{name}.csv.gz")["mofid"]))
        rng.shuffle(texts)
        n_taken = 0
        for text in texts:
            if len(text) > longest or n_taken == most:
                continue
            try:
                mofid = Mofid.parse(text)
            except NotationError:
                continue
            linkers = set(mofid.linkers)
            if linkers and min(met[linker] for linker in linkers) < most_alike:
                met.update(linkers)
                chosen.add(str(mofid))
                n_taken += 1
    mofids = sorted(chosen)
    rng.shuffle(mofids)
    molecules = pd.read_csv(data_dir / "smiles" / "zinc250k_part.csv.gz")["smiles"]
    return mofids, molecules.sample(MOLECULES, random_state=0).tolist()


def train(mofids: list[str], molecules: list[str]) -> Path:
    """Pretrain from the first weight."""
    folder = RUNS / NAME
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"mofid": mofids}).to_csv(folder / "mofids.csv", index=False)
    pd.DataFrame({"smiles": molecules}).to_csv(folder / "molecules.csv", index=False)
    corpora = [folder / "mofids.csv", folder / "molecules.csv"]
    return pretrain(
        corpora, out=folder / "run", recipe="mass-small", settings=SETTINGS, seed=2, resume=True
    ).folder


def ship(run: Path, strings: list[str]) -> None:
    """The bundle of a run, with a card of its own."""
    bundle = load_bundle(run)
    n_mofids = len(strings) - MOLECULES
    card = bundle.card | {
        "name": NAME,
        "description": "Writes linkers of frameworks, side chains of molecules and any other fragment "
        "(masked sequence to sequence). Its encoder can be fine-tuned.",
        "corpora": [
            "mof/coremof2024",
            "mof/qmof",
            "mof/hmof",
            "mof/hmof_metal_subsets",
            "smiles/zinc250k_part",
        ],
    }
    card["training"] = {
        "pretrained_on": f"{n_mofids:,} MOFids and {MOLECULES:,} molecules (recipe mass-small)"
    } | card["training"]
    training = bundle.training or parts_met(normal(strings))
    save_bundle(BUNDLED, replace(bundle, card=card, training=training))


def normal(strings: list[str]) -> list[str]:
    """Normal forms of what can be read."""
    from catenane.notation import Record, read_mixed

    return [item.text for item in read_mixed(strings, "mofid") if isinstance(item, Record)]


def measure(data_dir: Path, trained_on: set[str]) -> dict[str, object]:
    """Proposals for linkers of frameworks that were not trained on, and for one ranked by uptake."""
    texts = sorted(set(pd.read_csv(data_dir / "mof" / "hmof_mofid.csv.gz")["mofid"]) - trained_on)
    frameworks = random.Random(7).sample([text for text in texts if len(text) <= 180], FRAMEWORKS)
    writer = load(NAME)
    n_drafts = n_valid = n_shown = n_new = 0
    left_out: Counter[str] = Counter()
    for text in frameworks:
        found = propose(writer, text, vary="linker", n=PROPOSALS)
        n_drafts += found.n_drafts
        n_valid += found.n_valid
        left_out.update(found.left_out)
        n_shown += len(found.table)
        n_new += int(found.table["new"].sum())
    ranker = load("mof-uptake")
    began, processor = time.monotonic(), time.process_time()
    mof5 = "O=C([O-])c1ccc(C(=O)[O-])cc1.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"
    ranked = propose(writer, mof5, vary="linker", n=20, ranker=ranker, target="co2_0.1bar")
    return {
        "model": {
            key: writer.bundle.card["training"][key] for key in ("valid_loss", "accuracy", "perplexity")
        },
        "frameworks": len(frameworks),
        "drafts": n_drafts,
        "share_sound_and_different": n_valid / n_drafts,
        "left_out": {reason: count / n_drafts for reason, count in left_out.most_common()},
        "proposals": n_shown,
        "share_new_linkers": n_new / n_shown,
        "ranked": {
            "string": mof5,
            "proposals": len(ranked.table),
            "highest_mol_kg": float(ranked.table["co2_0.1bar"].max()),
            "own_mol_kg": float(ranked.origin["co2_0.1bar"]),
            "seconds": round(time.monotonic() - began, 1),
            "processor_seconds": round(time.process_time() - processor, 1),
        },
    }


if __name__ == "__main__":
    main()
