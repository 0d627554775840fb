"""Corpora on disk: written in a stream, read as if in memory, refused when damaged."""

from __future__ import annotations

import csv
import gzip
import json

import numpy as np
import pytest

from catenane.data import LengthGroupedBatches, collate, open_corpus, write_corpus
from catenane.errors import DataError
from catenane.notation import normalise
from catenane.tokenizers import build_tokenizer, load_tokenizer

MOLECULES = ["OCC", "c1ccccc1", "C(", "CC(=O)O", "ClCCBr", "N" * 40, "[Fr]", "CC"]
GOOD = [normalise(text, "smiles") for text in MOLECULES if text != "C("]


@pytest.fixture
def tokenizer():
    return build_tokenizer([*GOOD[:5], "CC", "NN"], "smiles")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "molecules.csv"
    path.write_text("smiles,id\n" + "".join(f"{text},{i}\n" for i, text in enumerate(MOLECULES)) + ",9\n")
    return path


@pytest.fixture
def corpus(tmp_path, source, tokenizer):
    return write_corpus(tmp_path / "corpus", [source], tokenizer, max_length=16)


def test_the_corpus_reads_like_the_encoded_strings(corpus, tokenizer):
    encoded = tokenizer.encode_flat(GOOD, 16)
    assert len(corpus) == len(GOOD)
    np.testing.assert_array_equal(corpus.lengths, encoded.lengths)
    for places in ([0, 1, 2], [6, 0, 6, 3], []):
        taken, expected = corpus.take(np.array(places, int)), encoded.take(np.array(places, int))
        np.testing.assert_array_equal(taken.ids, expected.ids)
        np.testing.assert_array_equal(taken.offsets, expected.offsets)
        assert taken.ids.dtype == np.uint16


