import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from catenane.descriptors import compute_descriptors, descriptor_meanings, descriptor_names
from catenane.errors import ConfigError

MOLECULES = ["CCO", "c1ccccc1", "C1CC", "CC(=O)[O-].[Na+]"]
FRAMEWORKS = ["[O-]C(=O)C#CC(=O)[O-].[Zn][Zn].n1ccncc1&&pcu.cat0", "CCO", "[Zn]&&UNKNOWN"]


@pytest.mark.parametrize(
    ("strings", "notation", "refused"), [(MOLECULES, "smiles", 2), (FRAMEWORKS, "mofid", 1)]
)
def test_one_row_a_string_and_nan_where_it_cannot_be_read(strings, notation, refused, capfd):
    table = compute_descriptors(strings, notation)
    assert table.values.shape == (len(strings), len(table.names))
    assert table.values.dtype == np.float32
    assert table.names == descriptor_names(notation)
    unread = np.isnan(table.values).all(axis=1)
    assert np.flatnonzero(unread).tolist() == [refused]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("notation", ["smiles", "mofid"])
def test_every_descriptor_says_what_it_is(notation):
    meanings = descriptor_meanings(notation)
    assert tuple(meanings) == descriptor_names(notation)
    assert len(set(meanings)) == len(meanings)
    assert all(meanings.values())


@pytest.mark.parametrize("notation", ["smiles", "mofid"])
def test_no_strings_make_an_empty_table(notation):
    assert compute_descriptors([], notation).values.shape == (0, len(descriptor_names(notation)))


def test_processes_share_the_work_and_agree():
    strings = [f"{'C' * (1 + i % 20)}O" for i in range(1000)]
    alone, together = (compute_descriptors(strings, "smiles", n_jobs=n).values for n in (1, 2))
    np.testing.assert_array_equal(alone, together)


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ConfigError, match="notation='selfies' must be one of 'smiles', 'mofid'"):
        compute_descriptors(["CCO"], "selfies")
    with pytest.raises(ConfigError, match="n_jobs=0"):
        compute_descriptors(["CCO"], "smiles", n_jobs=0)


def test_rdkit_waits_for_the_first_string():
    code = "import sys, catenane.descriptors as d; d.descriptor_names('mofid'); print('rdkit' in sys.modules)"
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
    values = compute_descriptors(strings, "smiles").values
    assert np.isnan(values).all(axis=1).sum() <= 8
    assert not np.isnan(values[~np.isnan(values).all(axis=1)]).any()
