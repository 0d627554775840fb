import pytest

from catenane.config import load_recipe
from catenane.errors import DataError
from catenane.reproduce.protocols import published_number, record


def test_numbers_keep_the_digits_that_are_printed():
    assert (
        published_number(["bert_learns_chemistry", "table", "table1", "Random featurization", "GCN"])
        == "0.678"
    )
    assert published_number(["mof_transformer", "table", "table1", "Large", "test_mae"]) == "0.247"
    assert published_number(["mof_transformer", "outside", "label_check", "co2_0_5_bar", "std"]) == "1.400"
    assert published_number(["mof_transformer", "data", "hmof", "rows_after_cleaning"]) == "102,858"


def test_a_bound_is_given_with_its_relation():
    assert published_number(["mof_transformer", "data", "hmof", "top10_topologies_share_percent"]) == "> 99.7"
    after = "epoch after which the pretrained model's test MAE no longer falls"
    assert published_number(["mof_transformer", "figure", "figure4", "numbers", after]) == "about 20"


def test_rows_named_by_several_keys():
    row = "WMT2014 English-French, BLEU"
    assert published_number(["mass", "table", "results", row, "value"]) == "37.5"


@pytest.mark.parametrize(
    "path",
    [
        ["mof_transformer", "table", "table1", "Huge", "test_mae"],
        ["mof_transformer", "table", "table9", "Small", "test_mae"],
        ["mof_transformer", "data", "hmof"],
        ["mof_transformer", "paper", "title"],
    ],
)
def test_a_path_to_no_number_is_refused(path: list[str]):
    with pytest.raises(DataError, match=path[-1]):
        published_number(path)


def test_an_unknown_record_is_refused():
    with pytest.raises(DataError, match="known are bert_learns_chemistry, mass"):
        record("nature")


@pytest.mark.parametrize("size", record("mof_transformer")["model"]["sizes"], ids=lambda size: size["name"])
def test_the_recipes_are_the_published_settings(size):
    paper, recipe = record("mof_transformer"), load_recipe(f"cao-{size['name']}")
    encoder, head = recipe.encoder, recipe.head
    assert (encoder.n_layers, encoder.d_hidden) == (size["n_layers"], size["n_hidden"])
    assert encoder.d_model == paper["model"]["input_and_output_dimension"]
    assert encoder.n_heads == paper["model"]["attention_heads"]
    assert list(head.hidden) == paper["model"]["regression_head"]["hidden_layers"]
    for part in ("pretraining", "finetuning"):
        ours = getattr(recipe, part)
        assert ours.epochs == paper[part]["epochs"]
        assert ours.learning_rate == float(paper[part]["learning_rate"])
    assert recipe.finetuning.weight_decay == float(paper["finetuning"]["weight_decay"])
