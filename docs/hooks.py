"""Pages of the site that are made from the code, and from files elsewhere in the repository.

The command line comes from the typer program, settings from the dataclasses of `catenane.config` and what
stands under their fields, models and data sets from their own descriptions, tutorials from their notebooks.
"""

from __future__ import annotations

import ast
import base64
import dataclasses
import inspect
import json
import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from catenane import config as settings
from catenane.cli.program import app
from catenane.data.sources import DATASETS
from catenane.models.folder import bundled_names, find_bundle

ROOT = Path(__file__).parents[1]
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files of the repository that are shown by a page of another name; tables of measurements join them."""
PAGES |= {
    f"benchmarks/results/{path.name}": f"measurements/{path.name}"
    for path in sorted((ROOT / "benchmarks/results").iterdir())
}
NOTEBOOKS = sorted((ROOT / "docs/tutorials").glob("*.ipynb"))
SHOWN = PAGES | {f"docs/tutorials/{path.name}": f"tutorials/{path.stem}.md" for path in NOTEBOOKS}
LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and the files that pages outside this folder become."""
    for source, target in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if source.startswith("benchmarks/") and source.endswith(".md"):
            text = f"# {Path(source).stem.capitalize()}, measured\n\n{text}"
        text = _relinked(text, source, target) if source.endswith(".md") else text
        files.append(File.generated(config, target, content=text))
    made = {
        "reference/command-line.md": command_line(),
        "reference/settings.md": recipes_and_settings(),
        "reference/models.md": models(),
        "reference/data-sets.md": data_sets(),
        "cite.md": citation(),
    }
    for notebook in NOTEBOOKS:
        page, pictures = tutorial(notebook)
        made[f"tutorials/{notebook.stem}.md"] = page
        made |= {f"tutorials/{name}": content for name, content in pictures.items()}
    for target, content in made.items():
        files.append(File.generated(config, target, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files outside this folder to the pages that show them, and list what was measured."""
    source = f"docs/{page.file.src_uri}"
    if page.file.src_uri == "performance.md":
        tables = [target for target in PAGES.values() if target.startswith("measurements/")]
        linked = [f"[{Path(target).stem}]({target})" for target in tables if target.endswith(".md")]
        return f"{_relinked(markdown, source, page.file.src_uri)}\n\nAll tables: {', '.join(linked)}."
    return markdown if page.file.generated_by else _relinked(markdown, source, page.file.src_uri)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep the name of an option or a setting on one line, and let the head of a column break at "_"."""
    html = re.sub(r">[^<]+(?=</th>)", lambda head: head[0].replace("_", "_<wbr>"), html)
    html = re.sub(r"<code>([^<\s]{1,32})</code>", r'<code class="whole">\1</code>', html)
    return re.sub(r"(?<=[\s>])(--?[a-z][\w-]*)", r'<span class="whole">\1</span>', html)


def _relinked(text: str, source: str, target: str) -> str:
    """The text of a file of the repository with its links as they are from the page that shows it."""

    def lead(match: re.Match[str]) -> str:
        before, link, anchor, after = match.groups("")
        if "://" in link or link.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        found = SHOWN.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if found is None:
            return match[0]
        return before + posixpath.relpath(found, posixpath.dirname(target) or ".") + anchor + after

    return LINK.sub(lead, text)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["", *(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in lines), ""]


def _code(text: object) -> str:
    """The text as code that breaks, where it has to, at a blank, a comma or a bar."""
    breaking = re.sub("([ ,|])", r"\1<wbr>", str(text).replace("<", "&lt;"))
    return f"<code>{breaking}</code>"


def command_line() -> str:
    """Every verb with its arguments and options, as the program's own help has them."""
    program = typer.main.get_command(app)
    lines = ["# Command line", "", f"{program.help} `catenane VERB --help` prints what stands here.", ""]
    lines += ["Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by the user. An error is one line on"]
    lines += ["standard error. Options of the program itself:", *_options(program, "catenane")]
    for name, verb in program.commands.items():
        lines += [f"## catenane {name}", "", *_help(verb)]
        members = getattr(verb, "commands", None)
        if members is None:
            lines += _options(verb, f"catenane {name}")
            continue
        for member, of_member in members.items():
            lines += [f"### catenane {name} {member}", "", *_help(of_member)]
            lines += _options(of_member, f"catenane {name} {member}")
    return "\n".join(lines)


def _help(verb: Any) -> list[str]:
    """The help of a verb, its examples as blocks of code."""
    text, _, examples = inspect.cleandoc(verb.help or "").partition("\n\nExample")
    return [text, "", *(f"```sh\n{line}\n```\n" for line in re.findall(r"`([^`]+)`", examples))]


def _options(verb: Any, name: str) -> list[str]:
    context = typer.Context(verb, info_name=name)
    records = [p.get_help_record(context) for p in verb.get_params(context) if "--help" not in p.opts]
    rows = [[_code(_without_type(record[0])), record[1]] for record in records if record]
    return _table(["option", "meaning"], rows) if rows else []


def _without_type(option: str) -> str:
    """The option with N for a number, and without a type that says no more than that it takes text."""
    return re.sub(r" <(list\[)?str\]?>$", "", re.sub(r"<(int|float)( range)?>", "N", option))


def recipes_and_settings() -> str:
    """Every setting with its type, default and meaning, and what the recipes set otherwise."""
    recipes = {name: settings.load_recipe(name) for name in settings.recipe_names()}
    lines = ["# Recipes and settings", "", SETTINGS, "## Recipes"]
    lines += _table(["name", "what it is"], [[_code(name), r.description] for name, r in recipes.items()])
    tables: dict[Any, list[str]] = {}
    for name, kind in get_type_hints(settings.Recipe).items():
        kind = _given(kind)
        tables.setdefault(kind if dataclasses.is_dataclass(kind) else settings.Recipe, []).append(name)
    meanings = _meanings()
    for kind, names in tables.items():
        title = "recipe" if kind is settings.Recipe else " and ".join(names)
        lines += ["", f"## {title}", "", inspect.getdoc(kind) or ""]
        types = get_type_hints(kind)
        for entry in dataclasses.fields(kind):
            if dataclasses.is_dataclass(_given(types[entry.name])):
                continue
            facts = [_type(types[entry.name]), f"default {_plain(entry.default)}"]
            if kind is not settings.Recipe:
                facts += _set_otherwise(recipes, names, entry)
            anchors = [f'<span id="{name}.{entry.name}"></span>' for name in names]
            lines += ["", f"### {entry.name}", "", *anchors, meanings[kind.__name__][entry.name], ""]
            lines += ["; ".join(facts) + ".", "{: .facts }"]
    return "\n".join(lines)


SETTINGS = """A recipe is a named set of settings: the shape of the encoder, what is put on it, and how both
are trained. Start from one by name with `--recipe`, change single settings with `--set TABLE.NAME=VALUE`, as
in `--set finetuning.epochs=5`, or write a TOML file of your own; values after `--set` are read as JSON, so a
list is written `[256,256]`. Each section below is a table of such a file, and what a file leaves out has its
default. A name that does not exist is refused, and the nearest that does is named.
"""


def _set_otherwise(
    recipes: dict[str, settings.Recipe], tables: Sequence[str], entry: dataclasses.Field[Any]
) -> list[str]:
    """By value other than the default, the recipes that have it."""
    found: dict[str, list[str]] = {}
    for name, recipe in recipes.items():
        for table in tables:
            value = getattr(getattr(recipe, table), entry.name, entry.default)
            if value != entry.default:
                where = f"{_code(name)} ({table})" if len(tables) > 1 else _code(name)
                found.setdefault(_plain(value), []).append(where)
    return [f"{value} in {', '.join(names)}" for value, names in found.items()]


def _meanings() -> dict[str, dict[str, str]]:
    """What stands under each field of the dataclasses of `catenane.config`, by class and field."""
    found: dict[str, dict[str, str]] = {}
    sources = sorted(Path(settings.__file__).parent.glob("*.py"))
    for node in (node for path in sources for node in ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.ClassDef):
            fields = found[node.name] = {}
            for entry, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(entry, ast.AnnAssign) and isinstance(text, ast.Expr):
                    fields[entry.target.id] = inspect.cleandoc(text.value.value).replace("\n", " ")
    return found


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(_code, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}s"
    if _given(kind) is not kind:
        return _type(_given(kind))
    return {str: "text", bool: "true or false", int: "whole number", float: "number"}[kind]


def _given(kind: Any) -> Any:
    """The type of a setting that may be left out, where it is there."""
    others = [option for option in get_args(kind) if option is not type(None)]
    return others[0] if type(None) in get_args(kind) else kind


def _plain(value: Any) -> str:
    """A value as `--set` reads it."""
    if value is None or value == "":
        return "not set"
    if isinstance(value, float):
        return _code(f"{value:.4g}")
    return _code(json.dumps(value) if isinstance(value, tuple | bool) else value)


def models() -> str:
    """The cards of the bundled models."""
    cards = [(find_bundle(name) / "README.md").read_text(encoding="utf-8") for name in bundled_names()]
    return "\n\n".join(["# Bundled models", *(re.sub("^#", "##", card, flags=re.M) for card in cards)])


def data_sets() -> str:
    """The registered data sets."""
    lines = ["# Data sets", "", "Public data sets that Catenane knows by name. None comes with the package;"]
    lines += ["`catenane data fetch NAME` makes a local copy, and every verb then takes the name for a file."]
    for dataset in DATASETS.values():
        names = [f"{_code(name)} ({unit})" if unit else _code(name) for name, unit in dataset.targets.items()]
        labels = ", ".join("every other column" if name == _code("*") else name for name in names) or "none"
        lines += ["", f"## {dataset.name}", "", f"{dataset.description}. {dataset.rows:,} rows."]
        lines += ["", f"- Strings: {dataset.notation}, column {_code(dataset.string_column)}"]
        lines += [f"- Labels: {labels}", f"- To cite: {dataset.citation}", f"- Licence: {dataset.licence}"]
        fetched = f"`catenane data fetch {dataset.name}`" if dataset.original else "put together by hand"
        lines += [f"- Public at: {dataset.address}", f"- Local copy: {fetched}, {_code(dataset.file)}"]
    return "\n".join(lines)


def citation() -> str:
    """How to cite, from `CITATION.cff`."""
    entry = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    authors = " and ".join(f"{{{author['name']}}}" for author in entry["authors"])
    fields = {"title": f"{{{entry['title']}}}", "author": authors, "version": entry["version"]}
    message = entry["message"].replace("docs/references.md", "[references](references.md)")
    lines = ["# How to cite", "", message, "", "```bibtex", "@software{catenane,"]
    lines += [f"  {name:<7} = {{{value}}}," for name, value in fields.items()]
    return "\n".join(
        [*lines, "}", "```", "", "The same is in the file `CITATION.cff`, for programs to read."]
    )


def tutorial(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by name."""
    lines, pictures = [], {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            lines += [_relinked(text, f"docs/tutorials/{path.name}", f"tutorials/{path.stem}.md"), ""]
            continue
        lines += ["```python", text, "```", ""]
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}-{len(pictures) + 1}.png"
                pictures[name] = base64.b64decode("".join(data["image/png"]))
                lines += [f"![what the cell above draws]({name})", ""]
            elif "text/html" in data:
                html = re.sub(
                    r"<style.*?</style>\s*| border=\"1\"", "", "".join(data["text/html"]), flags=re.S
                )
                # Markdown takes a blank line for the end of a block.
                lines += [f'<div class="output">{" ".join(html.split())}</div>', ""]
            else:
                said = "".join(output.get("text", data.get("text/plain", "")))
                lines += ["```{ .text .output .no-copy }", said.rstrip("\n"), "```", ""]
    lines += [f"This page is the notebook [{path.name}]({path.name}), with the outputs of `make tutorials`."]
    return "\n".join(lines), pictures
