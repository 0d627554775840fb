import json
from pathlib import Path

import pytest
import torch

from catenane.config import load_recipe
from catenane.errors import BundleError
from catenane.models import Bundle, BundleConfig, find_bundle, load_bundle, save_bundle
from catenane.models.bundle import FORMAT
from catenane.tokenizers import load_tokenizer


def make_bundle(tiny: dict[str, object], kind: str = "property", seed: int = 0) -> Bundle:
    tokenizer = load_tokenizer("smiles")
    recipe = load_recipe("small").with_settings(tiny | {"encoder.vocabulary_size": tokenizer.vocabulary_size})
    config = BundleConfig(
        kind=kind,
        notation="smiles",
        recipe=recipe,
        task="regression" if kind == "property" else None,
        targets=("logS", "density") if kind == "property" else (),
        descriptors=("mass",) if kind == "property" else (),
    )
    torch.manual_seed(seed)
    card = {"name": "test", "targets": {"logS": {"unit": "log10 mol/L", "test": {"mae": 0.5, "n": 10}}}}
    return Bundle(config=config, model=config.build_model().eval(), tokenizer=tokenizer, card=card)


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    save_bundle(tmp_path / "model", make_bundle(tiny))
    return tmp_path / "model"


@pytest.mark.parametrize("kind", ["property", "encoder"])
def test_comes_back_as_it_was(kind: str, tiny, tmp_path: Path):
    bundle = make_bundle(tiny, kind)
    save_bundle(tmp_path / "model", bundle)
    loaded = load_bundle(tmp_path / "model")
    assert loaded.config == bundle.config
    assert loaded.card == bundle.card
    assert loaded.tokenizer.vocabulary == bundle.tokenizer.vocabulary
    before, after = bundle.model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_knows_its_units(folder: Path):
    assert load_bundle(folder).units == {"logS": "log10 mol/L", "density": ""}


def test_a_run_folder_stands_for_the_bundle_in_it(tiny, tmp_path: Path):
    save_bundle(tmp_path / "run" / "bundle", make_bundle(tiny))
    assert find_bundle(tmp_path / "run") == tmp_path / "run" / "bundle"


def test_replaces_an_older_bundle_whole_and_leaves_nothing_beside_it(folder: Path, tiny):
    (folder / "stale.txt").write_text("from before")
    save_bundle(folder, make_bundle(tiny, seed=1))
    assert not (folder / "stale.txt").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_failed_write_leaves_the_older_bundle_alone(folder: Path, tiny):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = make_bundle(tiny, seed=1)
    broken.card["score"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        save_bundle(folder, broken)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_holds_no_pickle(folder: Path):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "card.json", "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert not any(b"\x80\x04" in path.read_bytes()[:2] for path in folder.iterdir())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def edit(**changes):
    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("model.safetensors", cut, "truncated or not safetensors"),
        ("model.safetensors", Path.unlink, "No such file"),
        (
            "model.safetensors",
            lambda path: path.write_bytes(b"\x80\x04pickle"),
            "truncated or not safetensors",
        ),
        ("config.json", cut, "not readable as JSON"),
        ("config.json", edit(format=FORMAT + 1), "upgrade catenane"),
        ("config.json", edit(notation="inchi"), "must be one of"),
        ("config.json", edit(colour="red"), "unknown setting 'colour'"),
        (
            "config.json",
            lambda path: path.write_text('{"model_type": "bert"}'),
            "not that of a Catenane model",
        ),
        ("config.json", lambda path: path.write_text("[1]"), "expected a JSON object"),
        ("config.json", edit(targets=["logS"]), "do not fit config.json"),
        ("card.json", Path.unlink, "card.json is missing"),
        ("tokenizer.json", cut, "damaged model folder"),
        ("tokenizer.json", Path.unlink, "damaged model folder"),
    ],
)
def test_refuses_damage_in_one_clear_line(folder: Path, file: str, damage, message: str):
    damage(folder / file)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


def test_says_what_there_is_where_a_name_is_unknown(tmp_path: Path):
    with pytest.raises(BundleError, match="give a model folder, or a bundled name"):
        load_bundle("no-such-model")
    with pytest.raises(BundleError, match=r"config\.json is missing"):
        load_bundle(tmp_path)
