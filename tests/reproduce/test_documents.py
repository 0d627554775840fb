"""The tables in the documents are those of the committed results."""

import importlib.util
import re
from pathlib import Path

import pytest

from catenane.reproduce import protocols

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "reproduction").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_page_shows_the_committed_results(page: Path):
    specification = importlib.util.spec_from_file_location(
        "reproduction", ROOT / "benchmarks/reproduction.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    text = page.read_text()
    assert module.with_tables(text) == text
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (page.parent / picture).is_file()


def test_every_protocol_has_its_place_in_a_page():
    text = "".join(page.read_text() for page in PAGES)
    assert all(f"<!-- {name} -->" in text for name in protocols())
