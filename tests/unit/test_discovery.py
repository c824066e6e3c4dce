"""Discovery finds what importlib.metadata finds, and imports nothing."""

import importlib.metadata
import shutil
import sys
import zipfile

import pytest

from smok_core.registry import discover, forget

GROUP_PREFIX = "smok_core.backends.v"

GROUP = f"{GROUP_PREFIX}1"


@pytest.fixture(autouse=True)
def _fresh():
    forget()
    yield
    forget()


def install(folder, name, text, version="1.0", suffix="dist-info"):
    """Make what an installed distribution looks like."""
    info = folder / f"{name.replace('-', '_')}-{version}.{suffix}"
    info.mkdir(parents=True)
    metadata = "METADATA" if suffix == "dist-info" else "PKG-INFO"
    (info / metadata).write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(text)
    return info


def by_importlib(path):
    """What the standard library finds on the path, as (group, name, value)."""
    found = set()
    seen = set()
    for dist in importlib.metadata.distributions(path=[str(p) for p in path]):
        name = dist.metadata["Name"].lower().replace("_", "-")
        if name not in seen:
            seen.add(name)
            found |= {(e.group, e.name, e.value) for e in dist.entry_points}
    return {item for item in found if item[0].startswith(GROUP_PREFIX)}


def by_us(path):
    """What discovery finds on the path, in the same form."""
    candidates = discover([str(p) for p in path])
    return {(f"{GROUP_PREFIX}{c.api}", c.name, c.value) for c in candidates}


def test_it_agrees_with_importlib_in_this_environment():
    """The environment the tests run in, editable installs included, looks the same to both."""
    assert by_us(sys.path) == by_importlib(sys.path)


def test_it_agrees_on_odd_but_legal_files(tmp_path):
    """Comments, other groups, extras, spaces, several API majors, egg-info and a second copy."""
    first, second = tmp_path / "a", tmp_path / "b"
    text = f"""# comment
[console_scripts]
redis = nothing:main

[{GROUP}]
redis = acme.plugin
 spaced  =  acme.other:backend
extra = acme.third [fast]

[{GROUP_PREFIX}2]
redis = acme.plugin2
"""
    install(first, "smok-acme", text)
    install(second, "smok-acme", f"[{GROUP}]\nshadowed = old.plugin\n", "0.9")
    install(second, "smok-egg", f"[{GROUP}]\negg = egg.plugin\n", suffix="egg-info")
    found = by_us([first, second])
    assert {(g, n, v.partition(" [")[0]) for g, n, v in by_importlib([first, second])} == found
    assert (GROUP, "shadowed", "old.plugin") not in found
    assert (GROUP, "egg", "egg.plugin") in found


def test_it_agrees_on_a_zip_on_the_path(tmp_path):
    """A zip file on the path is read through importlib."""
    info = install(tmp_path / "src", "smok-zipped", f"[{GROUP}]\nzipped = zipped.plugin\n")
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for part in info.iterdir():
            file.write(part, f"{info.name}/{part.name}")
    assert by_us([archive]) == by_importlib([archive]) == {(GROUP, "zipped", "zipped.plugin")}


def test_paths_that_are_not_there_are_ignored(tmp_path):
    """A missing directory, a plain file and a half uninstalled distribution do no harm."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "gone-1.0.dist-info").mkdir()
    assert discover([str(tmp_path / "missing"), str(tmp_path / "file"), str(tmp_path)]) == ()


def test_the_answer_names_the_distribution(tmp_path):
    """A candidate tells name, version and API major without any file of it being imported."""
    install(tmp_path, "smok-Acme_X", f"[{GROUP}]\nacme = acme.plugin\n", "2.5")
    (candidate,) = discover([str(tmp_path)])
    assert (candidate.package, candidate.api, candidate.value) == (
        "smok-acme-x 2.5",
        "1",
        "acme.plugin",
    )


# --- what pip ignores -----------------------------------------------------------------------------


def test_leftovers_of_a_broken_installation_are_no_second_copy(tmp_path):
    """A directory pip renamed to ~… before it was killed, offers nothing."""
    info = install(tmp_path, "smok-acme", f"[{GROUP}]\nacme = acme.plugin\n")
    shutil.copytree(info, tmp_path / "~mok_acme-1.0.dist-info")
    (candidate,) = discover([str(tmp_path)])
    assert candidate.package == "smok-acme 1.0"


@pytest.mark.parametrize("suffix", ["dist-info", "egg-info"])
@pytest.mark.parametrize("content", [None, b""])
def test_a_directory_without_metadata_hides_nothing(tmp_path, suffix, content):
    """Empty, or with a METADATA that a power cut left empty: the real one counts."""
    install(tmp_path, "smok-acme", f"[{GROUP}]\nacme = acme.plugin\n")
    for version in ("0.0.9", "9.0"):
        empty = tmp_path / f"smok_acme-{version}.{suffix}"
        empty.mkdir()
        if content is not None:
            for name in ("METADATA", "PKG-INFO"):
                (empty / name).write_bytes(content)
    (candidate,) = discover([str(tmp_path)])
    assert candidate.version == "1.0"


def test_of_two_versions_in_one_directory_the_newer_counts(tmp_path):
    """An interrupted upgrade leaves both; numbers are compared as numbers."""
    for version in ("0.9", "0.10", "0.2"):
        install(tmp_path, "smok-acme", f"[{GROUP}]\nacme = acme.v{version[2:]}\n", version)
    (candidate,) = discover([str(tmp_path)])
    assert (candidate.version, candidate.value) == ("0.10", "acme.v10")


def test_a_stale_egg_info_in_the_working_directory_hides_nothing(tmp_path, monkeypatch):
    """Sources that were once built lie on the path before what is installed."""
    sources, site = tmp_path / "sources", tmp_path / "site"
    install(sources, "smok-acme", f"[{GROUP}]\nold = acme.old\n", "0.1", suffix="egg-info")
    install(site, "smok-acme", f"[{GROUP}]\nacme = acme.plugin\n")
    monkeypatch.chdir(sources)
    (candidate,) = discover(["", str(site)])
    assert (candidate.name, candidate.version) == ("acme", "1.0")
    assert [each.name for each in discover([""])] == ["old"]
