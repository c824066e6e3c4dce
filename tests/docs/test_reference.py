"""The reference is what the code says, and leaves nothing out."""

import importlib
import importlib.util
import inspect
import re
import subprocess
import sys

import msgspec
import pytest
from smok_cli.finding import command_names
from smok_cloud.options import CloudSettings
from smok_mongo.options import MongoOptions
from smok_pickle.options import PickleOptions
from smok_redis.options import RedisOptions
from smok_testing import Subject

from smok_core.engine.base import Blobs, Engine, Series, Table
from smok_core.hookspecs import BackendInfo, Capability, SmokHooks, StoreContext
from smok_core.roles import ROLES
from smok_core.settings import StoreSettings
from tests.docs.blocks import DOCS, ROOT

REFERENCE = DOCS / "reference"
#: What a config file of this project's packages is made of.
SETTINGS = (StoreSettings, CloudSettings, MongoOptions, PickleOptions, RedisOptions)


def test_the_generated_pages_are_fresh():
    """`python docs/generate.py --check` has nothing to say."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}run: python docs/generate.py\n{done.stderr}"


def test_a_stale_page_is_found(tmp_path, monkeypatch):
    """The check can fail: a page that was changed by hand is named."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("changed")
    assert generate.main(["--check"]) == 1


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_page_with_every_method(role):
    """Each public method of each abstract class of the role is there."""
    text = (REFERENCE / f"roles/{role}.md").read_text()
    module = importlib.import_module(f"smok_core.roles.{role}")
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass)]
    bases = [
        c for c in classes if c.__name__.startswith("Base") and c.__module__ == module.__name__
    ]
    assert bases
    for cls in bases:
        assert f"## `{cls.__name__}`" in text
        for name in cls.__abstractmethods__:
            if name in vars(cls):
                assert f"### `{name}(" in text or f"### `{name}`:" in text


def test_every_hook_is_there():
    """All eleven, and the fields of what they take and give."""
    text = (REFERENCE / "hooks.md").read_text()
    hooks = [name for name in vars(SmokHooks) if name.startswith("smok_")]
    assert len(hooks) == 11
    for name in hooks:
        assert f"### `{name}(" in text
    for kind in (BackendInfo, StoreContext):
        for name in kind.__struct_fields__:
            assert f"- `{name}:" in text


def test_every_primitive_and_ability_is_there():
    """Each public method of the primitives, each field of the kit's subject, with its comment."""
    text = (REFERENCE / "engine.md").read_text()
    for cls in (Engine, Table, Series, Blobs):
        for name in (name for name in vars(cls) if not name.startswith("_")):
            assert f"### `{name}(" in text, name
    for name in Subject.__struct_fields__:
        assert re.search(rf"^- `{name}: [^`]*`: \S", text, re.MULTILINE), name


def test_every_config_key_is_there():
    """Settings of stores and of the cloud, roles and capabilities."""
    text = (REFERENCE / "config.md").read_text()
    for kind in (StoreSettings, CloudSettings):
        for field in msgspec.structs.fields(kind):
            assert f"| `{field.name}` |" in text
    for word in (*ROLES, *(c.value for c in Capability), "device", "default", "require", "backend"):
        assert f"`{word}`" in text


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_number_one_can_configure_has_two_bounds(kind):
    """Beyond one that nobody wants, a number breaks the call that gets it: a timeout, a PRAGMA."""
    for field in msgspec.inspect.type_info(kind).fields:
        for part in numbers(field.type):
            assert {part.ge, part.gt} != {None}, field.name
            assert {part.le, part.lt} != {None}, field.name


def numbers(kind):
    """Give the numbers in a type, within unions and below what describes it."""
    if isinstance(kind, msgspec.inspect.Metadata):
        return numbers(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return [part for each in kind.types for part in numbers(each)]
    return [kind] if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType) else []


def test_every_command_is_there():
    """Each command whose module is installed, with its help."""
    text = (REFERENCE / "cli.md").read_text()
    assert len(command_names()) == 22
    for name in command_names():
        assert f"## `smok {name}`" in text


def test_every_error_code_is_there_once():
    """Codes are unique, and each that the source has is in the table."""
    text = (REFERENCE / "errors.md").read_text()
    packages = (ROOT / "smok_core", *ROOT.glob("plugins/*/smok_*"))
    source = "".join(path.read_text() for root in packages for path in root.rglob("*.py"))
    codes = set(re.findall(r'code = "(SMOK-\w+)"', source)) | {"SMOK-000"}
    assert len(codes) > 30
    for code in codes:
        assert text.count(f"| {code} |") == 1, code


def test_the_feature_table_names_what_there_is():
    """Each test, file and command behind a claim exists, and no "yes" stands alone."""
    rows = re.findall(r"^\| (.+?) \| (yes|partly|no)(.*?) \| (.*?) ?\|$", TABLE, re.MULTILINE)
    assert len(rows) == 28
    for feature, verdict, _, shown in rows:
        assert shown or verdict == "no", feature
        for name in re.findall(r"`([^`]+)`", shown):
            assert exists(name), f"{feature}: {name}"


TABLE = (DOCS / "feature-table.md").read_text()


def exists(name):
    """Tell whether a test, a file or a command is there."""
    if name.startswith("smok "):
        return name.split()[1] in command_names()
    path, _, test = name.partition("::")
    return (ROOT / path).is_file() and f"def {test}" in (ROOT / path).read_text()


def test_the_names_that_stay_can_be_imported():
    """What guarantees.md promises to plugins is there."""
    text = (DOCS / "guide/guarantees.md").read_text()
    table = re.findall(r"^\| `(smok_[\w.]*)`[^|]* \| (.*?) \|$", text, re.MULTILINE)
    assert len(table) == 10
    for module, names in table:
        found = importlib.import_module(module)
        for name in re.findall(r"`([A-Za-z]\w+)`", names):
            assert hasattr(found, name) or name == "code", f"{module}.{name}"
