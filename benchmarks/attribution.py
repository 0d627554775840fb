"""Methods of attribution beside a truth that is known: Crippen's logP is a sum over atoms.

    python benchmarks/attribution.py [--rows N] [--epochs N] [--molecules N] [--model FOLDER] [--out FOLDER]

An encoder is trained on the logP of ZINC strings, starting from `mol-small`, without descriptors in the head
(it is kept in `--model`, and read from there if it is). On molecules that it was not trained on, every method
scores every atom, and is held to

- the contributions of the atoms, those of their hydrogens included: Pearson and Spearman correlation within a
  molecule, mean over molecules;
- their magnitudes, since attention has no sign: Pearson correlation of absolute values;
- deletion: atoms are masked, the highest score first; how far the prediction has fallen, on average over the
  curve, beside masking at random;
- insertion: of a string whose atoms are all masked they are shown again, the highest first; how far the
  prediction has risen, on average, beside showing them at random.

Then the default way, a frozen encoder whose head reads descriptors, is trained on a part of the rows, and
occlusion of the whole prediction is held to the same contributions.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors
from scipy.stats import pearsonr, spearmanr

from catenane import load
from catenane.analysis import METHODS, TokenScorer, attribute
from catenane.data import stream_strings
from catenane.inference import Model
from catenane.notation import Record
from catenane.predictors import PropertyRegressor

HERE = Path(__file__).resolve().parent
CORPUS = "smiles/zinc250k_part"
DEFAULT_ROWS = 600
RANDOM_ORDERS = 3
SETTINGS = {
    "head.descriptors": False, "head.hidden": [128], "head.dropout": 0.0,
    "finetuning.batch_tokens": 2048, "finetuning.learning_rate": 1.5e-3, "finetuning.min_steps": 0,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Attributions held to Crippen's contributions.")
    parser.add_argument("--rows", type=int, default=6000, help="training rows")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--molecules", type=int, default=25, help="test molecules")
    parser.add_argument("--model", type=Path, default=Path("runs/logp"), help="the trained model")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder for the two tables")
    arguments = parser.parse_args()
    strings = read(arguments.rows + 1000)
    train, test = strings[: arguments.rows], strings[arguments.rows :]
    if not arguments.model.exists():
        settings = SETTINGS | {"finetuning.epochs": arguments.epochs}
        regressor = PropertyRegressor("small", model="mol-small", settings=settings, valid_share=0.05)
        regressor.fit(train, logp(train)).save(arguments.model)
    model = load(arguments.model)
    document: dict[str, Any] = {
        "corpus": CORPUS,
        "training_rows": arguments.rows,
        "molecules": arguments.molecules,
        "network": score_model(model, test),
        "methods": compare(model, test[: arguments.molecules]),
    }
    default = PropertyRegressor().fit(train[:DEFAULT_ROWS], logp(train[:DEFAULT_ROWS]))
    whole = Model(default.bundle_)
    tested = test[: arguments.molecules]
    found = [held_to_truth(attribute(whole, Record(text, "smiles"))[0], text) for text in tested]
    document["default"] = {
        "training_rows": DEFAULT_ROWS,
        **score_model(whole, test),
        "occlusion": averaged(found),
    }
    (arguments.out / "attribution.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "attribution.md").write_text(as_markdown(document), encoding="utf-8")
    print(as_markdown(document), end="")


def read(most: int) -> list[str]:
    """Strings in normal form, drawn at random."""
    every = pd.Series([text for _, text in stream_strings(CORPUS)])
    return [Chem.MolToSmiles(Chem.MolFromSmiles(text)) for text in every.sample(most, random_state=0)]


def logp(strings: list[str]) -> np.ndarray:
    return np.array([Crippen.MolLogP(Chem.MolFromSmiles(text)) for text in strings])


def score_model(model: Model, strings: list[str]) -> dict[str, float]:
    errors = model.predictions(strings).values[:, 0] - logp(strings)
    return {
        "test_mae": float(np.abs(errors).mean()),
        "test_r2": 1 - float(errors.var() / logp(strings).var()),
    }


def contributions(text: str) -> np.ndarray:
    """What each heavy atom adds to logP, its hydrogens included."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(text))
    each = [logp for logp, _ in rdMolDescriptors._CalcCrippenContribs(molecule)]
    found = np.array([each[atom.GetIdx()] for atom in molecule.GetAtoms() if atom.GetAtomicNum() > 1])
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() == 1:
            found[atom.GetNeighbors()[0].GetIdx()] += each[atom.GetIdx()]
    return found


