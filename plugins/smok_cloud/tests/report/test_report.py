"""``smok report``: what the page tells, that texts stay texts, that it is complete in itself."""

import re
from html.parser import HTMLParser

import pytest
from smok_cloud.report.charts import line_chart
from smok_cloud.report.readings import Failure

import smok_core
from plugins.smok_cloud.tests.report.conftest import EVIL


class Page(HTMLParser):
    """Collects tags, attributes and text; notes what is closed in the wrong order."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts, self.wrong = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def page(smok):
    """Write the report with these options and read it."""

    def made(*options):
        result = smok("report", "-o", "-", *options)
        assert result.status == 0, result.err
        return Page(result.out)

    return made


def test_it_tells_the_verdict_and_what_to_look_at(page, device):
    """A refused record makes it LOST, and the command to use is named."""
    text = page().text
    assert "LOST 1 1 set aside in sensor_writes" in text
    assert "smok dead-letters sensor_writes" in text
    assert "2,882 pending" in text or "pending 2,882" in text


@pytest.mark.parametrize(
    ("roles", "word"), [('default = "local"', "OK"), ('default = "memory"', "NOT KEPT")]
)
def test_the_verdict_of_a_device_without_trouble(page, place, roles, word):
    """Nothing there is OK; roles in memory are never."""
    config = (place / "smok.toml").read_text().replace('default = "local"', roles)
    (place / "smok.toml").write_text(config)
    smok_core.open_databases("smok.toml").close()
    assert f" {word} " in page().text


def test_what_waits_is_pending(page, place):
    """Pending records alone are no loss."""
    with smok_core.open_databases("smok.toml") as databases:
        databases.metadata.put_plain("a", "b")
    assert "WAITING 1 pending, nothing lost" in page().text


def test_charts_are_there_with_failed_readings_marked(page, device):
    """A chart of each pathpoint, ten crosses, the reasons in words below."""
    found = page("--pathpoint", "W1", "--pathpoint", "pump on")
    figures = [tag for tag, _ in found.tags if tag == "figure"]
    crosses = [a for tag, a in found.tags if tag == "path" and a.get("class") == "failed"]
    assert (len(figures), len(crosses)) == (2, 10)
    assert "10 failed readings of W1" in found.text
    assert "timeout" in found.text
    assert "2 of 4." in found.text


def test_what_strangers_wrote_stays_text(page, device):
    """Names, values, reasons and records of a device or a cloud open no tag."""
    found = page()
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "iframe", "object"})
    assert found.text.count("<script>alert(1)</script>") >= 4
    assert EVIL in "".join(found.texts)
    assert not [a for _, a in found.tags if any(key.startswith("on") for key in a)]


def test_it_is_complete_in_itself(page, device):
    """No address of anything is in it, and its policy forbids to load or run."""
    found = page()
    assert found.wrong == []
    assert found.open == []
    loads = [a for _, a in found.tags if {"src", "srcset", "data", "action"} & a.keys()]
    assert loads == []
    assert all(a["href"].startswith("#") for _, a in found.tags if "href" in a)
    policy = [a["content"] for tag, a in found.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_history_is_drawn(page, place, now):
    """What the upload kept becomes three charts with their numbers below."""
    from smok_cloud.history import History

    with smok_core.open_databases("smok.toml") as databases:
        for hours in range(30, 0, -1):
            databases.metadata.put_plain(f"key {hours}", "v")
            History(databases, clock=lambda h=hours: now - 3600 * h).record()
    text = page().text
    assert "Records pending" in text
    assert "Size of the stores, MB" in text
    assert "There is no history yet" not in text


def test_a_file_is_replaced_at_once(smok, device):
    """The old page stays until the new one is whole; nothing else is left."""
    (device / "page.html").write_text("old")
    assert smok("report", "-o", "page.html").status == 0
    assert "pump-17" in (device / "page.html").read_text()
    assert [path.name for path in device.glob("*page*")] == ["page.html"]


def test_a_place_that_is_not_there_is_told(smok, device):
    """With a code, the path and the way out."""
    result = smok("report", "-o", "nowhere/page.html")
    assert result.status == 1
    assert result.err.startswith("error [SMOK-F02]: ")
    assert "nowhere" in result.err


@pytest.mark.parametrize(
    "values", [[], [5.0], [5.0, 5.0], [0.0, 0.0], [-1e12, 1e12], [1e-9, 2e-9], [-3.0, -1.0]]
)
def test_any_numbers_can_be_drawn(values):
    """None, one, equal, huge and tiny ones: every place lies in the picture."""
    points = [(float(n), value) for n, value in enumerate(values)]
    for zero in (False, True):
        text = str(line_chart(points, 0, 10, zero=zero, failures=[Failure(1.0, "timeout")]))
        heights = re.findall(r'(?:cy|y1)="([-\d.]+)"', text)
        heights += re.findall(r"[ML][-\d.]+ ([-\d.]+)", text)
        assert all(-1 <= float(height) <= 191 for height in heights)
        assert "nan" not in text.lower()


def test_a_line_ends_where_readings_are_missing():
    """An hour of silence among readings of a second is no line across."""
    points = [(float(n), 1.0) for n in range(100)] + [(4000.0 + n, 2.0) for n in range(100)]
    assert str(line_chart(points, 0, 4100)).count('class="line"') == 2


@pytest.mark.parametrize("options", [(), ("--pathpoint", "W1")])
def test_a_store_that_is_away_is_on_the_page(page, place, options):
    """The page is needed most then; what is on other stores is there, and the store is named."""
    plant = '[stores.plant]\nbackend = "redis"\nurl = "redis://127.0.0.1:1/0"\n[roles]\n'
    text = (place / "smok.toml").read_text(encoding="utf-8")
    text = text.replace("[roles]\n", plant + 'pathpoints = "plant"\n')
    (place / "smok.toml").write_text(text, encoding="utf-8")
    with smok_core.open_databases("smok.toml") as databases:
        databases.metadata.put_plain("site", "Danzig")
    shown = page(*options).text
    assert "NOT REACHED" in shown
    assert "redis://127.0.0.1:1/0" in shown
    assert "1 or more" in shown
    assert "Not known of: pathpoints" in shown
    assert "No pathpoint has a value" not in shown
    assert "nothing for good" not in shown
