"""Enrichment of groups beside shuffles that are carried out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from catenane.analysis import group_attention, group_rows, write_group_page
from catenane.analysis.enrichment import atoms_by_group, permutation_moments
from catenane.errors import DataError, UsageError
from catenane.notation import as_records


def test_moments_are_those_of_many_shuffles():
    rng = np.random.default_rng(0)
    values, strata = rng.gamma(1, size=(3, 14)), np.array([0] * 6 + [1] * 5 + [2] * 3)
    chosen = np.isin(np.arange(14), [0, 3, 6, 7, 11, 12, 13])
    mean, variance = permutation_moments(values, chosen, strata)
    sums = []
    for _ in range(20_000):
        order = np.concatenate([rng.permutation(np.flatnonzero(strata == s)) for s in range(3)])
        sums.append(values[:, order][:, chosen].sum(axis=1))
    np.testing.assert_allclose(mean, np.mean(sums, axis=0), rtol=0.01)
    np.testing.assert_allclose(variance, np.var(sums, axis=0), rtol=0.05)
    assert permutation_moments(values, strata == 2, strata)[1].tolist() == [0, 0, 0]


def test_a_head_that_looks_at_oxygens_is_found(make_model, molecules, monkeypatch):
    model = make_model()
    from catenane.analysis import enrichment

    def attend(model, records):
        found = true_attend(model, records)
        weights = np.full_like(found.weights_YHLL, 1 / len(found.alignment.tokens))
        weights[1, 0][:, [token == "O" for token in found.alignment.tokens]] *= 10
        return dataclasses.replace(found, weights_YHLL=weights)

    true_attend = enrichment.attend
    monkeypatch.setattr(enrichment, "attend", attend)
    found = group_attention(model, as_records(molecules, "smiles"))
    place = found.groups.index("carboxylic acid")
    among_all = found.among_all
    assert among_all.ratio_GYH[place, 1, 0] > 1.5
    assert among_all.corrected_GYH[place, 1, 0] < 1e-3
    assert (among_all.p_GYH[place, 0] == 1).all()
    # Beside atoms that are written alike nothing is left of it.
    np.testing.assert_allclose(found.among_alike.ratio_GYH[place, 1, 0], 1)
    assert found.among_alike.corrected_GYH[place, 1, 0] == 1


def test_p_values_are_corrected_together(make_model, molecules, tmp_path):
    found = group_attention(make_model(), as_records(molecules[::2], "smiles"), fewest=5)
    for each in found.comparisons:
        expected = false_discovery_control(each.p_GYH.ravel()).reshape(each.p_GYH.shape)
        np.testing.assert_allclose(each.corrected_GYH, expected)
        assert (each.corrected_GYH >= each.p_GYH).all()
    assert found.n_read == len(molecules[::2])
    rows = list(group_rows(found))
    assert len(rows) == len(found.groups) * 4
    write_group_page(tmp_path / "groups.html", found, source="corpus.csv", model_name="tiny")
    text = (tmp_path / "groups.html").read_text()
    assert all(name in text for name in found.groups)


def test_random_weights_are_the_control(make_model, molecules, tmp_path):
    trained, records = make_model(), as_records(molecules, "smiles")
    weights = {name: weight.clone() for name, weight in trained.encoder.state_dict().items()}
    found, again = (group_attention(trained, records, seed=1) for _ in range(2))
    assert (found.all_untrained.ratio_GYH == again.all_untrained.ratio_GYH).all()
    assert (found.all_untrained.ratio_GYH != found.among_all.ratio_GYH).any()
    other = group_attention(trained, records, seed=2)
    assert (other.all_untrained.ratio_GYH != found.all_untrained.ratio_GYH).any()
    assert (other.among_all.ratio_GYH == found.among_all.ratio_GYH).all()
    assert all((trained.encoder.state_dict()[name] == weight).all() for name, weight in weights.items())
    write_group_page(tmp_path / "groups.svg", found, source="corpus.csv", model_name="tiny")
    assert (tmp_path / "groups.svg").read_text().count("<image") == 5  # with the scale
    with pytest.raises(UsageError, match=r"must end in .html, .svg or .png"):
        write_group_page(tmp_path / "groups.pdf", found, source="corpus.csv", model_name="tiny")


def test_groups_of_linkers_are_found_in_frameworks(make_model):
    model = make_model("mofid")
    framework = "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0"
    alignment = model.attention(framework).alignment
    found = atoms_by_group(alignment)
    assert {alignment.symbols[atom] for atom in found["carboxylate"]} == {"C", "O", "[O-]"}
    assert {alignment.symbols[atom] for atom in found["benzene ring"]} == {"c"}
    assert len(found["benzene ring"]) == 6


def test_too_few_strings_are_refused(make_model):
    with pytest.raises(DataError, match="functional groups is in at least 10 of 2 strings"):
        group_attention(make_model(), as_records(["CCO", "CCN"], "smiles"))
