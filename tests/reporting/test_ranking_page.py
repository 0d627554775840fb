from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from catenane.errors import NotationError
from catenane.reporting import Isotherms

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7 * 7 }}"
MOLECULES = ["CCO", "c1ccccc1O", "N[C@@H](C)C(=O)O", "O", "[Na+].[Cl-]"]


class Page(HTMLParser):
    """The tags of a page, which must close in order, what they refer to, and its text by tag and by class."""

    VOID = {"meta", "link", "br", "img"}

    def __init__(self, path):
        super().__init__()
        self.tags, self.references, self.texts, self._open = [], [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in self.VOID:
            self._open.append((tag, dict(attributes).get("class")))

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), f"<{tag}> has a handler: {name}"
            if name in ("src", "href", "srcset", "action", "data"):
                self.references.append(value)

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        self.texts += [(place, data) for place in self._open]

    def text(self, wanted):
        found = "".join(data for place, data in self.texts if wanted in place)
        return re.sub(r"\s+", " ", found).strip()


def test_the_head_says_what_was_ranked_and_how_far_to_trust_it(page_of):
    page = Page(page_of())
    assert page.text("h1") == "20 of 200 frameworks, highest CO₂ uptake at 0.1 bar"
    assert page.text("title") == page.text("h1")
    assert re.findall(r'data-head="([^"]+)">(.*?)</td>', page.source) == [
        ("test rows", "random"),
        ("score", "mean absolute error"),
        ("model", "0.189"),
        ("best baseline", "0.424"),
        ("rows", "1,867"),
        ("predictions", "highest 10\N{NO-BREAK SPACE}%"),
        ("mean absolute error", "0.40"),
        ("mean predicted", "2.00"),
        ("mean measured", "1.95"),
        ("rows", "1,866"),
    ]
    assert "not measurements" in page.text("caution")
    assert page.text("caution").endswith("The highest of many predictions tend to be too high.")
    assert "3 strings could not be read" in page.text("summary")
    assert page.text("pre") == "catenane predict candidates.csv --rank co2_0.1bar"


