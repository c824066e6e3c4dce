"""smok.toml is read strictly and completely; every value remembers where it was set."""

import os
import subprocess
import sys
import threading
import time
from typing import Annotated, ClassVar

import msgspec
import pytest

import smok_core
from smok_core.config import load_config
from smok_core.config.lines import find_lines
from smok_core.errors import CapabilityUnmet, ConfigError
from smok_core.hookspecs import BackendInfo, Capability, hookimpl
from smok_core.registry import register, unregister
from smok_core.registry.builtin import BUILT_IN
from smok_core.settings import Duration, Secret, option

CANARY = "hunter2-canary"


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options that note how many threads make some at a time."""

    inside: ClassVar[list[int]] = []
    most: ClassVar[list[int]] = []
    url: Annotated[Secret, option("Where the server is.")]
    path: Annotated[str, option("A path.")] = "x"
    port: Annotated[int, option("TCP port.", ge=1, le=65535)] = 1

    def __post_init__(self):
        self.inside.append(1)
        time.sleep(0.005)  # long enough for another thread to come in, if one may
        self.most.append(len(self.inside))
        self.inside.pop()


class Plugin:
    @hookimpl
    def smok_backend(self):
        return BackendInfo(
            summary="test",
            options=Options,
            capabilities=frozenset({Capability.PERSISTENT, Capability.SURVIVES_KILL}),
        )

    @hookimpl
    def smok_open_engine(self, context):
        return BUILT_IN["memory"].smok_open_engine(context)


@pytest.fixture(autouse=True)
def _plugin():
    register(Plugin(), "test")
    yield
    unregister("test")


def read(tmp_path, text, **environ):
    path = tmp_path / "smok.toml"
    path.write_text(text)
    return load_config(path, environ=environ)


def problems(tmp_path, text, **environ):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environ)
    assert caught.value.exit_status == 2
    return [str(problem).replace(str(tmp_path) + "/", "") for problem in caught.value.problems]


GOOD = """\
device = "pump-17"

[stores.local]
backend = "test"
url = "a"

[stores.plant]
backend = "test"
url = { env = "PLANT_URL" }
path = { file = "secret.txt" }
max_pending = 5
on_full = "drop-oldest"
retention = "90d"

[roles]
default = "local"
pathpoints = "plant"
events = { store = "plant", require = ["survives-kill"] }
predicates = "memory"
"""


def test_a_good_file_says_which_store_keeps_which_role(tmp_path):
    """Named stores, a default, an exception, the built-in memory, secrets by env and file."""
    (tmp_path / "secret.txt").write_text("from-file\n")
    config = read(tmp_path, GOOD, PLANT_URL=CANARY)
    assert config.device == "pump-17"
    stores = {role: config.roles[role].store for role in config.roles}
    assert stores["metadata"] == "local"
    assert (stores["pathpoints"], stores["events"], stores["predicates"]) == (
        "plant",
        "plant",
        "memory",
    )
    plant = config.stores["plant"]
    assert plant.options.url.reveal() == CANARY
    assert plant.options.path == "from-file"
    assert plant.settings.retention.seconds == 90 * 86400
    assert CANARY not in repr(config)


def test_why_names_the_winner_and_its_line(tmp_path):
    """Each role remembers the file and line it was decided on, and what it overruled."""
    (tmp_path / "secret.txt").write_text("x")
    roles = read(tmp_path, GOOD, PLANT_URL="x", SMOK__ROLES__PATHPOINTS="memory").roles
    assert roles["events"].where == f"{tmp_path}/smok.toml:18"
    assert roles["metadata"].where == f"{tmp_path}/smok.toml:16"
    assert roles["pathpoints"].where == "environment variable SMOK__ROLES__PATHPOINTS"
    assert roles["pathpoints"].store == "memory"
    assert any("'plant'" in step and "smok.toml:17" in step for step in roles["pathpoints"].chain)


def test_all_errors_come_in_one_pass_with_their_lines(tmp_path):
    """One reading finds every mistake; each names its line, and the nearest right word."""
    found = problems(
        tmp_path,
        """\
