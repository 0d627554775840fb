"""The report in a real browser, which is the judge of what needs no network and runs no script."""

from __future__ import annotations

import numpy as np
import pytest

from catenane.reporting import write_report


def test_the_browser_test_can_fail(visit, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<img src='http://example.com/pixel.png'><script>console.error('seen')</script>")
    _, console, requests = visit(path)
    assert any("seen" in line for line in console)
    assert requests == {"http://example.com/pixel.png"}


@pytest.mark.parametrize("kind", ["molecule_run", "class_run", "mof_run"])
def test_the_report_opens_without_errors_and_without_a_network(visit, request, kind, tmp_path):
    path = write_report(tmp_path / "report.html", request.getfixturevalue(kind))
    document, console, requests = visit(path)
    assert console == []
    assert requests == set()
    assert document.count("<svg") >= 6


def test_hostile_names_do_not_run(visit, make_run, molecules, tmp_path):
    name = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    run = make_run(molecules[:60], np.arange(60.0)[:, None], names=(name,), command=name)
    document, console, requests = visit(write_report(tmp_path / "report.html", run))
    assert console == []
    assert requests == set()
    assert "<title>data: y: report</title>" in document
