from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenane.errors import NotationError
from catenane.notation import Mofid

BDC = "[O-]C(=O)c1ccc(cc1)C(=O)[O-]"
ZN4O = "[Zn][O]([Zn])([Zn])[Zn]"
MOF5 = f"{BDC}.{ZN4O}&&pcu.cat0"


def test_every_real_mofid_is_written_as_it_was_read(real_mofids):
    assert sum(map(len, real_mofids.values())) > 49_000
    for strings in real_mofids.values():
        assert [str(Mofid.parse(text)) for text in strings] == strings


def test_every_real_mofid_passes_through_the_raw_form(real_mofids):
    for strings in real_mofids.values():
        for text in strings:
            mofid = Mofid.parse(text)
            assert Mofid.parse(mofid.raw()) == mofid


def test_every_real_framework_but_a_few_has_a_node_and_a_linker(real_mofids):
    mofids = [Mofid.parse(text) for strings in real_mofids.values() for text in strings[::5]]
    assert sum(bool(mofid.nodes) for mofid in mofids) > 0.99 * len(mofids)
    assert sum(bool(mofid.linkers) for mofid in mofids) > 0.98 * len(mofids)
    for mofid in mofids:
        assert set(mofid.nodes) | set(mofid.linkers) <= set(mofid.blocks)
        assert not set(mofid.nodes) & set(mofid.linkers)


def test_the_parts_of_the_compact_form():
    mofid = Mofid.parse(MOF5)
    assert mofid == Mofid((BDC, ZN4O), ("pcu",), 0)
    assert (mofid.nodes, mofid.linkers) == ((ZN4O,), (BDC,))
    assert (mofid.smiles, mofid.topology) == (f"{BDC}.{ZN4O}", "pcu")
    assert mofid.name is None


@pytest.mark.parametrize(
    ("tail", "topologies", "catenation", "name", "reference"),
    [
        ("pcu.cat0.NO_REF;IRMOF-1", ("pcu",), 0, "IRMOF-1", "NO_REF"),
        ("pcu.cat3;a name; and more", ("pcu",), 3, "a name; and more", None),
        ("bcu,fcu.cat0", ("bcu", "fcu"), 0, None, None),
        ("UNKNOWN,ERROR.cat12", ("UNKNOWN", "ERROR"), 12, None, None),
        ("TIMEOUT.cat0.NO_REF;x", ("TIMEOUT",), 0, "x", "NO_REF"),
        ("NA.NA.r2;BAR", ("NA",), None, "BAR", "r2"),
        ("lvt-a.NA", ("lvt-a",), None, None, None),
    ],
)
def test_the_parts_of_the_raw_form(tail, topologies, catenation, name, reference):
    text = f"{BDC}.[Zn] MOFid-v1.{tail}"
    mofid = Mofid.parse(text)
    assert mofid == Mofid((BDC, "[Zn]"), topologies, catenation, name, reference)
    assert mofid.raw() == text


@pytest.mark.parametrize(
    ("compact", "topologies", "catenation"),
    [
        ("pcu", ("pcu",), None),
        ("ERROR,UNKNOWN.cat1", ("ERROR", "UNKNOWN"), 1),
        ("", (), None),
        ("cat2", (), 2),
    ],
)
def test_what_is_missing_stays_missing(compact, topologies, catenation):
    mofid = Mofid.parse(f"[Zn].C&&{compact}")
    assert (mofid.topologies, mofid.catenation) == (topologies, catenation)
    assert str(mofid) == f"[Zn].C&&{compact}"


