"""The site is built without a warning, and leads to every page; its pictures are drawn."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import skip_or_fail
from tests.docs.blocks import DOCS, ROOT

MERMAID = ROOT / ".venv/mermaid.min.js"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make site` does."""
    target = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(target)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "SMOK_MERMAID": str(MERMAID)}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if "No module named mkdocs" in done.stderr:
        skip_or_fail("site", "the generator of the site is not installed: make site")
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_every_page_is_in_it(site):
    """Also the decisions, which the menu leaves out."""
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    made = {path.relative_to(site) for path in site.rglob("*.html")}
    assert pages <= made
    assert len(pages) > 40


def test_it_has_a_search_and_no_script_of_ours_in_it(site):
    """The index of the search knows the pages; the generator's own code is not published."""
    assert "handed over" in (site / "search/search_index.json").read_text()
    assert not list(site.rglob("*.py"))


def test_every_decision_is_in_their_list():
    """The page of decisions names each of them by its title."""
    listed = (DOCS / "decisions/index.md").read_text()
    for path in DOCS.glob("decisions/0*.md"):
        title = path.read_text().partition("\n")[0].removeprefix("# ")
        assert f"- [{title}]({path.name})" in listed


@pytest.mark.parametrize("page", ["explanation/architecture", "explanation/delivery"])
def test_the_pictures_are_drawn_without_a_network(site, page, tmp_path):
    """In a browser each picture becomes a drawing: its source is no text of the page any more."""
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_or_fail("browser", "no chromium is installed: apt-get install chromium")
    if not MERMAID.is_file() or not MERMAID.stat().st_size:
        skip_or_fail("site", "mermaid could not be had: make site")
    words = [
        chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}", "--dump-dom",
        (site / f"{page}.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    sources = len(re.findall(r"```mermaid", (DOCS / f"{page}.md").read_text()))
    assert done.stdout.count('class="mermaid"') == sources
    assert "sequenceDiagram" not in done.stdout
    assert "flowchart TB" not in done.stdout
