import json
from pathlib import Path

import pytest

from catenane.errors import ConfigError, UsageError
from catenane.reproduce import PROTOCOLS, read_reproduction, reproduce

WANTED = {"mof/dataset", "mof/table1", "mof/pretraining", "mof/latent", "mof/order", "mof/jacs2023"}


def test_every_protocol_says_what_it_is_and_where_it_comes_from():
    assert set(PROTOCOLS) == WANTED
    for protocol in PROTOCOLS.values():
        assert protocol.title
        assert "Cao" in protocol.source
        assert len(protocol.paper) > 50


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(UsageError, match="did you mean 'mof/table1'"):
        reproduce("mof/tabel1")
    with pytest.raises(UsageError, match="known are mof/dataset"):
        reproduce("zzz")


def test_a_number_that_is_not_positive_is_refused():
    with pytest.raises(UsageError, match="rows=0 must be at least 1"):
        reproduce("mof/dataset", rows=0)


def test_an_unknown_setting_is_refused(made_up_data: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="d_modle"):
        reproduce("mof/table1", settings={"encoder.d_modle": 16}, out=tmp_path / "run", data_dir=made_up_data)


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_protocol_writes_its_tables_and_pictures(
    name: str, made_up_data: Path, smallest, tmp_path: Path
):
    result = reproduce(
        name, rows=60, epochs=1, seeds=1, settings=smallest, out=tmp_path, data_dir=made_up_data, device="cpu"
    )
    assert json.loads((tmp_path / "result.json").read_text())["name"] == name
    assert read_reproduction(tmp_path) == result
    text = (tmp_path / "result.md").read_text()
    assert result.command in text
    assert result.command.startswith(f"catenane reproduce {name} --rows 60 --epochs 1 --seeds 1 --set")
    assert str(tmp_path) not in text
    assert "60 rows drawn at random" in text
    assert result.figures
    for file, _ in result.figures:
        assert (tmp_path / file).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_protocol_runs_on_real_data(name: str, shared_data: Path, smallest, tmp_path: Path):
    result = reproduce(
        name,
        rows=40,
        epochs=1,
        seeds=1,
        settings=smallest | {"encoder.max_length": 512},
        out=tmp_path,
        data_dir=shared_data,
        device="cpu",
    )
    assert result.tables
    assert result.shows


def test_a_run_that_is_asked_for_again_goes_on_from_its_stages(
    made_up_data: Path, smallest, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    asked = {"rows": 60, "epochs": 1, "settings": smallest, "out": tmp_path, "data_dir": made_up_data}
    first = reproduce("mof/table1", seeds=1, **asked)
    caplog.set_level("INFO", logger="catenane")
    second = reproduce("mof/table1", seeds=1, **asked)
    assert second == first
    assert not caplog.records
    reproduce("mof/table1", seeds=2, **asked)
    trained = [record.getMessage() for record in caplog.records if "mof/table1" in record.getMessage()]
    assert trained == [f"mof/table1: cao-{size}-1" for size in ("small", "medium", "large")]
    caplog.clear()
    reproduce("mof/table1", seeds=1, **(asked | {"rows": 50}))
    assert caplog.records