def test_equivalent_spellings():
    assert str(Mofid.parse(f"  {BDC}.[Zn]\tMOFid-v1.pcu.NA \n")) == f"{BDC}.[Zn]&&pcu"
    assert str(Mofid.parse("[Zn].C&&pcu.NA")) == "[Zn].C&&pcu"


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ("[Zn][Zn]", "node"),
        ("[O]12[Zr]34[O]5[Zr]62[O]2[Zr]71[O]4[Zr]14[O]3[Zr]35[O]6[Zr]2([O]71)[O]43", "node"),
        ("O[Al][O]([Al])[Al]", "node"),
        ("[64Cu]", "node"),
        ("[K]", "node"),
        ("[V]", "node"),
        ("c1c[nH]cn1", "linker"),
        ("[Se]1C=CC=C1", "linker"),
        ("[O]P(=O)([O])[O]", "linker"),
        ("[CH2]C#[CH]", "linker"),
        ("[O]", None),
        ("[OH2]", None),
        ("O", None),
        ("Br", None),
        ("[Cl-]", None),
    ],
)
def test_nodes_hold_metals_and_lone_atoms_are_neither(block, kind):
    mofid = Mofid((block,))
    assert (mofid.nodes, mofid.linkers) == ((block,) * (kind == "node"), (block,) * (kind == "linker"))


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", None, "the MOFid is empty"),
        ("[Zn].C", None, "not a MOFid, neither '&&' nor ' MOFid-v1' follows the building blocks: [Zn].C"),
        ("&&pcu.cat0", 0, "failed MOFid: it has no building blocks: &&pcu.cat0"),
        ("* MOFid-v1.NA.NAno_mof", 0, "failed MOFid: it has no building blocks: * MOFid-v1.NA.NAno_mof"),
        (" MOFid-v1.NA.NA;x", 0, "failed MOFid: it has no building blocks: MOFid-v1.NA.NA;x"),
        (
            "[Zn].C MOFid-v2.pcu.cat0",
            13,
            "MOFid version 'v2' at position 13 is not 'v1': [Zn].C MOFid-v2.pcu.cat0",
        ),
        ("[Zn]..C&&pcu", 5, "empty block at position 5: [Zn]..C&&pcu"),
        ("[Zn].C.&&pcu", 7, "empty block at position 7: [Zn].C.&&pcu"),
        (".[Zn]&&pcu", 0, "empty block at position 0: .[Zn]&&pcu"),
        ("[Zn.C&&pcu", 0, "'[' at position 0 is never closed: [Zn.C&&pcu"),
        ("[Zn].C(C&&pcu", 6, "'(' at position 6 is never closed: [Zn].C(C&&pcu"),
        ("[Zn].C1.C1&&pcu", 6, "ring bond 1 is opened at position 6 and never closed: [Zn].C1.C1&&pcu"),
        ("[Zn].C C&&pcu", 6, "illegal character ' ' at position 6: [Zn].C C&&pcu"),
        ("[Zn].C\x00&&pcu", 6, "illegal character '\\x00' at position 6: [Zn].C\\x00&&pcu"),
        ("[Zn].C&&p u.cat0", 8, "unknown topology code 'p u' at position 8: [Zn].C&&p u.cat0"),
        ("[Zn].C&&pcu,.cat0", 12, "topology code missing at position 12: [Zn].C&&pcu,.cat0"),
        (
            "[Zn].C&&pcu.dog0",
            12,
            "unknown catenation 'dog0' at position 12, expected cat0, cat1, ... or NA: [Zn].C&&pcu.dog0",
        ),
        ("[Zn].C&&pcu.cat0.x", 16, "unexpected '.x' at position 16 after the catenation: [Zn].C&&pcu.cat0.x"),
        ("[Zn].C MOFid-v1", 15, "topology code missing at position 15: [Zn].C MOFid-v1"),
    ],
)
def test_the_reason_is_one_clear_line(text, position, message):
    with pytest.raises(NotationError) as caught:
        Mofid.parse(text)
    assert str(caught.value) == message
    assert caught.value.position == position


def parsed(text):
    try:
        return Mofid.parse(text)
    except NotationError as error:
        return error


BLOCKS = st.sampled_from(
    [BDC, ZN4O, "[Zn]", "[O]", "c1ccncc1", "[Cu][Cu]", "C#CC12C3C4C1", "C(", "[", "", "*", " "]
)
TAILS = st.sampled_from(["&&", " MOFid-v1.", "&", ";", " "])
ENDS = st.sampled_from(
    ["pcu", "pcu.cat0", "bcu,fcu.cat1", "NA.NA;n", "UNKNOWN", "", ".", "cat0", "cat", "é", "pcu.cat0.r;x"]
)


@given(
    st.builds("{}{}{}".format, st.lists(BLOCKS, max_size=4).map(".".join), TAILS, ENDS) | st.text(max_size=30)
)
def test_any_text_is_read_back_or_refused_in_one_line(text):
    mofid = parsed(text)
    if isinstance(mofid, NotationError):
        assert str(mofid).isprintable()
    else:
        assert str(Mofid.parse(str(mofid))) == str(mofid)
        assert Mofid.parse(mofid.raw()).raw() == mofid.raw()


@pytest.mark.parametrize(
    "text", ["C" * 10**6, "(" * 10**6 + "&&pcu", "C&&" + "pcu," * 250_000, "C.(&&" + "é" * 10**6]
)
def test_a_megabyte_is_refused_shortly(text):
    with pytest.raises(NotationError) as caught:
        Mofid.parse(text)
    assert len(str(caught.value)) < 300
