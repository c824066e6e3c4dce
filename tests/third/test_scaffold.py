"""`smok new-plugin`: what it writes works as it is; bad names are refused with a way out."""

import runpy
import shutil
import subprocess
import sys
import tomllib

import msgspec
import pytest
from smok_cli import main
from smok_testing import Level, Status, all_clauses, run_conformance
from smok_testing.clause import PRIMITIVES
from smok_testing.scaffold import PluginNames, write_plugin

from smok_core.errors import InvalidValue
from tests.conftest import LONG, spare
from tests.third import wheels


@pytest.fixture
def acme(tmp_path):
    """Give the directory of a freshly written smok-acme."""
    write_plugin("acme", tmp_path)
    return tmp_path / "smok-acme"


def test_names_follow_from_the_backends_name():
    """Distribution, package and classes are called after the backend."""
    names = PluginNames.checked("my-store2")
    assert (names.distribution, names.package) == ("smok-my-store2", "smok_my_store2")
    assert names.class_prefix == "MyStore2"


@pytest.mark.parametrize(
    ("bad", "way_out"),
    [
        ("Acme", "'acme'"),
        ("AcmeDB", "'acme-db'"),
        ("acme_db", "'acme-db'"),
        ("-acme", "'acme'"),
        ("acme--db", "'acme-db'"),
        ("../acme", "'acme'"),
        ("3acme", "'acme'"),
        ("", "'acme'"),
        ("é", "'acme'"),
        ("a" * 21, "at most 20"),
        ("acme\n", "'acme'"),
        ("smok-acme", "'acme'"),
        ("smok_acme", "'acme'"),
        ("redis", "taken"),
        ("memory", "taken"),
        ("Redis", "'acme'"),
    ],
)
def test_a_bad_name_is_refused_with_one_that_would_do(tmp_path, bad, way_out):
    """Nothing is written; the message names a usable name or says why there is none."""
    with pytest.raises(InvalidValue, match=way_out):
        write_plugin(bad, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path, capsys):
    """A directory that is there is left alone, and the message says what to do."""
    (tmp_path / "smok-acme").mkdir()
    (tmp_path / "smok-acme" / "mine").write_text("mine")
    assert main(["new-plugin", "acme", "--directory", str(tmp_path)]) == 1
    assert "left alone" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "smok-acme").iterdir()] == ["mine"]


def test_the_command_tells_what_to_do_next(tmp_path, capsys):
    """It lists what it wrote, and the commands that show that it works."""
    assert main(["new-plugin", "acme", "--directory", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"wrote {tmp_path}/smok-acme/smok_acme/plugin.py" in told
    assert "pip install -e ." in told


def test_it_is_laid_out_like_our_own_plugins(acme):
    """Whoever knows the scaffold finds the same files in smok_pickle."""
    ours = wheels.ROOT / "plugins/smok_pickle/smok_pickle"
    names = {path.name for path in (acme / "smok_acme").iterdir()}
    assert names == {
        "__init__.py", "plugin.py", "engine.py", "connection.py", "table.py", "series.py",
        "blobs.py", "py.typed",
    }  # fmt: skip
    assert names <= {path.name for path in ours.iterdir()}
    for name in ("pyproject.toml", "README.md", "LICENSE", ".github/workflows/test.yml"):
        assert (acme / name).is_file()


def test_no_trace_of_the_templates_name_is_left(tmp_path):
    """A plugin of another name says nothing of acme."""
    written = write_plugin("widget-db", tmp_path) + write_plugin("rows", tmp_path, sql=True)
    for path in written:
        assert "acme" not in path.read_text().lower() + str(path.relative_to(tmp_path)).lower()


@pytest.mark.parametrize(
    ("name", "sql"),
    [("acme", False), ("widget-db", True), ("x", False), ("a-name-of-twenty-let", True)],
)
def test_what_is_written_is_clean(tmp_path, name, sql):
    """Types are strict, the project file is right, the linter has no objection."""
    write_plugin(name, tmp_path, sql=sql)
    names = PluginNames(name)
    root = tmp_path / names.distribution
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["smok_core.backends.v1"] == {name: f"{names.package}.plugin"}
    for words in (
        ["ruff", "check", "--no-cache", "--select", "E,F,I,B,UP", "--ignore", "E501", "."],
        ["mypy", "--strict", "--no-incremental", "-p", names.package],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_it_keeps_the_core_of_the_contract_at_once(installed, tmp_path):
    """Installed as a wheel and not changed at all, it passes every core clause of the kit."""
    made = installed(["smok", "new-plugin", "acme"], tmp_path)
    assert made.returncode == 0, made.stderr
    wheels.build(tmp_path / "smok-acme", tmp_path / "dist")
    (wheel,) = (tmp_path / "dist").glob("smok_acme-*.whl")
    site = tmp_path / "site"
    words = ["python", "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    assert installed(words, tmp_path).returncode == 0
    shutil.rmtree(tmp_path / "smok-acme/smok_acme")  # the wheel, not the checkout
    words = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = installed(words, tmp_path / "smok-acme", PYTHONPATH=str(site))
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "failed" not in done.stdout.splitlines()[-1]


def test_one_on_sql_conforms(tmp_path, monkeypatch):
    """Written with --sql and not changed at all, it survives kills, and processes share it."""
    spare(monkeypatch)
    write_plugin("acme", tmp_path, sql=True)
    root = tmp_path / "smok-acme"
    monkeypatch.syspath_prepend(str(root))
    own = runpy.run_path(str(root / "tests/test_conformance.py"))
    subject = own["TestAcme"].subject.__wrapped__(None)
    subject = msgspec.structs.replace(subject, plugin="smok_acme.plugin")
    hard = [clause for clause in all_clauses() if clause.level is not Level.CORE]
    chosen = [clause for clause in hard if LONG or clause.needs not in (None, "persistent")]
    chosen += [clause for clause in all_clauses() if clause.subject in PRIMITIVES]
    report = run_conformance(subject, dict.fromkeys(chosen))
    assert not report.of(Status.FAILED), "\n".join(map(str, report.of(Status.FAILED)))
    assert not report.unproved
    for name in [name for name in sys.modules if name.startswith("smok_acme")]:
        del sys.modules[name]


def test_its_own_test_file_is_about_twenty_lines(acme):
    """The author's side of the kit is one fixture."""
    lines = (acme / "tests/test_conformance.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 20
