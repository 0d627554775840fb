"""The program, called as a user calls it but in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catenane.cli import main


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """The program sets up the package's logger for its process; other tests find it as it was."""
    logger = logging.getLogger("catenane")
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def catenane(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call the program with these words; the fixture gives its exit code and what it wrote."""

    def call(*words: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture(scope="session")
def untrained(tiny: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A property model of SMILES with fresh weights, which predicts `size`."""
    import torch

    from catenane.config import load_recipe
    from catenane.models.bundle import Bundle, BundleConfig, save_bundle
    from catenane.tokenizers import load_tokenizer

    tokenizer = load_tokenizer("smiles")
    recipe = load_recipe("small").with_settings(tiny | {"encoder.vocabulary_size": tokenizer.vocabulary_size})
    config = BundleConfig(
        kind="property", notation="smiles", recipe=recipe, task="regression", targets=("size",)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bundle = Bundle(config=config, model=config.build_model().eval(), tokenizer=tokenizer)
    folder = tmp_path_factory.mktemp("models") / "untrained"
    save_bundle(folder, bundle)
    return folder
