"""Which tokens may follow in a situation: what is open can still be closed by the tokens that remain."""

from __future__ import annotations

from typing import NamedTuple

from catenane.screen.effects import Token

__all__ = [
    "AROMATIC_RINGS",
    "FEWEST_IN_RING",
    "NITRO",
    "Bearing",
    "Needs",
    "Situation",
    "begun_after",
    "cost_of",
]

FEWEST_IN_RING = 3
AROMATIC_RINGS = range(5, 8)
NITRO = "[N+]", "[O-]"
LOOSE = frozenset({"OO", "FO", "ClO", "BrO", "IO", "FN", "ClN", "BrN", "IN"})
"""Elements that hold each other by no more than one bond, and badly."""
CARBOXYLATE = {
    "C": 1, "C(": 3, "C(=": 4, "C(=O": 5, "C(=O)": 5,
    "O": 1, "O=": 2, "O=C": 3, "O=C(": 5,
}  # fmt: skip
"""What has been written of `C(=O)[O-]`, or at the beginning of `O=C([O-])`, and how many of its six tokens
are not needed then any more; one that closes a branch is not counted."""
Bearing = tuple[str, str, bool]
"""A charged token, the element and charge of the atom that it is bonded to, and whether that has a =O."""


def begun_after(begun: str, what: Token, *, is_first: bool, order: int) -> str:
    """What has been written of a carboxylate after this token."""
    text = {"open": "(", "close": ")"}.get(what.kind, "=" if what.kind == "bond" and what.bonds == 2 else "")
    if what.kind == "atom" and not what.charge and not what.is_full:
        text = what.element
    if text and begun + text in CARBOXYLATE and (begun or is_first):
        return begun + text
    return "C" if text == "C" and order < 2 else ""


def cost_of(what: Token, order: int) -> int:
    """What a bond of this order, 0 where none is written, takes of the bonds of an atom."""
    return 1 if what.aromatic else order or 1


class Needs(NamedTuple):
    """What has to be written before a fragment may end."""

    depth: int
    """Branches that are open, below zero those that what follows closes."""
    rings: int
    """Ring bonds."""
    charge: int
    atoms: int
    """Atoms that a bond, a branch or a ring waits for."""
    begun: str | None
    """Of a carboxylate; None where the charge is not of such."""
    is_first: bool
    """Whether nothing has been written."""
    goes_on: bool
    """Whether an atom or a branch follows the fragment."""

    def after(self, what: Token, order: int) -> Needs:
        """As far as a token changes them by its kind alone, after a bond of this order."""
        begun = self.begun
        if begun is not None:
            begun = begun_after(begun, what, is_first=self.is_first, order=order)
        return self._replace(begun=begun, is_first=False)

    def tokens(self) -> int:
        """The fewest tokens: a charged atom ends a branch, for which there may have to be one."""
        charged, depth = abs(self.charge), abs(self.depth)
        if self.begun is None or not charged:
            ends, each, atoms, done = depth + 1 - self.goes_on, 1, 1, 0
        else:
            inner = depth - ("(" in self.begun and ")" not in self.begun)
            is_start = self.is_first or self.begun.startswith("O")
            # What ends the string has to be the last.
            may_end = (charged == 1 and not self.goes_on) or inner > 0 or is_start
            ends, done = inner + 1 - self.goes_on + is_start, CARBOXYLATE.get(self.begun, 0) if may_end else 0
            each, atoms = 6, 3
        group = each * charged + 2 * max(0, charged - ends) - done
        return depth + self.rings + group + max(self.atoms - atoms * charged, 0)


