"""Corpora on disk: written in a stream, read as if in memory, refused when damaged."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zlib

import numpy as np
import pytest
from joblib import Parallel, delayed

from catenane.data import LengthGroupedBatches, collate, open_corpus, preparation, write_corpus
from catenane.errors import ConfigError, DataError
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
    monkeypatch.setattr("catenane.data.preparation.CHUNK", 256)
    monkeypatch.setattr("catenane.data.preparation.SHARD_TOKENS", 1000)
    more = tmp_path / "more.smi.gz"
    more.write_bytes(gzip.compress("".join(f"{'C' * (i % 9 + 1)} n{i}\n" for i in range(1500)).encode()))
    corpus = write_corpus(tmp_path / "c", [source, more], tokenizer, max_length=64, workers=1)
    assert len(corpus.index.shards()) > 2
    assert [found.name for found in corpus.index.sources] == [str(source), str(more)]
    assert len(corpus) == 1507
    encoded = tokenizer.encode_flat([*GOOD, *("C" * (i % 9 + 1) for i in range(1500))], 64)
    places = np.random.default_rng(0).permutation(len(corpus))
    np.testing.assert_array_equal(corpus.take(places).ids, encoded.take(places).ids)
    batch = next(LengthGroupedBatches(corpus.lengths, 512, seed=0).batches(0))
    a, b = (collate(strings, batch) for strings in (corpus, encoded))
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
    monkeypatch.setattr("catenane.data.preparation.CHUNK", 2)
    monkeypatch.setattr("catenane.data.preparation.SHARD_TOKENS", 1)
    (tmp_path / "a.csv").write_text("smiles\nCC\nCCC\nC(\nC)\n")
    corpus = write_corpus(tmp_path / "c", [tmp_path / "a.csv"], tokenizer, max_length=64, workers=1)
    assert (len(corpus), corpus.index.counts.rejected, len(corpus.index.shards())) == (2, 2, 1)


def test_a_corpus_is_not_overwritten(corpus, source, tokenizer):
    with pytest.raises(DataError, match="holds a corpus already"):
        write_corpus(corpus.folder, [source], tokenizer, max_length=64)


def test_nothing_to_write_is_refused(tmp_path, tokenizer):
    (tmp_path / "a.csv").write_text("smiles\nC(\nC)\nCC(\n")
    with pytest.raises(DataError):
        write_corpus(tmp_path / "c", [tmp_path / "a.csv"], tokenizer, max_length=64)


@pytest.mark.parametrize("name", ["00000.ids.u16", "lengths.u16", "begins.i64"])
def test_a_shard_cut_short_is_refused(corpus, name):
    path = corpus.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    with pytest.raises(
        DataError, match=rf"{name}: the file has {len(whole) - 2} bytes in place of {len(whole)}"
    ):
        open_corpus(corpus.folder)
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        open_corpus(corpus.folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "catenane token corpus, version 2"}', '{"format": "parquet"}']
)
def test_a_foreign_or_damaged_index_is_refused(corpus, text):
    (corpus.folder / "index.json").write_text(text)
    with pytest.raises(DataError, match=r"index\.json"):
        open_corpus(corpus.folder)


def test_the_index_is_plain(corpus, source):
    index = json.loads((corpus.folder / "index.json").read_text())["index"]
    assert index["max_length"] == 16
    assert index["notation"] == "smiles"
    assert index["sources"] == [
        {"name": str(source), "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
    ]
    content = (corpus.folder / "00000.ids.u16").read_bytes()
    assert index["files"]["00000.ids.u16"] == {"bytes": len(content), "crc32": zlib.crc32(content)}


@pytest.fixture
def many(tmp_path, monkeypatch):
    """Three sources whose rows, some of them bad, are read in many chunks and written to many shards."""
    for name, value in (("CHUNK", 50), ("SHARD_TOKENS", 1000), ("JOURNAL_SECONDS", 0.0)):
        monkeypatch.setattr(f"catenane.data.preparation.{name}", value)
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for path in paths:
        rows = ["C(" if i % 70 == 9 else f"{'C' * (i % 9 + 1)}{'O' * (i % 5)}" for i in range(220)]
        path.write_text("smiles\n" + "\n".join(rows) + "\n")
    return paths


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("n_chunks", [1, 4, 5, 13])
def test_a_killed_preparation_goes_on_where_it_was(tmp_path, many, tokenizer, monkeypatch, n_chunks):
    whole = write_corpus(tmp_path / "whole", many, tokenizer, max_length=64, workers=1)
    done = []

    def encode(chunk, **settings):
        if len(done) == stop_after:
            raise Killed
        done.append(chunk.place)
        return real(chunk, **settings)

    real, stop_after = preparation._encode, n_chunks
    monkeypatch.setattr(preparation, "_encode", encode)
    with pytest.raises(Killed):
        write_corpus(tmp_path / "c", many, tokenizer, max_length=64, workers=1)
    with pytest.raises(DataError, match="holds no finished corpus"):
        open_corpus(tmp_path / "c")
    # What was written after the last note is no part of the corpus.
    for name in ("lengths.u16", "00000.ids.u16"):
        with (tmp_path / "c" / name).open("ab") as file:
            file.write(b"xxx" if name == "lengths.u16" or n_chunks < 4 else b"")
    stop_after = None
    resumed = write_corpus(tmp_path / "c", many, tokenizer, max_length=64, workers=1, resume=True)
    assert len(done) == len(set(done)) == 15  # no chunk was done twice
    assert content(resumed.folder) == content(whole.folder)


def test_workers_change_nothing(tmp_path, many, tokenizer):
    one = write_corpus(tmp_path / "one", many, tokenizer, max_length=64, workers=1)
    two = write_corpus(tmp_path / "two", many, tokenizer, max_length=64, workers=2)
    assert content(one.folder) == content(two.folder)
    assert Parallel(n_jobs=2)(delayed(abs)(n) for n in (-1, 2)) == [1, 2]  # others' workers are not taken


def test_a_corpus_is_taken_as_it_is_unless_what_it_was_made_from_has_changed(tmp_path, source, tokenizer):
    def write(max_length=16, reader=tokenizer):
        return write_corpus(tmp_path / "c", [source], reader, max_length=max_length, resume=True)

    write()
    stamp = (tmp_path / "c" / "index.json").stat().st_mtime_ns
    assert len(write()) == 7
    assert (tmp_path / "c" / "index.json").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match="something else: max_length was 16 and is 20; delete it, or"):
        write(max_length=20)
    with pytest.raises(DataError, match="something else: tokenizer was"):
        write(reader=load_tokenizer("smiles"))
    source.write_text(source.read_text() + "CCN,10\n")
    with pytest.raises(DataError, match=r"something else: .*molecules\.csv is new or has changed"):
        write()


def test_a_source_that_changed_during_a_killed_preparation_is_noticed(tmp_path, many, tokenizer):
    (tmp_path / "mofs.csv").write_text("mofid\n[Zn].CC MOFid-v1.pcu.cat0;x\n")
    with pytest.raises(DataError, match="cannot read: use one of mofid"):
        write_corpus(tmp_path / "c", [*many, tmp_path / "mofs.csv"], tokenizer, max_length=64, workers=1)
    many[1].write_text(many[1].read_text() + "CC\n")
    (tmp_path / "3.csv").write_text("smiles\nCC\n")
    with pytest.raises(DataError, match=r"something else: .*1\.csv, .*3\.csv is new or has changed"):
        write_corpus(
            tmp_path / "c", [*many, tmp_path / "3.csv"], tokenizer, max_length=64, workers=1, resume=True
        )


def test_a_file_whose_content_changed_is_not_taken(corpus, source, tokenizer):
    path = corpus.folder / "00000.ids.u16"
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"00000\.ids\.u16: the file has changed since it was written"):
        write_corpus(corpus.folder, [source], tokenizer, max_length=16, resume=True)


def test_strings_may_be_as_long_as_the_numbers_allow(tmp_path, source, tokenizer):
    with pytest.raises(ConfigError, match="max_length=65536 must be at most 65,535"):
        write_corpus(tmp_path / "c", [source], tokenizer, max_length=65_536)


def test_the_memory_does_not_grow_with_the_corpus(tmp_path, tokenizer, monkeypatch, peak_memory):
    monkeypatch.setattr("catenane.data.preparation.CHUNK", 256)

    def peak(rows):
        path = tmp_path / f"{rows}.smi"
        path.write_text(f"{'C' * 400}\n" * rows)
        return peak_memory(lambda: write_and_read(path))

    def write_and_read(path):
        corpus = write_corpus(path.with_suffix(""), [path], tokenizer, max_length=512, workers=1)
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


def test_strings_that_a_model_is_tested_on_are_excluded_by_their_normal_form(
    tmp_path, tokenizer, monkeypatch
):
    monkeypatch.setattr("catenane.data.preparation.CHUNK", 2)
    source, tests = tmp_path / "all.csv", tmp_path / "tests.csv"
    source.write_text("smiles\nCCO\nc1ccccc1\nCCN\nOCC\nCC=O\nC1CC\n")
    tests.write_text("name,smiles\nethanol,C(O)C\nacetaldehyde,O=CC\nbroken,C1CC\n")
    corpus = write_corpus(tmp_path / "c", [source], tokenizer, max_length=16, exclude=[tests], workers=2)
    counts = corpus.index.counts
    assert (counts.strings, counts.excluded, counts.rejected) == (2, 3, 1)
    with (corpus.folder / "rejected-0.csv").open(newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [row["row"] for row in rejected] == ["1", "4", "5", "6"]
    assert rejected[0]["reason"] == "it is to be excluded"
    tests.write_text("name,smiles\nmethane,C\n")
    with pytest.raises(DataError, match="made from something else"):
        write_corpus(tmp_path / "c", [source], tokenizer, max_length=16, exclude=[tests], resume=True)
