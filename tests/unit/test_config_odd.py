"""Configurations as editors, shells and service managers hand them over."""

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from smok_core.config import load_config
from smok_core.config.fields import _parts
from smok_core.config.lines import find_lines
from smok_core.errors import ConfigError
from smok_core.hookspecs import BackendInfo, hookimpl
from smok_core.registry import register, unregister
from smok_core.registry.builtin import BUILT_IN
from smok_core.settings import PATH, Duration, Secret, option

BASE = '[stores.Plant]\nbackend = "odd"\npath = "x"\n[roles]\ndefault = "Plant"\n'


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: Annotated[str, option("A file.", min_length=1, extra=PATH)]
    text: Annotated[str | None, option("A text.")] = None
    word: Annotated[str, option("Letters only.", pattern="^[a-z]+$")] = "a"
    mode: Annotated[Literal["quarantine", "refuse"], option("What to do.")] = "refuse"
    secret: Annotated[Secret | None, option("A password.")] = None
    port: Annotated[int, option("A port.", ge=1)] = 1
    many: Annotated[tuple[str, ...], option("Some.")] = ()
    on: Annotated[bool, option("A switch.")] = False
    wait: Annotated[Duration, option("How long.")] = Duration(1)

    def __post_init__(self):
        if self.text == "alone" and self.port == 1:
            raise ValueError("text = alone needs a port")


class Plugin:
    @hookimpl
    def smok_backend(self):
        return BackendInfo(summary="test", options=Options)

    @hookimpl
    def smok_open_engine(self, context):
        return BUILT_IN["memory"].smok_open_engine(context)


@pytest.fixture(autouse=True)
def _plugin():
    register(Plugin(), "odd")
    yield
    unregister("odd")


@pytest.fixture
def read(tmp_path):
    """Reads a text or bytes as smok.toml, in an environment of its own."""

    def reader(text=BASE, **environ):
        path = tmp_path / "smok.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_config(path, environ=environ)

    return reader


@pytest.fixture
def refused(read, tmp_path):
    """Gives what is wrong with a configuration, one text for each problem."""

    def reader(text=BASE, **environ):
        with pytest.raises(ConfigError) as caught:
            read(text, **environ)
        return [str(each).replace(f"{tmp_path}/", "") for each in caught.value.problems]

    return reader


# --- the text -------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_content(read):
    """Windows editors put one in front; it is no key."""
    assert read(b"\xef\xbb\xbf" + b'device = "p"\r\n' + BASE.encode()).device == "p"


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0c", "\x1c"])
def test_only_newlines_end_a_line(read, refused, mark):
    """What else Python takes for a line's end is part of a comment or text, and no key."""
    if mark >= "\x80":  # TOML allows these in comments
        assert read(f'# hi{mark} = 3\n# hi{mark}[a"b]\ndevice = "5"\n').device == "5"
        assert refused(f"# a{mark}b\r\nx = 1\r\n")[0].startswith("smok.toml:2: unknown key")
    else:
        assert "not TOML" in refused(f"# hi{mark}\nx = 1\n")[0]


def test_a_bare_carriage_return_is_refused_as_toml_has_it(refused):
    """It is not turned into a newline in silence."""
    assert "not TOML" in refused('device = "p"\rx = 1\n')[0]


def test_other_encodings_are_refused_by_name(refused):
    """UTF-16 and latin-1 are named with the way out."""
    assert "UTF-8" in refused('device = "ż"'.encode("utf-16"))[0]
    assert "UTF-8" in refused('device = "é"'.encode("latin-1"))[0]


