"""Hostile pickles: refused without an import, a call, or an exception of anybody else's."""

import json
import pickletools
import random
import subprocess
import sys
from pathlib import Path

import pytest
from smok_client.legacy import Limits, decode, import_legacy
from smok_client.legacy.kinds import KINDS
from smok_client.legacy.opcodes import walk
from smok_client.legacy.plain import PlainReader
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused

import smok_core
from plugins.smok_client.tests.legacy.samples import HOSTILE, bomb, cache, files, pickled, short

MUTATIONS = 60_000


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_of_a_hostile_file_is_taken_over(what: str, tmp_path: Path) -> None:
    """Each hostile file is reported as a whole or by its entry, and nothing is stored."""
    path = tmp_path / "events_cache.pkl"
    path.write_bytes(HOSTILE[what])
    with smok_core.open_databases({}) as databases:
        report = import_legacy("events", path, databases)
        assert not report.ok
        assert report.imported == 0
        assert report.detail if report.fault else report.refused[0].reason
        with pytest.raises(KeyError):
            databases.events.get_cache("p1")


def test_the_hostile_corpus_would_work_on_a_real_unpickler() -> None:
    """The call in the corpus is one: pickletools sees REDUCE on posix.system."""
    names = [opcode.name for opcode, _, _ in pickletools.genops(HOSTILE["a call of posix.system"])]
    assert {"STACK_GLOBAL", "REDUCE"} <= set(names)


_AUDITED = """
import json, os, sys
from pathlib import Path
import smok_core
from smok_client.legacy import import_directory, import_legacy
from plugins.smok_client.tests.legacy.samples import HOSTILE
directory, seen, on = Path(sys.argv[1]), [], False
databases = smok_core.open_databases({})
# What our own classes compile when they are first used is not the file's doing.
import_directory(directory / "good", smok_core.open_databases({}))
import logging; logging.disable()
def hook(event, arguments):
    reading = event == "open" and arguments[2] & os.O_ACCMODE == os.O_RDONLY
    harmless = reading or event in ("os.listdir", "builtins.id")
    if on and not harmless:
        seen.append([event, str(arguments)[:200]])
sys.addaudithook(hook)
modules = set(sys.modules)
on = True
for number in range(len(HOSTILE)):
    import_legacy("events", directory / str(number), databases)
import_directory(directory / "good", databases)
on = False
print(json.dumps({"seen": seen, "modules": sorted(set(sys.modules) - modules)}))
"""


def test_an_audit_hook_sees_no_import_no_call_and_no_write(tmp_path: Path) -> None:
    """Reading the whole corpus and good files raises no audit event but opening files to read."""
    for number, data in enumerate(HOSTILE.values()):
        (tmp_path / str(number)).write_bytes(data)
    good = tmp_path / "good"
    good.mkdir()
    for number, path in enumerate(files()):
        (good / f"{number}-{path.name}").write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", _AUDITED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[4],
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"seen": [], "modules": []}


def _convert_everything(data: bytes) -> None:
    root = decode(data)
    plain = PlainReader(Limits(), len(data))
    with smok_core.open_databases({}) as databases:
        for kind in KINDS:
            if kind.role == "baobs" or not kind.fits(root):
                continue
            made = kind(databases[kind.role], plain)
            for entry in made.entries(root):
                made.label(entry)
                try:
                    made.has(made.convert(entry))
                except (EntryRefused, smok_core.SmokError):
                    continue


def test_60_000_mutations_raise_nothing_but_refusals() -> None:
    """Whatever bytes of the real files are changed, cut or doubled, only refusals come out."""
    dice = random.Random(20261122)
    originals = [path.read_bytes() for path in files()]
    decoded = 0
    for _ in range(MUTATIONS):
        data = _mutated(bytearray(dice.choice(originals)), dice)
        try:
            decode(data)
            decoded += 1
        except LegacyRefused:
            continue
    assert 0 < decoded < MUTATIONS


def test_mutations_that_decode_are_checked_field_by_field() -> None:
    """What still decodes after a mutation is converted or refused, entry by entry."""
    dice = random.Random(7)
    originals = [path.read_bytes() for path in files()]
    converted = 0
    for _ in range(2000):
        data = _mutated(bytearray(dice.choice(originals)), dice)
        try:
            _convert_everything(data)
            converted += 1
        except LegacyRefused:
            continue
    assert converted > 100


