"""Pairs of texts from two files or one table, and the traps of files of sentences."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from catenane.data.languages import choose_languages, named_language
from catenane.data.pairs import read_pairs
from catenane.data.streams import stream_strings
from catenane.errors import DataError, UsageError
from catenane.tokenizers import load_tokenizer, train_tokenizer


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_lines_belong_together_whatever_ends_them(tmp_path) -> None:
    source = write(tmp_path / "a.en", "\ufeffone\u00a0two\r\na\tb, c\r\nx\u2028y\rz\r\nlast")
    target = tmp_path / "a.de.gz"
    target.write_bytes(gzip.compress(b"eins zwei\na b\nx y\nletzte\n"))
    pairs, rejected = read_pairs(None, source, str(target), is_text=True)
    assert [tuple(pair) for pair in pairs] == [
        (1, "one two", "eins zwei"), (2, "a b, c", "a b"), (3, "x y z", "x y"), (4, "last", "letzte"),
    ]  # fmt: skip
    assert rejected == []


def test_unequal_numbers_of_lines_are_named(tmp_path) -> None:
    source = write(tmp_path / "a.en", "a\nb\nc\n")
    target = write(tmp_path / "a.de", "a\nb\n")
    with pytest.raises(DataError, match=r"a\.en has 3 lines and .*a\.de has 2 lines: line for line"):
        read_pairs(None, source, target, is_text=True)


def test_empty_lines_are_rejected_with_their_rows(tmp_path) -> None:
    source = write(tmp_path / "a.en", b"a\n\nc\nd\xff\n \ne\n")
    target = write(tmp_path / "a.de", "a\nb\n\u2028\nd\ne\ne\n")
    pairs, rejected = read_pairs(None, source, target, is_text=True)
    assert [pair.row for pair in pairs] == [1, 6]
    assert [(item.row, Path(item.column).name) for item in rejected] == [
        (2, "a.en"), (3, "a.de"), (4, "a.en"), (5, "a.en"),
    ]  # fmt: skip


def test_a_table_gives_columns_of_text(tmp_path) -> None:
    table = write(tmp_path / "pairs.csv", 'en,de\n"Hello, you",Hallo\n,leer\n')
    pairs, rejected = read_pairs(table, "en", "de", is_text=True)
    assert [tuple(pair) for pair in pairs] == [(1, "Hello, you", "Hallo")]
    assert [item.row for item in rejected] == [2]
    with pytest.raises(DataError, match="is a table: give it as DATA"):
        read_pairs(None, table, table, is_text=True)


def test_a_file_of_text_has_a_text_on_each_line(tmp_path) -> None:
    path = write(tmp_path / "news.en", "smiles,y\n\nC, N and O\n")
    assert list(stream_strings(path, is_text=True)) == [(1, "smiles,y"), (2, "C, N and O")]
    table = write(tmp_path / "news.tsv", "id\ttext\n1\tHello\n")
    with pytest.raises(DataError, match="say with --column which column is the text: id, text"):
        list(stream_strings(table, is_text=True))
    assert list(stream_strings(table, string_column="text", is_text=True)) == [(1, "Hello")]


def test_languages_are_said_or_named() -> None:
    names = ("news.2007.en.gz", "corpora/de.txt", "fr", "x/train.RO")
    assert list(map(named_language, names)) == ["en", "de", "fr", "RO"]
    tokenizer = train_tokenizer(["a b"], size=300, languages=["en", "de"])
    assert choose_languages(tokenizer, ["a.en", "b.de"]) == ("en", "de")
    assert choose_languages(tokenizer, ["a.x", "b.y"], ["de", "en"]) == ("de", "en")
    assert choose_languages(load_tokenizer("smiles"), ["a.smi", "a.smi"]) == ("", "")
    for names, said, message in (
        (
            ["a.fr", "b.de"],
            [],
            "language 'fr' is not one of the tokenizer's, known are en, de; say --languages",
        ),
        (["a", "b"], ["en"], "--languages names 1 for 2 inputs"),
        (["a.en", "a.en"], [], "a.en is given twice"),
    ):
        with pytest.raises(UsageError, match=message):
            choose_languages(tokenizer, names, said)
    with pytest.raises(UsageError, match="is not one of the tokenizer's, which has none"):
        choose_languages(load_tokenizer("smiles"), ["a"], ["en"])
