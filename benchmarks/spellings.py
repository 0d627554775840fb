"""How much predictions vary over the spellings of a molecule, and what averaging and training do about it.

    python benchmarks/spellings.py --data-dir DIR              # every variant, then the table
    python benchmarks/spellings.py --data-dir DIR frozen       # one

ESOL, one random split. The network reads the tokens of random spellings as they stand; `predict` itself never
does, for it reads the normal form, whose predictions do not vary. The spread of a molecule is the standard
deviation over 20 random spellings, or of the means of 4 groups of 5; shown is its mean over the test rows.
What is measured already is not measured again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from documents import RESULTS

from catenane.data import Table, aggregate, make_split, read_table
from catenane.inference import Model
from catenane.models.bundle import load_bundle
from catenane.train import fit_property_model

ENCODER = "mol-small"
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
N_SPELLINGS, GROUP = 20, 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(VARIANTS)}; all by default")
    parser.add_argument("--data-dir", type=Path, help="local copies of the data sets")
    arguments = parser.parse_args()
    path = RESULTS / "spellings.json"
    table = aggregate(read_table("molnet/esol", targets=("logS",), data_dir=arguments.data_dir))
    for name in arguments.names or VARIANTS:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if name not in found:
            found[name] = measure(table, VARIANTS[name])
            path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(name, found[name], flush=True)
    (RESULTS / "spellings.md").write_text(as_markdown(found), encoding="utf-8")


def measure(table: Table, settings: dict[str, Any]) -> dict[str, float]:
    """Errors and spreads on the test rows, log10 mol/L."""
    parent = load_bundle(ENCODER)
    split = make_split(table, "random", seed=0, fractions=(0.9, 0.0, 0.1))
    recipe = parent.config.recipe.with_settings(settings)
    fitted = fit_property_model(
        table, split, recipe, task="regression", parent=parent, intervals=False, device="cpu"
    )
    model, records = Model(fitted.bundle), [table.records[row] for row in split.test]
    labels_N = table.targets[split.test, 0]

    def rmse(values_N: np.ndarray) -> float:
        return float(np.sqrt(np.mean((values_N - labels_N) ** 2)))

    spelled_SN = np.array(
        [
            model.predict_normalised([record.respelled(seed) for record in records]).values[:, 0]
            for seed in range(1, N_SPELLINGS + 1)
        ]
    )
    groups_GN = spelled_SN.reshape(N_SPELLINGS // GROUP, GROUP, -1).mean(axis=1)
    return {
        "rows": len(records),
        "rmse of the normal form": rmse(model.predict_normalised(records).values[:, 0]),
        "rmse of one random spelling": float(np.mean([rmse(values_N) for values_N in spelled_SN])),
        f"rmse of the mean of {N_SPELLINGS}": rmse(spelled_SN.mean(axis=0)),
        f"rmse with --spellings {GROUP}": rmse(
            model.predict_normalised(records, spellings=GROUP).values[:, 0]
        ),
        "spread of one random spelling": float(spelled_SN.std(axis=0, ddof=1).mean()),
        f"spread of means of {GROUP}": float(groups_GN.std(axis=0, ddof=1).mean()),
    }


def as_markdown(found: dict[str, dict[str, float]]) -> str:
    """The table of all variants that were measured."""
    columns = [name for name in next(iter(found.values())) if name != "rows"]
    lines = [
        "ESOL, 100 test rows of one random split, log10 mol/L; "
        f"{N_SPELLINGS} random spellings of each molecule, read as they stand.",
        "",
        f"| | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    lines += [
        f"| {name} | {' | '.join(f'{scores[column]:.3f}' for column in columns)} |"
        for name, scores in found.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