def test_there_is_a_card_for_each_best_first_with_its_string_as_given(page_of, ranking):
    page, given = Page(page_of()), ranking()
    cards = [data for place, data in page.texts if place == ("code", None)]
    assert cards == given["strings"]
    values = [
        float(data) for place, data in page.texts if place == ("span", "value") if data.strip(" mol/kg\n")
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(given["columns"]["co2_0.1bar"][0], abs=0.005)
    assert page.text("others").count("CO₂ uptake at 0.5 bar: ") == 20


def test_linkers_are_drawn_and_named(page_of):
    text = Page(page_of(1, strings=["[O-]C(=O)c1cc(N)c(cc1N)C(=O)[O-].[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat1"]))
    assert "BDC, 2,5-(NH₂)₂" in text.text("figcaption")
    assert "2,5-(NH₂)₂ derivative of benzene-1,4-dicarboxylate" in text.text("figcaption")
    assert "pcu, 2 interpenetrated nets" in text.text("dd")
    assert "Zn₄O(COO)₆, basic zinc acetate" in text.text("dd")
    assert text.source.count('<svg class="structure"') == 1


@pytest.mark.parametrize("n_shown", [1, 2, 20, 200])
def test_the_page_needs_no_other_file_and_stays_small(page_of, n_shown):
    page = Page(page_of(n_shown))
    assert page.tags.count("li") == n_shown
    assert page.source.count('class="dot"') == n_shown
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    assert not {"iframe", "object", "embed", "form", "img"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert not re.search(r"https?:|url\((?!#)|@import|@font-face|\bnan\b", page.source)
    assert len(page.source) < 40_000 + 20_000 * n_shown


def test_one_of_one_is_told_so(page_of):
    page = Page(page_of(1, n_candidates=1, distribution=np.array([1.0]), n_rejected=0))
    assert page.text("h1") == "1 framework, highest CO₂ uptake at 0.1 bar"
    assert page.text("summary") == "predicted by mof-test"
    assert "candidates" not in page.text("text"), "where all are shown there is nothing to compare with"


def test_without_isotherms_and_all_that_may_be_absent(page_of):
    page = Page(page_of(isotherms=None, distribution=None, command=None, card={}))
    assert "svg" not in page.text("figure")
    assert 'class="isotherm"' not in page.source
    assert "pre" not in page.tags
    assert "table" not in page.tags


def test_molecules_are_drawn_too(page_of):
    values = np.arange(5.0)[::-1]
    page = Page(
        page_of(
            strings=MOLECULES,
            notation="smiles",
            columns={"logS": values},
            units={"logS": "log10 mol/L"},
            ranked_by="logS",
            isotherms=None,
            n_candidates=900,
        )
    )
    assert page.text("h1") == "5 of 900 molecules, highest logS"
    assert "C₃H₇NO₂" in page.text("figcaption")
    assert page.source.count('<svg class="structure"') == 4
    assert "hypothetical frameworks" not in page.text("caution")


def test_cards_show_intervals_and_what_the_model_has_not_seen(page_of):
    page = Page(
        page_of(
            2,
            low=np.array([1.0, np.nan]),
            high=np.array([3.0, np.nan]),
            notes=["", "metal not in the training rows: <Cr>; far from the training rows"],
            in_domain=[True, False],
        )
    )
    assert page.text("interval") == "1.00 to 3.00"
    flags = re.findall(r'<p class="flag">(.*?)</p>', page.source)
    assert flags == [
        "outside the domain", "metal not in the training rows: &lt;Cr&gt;", "far from the training rows"
    ]  # fmt: skip


def test_an_unseen_linker_is_flagged_by_its_name(page_of):
    linker = "Nc1cc(C(=O)[O-])c(N)cc1C(=O)[O-]"
    strings = [f"{linker}.[Zn][O]([Zn])([Zn])[Zn]&&pcu.cat1"]
    page = Page(page_of(1, strings=strings, notes=[f"linker not in the training rows: {linker}"]))
    assert page.text("flag") == "linker not in the training rows: BDC, 2,5-(NH₂)₂"


def test_the_lowest_are_told_so_with_what_a_cap_left_out(page_of, ranking):
    values = ranking()["columns"]["co2_0.1bar"][::-1]
    cap = "at most 2 of one linker: 1,234 passed over"
    page = Page(page_of(columns={"co2_0.1bar": values}, units={"co2_0.1bar": ""}, lowest=True, cap=cap))
    assert page.text("h1") == "20 of 200 frameworks, lowest CO₂ uptake at 0.1 bar"
    assert cap in page.text("summary")
    assert page.text("caution").endswith("The lowest of many predictions tend to be too low.")
    assert "lowest 10 %" in page.source.replace("\N{NO-BREAK SPACE}", " ")
    assert "highest" not in page.text("main") + page.text("h3")


def test_a_ranking_of_nothing_is_a_page_too(page_of):
    empty = np.array([])
    page = Page(
        page_of(
            strings=[],
            columns={"co2_0.1bar": empty},
            units={"co2_0.1bar": "mol/kg"},
            isotherms=Isotherms("CO2", np.array([0.1, 1.0]), np.empty((0, 2))),
            n_candidates=0,
            distribution=None,
        )
    )
    assert page.text("h1") == "0 frameworks, highest CO₂ uptake at 0.1 bar"
    assert page.text("summary") == "predicted by mof-test3 strings could not be read"


def test_hostile_text_stays_text(page_of, ranking):
    values = ranking()["columns"]["co2_0.1bar"]
    page = Page(
        page_of(
            columns={HOSTILE: values},
            units={HOSTILE: HOSTILE},
            ranked_by=HOSTILE,
            command=HOSTILE,
            card={
                "name": HOSTILE,
                "description": HOSTILE,
                "training": {"split": HOSTILE},
                "targets": {HOSTILE: {"unit": HOSTILE, "test": {"mae": 1.0, "n": 2}}},
            },
            isotherms=Isotherms(HOSTILE, np.array([0.1, 1.0]), np.ones((20, 2)), 0.5, (0.5,)),
        )
    )
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    for place in ("title", "h1", "summary", "pre", "text", "dd", "th"):
        assert "<img src=x onerror=alert(2)> {{ 7 * 7 }}" in page.text(place).replace(
            "\N{NO-BREAK SPACE}", " "
        )


def test_a_hostile_mofid_stays_text(page_of):
    string = "[O-]C(=O)c1ccc(cc1)C(=O)[O-].[Zn] MOFid-v1.pcu.cat0;<script>alert(1)</script>"
    page = Page(page_of(1, strings=[string]))
    assert page.tags.count("script") == 1
    assert page.text("code") == string


def test_a_string_of_another_notation_is_refused_and_leaves_no_file(page_of, tmp_path):
    with pytest.raises(NotationError):
        page_of(1, strings=["CCO"])
    assert list(tmp_path.iterdir()) == []


def test_the_same_ranking_gives_the_same_page(page_of):
    assert page_of().read_bytes() == page_of().read_bytes()
