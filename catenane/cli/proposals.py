"""Proposals of `catenane generate`: as a table in the terminal, as rows of a file, and drawn on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catenane.cli.console import command_line, print_table, stderr, stdout
from catenane.cli.outputs import add_suffix, report_rejected, table_writer
from catenane.errors import DataError, UsageError
from catenane.formatting import count as count_of
from catenane.formatting import number, scale
from catenane.progress import RowCount

if TYPE_CHECKING:
    import pandas as pd

    from catenane.data.inputs import Inputs
    from catenane.inference import Model
    from catenane.screen.proposals import Proposals

__all__ = ["is_page", "print_proposals", "write_proposals", "write_proposals_page"]

SHOWN = 72
"""Characters of a fragment in the table."""
MOST_DRAWN = 50
"""Strings whose proposals a page can show."""
NAMES = ("name", "id")
"""Ends of the heads of a column that names what a row is of."""


def is_page(path: Path) -> bool:
    """Whether the file is a page by its name, and else a table."""
    return path.suffix.lower() in (".html", ".htm")


def _units(found: Proposals, ranker: Model | None) -> dict[str, str]:
    """Unit of every column of numbers."""
    if ranker is None:
        return {found.ranked_by: ""}
    return {found.ranked_by: ranker.bundle.unit(found.ranked_by), "likelihood": ""}


def _summary(found: Proposals) -> str:
    """How many proposals there were, and how many are new to the model that wrote them."""
    new = [bool(value) for value in found.table["new"] if value is not None]
    summary = f"{found.n_valid:,} different sound ones among {found.n_drafts:,} drafts"
    return summary + (f"; {sum(new):,} of these {len(new):,} were not in the training" if new else "")


def print_proposals(found: Proposals, ranker: Model | None) -> None:
    """A line a proposal, best first."""
    table, units = found.table, _units(found, ranker)
    by = found.ranked_by
    columns: dict[str, list[str]] = {"": [str(place) for place in range(1, len(table) + 1)]}
    head = f"{by}, {units[by]}" if units[by] else by
    columns[head] = [number(value, scale(table[by])) for value in table[by]]
    if ranker is not None:
        low, high = table[f"{by}_low"], table[f"{by}_high"]
        like = scale(table[by], [*low, *high])
        columns["interval"] = [
            f"{number(a, like)} to {number(b, like)}" for a, b in zip(low, high, strict=True)
        ]
        columns["domain"] = ["inside" if inside else "outside" for inside in table["in_domain"]]
    if "span" in table:
        spans = zip(table["span"], table["span_before"], strict=True)
        columns["bonds (before)"] = [f"{new} ({old})" for new, old in spans]
    columns["new"] = [{True: "yes", False: "no"}.get(value, "") for value in table["new"]]
    columns["fragment"] = [
        text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…" for text in table["fragment"]
    ]
    kinds = {head: "text" if head in ("fragment", "new", "domain") else "number" for head in columns}
    stdout.print(f"Proposals: {_summary(found)}.")
    if ranker is not None and by in found.origin:
        stdout.print(f"{head}, of the string itself: {number(found.origin[by], scale(table[by]))}")
    print_table("", kinds, list(zip(*columns.values(), strict=True)))


Find = Callable[[Iterable[str]], Iterator["Proposals | Exception"]]


def write_proposals(
    given: Inputs, find: Find, out: Path | None, beside: Path | None, model: Model, *, n: int, lowest: bool
) -> None:
    """The proposals for every row, as rows of a table or drawn on a page, and those rows that have none.

    Args:
        given: The rows.
        find: Gives the proposals for strings, or why there are none, in order.
        out: A table, a page, or standard output.
        beside: The file of rows without proposals.
        model: What ranks them.
        n: Proposals wanted of each.
        lowest: The lowest are first.

    Raises:
        DataError: No row has any.
        UsageError: There are more than a page can show.
    """
    from catenane.data import Rejection

    page = out if out is not None and is_page(out) else None
    rejected: list[Rejection] = []
    drawn: dict[str, Proposals] = {}
    n_rows = n_proposals = n_short = 0
    with (
        RowCount("generate", show=out is not None or not stdout.is_terminal) as count,
        nullcontext() if page else table_writer(out, given.types) as write,
    ):
        for chunk in given.chunks():
            if page and len(chunk.strings) > MOST_DRAWN:
                raise UsageError(
                    f"a page shows the proposals for {MOST_DRAWN} strings, and {given.name} has more: "
                    "give --out FILE.csv"
                )
            results = find(
                string for string, error in zip(chunk.strings, chunk.errors, strict=True) if not error
            )
            for place, (string, error) in enumerate(zip(chunk.strings, chunk.errors, strict=True)):
                found = None if error else next(results)
                n_rows += 1
                count.add(1)
                if found is None or isinstance(found, Exception) or not len(found.table):
                    position = getattr(found, "position", None)
                    reason = error or (str(found) if isinstance(found, Exception) else _nothing(found))
                    rejected.append(Rejection(n_rows, "", string, position, reason))
                    continue
                n_proposals += len(found.table)
                n_short += len(found.table) < n
                cells = {name: values[place] for name, values in chunk.columns.items()}
                if write is None:
                    drawn[_title(n_rows, cells)] = found
                else:
                    write(_columns(n_rows, cells, found))
        if not n_rows:
            raise DataError(f"{given.name}: there are no rows")
        report_rejected(beside, rejected, n_rows, "have no proposal")
        if len(rejected) == n_rows:
            raise DataError(f"all {n_rows:,} rows have no proposal: {rejected[0]}")
        if page:
            without = f"{count_of(len(rejected), 'string')} without proposals" if rejected else ""
            write_proposals_page(page, drawn, model, lowest=lowest, without=without)
    summary = f"{n_proposals:,} proposals for {n_rows - len(rejected):,} of {n_rows:,} rows"
    stderr.print(f"{summary} written to {out}" if out else summary)
    if n_short:
        stderr.print(f"{n_short:,} rows have fewer than {n:,}: try --temperature 1.3", style="yellow")


def _nothing(found: Proposals | None) -> str:
    """Why a string has no proposal: the reasons that its drafts were left out."""
    assert found is not None
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.left_out.most_common(3))
    return f"none of {found.n_drafts:,} drafts is sound: {reasons}"


def _columns(row: int, cells: Mapping[str, Any], found: Proposals) -> dict[str, Any]:
    """The row's number and its own columns, and what is proposed."""
    size, by = len(found.table), found.ranked_by
    results: dict[str, Any] = {"row": [row] * size}
    for name in found.table:
        results["proposal" if name == "string" else name] = found.table[name].to_numpy()
        if name == by != "likelihood":
            results[f"{by}_before"] = [found.origin.get(by)] * size
    return {name: [cell] * size for name, cell in cells.items()} | add_suffix(results, cells)


