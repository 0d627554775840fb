"""The vocabularies that come with the package, made from the public sets.

    python benchmarks/vocabularies.py DATA [--out FOLDER]

The same data give the same ids. Every token of the corpora is taken, rare ones too: a bracket atom that a
corpus holds once is often the metal that a framework is about.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from catenane.notation import FAILED_TOPOLOGIES
from catenane.tokenizers import build_tokenizer

SHIPPED = Path(__file__).resolve().parents[1] / "catenane" / "tokenizers" / "vocabularies"
_ELEMENTS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr
Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir
Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
"""
_IONS = """
H+ H- Li+ Na+ K+ Rb+ Cs+ Be+2 Mg+2 Ca+2 Sr+2 Ba+2 Ra+2 Al+3 Ga+3 In+3 Tl+ Tl+3 Ge+4 Sn+2 Sn+4 Pb+2 Pb+4 As+3
As+5 Sb+3 Sb+5 Bi+3 Sc+3 Y+3 Ti+2 Ti+3 Ti+4 Zr+4 Hf+4 V+2 V+3 V+4 V+5 Nb+5 Ta+5 Cr+2 Cr+3 Cr+6 Mo+2 Mo+4 Mo+6
W+4 W+6 Mn+2 Mn+3 Mn+4 Mn+7 Tc+ Tc+7 Re+ Re+7 Fe+2 Fe+3 Ru+2 Ru+3 Os+2 Os+3 Co+ Co+2 Co+3 Rh+ Rh+3 Ir+ Ir+3
Ni+ Ni+2 Pd+2 Pd+4 Pt+2 Pt+4 Cu+ Cu+2 Ag+ Au+ Au+3 Zn+2 Cd+2 Hg+ Hg+2 La+3 Ce+3 Ce+4 Pr+3 Nd+3 Pm+3 Sm+2 Sm+3
Eu+2 Eu+3 Gd+3 Tb+3 Dy+3 Ho+3 Er+3 Tm+3 Yb+2 Yb+3 Lu+3 Ac+3 Th+4 U+4 U+6 N-3 P-3 O-2 S-2 Se-2 Te-2 F- Cl- Br-
I- Cl+ Br+ I+ Cl+2 Cl+3 Br+3 I+2 I+3
"""
_ISOTOPES = """
2H 3H 10B 11B 11C 11CH 11CH2 11CH3 11c 11cH 13C 13CH 13CH2 13CH3 13CH4 13C@ 13C@@ 13C@H 13C@@H 13c 13cH 14C
14CH 14CH2 14CH3 14C@ 14C@@ 14C@H 14C@@H 14c 14cH 13N 15N 15NH 15NH2 15NH3 15N+ 15N- 15n 15nH 15O 17O 18O 17OH
18OH 18O- 18F 19F 18F- 31P 32P 33P 34S 35S 35Cl 36Cl 37Cl 76Br 77Br 79Br 81Br 82Br 120I 122I 123I 124I 125I
131I 123I- 125I- 131I-
"""
# Most hydrogens that an atom of the element is written with.
_HYDROGENS = {2: ("Se", "Te"), 3: ("O", "S", "As"), 4: ("B", "C", "N", "Al", "Si", "P", "Ge", "Sn")}
_AROMATIC = ("b", "c", "n", "o", "p", "s", "as", "se", "te", "si")
_STEREOCENTRES = ("B", "C", "N", "Si", "P", "S", "Ge", "As", "Se", "Sn")
# Dative bonds are `->` and `<-` in RDKit; `>` also parts the sides of a reaction.
_SYMBOLS = "BCNOPSFIbcnops0123456789()=#$:-/\\.*+~@?<>"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the vocabularies that come with the package.")
    parser.add_argument("data", type=Path, help="folder with smiles/, molnet/ and mof/")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder for smiles.json and mofid.json")
    arguments = parser.parse_args()
    data = arguments.data
    smiles = build_tokenizer(_smiles(data), "smiles")
    mofid = build_tokenizer(_mofids(data), "mofid", base=smiles)
    for tokenizer in (smiles, mofid):
        path = tokenizer.save(arguments.out / f"{tokenizer.notation}.json")
        print(f"{path.name}: {tokenizer.vocabulary_size} tokens")


def _smiles(data: Path) -> Iterator[str]:
    for folder in ("smiles", "molnet"):
        for path in sorted((data / folder).glob("*.csv.gz")):
            # Some tables hold FAIL where there is no structure; some leave a blank behind the last atom.
            yield from (text.strip() for text in _column(path, "smiles") if text != "FAIL")
    yield from usual_tokens()


def _mofids(data: Path) -> Iterator[str]:
    for path in sorted((data / "mof").glob("*.csv.gz")):
        yield from _column(path, "mofid")
    yield from (
        f"&&{code}" for code in (*FAILED_TOPOLOGIES, *_rcsr_codes(data / "mof" / "rcsr_topologies.txt"))
    )
    yield from (f"&&{net}cat{number}" for net in ("pcu.", "") for number in range(10))


def _rcsr_codes(path: Path) -> Iterator[str]:
    """Codes of three letters, and derived ones such as `lcv-f`, which the list writes without the hyphen."""
    listed = path.read_text(encoding="utf-8").split()
    codes = {code for code in listed if re.fullmatch("[a-z]{3}", code)}
    yield from sorted(codes)
    yield from sorted(
        f"{code[:3]}-{code[3]}" for code in listed if re.fullmatch("[a-z]{4}", code) and code[:3] in codes
    )


def _column(path: Path, name: str) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row[name]


def usual_tokens() -> Iterator[str]:
    """What any chemist expects to be known, whether or not a corpus holds it; some come twice.

    Symbols and ring numbers, every element, usual ions and isotopes, and organic atoms in their usual states.
    """
    yield from _SYMBOLS
    yield from ("Br", "Cl")
    yield from (f"%{number}" for number in range(10, 100))
    yield from (f"[{atom}]" for words in (_ELEMENTS, _IONS, _ISOTOPES) for atom in words.split())
    for most, elements in _HYDROGENS.items():
        yield from _in_all_states(elements, ("",), ("", "H", "H2", "H3", "H4")[: most + 1])
    yield from _in_all_states(_AROMATIC, ("",), ("", "H"))
    yield from _in_all_states(_STEREOCENTRES, ("@", "@@"), ("", "H"))


def _in_all_states(*parts: tuple[str, ...]) -> Iterator[str]:
    """Bracket atoms of element, turn and hydrogens in every combination, neutral and with either charge."""
    yield from (f"[{''.join(atom)}]" for atom in product(*parts, ("", "+", "-")))


if __name__ == "__main__":
    main()
