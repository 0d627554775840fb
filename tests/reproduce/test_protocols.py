from pathlib import Path

import pytest

from catenane.config import load_recipe
from catenane.data import DATASETS
from catenane.descriptors.molecules import COMPUTED_LABELS
from catenane.errors import ConfigError, UsageError
from catenane.models.folder import bundled_names
from catenane.reproduce import find_protocol, protocols
from catenane.reproduce.faults import ENCODERS
from catenane.reproduce.measures import MEASURES
from catenane.reproduce.pairs import PAIRS
from catenane.reproduce.plots import PLOTS
from catenane.reproduce.protocols import published_number, published_rows, record
from catenane.reproduce.workbench import CLEANING
from catenane.train.start import DEFAULT_MODELS

EACH = pytest.mark.parametrize("protocol", protocols().values(), ids=list(protocols()))


def test_the_papers_tables_and_figures_are_there():
    papers = {"mof/dataset", "mof/table1", "mof/pretraining", "mof/latent", "mof/order", "mof/jacs2023"}
    papers |= {f"molformer/{name}" for name in ("classification", "regression", "qm9", "data-size")}
    papers |= {f"molformer/{name}" for name in ("frozen-vs-finetuned", "positions")}
    papers |= {f"molformer/{name}" for name in ("similarity", "geometry", "bbbp-map")}
    papers |= {"bert-chem/multitask", "bert-chem/graphs"}
    papers |= {f"mass/{name}" for name in ("properties", "low-resource", "fragment-length", "generation")}
    assert set(protocols()) == papers | {"mof/learning-curve", "mof/ablation"}


@EACH
def test_a_protocol_names_what_there_is(protocol):
    assert record(protocol.source)["paper"]["title"]
    assert set(protocol.measures) <= set(MEASURES)
    assert {plot.kind for plot in protocol.plots} <= set(PLOTS)
    names = [variant.name for variant in protocol.variants]
    assert len(set(names)) == len(names)
    for variant in protocol.variants:
        data = variant.data
        known = COMPUTED_LABELS if data.computed else ("*", *DATASETS[data.name].targets)
        assert set(data.targets) <= set(known)
        assert data.scored in {"*", *data.targets}
        assert set(variant.corpus) <= set(DATASETS)
        assert data.cleaning in CLEANING
        assert data.pairs in {"", *PAIRS}
        assert variant.start in {"scratch", "masked", "random", "default", *bundled_names()}
        assert variant.encoder in {"", "none", *ENCODERS}
        if variant.recipe:
            known = {"default": DEFAULT_MODELS["smiles"]}.get(variant.recipe, variant.recipe)
            load_recipe(known).with_settings(variant.settings)
        if "epochs" in protocol.small:
            load_recipe(variant.recipe).with_settings(protocol.small.get("settings", {}))


@EACH
def test_every_published_number_of_a_protocol_is_in_the_records(protocol):
    scores = [score for table in protocol.tables.values() for score in table]
    for variant in protocol.variants:
        for score, path in variant.published.items():
            assert published_number(path)
            assert score in {score.of for score in scores}
    for score in scores:
        if protocol.sets == ("",):
            assert score.of or published_number(score.published)
        else:
            assert score.of or published_rows(score.published, protocol.sets)
        assert not score.minus or score.minus in {variant.name for variant in protocol.variants}


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(UsageError, match="did you mean 'mof/table1'"):
        find_protocol("mof/tabel1")
    with pytest.raises(UsageError, match="known are bert-chem/graphs, bert-chem/multitask"):
        find_protocol("zzz")


def test_variants_are_chosen_by_name_group_or_pattern():
    table1, curve = find_protocol("mof/table1"), find_protocol("mof/learning-curve")
    assert [v.name for v in table1.chosen(["cao-small"])] == ["cao-small"]
    assert len(table1.chosen(["*scratch"])) == 3
    assert table1.chosen([]) == list(table1.variants)
    assert [v.share for v in curve.chosen(["mof-uptake"])] == [0.05, 0.1, 0.25, 0.5, 1.0]
    with pytest.raises(UsageError, match="no variant 'cao-tiny': known are cao-small, cao-medium"):
        table1.chosen(["cao-tiny"])


def test_a_misspelt_field_is_refused(tmp_path: Path):
    path = tmp_path / "mine.toml"
    text = (Path(__file__).parents[2] / "catenane/reproduce/protocols/mof/table1.toml").read_text()
    path.write_text(text)
    assert find_protocol(str(path)).name == "mine"
    path.write_text(text.replace("recipe =", "recipie ="))
    with pytest.raises(ConfigError, match=r"protocol mine: .*'recipie'"):
        find_protocol(str(path))
    path.write_text(text.replace("[data]", "[rows]"))
    with pytest.raises(ConfigError, match="protocol mine: 'data' is missing"):
        find_protocol(str(path))
    path.write_text("title = ")
    with pytest.raises(ConfigError, match="not a readable TOML file"):
        find_protocol(str(path))


def test_a_variant_is_like_an_earlier_one_but_for_what_it_says(tmp_path: Path):
    variants = """
[[variants]]
name = "large"
recipe = "small"
start = "random"
settings = { "encoder.d_model" = 256, "encoder.n_layers" = 4 }
published = { "test.mae" = ["somewhere"] }

[[variants]]
name = "small"
like = "large"
settings = { "encoder.d_model" = 64 }
"""
    common = 'title = ""\nsource = ""\nseeds = 1\nmeasures = []\ntables = {}\n[data]\nname = ""\n'
    (tmp_path / "sizes.toml").write_text(common + variants)
    large, small = find_protocol(str(tmp_path / "sizes.toml")).variants
    assert (small.recipe, small.start) == (large.recipe, large.start) == ("small", "random")
    assert small.settings == {"encoder.d_model": 64, "encoder.n_layers": 4}
    assert large.settings["encoder.d_model"] == 256
    assert large.published
    assert not small.published
    (tmp_path / "sizes.toml").write_text(common + variants.replace('like = "large"', 'like = "larger"'))
    with pytest.raises(ConfigError, match="'larger' is missing"):
        find_protocol(str(tmp_path / "sizes.toml"))
    (tmp_path / "sizes.toml").write_text(common + variants.replace('name = "small"', 'name = "large"'))
    with pytest.raises(ConfigError, match="two variants are called 'large'"):
        find_protocol(str(tmp_path / "sizes.toml"))
