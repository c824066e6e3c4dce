"""What people mistype: told with the nearest word, as a usage error, before anything is done."""

import json

import pytest

from smok_core import BackendUnavailable, open_databases


def test_a_mistyped_command(smok):
    """`smok stat` suggests."""
    result = smok("stat")
    assert result.status == 2
    assert "there is no command 'stat'. Did you mean 'status'?" in result.err


def test_the_configuration_may_stand_behind_the_command(smok, config, tmp_path):
    """`smok status --config x` works, and counts before the variable."""
    other = tmp_path / "other.toml"
    other.write_text(config.read_text().replace('device = "', 'device = "other-', 1))
    assert "other-" in smok("check", "--config", str(other)).out
    assert smok("status", "--config", str(tmp_path / "none.toml")).status == 2
    assert "--config" not in smok("status", "--help").out


@pytest.mark.parametrize(
    "words", [("copy", "--from", "memry", "--to", "memory"), ("verify", "memory", "memry")]
)
def test_a_mistyped_store(smok, config, words):
    """Copy and verify suggest, and end with 2 as other wrong arguments do."""
    result = smok(*words)
    assert result.status == 2
    assert "there is no store 'memry'. Did you mean 'memory'? Configured:" in result.err


def test_a_store_is_not_copied_onto_itself(smok, config):
    """Nor compared with itself, which would say equal whatever it holds."""
    for words in (("copy", "--from", "memory", "--to", "memory"), ("verify", "memory", "memory")):
        result = smok(*words)
        assert result.status == 2
        assert "Name two different stores" in result.err


def test_verify_names_the_stores(smok, config):
    """Its JSON says what was compared."""
    text = config.read_text().replace("[roles]", '[stores.other]\nbackend = "memory"\n[roles]', 1)
    config.write_text(text)
    assert json.loads(smok("verify", "memory", "other", "--json").out)["stores"] == [
        "memory",
        "other",
    ]


def test_a_store_with_two_names_is_not_copied_onto_itself(smok, config, tmp_path):
    """Whatever the path looks like, the place is one; the copy would run within the file."""
    link = tmp_path / "link"
    link.symlink_to(config.parent)
    path = link / "var" / "smok.db"
    config.write_text(
        f'{config.read_text()}\n[stores.other]\nbackend = "pickle"\npath = "{path}"\n'
    )
    for words in (("copy", "--from", "local", "--to", "other"), ("verify", "local", "other")):
        result = smok(*words)
        assert result.status == 2
        assert "local and other are the same store" in result.err


def test_the_sandbox_makes_no_mistyped_directory(smok, tmp_path):
    """Only the last part of the path may be new."""
    result = smok("sandbox", "--tls", "--directory", str(tmp_path / "mistpyed" / "pki"))
    assert result.status == 2
    assert f"there is no {tmp_path / 'mistpyed'}. Correct the path" in result.err
    assert list(tmp_path.glob("mist*")) == []


@pytest.mark.parametrize("path", ["/proc/x", "/proc/x/y.db", "/dev/null/x.db"])
def test_a_path_that_can_hold_nothing_is_not_temporary(config, path):
    """Waiting does not help there, so nobody is told to try again."""
    config.write_text(config.read_text().replace('path = "var/smok.db"', f'path = "{path}"'))
    with pytest.raises(BackendUnavailable, match="Correct the path, or make its directory"):
        open_databases(config, require_all=True)


@pytest.mark.parametrize("path", ["/proc/x.db", "/proc/x/y.db", "/dev/null/x.db", "/sys/x.db"])
def test_status_and_check_say_so_too(config, smok, path):
    """They make nothing, and "the file is made at the first start" was no true word."""
    config.write_text(config.read_text().replace('path = "var/smok.db"', f'path = "{path}"'))
    for words in (("check", "--offline"), ("status",)):
        result = smok(*words)
        assert "made at the first start" not in result.out
        assert "Correct the path" in result.out + result.err
    assert smok("check", "--offline").status == 3
    assert smok("status", "--exit-code").status == 1


def test_conformance_of_nothing_says_how_to_give_a_place(smok):
    shown = smok("conformance")
    assert shown.status == 2
    assert "pickle --option" in shown.err
    assert "path={place}/store" in shown.err