def _mutated(data: bytearray, dice: random.Random) -> bytes:
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at, kind = dice.randrange(len(data)), dice.randrange(5)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 2:
            del data[at : at + dice.randrange(1, 9)]
        elif kind == 3:
            data[at:at] = data[at : at + dice.randrange(1, 9)]
        else:
            data[at:at] = bytes([dice.choice(b"cRb\x81\x93oiPQ\x82\x8e\x96(te]}0129jh\x94")])
        if not data:
            return b""
    return bytes(data)


@pytest.mark.parametrize("path", list(files()), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_walk_is_that_of_pickletools(path: Path) -> None:
    """On every real file the opcodes, arguments and offsets are those of pickletools.genops."""
    data = path.read_bytes()
    expected = [
        (opcode.name, tuple(arg.split(" ")) if opcode.name == "GLOBAL" else arg, at)
        for opcode, arg, at in pickletools.genops(data)
    ]
    assert list(walk(data)) == expected


@pytest.mark.parametrize(
    ("limits", "data"),
    [
        (Limits(max_bytes=10), cache(short("0123456789"))),
        (Limits(max_nodes=10), cache(b"(" + b"]" * 20 + b"l")),
    ],
    ids=["bytes", "nodes"],
)
def test_limits_on_a_file_hold(limits: Limits, data: bytes) -> None:
    """A file over a limit is refused as too large, or before that for what it holds."""
    with pytest.raises(LegacyRefused) as refused:
        decode(data, limits)
    assert refused.value.fault in (Fault.TOO_LARGE, Fault.FORBIDDEN)


def test_a_memo_bomb_is_refused_in_time(tmp_path: Path) -> None:
    """Many entries that share one large state are cut off by the bound for the whole file."""
    last = b"j" + (16).to_bytes(4, "little")
    entries = b"".join(short(f"p{i}") + last + b"s" for i in range(2000))
    path = tmp_path / "cache.pkl"
    path.write_bytes(b"\x80\x04}" + short("bomb") + bomb(16) + b"s" + entries + b".")
    with smok_core.open_databases({}) as databases:
        report = import_legacy("events", path, databases, dry_run=True)
    assert len(report.refused) > 1990
    assert "unfolds" in report.refused[-1].reason


#: A tuple whose last item stands for 2 ** 60 values.
_DOUBLED = (
    b"(N\x94" + b"".join(b"h" + bytes([at, ord("h"), at]) + b"\x86\x94" for at in range(60)) + b"t"
)
_COLLIDING = b"".join(
    b"\x8a\x0a" + (number * (2**61 - 1)).to_bytes(10, "little") for number in range(1, 40_000)
)
#: What -> role and a file whose keys are costly to hash, to compare or to show.
COSTLY = {
    "predicates": b"}" + _DOUBLED + b"}s",
    "events": b"}" + _DOUBLED + b"Ns",
    "metadata": b"}" + _DOUBLED + short("x") + b"s",
    "pathpoints": b"]}" + short("p") + b"}" + _DOUBLED + b"Nss\x86",
    "macros": b"]](" + _DOUBLED + b"e\x86",
    "archives": b"}" + _DOUBLED + b"]s",
    "sensors": b"}" + _DOUBLED + b"Ns",
}


@pytest.mark.parametrize("role", COSTLY)
def test_costly_keys_cost_nothing(role: str, tmp_path: Path) -> None:
    """Keys that double at each level are neither hashed nor shown whole."""
    (tmp_path / "file.pkl").write_bytes(pickled(COSTLY[role]))
    _import_in_time(role, tmp_path / "file.pkl")


def test_keys_of_one_hash_are_refused(tmp_path: Path) -> None:
    """A predicate's state of numbers that all have one hash is an entry that is refused."""
    (tmp_path / "file.pkl").write_bytes(cache(b"\x8f(" + _COLLIDING + b"\x90"))
    assert "same hash" in _import_in_time("events", tmp_path / "file.pkl")


_IMPORT = """
import signal, sys
import smok_core
from pathlib import Path
from smok_client.legacy import import_legacy
signal.setitimer(signal.ITIMER_VIRTUAL, 20)
with smok_core.open_databases({}) as databases:
    report = import_legacy(sys.argv[1], Path(sys.argv[2]), databases)
    assert not report.imported
    print(report.detail, *report.refused)
"""


def _import_in_time(role: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, role, str(path)], capture_output=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    assert len(done.stdout) < 2000
    return done.stdout.decode()
