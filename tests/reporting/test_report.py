from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from catenane.data import Rejection
from catenane.reporting import write_report
from catenane.reporting.page import render_report
from catenane.reporting.result import summary_lines

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> $x_1$ {{ 7 * 7 }}"


class Page(HTMLParser):
    """What a page holds: tags, what they refer to, and the text of its elements."""

    VOID = {"meta", "link", "br", "img", "input", "path", "use", "image", "rect"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.ids, self.texts, self._open = [], [], [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.references.append(value)
            if name == "id":
                self.ids.append(value)
            assert not name.startswith("on"), f"<{tag}> has a handler: {name}"

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def text(self, tag):
        return " ".join(self.texts.get(tag, [])).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def text_of(request):
    """A function that renders one of the runs of the conftest, once."""
    texts = {}

    def render(kind):
        if kind not in texts:
            texts[kind] = render_report(request.getfixturevalue(kind))
        return texts[kind]

    return render


def test_a_report_is_written_in_one_move_and_always_the_same(text_of, mof_run, tmp_path):
    path = write_report(tmp_path / "report.html", mof_run)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text(encoding="utf-8") == text_of("mof_run")


@pytest.mark.parametrize("kind", ["molecule_run", "class_run", "mof_run"])
def test_the_report_needs_no_other_file(text_of, kind):
    text = text_of(kind)
    page = Page(text)
    assert page.references
    assert all(reference.startswith(("#", "data:")) for reference in page.references)
    assert {"#" + name for name in page.ids} >= {r for r in page.references if r.startswith("#")}
    assert not {"script", "iframe", "object", "embed", "form"} & set(page.tags)
    assert not re.search(r"https?:|url\((?!#|\"?data:)|@import|@font-face", text)
    assert "svg" in page.tags
    assert len(set(page.ids)) == len(page.ids)


@pytest.mark.parametrize("kind", ["molecule_run", "class_run", "mof_run"])
def test_the_first_line_is_the_one_of_the_terminal(request, text_of, kind):
    page = Page(text_of(kind))
    assert page.text("h1") == summary_lines(request.getfixturevalue(kind))[0].replace(
        "\N{NO-BREAK SPACE}", " "
    )
    body = page.tags[page.tags.index("body") :]
    assert body[:3] == ["body", "header", "h1"]


def test_a_baseline_that_wins_is_the_first_thing_said(make_run, text_of, molecules):
    lengths = np.array([[float(len(text))] for text in molecules])
    run = make_run(molecules, lengths, noise=0.9, rival_noise=0.2)
    text = render_report(run)
    assert Page(text).text("h1").startswith("A baseline does better than the model: ")
    assert '<header class="lost">' in text
    assert '<header class="lost">' not in text_of("molecule_run")


def test_scores_stand_in_the_table_with_the_best_in_front(text_of):
    rows = re.findall(
        r"<tr class=\"([^\"]*)\">\s*<th scope=\"row\">([^<]*)</th>\s*<td[^>]*>([^<]*)", text_of("mof_run")
    )
    kinds, labels, values = zip(*rows, strict=True)
    assert kinds[:3] == ("baseline best", "model", "baseline")
    assert labels[:5] == (
        "median",
        "this model",
        "ngram-ridge",
        "this model, validation rows",
        "this model, training rows",
    )
    assert values[0] == "0.0100"
    assert [float(value) for value in values[:3]] == sorted(float(value) for value in values[:3])
    assert kinds[5] == "model best"


def test_hostile_text_stays_text(make_run, molecules):
    rejected = (Rejection(3, HOSTILE, HOSTILE, 0, HOSTILE),)
    run = make_run(
        molecules[:80],
        np.arange(80.0)[:, None],
        names=(HOSTILE,),
        unit=HOSTILE,
        source=HOSTILE,
        command=HOSTILE,
        rejected=rejected,
        baselines=(HOSTILE, "median"),
    )
    run = dataclasses.replace(run, model_name=HOSTILE)
    page = Page(render_report(run))
    assert not {"script", "img"} & set(page.tags)
    assert HOSTILE in page.text("title")
    assert HOSTILE in page.text("pre")
    assert HOSTILE in page.text("td")
    assert any("$x_1$" in text for text in page.texts["text"]), "an axis bears the name as it is"


CORNERS = {
    "one test row": ([[1.0]], 1.0),
    "one training row": ([[1.0]], 0.0),
    "two rows": ([[0.0], [1.0]], 0.5),
    "constant": ([[1.0]] * 30, 0.5),
    "gaps": ([[np.nan], [1.0]] * 15, 0.5),
    "no label": ([[np.nan]] * 30, 0.5),
    "sparse": ([[np.nan, 1.0], [0.0, np.nan]] * 20, 0.5),
    "tiny": ([[1e-9], [2e-9]] * 20, 0.5),
    "huge": ([[1e12], [2e12]] * 20, 0.5),
}


@pytest.mark.parametrize(
    ("case", "task"),
    [(case, "regression") for case in CORNERS] + [(case, "classification") for case in list(CORNERS)[:7]],
)
def test_corner_cases_are_reported_too(make_run, molecules, case, task):
    targets, test_share = CORNERS[case]
    run = make_run(molecules[: len(targets)], np.array(targets), task=task, test_share=test_share)
    page = Page(render_report(run))
    assert page.text("h1")
    assert "nan" not in page.text("td")
    assert "nan" not in page.text("p")


def test_answers_that_are_not_finite_are_reported(make_run, molecules):
    def spoil(predictions):
        predictions[::3] = np.nan

    run = make_run(molecules, np.arange(float(len(molecules)))[:, None], change=spoil)
    assert "cannot be said" in Page(render_report(run)).text("h1")


def test_a_run_without_baselines_or_history_is_reported(make_run, molecules):
    run = make_run(
        molecules, np.arange(float(len(molecules)))[:, None], baselines=(), n_epochs=0, command=None
    )
    page = Page(render_report(run))
    assert "no baseline was fitted" in page.text("h1")
    assert "The training" not in page.text("h2")
    assert "pre" not in page.tags


def test_many_targets_stay_readable(make_run, molecules):
    labels = np.random.default_rng(0).normal(size=(60, 20))
    run = make_run(molecules[:60], labels, noise=0.5, rival_noise=0.55)
    text = render_report(run)
    page = Page(text)
    assert page.tags.count("details") == 12
    assert all(name in page.text("th") + page.text("a") for name in run.table.target_names)
    assert len(text) < 3_000_000


def test_rejected_rows_are_counted_by_reason(make_run, molecules):
    rejected = (
        Rejection(4, "y", "high", None, "label 'high' is not a number"),
        Rejection(7, "y", "low", None, "label 'low' is not a number"),
        Rejection(9, "smiles", "C1CC", 1, "the ring bond 1 at position 1 is never closed: C1CC"),
    )
    run = make_run(molecules, np.arange(float(len(molecules)))[:, None], rejected=rejected)
    page = Page(render_report(run))
    assert "Rows that could not be used, for reasons listed below: 3." in page.text("li")
    assert "label … is not a number" in page.text("th")
    assert "the ring bond 1 at position 1 is never closed: C1CC" in page.text("th")


def test_the_data_are_described(text_of):
    told = Page(text_of("molecule_run")).text("dd")
    assert "3 strings in 7 rows, 2 with labels that differ; joined, with the mean of their labels" in told
    assert "3 unknown tokens in 2 strings: '[Xe]' (3); 5 tokens cut from 1 strings" in told
    assert re.search(r"string [\d.]+ %, without stereochemistry [\d.]+ %, scaffold [\d.]+ %", told)
    assert "joined, with the class of the majority" in Page(text_of("class_run")).text("dd")


def test_an_error_below_the_noise_floor_is_called_suspicious(make_run, molecules):
    strings = list(dict.fromkeys(molecules))[:60] * 2
    labels = np.random.default_rng(0).normal(size=(120, 1))
    told = Page(render_report(make_run(strings, labels, noise=0.01))).text("p")
    assert "Noise floor, from 120 rows of 60 repeated strings" in told
    assert "look for test rows that are known from training" in told
    told = Page(render_report(make_run(strings, labels, noise=3.0))).text("p")
    assert "known from training" not in told


def test_the_worst_answers_come_with_their_structures(make_run, molecules):
    labels = np.zeros((len(molecules), 1))

    def spoil(predictions):
        predictions[:] = labels
        predictions[worst] = 7.0

    run = make_run(molecules, labels)
    worst = int(run.split.test[5])
    run = make_run(molecules, labels, change=spoil)
    text = render_report(run)
    [first, *others] = re.findall(
        r'<tr>\s*<td class="number">([\d,]+)</td>\s*<td><div class="structures"><svg', text
    )
    assert int(first) == worst + 1
    assert len(others) == 9


def test_a_large_run_stays_small(make_run):
    strings = [f"[Zn].{'C' * (k % 40)}c1ccccc1&&pcu.cat{k % 4}" for k in range(18_000)]
    labels = np.random.default_rng(0).gamma(1.0, size=(18_000, 2))
    run = make_run(strings, labels, notation="mofid", test_share=0.4)
    assert len(render_report(run).encode()) < 1_500_000