class Situation(NamedTuple):
    """What decides which tokens may follow; see `Writing`."""

    here: Token | None
    """The atom that is bonded next."""
    left: int
    """Bonds that it has left."""
    order: int
    last: str
    closing: frozenset[str]
    """Ring bonds that may be closed here."""
    opening: frozenset[str]
    """Those that may be opened, or that what follows closes."""
    to_meet: frozenset[str]
    needs: Needs
    further: frozenset[int]
    bearings: frozenset[Bearing]
    bearer: tuple[str, bool]
    enters: bool
    is_covered: bool
    """Whether a ring is open that what follows here will be in."""
    is_flat: bool
    """Whether the atom is aromatic and in no ring yet."""
    in_ring: bool
    """Whether the next atom will be in an aromatic ring."""
    is_far: bool
    """Whether there is no room for it."""
    is_left_open: bool
    """Whether the branch cannot be closed yet."""
    outside: tuple[int, Token] | None
    """Bonds left, and what the innermost branch is on."""

    def allows(self, what: Token, remaining: int) -> bool:
        """Whether this token may follow, if so many remain to be written, itself among them."""
        after = self.needs.after(what, self.order)
        if what.kind == "atom":
            return self._allows_atom(what, after, remaining)
        here, stuck = self.here, self.is_flat and not self.is_covered
        if here is None or (stuck and what.kind != "ring"):
            return False
        solid = self.last in ("atom", "ring", "close")
        if what.kind == "bond" and not self.in_ring:
            cost = cost_of(here, what.bonds)
            leaves = here.is_full and not self.enters
            enough = self.left == cost if leaves else self.left >= cost + self.enters
            good = enough and (solid or self.last == "open")
            return good and self._fits(after._replace(atoms=max(after.atoms, 1)), here, 1, remaining)
        if what.kind == "open":
            # One bond for the branch, and one to go on with after it.
            after = after._replace(depth=after.depth + 1, atoms=max(after.atoms, 1))
            return solid and self.left >= 2 and self._fits(after, here, 1, remaining)
        if what.kind == "close" and self.outside is not None:
            good = solid and after.depth > 0 and not self.is_left_open and not (here.is_full and self.left)
            bonds, bearer = self.outside
            return good and self._fits(after._replace(depth=after.depth - 1), bearer, bonds, remaining)
        if what.kind == "ring" and self.last in ("atom", "ring") and self.left >= 1:
            if what.text in self.closing or what.text in self.opening & self.to_meet:
                after = after._replace(rings=after.rings - 1)
                return self._fits(after, here, self.left - 1, remaining)
            least = AROMATIC_RINGS.start if self.is_flat else FEWEST_IN_RING
            after = after._replace(rings=after.rings + 1, atoms=max(after.atoms, least - 1))
            return what.text in self.opening and self._fits(after, here, self.left - 1, remaining)
        return False

    def _allows_atom(self, what: Token, after: Needs, remaining: int) -> bool:
        bonds = what.bonds
        if self.here is not None:
            bonds -= cost_of(what, self.order)
            if (self.is_flat and not self.is_covered) or not self._may_bond(self.here, what):
                return False
        if bonds < 0 or (what.usual and what.charge and not self._may_bear(what)):
            return False
        if self.in_ring and (self.is_far or not what.aromatic):
            return False
        atoms, rings = max(after.atoms - 1, 0), after.rings
        if what.aromatic and not self.is_covered:  # it has to open a ring, and to go on
            atoms, rings = AROMATIC_RINGS.start - 1, rings + 2
            if bonds < 2:
                return False
        after = after._replace(atoms=atoms, rings=rings, charge=after.charge - what.charge)
        return self._fits(after, what, bonds, remaining)

    def _may_bond(self, here: Token, what: Token) -> bool:
        """Whether the atom may be bonded to this one."""
        cost = cost_of(here, self.order)
        if self.left < cost or (here.is_full and not self.enters and self.left > cost):
            return False
        is_loose = "".join(sorted((here.element, what.element))) in LOOSE
        return not is_loose or bool(here.charge or what.charge) or self.order > 1

    def _may_bear(self, what: Token) -> bool:
        """Whether the charge of this atom may stand here."""
        if (what.text, *self.bearer) in self.bearings or what.text == NITRO[0]:
            return True
        return what.text == NITRO[1] and self.bearer[0] == NITRO[0]

    def _fits(self, after: Needs, what: Token, bonds: int, remaining: int) -> bool:
        """Whether what is open can be closed then, by this atom with so many bonds left."""
        ends, rest = int(self.needs.goes_on), remaining - 1
        if not rest:
            return not after.tokens() and (bonds == ends if what.is_full else bonds >= ends)
        unmet = min(bonds - ends, 2) if what.is_full else 0
        return rest >= max(after.tokens(), unmet) and (bonds > 0 or after.depth > 0)
