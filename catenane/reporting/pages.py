"""HTML pages that need nothing else: no network, no font of their own, no script but the one they name.

`templates/page.html` is the shell of every page and `templates/base.css` its type and colours, for a light
screen, a dark one and paper.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from catenane.files import replaced

__all__ = ["TEMPLATES", "render_page", "write_page"]

TEMPLATES = Path(__file__).parent / "templates"


def render_page(name: str, /, *, script: str = "", **values: Any) -> str:
    """Fill a template that extends `page.html`; every value is escaped.

    Args:
        name: File name of the template.
        script: JavaScript of the page. The page's policy forbids any other, so that text which slips through
            as markup still does not run.
        values: What the template shows.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(name).render(script=script, script_digest=digest, **values)


def write_page(path: Path, text: str) -> Path:
    """Write the page in one move, so that no half of it is ever seen.

    Args:
        path: The HTML file; its folder exists.
        text: The page.

    Returns:
        The path.
    """
    with replaced(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
    return path
