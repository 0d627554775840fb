"""MOFid: a metal-organic framework as its building blocks, its net, and how often nets interpenetrate.

Two forms are read: the raw one that the MOFid program writes, `SMILES MOFid-v1.pcu.cat0;name`, and the
compact one of the benchmark sets, `SMILES&&pcu.cat0`. Both are taken as text: many blocks hold metals and
radicals that RDKit will not sanitise.

Source: B. J. Bucior et al., Cryst. Growth Des. 2019, 19, 6682 (raw); Z. Cao et al., JACS 2023, 145, 2958
(compact).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from catenane.errors import NotationError
from catenane.notation.blocks import canonical_block
from catenane.notation.syntax import SPACE, check_grammar, excerpt, find_fault, notation_error

__all__ = ["FAILED_TOPOLOGIES", "Mofid", "token_kind"]

FAILED_TOPOLOGIES = ("UNKNOWN", "ERROR", "MISMATCH", "TIMEOUT", "NA")
"""What MOFid writes in the place of a net that it did not find."""

_NONMETAL = "H|He|B|C|N|O|F|Ne|Si|P|S|Cl|Ar|As|Se|Br|Kr|Te|I|Xe|At|Rn|Ts|Og|as|se|si|te|[bcnops]|[*#]"
_METAL_ATOM = re.compile(rf"\[[0-9]*(?!(?:{_NONMETAL})(?![a-z]))")
_NET = re.compile("[a-z]{3}(-[a-z0-9*]+)?")
_LONE_ATOM = re.compile(r"\[[^\]]*\]|[A-Z][a-z]?")

_CODE = r"(?!(?i:cat)[0-9])[A-Za-z0-9][A-Za-z0-9*+_-]*"
_CATENATION = r"(?i:cat)(?:0|[1-9][0-9]{0,2})|(?i:NA)"
_COMPACT_TAIL = re.compile(
    rf"(?:(?P<codes>{_CODE}(?:,{_CODE})*)(?:\.(?P<catenation>{_CATENATION}))?|(?P<alone>{_CATENATION}))?"
)
_RAW_TAIL = re.compile(
    rf"(?P<codes>{_CODE}(?:,{_CODE})*)(?:\.(?P<catenation>{_CATENATION})(?:\.(?P<reference>[^\s;]+))?)?"
)
_RAW_MARK = re.compile(r"(?:^|\s+)MOFid-(?P<version>[^.\s;]*)\.?")


@dataclass(frozen=True, slots=True)
class Mofid:
    """One framework. `Mofid.parse` checks its text; the constructor takes what it is given.

    Two failures of the MOFid program are kept, since the blocks are still of use: a topology `UNKNOWN`,
    `ERROR`, `TIMEOUT`, `MISMATCH` or `NA`, and a catenation that could not be counted (None).
    """

    blocks: tuple[str, ...]
    """SMILES of nodes and linkers, in the order written."""
    topologies: tuple[str, ...] = ()
    """RCSR codes, the likeliest first; more than one where algorithms of simplification disagree."""
    catenation: int | None = None
    """Number of nets that interpenetrate, less one."""
    name: str | None = None
    """What the raw form carries after `;`, such as the name of the CIF file."""
    reference: str | None = None
    """Version of the program that wrote the raw form, where it is given (`NO_REF` or a commit)."""

    @classmethod
    def parse(cls, text: str) -> Mofid:
        """Read the raw or the compact form; white space around it is dropped.

        Raises:
            NotationError: The text is not a MOFid, is one of another version, or marks a failure (no blocks,
                or a lone `*`). `.position` counts in the text without the white space around it.
        """
        text = text.strip(SPACE)
        if not text:
            raise NotationError("the MOFid is empty")
        smiles, mark, rest = text.partition("&&")
        tail_start = len(smiles) + 2
        if not mark:
            smiles, rest, tail_start = _split_raw(text)
        if smiles in ("", "*"):
            raise notation_error("failed MOFid: it has no building blocks", text, 0)
        tail_text, _, name = rest.partition(";")
        tail = (_COMPACT_TAIL if mark else _RAW_TAIL).fullmatch(tail_text)
        if tail is None:
            raise _tail_error(text, tail_text, tail_start)
        if (place := f".{smiles}.".find("..")) >= 0:
            raise notation_error(f"empty block at position {place}", text, place)
        check_grammar(smiles, apart=True, whole=text)
        codes, catenation, last = tail.groups()
        if mark:
            catenation, last = catenation or last, None
        return cls(
            blocks=tuple(smiles.split(".")),
            topologies=tuple(codes.split(",")) if codes else (),
            catenation=int(catenation[3:]) if catenation and catenation.upper() != "NA" else None,
            name=name or None,
            reference=last,
        )

    @property
    def smiles(self) -> str:
        """The blocks joined by dots: what stands before the topology."""
        return ".".join(self.blocks)

    @property
    def topology(self) -> str:
        """The codes as written, joined by commas; empty where there is none."""
        return ",".join(self.topologies)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Blocks that hold a metal."""
        return tuple(block for block in self.blocks if _METAL_ATOM.search(block))

    @property
    def linkers(self) -> tuple[str, ...]:
        """Blocks of two or more atoms, none of them a metal.

        A lone atom (`[O]`, `[OH]`, water, a halide) bridges or caps metals; it is neither node nor linker.
        """
        blocks = (block for block in self.blocks if not _LONE_ATOM.fullmatch(block))
        return tuple(block for block in blocks if not _METAL_ATOM.search(block))

    @property
    def nets(self) -> tuple[str, ...]:
        """The topologies that are no marks of failure."""
        return tuple(code for code in self.topologies if code not in FAILED_TOPOLOGIES)

    @property
    def framework(self) -> str:
        """Nodes, linkers and topologies: equal for frameworks that differ in catenation or lone atoms."""
        blocks = tuple(sorted((*self.nodes, *self.linkers)))
        return str(replace(self, blocks=blocks, catenation=None))

    def groups(self) -> dict[str, tuple[str, ...]]:
        """What frameworks may share: each `linker`, each net as `topology`, and all but catenation."""
        linkers = tuple(dict.fromkeys(self.linkers))
        return {"framework": (self.framework,), "topology": self.nets, "linker": linkers}

    def canonical(self) -> Mofid:
        """The normal form: every block once in the spelling of `canonical_block`, sorted.

        Net codes are in lower case, marks of failure in upper case, each once, their order kept. A block that
        RDKit cannot read at all is a `NotationError`.
        """
        cases = ((code.lower(), code.upper()) for code in self.topologies)
        codes = (upper if upper in FAILED_TOPOLOGIES else lower for lower, upper in cases)
        try:
            blocks = tuple(sorted(set(map(canonical_block, self.blocks))))
        except NotationError:
            if fault := find_fault(self.smiles, bonds=True):  # counted in the whole string
                raise fault.error(str(self)) from None
            raise
        return replace(self, blocks=blocks, topologies=tuple(dict.fromkeys(codes)))

    def normal(self) -> tuple[str, Mofid]:
        """The normal form, as text and as a framework."""
        framework = self.canonical()
        return str(framework), framework

    def randomised(self, seed: int) -> str:
        """The compact form with the blocks in another order, by a seed."""
        blocks = random.Random(seed).sample(self.blocks, len(self.blocks))
        return str(replace(self, blocks=tuple(blocks)))

    def __str__(self) -> str:
        """The compact form, without name and reference."""
        catenation = "" if self.catenation is None else f"cat{self.catenation}"
        dot = "." if self.topologies and catenation else ""
        return f"{self.smiles}&&{self.topology}{dot}{catenation}"

    def raw(self) -> str:
        """The form of the MOFid program; what is absent is written `NA`."""
        catenation = "NA" if self.catenation is None else f"cat{self.catenation}"
        reference = f".{self.reference}" if self.reference else ""
        name = f";{self.name}" if self.name else ""
        return f"{self.smiles} MOFid-v1.{self.topology or 'NA'}.{catenation}{reference}{name}"


