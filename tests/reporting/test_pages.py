from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from catenane.reporting import pages
from catenane.reporting.pages import render_page, write_page

TEMPLATE = """{% extends "page.html" %}
{% block title %}{{ name }}{% endblock %}
{% block body %}<p>{{ name }}</p>{% endblock %}
"""


@pytest.fixture
def template(tmp_path, monkeypatch):
    (tmp_path / "mine.html").write_text(TEMPLATE, encoding="utf-8")
    monkeypatch.setattr(pages, "TEMPLATES", [tmp_path, pages.TEMPLATES])
    return "mine.html"


def test_values_are_escaped(template):
    page = render_page(template, name="<b>&")
    assert "<p>&lt;b&gt;&amp;</p>" in page
    assert "<title>&lt;b&gt;&amp;</title>" in page


def test_only_the_script_that_is_named_may_run(template):
    assert "script" not in render_page(template, name="")
    script = "document.title = 'a < b'"
    page = render_page(template, script=script, name="")
    allowed = re.search(r"script-src 'sha256-([^']*)'", page)[1]
    (written,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert written == script
    assert base64.b64decode(allowed) == hashlib.sha256(written.encode()).digest()


def test_a_value_that_is_missing_is_an_error(template):
    with pytest.raises(UndefinedError):
        render_page(template)


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    assert write_page(path, "old") == path
    with pytest.raises(UnicodeEncodeError):
        write_page(path, "new \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
