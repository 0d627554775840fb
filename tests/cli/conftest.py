"""The program, called as a user calls it but in this process, or in one of its own that starts at once."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
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


FORKED = str(Path(__file__).with_name("forked.py"))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Words of a command line that begin a process of the program, see `forked.py`."""
    address = str(tmp_path_factory.mktemp("s") / "socket")
    with subprocess.Popen(
        [sys.executable, FORKED, "serve", address], stdout=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as server:  # fmt: skip
        while not Path(address).exists():
            assert server.poll() is None
            time.sleep(0.05)
        yield [sys.executable, "-I", "-S", FORKED, address]
        server.kill()


@pytest.fixture
def start_program(program: list[str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts `catenane` in a process group of its own, which signals go to.

    It heeds Ctrl-C even where the tests run in the background of a shell, which makes its children ignore it.
    No process of it outlives the test: one that fails or is interrupted kills it with its workers.
    """
    started: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            process_group=0,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


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