def _split_raw(text: str) -> tuple[str, str, int]:
    """The blocks, what follows the version, and where that starts."""
    mark = _RAW_MARK.search(text)
    if mark is None:
        raise notation_error("not a MOFid, neither '&&' nor ' MOFid-v1' follows the building blocks", text)
    version, place = mark["version"], mark.start("version")
    if version != "v1":
        reason = f"MOFid version '{excerpt(version)}' at position {place} is not 'v1'"
        raise notation_error(reason, text, place)
    return text[: mark.start()], text[mark.end() :], mark.end()


def token_kind(token: str) -> str:
    """What a token stands for: "metal", "net", "several nets", "catenation", or "token" for all else."""
    kinds = {
        "metal": _METAL_ATOM.match, "net": _NET.fullmatch, "several nets": re.compile(",").fullmatch,
        "catenation": re.compile(r"\.cat").match,
    }  # fmt: skip
    return next((kind for kind, is_one in kinds.items() if is_one(token)), "token")


def _tail_error(text: str, tail: str, place: int) -> NotationError:
    """What is wrong with a tail that starts at this place of the text."""
    codes, _, rest = tail.partition(".")
    for code in codes.split(","):
        if not re.fullmatch(_CODE, code):
            reason = f"unknown topology code '{excerpt(code)}'" if code else "topology code missing"
            return notation_error(f"{reason} at position {place}", text, place)
        place += len(code) + 1
    catenation = rest.partition(".")[0]
    if not re.fullmatch(_CATENATION, catenation):
        reason = f"unknown catenation '{excerpt(catenation)}' at position {place}"
        return notation_error(f"{reason}, expected cat0, cat1, ... or NA", text, place)
    place += len(catenation)
    reason = f"unexpected '{excerpt(text[place:])}' at position {place} after the catenation"
    return notation_error(reason, text, place)
