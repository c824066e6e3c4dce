"""The report page in headless Chromium: console, accessibility, and charts in the picture.

Every screen and theme is tried in `make test-long`, one of each kind in the suite.
"""

import json
import os
import re
import shutil
import subprocess
from importlib.resources import files

import matplotlib.image
import pytest

from tests.conftest import skip_or_fail

_LONG = bool(os.environ.get("SMOK_LONG"))
_THEMES = ("light", "dark")
_SCREENS = {"desktop": (1280, 2400), "phone": (500, 3200)}
_CHECK = """
<script>%s</script><script>
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
  .then(found => { document.body.textContent = JSON.stringify(found.violations.map(
    one => [one.id, one.nodes.map(node => node.html)])); });
</script>
"""


@pytest.fixture(scope="module")
def chromium():
    """Find Debian's browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        skip_or_fail("browser", "no chromium is installed: apt-get install chromium")
    return found


@pytest.fixture
def browse(chromium, tmp_path):
    """Open a page with these options; give stdout and what the page wrote to its console."""

    def run(page, *options):
        words = [
            chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}",
            "--force-device-scale-factor=1", *options, page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout, re.findall(r"CONSOLE.*", done.stderr)

    return run


@pytest.fixture
def page(smok, device):
    """The report of a device with everything in it."""
    assert smok("report", "-o", "page.html").status == 0
    return device / "page.html"


_VIEWS = [(screen, theme) for screen in _SCREENS for theme in _THEMES]


@pytest.mark.parametrize(("screen", "theme"), _VIEWS if _LONG else [("phone", "dark")])
def test_the_charts_are_in_the_picture(browse, page, tmp_path, screen, theme):
    """The lines' colour is there in plenty, crosses too, and nothing is told to the console."""
    width, height = _SCREENS[screen]
    dark = ["--blink-settings=preferredColorScheme=0"] * (theme == "dark")
    picture = tmp_path / "shot.png"
    _, console = browse(page, f"--window-size={width},{height}", f"--screenshot={picture}", *dark)
    assert console == []
    pixels = matplotlib.image.imread(picture)[:, :, :3]
    colours = {
        "light": ("#f6f7f9", "#0a66c2", "#b3261e"),
        "dark": ("#12161c", "#6fb3ff", "#ff9a91"),
    }
    ground, line, failed = (count(pixels, colour) for colour in colours[theme])
    assert ground > width * height / 10
    assert line > 300
    assert failed > 20


def count(pixels, colour):
    """Count the pixels of about this colour."""
    wanted = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return int((abs(pixels - wanted).max(axis=2) < 0.06).sum())


@pytest.mark.parametrize("theme", _THEMES if _LONG else ["light"])
def test_axe_has_nothing_to_say(browse, page, tmp_path, theme):
    """Contrast, names, headings, tables, landmarks and the rest of WCAG 2.1 A and AA."""
    axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    text = re.sub(
        r"<meta http-equiv.*", "", page.read_text(encoding="utf-8")
    )  # it forbids the check's script
    checked = tmp_path / "checked.html"
    checked.write_text(text.replace("</body>", _CHECK % axe + "</body>"), encoding="utf-8")
    dark = ["--blink-settings=preferredColorScheme=0"] * (theme == "dark")
    out, console = browse(checked, "--virtual-time-budget=20000", "--dump-dom", *dark)
    assert console == []
    (found,) = re.findall(r"<body>(.*)</body>", out, re.DOTALL)
    assert json.loads(found) == []


def test_nothing_moves_sideways_on_a_phone(browse, page, tmp_path):
    """Only tables scroll within themselves: the page is as wide as the screen."""
    probe = "<script>document.title = document.documentElement.scrollWidth;</script>"
    text = re.sub(r"<meta http-equiv.*", "", page.read_text(encoding="utf-8"))
    (tmp_path / "probe.html").write_text(
        text.replace("</body>", probe + "</body>"), encoding="utf-8"
    )
    out, _ = browse(tmp_path / "probe.html", "--window-size=500,900", "--dump-dom")
    (width,) = re.findall(r"<title>(\d+)</title>", out)
    assert int(width) <= 500
    assert page.stat().st_size < 300_000
