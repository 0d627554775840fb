"""The page of a ranking in a real browser: what it asks for, whether it fits, whether its button works."""

from __future__ import annotations

import html
import json
import re

import pytest

FRAMES = """<!doctype html>
<title></title>
%s
<script>
const look = async frame => {
  const window = frame.contentWindow, page = window.document, view = page.documentElement;
  const tops = [...page.querySelectorAll(".card")].map(card => Math.round(card.getBoundingClientRect().top));
  const button = page.querySelector("button.copy");
  let copied = null;
  const clipboard = {writeText: async text => { copied = text; }};
  Object.defineProperty(window.navigator, "clipboard", {value: clipboard});
  button.click();
  await null;
  await null;
  return {
    overflow: view.scrollWidth - view.clientWidth,
    colour: window.getComputedStyle(page.body).backgroundColor,
    columns: tops.filter(top => top === tops[0]).length,
    button: button.hidden ? "hidden" : button.textContent,
    copied,
  };
};
addEventListener("load", async () => {
  document.title = JSON.stringify(await Promise.all([...document.querySelectorAll("iframe")].map(look)));
});
</script>
"""
"""Shows the page in frames of some widths, narrower than a headless window can be, and measures it there."""
FRAME = '<iframe src="ranking.html" style="border:0;width:%dpx;height:900px"></iframe>'


@pytest.fixture
def measure(visit, page_of):
    """A function that tells how the page sits in frames of some widths."""

    def look(*widths, flags=(), **changes):
        frames = page_of(**changes).with_name("frames.html")
        frames.write_text(FRAMES % "\n".join(FRAME % width for width in widths), encoding="utf-8")
        document, console, requests = visit(frames, "--allow-file-access-from-files", *flags)
        assert console == []
        assert requests == set()
        return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", document)[1]))

    return look


def brightness(page) -> int:
    return sum(map(int, re.findall(r"\d+", page["colour"])[:3]))


def test_the_page_fits_every_screen_and_its_button_copies(measure, ranking):
    found = measure(380, 800, 1400)
    assert [page["overflow"] for page in found] == [0, 0, 0]
    assert [page["columns"] for page in found] == [1, 2, 3]
    assert brightness(found[1]) > 700
    assert found[0]["button"] == "copied"
    assert found[0]["copied"] == ranking()["strings"][0]


def test_cards_of_molecules_are_narrower(measure):
    found = measure(420, 1400, isotherms=None, cap="at most 2 of one scaffold: 11 passed over")
    assert [page["overflow"] for page in found] == [0, 0]
    assert [page["columns"] for page in found] == [1, 4]


def test_dark_screens_get_a_dark_page(measure):
    [dark] = measure(800, flags=["--blink-settings=preferredColorScheme=0"])
    assert brightness(dark) < 100


def test_long_names_do_not_overflow_a_phone(measure, ranking):
    name, values = "x" * 300, ranking()["columns"]["co2_0.1bar"]
    columns, units = {name: values, "y" * 200: values}, {name: name, "y" * 200: ""}
    [found] = measure(380, columns=columns, units=units, ranked_by=name, card={"name": name})
    assert found["overflow"] == 0


def test_hostile_strings_do_not_run(visit, page_of):
    name = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    document, console, requests = visit(page_of(card={"name": name}, command=name))
    assert console == []
    assert requests == set()
    assert "<title>20 of 200 frameworks" in document
