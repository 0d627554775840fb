"""Protocols on several data sets, with classes, several labels and splits that are given."""

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from catenane.data import DATASETS, make_split, read_table
from catenane.metrics import mean_scores
from catenane.reproduce import protocols, read_result, reproduce
from catenane.reproduce.protocols import published_rows
from catenane.reproduce.training import Case
from catenane.reproduce.workbench import Workbench


def solid(text: str, seed: int) -> tuple[str, str, str]:
    """A string, and the elements and places of its atoms in a geometry with them in another order."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    mol = Chem.AddHs(Chem.MolFromSmiles(text))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    places = mol.GetConformer().GetPositions()[order]
    symbols = " ".join(mol.GetAtomWithIdx(index).GetSymbol() for index in order)
    xyz = ";".join(",".join(f"{each:.4f}" for each in place) for place in places)
    return text, symbols, f'"{xyz}"'


NAMES = [name for name in protocols() if name.startswith("molformer/")] + ["bert-chem/multitask"]
SEVERAL = ("first task", "second task")


@pytest.fixture(scope="session")
def made_up_molecules(molecules: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local copies of the protocols' data sets with made-up molecules; every fifth label is missing."""
    folder = tmp_path_factory.mktemp("data")
    for data in {v.data.name: v.data for name in NAMES for v in protocols()[name].variants}.values():
        path = folder / DATASETS[data.name].file
        path.parent.mkdir(parents=True, exist_ok=True)
        if data.columns:
            rows = ["smiles,symbols,xyz_angstrom", *(",".join(solid(text, 0)) for text in molecules[:8])]
            path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
            continue
        targets = SEVERAL if "*" in data.targets else data.targets
        rows = [",".join(["split", "smiles", *targets])]
        for index, text in enumerate(molecules):
            numbers = [(text.count("O") + place + index % 3) for place in range(len(targets))]
            if data.task == "classification":
                numbers = [number % 2 for number in numbers]
            cells = ["" if (index + place) % 5 == 4 else str(n) for place, n in enumerate(numbers)]
            part = ("train", "train", "train", "valid", "test")[index // 2 % 5]
            rows.append(",".join([part, text, *(cells if len(cells) > 1 else map(str, numbers))]))
        path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    corpora = {name for each in NAMES for v in protocols()[each].variants for name in v.corpus}
    for number, name in enumerate(sorted(corpora)):
        path = folder / DATASETS[name].file
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [f"{'C' * n}{text}" for n in range(3 + number, 8) for text in molecules if text[0] == "C"]
        path.write_bytes(gzip.compress(("\n".join(["smiles", *texts]) + "\n").encode()))
    return folder


@pytest.fixture
def run(made_up_molecules: Path, smallest, tmp_path: Path):
    """Runs a protocol on 80 made-up molecules for one epoch with one seed, unless told otherwise."""

    def run(name: str, **changes):
        asked = {"rows": 80, "epochs": 1, "seeds": 1, "settings": smallest, "out": tmp_path, "device": "cpu"}
        return reproduce(name, **(asked | {"data_dir": made_up_molecules} | changes))

    return run


def cells_of(result) -> dict[tuple[str, str, str], list[float]]:
    return {(t.title, r.quantity, r.column): list(r.by_seed) for t in result.tables for r in t.rows}


@pytest.mark.parametrize("name", NAMES)
def test_every_protocol_writes_its_tables_and_figures(name: str, run, tmp_path: Path):
    protocol = protocols()[name]
    result = run(name, only=[variant.name for variant in protocol.variants[:3]])
    assert read_result(tmp_path / name) == result
    assert {title for table in result.tables for title in protocol.tables if table.title.startswith(title)}
    assert all(table.rows for table in result.tables)
    assert [file for file, _ in result.figures] == [plot.file for plot in protocol.plots]
    assert str(tmp_path) not in (tmp_path / name / "result.md").read_text()


def test_several_labels_are_scored_where_they_are_known(run, made_up_molecules: Path, tmp_path: Path):
    only = ["Tox21, predefined split: boosting*"]
    result = run("molformer/classification", only=only, rows=None)
    (area,) = cells_of(result)[
        "ROC AUC of the test rows, percent, mean over tasks, predefined split", "boosting on descriptors",
        "Tox21",
    ]  # fmt: skip
    (stage,) = tmp_path.glob("stages/baseline-*/stage.json")
    predicted_MT = np.array(json.loads(stage.read_text())["predictions"])
    table = read_table(
        "molformer_splits/tox21", targets=SEVERAL, columns=["split"], data_dir=made_up_molecules
    )
    test = [part == "test" for part in table.columns["split"]]
    known_MT = table.targets[test]
    assert np.isnan(known_MT).any()
    areas = [
        roc_auc_score(known[~np.isnan(known)], predicted[~np.isnan(known)])
        for known, predicted in zip(known_MT.T, predicted_MT.T, strict=True)
    ]
    assert area == pytest.approx(100 * np.mean(areas))


def test_labels_are_computed_and_shuffled(made_up_molecules: Path):
    from rdkit.Chem import QED, Crippen

    protocol = protocols()["bert-chem/multitask"]
    bench = Workbench(protocol=protocol, folder=made_up_molecules, rows=20, data_dir=made_up_molecules)
    data = protocol.variants[0].data
    table = bench.table(data)
    assert table.target_names == ("logP", "QED", "SAS")
    mols = [record.parsed.mol for record in table.records]
    expected = [(Crippen.MolLogP(mol), QED.qed(mol)) for mol in mols]
    np.testing.assert_allclose(table.targets[:, :2], expected)
    shuffled = bench.table(dataclasses.replace(data, shuffled=True))
    assert shuffled.strings == table.strings
    assert sorted(shuffled.targets.tolist()) == sorted(table.targets.tolist())
    assert shuffled.targets.tolist() != table.targets.tolist()


def test_attention_moves_in_training_and_a_given_encoder_is_not_pretrained(run, tmp_path: Path):
    result = run("bert-chem/multitask", only=["pretrained"], model="mol-base", out=tmp_path, epochs=2)
    assert result.name == "bert-chem/multitask@mol-base"
    assert not list(tmp_path.glob("stages/pretraining-*"))
    cells = cells_of(result)
    moved = "Jensen-Shannon distance between attention maps before and after fine-tuning"
    assert 0 < cells[moved, "pretrained: layer 3", ""][0] < 1
    (stage,) = tmp_path.glob("stages/training-*/stage.json")
    history = json.loads(stage.read_text())["history"]
    assert {"train_mse_logP", "test_mse_SAS"} <= set(history[-1])


def test_a_grid_takes_what_is_best_on_the_validation_rows(run, made_up_molecules: Path, monkeypatch):
    protocol = protocols()["molformer/regression"]
    (variant,) = protocol.chosen(["ESOL, predefined split: frozen*"])
    tried = []

    def scored(labels, predictions, task, deviations=None):
        tried.append(labels)
        return mean_scores(labels, predictions, task, deviations) | {
            "mae_sd": [3.0, 1.0, 2.0][len(tried) - 1]
        }

    monkeypatch.setattr("catenane.reproduce.training.mean_scores", scored)
    object.__setattr__(variant, "grid", {"head.hidden": [[], [4], [8]]})
    bench = Workbench(
        protocol=protocol, folder=made_up_molecules / "stages", data_dir=made_up_molecules, device="cpu",
        settings={"finetuning.epochs": 1},
    )  # fmt: skip
    case = Case(bench, variant, 0)
    assert case.trained["chosen"] == {"head.hidden": [4]}
    assert all(np.array_equal(labels, case.labels[case.split.valid]) for labels in tried)


def test_another_encoder_takes_the_place_of_the_bundled_one(run, made_up_molecules: Path, tmp_path: Path):
    from catenane.models.bundle import load_bundle, save_bundle
    from catenane.train.start import DEFAULT_MODELS

    bundle = load_bundle(DEFAULT_MODELS["smiles"])
    for weight in bundle.encoder.parameters():
        weight.data.mul_(0.5)
    save_bundle(tmp_path / "mine", bundle)
    only = ["FreeSolv, predefined split: default"]
    usual = cells_of(run("molformer/regression", only=only))
    result = run("molformer/regression", only=only, model=tmp_path / "mine")
    assert result.name == "molformer/regression@mine"
    key = "RMSE of the test rows, predefined split", "default", "FreeSolv"
    assert cells_of(result)[key] != usual[key]
    assert read_result(tmp_path / "molformer/regression").name == "molformer/regression"


def test_printed_tables_stand_by_data_set_however_they_are_printed():
    by_column = published_rows(["molformer", "table", "table1"], ["BACE", "Tox21", "Mine"])
    assert by_column["MolFormer-XL"] == {"BACE": "88.21", "Tox21": "84.7"}
    assert "ChemBerta" not in by_column  # which prints nothing of these sets
    by_row = published_rows(["molformer", "table", "table2"], ["ESOL", "QM8"])
    assert by_row["MoLFormer-XL"] == {"ESOL": "0.2787", "QM8": "0.0102"}
    assert list(by_row) == ["GC", "A-FP", "MPNN", "MoLFormer-XL"]


def test_shared_scaffolds_are_counted_among_molecules_with_a_ring(made_up_molecules: Path, tmp_path: Path):
    from catenane.reproduce.measures import leakage

    protocol = protocols()["molformer/regression"]
    bench = Workbench(protocol=protocol, folder=tmp_path, rows=10, data_dir=made_up_molecules)
    given, drawn = protocol.chosen(["ESOL, *: default"])
    shared = leakage(Case(bench, given, 0))["shared"]
    table = bench.read("molformer_splits/esol")
    split = make_split(table, "column:split")
    scaffolds = [record.parsed.scaffold() for record in table.records]
    known = {scaffolds[row] for row in split.train}
    ringed = [scaffolds[row] for row in split.test if scaffolds[row]]
    assert shared["tested"] == len(split.test) > len(ringed) == shared["ringed"]
    assert shared["scaffold"] == sum(scaffold in known for scaffold in ringed) > 0
    assert leakage(Case(bench, drawn, 0))["shared"]["scaffold"] == 0


@pytest.mark.parametrize(("name", "known", "ringed"), [("bace", 97, 151), ("clintox", 74, 140)])
def test_given_parts_share_scaffolds(shared_data: Path, name: str, known: int, ringed: int, tmp_path: Path):
    from catenane.reproduce.measures import leakage

    protocol = protocols()["molformer/classification"]
    variant = next(v for v in protocol.variants if v.data.name == f"molformer_splits/{name}")
    bench = Workbench(protocol=protocol, folder=tmp_path, data_dir=shared_data)
    shared = leakage(Case(bench, variant, 0))["shared"]
    assert (shared["scaffold"], shared["ringed"]) == (known, ringed)
