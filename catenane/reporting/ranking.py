"""The best of many candidates on one HTML page: drawn, named, with their intervals and the model's errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from markupsafe import Markup

from catenane.adsorption import Uptake
from catenane.drawing import depict
from catenane.formatting import (
    MISSING,
    NO_BREAK,
    chemical,
    count,
    number,
    percent,
    quantity,
    scale,
    unit_or_none,
    with_unit,
)
from catenane.metrics import FloatArray
from catenane.notation import JOINT, Mofid, NotationName, Smiles, get_notation
from catenane.notation.building_blocks import builtin_blueprints, builtin_nodes
from catenane.notation.building_blocks.linker_names import LinkerName, molecular_formula, name_linker
from catenane.reporting.groups import scaffold_names
from catenane.reporting.isotherms import IsothermPlotter, Isotherms
from catenane.reporting.pages import Grid, write_page
from catenane.reporting.plots import Drawing, histogram
from catenane.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe", "error_grid", "extreme_grid", "target_label", "write_ranking_page"]

CAUTIONS: dict[NotationName, str] = {
    "mofid": "Predictions for hypothetical frameworks, not measurements: whether one can be made, or stays "
    "open without its solvent, has not been considered.",
    "smiles": "Predictions, not measurements: whether a molecule can be made has not been considered.",
}
STRICT = ("linker", "scaffold", "framework")
"""Protocols that keep what is new about a candidate out of training; others are quoted only without these."""
SCORES = {"mae": "mean absolute error", "roc_auc": "ROC AUC"}


def write_ranking_page(
    path: Path,
    best: pd.DataFrame,
    *,
    units: Mapping[str, str],
    ranked_by: str,
    notation: NotationName,
    card: Mapping[str, Any],
    n_candidates: int,
    n_rejected: int,
    lowest: bool = False,
    cap: str = "",
    command: str | None = None,
    distribution: FloatArray | None = None,
    isotherms: Isotherms | None = None,
    origins: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    headline: str = "",
) -> None:
    """Write the page of a ranking in one move.

    Args:
        path: The HTML file; its folder exists.
        best: The K best, best first: `string`, the targets, `in_domain`, `note` (what to flag, or "") and, as
            NAME_low and NAME_high, the interval of the target that set the order; perhaps `section`, a title
            that those of a section share.
        units: Of every target, "" where it has none.
        ranked_by: The target that set the order.
        notation: Of the strings.
        card: The model's card, see `error_grid`.
        n_candidates: Strings that were ranked.
        n_rejected: Strings that could not be read.
        lowest: The lowest are the best.
        cap: What a limit to strings that are alike left out, if there was one.
        command: The command that made the page.
        distribution: Predictions of `ranked_by` for all candidates, (n_candidates,).
        isotherms: Of the K strings, in their order.
        origins: By section, or "", what was varied, with the columns of `best`: a card before the others.
        headline: In the place of how many they are of how many.

    Raises:
        NotationError: A string is not of this notation.
    """
    noun, unit, label = get_notation(notation).noun, unit_or_none(units[ranked_by]), target_label(ranked_by)
    end = "lowest" if lowest else "highest"
    values = best[ranked_by].to_numpy(dtype=np.float64)
    likes = {name: scale(best[name]) for name in units}
    likes[ranked_by] = scale(values, np.ravel(best[[f"{ranked_by}_low", f"{ranked_by}_high"]]))
    others = [name for name in units if name != ranked_by]
    plotter = IsothermPlotter(isotherms) if isotherms is not None else None
    if distribution is not None and len(distribution) <= len(best):
        distribution = None  # those shown are all there are
    median = None if distribution is None else float(np.nanmedian(distribution))

    def shown(value: float) -> str:
        return number(float(value), likes[ranked_by])

    titles = best["section"].tolist() if "section" in best else [""] * len(best)
    sections: dict[str, list[dict[str, Any]]] = {title: [] for title in titles}

    def make_card(place: int | None, row: Mapping[str, Any]) -> dict[str, Any]:
        bounds = [row[f"{ranked_by}_low"], row[f"{ranked_by}_high"]]
        blocks, facts = describe(row["string"], notation)
        return {
            "rank": "from" if place is None else place + 1,
            "string": row["string"],
            "value": shown(row[ranked_by]) if row[ranked_by] == row[ranked_by] else "",
            "interval": " to ".join(map(shown, bounds)) if np.isfinite(bounds).all() else "",
            "flags": _flags(row, blocks),
            "others": {
                target_label(name): quantity(row[name], units[name], likes[name])
                for name in others
                if row[name] == row[name]
            },
            "blocks": blocks,
            "facts": facts,
            "isotherm": plotter.draw(place) if plotter and place is not None else None,
        }

    for title, cards in sections.items():
        rows = [row for row, own in zip(best.to_dict("records"), titles, strict=True) if own == title]
        cards += [make_card(None, origins[title])] if title in origins else []
        cards += [make_card(place, row) for place, row in enumerate(rows)]
    of_all = f" of {n_candidates:,}" if n_candidates > len(best) else ""
    write_page(
        path, "ranking.html", script="copy.js",
        headline=headline or f"{len(best):,}{of_all} {noun}{'s' * (n_candidates != 1)}, {end} {label}",
        end=end, cap=cap,
        model_name=card.get("name", "the model"),
        errors=error_grid(card, ranked_by),
        extremes=extreme_grid(card, ranked_by, end, len(best) / max(n_candidates, 1)),
        caution=CAUTIONS[notation],
        lowest=shown(values.min(initial=np.inf)), highest=shown(values.max(initial=-np.inf)),
        median=None if median is None else number(median, scale([median, likes[ranked_by]])),
        histogram=_histogram(distribution, values, with_unit(label, unit), noun),
        axes=plotter.definitions if plotter else None,
        measured=[f"{pressure:g}" for pressure in plotter.measured_P] if plotter else [],
        sections=sections,
        model_card={"training": {}, "targets": {}} | dict(card),
        unit=unit, n_rejected=n_rejected, version=__version__, command=command,
    )  # fmt: skip


def target_label(target: str) -> str:
    """The name of a target; `co2_0.1bar` is "CO₂ uptake at 0.1 bar"."""
    uptake = Uptake.parse(target)
    return target if uptake is None else f"{chemical(uptake.gas)} uptake at {uptake.pressure:g}{NO_BREAK}bar"


def _flags(row: Mapping[str, Any], blocks: Iterable[Block]) -> list[str]:
    """What is unusual about a string, by kind; linkers by their names."""
    names = {block.smiles: block.name for block in blocks}
    by_kind: dict[str, list[str]] = {} if row["in_domain"] else {"outside the domain": []}
    for part in filter(None, row["note"].split("; ")):
        what, _, named = part.partition(": ")
        by_kind.setdefault(what, []).extend([names.get(named, named)] if named else [])
    return [": ".join(filter(None, [what, " and ".join(named)])) for what, named in by_kind.items()]


def error_grid(card: Mapping[str, Any], ranked_by: str) -> Grid | None:
    """Errors of the model on rows that it was not trained on; None for a card without scores.

    An entry of the card's `targets` has a `unit`, `test` and `baselines` with the scores on the rows of one
    split, and perhaps `protocols` by how rows were kept apart ("folds", "linker", "scaffold", "framework"):
    each with its `method`, the number `n` of rows, `mae` or `roc_auc` as `mean` and `sd` over so many
    `repeats` of what `over` names ("folds", "seeds", "draws"), and the same of its `baselines`. For an uptake
    at a pressure that the card does not hold, those nearest to it stand in.
    """
    targets = card.get("targets") or {}
    rows = [row for name in _nearest(ranked_by, targets) for row in _rows(name, targets[name], card)]
    columns = {
        "target": "name", "test rows": "text", "score": "text", "model": "number", "best baseline": "number",
        "rows": "number",
    }  # fmt: skip
    return Grid(columns, rows) if rows else None


def _rows(name: str, entry: Mapping[str, Any], card: Mapping[str, Any]) -> Iterator[list[str]]:
    protocols = entry.get("protocols") or {}
    chosen = [protocols[key] for key in STRICT if key in protocols] or list(protocols.values())
    split = str((card.get("training") or {}).get("split") or "").partition(",")[0]
    on_split = {**(entry.get("test") or {}), "method": split, "baselines": entry.get("baselines")}
    for protocol in chosen or [on_split]:
        key = next((key for key in SCORES if protocol.get(key) is not None), None)
        if key is None:
            continue
        mean, sd = _spread(protocol[key])
        rivals = [_spread(rival.get(key, rival))[0] for rival in (protocol.get("baselines") or {}).values()]
        best = (min if key == "mae" else max)((rival for rival in rivals if rival is not None), default=None)
        over = "" if sd is None else f"{protocol['repeats']} {protocol['over']}"
        over = f" (sd over {over})" if over not in (protocol["method"] or "") else ""
        yield [
            with_unit(target_label(name), entry.get("unit") if key == "mae" else None),
            protocol["method"] or MISSING,
            SCORES[key] + over,
            number(mean) + ("" if sd is None else f" ± {number(sd, mean)}"),
            number(best, mean),
            MISSING if protocol.get("n") is None else f"{protocol['n']:,}",
        ]


def extreme_grid(card: Mapping[str, Any], ranked_by: str, end: str, share: float) -> Grid | None:
    """Errors of the "highest" or "lowest" predictions, as `extremes` of the card's targets holds them.

    They are of this share of all predictions, or of the next larger that is held; see `calibrate`.
    """
    columns = {
        "target": "name", "predictions": "text", "mean absolute error": "number", "mean predicted": "number",
        "mean measured": "number", "rows": "number",
    }  # fmt: skip
    rows = []
    for name in _nearest(ranked_by, targets := card.get("targets") or {}):
        held = (targets[name].get("extremes") or {}).get(end) or []
        for part in [part for part in held if part["share"] >= share][:1] or held[-1:]:
            means = [part[key] for key in ("mae", "predicted", "label")]
            label = with_unit(target_label(name), targets[name].get("unit"))
            rows.append(
                [
                    label,
                    f"{end} {percent(part['share'])}",
                    *(number(mean, scale(means)) for mean in means),
                    count(part["n"]),
                ]
            )
    return Grid(columns, rows) if rows else None


def _spread(score: Any) -> tuple[float | None, float | None]:
    """Mean and standard deviation of a score, which on a single split is the score itself."""
    return (score["mean"], score.get("sd")) if isinstance(score, Mapping) else (score, None)


def _nearest(ranked_by: str, targets: Mapping[str, Any]) -> list[str]:
    """The targets whose errors bear on a ranking: itself, or the nearest pressures on either side."""
    wanted = Uptake.parse(ranked_by)
    if ranked_by in targets or wanted is None:
        return [ranked_by] if ranked_by in targets else []
    uptakes = {name: uptake for name in targets if (uptake := Uptake.parse(name))}
    names = {uptake.pressure: name for name, uptake in uptakes.items() if uptake.gas == wanted.gas}
    below = [pressure for pressure in names if pressure < wanted.pressure]
    above = [pressure for pressure in names if pressure > wanted.pressure]
    return [names[pressure] for pressure in sorted(below)[-1:] + sorted(above)[:1]]


def _histogram(distribution: FloatArray | None, shown: FloatArray, label: str, noun: str) -> Drawing | None:
    """The predictions of all candidates, and where those shown are among them; None where all are equal."""
    if distribution is None or len(np.unique(distribution[np.isfinite(distribution)])) < 2:
        return None
    labels = (f"all {count(len(distribution), noun)}", f"the {len(shown):,} shown")
    caption = "Predictions for all candidates."
    return histogram(
        distribution, shown, xlabel=label, ylabel="candidates", labels=labels, caption=caption, rug=True
    )


class Block(NamedTuple):
    """A linker or a molecule.

    `full_name` is the systematic name of the linker, or of its parent, "" where it is not known; `drawing` is
    None where RDKit makes no molecule of it.
    """

    smiles: str
    name: str
    full_name: str
    drawing: Markup | None


Described = tuple[list[Block], dict[str, tuple[str, str]]]
"""Blocks, and by name of a fact, its value and a note on it, which may be empty."""


def describe(string: str, notation: NotationName) -> Described:
    """Linkers, node, net and catenation of a framework, or a molecule, by the names that chemists use.

    Of several strings the facts are those of the first.
    """
    blocks, facts = _DESCRIBED[notation]((strings := string.split(JOINT))[0])
    others = [block for other in strings[1:] for block in _DESCRIBED[notation](other)[0]]
    return [*blocks, *others], facts


def _describe_molecule(string: str) -> Described:
    parsed = Smiles.parse(string)
    name = scaffold_names().get(parsed.scaffold())
    block = Block(parsed.text, chemical(molecular_formula(parsed.text)), "", depict(parsed.text))
    return [block], {} if name is None else {"scaffold": (name, "")}


def _describe_framework(string: str) -> Described:
    mofid = Mofid.parse(string).canonical()
    # The order of blocks means nothing; the shorter ones first share a line of the card.
    names = {linker: name_linker(linker) for linker in sorted(mofid.linkers, key=len)}
    if mofid.catenation is None:
        nets = "catenation not known"
    else:
        nets = f"{mofid.catenation + 1} interpenetrated nets" if mofid.catenation else "single net"
    facts = {"net": (" or ".join(mofid.nets) or "not identified", nets), "node": _node(mofid, names.values())}
    blocks = [_block(linker, name) for linker, name in names.items()]
    return blocks, {name: fact for name, fact in facts.items() if fact[0]}


_DESCRIBED = {"smiles": _describe_molecule, "mofid": _describe_framework}


def _block(linker: str, name: LinkerName) -> Block:
    if name.parent is None:
        return Block(linker, chemical(name.formula), "", depict(linker))
    groups = map(chemical, name.groups)
    return Block(linker, ", ".join([name.parent.name, *groups]), chemical(name.full), depict(linker))


def _node(mofid: Mofid, linkers: Iterable[LinkerName]) -> tuple[str, str]:
    """The cluster in the crystal where net and linkers bear it out, else its short name or its SMILES."""
    rest = Counter(mofid.blocks) - Counter(mofid.linkers)
    node = next((node for node in builtin_nodes() if Counter(node.blocks) == rest), None)
    if node is None:
        return " + ".join(rest), ""
    donors = {name.parent.donor for name in linkers if name.parent is not None}
    known = any(
        blueprint.net in mofid.topologies
        and node.name in blueprint.nodes
        and donors <= {slot.donor for slot in blueprint.slots}
        for blueprint in builtin_blueprints()
    )
    if not donors or not known:
        return chemical(node.name), ""
    if node.cluster.startswith("rod"):
        return chemical(node.name), chemical(node.cluster)
    cluster, _, note = node.cluster.partition(", ")
    return chemical(cluster), note
