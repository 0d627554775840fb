"""The grammar of SMILES, read as text: what RDKit's parser accepts, and the exact place of what it would not.

Chemistry (valence, aromaticity) is not judged here, so the metals and radicals of MOFid pass. Nothing heavy
is imported, and a string of ordinary length is checked in microseconds.

Source: D. Weininger, J. Chem. Inf. Comput. Sci. 1988, 28, 31; OpenSMILES 1.0.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from catenane.errors import NotationError
from catenane.files import escaped

__all__ = [
    "SPACE",
    "atom_positions",
    "check_grammar",
    "excerpt",
    "find_fault",
    "notation_error",
    "well_formed",
]

SPACE = " \t\n\r\v\f"
"""White space around and between strings; that of other scripts (U+00A0, U+2028) is part of a string."""
_SHOWN = 80
"""Characters of a string that a message shows at most."""

_ELEMENT = (
    "A[cglmrstu]|B[aehikr]?|C[adeflmnorsu]?|D[bsy]|E[rsu]|F[elmr]?|G[ade]|H[efgos]?|I[nr]?|Kr?|L[airuv]|M[cdgnot]"
    "|N[abdehiop]?|O[gs]?|P[abdmortu]?|R[abefghnu]|S[bcegimnr]?|T[abcehilms]|U|V|W|Xe|Yb?|Z[nr]"
)
_CHIRALITY = r"@(?:@|(?:TH|AL)[12]|SP[1-3]|TB(?:1[0-9]?|20|[2-9])|OH(?:[12][0-9]?|30|[3-9]))?"
_BRACKET_ATOM = (
    rf"\[(?:0|[1-9][0-9]{{0,3}})?(?:{_ELEMENT}|as|se|si|te|[bcnops]|\*|#[1-9][0-9]{{0,2}}|#0)(?:{_CHIRALITY})?"
    r"(?:H[0-9]{0,2})?(?:\+\+|--|[+-][0-9]{0,2})?(?::[0-9]{1,9})?\]"
)
_ATOM = rf"(?:[cnobspNOPSFI*]|Cl?|Br?|{_BRACKET_ATOM})"
_BOND = r"(?:[=#:$/~]|->?|<-|\\\\?)"  # a doubled backslash, as escaped text holds it, counts as one
_LONG_RING = r"(?:%[1-9][0-9]|%\([0-9]{1,5}\))"
_RING = rf"(?:[0-9]|{_LONG_RING})"

# A whole string, save that its branches and ring bonds may not pair up. Runs of plain atoms, ring digits and
# ")" are taken at once, and each place has one reading: the time is linear in the length. Groups are not
# possessive, for Python before 3.11.5 then rejects what matches (python/cpython#106052).
_CHAIN = re.compile(
    rf"{_ATOM}(?:[0-9)cnobspNOPSFI*CB]++(?:(?<=C)l|(?<=B)r)?|{_BRACKET_ATOM}|\.{_ATOM}|\({_BOND}?{_ATOM}"
    rf"|{_BOND}(?:{_ATOM}|{_RING})|{_LONG_RING})*"
)
_TOKEN = re.compile(
    rf"(?P<atom>{_ATOM})|(?P<bond>{_BOND})|(?P<ring>{_RING})|(?P<open>\()|(?P<close>\))|(?P<dot>\.)"
)
_ATOM_PLACE = re.compile(_ATOM)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_BUT_PAIRED = bytes(set(range(256)) - set(b"().0123456789"))
_ATOM_LIKE = frozenset({"atom", "ring", "close"})
_NOUNS = {"bond": "bond", "ring": "ring bond", "open": "branch", "close": "end of a branch", "dot": "dot"}


class Fault(NamedTuple):
    """What keeps a string from being SMILES, and where."""

    position: int
    """Zero-based character at fault."""
    reason: str
    """A clause that names the position: "')' at position 3 closes nothing"."""

    def error(self, text: str) -> NotationError:
        """The error about this fault in a string."""
        return notation_error(self.reason, text, self.position)


def check_grammar(text: str, *, apart: bool = False, whole: str = "") -> None:
    """Raise the `NotationError` about the first fault, if there is one; `whole` is what the text begins."""
    if not well_formed(text, apart=apart) and (fault := find_fault(text, apart=apart)):
        raise fault.error(whole or text)


def well_formed(text: str, *, apart: bool = False) -> bool:
    """Whether the string follows the grammar: `find_fault(text, apart=apart) is None`, but much faster."""
    if _CHAIN.fullmatch(text) is None:
        return False
    if "%" in text:
        return find_fault(text, apart=apart) is None
    depth = open_rings = 0
    for byte in _BRACKETS.sub("", text).encode().translate(None, _BUT_PAIRED):
        if byte > 46:  # a digit opens or closes its own bit
            open_rings ^= 1 << byte
        elif byte == 40:  # (
            depth += 1
        elif byte == 41:  # )
            depth -= 1
            if depth < 0:
                return False
        elif apart and (depth or open_rings):  # .
            return False
    return not (depth or open_rings)


def find_fault(text: str, *, apart: bool = False, bonds: bool = False) -> Fault | None:
    """The place that breaks the grammar, or None; what is never closed counts where it is opened.

    Ring bonds and branches may span a dot, but not with `apart`, as between the blocks of a MOFid. With
    `bonds` a ring bond that joins what is joined already is a fault too, if there is no other.
    """
    position, before, last = 0, "start", "start"
    atom, n_atoms = -1, 0
    branches: list[tuple[int, int]] = []  # where each is opened, and on which atom
    rings: dict[int, tuple[int, int]] = {}
    joined: set[tuple[int, int]] = set()
    doubled: Fault | None = None
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return Fault(position, _unreadable(text, position))
        kind = str(token.lastgroup)
        follows = (
            kind == "atom"
            or last in _ATOM_LIKE
            or (kind == "bond" and last == "open")
            or (kind == "ring" and last == "bond" and before in _ATOM_LIKE)
        )
        if not follows:
            return Fault(position, f"{_NOUNS[kind]} {token.group()!r} at position {position} follows no atom")
        if kind == "atom":
            joined.add((atom, n_atoms))
            atom, n_atoms = n_atoms, n_atoms + 1
        elif kind == "open":
            branches.append((position, atom))
        elif kind == "close":
            if not branches:
                return Fault(position, f"')' at position {position} closes nothing")
            _, atom = branches.pop()
        elif kind == "ring":
            number = int(token.group().strip("%()"))
            if number not in rings:
                rings[number] = position, atom
            else:
                _, other = rings.pop(number)
                bond = (other, atom) if other < atom else (atom, other)
                if bonds and doubled is None and (other == atom or bond in joined):
                    what = "an atom to itself" if other == atom else "two atoms that are bonded already"
                    doubled = Fault(position, f"ring bond {number} at position {position} joins {what}")
                joined.add(bond)
        elif kind == "dot":
            if apart and (branches or rings):
                break
            atom = -1
        position, before, last = token.end(), last, kind
    unclosed = [Fault(place, f"'(' at position {place} is never closed") for place, _ in branches]
    for number, (place, _) in rings.items():
        unclosed.append(Fault(place, f"ring bond {number} is opened at position {place} and never closed"))
    if unclosed:
        return min(unclosed)
    if last not in _ATOM_LIKE:
        return Fault(len(text), f"an atom is missing at position {len(text)}")
    return doubled


def atom_positions(text: str) -> list[int]:
    """Place of every atom of a well-formed string, in order."""
    return [atom.start() for atom in _ATOM_PLACE.finditer(text)]


def notation_error(reason: str, text: str, position: int | None = None) -> NotationError:
    """The error `REASON: STRING` in one printable line, the string as `excerpt` shows it."""
    return NotationError(f"{reason}: {excerpt(text, position or 0)}", position=position)


def excerpt(text: str, position: int = 0) -> str:
    """The string as a message shows it: printable, and cut to a part around the position if it is long."""
    start = max(0, min(position - _SHOWN // 2, len(text) - _SHOWN))
    shown = "".join(c if c.isprintable() else escaped(c) for c in text[start : start + _SHOWN])
    return f"{'…' * (start > 0)}{shown}{'…' * (start + _SHOWN < len(text))}"


def _unreadable(text: str, position: int) -> str:
    end = text.find("]", position) + 1
    match text[position]:
        case "[" if end:
            return f"unknown atom {excerpt(text[position:end])} at position {position}"
        case "[":
            return f"'[' at position {position} is never closed"
        case "]":
            return f"']' at position {position} closes nothing"
        case "%":
            return f"'%' at position {position} needs a ring number of two digits"
        case character:
            return f"illegal character {character!r} at position {position}"
