"""tokenizer.json: what other libraries make of it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from catenane.errors import ConfigError
from catenane.tokenizers import (
    SPECIAL_TOKENS,
    MofidTokenizer,
    SmilesTokenizer,
    StringTokenizer,
    build_tokenizer,
    load_tokenizer,
)

NAMES = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL_TOKENS}


@pytest.fixture
def shipped(notation: str) -> StringTokenizer:
    return load_tokenizer(notation)


@pytest.fixture
def path(shipped: StringTokenizer, tmp_path: Path) -> Path:
    return shipped.save(tmp_path / "tokenizer.json")


def assert_equal_ids(tokenizer: StringTokenizer, path: Path, strings: list[str]) -> None:
    ours = tokenizer.encode(strings)
    library = Tokenizer.from_file(str(path))
    theirs = [encoding.ids for encoding in library.encode_batch(strings)]
    fast = PreTrainedTokenizerFast(tokenizer_file=str(path), **NAMES)(strings)["input_ids"]
    for text, own, one, other in zip(strings, ours, theirs, fast, strict=True):
        assert own == one == other, repr(text)


def test_real_and_odd_strings_have_equal_ids(shipped, path, real_strings, odd_strings) -> None:
    strings = [*real_strings["smiles"], *real_strings["mofid"], *odd_strings]
    assert_equal_ids(shipped, path, strings)


def test_strings_of_the_data_have_equal_ids(shipped, path, notation, data_strings) -> None:
    folders = ["mof"] if notation == "mofid" else ["smiles", "molnet"]
    assert_equal_ids(shipped, path, [text for folder in folders for text in data_strings(folder)[::503]])


def test_random_strings_have_equal_ids(notation: str, tmp_path: Path, mixed_text) -> None:
    tokenizer = build_tokenizer(["Cc[Zn]Br%12é€&&pcu.cat0"], notation)
    path = tokenizer.save(tmp_path)
    library = Tokenizer.from_file(str(path))

    @given(strings=st.lists(mixed_text, min_size=1, max_size=8))
    @settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
    def check(strings: list[str]) -> None:
        assert tokenizer.encode(strings) == [encoding.ids for encoding in library.encode_batch(strings)]

    check()


def test_other_libraries_know_the_special_tokens_and_decode(shipped, path, notation, real_strings) -> None:
    fast = PreTrainedTokenizerFast(tokenizer_file=str(path), **NAMES)
    ids = (fast.pad_token_id, fast.unk_token_id, fast.cls_token_id, fast.sep_token_id, fast.mask_token_id)
    assert ids == (0, 1, 2, 3, 4)
    assert len(fast) == shipped.vocabulary_size
    text = real_strings[notation][0]
    assert fast.decode(fast(text)["input_ids"], skip_special_tokens=True) == text
    assert Tokenizer.from_file(str(path)).decode(shipped.encode([text])[0]) == text
    padded = fast([text, "C"], padding=True)
    assert padded["input_ids"][1][3:] == [0] * (len(padded["input_ids"][0]) - 3)
    carbon, nitrogen = shipped.vocabulary["C"], shipped.vocabulary["N"]
    assert fast("C", "N")["input_ids"] == [2, carbon, 3, nitrogen, 3]


def test_a_file_comes_back_as_it_went(shipped, path, notation) -> None:
    kind = {"smiles": SmilesTokenizer, "mofid": MofidTokenizer}[notation]
    for loaded in (
        StringTokenizer.load(path),
        kind.load(str(path)),
        load_tokenizer(path),
        load_tokenizer(path.parent),
    ):
        assert type(loaded) is kind
        assert loaded.vocabulary == shipped.vocabulary
    assert list(path.parent.iterdir()) == [path]


def test_a_file_written_again_by_the_library_is_read(shipped, path) -> None:
    library = Tokenizer.from_file(str(path))
    library.enable_padding(pad_token="[PAD]")
    library.enable_truncation(64)
    library.save(str(path))
    assert StringTokenizer.load(path).vocabulary == shipped.vocabulary


def test_a_class_refuses_the_other_notation(path, notation) -> None:
    other = {"smiles": MofidTokenizer, "mofid": SmilesTokenizer}[notation]
    with pytest.raises(ConfigError, match=f"a tokenizer of {notation}, which {other.__name__} cannot read$"):
        other.load(path)


def test_writing_that_fails_leaves_the_old_file(shipped, path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        build_tokenizer(["C"], "smiles").save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


Edit = Callable[[dict], object]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda d: d["model"].update(type="BPE", merges=[]),
            "damaged: its model must be a WordLevel vocabulary",
        ),
        (lambda d: d["model"].update(unk_token="[PAD]"), "damaged: its model must be a WordLevel vocabulary"),
        (lambda d: d["model"].pop("vocab"), "damaged: its model must be a WordLevel vocabulary"),
        (lambda d: d.pop("model"), "damaged: its model must be a WordLevel vocabulary"),
        (lambda d: d["model"]["vocab"].pop("C"), "damaged: the ids of"),
        (lambda d: d["model"]["vocab"].update(C=[7]), "damaged: the ids of"),
        (
            lambda d: d["model"]["vocab"].update({"C C": len(d["model"]["vocab"])}),
            "damaged: 'C C' is not one token of",
        ),
        (lambda d: d.update(pre_tokenizer={"type": "Whitespace"}), "not a tokenizer of Catenane"),
        (lambda d: d.update(normalizer={"type": "Lowercase"}), "not a tokenizer of Catenane"),
        (lambda d: d.update(post_processor=None), "not a tokenizer of Catenane"),
        (lambda d: d["added_tokens"].pop(), "not a tokenizer of Catenane"),
        (lambda d: d.clear(), "not a tokenizer of Catenane"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_in_one_line(path: Path, edit: Edit, message: str) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    edit(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        StringTokenizer.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff\xfe", b'{"version": "1.0", "model"'])
def test_what_is_no_json_object_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"not a tokenizer(\.json| of Catenane): ") as caught:
        StringTokenizer.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.json: cannot be read: No such file or directory$"):
        StringTokenizer.load(tmp_path)
