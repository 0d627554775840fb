"""Methods of attribution beside a truth that is known: Crippen's logP is a sum over atoms.

    python benchmarks/attribution.py [--encoder BUNDLE] [--seeds N] [--rows N] [--molecules N]   # 15 minutes
    python benchmarks/attribution.py --document       # table and figure alone

Encoders are trained on the logP of ZINC strings, one a seed, starting from `--encoder`, without descriptors
in the head (they are kept in `--models`, and read from there if they are). On molecules that none was trained
on, every method scores every atom, and is held to

- the contributions of the atoms, those of their hydrogens included: Pearson and Spearman correlation within a
  molecule;
- their magnitudes, since attention has no sign: Pearson correlation of absolute values;
- deletion: atoms are masked, the highest score first; how far the prediction has fallen, on average over the
  curve, beside masking at random;
- insertion: of a string whose atoms are all masked they are shown again, the highest first; how far the
  prediction has risen, on average, beside showing them at random.

Shown are means over seeds and molecules, with 95 % intervals by resampling molecules. Then the default way, a
frozen encoder whose head reads descriptors, is trained on a part of the rows, and occlusion of the whole
prediction is held to the same contributions. Encoders measured before are kept.
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
from catenane.formatting import count
from catenane.inference import Model
from catenane.notation import Record
from catenane.predictors import PropertyRegressor
from catenane.reporting.plots import INK, PALETTE, STYLE, settle

HERE = Path(__file__).resolve().parent
RESULT, TABLE = HERE / "results" / "attribution.json", HERE / "results" / "attribution.md"
FIGURE = HERE.parent / "docs" / "images" / "attribution.svg"
CORPUS = "smiles/zinc250k_part"
DEFAULT_ROWS, TESTED_ROWS = 600, 1000
RANDOM_ORDERS = 3
RESAMPLES = 2000
SHARES = np.linspace(0, 1, 11)
"""Of the atoms that are masked or shown, at which the curves are measured."""
SETTINGS = {
    "head.descriptors": False, "head.hidden": [128], "head.dropout": 0.0,
    "finetuning.batch_tokens": 2048, "finetuning.learning_rate": 1.5e-3, "finetuning.min_steps": 0,
}  # fmt: skip
HELD = {"pearson": "Pearson", "spearman": "Spearman", "magnitude": "Pearson of magnitudes"}
AREAS = ("deletion", "insertion")
RANDOM, TRUTH = "random order", "truth"


def main() -> None:
    parser = argparse.ArgumentParser(description="Attributions held to Crippen's contributions.")
    parser.add_argument("--encoder", default="mol-base", help="bundle to start from")
    parser.add_argument("--seeds", type=int, default=3, help="trained models")
    parser.add_argument("--rows", type=int, default=6000, help="training rows")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--molecules", type=int, default=200, help="test molecules")
    parser.add_argument("--models", type=Path, default=Path("runs/logp"), help="folder of the trained models")
    parser.add_argument("--document", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    documents = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if not arguments.document:
        documents[Path(arguments.encoder).name] = measure(arguments)
        RESULT.write_text(json.dumps(documents, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text("\n".join(as_markdown(*each) for each in documents.items()), encoding="utf-8")
    draw(documents)
    print(TABLE.read_text(encoding="utf-8"), end="")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    strings = read(arguments.rows + TESTED_ROWS)
    train, test = strings[: arguments.rows], strings[arguments.rows :]
    tested = test[: arguments.molecules]
    networks, rows = [], []
    for seed in range(arguments.seeds):
        folder = arguments.models / f"{Path(arguments.encoder).name}-{seed}"
        if not folder.exists():
            settings = SETTINGS | {"finetuning.epochs": arguments.epochs}
            regressor = PropertyRegressor(
                "small", model=arguments.encoder, settings=settings, valid_share=0.05, seed=seed
            )
            regressor.fit(train, logp(train)).save(folder)
        model = load(folder)
        networks.append(score_model(model, test))
        rows.append([compare(model, text, seed) for text in tested])
        print(f"seed {seed}: {networks[-1]}", flush=True)
    default = PropertyRegressor().fit(train[:DEFAULT_ROWS], logp(train[:DEFAULT_ROWS]))
    whole = Model(default.bundle_)
    held = [held_to_truth(attribute(whole, Record(text, "smiles"))[0], text) for text in tested]
    methods = {name: summarised([[row[name] for row in of_seed] for of_seed in rows]) for name in rows[0][0]}
    occlusion = summarised([held])["scores"]
    return {
        "corpus": CORPUS, "training_rows": arguments.rows, "molecules": len(tested), "seeds": arguments.seeds,
        "network": averaged(networks), "methods": methods,
        "default": {"training_rows": DEFAULT_ROWS, **score_model(whole, test), "occlusion": occlusion},
    }  # fmt: skip


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


def compare(model: Model, text: str, seed: int) -> dict[str, dict[str, Any]]:
    """What every method scores on one molecule, and its curves; of random orders their mean."""
    scorer = TokenScorer(model, Record(text, "smiles"))
    rng = np.random.default_rng(seed)
    found = {name: attribute(model, scorer.record, method=name)[0] for name in METHODS}
    orders = [np.nan_to_num(scores) for scores in found.values()] + [contributions(text)]
    orders += [rng.random(len(scorer.alignment.symbols)) for _ in range(RANDOM_ORDERS)]
    drawn = curves(scorer, orders)
    random = drawn[-RANDOM_ORDERS:].mean(axis=0)
    measured = {}
    for name, of_order in zip((*METHODS, TRUTH, RANDOM), [*drawn[:-RANDOM_ORDERS], random], strict=True):
        held = held_to_truth(found[name], text) if name in found else {}
        areas = dict(zip(AREAS, (of_order - random).mean(axis=-1).tolist(), strict=True))
        measured[name] = {**held, **areas, "curves": of_order}
    return measured


def curves(scorer: TokenScorer, orders: list[np.ndarray]) -> np.ndarray:
    """Fall as a share of the atoms is masked, the highest score first, and rise as it is shown.

    Of each order both at every share, (orders, 2, 11).
    """
    mask, rows = scorer.model.bundle.tokenizer.mask_id, []
    for scores in orders:
        tokens = scorer.alignment.token_of_atom[np.argsort(-scores, kind="stable")]
        for share in SHARES:
            first = tokens[: round(share * len(tokens))]
            hidden, shown = scorer.ids_L.copy(), scorer.ids_L.copy()
            hidden[first] = mask
            shown[np.setdiff1d(tokens, first)] = mask
            rows += [hidden, shown]
    values = scorer.values(np.array(rows)).reshape(len(orders), len(SHARES), 2).transpose(0, 2, 1)
    return (values - values[..., :1]) * np.array([[-1], [1]])


def averaged(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def summarised(rows: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Of seeds and molecules mean, half of the interval, and deviation between seeds; mean curves."""
    found: dict[str, Any] = {"scores": {}}
    picks = np.random.default_rng(0).integers(len(rows[0]), size=(RESAMPLES, len(rows[0])))
    for name in rows[0][0]:
        values = np.array([[row[name] for row in of_seed] for of_seed in rows])
        if name == "curves":
            found[name] = values.mean(axis=(0, 1)).round(4).tolist()
            continue
        of_molecule = np.nanmean(values, axis=0)
        half = 1.96 * np.nanmean(of_molecule[picks], axis=1).std()
        between = np.nanmean(values, axis=1).std(ddof=1) if len(rows) > 1 else 0.0
        numbers = {"mean": np.nanmean(of_molecule), "half": half, "between_seeds": between}
        found["scores"][name] = {key: round(float(number), 4) for key, number in numbers.items()}
    return found


