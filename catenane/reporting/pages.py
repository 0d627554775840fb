"""The kit of the HTML pages: shell, tables and figures; no network, no font, no script but the one named.

`templates/page.html` is the shell of every page, `base.css` its type and colours for a light screen, a dark
one, a phone and paper, and `kit.html` draws facts, tables and figures.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from catenane.files import replaced
from catenane.formatting import count, duration, number, percent

__all__ = ["TEMPLATES", "Grid", "write_page"]

TEMPLATES = Path(__file__).parent / "templates"


class Grid(NamedTuple):
    """A table of a page; on a phone each row becomes a block."""

    columns: Mapping[str, str]
    """Kind of each column by its head: the "name" of the row, "text", "number", "code"; "pictures", a list of
    `<svg>` elements; "bar", a length and the place of a mark, both shares of the full length or None."""
    rows: Sequence[Sequence[Any]]
    marks: Sequence[str] = ()
    """CSS classes of each row: "best", "model", "aside"."""


def write_page(path: Path, template: str, /, *, script: str = "", **values: Any) -> Path:
    """Fill a template that extends `page.html` and write it in one move; every value is escaped.

    The page's policy forbids any JavaScript but that of the file `script`, so that text which slips through
    as markup still does not run.
    """
    code = (TEMPLATES / script).read_text(encoding="utf-8") if script else ""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    text = _environment(TEMPLATES).get_template(template).render(script=code, script_digest=digest, **values)
    with replaced(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
    return path


@cache
def _environment(folder: Path) -> Any:
    """The templates of a folder; each is compiled once."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"count": count, "percent": percent, "duration": duration, "number": number}
    return environment
