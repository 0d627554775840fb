from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from catenane.data import Rejection
from catenane.reporting import write_report
from catenane.reporting.result import FEWEST_ROWS, headlines, verdicts

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
def render(tmp_path_factory):
    """A function that gives the report on a run as text."""

    def write(run):
        path = tmp_path_factory.mktemp("report") / "report.html"
        return write_report(path, run).read_text(encoding="utf-8")

    return write


@pytest.fixture(scope="module")
def text_of(request, render):
    """A function that renders one of the runs of the conftest, once."""
    texts = {}

    def text(kind):
        if kind not in texts:
            texts[kind] = render(request.getfixturevalue(kind))
        return texts[kind]

    return text


def rows_of(text, kind=""):
    """The cells of the rows of the tables of one kind, as text."""
    tables = re.findall(rf"<table{kind and f' class=.{kind}.'}>(.*?)</table>", text, re.DOTALL)
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", "".join(tables), re.DOTALL)
    cells = [re.findall(r"<(?:th|td)[^>]*>(.*?)</(?:th|td)>", row, re.DOTALL) for row in rows]
    return [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in cells]


def facts_of(text):
    """The facts of a page by name."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text)
    return {name: value.replace("\N{NO-BREAK SPACE}", " ") for name, value in found}


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
    assert page.text("h1") == headlines(verdicts(request.getfixturevalue(kind)))[0]
    body = page.tags[page.tags.index("body") :]
    assert body[:3] == ["body", "header", "h1"]


def test_a_baseline_that_wins_stands_first(make_run, render, text_of, molecules):
    lengths = np.array([[float(len(text))] for text in molecules])
    text = render(make_run(molecules, lengths, noise=0.9, rival_noise=0.2))
    assert Page(text).text("h1") == "A baseline is better"
    assert '<header class="lost">' in text
    assert '<header class="lost">' not in text_of("molecule_run")


def test_no_predictor_is_called_better_on_a_handful_of_rows(make_run, render, molecules):
    lengths = np.array([[float(len(text))] for text in molecules[: 2 * FEWEST_ROWS - 2]])
    run = make_run(molecules[: len(lengths)], lengths, noise=0.01, rival_noise=5.0)
    page = Page(text := render(run))
    assert page.text("h1").startswith("Too few test rows for a verdict")
    assert "better" not in page.text("td")
    assert [cell for cell in rows_of(text, "tiles")[1] if cell == f"{FEWEST_ROWS - 1}"]


def test_scores_stand_in_the_table_with_the_best_in_front(text_of):
    _, *rows = rows_of(text_of("mof_run"), "scores")
    assert [row[0] for row in rows[:5]] == [
        "median",
        "this model",
        "ngram-ridge",
        "this model, validation rows",
        "this model, training rows",
    ]
    assert rows[0][1] == "0.0100"
    assert [float(row[1]) for row in rows[:3]] == sorted(float(row[1]) for row in rows[:3])
    classes = re.findall(
        r'<tr class="((?:model)?(?: ?best)?)">\s*<th scope="row"[^>]*>(this model|median)<',
        text_of("mof_run"),
    )
    assert ("best", "median") in classes
    assert ("model best", "this model") in classes


def test_hostile_text_stays_text(make_run, molecules, render):
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
    page = Page(render(run))
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
def test_corner_cases_are_reported_too(make_run, molecules, case, task, render):
    targets, test_share = CORNERS[case]
    shares = {"test_share": test_share, "n_epochs": 1 if case == "gaps" else 0}
    run = make_run(molecules[: len(targets)], np.array(targets), task=task, **shares)
    page = Page(render(run))
    assert page.text("h1")
    assert "nan" not in page.text("td")
    assert "nan" not in page.text("p")


def test_answers_that_are_not_finite_are_reported(make_run, molecules, render):
    def spoil(predictions):
        predictions[::3] = np.nan

    run = make_run(molecules, np.arange(float(len(molecules)))[:, None], change=spoil)
    assert Page(render(run)).text("h1") == "No score on the test rows"


def test_a_run_without_baselines_or_history_is_reported(make_run, molecules, render):
    run = make_run(
        molecules, np.arange(float(len(molecules)))[:, None], baselines=(), n_epochs=0, command=None
    )
    page = Page(render(run))
    assert page.text("h1") == "No baseline was fitted"
    assert "The training" not in page.text("h2")
    assert "pre" not in page.tags


def test_many_targets_stay_readable(make_run, molecules, render):
    labels = np.random.default_rng(0).normal(size=(60, 20))
    run = make_run(molecules[:60], labels, noise=0.5, rival_noise=0.55)
    text = render(run)
    page = Page(text)
    assert page.tags.count("details") == 12
    assert all(name in page.text("th") for name in run.table.target_names)
    assert len(text) < 3_000_000


def test_rejected_rows_are_counted_by_reason(make_run, molecules, render):
    rejected = (
        Rejection(4, "y", "high", None, "label 'high' is not a number"),
        Rejection(7, "y", "low", None, "label 'low' is not a number"),
        Rejection(9, "smiles", "C1CC", 1, "the ring bond 1 at position 1 is never closed: C1CC"),
    )
    run = make_run(molecules, np.arange(float(len(molecules)))[:, None], rejected=rejected)
    page = Page(text := render(run))
    assert facts_of(text)["rows that could not be used (listed below)"] == "3"
    assert "label … is not a number" in page.text("th")
    assert "the ring bond 1 at position 1 is never closed: C1CC" in page.text("th")


def test_the_data_are_described(text_of):
    facts = facts_of(text_of("molecule_run"))
    assert facts["repeated strings"] == "3 in 7 rows"
    assert facts["of them with labels that differ"] == "2"
    assert facts["labels of equal strings"] == "mean"
    assert "3 unknown tokens in 2 strings" in facts["tokens"]
    assert facts_of(text_of("class_run"))["labels of equal strings"] == "majority"


@pytest.mark.parametrize("kind", ["molecule_run", "mof_run"])
def test_the_report_counts_what_training_holds_in_one_way(request, text_of, kind):
    """The share of test rows with a known scaffold or linkers is that of the group in the table of errors."""
    run = request.getfixturevalue(kind)
    _, _, table = text_of(kind).partition("shared with a training row")
    shared = {
        row[0]: int(row[1]) for row in rows_of(f"<table>{table}") if row[0] in ("scaffold", "every linker")
    }
    seen = run.groupings[-1].take(run.split.test)
    assert list(shared.values()) == [np.count_nonzero(np.isin(seen.row_names, ["seen", "all seen"]))]


def test_a_noise_floor_rests_on_enough_repeats(make_run, render, molecules):
    strings = list(dict.fromkeys(molecules))[:60]
    labels = np.random.default_rng(0).normal(size=(60 + FEWEST_ROWS, 1))
    facts = facts_of(
        render(make_run([*strings, *strings[: FEWEST_ROWS // 2 - 1]], labels[: 59 + FEWEST_ROWS // 2]))
    )
    assert facts["noise floor: mean deviation among equal strings"] == "–"
    assert facts[f"rows with repeated strings ({FEWEST_ROWS} needed)"] == f"{FEWEST_ROWS - 2}"
    facts = facts_of(
        render(make_run([*strings, *strings[: FEWEST_ROWS // 2]], labels[: 60 + FEWEST_ROWS // 2]))
    )
    assert float(facts["noise floor: mean deviation among equal strings"]) > 0


def test_an_error_below_the_noise_floor_is_called_suspicious(make_run, render, molecules):
    strings = list(dict.fromkeys(molecules))[:60] * 2
    labels = np.random.default_rng(0).normal(size=(120, 1))
    warning = "error below the noise floor: test labels may be known from training"
    assert facts_of(render(make_run(strings, labels, noise=0.01)))[warning] == "y0"
    assert warning not in facts_of(render(make_run(strings, labels, noise=3.0)))


def test_groups_have_errors_and_intervals_where_there_are_some(make_run, render, molecules):
    run = make_run(molecules, np.arange(float(len(molecules)))[:, None])
    assert "Coverage" not in Page(render(run)).text("p")
    size, test = run.groupings[1], run.split.test
    group = size.row_names[test[0]]
    n = int(np.count_nonzero(size.row_names[test] == group))
    run.metrics["intervals"] = {
        "nominal": 0.9,
        "n_calibration": 50,
        "targets": {
            "y0": {
                "overall": {"n": len(test), "coverage": 0.883, "width": 4.5},
                "groups": {
                    "label decile": {"1": {"n": 9, "coverage": 1.0, "width": 2.5}},
                    size.title: {group: {"n": n, "coverage": 0.5, "width": 3.5}},
                },
                "curve": {"nominal": [0.5, 0.9], "empirical": [0.52, 0.883]},
                "domain": {"outside": {"n": 4, "mae": 7.0, "coverage": None}},
            }
        },
    }
    text = render(run)
    rows = {row[0]: row[1:] for row in rows_of(text) if row}
    mae = run.metrics["targets"]["y0"]["test"]["mae"]
    assert rows["all"][0].startswith(f"{mae:.3f} ± ")
    assert rows["all"][3:] == ["88 %", "4.500", f"{len(test)}"]
    assert rows["outside the domain"] == ["7.000", rows["outside the domain"][1], "–", "–", "–", "4"]
    assert rows[group][3:] == ["50 %", "3.500", f"{n}"]
    assert rows["1"] == ["100 %", "2.500", "9"]
    assert rows["90 %"] == ["88 %"]
    assert "intervals of 90 % nominal coverage, calibrated on 50 rows" in Page(text).text("p")


def test_baselines_that_failed_stand_in_the_table_with_their_reason(make_run, render, molecules):
    run = make_run(molecules, np.arange(float(len(molecules)))[:, None])
    run.metrics["failed_baselines"] = {"morgan-forest": "no <room>"}
    text = render(run)
    [row] = [row for row in rows_of(text, "scores") if row[0].startswith("morgan-forest")]
    assert row[0] == "morgan-forest, not fitted: no &lt;room&gt;"
    assert row[1] == "–"
    assert facts_of(text)["baselines that could not be fitted"] == "1"


def test_the_largest_errors_come_with_their_structures(make_run, render, molecules):
    labels = np.zeros((len(molecules), 1))

    def spoil(predictions):
        predictions[:] = labels
        predictions[worst] = 7.0

    run = make_run(molecules, labels)
    worst = int(run.split.test[5])
    _, *rows = rows_of(render(make_run(molecules, labels, change=spoil)), "worst")
    assert len(rows) == 9
    assert int(rows[0][0]) == worst + 1
    assert all(row[1].startswith("<svg") for row in rows)
    assert rows[0][2] == molecules[worst]


def test_a_large_run_stays_small(make_run, render):
    strings = [f"[Zn].{'C' * (k % 40)}c1ccccc1&&pcu.cat{k % 4}" for k in range(9_000)]
    labels = np.random.default_rng(0).gamma(1.0, size=(9_000, 2))
    run = make_run(strings, labels, notation="mofid", test_share=0.4)
    assert len(render(run).encode()) < 1_500_000
