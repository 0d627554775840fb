import os
import signal
import threading
import time

import pytest
from rdkit import Chem

from catenane.notation import heed_interrupts


def test_an_interrupt_within_a_substructure_search_is_raised():
    """A chain of 30 carbons and an iron is looked for in a grid of carbons: hours, if nothing ends it."""
    heed_interrupts()
    grid = Chem.RWMol()
    for _ in range(64):
        grid.AddAtom(Chem.Atom(6))
    for row in range(8):
        for column in range(7):
            grid.AddBond(8 * row + column, 8 * row + column + 1, Chem.BondType.SINGLE)
            grid.AddBond(8 * column + row, 8 * column + 8 + row, Chem.BondType.SINGLE)
    molecule = grid.GetMol()
    query = Chem.MolFromSmarts("*~" * 30 + "[Fe]")
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    # A shell has a program that it starts in the background ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            molecule.GetSubstructMatches(query)
            for _ in range(100):
                time.sleep(0.1)
    finally:
        signal.signal(signal.SIGINT, before)
    timer.join()