def _title(row: int, cells: Mapping[str, Any]) -> str:
    """The number of a row, and its name if a column has such."""
    names = (cell for head, cell in cells.items() if head.lower().endswith(NAMES) and cell)
    return f"Row {row}: {name}" if (name := next(names, None)) else f"Row {row}"


def write_proposals_page(
    path: Path, all_found: Mapping[str, Proposals], model: Model, *, lowest: bool, without: str = ""
) -> None:
    """Draw the proposals for one or several strings, each beside what it was made from; by titles."""
    import pandas as pd

    from catenane.notation import get_notation
    from catenane.reporting import target_label, write_ranking_page

    first, *others = all_found.values()
    by = first.ranked_by
    best = pd.concat([_cards(found).assign(section=title) for title, found in all_found.items()])
    noun = get_notation(first.notation).noun  # of all: a page has linkers, or side chains
    what = f"{len(best):,} proposed {noun}{'s' * (len(best) != 1)}"
    order = f"{'lowest' if lowest else 'highest'} {target_label(by)}"
    write_ranking_page(
        path, best, units=_units(first, model if model.targets else None), ranked_by=by, lowest=lowest,
        notation=first.notation, card=model.bundle.card,
        n_candidates=sum(found.n_valid for found in all_found.values()), n_rejected=0,
        cap=without if others else _summary(first), command=command_line(),
        origins={title: _origin(found) for title, found in all_found.items()},
        headline=f"{what} for {len(all_found):,} strings, {order} first" if others else f"{what}, {order}",
    )  # fmt: skip


def _origin(found: Proposals) -> dict[str, Any]:
    """The card of the string itself."""
    blank = {f"{found.ranked_by}{end}": float("nan") for end in ("", "_low", "_high")}
    return blank | {"in_domain": True, "note": ""} | found.origin


def _cards(found: Proposals) -> pd.DataFrame:
    """The table with all that a card shows."""
    best = found.table.assign(
        **{name: value for name, value in _origin(found).items() if name not in found.table}
    )
    met = ["known to the model that wrote it" if new is False else "" for new in best["new"]]
    spans = [""] * len(best)
    if "span" in best:
        pairs = zip(best["span"], best["span_before"], strict=True)
        spans = [f"{new} bonds between sites, {old} before" if new else "" for new, old in pairs]
    best["note"] = ["; ".join(filter(None, notes)) for notes in zip(best["note"], met, spans, strict=True)]
    return best
