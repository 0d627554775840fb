import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from catenane.config import load_recipe
from catenane.errors import BundleError
from catenane.models.bundle import FORMAT, Bundle, BundleConfig, load_bundle, save_bundle
from catenane.models.folder import find_bundle, to_json, write_checksums
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
        "README.md", "card.json", "checksums.json", "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert not any(b"\x80\x04" in path.read_bytes()[:2] for path in folder.iterdir())


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_files_have_the_permissions_that_the_umask_leaves(umask: int, tiny, tmp_path: Path):
    before = os.umask(umask)
    try:
        save_bundle(tmp_path / "model", make_bundle(tiny))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o777 & ~umask
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "model").iterdir()}
    assert modes == {0o666 & ~umask}


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    "file",
    ["README.md", "card.json", "checksums.json", "config.json", "model.safetensors", "tokenizer.json"],
)
def test_one_altered_bit_is_refused_wherever_it_is(folder: Path, file: str):
    """Bits all over the file, cuts at any length, bytes too many, and the file gone."""
    path, rng = folder / file, np.random.default_rng(0)
    data = path.read_bytes()
    places = np.unique(
        np.r_[np.arange(min(len(data), 200)), rng.integers(len(data), size=100), len(data) - 1]
    )
    for place in places.tolist():
        altered = bytearray(data)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        assert "\n" not in refusal(folder)
    for length in (0, 1, 8, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        refusal(folder)
    path.write_bytes(data + b" ")
    refusal(folder)
    path.unlink()
    refusal(folder)


def test_a_file_cannot_be_taken_out_of_the_checksums(folder: Path):
    path = folder / "checksums.json"
    digests = json.loads(path.read_text())
    del digests["config.json"]
    path.write_text(to_json(digests))
    assert "config.json has no checksum" in refusal(folder)


def edit(**changes):
    """Change settings of config.json, in the tables of the recipe as well: `head_members=3`."""

    def change(path: Path) -> None:
        config = json.loads(path.read_text())
        for key, value in changes.items():
            table, _, name = key.partition("_")
            if table in ("encoder", "head"):
                config["recipe"][table][name] = value
            elif value is None:
                del config[key]
            else:
                config[key] = value
        path.write_text(json.dumps(config))

    return change


def weights(change):
    """Change the first weight that the head has."""

    def write(path: Path) -> None:
        tensors = load_file(path)
        tensors["head.members.0.1.weight"] = change(tensors["head.members.0.1.weight"])
        save_file(tensors, path)

    return write


def with_nan(tensor: torch.Tensor) -> torch.Tensor:
    tensor[0, 0] = float("nan")
    return tensor


def text(content: str):
    return lambda path: path.write_text(content)


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("model.safetensors", text("{" * 100_000), "truncated or not safetensors"),
        (
            "model.safetensors",
            lambda path: path.write_bytes((2**62).to_bytes(8, "little") + b"{}"),
            "truncated or not safetensors",
        ),
        ("model.safetensors", weights(with_nan), "values that are not finite"),
        ("model.safetensors", weights(lambda tensor: tensor / 0), "values that are not finite"),
        ("model.safetensors", weights(lambda tensor: tensor.to(torch.int8)), "is I8"),
        ("model.safetensors", weights(lambda tensor: tensor > 0), "is BOOL"),
        ("model.safetensors", weights(lambda tensor: tensor.half()), "is F16"),
        ("model.safetensors", weights(lambda tensor: tensor.T.contiguous()), "do not fit config.json"),
        ("config.json", edit(format=FORMAT + 1), "upgrade catenane"),
        ("config.json", edit(format=1), "train the model again"),
        ("config.json", edit(notation="inchi"), "must be one of"),
        ("config.json", edit(kind="oracle"), "kind='oracle' must be one of 'encoder', 'generator', "),
        ("config.json", edit(colour="red"), "unknown setting 'colour'"),
        ("config.json", edit(task=None), "with task=None"),
        ("config.json", edit(targets=["logS"]), "do not fit config.json"),
        ("config.json", edit(targets=["logS", "logS"]), "two columns"),
        ("config.json", edit(encoder_max_length=10**9), "max_length=1,000,000,000 does not fit"),
        ("config.json", edit(encoder_n_layers=10**6), "n_layers=1,000,000 does not fit"),
        ("config.json", edit(encoder_d_hidden=10**9), "d_hidden=1,000,000,000 does not fit"),
        ("config.json", edit(head_members=10**9), "members=1,000,000,000 does not fit"),
        ("config.json", edit(head_hidden=[10**9]), "hidden=1,000,000,000 does not fit"),
        ("config.json", edit(head_isotherm_sites=10**9), "isotherm_sites=1,000,000,000 does not fit"),
        ("config.json", edit(head_isotherm_sites=2), "isotherms need targets"),
        ("config.json", text('{"a":' * 100_000), "not readable as JSON"),
        ("config.json", text('{"format": 2, "kind": ' + "[" * 100_000), "not readable as JSON"),
        ("config.json", text('{"model_type": "bert"}'), "not that of a Catenane model"),
        ("config.json", text("[1]"), "expected a JSON object"),
        ("card.json", text("[1]"), "expected a JSON object"),
        ("tokenizer.json", text("[" * 100_000), "damaged or foreign model folder"),
        ("tokenizer.json", text("{}"), "damaged or foreign model folder"),
    ],
)
def test_refuses_what_cannot_be_its_own_even_where_checksums_fit(
    folder: Path, file: str, damage, message: str
):
    """Sizes are compared before anything is allocated: else some of these would fill the memory."""
    damage(folder / file)
    write_checksums(folder)
    said = refusal(folder)
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize("attention", ["full", "linear"])
@pytest.mark.parametrize("positions", ["rotary", "sinusoidal", "learned", "none"])
def test_loading_draws_no_random_number(attention: str, positions: str, tiny, tmp_path: Path):
    shape = {"encoder.attention": attention, "encoder.positions": positions}
    save_bundle(tmp_path / "model", make_bundle(tiny | shape))
    before = torch.get_rng_state()
    load_bundle(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), before)


def test_says_what_there_is_where_a_name_is_unknown(tmp_path: Path):
    with pytest.raises(BundleError, match="give a model folder, or a bundled name"):
        load_bundle("no-such-model")
    with pytest.raises(BundleError, match=r"config\.json is missing"):
        load_bundle(tmp_path)


def test_reading_a_bundle_loads_no_compiler_of_pytorch():
    code = "import sys, catenane; catenane.load('mof-uptake'); sys.exit('torch._dynamo' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
