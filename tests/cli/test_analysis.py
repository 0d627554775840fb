"""The verbs that look into a corpus or a model."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd


def test_ngrams_are_written_and_drawn(catenane, molecule_file, tmp_path):
    out, page = tmp_path / "ngrams.csv", tmp_path / "ngrams.html"
    told = catenane("ngrams", molecule_file, "--max", 12, "--top", 20, "--out", out, "--page", page)
    assert told.code == 0, told.err
    table = pd.read_csv(out)
    assert list(table) == ["ngram", "length", "count", "documents"]
    assert table["length"].max() == 12
    assert (table.groupby("length").size() <= 20).all()
    assert (table["documents"] <= table["count"]).all()
    text = page.read_text()
    assert "carboxylic acid" in text
    assert text.count('<svg class="structure"') > 20
    assert re.search(r"<h3 id=\"length-12\">12\s+tokens", text)


def test_rows_that_cannot_be_read_are_written_beside(catenane, tmp_path):
    corpus, out = tmp_path / "corpus.smi", tmp_path / "found.csv"
    corpus.write_text("OCC\nC1CC\nCCN\n")
    told = catenane("ngrams", corpus, "--max", 2, "--out", out)
    assert told.code == 0, told.err
    assert "1 of 3 rows could not be read" in told.err
    assert pd.read_csv(tmp_path / "found.rejected.csv")["row"].tolist() == [2]
    assert "CCO" not in out.read_text()
    assert pd.read_csv(out)["ngram"].tolist()[:2] == ["C", "N"]
    told = catenane("ngrams", corpus, "--max", 2, "--out", out)
    assert told.code == 2
    assert "--overwrite" in told.err
    out.unlink()
    told = catenane("ngrams", corpus, "--max", 2, "--out", out)
    assert (told.code, out.exists()) == (2, False)
    assert "found.rejected.csv exists already" in told.err
    corpus.write_text("OCC\nCCN\n")
    assert catenane("ngrams", corpus, "--max", 2, "--out", out, "--overwrite").code == 0
    assert not (tmp_path / "found.rejected.csv").exists()
    told = catenane("ngrams", corpus, "--min", 3, "--max", 2)
    assert told.code == 2
    assert "--min 3 must be at most --max 2" in told.err
    told = catenane("ngrams", corpus, "--max", 2, "--page", tmp_path / "page.svg")
    assert told.code == 2
    assert "page.svg: must end in .html" in told.err


def test_attention_is_drawn(catenane, untrained, tmp_path):
    out = tmp_path / "attention.html"
    told = catenane("attend", "OCC", "--model", untrained, "--out", out, "--layer", 1, "--head", 2)
    assert told.code == 0, told.err
    assert "Attention in a molecule" in out.read_text()
    told = catenane("attend", "OCC", "CC", "--join", "dot", "--model", untrained, "--out", tmp_path / "a.npz")
    assert told.code == 0, told.err
    with np.load(tmp_path / "a.npz") as arrays:
        assert "".join(arrays["tokens"]) == "[CLS]CCO.CC[SEP]"
    for words, reason in [
        (["OCC", "--out", tmp_path / "a.pdf"], "must end in"),
        (["OCC", "--out", out], "--overwrite"),
        ([out, "--out", tmp_path / "b.svg"], "is a file: give the string itself"),
        (["OCC", "--out", tmp_path / "b.svg", "--layer", 9], "layer 9: this model has 1"),
    ]:
        told = catenane("attend", "--model", untrained, *words)
        assert told.code == 2
        assert reason in told.err
    told = catenane("attend", "C1CC", "--model", untrained, "--out", tmp_path / "c.html")
    assert told.code == 1
    assert "ring bond 1" in told.err


def test_groups_are_tested(catenane, molecule_file, untrained, tmp_path):
    out, page = tmp_path / "groups.csv", tmp_path / "groups.html"
    told = catenane(
        "groups", molecule_file, "--model", untrained, "--sample", 120, "--out", out, "--page", page
    )
    assert told.code == 0, told.err
    table = pd.read_csv(out)
    assert {"group", "layer", "head", "enrichment", "corrected_p", "enrichment_alike"} <= set(table)
    assert table.groupby("group").size().unique().tolist() == [2]
    assert (table["strings"] >= 10).all()
    assert "functional groups" in page.read_text()


def test_predictions_are_explained(catenane, untrained, tmp_path):
    told = catenane("explain", "OCC", "--model", untrained)
    assert told.code == 0, told.err
    assert told.out.startswith("size: ")
    assert len(told.out.splitlines()) == 5
    told = catenane("explain", "OCC", "--model", untrained, "--out", tmp_path / "e.html")
    assert told.code == 0, told.err
    assert "data-atom" in (tmp_path / "e.html").read_text()
    told = catenane("explain", "OCC", "--model", "mof-uptake", "--gas", "co2", "--pressure", 0.15)
    assert told.code == 1
    told = catenane("explain", "OCC", "--model", untrained, "--target", "weight")
    assert told.code == 2
    assert "this model predicts size" in told.err


def test_atoms_are_embedded(catenane, untrained, tmp_path):
    import catenane as package
    from catenane.inference.attention import read_states

    corpus = tmp_path / "corpus.smi"
    corpus.write_text("OCC\nC1CC\nc1ccccc1Br\n")
    told = catenane("embed", corpus, "--atoms", "--model", untrained, "--out", tmp_path / "atoms.parquet")
    assert told.code == 0, told.err
    table = pd.read_parquet(tmp_path / "atoms.parquet")
    assert table["row"].tolist() == [1] * 3 + [3] * 7
    assert table["symbol"].tolist() == [*"CCO", "Br", *"cccccc"]
    assert table["atom"].tolist() == [*range(3), *range(7)]
    model = package.load(untrained)
    states, _ = read_states(model, model.read(["CCO"])[0][0])
    np.testing.assert_allclose(np.stack(table["vector"][:3]), states, atol=1e-6)
    assert pd.read_csv(tmp_path / "atoms.rejected.csv")["row"].tolist() == [2]
    told = catenane("embed", corpus, "--atoms", "--model", untrained, "--out", tmp_path / "atoms.npz")
    assert told.code == 2
    assert "atoms.rejected.csv exists already" in told.err
    told = catenane("embed", corpus, "--atoms", "--model", untrained, "--out", tmp_path / "of_atoms.npz")
    assert told.code == 0, told.err
    with np.load(tmp_path / "of_atoms.npz") as arrays:
        np.testing.assert_allclose(arrays["vector"], np.stack(table["vector"]), atol=1e-6)
        assert arrays["string"].tolist() == ["CCO"] * 3 + ["Brc1ccccc1"] * 7
    told = catenane("embed", corpus, "--atoms", "--model", untrained, "--out", tmp_path / "atoms.npy")
    assert told.code == 2
    assert "with --atoms" in told.err
