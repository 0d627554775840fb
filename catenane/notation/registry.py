"""The notations: how each is read, put into normal form, spelled anew, and what its strings may share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, get_args

from catenane.errors import ConfigError, NotationError
from catenane.notation.mofid import Mofid
from catenane.notation.smiles import Smiles
from catenane.notation.syntax import SPACE
from catenane.notation.text import Text

__all__ = [
    "JOINT",
    "NOTATIONS",
    "Notation",
    "NotationName",
    "Record",
    "get_notation",
    "groups",
    "normalise",
    "part_texts",
    "respell",
]

NotationName = Literal["smiles", "mofid", "text"]
JOINT = " + "
"""Stands between the strings of a record of several, which no string holds."""
NOTATIONS: tuple[NotationName, ...] = get_args(NotationName)
T = TypeVar("T")


class Record:
    """One string in normal form, and what was computed from it when first asked for.

    Equal strings of one notation are equal records. A pickled record carries what was computed, but no
    molecule: it is parsed again if something else is asked for. `computed` holds the values by function.

    A record may be of several strings, as of a solute and its solvent, joined by `JOINT`: then `parts` are
    the records of each, and what is parsed, and the groups, are those of the first.
    """

    __slots__ = ("_parsed", "_parts", "computed", "notation", "text")

    def __init__(self, text: str, notation: NotationName, parsed: Any = None) -> None:
        self.text = text
        self.notation = notation
        self._parsed = parsed
        self._parts: tuple[Record, ...] | None = None
        self.computed: dict[Callable[[Record], Any], Any] = {}

    def __repr__(self) -> str:
        return f"Record({self.text!r}, {self.notation!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and (self.text, self.notation) == (other.text, other.notation)

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (self.text, self.notation), (None, {"computed": self.computed})

    @classmethod
    def joint(cls, parts: Sequence[Record]) -> Record:
        """The record of several strings; of one, that record."""
        if len(parts) == 1:
            return parts[0]
        record = cls(JOINT.join(part.text for part in parts), parts[0].notation)
        record._parts = tuple(parts)
        return record

    @property
    def parts(self) -> tuple[Record, ...]:
        """The records of several strings, of a single one itself."""
        if JOINT not in self.text or not get_notation(self.notation).is_chemical:
            return (self,)
        if self._parts is None:
            self._parts = tuple(Record(text, self.notation) for text in self.text.split(JOINT))
        return self._parts

    @property
    def parsed(self) -> Any:
        """The `Smiles`, `Mofid` or `Text`; `NotationError` where the text is of neither."""
        if self._parsed is None:
            first = self.parts[0]
            self._parsed = (
                get_notation(self.notation).kind.parse(self.text) if first is self else first.parsed
            )
        return self._parsed

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """See `groups`."""
        return self.compute(groups)

    def compute(self, function: Callable[[Record], T]) -> T:
        """The value of a function of the record, computed once."""
        if function not in self.computed:
            self.computed[function] = function(self)
        return cast(T, self.computed[function])

    def respelled(self, seed: int) -> Record:
        """The same structure in another spelling, see `respell`; itself where RDKit writes none."""
        if len(self.parts) > 1:
            return Record.joint([part.respelled(seed) for part in self.parts])
        try:
            return Record(self.parsed.randomised(seed), self.notation)
        except NotationError:
            return self

    @property
    def is_parsed(self) -> bool:
        """Whether the parsed object is at hand."""
        return self._parsed is not None

    def release(self) -> None:
        """Give the parsed object up; in a long table molecules take a hundred times the memory of strings."""
        for record in {self, *self.parts}:
            record._parsed = None


def groups(record: Record) -> Mapping[str, tuple[str, ...]]:
    """What a string may share with others, by kind: see `Smiles.groups` and `Mofid.groups`."""
    found: dict[str, tuple[str, ...]] = record.parsed.groups()
    return found


@dataclass(frozen=True)
class Notation:
    """One notation."""

    name: NotationName
    kind: type[Smiles] | type[Mofid] | type[Text]
    """What a string is parsed to."""
    noun: str
    """What a string stands for."""
    drawn: str
    """What a drawing of it shows."""
    splits: tuple[str, ...]
    """Keys of `Record.groups` that rows can be split by; the first is the usual one."""
    held_out: frozenset[str] = frozenset()
    """Those of which a string has several, so that keys are held out instead of groups of rows."""
    has_tail: bool = False
    """Whether `&&` and a topology may follow the SMILES."""
    includes: tuple[NotationName, ...] = ()
    """Other notations that a tokenizer and an encoder of this one can read."""
    is_chemical: bool = True
    """Whether a string stands for a structure; text does not, and is never detected but asked for."""

    def read(self, text: str, n_strings: int = 1) -> Record:
        """Parse a string, or several that are joined; `NotationError` gives reason and place."""
        if n_strings == 1:
            normal, parsed = self.kind.parse(text).normal()
            return Record(normal, self.name, parsed)
        texts = text.split(JOINT)
        if len(texts) != n_strings:
            raise NotationError(f"expected {n_strings} strings joined by {JOINT!r}, got {len(texts)}: {text}")
        return Record.joint([self.read(one.strip(SPACE)) for one in texts])

    def reads(self, other: NotationName) -> bool:
        """Whether a tokenizer and an encoder of this notation can read the other one."""
        return other in (self.name, *self.includes)


def get_notation(name: str) -> Notation:
    """The notation of this name; `ConfigError` where there is none."""
    if name not in _REGISTRY:
        raise ConfigError(f"notation={name!r} must be one of {', '.join(map(repr, NOTATIONS))}")
    return _REGISTRY[name]


def part_texts(records: Iterable[Record]) -> list[str]:
    """The strings of all records, those of one after the other."""
    return [part.text for record in records for part in record.parts]


def normalise(text: str, notation: NotationName) -> str:
    """Canonical isomeric SMILES, or the compact MOFid of canonical, sorted blocks; see `Notation.read`.

    >>> normalise("OCC", "smiles")
    'CCO'
    >>> normalise("[Zn].[O-]C(=O)C=CC(=O)[O-]&&pcu.cat0", "mofid")
    'O=C([O-])C=CC(=O)[O-].[Zn]&&pcu.cat0'
    """
    return get_notation(notation).read(text).text


def respell(text: str, notation: NotationName, seed: int) -> str:
    """Write the same structure differently: a MOFid's blocks in another order, SMILES from another atom.

    The seed is an integer from 0 to 2**31 - 1; the same seed gives the same spelling.

    Source: E. J. Bjerrum 2017, arXiv:1703.07076 (SMILES enumeration); the blocks of a MOFid are a set.
    """
    parse = get_notation(notation).kind.parse
    return JOINT.join(parse(one).randomised(seed) for one in text.split(JOINT))


_REGISTRY: Mapping[str, Notation] = {
    "smiles": Notation("smiles", Smiles, noun="molecule", drawn="structure", splits=("scaffold",)),
    "mofid": Notation(
        "mofid",
        Mofid,
        noun="framework",
        drawn="linkers",
        splits=("linker", "topology", "framework"),
        held_out=frozenset({"linker"}),
        has_tail=True,
        includes=("smiles",),
    ),
    "text": Notation("text", Text, noun="text", drawn="", splits=(), is_chemical=False),
}