device = 17
devise = "x"
[stores.local]
backend = "test"
url = "a"
prot = 5
port = 70000
durability = "strong"
retention = "9 parsecs"
[stores.bare]
url = "a"
[roles]
default = "local"
evnts = "null"
metadata = "locl"
events = { store = "local", require = ["survive-kill"] }
[cloud]
url = "ftp://x"
""",
    )
    text = "\n".join(found)
    for line in (1, 2, 6, 7, 8, 9, 10, 14, 15, 16, 18):
        assert any(problem.startswith(f"smok.toml:{line}: ") for problem in found), (line, text)
    for hint in ("'device'", "'port'", "'events'", "'local'", "'survives-kill'"):
        assert f"Did you mean {hint}?" in text


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key in ("retention", "keep_events_for")
     for value in ("'9999999999999w'", "'36501d'", "inf", "nan", "-1", "1e300", "true", "'1e3'")]
    + [("flush_ms", 10**17), ("max_pending", 10**13), ("max_pending", "inf")],
)  # fmt: skip
def test_a_number_beyond_all_use_is_refused_where_it_stands(tmp_path, key, value):
    """It would else be raised by housekeeping weeks later, or end the thread that writes."""
    text = (
        f'device = "x"\n[stores.a]\nbackend = "memory"\n{key} = {value}\n[roles]\ndefault = "a"\n'
    )
    assert [problem.split(f" {key}: ")[0] for problem in problems(tmp_path, text)] == [
        "smok.toml:4:"
    ]


def test_a_duration_is_a_century_at_most():
    """In each of the ways to write one."""
    century = 36500 * 86400
    assert {Duration(text).seconds for text in ("36500d", century, float(century))} == {century}
    assert [Duration(text).seconds for text in (0, 0.25, "250ms", " 2 w ")] == [
        0,
        0.25,
        0.25,
        1209600,
    ]


def test_errors_come_in_the_order_of_lines(tmp_path):
    """Also those of one backend's options, and what only the options as a whole can refuse."""
    found = problems(
        tmp_path,
        """\
[roles]
default = "local"
[stores.local]
backend = "redis"
prefix = 7
url = "http://x"
prot = 5

timeout = "soon"
durability = "strong"
""",
    )
    places = [problem.partition(": ")[0] for problem in found]
    assert places == [f"smok.toml:{line}" for line in (3, 5, 7, 9, 10)]
    assert "the url is not understood" in found[0]


def test_a_secret_file_is_utf_8_whatever_the_locale_and_the_editor(tmp_path):
    """A mark in front and a line end of Windows are no part of it; the locale has no say."""
    (tmp_path / "secret.txt").write_bytes("\ufeffżółw\r\n".encode())
    code = (
        "from smok_core.config import load_config\n"
        "assert load_config({'device': {'file': 'secret.txt'}}).device == '\\u017c\\xf3\\u0142w'"
    )
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, **locale})


def test_a_missing_secret_names_variable_and_line(tmp_path):
    """An unset variable or unreadable file is an error, never an empty value."""
    text = GOOD.replace("secret.txt", "nowhere.txt")
    found = "\n".join(problems(tmp_path, text))
    assert "smok.toml:9: the environment variable PLANT_URL is not set" in found
    assert "smok.toml:10: the file" in found


def test_secrets_are_in_no_message(tmp_path):
    """A value that came by env or file is not shown, even when it is wrong."""
    text = GOOD.replace('path = { file = "secret.txt" }', 'port = { env = "PLANT_URL" }')
    found = "\n".join(problems(tmp_path, text, PLANT_URL=CANARY))
    assert "smok.toml:10" in found
    assert CANARY not in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\na = [5", "not TOML"),
        ("a = = 5", "not TOML.*line 1"),
        ("x = " + "[" * 100_000, "not TOML"),
        ('roles = "local"', "roles is a table"),
        ("stores = 5", "stores is a table"),
        ("[stores.memory]\nbackend = 'test'\nurl = 'x'", "'memory' is a built-in store"),
        ("[roles]\nevents = 5", "events names no store"),
        ("[roles]\nevents = ['local']", "events names no store"),
        ("[roles]\nevents = { store = ['local'] }", "events names no store"),
        ("[roles]\nevents = 'memory'\ndefault = 5", "default names no store"),
        ("[roles]\nevents = { store = 'null', require = [[1]] }", "no capability is called .1"),
        ("[roles]\nmetadata = 'null'", "keeps only: events"),
    ],
)
def test_wrong_shapes_are_refused(tmp_path, text, message):
    """Whatever the file holds, the answer is a ConfigError that says what to do."""
    path = tmp_path / "smok.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path, environ={})


