from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from catenane.reporting import pages
from catenane.reporting.pages import Grid, write_page

TEMPLATE = """{% extends "page.html" %}
{% import "kit.html" as kit %}
{% block title %}{{ name }}{% endblock %}
{% block body %}<p>{{ name }}</p>{% if table %}{{ kit.grid(table) }}{% endif %}{% endblock %}
"""
SCRIPT = "document.title = 'a < b'"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that fills a small template."""
    templates = tmp_path / "templates"
    templates.mkdir()
    for file in pages.TEMPLATES.iterdir():
        (templates / file.name).write_bytes(file.read_bytes())
    (templates / "mine.html").write_text(TEMPLATE, encoding="utf-8")
    (templates / "mine.js").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(pages, "TEMPLATES", templates)

    def fill(table=None, **values):
        return write_page(tmp_path / "page.html", "mine.html", table=table, **values).read_text("utf-8")

    return fill


def test_values_are_escaped(write):
    page = write(name="<b>&", table=Grid({"<i>": "name", "&": "number"}, [["<u>", "<s>"]]))
    assert "<p>&lt;b&gt;&amp;</p>" in page
    assert "<title>&lt;b&gt;&amp;</title>" in page
    assert not re.search("<[bius]>", page)


def test_only_the_script_that_is_named_may_run(write):
    assert "script" not in write(name="")
    page = write(script="mine.js", name="")
    allowed = re.search(r"script-src 'sha256-([^']*)'", page)[1]
    (written,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert written == SCRIPT
    assert base64.b64decode(allowed) == hashlib.sha256(written.encode()).digest()


def test_a_value_that_is_missing_is_an_error(write):
    with pytest.raises(UndefinedError):
        write()


def test_a_page_is_written_whole_or_not_at_all(write, tmp_path):
    write(name="old")
    with pytest.raises(UnicodeEncodeError):
        write(name="new \ud800")
    assert "old" in (tmp_path / "page.html").read_text()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["page.html"]
