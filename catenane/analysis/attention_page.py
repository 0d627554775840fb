"""Attention as one page in which layer and head are chosen, as a figure, and as arrays.

Axes: Y layers, H heads, L tokens, A atoms.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from catenane.analysis.cross import Direction, cross_scores
from catenane.drawing import Sketch, sketch
from catenane.errors import UsageError
from catenane.files import replaced
from catenane.inference import Attention
from catenane.notation import get_notation
from catenane.reporting.pages import write_page

__all__ = ["chosen_weights", "write_attention"]

LEVELS = (1 << 16) - 1
"""Steps of a weight in a page, from 0, or a negative least one, to the largest of its head."""


def write_attention(
    path: Path,
    attention: Attention,
    *,
    layer: int | None = None,
    head: int | None = None,
    direction: Direction = "received",
    model_name: str = "",
    command: str | None = None,
) -> None:
    """Write attention as the ending of the name says: .html, .svg, .png or .npz.

    Args:
        path: The file; a page has all layers and heads, a figure those that are chosen, arrays everything.
        attention: Of one string or several.
        layer: From 1; the mean of all by default.
        head: From 1; the mean of all by default.
        direction: Whether atoms are shaded by what they receive or by what they give.
        model_name: Shown on the page.
        command: Which made the page.

    Raises:
        UsageError: There is no such layer or head, or the name ends otherwise.
    """
    weights_LL = chosen_weights(attention, layer, head)
    ending = path.suffix.lower()
    if ending == ".html":
        _write_html(path, attention, layer, head, direction, model_name, command)
    elif ending in (".svg", ".png"):
        from catenane.analysis.attention_figure import draw_attention

        title = f"{_named('layer', layer)}, {_named('head', head)}"
        draw_attention(path, attention, weights_LL, direction=direction, title=title)
    elif ending == ".npz":
        arrays: dict[str, Any] = attention.named()
        if len(attention.records) > 1:
            for way in ("received", "given"):
                arrays[f"cross_{way}"] = cross_scores(attention, way)
        with replaced(path) as fresh, fresh.open("wb") as file:
            np.savez_compressed(file, **arrays)
    else:
        raise UsageError(f"--out {path}: must end in .html, .svg, .png or .npz")


def chosen_weights(
    attention: Attention, layer: int | None = None, head: int | None = None
) -> NDArray[np.float32]:
    """The weights of a layer and a head, (L, L), counted from 1; the mean over those that are None.

    Raises:
        UsageError: There is no such layer or head.
    """
    weights = attention.weights_YHLL
    for name, number, size in (("layer", layer, len(weights)), ("head", head, weights.shape[1])):
        if number is not None and not 1 <= number <= size:
            raise UsageError(f"{name} {number}: this model has {size}, counted from 1")
    weights = weights.mean(axis=0) if layer is None else weights[layer - 1]
    chosen: NDArray[np.float32] = weights.mean(axis=0) if head is None else weights[head - 1]
    return chosen


def _named(what: str, number: int | None) -> str:
    return f"mean of {what}s" if number is None else f"{what} {number}"


def _write_html(
    path: Path,
    attention: Attention,
    layer: int | None,
    head: int | None,
    direction: Direction,
    model_name: str,
    command: str | None,
) -> None:
    alignment = attention.alignment
    n_layers, n_heads, length, _ = attention.weights_YHLL.shape
    low = np.minimum(attention.weights_YHLL.min(axis=(2, 3)), 0)
    spread = attention.weights_YHLL.max(axis=(2, 3)) - low
    spread = np.where(spread > 0, spread, 1)
    steps = np.rint((attention.weights_YHLL - low[..., None, None]) / spread[..., None, None] * LEVELS)
    sketches = [sketch(piece.smiles) for piece in alignment.pieces]
    nouns = [get_notation(record.notation).noun for record in attention.records]
    data = {
        "tokens": alignment.tokens,
        "atomOfToken": alignment.atom_of_token_L.tolist(),
        "tokenOfAtom": alignment.token_of_atom.tolist(),
        "pieceOfToken": alignment.piece_of_token.tolist(),
        "pieces": [
            {"string": piece.string, "first": piece.atoms.start, "last": piece.atoms.stop}
            for piece in alignment.pieces
        ],
        "points": [drawn.points_A2.round(1).tolist() if drawn else None for drawn in sketches],
        "layers": n_layers,
        "heads": n_heads,
        "low": low.ravel().tolist(),
        "step": (spread / LEVELS).ravel().tolist(),
        "weights": base64.b64encode(steps.astype("<u2").tobytes()).decode(),
        "layer": layer or 0,
        "head": head or 0,
        "direction": direction,
    }
    write_page(
        path, "attention.html", script="attention.js",
        headline=f"Attention {'between' if len(nouns) > 1 else 'in'} {_listed(nouns)}",
        strings=[record.text for record in attention.records],
        figures=[
            {"string": piece.string, "smiles": piece.smiles, "svg": _figure(drawn)}
            for piece, drawn in zip(alignment.pieces, sketches, strict=True)
        ],
        n_cut=int((alignment.token_of_atom < 0).sum()),
        data=data, model_name=model_name, n_layers=n_layers, n_heads=n_heads, length=length, command=command,
        crossing=len(attention.records) > 1,
    )  # fmt: skip


def _figure(drawn: Sketch | None) -> Markup | None:
    """The structure on a layer that the page's script fills with links and discs."""
    return drawn.svg('<g class="shade"></g><g class="links"></g>') if drawn else None


def _listed(nouns: list[str]) -> str:
    if len(nouns) == 1:
        return f"a {nouns[0]}"
    same = f"{nouns[0]}s" if len(set(nouns)) == 1 else "structures"
    return str(escape(f"{len(nouns)} {same}"))
