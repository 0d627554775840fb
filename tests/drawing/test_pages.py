from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from catenane.drawing import render_page, write_page

TEMPLATE = """{% extends "page.html" %}
{% block title %}{{ name }}{% endblock %}
{% block body %}<p>{{ name }}</p>{% endblock %}
"""


@pytest.fixture
def templates(tmp_path):
    (tmp_path / "mine.html").write_text(TEMPLATE, encoding="utf-8")
    return tmp_path


def test_values_are_escaped(templates):
    page = render_page(templates, "mine.html", name="<b>&")
    assert "<p>&lt;b&gt;&amp;</p>" in page
    assert "<title>&lt;b&gt;&amp;</title>" in page


def test_only_the_script_that_is_named_may_run(templates):
    assert "script" not in render_page(templates, "mine.html", name="")
    script = "document.title = 'a < b'"
    page = render_page(templates, "mine.html", script=script, name="")
    allowed = re.search(r"script-src 'sha256-([^']*)'", page)[1]
    (written,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert written == script
    assert base64.b64decode(allowed) == hashlib.sha256(written.encode()).digest()


def test_a_value_that_is_missing_is_an_error(templates):
    with pytest.raises(UndefinedError):
        render_page(templates, "mine.html")


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    assert write_page(path, "old") == path
    with pytest.raises(UnicodeEncodeError):
        write_page(path, "new \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
