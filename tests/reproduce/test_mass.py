"""Protocols of MASS: pairs that are computed, fragments that are written, and the baselines beside them."""

import gzip
import json
import random
from itertools import product
from pathlib import Path

import pytest

from catenane.data import DATASETS
from catenane.notation import get_notation, normalise
from catenane.reproduce import protocols, read_result, reproduce
from catenane.reproduce.generation import NGrams
from catenane.reproduce.pairs import PAIRS

NAMES = ("low-resource", "fragment-length", "properties")
ZN4O = "[Zn][O]([Zn])([Zn])[Zn]"


@pytest.fixture(scope="module")
def data(molecules: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local copies of the protocols' data sets with made-up molecules and frameworks."""
    folder = tmp_path_factory.mktemp("data")
    linkers = [f"O=C([O-]){'c1ccc(' * n}C(=O)[O-]{')cc1' * n}" for n in (1, 2, 3)] + ["O=C([O-])C#CC(=O)[O-]"]
    nets = product(linkers, ("pcu", "dia"), range(4))
    mofs = [f"{linker}.{ZN4O}&&{net}.cat{n}" for linker, net, n in nets]
    used = {
        v.data.name: v.data for name in protocols() if name[:4] == "mass" for v in protocols()[name].variants
    }
    corpora = {"smiles/zinc_100k", "smiles/qm9_smiles"}
    for name in {*used, *corpora}:
        known = DATASETS[name]
        texts = mofs if known.notation == "mofid" else molecules
        if name in corpora:
            texts = [*texts, *(f"{'C' * n}{text}" for n in (2, 3) for text in texts if text[0] == "C")]
        targets = list(used[name].targets) if name in used else []
        targets += ["mu"] if name == "molnet/qm9_subset" and "mu" not in targets else []
        rows = [",".join([known.string_column, *targets])]
        rows += [",".join([text, *(str(text.count("O") % 2) for _ in targets)]) for text in texts]
        path = folder / known.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.mark.parametrize("name", NAMES)
def test_every_protocol_writes_its_tables_and_figures(name: str, data: Path, smallest, out: Path):
    protocol = protocols()[f"mass/{name}"]
    left_out = ("hMOF, CO2 at 0.1 bar", "BBBP")
    only = [v.name for v in protocol.variants if v.share <= 1000 and v.set not in left_out]
    settings = smallest | {"decoder.n_layers": 1}
    result = reproduce(
        protocol.name, epochs=1, seeds=1, only=only[:12], settings=settings, out=out, data_dir=data,
        device="cpu",
    )  # fmt: skip
    assert read_result(out / protocol.name) == result
    assert [file for file, _ in result.figures] == [plot.file for plot in protocol.plots]
    assert all(table.rows for table in result.tables)
    found = json.loads((out / protocol.name / "findings.json").read_text())
    for finding in found.values():
        (values,) = finding["values"]
        assert 0 <= values["test"].get("exact_match", 0) <= 1
        if "pretraining" in values:
            assert values["pretraining"]["perplexity"] > 1


def test_side_chains_and_linkers_are_judged_beside_baselines(data: Path, smallest, out: Path, monkeypatch):
    monkeypatch.setattr("catenane.reproduce.generation.N_HELD_OUT", 6)
    settings = smallest | {"decoder.n_layers": 1}
    result = reproduce("mass/generation", seeds=1, settings=settings, out=out, data_dir=data, device="cpu")
    found = json.loads((out / "mass/generation/findings.json").read_text())
    assert result.figures
    drawn = found["linkers, hMOF: drawn from the training rows"]["values"][0]["generation"]
    assert drawn["valid"] == 1
    assert drawn["novel"] == 0
    written = found["linkers, hMOF: mof-writer"]["values"][0]["generation"]
    grams = found["linkers, hMOF: model of 6-grams"]["values"][0]["generation"]
    assert 0 < written["valid"] <= 1
    for values in (drawn, written, grams):
        assert values["drafts"] == 8 * values["held_out"] > 0
        assert values["yield"] <= values["sound"] <= values["valid"]
    alone = "of molecules alone, one epoch of ZINC"
    assert "generation" not in found[f"linkers, hMOF: {alone}"]["values"][0]
    assert found[f"side chains, ZINC: {alone}"]["values"][0]["generation"]["drafts"]


def test_pairs_are_computed_from_structures():
    records = [get_notation("smiles").read(text) for text in ("OCC", "CC(=O)Nc1ccc(O)cc1")]
    sources, targets = PAIRS["canonical"](records, 3)
    assert [normalise(text, "smiles") for text in sources] == targets == [record.text for record in records]
    assert sources != targets
    assert PAIRS["formula"](records, 0) == (targets, ["C2H6O", "C8H9NO2"])
    mof = get_notation("mofid").read(f"{ZN4O}.O=C([O-])C#CC(=O)[O-]&&pcu.cat0")
    sources, targets = PAIRS["canonical"]([mof], 1)
    assert sources[0].split("&&")[0].split(".") != targets[0].split("&&")[0].split(".") or sources == targets
    assert normalise(sources[0], "mofid") == targets[0]


def test_a_model_of_ngrams_draws_what_followed():
    grams = NGrams([list("CCO"), list("CCN")], longest=3)
    rng = random.Random(0)
    drawn = {"".join(grams.draw("CC", 1, rng)) for _ in range(30)}
    assert drawn == {"O", "N"}
    assert len(grams.draw("OO", 5, rng)) == 5  # behind what it never met, too
