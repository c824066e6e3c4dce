"""Every code block of the docs is of a known kind, and each kind is checked; none is skipped."""

import ast
import re
import shlex
import sys
import tomllib

import pytest
from smok_cli.finding import command_names

import smok_core
from smok_core.registry import register, unregister
from tests.docs.blocks import DOCS, KINDS, ROOT, all_blocks, blocks, pages
from tests.docs.test_followed import FOLLOWED
from tests.examples.test_examples import FOLLOWED as EXAMPLES_FOLLOWED

#: Programs besides smok that a page may tell a reader to run.
PROGRAMS = {
    "pip",
    "python",
    "pytest",
    "mkdir",
    "cd",
    "cat",
    "until",
    "kill",
    "wait",
    "sh",
    "export",
}


@pytest.fixture
def example_plugins(monkeypatch):
    """Offer the backends of the examples; their plugin modules import nothing but the core."""
    names = {"lmdb": "smok_lmdb", "events-webhook": "smok_events_webhook"}
    for name, package in names.items():
        monkeypatch.syspath_prepend(str(ROOT / "examples" / package))
        module = __import__(f"{package}.plugin").plugin
        register(module, name)
    yield
    for name, package in names.items():
        unregister(name)
        for loaded in [m for m in sys.modules if m.partition(".")[0] == package]:
            del sys.modules[loaded]


def test_every_block_is_of_a_known_kind():
    """A block without a language, or with one that nothing checks, is refused."""
    found = [block for path in pages() for block in blocks(path)]
    assert len(found) > 50
    assert [str(block) for block in found if block.kind not in KINDS] == []


def test_no_block_is_empty():
    """There is something to check in every block."""
    assert [str(b) for path in pages() for b in blocks(path) if not b.text.strip()] == []


def test_every_page_with_something_to_run_is_followed():
    """Python, shell and diff blocks are executed: their page is in the list of followed pages."""
    to_run = {b.page for kind in ("python", "sh", "diff") for b in all_blocks(kind)}
    documents = {page for page in to_run if page.startswith("docs/")}
    assert documents == {f"docs/{name}" for name in FOLLOWED}
    examples = {f"examples/{name}/README.md" for name in (*EXAMPLES_FOLLOWED, "fleet")}
    assert examples <= to_run
    for page in to_run - documents - examples:  # READMEs of plugins: one installation line each
        lines = [b.text.strip() for b in blocks(ROOT / page) if b.kind == "sh"]
        assert all(re.fullmatch(r"pip install smok-[a-z-]+", line) for line in lines), page


@pytest.mark.parametrize("block", all_blocks("python"), ids=str)
def test_python_is_python(block):
    """It parses, and it is short enough to be read."""
    ast.parse(block.text)
    assert max(map(len, block.text.splitlines())) <= 100


@pytest.mark.parametrize("block", all_blocks("toml"), ids=str)
def test_toml_is_a_config_or_a_project(block, tmp_path, example_plugins, monkeypatch):
    """A config is accepted by the core, its secrets in place; a project has the entry point."""
    tree = tomllib.loads(block.text)
    if "project" in tree:
        (target,) = tree["project"]["entry-points"]["smok_core.backends.v1"].values()
        assert re.fullmatch(r"[a-z_.]+", target)
        return
    for name in re.findall(r'\{ env = "(\w+)" \}', block.text):
        monkeypatch.setenv(name, "secret")
    text = block.text
    for name in re.findall(r'\{ file = "([^"]+)" \}', text):
        (tmp_path / "secret").write_text("http://proxy:8080\n")
        text = text.replace(name, "secret")
    (tmp_path / "smok.toml").write_text(text)
    assert smok_core.load_config(str(tmp_path / "smok.toml")).stores


@pytest.mark.parametrize("block", all_blocks("sh"), ids=str)
def test_shell_runs_only_what_there_is(block):
    """Every program is known, and every command of smok exists."""
    body = re.sub(r"<<'END'\n.*?\nEND\n", "\n", block.text, flags=re.DOTALL)
    for line in body.splitlines():
        words = [w for w in shlex.split(line, comments=True) if "__" not in w or "=" not in w]
        assert words[0] in {"smok", *PROGRAMS}, line
        if words[0] == "smok":
            command = words[3] if words[1] == "--config" else words[1]
            assert command in command_names(), line


@pytest.mark.parametrize("block", all_blocks("mermaid"), ids=str)
def test_pictures_are_of_a_known_form(block):
    """A picture begins with its form, and what it opens it closes."""
    assert block.text.split()[0] in {"flowchart", "sequenceDiagram", "stateDiagram-v2"}
    assert block.text.count("(") == block.text.count(")")


def test_links_lead_somewhere():
    """Every relative link of every page is a file or directory that is there."""
    for path in pages():
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"


def test_every_page_is_reached_from_the_index():
    """The index leads to each page, directly."""
    told = (DOCS / "index.md").read_text()
    for path in pages():
        if path.is_relative_to(DOCS) and path != DOCS / "index.md":
            assert f"({path.relative_to(DOCS)})" in told, path
