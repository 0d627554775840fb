"""Tokens that a fragment may go on with: those after which it can still become a part of a molecule.

The state of a string that is being written: branches and ring bonds that are open, bonds that its atoms have
left, charge, and tokens that remain. A token is allowed where what is open afterwards can still be closed by
the tokens that remain. Whether rings are aromatic is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from catenane.inference.writing import Gap
from catenane.tokenizers import StringTokenizer

__all__ = ["Guide", "Writing"]

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
GAINS = frozenset("NPOSnposse")
"""Elements that a positive charge gives another bond, and a negative one takes one."""
ANY = 8
"""Bonds of other elements, of which nothing is known."""
FEWEST_IN_RING = 3


class Token(NamedTuple):
    """What a token does to a string."""

    kind: str
    """"atom", "bond", "open", "close", "ring", or "" for what ends a block."""
    bonds: int = 0
    """Of an atom those that it can have, of a bond its order."""
    charge: int = 0
    usual: bool = True
    """False for metals and for brackets around atoms that do not need them, which are radicals."""
    aromatic: bool = False
    """Then every bond counts as one."""


def read_token(text: str) -> Token:
    """What a token does."""
    if text in BONDS:
        return Token("bond", BONDS[text])
    if text in "()":
        return Token("open" if text == "(" else "close")
    if text.isdigit() or text[0] == "%":
        return Token("ring")
    match = ATOM.fullmatch(text)
    if match is None or (text[0] != "[" and match["element"] not in VALENCES):
        return Token("")
    element, charge = match["element"], read_charge(match["charge"] or "")
    hydrogens = 0 if match["hydrogens"] is None else int(match["hydrogens"] or 1)
    if element not in VALENCES:
        return Token("atom", ANY, charge, usual=False)
    gained = charge if element in GAINS else -abs(charge)
    needs_bracket = text[0] != "[" or bool(charge or match["chiral"] or element.islower())
    bonds = VALENCES[element] + gained - hydrogens
    return Token("atom", bonds, charge, needs_bracket and not match["isotope"], element.islower())


def read_charge(text: str) -> int:
    """-1 of "-", 2 of "+2" or "++"."""
    if not text:
        return 0
    size = int(text[1:]) if text[1:].isdigit() else len(text)
    return size if text[0] == "+" else -size


class Guide:
    """What each token of a vocabulary does, and which of them may follow."""

    def __init__(self, tokenizer: StringTokenizer) -> None:
        self.texts, self.mask_id = list(tokenizer.vocabulary), tokenizer.mask_id
        self.tokens = [
            Token("") if place < tokenizer.n_special else read_token(text)
            for place, text in enumerate(self.texts)
        ]
        self.known: dict[tuple[object, ...], Tensor] = {}

    def hide(self, ids: Sequence[int], start: int, end: int, length: int) -> Gap:
        """A gap of this length in the place of a run of tokens, whose charge and unusual kinds it keeps."""
        left, right, hidden = ids[1:start], ids[end:-1], ids[start:end]
        first = next((n for n in range(len(left), 0, -1) if not self.tokens[left[n - 1]].kind), 0)
        last = next((n for n, token in enumerate(right) if not self.tokens[token].kind), len(right))
        state = Writing(self, remaining=len(left) - first + length)
        for token in left[first:]:
            state = state.after(token)
        depth = need = 0
        odd: set[str] = set()
        for token in right[:last]:
            kind = self.tokens[token].kind
            depth += {"open": 1, "close": -1}.get(kind, 0)
            need = max(need, -depth)
            odd ^= {self.texts[token]} if kind == "ring" else set()
        state = replace(
            state, to_close=need, to_meet=frozenset(odd),
            charge=sum(self.tokens[token].charge for token in hidden),
            further=frozenset(token for token in hidden if not self.tokens[token].usual),
            goes_on=bool(last) and self.tokens[right[0]].kind not in ("close", ""),
        )  # fmt: skip
        return Gap((*ids[:start], *[self.mask_id] * length, *ids[end:]), start, start + length, state)


@dataclass(frozen=True)
class Writing:
    """The state of a string that is being written."""

    guide: Guide
    remaining: int
    """Tokens to be written."""
    last: str = ""
    """Kind of the token before; "" at the beginning of a block."""
    atom: int = -1
    """The atom that is bonded next."""
    order: int = 0
    """Of the bond that has been written, if any."""
    free: tuple[int, ...] = ()
    """Bonds that each atom has left."""
    aromatic: tuple[bool, ...] = ()
    """Whether each atom is."""
    branches: tuple[int, ...] = ()
    """Atoms that the open branches are on."""
    rings: tuple[tuple[str, int], ...] = ()
    """Open ring bonds with their atoms."""
    charge: int = 0
    """What is left to be written."""
    to_close: int = 0
    """Branches that what follows closes."""
    to_meet: frozenset[str] = field(default=frozenset())
    """Ring bonds that what follows closes."""
    further: frozenset[int] = field(default=frozenset())
    """Tokens that are allowed although they are not usual."""
    goes_on: bool = False
    """Whether an atom or a branch follows."""

    @property
    def cost(self) -> int:
        """What the bond to the next atom takes of this one."""
        return 1 if self.atom >= 0 and self.aromatic[self.atom] else self.order or 1

    def cost_of(self, what: Token) -> int:
        """What it takes of that atom."""
        return 1 if what.aromatic else self.order or 1

    def after(self, token: int) -> Writing:
        """The state after this token, allowed or not."""
        what, remaining = self.guide.tokens[token], self.remaining - 1
        if what.kind == "atom":
            free = list(self.free)
            if self.atom >= 0:
                free[self.atom] -= self.cost
            free.append(what.bonds - (self.cost_of(what) if self.atom >= 0 else 0))
            return replace(
                self, remaining=remaining, last="atom", atom=len(free) - 1, order=0, free=tuple(free),
                aromatic=(*self.aromatic, what.aromatic), charge=self.charge - what.charge,
            )  # fmt: skip
        if what.kind == "bond":
            return replace(self, remaining=remaining, last="bond", order=what.bonds)
        if what.kind == "open":
            return replace(self, remaining=remaining, last="open", branches=(*self.branches, self.atom))
        if what.kind == "close" and self.branches:
            return replace(
                self, remaining=remaining, last="close", atom=self.branches[-1], branches=self.branches[:-1]
            )
        if what.kind == "ring" and self.atom >= 0:
            label, free = self.guide.texts[token], list(self.free)
            free[self.atom] -= self.cost
            opened = any(label == other for other, _ in self.rings)
            rings = tuple(ring for ring in self.rings if ring[0] != label)
            if not opened:
                rings = (*rings, (label, self.atom))
            return replace(self, remaining=remaining, last="ring", order=0, free=tuple(free), rings=rings)
        return replace(self, remaining=remaining)

    def allowed(self) -> Tensor:
        """Bool (V,), True on the tokens that may follow."""
        opened = {label for label, _ in self.rings}
        # An atom that is bonded to the one before it, or is it, closes no ring with it.
        missing = [
            FEWEST_IN_RING - len(self.free) + atom for label, atom in self.rings if label not in self.to_meet
        ]
        closing = frozenset(
            label for label, atom in self.rings
            if label not in self.to_meet and len(self.free) - atom >= FEWEST_IN_RING and self.atom != atom
        )  # fmt: skip
        lowest = next(str(n) for n in range(1, 100) if str(n) not in opened)
        needs = _Needs(
            depth=len(self.branches) - self.to_close, rings=len(opened ^ self.to_meet), charge=self.charge,
            atoms=max([*missing, int(self.last in ("bond", "open"))]),
        )  # fmt: skip
        left = self.free[self.atom] if self.atom >= 0 else None
        # More tokens than would make a difference are not told apart.
        remaining = min(self.remaining, needs.tokens() + 8)
        key = (
            left, left is not None and self.aromatic[self.atom], self.order, remaining, self.last,
            self.goes_on, needs, closing, self.to_meet - opened, lowest, self.to_meet, self.further,
        )  # fmt: skip
        if key not in self.guide.known:
            opening = (self.to_meet - opened) | {lowest}
            self.guide.known[key] = self._mask(left, remaining, needs, closing, opening)
        return self.guide.known[key]

    def _mask(
        self, left: int | None, remaining: int, needs: _Needs, closing: Set[str], opening: Set[str]
    ) -> Tensor:
        solid = self.last in ("atom", "ring", "close")
        flat = left is not None and self.aromatic[self.atom]
        ends = 1 if self.goes_on else 0

        def fits(after: _Needs, bonds: int) -> bool:
            """Whether what is open can be closed then, by an atom with so many bonds left."""
            rest = remaining - 1
            leads_on = bonds > 0 or after.depth > 0
            return rest >= after.tokens() and (leads_on if rest else bonds >= ends)

        def may(text: str, place: int, what: Token) -> bool:
            if what.kind == "atom":
                bonds = what.bonds - (0 if left is None else self.cost_of(what))
                good = left is None or left >= self.cost
                after = needs._replace(atoms=max(needs.atoms - 1, 0), charge=needs.charge - what.charge)
                return good and bonds >= 0 and fits(after, bonds) and (what.usual or place in self.further)
            if left is None:
                return False
            if what.kind == "bond":
                enough = left >= (1 if flat else what.bonds) + (self.last == "open")
                good = enough and (solid or self.last == "open")
                return good and fits(needs._replace(atoms=max(needs.atoms, 1)), 1)
            if what.kind == "open":
                # One bond for the branch, and one to go on with after it.
                after = needs._replace(depth=needs.depth + 1, atoms=max(needs.atoms, 1))
                return solid and left >= 2 and fits(after, 1)
            if what.kind == "close":
                return solid and needs.depth > 0 and fits(needs._replace(depth=needs.depth - 1), 1)
            if what.kind == "ring" and self.last in ("atom", "ring") and left >= 1:
                if text in closing or (text in opening and text in self.to_meet):
                    return fits(needs._replace(rings=needs.rings - 1), left - 1)
                after = needs._replace(rings=needs.rings + 1, atoms=max(needs.atoms, FEWEST_IN_RING - 1))
                return text in opening and fits(after, left - 1)
            return False

        tokens = enumerate(zip(self.guide.texts, self.guide.tokens, strict=True))
        return torch.tensor([bool(what.kind) and may(text, place, what) for place, (text, what) in tokens])


class _Needs(NamedTuple):
    """What has to be written before a fragment may end."""

    depth: int
    """Branches that are open, below zero those that what follows closes."""
    rings: int
    """Ring bonds."""
    charge: int
    atoms: int
    """Atoms that a bond, a branch or a ring waits for."""

    def tokens(self) -> int:
        """The fewest tokens: a charged atom ends a branch, for which there may have to be one."""
        charged, depth = abs(self.charge), abs(self.depth)
        return depth + self.rings + charged + 2 * max(0, charged - depth - 1) + max(self.atoms - charged, 0)