def test_a_missing_file_says_how_to_get_one(tmp_path):
    """No file is an error with the way out."""
    with pytest.raises(ConfigError, match="smok init"):
        load_config(tmp_path / "none.toml")


def test_the_environment_says_which_file(tmp_path, monkeypatch):
    """Without an argument SMOK_CONFIG decides, and smok.toml after it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smok.toml").write_text('device = "from-cwd"')
    (tmp_path / "other.toml").write_text('device = "from-variable"')
    assert load_config(environ={}).device == "from-cwd"
    assert load_config(environ={"SMOK_CONFIG": "other.toml"}).device == "from-variable"


def test_overrides_are_toml_or_text(tmp_path):
    """SMOK__… takes TOML values; what is none is a text; nested tables grow as needed."""
    config = read(
        tmp_path,
        'device = "x"',
        SMOK__STORES__S__BACKEND="test",
        SMOK__STORES__S__URL="redis://x",
        SMOK__STORES__S__PORT="7",
        SMOK__ROLES__DEFAULT="s",
        SMOK__DEVICE="pump",
    )
    assert config.stores["s"].options.port == 7
    assert config.roles["events"].store == "s"
    assert config.device == "pump"


def test_requirements_are_held_against_what_the_store_offers(tmp_path):
    """A role that requires what its store lacks is refused before anything is opened."""
    (tmp_path / "secret.txt").write_text("x")
    with pytest.raises(CapabilityUnmet, match=r"'events' requires survives-power-loss.*:18"):
        read(tmp_path, GOOD.replace("survives-kill", "survives-power-loss"), PLANT_URL="x")
    buffered = GOOD.replace("max_pending = 5", 'durability = "buffered"')
    with pytest.raises(CapabilityUnmet, match="survives-kill"):
        read(tmp_path, buffered, PLANT_URL="x")


def test_roles_on_one_store_share_one_connection(tmp_path):
    """A store is opened once, however many roles it keeps."""
    (tmp_path / "secret.txt").write_text("x")
    config = read(tmp_path, GOOD, PLANT_URL="x")
    with smok_core.open_databases(config) as databases:
        assert set(databases.engines) == {"local", "plant", "memory"}
        assert databases.metadata.engine is databases.macros.engine


def test_a_device_without_id_is_refused():
    """Persistent data needs to know whose it is; memory does not."""
    config = {"stores": {"s": {"backend": "test", "url": "x"}}, "roles": {"default": "s"}}
    with pytest.raises(ConfigError, match='Add: device = "pump-17"'):
        smok_core.open_databases(config)
    smok_core.open_databases({}).close()


def test_lines_are_found_in_every_form_toml_has():
    """Dotted keys, quotes, arrays and texts over several lines, inline tables, comments."""
    text = '''\
a.b = 1
"quoted key" = 2
[t."x.y"]   # comment
list = [
  "k = 1",
]
text = """
[no.header]
k = 2
"""
after = { inline = 1 }
[[many]]
x = 1
'''
    lines = find_lines(text)
    assert lines[("a", "b")] == 1
    assert lines[("quoted key",)] == 2
    assert lines[("t", "x.y")] == 3
    assert lines[("t", "x.y", "after")] == 11
    assert ("no", "header") not in lines
    assert ("t", "x.y", "k") not in lines
    assert lines[("many", "x")] == 13


def test_one_thread_at_a_time_makes_options():
    """The library must not see a class for the first time in two threads; see `prepared`."""
    store = {"backend": "test", "url": "x"}
    config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
    Options.most.clear()
    threads = [threading.Thread(target=load_config, args=(config,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Options.most == [1] * 6
