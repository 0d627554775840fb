"""Executes the tutorials and keeps their outputs: `make tutorials`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

TUTORIALS = sorted(Path(__file__).parent.glob("tutorials/*.ipynb"))


def executed(
    path: Path, folder: str | Path, changes: Mapping[str, str] = MappingProxyType({})
) -> NotebookNode:
    """The notebook with the outputs that its cells give now, run in a folder; the first error is raised.

    `changes` are pieces of its code and what takes their place, so that it can be tried on less data.
    """
    notebook = nbformat.read(path, as_version=4)
    for piece, other in changes.items():
        (cell,) = (cell for cell in notebook.cells if piece in cell.source)
        cell.source = cell.source.replace(piece, other)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    NotebookClient(
        notebook,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    # The version of Python and the like, which differ from machine to machine.
    notebook.metadata.pop("language_info")
    return notebook


if __name__ == "__main__":
    for path in TUTORIALS:
        with tempfile.TemporaryDirectory() as folder:
            notebook = executed(path, folder)
        nbformat.write(notebook, path)
        print(f"{path.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells executed")
