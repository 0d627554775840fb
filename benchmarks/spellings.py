"""How much predictions vary over the spellings of a structure, and what averaging and training do about it.

    python benchmarks/spellings.py --data-dir DIR              # every variant, then the tables
    python benchmarks/spellings.py --data-dir DIR frozen       # one

ESOL, one random split. The network reads the tokens of random spellings as they stand; `predict` itself never
does, for it reads the normal form, whose predictions do not vary. The spread of a molecule is the standard
deviation over 20 random spellings, or of the means of 4 groups of 5; shown is its mean over the test rows.

Two encoders are pretrained here, alike but for the objective `consistency` that is added to one, on a few
strings, and frozen: their states are the only input of the head.

Of frameworks it is `mof-uptake` that predicts, for rows that it was trained on, so that the spread is what
counts. Their blocks come in another order, and linkers in another spelling too. What is measured already is
not measured again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from documents import RESULTS

from catenane import load, pretrain
from catenane.config import load_recipe
from catenane.data import Table, aggregate, make_split, read_table
from catenane.inference import Model
from catenane.models.bundle import load_bundle
from catenane.notation import Mofid, Record
from catenane.train import fit_property_model

ENCODER = "mol-base"
STATES_ALONE = {"head.descriptors": False, "head.fragments": 0}
TRAINED = STATES_ALONE | {
    "head.kind": "network", "head.members": 1, "finetuning.encoder_rate": 0.3, "finetuning.epochs": 15,
    "finetuning.batch_tokens": 2048,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "frozen": {},
    "frozen, states alone": STATES_ALONE,
    "trained, states alone": TRAINED,
    "trained on random spellings": TRAINED | {"finetuning.respell": True},
    "trained with consistency": TRAINED | {"finetuning.consistency": 0.1},
}
"""Settings of the head and the encoder; `frozen` is what `finetune` does by default."""
PRETRAINED = {
    "pretrained by masking, frozen, states alone": {"auxiliary.descriptors": 0.0},
    "pretrained by masking and consistency, frozen, states alone": {
        "auxiliary.descriptors": 0.0, "auxiliary.consistency": 0.3,
    },
}  # fmt: skip
"""Settings of a short pretraining with the shape of `ENCODER`."""
CORPUS, CORPUS_STRINGS, CORPUS_EPOCHS = "smiles/zinc_100k", 4000, 6
FRAMEWORKS, FRAMEWORK_MODEL, FRAMEWORK_TARGET = "mof/hmof", "mof-uptake", "co2_0.1bar"
FRAMEWORK_ROWS = 200
N_SPELLINGS, GROUP = 20, 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [*VARIANTS, *PRETRAINED, *RESPELLINGS]
    names = {"choices": [[], *known], "help": f"of {'; '.join(known)}; all by default"}
    parser.add_argument("names", nargs="*", metavar="NAME", **names)
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    arguments = parser.parse_args()
    path = RESULTS / "spellings.json"
    for name in arguments.names or known:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if name not in found:
            found[name] = measure(name, arguments.data_dir)
            path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(name, found[name], flush=True)
    (RESULTS / "spellings.md").write_text(as_markdown(found), encoding="utf-8")


def measure(name: str, data_dir: Path | None) -> dict[str, float]:
    """Errors and spreads of a variant, in the unit of the label."""
    if name in RESPELLINGS:
        table = aggregate(read_table(FRAMEWORKS, targets=(FRAMEWORK_TARGET,), data_dir=data_dir))
        drawn = np.random.default_rng(0).choice(len(table), FRAMEWORK_ROWS, replace=False)
        model = load(FRAMEWORK_MODEL)
        return spread_of(model, table.take(drawn), RESPELLINGS[name], model.targets.index(FRAMEWORK_TARGET))
    table = aggregate(read_table("molnet/esol", targets=("logS",), data_dir=data_dir))
    split = make_split(table, "random", seed=0, fractions=(0.9, 0.0, 0.1))
    encoder: Any = ENCODER
    if name in PRETRAINED:
        encoder = pretrained(name, table, data_dir)
    parent = load_bundle(encoder)
    recipe = load_bundle(ENCODER).config.recipe.with_settings(VARIANTS.get(name, STATES_ALONE))
    fitted = fit_property_model(
        table, split, recipe, task="regression", parent=parent, intervals=False, device="cpu"
    )
    return spread_of(Model(fitted.bundle), table.take(split.test), Record.respelled)


def pretrained(name: str, table: Table, data_dir: Path | None) -> Path:
    """An encoder that has read a few strings, none of the table's among them."""
    folder = Path("runs") / "spellings"
    folder.mkdir(parents=True, exist_ok=True)
    corpus = folder / "corpus.csv"
    strings = [text for text in read_table(CORPUS, data_dir=data_dir).strings if text not in table.strings]
    pd.Series(strings, name="smiles").sample(CORPUS_STRINGS, random_state=0).to_csv(corpus, index=False)
    settings = PRETRAINED[name] | {"pretraining.epochs": CORPUS_EPOCHS}
    out = folder / str(list(PRETRAINED).index(name))
    pretrain([corpus], recipe=load_recipe(ENCODER), settings=settings, out=out, resume=True, device="cpu")
    return out


