"""The site of the documentation, the pages of it that are made from the code, and the tutorials."""

import dataclasses
import importlib.util
import os
import re
import subprocess
import sys
import typing
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import catenane
from catenane.config import Recipe

ROOT = Path(__file__).parents[1]
LESS_DATA = {
    "molecules": {"table.to_csv(": "table.sample(250, random_state=1).to_csv("},
    "frameworks": {"frameworks.sample(300,": "frameworks.sample(60,"},
}
NEEDS = "needs the extra docs, as make setup installs it"
pytest.importorskip("mkdocs", reason=NEEDS)
LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "embed": "src", "object": "data"}
"""By element, the attribute that names what a browser loads by itself; of links, only these kinds:"""
LINKS = {
    "stylesheet",
    "icon",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "modulepreload",
    "manifest",
}


def from_docs(name):
    """A module of the folder docs, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Loads(HTMLParser):
    """Everything that a browser would load to show a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "link" and LINKS & set((values.get("rel") or "").split()):
            self.found.append(values["href"])
        elif LOADED.get(tag) in values:
            self.found.append(values[LOADED[tag]])
        for name in ("srcset", "style"):
            self.found += re.findall(r"https?://[^\s,)\"']+", values.get(name) or "")
        if "mermaid" in (values.get("class") or "").split() or "md-source" in (values.get("class") or ""):
            self.found.append("https://what-the-theme-loads-for-this-class")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_loads_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found, page
        for address in loads.found:
            path = unquote(address.split("?")[0].split("#")[0])
            # The page for a missing address cannot know from where it is shown.
            base = site if path.startswith("/") and page.name == "404.html" else page.parent
            assert "://" not in path, f"{page.name} loads {address}"
            assert path.startswith("data:") or (base / path.lstrip("/")).is_file(), f"{page.name}: {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), (
            style
        )


def test_the_site_has_every_table_that_was_measured(site):
    page = (site / "performance.html").read_text(encoding="utf-8")
    tables = [path.stem for path in (ROOT / "benchmarks/results").glob("*.md")]
    assert tables
    assert all(f'href="measurements/{name}.html"' in page for name in tables)


def test_the_site_has_every_public_name(site):
    reference = (site / "reference/python.html").read_text(encoding="utf-8")
    missing = [name for name in catenane.__all__ if f'id="catenane.{name}"' not in reference]
    assert missing == ["__version__"]


def test_the_search_works_in_a_folder_that_is_opened_without_a_server(site, visit, tmp_path):
    asking = tmp_path / "asking.html"
    start = f"{(site / 'index.html').as_uri()}?q=isotherm_sites"
    asking.write_text(f'<meta http-equiv="refresh" content="0; url={start}">')
    page, console, requests = visit(asking, "--virtual-time-budget=20000")
    assert "1 matching document" in page
    assert re.search(r'<a href="[^"]*/reference/settings.html[^>]*md-search-result__link', page)
    assert not console
    assert not requests


def test_the_reference_has_every_option_and_every_setting():
    hooks = from_docs("hooks")
    program = hooks.typer.main.get_command(hooks.app)
    verbs = [
        verb
        for group in program.commands.values()
        for verb in getattr(group, "commands", {"": group}).values()
    ]
    options = {name for verb in verbs for parameter in verb.params for name in parameter.opts}
    page = re.sub("<wbr>", "", hooks.command_line())
    assert {name for name in options if name.startswith("--") and name not in page} == {"--help"} & options
    assert all(f"## catenane {name}\n" in page for name in program.commands)

    page = hooks.recipes_and_settings()
    for table, kind in typing.get_type_hints(Recipe).items():
        for entry in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
            assert f'id="{table}.{entry.name}"' in page
    assert "; default <code>0.15</code>" in page  # masking.share


def test_links_lead_to_the_pages_that_show_a_file():
    relinked = from_docs("hooks")._relinked
    assert relinked("[a](../benchmarks/results/layers.md)", "docs/performance.md", "performance.md") == (
        "[a](measurements/layers.md)"
    )
    assert relinked("[a](docs/results.md#x)", "CONTRIBUTING.md", "contributing.md") == "[a](results.md#x)"
    assert relinked("[a](https://x.org/b.md)", "README.md", "a.md") == "[a](https://x.org/b.md)"


@pytest.mark.parametrize("name", LESS_DATA)
def test_a_tutorial_runs_and_gives_what_it_shows(name, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason=NEEDS)
    path = ROOT / f"docs/tutorials/{name}.ipynb"
    run = from_docs("notebooks").executed(path, tmp_path, LESS_DATA[name])
    kept = nbformat.read(path, as_version=4)
    for cell, shown in zip(run.cells, kept.cells, strict=True):
        if cell.cell_type == "code":
            assert sorted(map(_kinds, cell.outputs)) == sorted(map(_kinds, shown.outputs)), (
                f"run make tutorials: {cell.source}"
            )


def _kinds(output):
    """What an output is; of a table its columns too. Numbers may differ between machines."""
    table = output.get("data", {}).get("text/html", "").partition("</thead>")[0]
    return output.output_type, sorted(output.get("data", {})), re.findall(r"<th>(.*?)</th>", table)
