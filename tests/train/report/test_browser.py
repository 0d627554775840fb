"""The report in a real browser, which is the judge of what needs no network and runs no script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from catenane.train.report import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """A function that opens a file in headless Chromium: the document, its console, and what it asked for."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no headless browser found: none of {', '.join(BROWSERS)} is installed")

    def open_page(path):
        folder = tmp_path_factory.mktemp("browser")
        log = folder / "net.json"
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}",
                "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", f"--log-net-log={log}",
                "--dump-dom", path.as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        console = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
        # The browser has errands of its own; what a page of a file asks for is marked with its origin.
        requests = {
            event["params"]["url"]
            for event in json.loads(log.read_text())["events"]
            if "file://" in str(event.get("params", {}).get("network_isolation_key"))
        }
        return done.stdout, console, {url for url in requests if not url.startswith(("file:", "data:"))}

    return open_page


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