@pytest.mark.parametrize(
    "line", ['"a\\"b" = "x = y"', '["a]b"]', '["a\\"]b" . c]', "  'it[s]' . x = 1", '"= 1" = 2']
)
def test_any_key_that_toml_takes_has_its_line(line):
    """Quotes, brackets and escapes in keys: found where they stand, and never a crash."""
    lines = find_lines(f"\n{line}\n")
    assert set(lines.values()) == {2}


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_told(tmp_path, name):
    """TOML and programs can say it, no system call takes it."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config({"device": {"file": name}}, environ={})
    with pytest.raises(ConfigError, match="Make it a readable text file"):
        load_config(tmp_path / name, environ={})


# --- the environment ------------------------------------------------------------------------------


def test_a_variable_that_is_not_utf8_is_told(read, refused):
    """A Latin-1 letter in an old machine's environment; as a path it may be meant so."""
    old = b"pompa \xf3".decode("utf-8", "surrogateescape")
    told = "environment variable SMOK__DEVICE: device holds half a character. Write it as UTF-8."
    assert refused(SMOK__DEVICE=old) == [told]
    (secret,) = refused(SMOK__STORES__PLANT__SECRET=old)
    assert "secret holds half a character" in secret
    assert read(SMOK__STORES__PLANT__PATH=old).stores["Plant"].options.path == old


@pytest.mark.parametrize(
    "text", ["420", "00420", "1e5", "true", "2024-01-01", "1.50", "nan", "[1]"]
)
def test_an_override_of_a_text_is_a_text(read, text):
    """Digits stay digits wherever a text is asked for."""
    config = read(
        SMOK__DEVICE=text,
        SMOK__STORES__PLANT__TEXT=text,
        SMOK__STORES__PLANT__PATH=text,
        SMOK__STORES__PLANT__SECRET=text,
    )
    options = config.stores["Plant"].options
    assert (config.device, options.text, options.path) == (text, text, text)
    assert type(config.device) is type(options.text) is str
    assert options.secret.reveal() == text


def test_an_override_of_a_number_is_a_number(read):
    """Other types are written as in TOML; so are references to variables and files."""
    config = read(
        BASE.replace("[roles]", 'wait = { env = "WAIT" }\n[roles]'),
        SMOK__STORES__PLANT__PORT="7",
        SMOK__STORES__PLANT__MANY='["a", "b"]',
        SMOK__STORES__PLANT__ON="true",
        SMOK__ROLES__EVENTS='{ store = "Plant", require = [] }',
        SMOK__ROLES__EVENTS__REQUIRE="[]",
        WAIT="90s",
    )
    options = config.stores["Plant"].options
    assert (options.port, options.many, options.on, options.wait.seconds) == (
        7,
        ("a", "b"),
        True,
        90,
    )


def test_names_match_what_is_there_in_any_case(read):
    """Shells and Windows write upper case; a store called Plant is meant all the same."""
    config = read(SMOK__STORES__PLANT__PATH="up", SMOK__stores__Plant__text="mixed")
    assert set(config.stores) == {"Plant", "memory", "null"}
    assert (config.stores["Plant"].options.path, config.stores["Plant"].options.text) == (
        "up",
        "mixed",
    )
    both = BASE + '[stores.plant]\nbackend = "odd"\npath = "y"\n'
    stores = read(both, SMOK__STORES__Plant__PORT="5", SMOK__STORES__plant__PORT="6").stores
    assert (stores["Plant"].options.port, stores["plant"].backend) == (5, "odd")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("SMOK__STORES__PLANT__PORT", "0", "port"),
        ("SMOK__STORES__PLANT__PORT", "1\nx = 2", "port"),
        ("SMOK__STORES__PLANT__PRT", "1", "Did you mean 'port'?"),
        ("SMOK__STORES__OTHER__PATH", "x", "store 'other' names no backend"),
        ("SMOK__STORES__PLANT", "x", "store 'Plant' names no backend"),
        ("SMOK__ROLES__DEFAULT", "plnt", "Did you mean 'Plant'?"),
        ("SMOK__DEVICE__X", "1", "device"),
        ("SMOK__DEVICE", "", "device is empty"),
        ("SMOK__STORES__PLANT__TEXT", "alone", "needs a port"),
        ("SMOK__", "1", "unknown key ''"),
        ("SMOK__STORES__PLANT__PORT", "[" * 10_000, "port"),
    ],
)
def test_an_error_in_an_override_blames_the_variable(refused, name, text, message):
    """Whoever made the mistake is sent to where it was made, not to a line of the file."""
    found = [problem for problem in refused(**{name: text}) if message in problem]
    assert found, refused(**{name: text})
    assert f"environment variable {name}" in found[0].partition(" ")[0] + found[0]


