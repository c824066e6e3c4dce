"""Every way a backend can fail to be had is told apart, and ends with the way out."""

import sys
import textwrap

import pytest

import smok_core
from smok_core import errors
from smok_core.registry import Registry, discover, forget, register, unregister
from tests.unit.test_discovery import GROUP_PREFIX, install

GOOD = """
from smok_core import BackendInfo, Driver, hookimpl
from smok_core.engine.memory import MemoryEngine

@hookimpl
def smok_backend():
    return BackendInfo(summary="a test", drivers=(Driver("acme_driver", "acme-driver>=2"),))

@hookimpl
def smok_open_engine(context):
    return MemoryEngine(context.store)
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory on the path in which plugins can be installed; cleaned up with its modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    forget()
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]
    forget()


def plugin(site, name, source, *, api=1, backend=None, version="1.0"):
    """Install a plugin made of one module."""
    module = f"plug_{name.replace('-', '_')}"
    (site / f"{module}.py").write_text(textwrap.dedent(source))
    install(site, name, f"[{GROUP_PREFIX}{api}]\n{backend or name} = {module}\n", version)
    forget()
    return Registry(discover([str(site)]))


def test_a_good_plugin_keeps_all_roles(site):
    """Two hooks are enough for nine roles, chosen by config."""
    registry = plugin(site, "acme", GOOD)
    config = {"device": "d", "stores": {"s": {"backend": "acme"}}, "roles": {"default": "s"}}
    with smok_core.open_databases(config, registry=registry) as databases:
        databases.metadata.put_plain("a", "b")
        assert databases.metadata.get_plain("a") == "b"
        assert len(databases.engines) == 1


def test_missing_and_unknown_are_told_apart(site):
    """A known backend names its package; an unknown one gets the nearest name, never a guess."""
    registry = Registry(())
    with pytest.raises(errors.BackendNotInstalled, match=r"smok\.toml:4.*pip install smok-redis"):
        registry.load("redis", "smok.toml:4")
    with pytest.raises(errors.UnknownBackend, match="Did you mean 'redis'") as caught:
        registry.load("reddis", "smok.toml:4")
    assert "pip install" not in str(caught.value)


def test_a_broken_plugin_is_named_with_its_line(site):
    """An import error says which distribution, what, and where."""
    registry = plugin(site, "acme", "x = 1\nraise RuntimeError('boom')\n")
    with pytest.raises(errors.PluginBroken, match=r"acme 1.0.*boom.*plug_acme.py, line 2"):
        registry.load("acme", "here")


def test_a_half_uninstalled_plugin_is_broken_not_missing(site):
    """Metadata without files: the message says what could not be imported."""
    install(site, "ghost", f"[{GROUP_PREFIX}1]\nghost = plug_ghost.plugin\n")
    with pytest.raises(errors.PluginBroken, match="Reinstall or upgrade ghost"):
        Registry(discover([str(site)])).load("ghost", "here")


def test_a_missing_driver_names_its_requirement(site):
    """The plugin is there, its driver is not: the message says what to install."""
    source = GOOD.replace(
        "    return MemoryEngine", "    import acme_driver\n    return MemoryEngine"
    )
    registry = plugin(site, "acme", source)
    config = {"device": "d", "stores": {"s": {"backend": "acme"}}, "roles": {"default": "s"}}
    with pytest.raises(errors.DriverMissing, match='pip install "acme-driver>=2"'):
        smok_core.open_databases(config, registry=registry)


def test_an_undeclared_missing_module_is_the_plugins_bug(site):
    """A module nobody declared is no driver: the plugin is broken, and the module is named."""
    source = GOOD.replace(
        "    return MemoryEngine", "    import no_such_module\n    return MemoryEngine"
    )
    registry = plugin(site, "acme", source)
    config = {"device": "d", "stores": {"s": {"backend": "acme"}}, "roles": {"default": "s"}}
    with pytest.raises(errors.PluginBroken, match="no_such_module"):
        smok_core.open_databases(config, registry=registry)


def test_duplicates_name_both_and_can_be_chosen(site):
    """Two distributions with one name: an error that names both, and a way to say which."""
    plugin(site, "acme-one", GOOD, backend="acme")
    registry = plugin(site, "acme-two", GOOD, backend="acme")
    with pytest.raises(errors.DuplicateBackend, match=r"acme-one 1.0, acme-two 1.0.*acme-one:acme"):
        registry.load("acme", "here")
    assert registry.load("acme-two:acme", "here").package == "acme-two 1.0"


def test_a_too_new_plugin_is_never_imported(site):
    """A plugin for another API major is refused by its entry point alone."""
    registry = plugin(site, "acme", "raise SystemExit('imported')", api=2)
    with pytest.raises(errors.ApiMismatch, match=r"plugin API 2.*speaks 1.*Upgrade smok-core"):
        registry.load("acme", "here")
    assert "acme" not in registry.names()


def test_a_group_without_a_version_is_told(site):
    """An author who left .v1 out learns that, not that nothing is installed."""
    plugin(site, "acme", GOOD)
    text = f"[{GROUP_PREFIX.removesuffix('.v')}]\nacme = plug_acme\n"
    (site / "acme-1.0.dist-info/entry_points.txt").write_text(text)
    forget()
    registry = Registry(discover([str(site)]))
    with pytest.raises(errors.ApiMismatch, match=r"acme 1\.0.*its group lacks \.v1"):
        registry.load("acme", "here")
    with pytest.raises(errors.UnknownBackend, match=r"smok_core\.backends\.v1"):
        Registry(()).load("acme", "here")


@pytest.mark.parametrize("name", ["memory", "null"])
def test_a_plugin_with_a_built_in_name_is_not_passed_over(site, name):
    """Whoever configures it would keep everything in memory; who does not, is not concerned."""
    registry = plugin(site, "acme", GOOD, backend=name)
    store = {"device": "d", "stores": {"s": {"backend": name}}, "roles": {"events": "s"}}
    with pytest.raises(errors.DuplicateBackend, match=rf"acme 1\.0, smok-core.*acme:{name}"):
        smok_core.open_databases(store, registry=registry)
    with smok_core.open_databases({"device": "d", "roles": {"events": name}}, registry=registry):
        pass
    store["stores"]["s"]["backend"] = f"acme:{name}"
    with smok_core.open_databases(store, registry=registry) as databases:
        assert databases.config.stores["s"].loaded.package == "acme 1.0"


def test_a_plugin_for_both_apis_is_used_with_ours(site):
    """A distribution may serve several API majors at once."""
    (site / "plug_both.py").write_text(GOOD)
    text = f"[{GROUP_PREFIX}1]\nboth = plug_both\n[{GROUP_PREFIX}2]\nboth = plug_never\n"
    install(site, "both", text)
    assert Registry(discover([str(site)])).load("both", "here").has_engine


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("smok_open_engine", "smok_open_engin"), "did you mean 'smok_open_engine'"),
        (("smok_open_engine", "smok_start"), "unknown hook smok_start. This is a bug"),
        (
            ("def smok_open_engine(context)", "def smok_open_engine(contxt)"),
            r": smok_open_engine\(contxt\) .*'contxt'.* not be found .*; it may take context\.",
        ),
        (("def smok_backend()", "def smok_backend(context)"), "; it may take nothing"),
        (("@hookimpl\ndef smok_backend", "def smok_backend"), "smok_backend marked with @hookimpl"),
        (("@hookimpl\ndef smok_open_engine", "def smok_open"), "no hook smok_open_engine marked"),
        (("return BackendInfo", "return str"), "smok_backend gave"),
        (("def smok_backend", "def helper"), "unknown hook|no hook smok_backend|helper"),
    ],
)
def test_a_broken_interface_is_explained(site, change, message):
    """Misspelt hooks, unknown arguments and wrong result types are contract errors."""
    source = GOOD.replace(*change).replace(
        'str(summary="a test", drivers=(Driver("acme_driver", "acme-driver>=2"),))', "'text'"
    )
    registry = plugin(site, "acme", source)
    with pytest.raises(errors.PluginContract, match=message):
        registry.load("acme", "here")


def test_an_engine_of_the_wrong_type_is_refused(site):
    """What a hook gives is checked before anything is stored in it."""
    registry = plugin(site, "acme", GOOD.replace("MemoryEngine(context.store)", "{}"))
    config = {"device": "d", "stores": {"s": {"backend": "acme"}}, "roles": {"default": "s"}}
    with pytest.raises(errors.PluginContract, match="smok_open_engine gave dict, not a Engine"):
        smok_core.open_databases(config, registry=registry)


def test_a_drivers_own_error_does_not_leave_the_hook(site):
    """An exception that is no SmokError becomes one, with its cause chained."""
    registry = plugin(
        site, "acme", GOOD.replace("return MemoryEngine(context.store)", "raise OSError('x')")
    )
    config = {"device": "d", "stores": {"s": {"backend": "acme"}}, "roles": {"default": "s"}}
    with pytest.raises(errors.PluginBroken, match="OSError") as caught:
        smok_core.open_databases(config, registry=registry)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_single_native_role_needs_no_engine(site):
    """A backend may keep one role natively; asked for another, it says what it keeps."""
    source = """
    from smok_core import BackendInfo, NullEventDatabase, hookimpl

    class Mine(NullEventDatabase):
        pass

    @hookimpl
    def smok_backend():
        return BackendInfo(summary="events only")

    @hookimpl
    def smok_open_events(context, engine):
        assert engine is None
        return Mine()
    """
    registry = plugin(site, "single", source)
    stores = {"s": {"backend": "single"}}
    config = {"device": "d", "stores": stores, "roles": {"events": "s"}}
    with smok_core.open_databases(config, registry=registry) as databases:
        assert type(databases.events).__name__ == "Mine"
    with pytest.raises(errors.ConfigError, match="keeps only: events"):
        smok_core.open_databases({**config, "roles": {"metadata": "s"}}, registry=registry)


def test_unused_broken_plugins_have_no_effect(site):
    """Broken, duplicate and too-new plugins that no store uses are never touched."""
    plugin(site, "broken", "raise SystemExit('imported')")
    plugin(site, "new", "raise SystemExit('imported')", api=9)
    plugin(site, "twin-a", "raise SystemExit('imported')", backend="twin")
    registry = plugin(site, "twin-b", "raise SystemExit('imported')", backend="twin")
    with smok_core.open_databases({}, registry=registry) as databases:
        databases.metadata.put_plain("a", "b")
    assert {"broken", "twin"} <= set(registry.names())


def test_register_serves_without_an_entry_point():
    """Frozen applications and tests offer a backend by hand."""
    from smok_core.registry import builtin

    register(builtin.BUILT_IN["memory"], "by-hand")
    try:
        config = {"device": "d", "stores": {"s": {"backend": "by-hand"}}, "roles": {"default": "s"}}
        with smok_core.open_databases(config) as databases:
            databases.metadata.put_plain("a", "b")
    finally:
        unregister("by-hand")
    with pytest.raises(errors.UnknownBackend):
        Registry(()).load("by-hand", "here")
