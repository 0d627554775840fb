import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from catenane.descriptors import compute_descriptors, describe, descriptor_meanings
from catenane.errors import ConfigError, NotationError
from catenane.notation import Record, read_records

MOLECULES = ["CCO", "c1ccccc1", "CC(=O)[O-].[Na+]"]
FRAMEWORKS = ["[O-]C(=O)C#CC(=O)[O-].[Zn][Zn].n1ccncc1&&pcu.cat0", "[Zn]&&UNKNOWN"]


@pytest.mark.parametrize(("strings", "notation"), [(MOLECULES, "smiles"), (FRAMEWORKS, "mofid")])
def test_one_row_a_string(strings, notation, capfd):
    table = compute_descriptors(strings, notation)
    assert table.values.shape == (len(strings), len(table.names))
    assert table.values.dtype == np.float32
    assert table.names == tuple(descriptor_meanings(notation))
    assert not np.isnan(table.values).all(axis=1).any()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", ["C1CC", "C(C)(C)(C)(C)C", "hello", "C[#119]"])
def test_what_cannot_be_read_is_an_error_and_never_a_row_of_nan(text):
    with pytest.raises(NotationError) as caught:
        compute_descriptors(["CCO", text], "smiles")
    assert "\n" not in str(caught.value)


def test_aromatic_tellurium_in_a_metal_block_is_described():
    values = compute_descriptors(["[Zn][te].CC&&pcu.cat0"], "mofid")
    assert values.values[0, values.names.index("node_mass")] == pytest.approx(65.4 + 127.6, abs=0.2)


@pytest.mark.parametrize("notation", ["smiles", "mofid"])
def test_every_descriptor_has_a_meaning(notation):
    meanings = descriptor_meanings(notation)
    assert all(meanings.values())


@pytest.mark.parametrize("notation", ["smiles", "mofid"])
def test_no_strings_make_an_empty_table(notation):
    assert compute_descriptors([], notation).values.shape == (0, len(descriptor_meanings(notation)))


def test_processes_share_the_work_and_agree():
    strings = [f"{'C' * (1 + i % 20)}O" for i in range(1000)]
    alone, together = (compute_descriptors(strings, "smiles", n_jobs=n).values for n in (1, 2))
    np.testing.assert_array_equal(alone, together)


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ConfigError, match="notation='selfies' must be one of 'smiles', 'mofid', 'text'"):
        compute_descriptors(["CCO"], "selfies")
    with pytest.raises(ConfigError, match="n_jobs=0"):
        compute_descriptors(["CCO"], "smiles", n_jobs=0)


def test_rdkit_waits_for_the_first_string():
    code = (
        "import sys, catenane.descriptors as d; d.descriptor_meanings('mofid'); print('rdkit' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("file", "share_of_cells"), [("hmof_mofid", 0.95), ("qmof_mofid", 0.35), ("coremof2024_mofid", 0.05)]
)
def test_real_frameworks(shared_data, file, share_of_cells):
    strings = (
        pd.read_csv(shared_data / "mof" / f"{file}.csv.gz")["mofid"].sample(150, random_state=0).tolist()
    )
    table = compute_descriptors(strings, "mofid")
    column = dict(zip(table.names, table.values.T, strict=True))
    assert not np.isnan(column["linker_blocks"]).any()
    known = column["cell_known"] == 1
    assert known.mean() >= share_of_cells
    assert ((column["cell_density"][known] > 0.1) & (column["cell_density"][known] < 6)).all()
    assert not np.isinf(table.values).any()


def test_uptake_of_hypothetical_frameworks_follows_the_implied_volume(shared_data):
    rows = pd.read_csv(shared_data / "mof" / "hmof_mofid.csv.gz").sample(400, random_state=0)
    table = compute_descriptors(rows["mofid"].tolist(), "mofid")
    volume = pd.Series(table.values[:, table.names.index("cell_log_volume")], index=rows.index)
    assert volume.corr(rows["co2_0.1bar"], method="spearman") < -0.3


def test_real_molecules(shared_data):
    strings = (
        pd.read_csv(shared_data / "molnet" / "bbbp.csv.gz")["smiles"].sample(300, random_state=0).tolist()
    )
    records = [read for read in read_records(strings, "smiles", [describe]) if isinstance(read, Record)]
    assert len(records) >= len(strings) - 8
    assert not np.isnan(compute_descriptors(records, "smiles").values).any()
