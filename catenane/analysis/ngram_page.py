"""The page of a corpus' commonest n-grams: by length, with what is a fragment drawn and named."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from catenane.analysis.functional_groups import functional_groups, group_atoms, whole_group
from catenane.analysis.ngrams import Ngram, NgramCounts
from catenane.drawing import depict
from catenane.errors import NotationError
from catenane.formatting import percent
from catenane.notation import NotationName, Smiles, get_notation
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import ACCENT, MUTED, Drawing, panel

__all__ = ["Fragment", "read_fragment", "write_ngram_page"]

SHOWN = 12
"""N-grams of a length that the page shows."""
MOST_NAMED = 3


class Fragment(NamedTuple):
    """What an n-gram is as a molecule."""

    drawing: Markup | None
    groups: tuple[str, ...]
    """Functional groups in it, those with most atoms first."""
    whole: str | None
    """The group that it is as a whole."""


def read_fragment(text: str) -> Fragment | None:
    """The molecule that an n-gram spells; None where it spells none."""
    try:
        molecule = Smiles.parse(text).mol
    except NotationError:
        return None
    found = group_atoms(molecule)
    names = sorted(found, key=lambda name: -len(found[name]))
    return Fragment(depict(text), tuple(names), whole_group(molecule))


def write_ngram_page(
    path: Path, counts: NgramCounts, *, source: str, notation: NotationName, command: str | None = None
) -> None:
    """Write the page in one move; `source` names the corpus."""
    noun = get_notation(notation).noun
    fragments = {gram.text: read_fragment(gram.text) for gram in counts.ngrams}
    columns = {
        "n-gram": "code", "fragment": "pictures", "count": "number", f"{noun}s": "number",
        f"share of {noun}s": "number", "functional groups": "text",
    }  # fmt: skip

    def row(gram: Ngram) -> list[Any]:
        fragment = fragments[gram.text]
        names = fragment.groups if fragment else ()
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return [
            gram.text,
            [fragment.drawing] if fragment and fragment.drawing else [],
            f"{gram.count:,}",
            f"{gram.documents:,}",
            percent(gram.documents / counts.n_strings),
            ", ".join(names[:MOST_NAMED]) + more,
        ]

    named = _named(counts, fragments, noun)
    lengths = []
    for length, of_length in groupby(counts.ngrams, key=lambda gram: gram.length):
        grams = list(of_length)
        lengths.append(
            {
                "length": length,
                "distinct": counts.distinct[length],
                "fragments": sum(fragments[gram.text] is not None for gram in grams),
                "kept": len(grams),
                "grid": Grid(columns, [row(gram) for gram in grams[:SHOWN]]),
            }
        )
    write_page(
        path, "ngrams.html",
        headline=f"N-grams of {counts.n_strings:,} {noun}s",
        source=Path(source).name, noun=noun, lengths=lengths, named=named,
        n_groups=len(functional_groups()),
        figures=[_figure(counts)], command=command,
    )  # fmt: skip


def _named(counts: NgramCounts, fragments: dict[str, Fragment | None], noun: str) -> Grid | None:
    """For each functional group the commonest n-gram that is it and nothing else."""
    rows: dict[str, list[Any]] = {}
    for gram in sorted(counts.ngrams, key=lambda gram: -gram.count):
        fragment = fragments[gram.text]
        if fragment is None or fragment.whole is None or fragment.whole in rows:
            continue
        rows[fragment.whole] = [
            fragment.whole, [fragment.drawing] if fragment.drawing else [], gram.text, f"{gram.count:,}",
            percent(gram.documents / counts.n_strings), f"{counts.rank(gram):,}",
        ]  # fmt: skip
    columns = {
        "functional group": "name", "fragment": "pictures", "n-gram": "code", "count": "number",
        f"share of {noun}s": "number", "rank among all n-grams": "number",
    }  # fmt: skip
    return Grid(columns, list(rows.values())) if rows else None


def _figure(counts: NgramCounts) -> Drawing:
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    def draw(axes: Any) -> None:
        for values, label, color in ((counts.total, "places", MUTED), (counts.distinct, "different", ACCENT)):
            shown = {length: n for length, n in values.items() if n}
            axes.plot(list(shown), list(shown.values()), "o-", ms=3, lw=1.6, color=color, label=label)
        axes.set(xlabel="tokens", ylabel="n-grams", yscale="log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend(loc="best")

    return panel(draw, "Places at which an n-gram of a length stands, and different ones among these.")