def as_markdown(encoder: str, document: dict[str, Any]) -> str:
    network, default = document["network"], document["default"]

    def cell(scores: dict[str, Any], key: str) -> str:
        return f"{scores[key]['mean']:.2f} ± {scores[key]['half']:.2f}" if key in scores else ""

    methods = {name: each["scores"] for name, each in document["methods"].items() if name != RANDOM}
    between = max(each["between_seeds"] for scores in methods.values() for each in scores.values())
    lines = [
        f"**{encoder}**, trained on Crippen's logP of {document['training_rows']:,} ZINC molecules with "
        f"{count(document['seeds'], 'seed')} (test MAE {network['test_mae']:.2f}, "
        f"R² {network['test_r2']:.2f}); "
        f"{document['molecules']} molecules that it was not trained on. Deletion and insertion are in units "
        "of logP, beside random orders: more is better. Means with 95 % intervals over molecules"
        + (f"; seeds deviate by {between:.2f} at most." if document["seeds"] > 1 else "."),
        "",
        f"| method | {' | '.join([*HELD.values(), *AREAS])} |",
        f"|---|{'---:|' * (len(HELD) + len(AREAS))}",
        *(
            f"| {name} | {' | '.join(cell(scores, key) for key in (*HELD, *AREAS))} |"
            for name, scores in methods.items()
        ),
        "",
        f"The default way, a frozen encoder and descriptors, trained on {default['training_rows']:,} of the "
        f"rows (test MAE {default['test_mae']:.2f}, R² {default['test_r2']:.2f}): occlusion of the whole "
        f"prediction has a Pearson correlation of {cell(default['occlusion'], 'pearson')} and a Spearman "
        f"correlation of {cell(default['occlusion'], 'spearman')} with the contributions.",
        "",
    ]
    return "\n".join(lines)


def draw(documents: dict[str, Any]) -> None:
    """Curves of all methods: a row of panels for each encoder."""
    import matplotlib.style
    from matplotlib.figure import Figure

    looks = {TRUTH: {"color": INK, "ls": "--"}, RANDOM: {"color": INK, "ls": ":"}}
    looks |= {name: {"color": colour} for name, colour in zip(METHODS, PALETTE, strict=True)}
    titles = ("masked, highest score first", "shown again, highest score first")
    with matplotlib.style.context(["default", STYLE], after_reset=True):
        figure = Figure(figsize=(9, 0.6 + 3.3 * len(documents)))
        panels = figure.subplots(len(documents), 2, sharex=True, squeeze=False)
        for (encoder, document), row in zip(documents.items(), panels, strict=True):
            for axes, title, place, ylabel in zip(row, titles, (0, 1), ("fall", "rise"), strict=True):
                for name, each in document["methods"].items():
                    label = "Crippen's contributions" if name == TRUTH else name
                    axes.plot(100 * SHARES, each["curves"][place], lw=1.8, label=label, **looks[name])
                axes.set(title=title, ylabel=f"{encoder}\n{ylabel} of predicted logP")
        for axes in panels[-1]:
            axes.set_xlabel("atoms, %")
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        settle(figure)
        figure.savefig(FIGURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
