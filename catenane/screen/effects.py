"""What a token does to a string that is being written: an atom with its bonds, a bond, a branch or a ring."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Token", "read_charge", "read_token"]

ATOM = re.compile(
    r"\[?(?P<isotope>\d*)(?P<element>[A-Z][a-z]?|[bcnops]|se)(?P<chiral>@*)(?:H(?P<hydrogens>\d?))?"
    r"(?P<charge>[+-]+\d?)?\]?"
)
BONDS = {"=": 2, "#": 3, "$": 4, "-": 1, ":": 1, "/": 1, "\\": 1}
VALENCES = {
    "B": 3, "C": 4, "N": 3, "O": 2, "F": 1, "Si": 4, "P": 5, "S": 6, "Cl": 1, "Br": 1, "I": 1, "Se": 2,
    "b": 3, "c": 3, "n": 3, "o": 2, "p": 3, "s": 2, "se": 2,
}  # fmt: skip
"""Bonds of an atom without charge; of an aromatic one neighbours."""
LOWEST = {"S": 2, "P": 3}
"""Of those with several valences the one that a charged atom starts from."""
GAINS = frozenset("NPOSnposse")
"""Elements to which a positive charge gives another bond, unless aromatic, and a negative one takes one."""
ANY = 8
"""Bonds of other elements, of which nothing is known."""


class Token(NamedTuple):
    """What a token does to a string."""

    kind: str
    """"atom", "bond", "open", "close", "ring", or "" for what ends a block."""
    bonds: int = 0
    """Of an atom those that it can have, of a bond its order."""
    charge: int = 0
    usual: bool = True
    """False for metals, brackets around atoms that do not need them, which are radicals, and rare bonds."""
    aromatic: bool = False
    """Then every bond counts as one."""
    element: str = ""
    is_full: bool = False
    """Whether an atom has unpaired electrons where it has fewer bonds."""
    text: str = ""
    """Where tokens that do the same are told apart: of ring bonds and charges."""


def read_token(text: str) -> Token:
    """What a token does."""
    if text in BONDS:
        return Token("bond", BONDS[text], usual=text not in ":$")
    if text in "()":
        return Token("open" if text == "(" else "close")
    if text.isdigit() or text[0] == "%":
        return Token("ring", text=text)
    match = ATOM.fullmatch(text)
    if match is None or (text[0] != "[" and match["element"] not in VALENCES):
        return Token("")
    element, charge = match["element"], read_charge(match["charge"] or "")
    hydrogens = 0 if match["hydrogens"] is None else int(match["hydrogens"] or 1)
    if element not in VALENCES:
        return Token("atom", ANY, charge, usual=False)
    gained = -abs(charge)
    if element in GAINS:
        gained = 0 if element.islower() and charge > 0 else charge
    needs_bracket = text[0] != "[" or bool(charge or match["chiral"] or element.islower())
    usual = needs_bracket and not match["isotope"]
    bonds = (LOWEST if charge else VALENCES).get(element, VALENCES[element]) + gained - hydrogens
    is_full = usual and text[0] == "[" and element in "CNOcno"
    where = text if charge else ""
    return Token("atom", bonds, charge, usual, element.islower(), element, is_full, where)


def read_charge(text: str) -> int:
    """-1 of "-", 2 of "+2" or "++"."""
    if not text:
        return 0
    size = int(text[1:]) if text[1:].isdigit() else len(text)
    return size if text[0] == "+" else -size
