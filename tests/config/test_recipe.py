from __future__ import annotations

import tomllib
from dataclasses import FrozenInstanceError, asdict, replace
from importlib.resources import files
from pathlib import Path

import pytest

from catenane.config import (
    EncoderConfig,
    HeadConfig,
    MaskingConfig,
    Recipe,
    TrainingConfig,
    load_recipe,
    recipe_names,
)
from catenane.errors import ConfigError
from catenane.settings import build


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_and_says_what_it_is(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description.endswith(".")
    assert build(Recipe, asdict(recipe)) == recipe


def test_the_published_and_our_own_recipes_are_there():
    assert {"cao-small", "cao-medium", "cao-large", "small", "base"} <= set(recipe_names())


def test_cao_is_what_the_paper_says():
    shapes = {
        size: (encoder.n_layers, encoder.n_heads, encoder.d_hidden)
        for size in ("small", "medium", "large")
        for encoder in [load_recipe(f"cao-{size}").encoder]
    }
    assert shapes == {"small": (4, 8, 512), "medium": (6, 8, 512), "large": (6, 8, 2048)}
    recipe = load_recipe("cao-large")
    assert (recipe.encoder.d_model, recipe.encoder.max_length) == (512, 512)
    assert (recipe.encoder.positions, recipe.encoder.norm_order) == ("sinusoidal", "post")
    assert (recipe.head.pooling, recipe.masking.policy) == ("cls", "cao")


def test_molformer_is_what_the_record_says():
    text = (files("catenane.reproduce") / "published" / "molformer.toml").read_text(encoding="utf-8")
    record = tomllib.loads(text)
    model, published, code = record["model"], record["pretraining"], record["outside"]["public_code"]
    recipe = load_recipe("molformer")
    encoder, training = recipe.encoder, recipe.pretraining
    assert (encoder.n_layers, encoder.n_heads, encoder.d_model) == (
        model["layers"],
        model["attention_heads"],
        model["hidden_size"],
    )
    assert encoder.max_length == record["data"]["pretraining"]["sequence_length_max_kept"]
    assert training.drop_long
    assert encoder.d_hidden == code["pretraining"]["feed_forward_width"]
    assert encoder.n_features == code["pretraining"]["random_features"]
    assert encoder.embedding_dropout == code["pretraining"]["dropout_on_embeddings"]
    assert recipe.masking.share == code["pretraining"]["masked_share"]
    assert (training.learning_rate, training.epochs) == (published["learning_rate"], published["epochs"])
    assert training.device_factor == published["learning_rate_factor_with_more_gpus"]["value"]
    assert recipe.head.hidden == (record["finetuning"]["fine_tuned"]["head_hidden_dimension"],) * 2
    assert recipe.finetuning.learning_rate == code["finetuning"]["learning_rate"]


def test_a_recipe_can_be_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[encoder]\nd_model = 96\nn_heads = 4\n[head]\nhidden = [8, 4]\n[finetuning]\nclip = 2\n")
    recipe = load_recipe(path)
    assert recipe == Recipe(
        name="mine",
        encoder=EncoderConfig(d_model=96, n_heads=4),
        head=HeadConfig(hidden=(8, 4)),
        finetuning=TrainingConfig(clip=2.0),
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": {"n_head": 3}}, r"^unknown setting 'encoder.n_head': did you mean 'encoder.n_heads'\?$"),
        ({"encodr": {}}, r"^unknown setting 'encodr': did you mean 'encoder'\?$"),
        (
            {"masking": {"qqq": 3}},
            r"^unknown setting 'masking.qqq': known are policy, share$",
        ),
        ({"encoder": {"d_model": "96"}}, r"^encoder.d_model='96' must be int, not str$"),
        ({"encoder": {"d_model": 96.0}}, r"^encoder.d_model=96.0 must be int, not float$"),
        ({"encoder": {"d_model": True}}, r"^encoder.d_model=True must be int, not bool$"),
        ({"encoder": {"dropout": True}}, r"^encoder.dropout=True must be float, not bool$"),
        ({"head": {"hidden": 3}}, r"^head.hidden=3 must be a list$"),
        ({"head": {"hidden": [3, "4"]}}, r"^head.hidden='4' must be int, not str$"),
        ({"head": {"descriptors": 1}}, r"^head.descriptors=1 must be bool, not int$"),
        ({"encoder": {"positions": "rotory"}}, r"^encoder.positions='rotory' must be one of 'sinusoidal', "),
        ({"objective": "mlmm"}, r"^objective='mlmm' must be one of 'mlm', "),
        ({"encoder": 3}, r"^encoder must be a table of settings, not 3$"),
        ({"encoder": {"d_model": 97}}, r"^encoder: d_model=97 must be a multiple of n_heads=6$"),
        ({"pretraining": {"epochs": 0}}, r"^pretraining: epochs=0 must be greater than 0$"),
        ({"finetuning": {"warmup": 1.0}}, r"^finetuning: warmup=1.0 must lie in 0 <= warmup < 1$"),
        ({"finetuning": {"patience": -1}}, r"^finetuning: patience=-1\.0 must not be negative$"),
    ],
)
def test_what_a_recipe_cannot_mean_is_refused_in_one_clear_line(values, message):
    with pytest.raises(ConfigError, match=message):
        build(Recipe, values)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EncoderConfig(positions="rotory"), "positions='rotory' must be one of"),
        (lambda: EncoderConfig(d_model="96"), "d_model='96' must be int, not str"),
        (lambda: EncoderConfig(d_model=18, n_heads=6), "rotary.* pairs: d_model / n_heads = 3 must be even"),
        (lambda: EncoderConfig(feature_order="rotate-mapped", n_features=7), "n_features=7 must be even"),
        (lambda: EncoderConfig(d_model=9, n_heads=3, positions="sinusoidal"), "even d_model, not 9"),
        (lambda: EncoderConfig(dropout=1.0), "dropout=1.0 must lie in 0 <= dropout < 1"),
        (lambda: EncoderConfig(dropout=float("nan")), "dropout=nan must lie in"),
        (lambda: EncoderConfig(feature_floor=-0.1), "feature_floor=-0.1 must not be negative"),
        (lambda: EncoderConfig(vocabulary_size=-1), "vocabulary_size=-1 must not be negative"),
        (lambda: HeadConfig(hidden=(8, 0)), r"hidden=\[8, 0\] must hold positive widths"),
        (lambda: HeadConfig(hidden=[8]), r"hidden=\[8\] must be of type tuple"),
        (lambda: MaskingConfig(share=0.0), "share=0.0 must lie between 0 and 1"),
        (lambda: TrainingConfig(learning_rate=0.0), "learning_rate=0.0 must be greater than 0"),
        (lambda: replace(TrainingConfig(), loss="l1"), "loss='l1' must be one of 'mae', 'huber', 'mse'"),
    ],
)
def test_settings_made_in_python_are_checked_too(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        EncoderConfig().d_model = 3


def test_settings_are_changed_by_their_dotted_names():
    recipe = load_recipe("small")
    changed = recipe.with_settings({"finetuning.epochs": 5, "head.hidden": [4, 2]})
    assert changed == replace(
        recipe,
        finetuning=replace(recipe.finetuning, epochs=5, min_steps=0),
        head=replace(recipe.head, hidden=(4, 2)),
    )
    with pytest.raises(ConfigError, match=r"'finetuning.epoch': did you mean 'finetuning.epochs'\?"):
        recipe.with_settings({"finetuning.epoch": 5})
    with pytest.raises(ConfigError, match=r"'epochs' must read TABLE.NAME with TABLE one of encoder, head"):
        recipe.with_settings({"epochs": 5})


def test_a_recipe_that_is_not_there_or_not_one_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"unknown recipe 'smal': known are base, .*, small, or a .toml file"
    ):
        load_recipe("smal")
    broken = tmp_path / "broken.toml"
    broken.write_text("[encoder\n")
    with pytest.raises(ConfigError, match=r"broken.toml: not a TOML file: "):
        load_recipe(broken)


def test_epochs_that_are_set_are_not_raised():
    small = load_recipe("small")
    assert small.finetuning.min_steps > 0
    assert small.with_settings({"finetuning.epochs": 2}).finetuning.min_steps == 0
    both = small.with_settings({"finetuning.epochs": 2, "finetuning.min_steps": 50})
    assert (both.finetuning.epochs, both.finetuning.min_steps) == (2, 50)
    assert small.with_settings({"finetuning.learning_rate": 1e-3}).finetuning.min_steps > 0


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_written_as_it_is_read(name: str, tmp_path: Path):
    recipe = load_recipe(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert load_recipe(path) == recipe
