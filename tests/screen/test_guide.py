"""A guide lets pass what chemists write, and nothing that leaves brackets, rings, bonds or charges open."""

from __future__ import annotations

import random

import pytest

from catenane.inference.writing import Gap
from catenane.notation import get_notation, normalise
from catenane.notation.syntax import well_formed
from catenane.screen.guide import Guide, guide_of
from catenane.screen.regions import find_regions
from catenane.tokenizers import load_tokenizer

MOLECULES = (
    "COc1ccc(cc1)C(=O)O", "CC(=O)Nc1ccc(O)cc1", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "C[C@H](C(=O)[O-])c1ccccc1",
    "O=[N+]([O-])c1ccc(CN2CCOCC2)cc1", "CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O",
    "FC(F)(F)c1ccc(C#N)cc1Cl", "CS(=O)(=O)c1ccc(-c2[nH]nc3ccccc23)cc1",
)  # fmt: skip
FRAMEWORKS = (
    "O=C([O-])c1ccc(C(=O)[O-])cc1.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat0",
    "O=C([O-])c1cc(C(=O)[O-])cc(C(=O)[O-])c1.[Cu][Cu]&&tbo.cat0",
    "[Zn].c1cc(-c2ccncc2)ccn1&&pcu.cat1",
)
TOKENIZER = load_tokenizer("mofid")
USED = {token for [ids] in map(TOKENIZER.encode, zip((*MOLECULES, *FRAMEWORKS))) for token in ids}
"""Tokens that chemists use: a random way through all others would be of boron and selenium."""


def gap_of(region: tuple[str, int, int], longer: int = 0) -> tuple[Guide, Gap, list[int]]:
    """The guide of the notation, a gap in the place of a region, and the tokens that stood there."""
    text, first, end = region
    tokenizer = TOKENIZER
    [ids] = tokenizer.encode([text])
    start = 1 + len(tokenizer.tokens(text[:first]))
    stop = start + len(tokenizer.tokens(text[first:end]))
    guide = guide_of(tokenizer)
    return guide, guide.hide(ids, start, stop, stop - start + longer), ids[start:stop]


@pytest.mark.parametrize("text", [*MOLECULES, *FRAMEWORKS])
def test_what_stood_there_may_be_written_again(text):
    notation = "mofid" if "&&" in text else "smiles"
    record = get_notation(notation).read(text)
    regions = find_regions(record, "linker" if notation == "mofid" else "sidechain")
    for region in [*regions, (normalise(text, notation).partition(".")[0].partition("&&")[0], 0, 1)]:
        guide, gap, hidden = gap_of(region)
        state = gap.state
        for token in hidden:
            assert state.allowed()[token], (region, guide.texts[token])
            state = state.after(token)


@pytest.mark.parametrize("text", [*MOLECULES, *FRAMEWORKS])
@pytest.mark.parametrize("longer", [0, 5])
def test_any_way_through_the_allowed_tokens_ends_well(text, longer):
    notation = "mofid" if "&&" in text else "smiles"
    record = get_notation(notation).read(text)
    rng = random.Random(0)
    n_ended = 0
    for region in find_regions(record, "linker" if notation == "mofid" else "sidechain"):
        guide, gap, hidden = gap_of(region, longer)
        charge = sum(guide.tokens[token].charge for token in hidden)
        for _ in range(40):
            state, written = gap.state, []
            for _ in range(gap.end - gap.start):
                options = sorted(USED.intersection(state.allowed().nonzero().flatten().tolist()))
                if not options:
                    break
                written.append(rng.choice(options))
                state = state.after(written[-1])
            if len(written) < gap.end - gap.start:
                continue  # what is given up is written another way
            n_ended += 1
            string, first, end = region
            whole = string[:first] + "".join(guide.texts[token] for token in written) + string[end:]
            assert all(map(well_formed, whole.partition("&&")[0].split("."))), whole
            assert whole.count(".") == string.count(".")
            assert sum(guide.tokens[token].charge for token in written) == charge
            assert min(state.free) >= 0
    assert n_ended
