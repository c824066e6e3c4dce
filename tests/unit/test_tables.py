"""Tables of the config belong to plugins: checked strictly, named when nobody owns them."""

import pytest

from smok_core import ConfigError, PluginError, open_databases
from smok_core.config import load_config
from smok_core.databases import find_device
from smok_core.registry import Registry, discover
from smok_core.registry.discovery import TABLES
from tests.unit.test_discovery import install

FENCE = """
from typing import Annotated
import msgspec
from smok_core import TableInfo, hookimpl, option

class Fence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    height: Annotated[int, option("In metres.", ge=1)]
    colour: str = "green"
    sign: str | None = None

@hookimpl
def smok_table():
    return TableInfo(summary="A fence.", settings=Fence)

@hookimpl
def smok_table_device(settings, base_dir):
    return None if settings.sign is None else (base_dir / settings.sign).read_text()
"""


@pytest.fixture
def owner(tmp_path, monkeypatch):
    """Give a registry whose only owner of tables has the given source."""

    def make(source=FENCE, name="fence", copies=1):
        site = tmp_path / "site"
        for number in range(copies):
            text = f"[smok_core.tables.v1]\n{name} = table_{name}_{abs(hash(source))}\n"
            install(site, f"smok-{name}{number}", text)
        (site / f"table_{name}_{abs(hash(source))}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        return Registry(tables=discover([str(site)], TABLES))

    return make


@pytest.fixture
def read(tmp_path):
    """Read a configuration file with these lines."""

    def load(text, registry):
        (tmp_path / "smok.toml").write_text(text)
        return load_config(tmp_path / "smok.toml", environ={}, registry=registry)

    return load


def test_a_table_is_checked_by_its_owner(owner, read):
    """The Struct's values are in the configuration."""
    config = read("[fence]\nheight = 2\n", owner())
    assert config.tables["fence"].height == 2
    assert config.tables["fence"].colour == "green"


def test_every_mistake_has_its_line(owner, read):
    """Unknown keys with the nearest name, wrong values and missing ones, in one pass."""
    text = '[fence]\nheigth = 2\ncolour = 3\n[roles]\nevents = "nowhere"\n'
    with pytest.raises(ConfigError) as caught:
        read(text, owner())
    told = str(caught.value)
    for part in (
        "smok.toml:2: unknown key 'heigth' in [fence]. Did you mean 'height'?",
        "smok.toml:3: colour: Expected `str`, got `int`",
        "smok.toml:1: height is missing",
        "smok.toml:5: there is no store 'nowhere'",
    ):
        assert part in told


def test_a_table_of_this_project_names_what_to_install(read):
    """[cloud] without smok-cloud: the line, and the pip command."""
    with pytest.raises(ConfigError, match=r'smok.toml:1.*pip install "smok-core\[cloud\]"'):
        read('[cloud]\nurl = "https://api.smok.co"\n', Registry(tables=()))


@pytest.mark.parametrize("name", ["fense", "role", "clouds"])
def test_an_unknown_table_has_the_nearest_name(name, owner, read):
    """What nobody owns is a misspelling: of an owner's table, of the core's, of a known one."""
    near = {"fense": "fence", "role": "roles", "clouds": "cloud"}[name]
    with pytest.raises(ConfigError, match=f"unknown key '{name}'. Did you mean '{near}'"):
        read(f"[{name}]\nheight = 2\n", owner())


def test_a_table_that_is_no_table(owner, read):
    """A value where a table belongs is an error with its line."""
    with pytest.raises(ConfigError, match=r"smok.toml:1: fence is a table. Write: \[fence\]"):
        read("fence = 3\n", owner())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("", "it has no hook smok_table"),
        (FENCE.replace("return TableInfo", "return 5 or TableInfo"), "smok_table gave int"),
        (FENCE.replace("def smok_table()", "def smok_tabel()"), "did you mean 'smok_table'"),
    ],
)
def test_a_broken_owner_is_named(owner, read, source, reason):
    """Which table, which distribution, why."""
    with pytest.raises(PluginError) as caught:
        read("[fence]\nheight = 2\n", owner(source))
    assert reason in str(caught.value)
    assert "table 'fence' (smok-fence0 1.0)" in str(caught.value)


def test_an_owner_that_is_not_used_has_no_effect(owner, read):
    """It is not even imported."""
    assert read("", owner("raise SystemExit(3)")).tables == {}


def test_two_owners_are_named(owner, read):
    """The configuration cannot be used, and both distributions are named."""
    with pytest.raises(PluginError, match=r"smok-fence0 1\.0.*smok-fence1 1\.0"):
        read("[fence]\nheight = 2\n", owner(copies=2))


def test_a_table_tells_the_device(owner, read, tmp_path):
    """Where the configuration has no id, a table may tell it; a given id wins."""
    (tmp_path / "sign.txt").write_text("pump-17")
    registry = owner()
    table = '[fence]\nheight = 2\nsign = "sign.txt"\n'
    assert find_device(read(table, registry)) == "pump-17"
    assert find_device(read(f'device = "other"\n{table}', registry)) == "other"
    assert find_device(read("[fence]\nheight = 2\n", registry)) == "in-memory"


def test_databases_open_with_a_table(owner):
    """A table goes with a dict too."""
    with open_databases({"fence": {"height": 2}}, registry=owner()) as databases:
        assert databases.config.tables["fence"].height == 2
