"""Tokens that a fragment may go on with: those after which it can still become a part of a molecule.

The state of a string that is being written: branches and ring bonds that are open, bonds that its atoms have
left, charge, and tokens that remain. A token is allowed where what is open afterwards can still be closed by
the tokens that remain. Aromatic atoms stand in rings of five to seven, atoms in brackets take all their
bonds, and charges stand where the fragment before had them, or in a nitro group. Whether the bonds of
aromatic rings alternate is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch
from torch import Tensor

from catenane.inference.writing import Gap
from catenane.screen.effects import Token, read_token
from catenane.screen.situation import (
    AROMATIC_RINGS,
    FEWEST_IN_RING,
    NITRO,
    Bearing,
    Needs,
    Situation,
    begun_after,
    cost_of,
)
from catenane.tokenizers import StringTokenizer

__all__ = ["Guide", "Writing", "guide_of"]

MOST_KNOWN = 100_000
"""Situations that are remembered, a kilobyte each."""


class Guide:
    """What each token of a vocabulary does, and which of them may follow."""

    def __init__(self, tokenizer: StringTokenizer) -> None:
        self.texts, self.mask_id = list(tokenizer.vocabulary), tokenizer.mask_id
        self.tokens = [
            Token("") if place < tokenizer.n_special else read_token(text)
            for place, text in enumerate(self.texts)
        ]
        self.kinds = list(dict.fromkeys(self.tokens))
        """Tokens that differ in what they do."""
        self.kind_V = torch.tensor([self.kinds.index(token) for token in self.tokens])
        self.usual_V = torch.tensor([token.usual for token in self.tokens])
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
        inside: set[str] = set()
        for token in right[:last]:
            kind = self.tokens[token].kind
            depth += {"open": 1, "close": -1}.get(kind, 0)
            need = max(need, -depth)
            if kind == "ring":
                odd ^= {self.texts[token]}
                inside |= odd if not need else set()
        before, bearings = state, set()
        for token in hidden:
            if self.tokens[token].charge:
                bearings.add((self.texts[token], *before.bearer))
            before = before.after(token)
        state = replace(
            state, to_close=need, to_meet=frozenset(odd),
            charge=sum(self.tokens[token].charge for token in hidden),
            further=frozenset(token for token in hidden if not self.tokens[token].usual),
            bearings=frozenset(bearings), covers=frozenset(inside & odd),
            n_before=len(state.free), goes_on=bool(last) and self.tokens[right[0]].kind not in ("close", ""),
        )  # fmt: skip
        return Gap((*ids[:start], *[self.mask_id] * length, *ids[end:]), start, start + length, state)


@lru_cache(maxsize=4)
def guide_of(tokenizer: StringTokenizer) -> Guide:
    """The guide of a tokenizer, with what it has found out already."""
    return Guide(tokenizer)


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
    atoms: tuple[Token, ...] = ()
    """Each atom."""
    parents: tuple[int, ...] = ()
    """The atom that each is bonded to and that was written before it, or -1."""
    oxo: frozenset[int] = frozenset()
    """Atoms with a double bond to an oxygen."""
    flat: frozenset[int] = frozenset()
    """Aromatic atoms that are in no ring yet."""
    branches: tuple[tuple[int, int], ...] = ()
    """Atoms that the open branches are on, and how many atoms there were before."""
    rings: tuple[tuple[str, int], ...] = ()
    """Open ring bonds with their atoms."""
    closed: tuple[tuple[int, int], ...] = ()
    """Atoms that ring bonds join."""
    begun: str = ""
    """What has been written of a carboxylate."""
    charge: int = 0
    """What is left to be written."""
    to_close: int = 0
    """Branches that what follows closes."""
    to_meet: frozenset[str] = field(default=frozenset())
    """Ring bonds that what follows closes."""
    further: frozenset[int] = field(default=frozenset())
    """Tokens that are allowed although they are not usual."""
    bearings: frozenset[Bearing] = field(default=frozenset())
    """Where charges stood in what was hidden."""
    covers: frozenset[str] = field(default=frozenset())
    """Those of `to_meet` that the end of the fragment lies in."""
    n_before: int = 0
    """Atoms before the fragment."""
    goes_on: bool = False
    """Whether an atom or a branch follows."""

    @property
    def bearer(self) -> tuple[str, bool]:
        """The atom that the next is bonded to, see `Bearing`."""
        if self.atom < 0:
            return "", False
        what = self.atoms[self.atom]
        return what.text or what.element, self.atom in self.oxo

    def path(self, atom: int) -> Iterator[int]:
        """The atom, the one before it, and so on to the first."""
        while atom >= 0:
            yield atom
            atom = self.parents[atom]

    def ring(self, other: int) -> list[int]:
        """The atoms of the smallest ring that a bond from this atom to another closes."""
        bonds: dict[int, list[int]] = {}
        for one, two in (*enumerate(self.parents), *self.closed):
            bonds.setdefault(one, []).append(two)
            bonds.setdefault(two, []).append(one)
        came, edge = {self.atom: -1}, [self.atom]
        while edge and other not in came:
            steps = {near: atom for atom in edge for near in bonds[atom] if near >= 0 and near not in came}
            came, edge = came | steps, [*steps]
        found = [other]
        while came.get(found[-1], -1) >= 0:
            found.append(came[found[-1]])
        return found

    def after(self, token: int) -> Writing:
        """The state after this token, allowed or not."""
        what, remaining = self.guide.tokens[token], self.remaining - 1
        begun = begun_after(self.begun, what, is_first=not self.last, order=self.order)
        if what.kind == "atom":
            free, new, oxo = list(self.free), len(self.free), self.oxo
            if self.atom >= 0:
                free[self.atom] -= cost_of(self.atoms[self.atom], self.order)
                if self.order == 2:
                    pairs = ((self.atom, what), (new, self.atoms[self.atom]))
                    oxo = oxo | {atom for atom, other in pairs if other.element == "O"}
            free.append(what.bonds - (cost_of(what, self.order) if self.atom >= 0 else 0))
            return replace(
                self, remaining=remaining, last="atom", atom=new, order=0, free=tuple(free), begun=begun,
                atoms=(*self.atoms, what), parents=(*self.parents, self.atom), oxo=oxo,
                flat=self.flat | {new} if what.aromatic else self.flat, charge=self.charge - what.charge,
            )  # fmt: skip
        if what.kind == "bond":
            return replace(self, remaining=remaining, last="bond", order=what.bonds, begun=begun)
        if what.kind == "open":
            branches = (*self.branches, (self.atom, len(self.free)))
            return replace(self, remaining=remaining, last="open", branches=branches, begun=begun)
        if what.kind == "close" and self.branches:
            return replace(
                self, remaining=remaining, last="close", atom=self.branches[-1][0],
                branches=self.branches[:-1], begun=begun,
            )  # fmt: skip
        if what.kind == "ring" and self.atom >= 0:
            free, flat, closed = list(self.free), self.flat, self.closed
            free[self.atom] -= cost_of(self.atoms[self.atom], self.order)
            rings = tuple(ring for ring in self.rings if ring[0] != what.text)
            if len(rings) == len(self.rings):
                rings = (*rings, (what.text, self.atom))
            else:
                other = dict(self.rings)[what.text]
                here, there = set(self.path(self.atom)), set(self.path(other))
                flat = flat - (here ^ there) - {max(here & there, default=-1)}
                closed = (*closed, (self.atom, other))
            return replace(
                self, remaining=remaining, last="ring", order=0, free=tuple(free), rings=rings, flat=flat,
                closed=closed, begun="",
            )  # fmt: skip
        return replace(self, remaining=remaining, begun="")

    @property
    def enters(self) -> bool:
        """Whether a branch has been opened and nothing but a bond been written in it."""
        return bool(self.branches) and self.branches[-1] == (self.atom, len(self.free))

    @property
    def is_acid(self) -> bool:
        """Whether the charge that is left is of carboxylates."""
        nitro = {(NITRO[1], NITRO[0], True), (NITRO[1], NITRO[0], False)}
        others = {bearing for bearing in self.bearings if bearing[0] != NITRO[0]} - nitro
        return self.charge < 0 and others == {(NITRO[1], "C", True)}

    def allowed(self) -> Tensor:
        """Bool (V,), True on the tokens that may follow."""
        opened = {label for label, _ in self.rings}
        outer = self.covers if len(self.branches) == self.to_close else frozenset()
        way = {atom: place for place, atom in enumerate(self.path(self.atom), start=1)}
        own = {label: atom for label, atom in self.rings if label not in self.to_meet}
        missing = [
            (AROMATIC_RINGS.start if atom in self.flat else FEWEST_IN_RING) - way.get(atom, 0)
            for atom in own.values()
        ]
        # A ring bond is closed by an atom that follows the one that opened it, in the same branch.
        closing = frozenset(label for label, atom in own.items() if atom in way and self._closes(atom))
        start, bearer = self.branches[-1][::-1] if self.branches else (0, -1)
        lowest = next(str(n) for n in range(1, 100) if str(n) not in opened)
        # What follows an aromatic atom whose ring is open, and was opened last, is in that ring.
        last_opened = [*own.values()][-1] if own else -1
        in_ring = last_opened >= start and last_opened in self.flat
        what = Situation(
            here=self.atoms[self.atom] if self.atom >= 0 else None,
            left=self.free[self.atom] if self.atom >= 0 else 0,
            order=self.order, last=self.last,
            closing=closing, opening=(self.to_meet - opened) | {lowest}, to_meet=self.to_meet,
            needs=Needs(
                depth=len(self.branches) - self.to_close, rings=len(opened ^ self.to_meet),
                charge=self.charge, atoms=max([*missing, int(self.last in ("bond", "open"))]),
                begun=self.begun if self.is_acid else None, is_first=not self.last,
                goes_on=self.goes_on,
            ),
            further=self.further, bearings=self.bearings, bearer=self.bearer, enters=self.enters,
            is_covered=any(
                atom in way for label, atom in self.rings if label in own or label in outer
            ),
            is_flat=self.atom in self.flat and self.atom >= self.n_before,
            in_ring=in_ring, is_far=in_ring and len(self.ring(last_opened)) >= AROMATIC_RINGS.stop - 1,
            is_left_open=any(atom >= start for atom in (*self.flat, *own.values())),
            outside=(self.free[bearer], self.atoms[bearer]) if bearer >= 0 else None,
        )  # fmt: skip
        # More tokens than would make a difference are not told apart.
        remaining = min(self.remaining, what.needs.tokens() + 16)
        key = (remaining, what)
        if key not in self.guide.known:
            guide = self.guide
            if len(guide.known) >= MOST_KNOWN:
                guide.known.clear()
            mask = [bool(kind.kind) and what.allows(kind, remaining) for kind in guide.kinds]
            unusual_V = torch.zeros_like(guide.usual_V)
            unusual_V[list(self.further)] = True
            guide.known[key] = torch.tensor(mask)[guide.kind_V] & (guide.usual_V | unusual_V)
        return self.guide.known[key]

    def _closes(self, other: int) -> bool:
        """Whether a ring bond may join this atom to that one."""
        if self.last not in ("atom", "ring"):
            return False
        ring = self.ring(other)
        if not (self.atoms[self.atom].aromatic and self.atoms[other].aromatic):
            return len(ring) >= FEWEST_IN_RING
        if len(ring) not in AROMATIC_RINGS:
            return False
        if not self.flat.issuperset(ring) or len(self.rings) > 1:
            return True  # other rings share its bonds
        # Its double bonds take atoms in pairs, but not those that give two electrons.
        n_paired = sum(not self._gives_pair(atom) for atom in ring)
        is_open = self.atoms[self.atom].element == "n" and not self.atoms[self.atom].charge
        return n_paired % 2 == 0 or (is_open and self.free[self.atom] > 1)

    def _gives_pair(self, atom: int) -> bool:
        """Whether an aromatic atom has no double bond in its ring."""
        what, left = self.atoms[atom], self.free[atom] - (atom == self.atom)
        if what.element == "n":
            return what.charge < 0 or (not what.charge and left <= 0)
        return what.element in ("o", "s", "se") or what.charge < 0 or atom in self.oxo
