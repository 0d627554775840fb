"""The README's commands and its Python do what they say, in the order they stand there."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("catenane ")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, molecules: list[str], mof_file: Path) -> Path:
    """A folder with the files that the README's chemist has."""
    folder = tmp_path_factory.mktemp("desk")
    labelled = "\n".join(f"{text},{len(text) / 10}" for text in molecules)
    (folder / "solubility.csv").write_text(f"smiles,logS\n{labelled}\n")
    (folder / "molecules.smi").write_text("\n".join(molecules) + "\n")
    (folder / "zinc.smi").write_text("\n".join(molecules[::2]) + "\n")
    (folder / "chembl.csv.gz").write_bytes(gzip.compress(("smiles\n" + "\n".join(molecules) + "\n").encode()))
    (folder / "my_linkers.csv").write_text("smiles,name\nOC(=O)c1ccc(cc1)C(O)=O,mine\n")
    (folder / "data/molnet").mkdir(parents=True)
    (folder / "data/molnet/esol.csv.gz").write_bytes(gzip.compress((folder / "solubility.csv").read_bytes()))
    (folder / "my_mofs.csv").write_bytes(mof_file.read_bytes())
    return folder


def test_there_are_commands_for_every_verb():
    from catenane.cli.program import app

    verbs = {command.callback.__name__ for command in app.registered_commands if command.callback} | {
        "enumerate"
    }
    told = {shlex.split(line)[1] for line in COMMANDS} | set(re.findall(r"`catenane (\w+)`", README))
    assert verbs <= told


def test_the_commands_run_one_after_the_other(
    desk: Path, catenane, tiny_flags: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(desk)
    monkeypatch.setenv("CATENANE_DATA", "data")  # where a fetched data set is there already
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        # The same in seconds; other fine-tuning is a matter of seconds as it is.
        if words[0] == "pretrain" or (words[0] == "finetune" and "runs/encoder" in words):
            words += tiny_flags
        elif "--sample" in words:
            words += ["--sample", "200"]
        elif "--rank-by" in words:
            words += ["-n", "4"]
        done = catenane(*words)
        assert done.code == 0, f"{line}\n{done.err}"
        if "--out" in words:
            assert (desk / words[words.index("--out") + 1]).exists(), line


def test_the_python_runs_as_it_stands(desk: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(desk)
    (code,) = blocks("python")
    scope: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), scope)
    assert scope["table"]["error"].tolist() == [""]
    assert scope["vectors"].shape[0] == 1


def test_the_files_it_points_to_exist():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)\)", prose):
        assert link.startswith("http") or (ROOT / link).exists(), link