def held_to_truth(scores: np.ndarray, text: str) -> dict[str, float]:
    known, truth = np.isfinite(scores), contributions(text)
    return {
        "pearson": float(pearsonr(scores[known], truth[known]).statistic),
        "spearman": float(spearmanr(scores[known], truth[known]).statistic),
        "magnitude": float(pearsonr(np.abs(scores[known]), np.abs(truth[known])).statistic),
        "unscored": float((~known).mean()),
    }


def compare(model: Model, strings: list[str]) -> dict[str, dict[str, float]]:
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in (*METHODS, "truth")}
    for text in strings:
        scorer = TokenScorer(model, Record(text, "smiles"))
        rng = np.random.default_rng(0)
        random = np.mean(
            [curves(scorer, rng.random(len(scorer.alignment.symbols))) for _ in range(RANDOM_ORDERS)], axis=0
        )
        for name, found in rows.items():
            if name == "truth":
                scores, held = contributions(text), {}
            else:
                scores, _ = attribute(model, scorer.record, method=name)
                held = held_to_truth(scores, text)
            deletion, insertion = curves(scorer, np.nan_to_num(scores)) - random
            found.append({**held, "deletion": float(deletion), "insertion": float(insertion)})
    return {name: averaged(found) for name, found in rows.items()}


def curves(scorer: TokenScorer, scores: np.ndarray) -> np.ndarray:
    """Mean fall as atoms are masked, the highest score first, and mean rise as they are shown again so."""
    tokens = scorer.alignment.token_of_atom[np.argsort(-scores, kind="stable")]
    mask = scorer.model.bundle.tokenizer.mask_id
    hidden = np.repeat(scorer.ids_L[None], len(tokens) + 1, axis=0)
    shown = hidden.copy()
    shown[:, tokens] = mask
    for place, token in enumerate(tokens, start=1):
        hidden[place:, token] = mask
        shown[place:, token] = scorer.ids_L[token]
    falls, rises = scorer.values(hidden), scorer.values(shown)
    return np.array([np.mean(falls[0] - falls[1:]), np.mean(rises[1:] - rises[0])])


def averaged(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def as_markdown(document: dict[str, Any]) -> str:
    network, default = document["network"], document["default"]
    lines = [
        f"An encoder trained on Crippen's logP of {document['training_rows']:,} ZINC molecules "
        f"(test MAE {network['test_mae']:.2f}, R² {network['test_r2']:.2f}), and {document['molecules']} "
        "molecules that it was not trained on. Deletion and insertion are in units of logP, beside random "
        "orders: more is better.",
        "",
        "| method | Pearson | Spearman | Pearson of magnitudes | deletion | insertion |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in document["methods"].items():
        held = [f"{row[key]:.2f}" if key in row else "" for key in ("pearson", "spearman", "magnitude")]
        lines.append(f"| {name} | {' | '.join(held)} | {row['deletion']:.2f} | {row['insertion']:.2f} |")
    occlusion = default["occlusion"]
    lines += [
        "",
        f"The default way, a frozen encoder and descriptors, trained on {default['training_rows']:,} of the "
        f"rows (test MAE {default['test_mae']:.2f}, R² {default['test_r2']:.2f}): occlusion of the whole "
        f"prediction has a Pearson correlation of {occlusion['pearson']:.2f} and a Spearman correlation of "
        f"{occlusion['spearman']:.2f} with the contributions.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
