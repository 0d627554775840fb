"""Fixtures that several floors share."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets; tests that need it are skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CATENANE_DATA", beside))
    if not (folder / "mof" / "hmof_mofid.csv.gz").is_file():
        pytest.skip(f"the real data sets are not at {folder}: set CATENANE_DATA to their folder")
    return folder


@pytest.fixture
def bare_logging(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that makes logging what it is in a fresh interpreter: without pytest's handlers."""

    def strip() -> None:  # called in the test: pytest adds its handlers before that
        monkeypatch.setattr(logging.getLogger("catenane"), "propagate", False)
        monkeypatch.setattr(logging.getLogger("catenane"), "handlers", [])

    return strip


TINY = {
    "encoder.d_model": 16,
    "encoder.n_layers": 1,
    "encoder.n_heads": 2,
    "encoder.d_hidden": 32,
    "head.hidden": [16],
    "pretraining.epochs": 3,
    "pretraining.batch_tokens": 400,
    "finetuning.epochs": 3,
    "finetuning.batch_tokens": 400,
    "finetuning.min_steps": 0,
    "pretraining.precision": "fp32",
    "finetuning.precision": "fp32",
}
"""Settings that make any recipe a matter of seconds. In bfloat16 each shape of a batch is compiled anew."""


@pytest.fixture(scope="session")
def few_trees() -> Iterator[None]:
    """Baselines of a few trees, for tests that do not judge them."""
    from catenane.baselines import suite

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"N_ROUNDS": 20, "N_TREES": 10, "FEWEST_TREES": 5}.items():
            patch.setattr(suite, name, value)
        yield


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Reports whose plots are left blank, for tests that look at what else a run leaves."""
    from markupsafe import Markup

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catenane.reporting.plots.shared_axes", lambda *_, **__: (Markup(""), None))
        yield


@pytest.fixture(scope="session")
def tiny(few_trees: None) -> dict[str, object]:
    """Settings that make any recipe a matter of seconds, and baselines too."""
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny_flags(few_trees: None) -> list[str]:
    """The same settings as options of the command line."""
    return [flag for name, value in TINY.items() for flag in ("--set", f"{name}={json.dumps(value)}")]


@pytest.fixture(scope="session")
def molecules() -> list[str]:
    """Some two hundred different small molecules: chains and rings with side groups."""
    from catenane.notation import normalise

    ends = ["C", "O", "N", "F", "Cl", "Br", "C#N", "C(=O)O", "C(=O)N", "OC", "S", "C=O"]
    cores = ["CC", "CCC", "CC(C)C", "c1ccc(cc1)", "C1CCC(CC1)", "c1ccnc(c1)", "CCOCC", "c1ccc(s1)", "C1CC1"]
    texts = [f"{left}{core}{right}" for core in cores for left in ("C", "CO") for right in ends]
    return list({normalise(text, "smiles"): text for text in texts}.values())


@pytest.fixture(scope="session")
def molecule_file(molecules: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of those molecules with a number, a class and a label that is sometimes missing."""
    path = tmp_path_factory.mktemp("molecules") / "molecules.csv"
    rows = ["smiles,size,is_aromatic,sparse"]
    for index, text in enumerate(molecules):
        size = sum(letter.isalpha() for letter in text)
        rows.append(f"{text},{size},{int('c1' in text)},{'' if index % 3 else size / 2}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_writer(tiny: dict[str, object]) -> dict[str, object]:
    """Settings of a small model that writes fragments."""
    return tiny | {"objective": "mass", "decoder.n_layers": 1, "fragment.parts": 0.3}


@pytest.fixture(scope="session")
def writer_folder(
    molecule_file: Path, tiny_writer: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run that learnt to write fragments of those molecules, roughly."""
    from catenane.train import pretrain

    folder = tmp_path_factory.mktemp("writer") / "run"
    settings = tiny_writer | {"pretraining.epochs": 25, "pretraining.learning_rate": 1e-2}
    pretrain([molecule_file], out=folder, settings=settings, device="cpu")
    return folder


@pytest.fixture(scope="session")
def mof_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of frameworks made from a few nodes, linkers and nets, with made-up uptakes at two pressures."""
    linkers = [
        f"[O-]C(=O)c1ccc({'c2ccc(cc2)' * n}{side})cc1C(=O)[O-]"
        for n in range(3)
        for side in ("C", "N", "F", "Cl", "Br")
    ]
    nodes = {"[Zn][O]([Zn])([Zn])[Zn]": 1.0, "[Cu][Cu]": 2.0}
    path = tmp_path_factory.mktemp("mofs") / "mofs.csv"
    rows = ["mofid,uptake,co2_0.1bar,co2_1bar"]
    for place, first in enumerate(linkers):
        for other in (linkers + linkers)[place : place + 3]:
            for node, strength in nodes.items():
                blocks = ".".join(sorted({first, other, node}))
                uptake = strength * 40 / len(blocks)
                for catenation in (0, 1):
                    amount = (1 + catenation) * uptake
                    rows.append(f"{blocks}&&pcu.cat{catenation},{amount:.4f},{amount:.4f},{3 * amount:.4f}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def made_up_data(mof_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local copies of mof/hmof and mof/qmof with the frameworks of `mof_file`; labels follow its uptake."""
    from catenane.data import DATASETS

    folder = tmp_path_factory.mktemp("data")
    lines = [line.split(",")[:2] for line in mof_file.read_text().splitlines()[1:]]
    for name in ("mof/hmof", "mof/qmof"):
        dataset = DATASETS[name]
        targets = list(dataset.targets)
        rows = [",".join(["mofid", *targets])]
        rows += [
            ",".join([string, *(f"{float(uptake) * (n + 1):.4f}" for n in range(len(targets)))])
            for string, uptake in lines
        ]
        path = folder / dataset.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    return folder


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
Visit = Callable[..., tuple[str, list[str], set[str]]]


@pytest.fixture(scope="session")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """A function that opens a file in headless Chromium: the document, its console, and what it asked for."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no headless browser found: none of {', '.join(BROWSERS)} is installed")

    def open_page(path: Path, *flags: str) -> tuple[str, list[str], set[str]]:
        folder = tmp_path_factory.mktemp("browser")
        log = folder / "net.json"
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}",
                "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", f"--log-net-log={log}",
                *flags, "--dump-dom", path.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        console = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
        # The browser has errands of its own; what a page of a file asks for is marked with its origin.
        requests = {
            event["params"]["url"]
            for event in json.loads(log.read_text())["events"]
            if "file://" in str(event.get("params", {}).get("network_isolation_key"))
        }
        return done.stdout, console, {url for url in requests if not url.startswith(("file:", "data:"))}

    return open_page