def rewritten(record: Record, seed: int) -> Record:
    """The framework with its blocks in another order, and each that RDKit can write in another spelling."""
    parsed: Mofid = record.parsed
    blocks = tuple(Record(block, "smiles").respelled(seed).text for block in parsed.blocks)
    return Record(replace(parsed, blocks=blocks).randomised(seed), "mofid")


Respell = Callable[[Record, int], Record]
RESPELLINGS: dict[str, Respell] = {
    "blocks in another order": Record.respelled,
    "blocks in another order and spelling": rewritten,
}


def spread_of(model: Model, table: Table, respell: Respell, place: int = 0) -> dict[str, float]:
    """Errors and spreads on the rows of a table."""
    records, labels_N = table.records, table.targets[:, 0]

    def predict(records: Sequence[Record], **options: Any) -> np.ndarray:
        return model.predict_normalised(records, **options).values[:, place]

    def rmse(values_N: np.ndarray) -> float:
        return float(np.sqrt(np.mean((values_N - labels_N) ** 2)))

    spellings = [[respell(record, seed) for record in records] for seed in range(1, N_SPELLINGS + 1)]
    spelled_SN = np.array([predict(spelled) for spelled in spellings])
    groups_GN = spelled_SN.reshape(N_SPELLINGS // GROUP, GROUP, -1).mean(axis=1)
    usual_N = predict(records)
    # As `predict` reads them: put into normal form first.
    read_N = model.predictions([record.text for record in spellings[0]]).values[:, place]
    return {
        "rows": len(records),
        "rmse of the normal form": rmse(usual_N),
        "rmse of one random spelling": float(np.mean([rmse(values_N) for values_N in spelled_SN])),
        f"rmse of the mean of {N_SPELLINGS}": rmse(spelled_SN.mean(axis=0)),
        f"rmse with --spellings {GROUP}": rmse(predict(records, spellings=GROUP)),
        "spread of one random spelling": float(spelled_SN.std(axis=0, ddof=1).mean()),
        f"spread of means of {GROUP}": float(groups_GN.std(axis=0, ddof=1).mean()),
        "largest change in predict": float(np.abs(read_N - usual_N).max()),
    }


def as_markdown(found: dict[str, dict[str, float]]) -> str:
    """The tables of all variants that were measured."""
    molecules = {name: scores for name, scores in found.items() if name not in RESPELLINGS}
    frameworks = {name: scores for name, scores in found.items() if name in RESPELLINGS}
    told = (
        f" The encoders that were pretrained for this table read {CORPUS_STRINGS:,} ZINC strings "
        f"{CORPUS_EPOCHS} times."
    )
    texts = (
        f"ESOL, 100 test rows of one random split, log10 mol/L; {N_SPELLINGS} random spellings of each "
        f"molecule, read as they stand.{told if set(PRETRAINED) & set(molecules) else ''}",
        f"`{FRAMEWORK_MODEL}`, {FRAMEWORK_TARGET} in mol/kg, {FRAMEWORK_ROWS} rows of hMOF that it was "
        f"trained on; {N_SPELLINGS} random spellings of each framework, read as they stand. The last column "
        "is the largest change when `predict` is given such a spelling, which it puts into normal form.",
    )
    return "\n".join(
        _table(text, part) for text, part in zip(texts, (molecules, frameworks), strict=True) if part
    )


def _table(text: str, found: dict[str, dict[str, float]]) -> str:
    columns = [name for name in list(found.values())[-1] if name != "rows"]
    lines = [text, "", f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    lines += [
        f"| {name} | {' | '.join(f'{scores[key]:.3f}' if key in scores else '' for key in columns)} |"
        for name, scores in found.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
