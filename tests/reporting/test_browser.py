"""The page in a real browser: every figure is drawn, nobody complains, no network is asked."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.reporting.fakes import pieces

from profunda.reporting.story import run_document

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


def visit(browser: str, page: Path, profile: Path, *more: str) -> tuple[str, str]:
    """The page's tree after its scripts have run, and what the browser logged."""
    words = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-extensions",
        f"--user-data-dir={profile}", "--window-size=1280,900", "--virtual-time-budget=30000",
        "--enable-logging=stderr",
        "--v=0", *more, "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def complaints(log: str) -> list[str]:
    """What the page's own console said; the browser's remarks on its machine are not the page's."""
    return [line for line in log.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize(("kind", "scheme"), [("binary", "0"), ("regression", "1")], ids=["dark", "light"])
def test_every_figure_is_drawn_without_a_word(browser, kind, scheme, tmp_path):
    document = run_document(**pieces(kind, hostile=True))
    page = document.html(tmp_path / "report.html")
    tree, log = visit(browser, page, tmp_path / "profile", f"--blink-settings=preferredColorScheme={scheme}")
    assert complaints(log) == []
    assert 'data-ready="yes"' in tree
    plots = re.findall(r"<div [^>]*data-spec=[^>]*>", tree)
    assert len(plots) > 12
    assert all('data-drawn="yes"' in plot for plot in plots)
    assert tree.count('class="main-svg"') >= len(plots)
    assert "could not be drawn" not in re.sub(r"<script.*?</script>", "", tree, flags=re.S)
    assert ("rgb(230, 233, 237)" in tree) == (scheme == "0")  # the figures' text has the theme's colour


def test_a_broken_page_is_noticed(browser, tmp_path):
    page = run_document(**pieces("binary", trials=12)).html(tmp_path / "report.html")
    page.write_text(page.read_text("utf-8").replace('"use strict";', "missing();", 1), "utf-8")
    tree, log = visit(browser, page, tmp_path / "profile")
    assert any("missing is not defined" in line for line in complaints(log))
    assert 'data-drawn="yes"' not in re.sub(r"<script.*?</script>", "", tree, flags=re.S)


def test_a_request_to_a_network_would_be_refused_and_noticed(browser, tmp_path):
    page = run_document(**pieces("binary", trials=12)).html(tmp_path / "report.html")
    text = page.read_text("utf-8").replace("</main>", '<img src="http://127.0.0.1:9/x.png" alt=""></main>', 1)
    page.write_text(text, "utf-8")
    _, log = visit(browser, page, tmp_path / "profile")
    assert any("Content Security Policy" in line for line in complaints(log))