def test_unknown_cut_and_rejected_are_counted(corpus):
    counts = corpus.index.counts
    assert (counts.strings, counts.rejected) == (7, 2)
    assert counts.tokens == corpus.lengths.sum()
    assert (counts.unknown_tokens, counts.strings_with_unknown) == (1, 1)
    assert (counts.cut_tokens, counts.cut_strings) == (40 + 2 - 16, 1)
    with (corpus.folder / "rejected-0.csv").open(newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [row["row"] for row in rejected] == ["3", "9"]
    assert rejected[0]["position"] == "1"


def test_several_sources_and_shards_make_one_set(tmp_path, source, tokenizer, monkeypatch):
    monkeypatch.setattr("catenane.data.corpus.CHUNK", 256)
    monkeypatch.setattr("catenane.data.corpus.SHARD_TOKENS", 1000)
    more = tmp_path / "more.smi.gz"
    more.write_bytes(gzip.compress("".join(f"{'C' * (i % 9 + 1)} n{i}\n" for i in range(1500)).encode()))
    corpus = write_corpus(tmp_path / "c", [source, more], tokenizer, max_length=64)
    assert len(corpus.index.shards) > 2
    assert corpus.index.sources == [str(source), str(more)]
    assert len(corpus) == 1507
    encoded = tokenizer.encode_flat([*GOOD, *("C" * (i % 9 + 1) for i in range(1500))], 64)
    places = np.random.default_rng(0).permutation(len(corpus))
    np.testing.assert_array_equal(corpus.take(places).ids, encoded.take(places).ids)
    batch = next(LengthGroupedBatches(corpus.lengths, 512, seed=0).batches(0))
    a, b = (collate(strings, batch, pad_id=0) for strings in (corpus, encoded))
    assert a.ids_BL.equal(b.ids_BL)
    assert a.keep_BL.equal(b.keep_BL)


def test_a_mofid_tokenizer_takes_molecules_too_but_not_the_reverse(tmp_path, source):
    frameworks = tmp_path / "mofs.csv"
    frameworks.write_text("mofid\n[Zn].CC MOFid-v1.pcu.cat0;x\n")
    tokenizer = load_tokenizer("mofid")
    corpus = write_corpus(tmp_path / "c", [source, frameworks], tokenizer, max_length=64)
    ids = corpus.take(np.array([0, len(corpus) - 1]))
    assert tokenizer.decode(ids.ids[: ids.offsets[1]]) == "CCO"
    assert tokenizer.decode(ids.ids[ids.offsets[1] :]) == "CC.[Zn]&&pcu.cat0"
    with pytest.raises(DataError, match=r"mofs\.csv holds mofid, which a tokenizer of smiles cannot read"):
        write_corpus(tmp_path / "d", [frameworks], load_tokenizer("smiles"), max_length=64)


def test_an_interrupted_run_leaves_no_corpus_and_is_overwritten(tmp_path, source, tokenizer):
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        write_corpus(tmp_path / "c", [source, tmp_path / "none.csv"], tokenizer, max_length=64)
    with pytest.raises(DataError, match="holds no finished corpus"):
        open_corpus(tmp_path / "c")
    assert len(write_corpus(tmp_path / "c", [source], tokenizer, max_length=64)) == 7


def test_a_last_chunk_without_strings_makes_no_empty_shard(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("catenane.data.corpus.CHUNK", 2)
    monkeypatch.setattr("catenane.data.corpus.SHARD_TOKENS", 1)
    (tmp_path / "a.csv").write_text("smiles\nCC\nCCC\nC(\nC)\n")
    corpus = write_corpus(tmp_path / "c", [tmp_path / "a.csv"], tokenizer, max_length=64)
    assert (len(corpus), corpus.index.counts.rejected, len(corpus.index.shards)) == (2, 2, 1)


def test_a_corpus_is_not_overwritten(corpus, source, tokenizer):
    with pytest.raises(DataError, match="holds a corpus already"):
        write_corpus(corpus.folder, [source], tokenizer, max_length=64)


def test_nothing_to_write_is_refused(tmp_path, tokenizer):
    (tmp_path / "a.csv").write_text("smiles\nC(\nC)\nCC(\n")
    with pytest.raises(DataError):
        write_corpus(tmp_path / "c", [tmp_path / "a.csv"], tokenizer, max_length=64)


@pytest.mark.parametrize("name", ["00000.ids.u16", "00000.offsets.i64"])
def test_a_shard_cut_short_is_refused(corpus, name):
    path = corpus.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    with pytest.raises(
        DataError, match=rf"{name}: the shard has {len(whole) - 2} bytes in place of {len(whole)}"
    ):
        open_corpus(corpus.folder)
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        open_corpus(corpus.folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "catenane token corpus, version 1"}', '{"format": "parquet"}']
)
def test_a_foreign_or_damaged_index_is_refused(corpus, text):
    (corpus.folder / "index.json").write_text(text)
    with pytest.raises(DataError, match=r"index\.json"):
        open_corpus(corpus.folder)


def test_another_tokenizer_is_refused(corpus, tokenizer):
    corpus.check_tokenizer(tokenizer)
    with pytest.raises(DataError, match="another tokenizer"):
        corpus.check_tokenizer(load_tokenizer("smiles"))


def test_the_index_is_plain(corpus):
    index = json.loads((corpus.folder / "index.json").read_text())
    assert index["max_length"] == 16
    assert index["notation"] == "smiles"
    assert index["shards"] == [{"name": "00000", "strings": 7, "tokens": int(corpus.lengths.sum())}]


def test_the_memory_does_not_grow_with_the_corpus(tmp_path, tokenizer, monkeypatch, peak_memory):
    monkeypatch.setattr("catenane.data.corpus.CHUNK", 256)

    def peak(rows):
        path = tmp_path / f"{rows}.smi"
        path.write_text(f"{'C' * 400}\n" * rows)
        return peak_memory(lambda: write_and_read(path))

    def write_and_read(path):
        corpus = write_corpus(path.with_suffix(""), [path], tokenizer, max_length=512)
        corpus.take(np.arange(0, len(corpus), 50))

    bytes_of_the_difference = 3_000 * 402 * 2
    assert peak(6_000) - peak(3_000) < bytes_of_the_difference / 4


def test_long_strings_are_left_out_by_wish_and_named(tmp_path, source, tokenizer):
    corpus = write_corpus(tmp_path / "c", [source], tokenizer, max_length=16, drop_long=True)
    counts = corpus.index.counts
    assert (counts.strings, counts.long_strings, counts.cut_strings, counts.rejected) == (6, 1, 0, 2)
    assert open_corpus(corpus.folder).index.counts == counts
    with (corpus.folder / "rejected-0.csv").open(newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [row["row"] for row in rejected] == ["3", "6", "9"]
    assert rejected[1]["reason"] == "42 tokens are more than max_length=16"
    whole = write_corpus(tmp_path / "w", [source], tokenizer, max_length=42, drop_long=True)
    assert (whole.index.counts.strings, whole.index.counts.long_strings) == (7, 0)
