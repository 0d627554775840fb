"""How often a fine-tuning reads its strings."""

from __future__ import annotations

from catenane.baselines import fit_predict_baselines
from catenane.data import aggregate, make_split, read_table, shared_with_train
from catenane.descriptors import compute_descriptors, describe, fragments
from catenane.notation import groups
from catenane.reporting.groups import chemistry_groups


def test_a_string_is_parsed_once_from_the_table_to_the_baselines(monkeypatch, molecule_file):
    from rdkit import Chem

    calls: list[str] = []
    original = Chem.MolFromSmiles

    def counted(text, *args, **kwargs):
        calls.append(text)
        return original(text, *args, **kwargs)

    monkeypatch.setattr(Chem, "MolFromSmiles", counted)
    read = read_table(molecule_file, targets=["size"], compute=[groups, describe, fragments])
    table = aggregate(read)
    split = make_split(table, "scaffold")
    shared_with_train(table, split)
    chemistry_groups(table, split)
    compute_descriptors(table.records, table.notation)
    fit_predict_baselines(
        [table.records[i] for i in split.train],
        table.targets[split.train],
        [table.records[i] for i in split.test],
        notation=table.notation,
        task="regression",
    )
    assert len(calls) == len(set(calls)) <= len(read)