# --- references and paths -------------------------------------------------------------------------


def test_the_device_may_come_from_a_variable(read, refused):
    """One image for many devices: the id is in the environment, or in a file."""
    text = 'device = { env = "ID" }\n'
    assert read(text + BASE, ID="0042").device == "0042"
    assert refused(text + BASE) == ["smok.toml:1: the environment variable ID is not set. Set it."]


def test_an_unset_variable_is_one_error(refused):
    """One cause, one error."""
    text = BASE.replace("[roles]", 'secret = { env = "PW" }\nport = { env = "PORT" }\n[roles]')
    assert refused(text) == [
        "smok.toml:4: the environment variable PW is not set. Set it.",
        "smok.toml:5: the environment variable PORT is not set. Set it.",
    ]


def test_homes_and_variables_in_paths_are_put_in(read, monkeypatch, tmp_path):
    """As a shell does; a dollar sign is written twice, and a plain one at the end stays."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def path(text, **environ):
        return read(BASE.replace('"x"', f'"{text}"'), **environ).stores["Plant"].options.path

    assert path("~/data/x.db") == f"{tmp_path}/data/x.db"
    assert path("$DATA/${NAME}.db", DATA="/mnt", NAME="n") == "/mnt/n.db"
    assert path("a$$b$") == "a$b$"
    assert path("./~x") == "./~x"
    (tmp_path / "word").write_text("hidden\n")
    (tmp_path / "word").chmod(0o600)
    text = BASE.replace("[roles]", 'secret = { file = "~/word" }\n[roles]')
    assert read(text).stores["Plant"].options.secret.reveal() == "hidden"


def test_what_cannot_be_put_in_is_refused_by_name(refused):
    """No directory called ~ or $DATA is made by mistake."""
    (homeless,) = refused(BASE.replace('"x"', '"~nobody-is-called-so/x"'))
    assert "smok.toml:3" in homeless
    assert "~nobody-is-called-so" in homeless
    (unset,) = refused(BASE.replace('"x"', '"$DATA/x"'))
    assert unset == "smok.toml:3: the environment variable DATA is not set. Set it."


def test_every_option_that_is_a_path_says_so():
    """What backends and [cloud] call a file is expanded; a new one must be marked, too."""
    import smok_cloud.options
    import smok_mongo.options
    import smok_pickle.options
    import smok_redis.options

    kinds = (
        smok_cloud.options.CloudSettings,
        smok_mongo.options.MongoOptions,
        smok_pickle.options.PickleOptions,
        smok_redis.options.RedisOptions,
    )
    texts = {}
    for field in (field for kind in kinds for field in msgspec.structs.fields(kind)):
        notes = [part for part in _parts(field.type) if isinstance(part, msgspec.Meta)]
        if str in _parts(field.type):
            texts[field.name] = notes[0]
    marked = {name for name, note in texts.items() if note.extra == PATH}
    told = {name for name, note in texts.items() if "file" in note.description.lower()}
    assert told <= marked
    assert len(marked) == 11


# --- words for people -----------------------------------------------------------------------------


def test_choices_are_listed_and_patterns_described(refused):
    """No regular expression in a text for people; a choice names all words and the nearest."""
    text = BASE.replace("[roles]", 'mode = "quarantin"\nword = "5"\ndurability = "x"\n[roles]')
    found = "\n".join(refused(text))
    assert "Did you mean 'quarantine'? Known: quarantine, refuse." in found
    assert "word: it does not fit: Letters only." in found
    assert "Known: power-loss, crash, buffered." in found
    assert "regex" not in found


@pytest.mark.parametrize("folder", ["19-toml-line-separator-crash", "34-toml-bom"])
def test_the_cases_that_were_reported(folder, tmp_path):
    """Files that once ended in an internal error are read."""
    shared = Path(os.environ.get("SMOK_SHARED", "nowhere"), "cases/files", folder)
    if not shared.is_dir():
        pytest.skip("the collection of cases is not here (SMOK_SHARED)")
    for path in shared.glob("*.toml"):
        assert load_config(path, environ={}).roles["events"].store == "local"
