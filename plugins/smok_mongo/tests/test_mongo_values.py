"""Keys, values and URLs that mean harm, or are too large: typed errors, no operators, no leaks."""

import copy
import pickle
import traceback

import msgspec
import pytest
from smok_mongo.address import parse_address
from smok_mongo.options import MongoOptions
from smok_mongo.schema import VERSION

from smok_core.errors import BackendUnavailable, InvalidKey, InvalidValue, SmokError
from smok_core.settings import Secret, decode_setting

OPERATORS = ["$ne", "$where", "$gt", "a.$.b", "_id", "q", "head", "..", ".", "$", "{}", '{"$ne":1}']


def test_keys_that_look_like_operators_are_keys(engine):
    """No key reaches another row: each finds exactly what was put under it."""
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    for key in OPERATORS:
        table.put(key, key.encode(), pending=True)
        series.append([(key, 0, key.encode())])
        blobs.put(key, key.encode(), 1)
    for key in OPERATORS:
        assert table.get(key).value == key.encode()
        assert list(series.range(key, None, None)) == [(0, key.encode())]
        assert blobs.get(key) == (key.encode(), 1)
    assert table.delete("$ne")
    assert table.stats().rows == len(OPERATORS) - 1


def test_a_document_in_place_of_a_key_does_nothing(engine):
    """An operator as the server might send it instead of a key is refused, not queried with."""
    engine.table("t").put("k", b"1")
    for use in (engine.table("t").get, engine.table("t").delete, engine.blobs("b").get):
        with pytest.raises((TypeError, SmokError)):
            use({"$ne": None})
    assert engine.table("t").stats().rows == 1


@pytest.mark.parametrize("key", ["k" * 1024, "\U0001f986" * 256, "\x01\x1f", "a\u0000b", "\uffff"])
def test_any_key_of_the_permitted_length_fits(engine, key):
    """Keys of 1024 bytes, of four-byte characters, and of control characters round-trip."""
    table, series = engine.table("t"), engine.series("s")
    table.put(key, b"1", pending=True)
    series.append([(key, -(2**63), b"1"), (key, 2**63 - 1, b"2")])
    assert [row.key for row in table.pending(1)] == [key]
    assert list(series.names()) == [key]
    assert [ts for ts, _ in series.range(key, None, None)] == [-(2**63), 2**63 - 1]
    assert series.trim(2**63 - 1) == 0


def test_a_lone_surrogate_is_an_invalid_key(engine):
    """Text that is no UTF-8 raises InvalidKey everywhere and changes nothing."""
    table, series = engine.table("t"), engine.series("s")
    for use in (
        lambda: table.put("\ud800", b""),
        lambda: table.replace({"a": b"", "\ud800": b""}),
        lambda: series.append([("a", 1, b""), ("\ud800", 1, b"")]),
        lambda: engine.blobs("b").put("\ud800", b"", 1),
    ):
        with pytest.raises(InvalidKey):
            use()
    assert table.stats().rows == series.stats().points == 0


def test_timestamps_above_64_bits_are_invalid_and_change_nothing(engine):
    """A point at 2**63 is refused with its whole batch."""
    series = engine.series("s")
    for ts in (2**63, -(2**63) - 1, 2**90):
        with pytest.raises(InvalidValue):
            series.append([("w", 1, b""), ("w", ts, b"")])
    assert series.stats().points == series.stats().pending == 0


def test_versions_of_any_size_are_kept(engine):
    """A BAOB's version may have more than 64 bits."""
    blobs = engine.blobs("b")
    assert blobs.put("k", b"1", 2**64) is None
    assert blobs.put("k", b"1", 2**64) == 2**64
    assert blobs.put("k", b"2", 2**64 + 1) is None
    assert blobs.versions() == {"k": 2**64 + 1}


def test_a_row_that_is_too_large_is_refused_by_name(engine):
    """More than a document holds raises InvalidValue with the key, and changes nothing."""
    table = engine.table("t")
    for write in (
        lambda: table.put("big", b"x" * (16 << 20)),
        lambda: table.replace({"a": b"", "big": b"x" * (16 << 20)}),
    ):
        with pytest.raises(InvalidValue, match="big"):
            write()
    assert table.stats().rows == 0


def test_a_large_baob_leaves_nothing_behind(engine, raw):
    """18 MiB, more than a document holds, and 0 bytes come back; deleted, they are gone."""
    blobs, large = engine.blobs("b"), bytes(range(256)) * (18 << 12)
    blobs.put("k", large, 1)
    blobs.put("empty", b"", 1)
    assert blobs.get("k") == (large, 1)
    assert blobs.get("empty") == (b"", 1)
    assert blobs.delete("k")
    assert raw.smok_chunks.count_documents({}) == 0


def test_a_batch_larger_than_a_document_is_one_batch(engine, raw):
    """Values of 64 KiB by the hundreds are appended and acknowledged like any other."""
    series = engine.series("s")
    batch = [("w", ts, bytes([ts % 256]) * 65536) for ts in range(300)]
    series.append(batch)
    handed = series.pending(300)
    assert [(p.name, p.ts, p.value) for p in handed] == batch
    assert series.acknowledge([p.seq for p in handed]) == 300
    assert raw.smok_chunks.count_documents({}) == 0


SECRET = "s3cr3t-pa55"
BAD_URLS = [
    f"http://u:{SECRET}@h/",
    f"u:{SECRET}@h",
    f"mongodb://u:{SECRET}/more@h/",
    f"mongodb://u:{SECRET}?x@h/",
    f"mongodb://u:{SECRET}@h:port/",
    f"mongodb://u:{SECRET}@/",
    f"mongodb://u:{SECRET}@h/d.b",
    f"mongodb://u:{SECRET}@h/?w=0",
    f"mongodb://u:{SECRET}@h/?journal=false",
    f"mongodb://u:{SECRET}@h/?j=0",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_url_is_refused_by_the_options_without_being_repeated(url):
    """The config's own error says what is wrong and shows nothing of the URL."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"url": url}, MongoOptions, dec_hook=decode_setting)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "extra", ["authMechanism=NOPE", "tls=perhaps", "ssl=x", "nonsense=1", "maxPoolSize=x"]
)
def test_what_only_the_driver_refuses_leaks_nothing_either(opened, extra):
    """The driver's message about a URL is neither shown nor chained."""
    url = f"mongodb://u:{SECRET}@127.0.0.1:1/?{extra}"
    with pytest.raises(SmokError) as caught:
        opened(url, server_selection_ms=50, retry_ms=0)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_nothing_that_is_printed_shows_the_password(server, raw, opened):
    """Options, engine and health show no part of the credentials; options are not pickled."""
    options = MongoOptions(url=Secret(f"mongodb://u:{SECRET}@h/"))
    assert SECRET not in repr(options)
    with pytest.raises(TypeError):
        pickle.dumps(options)
    assert copy.copy(options) == options
    health = opened(server.url).health()
    assert health.location.startswith("mongodb://")
    assert health.schema == VERSION


def test_a_refused_login_is_told_apart_without_the_password(own_server, opened):
    """A server that does not know the user is reported as such."""
    url = own_server.url.replace("://", f"://u:{SECRET}@")
    with pytest.raises(BackendUnavailable, match="login") as caught:
        opened(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_addresses_are_taken_apart():
    """Hosts, database and options are read; user and password are left behind."""
    address = parse_address(
        "mongodb://u:p%40@a:1,[::1]:2,%2Ftmp%2Fm.sock/plant?tls=true&w=majority"
    )
    assert address.location == "mongodb://a:1,[::1]:2,%2Ftmp%2Fm.sock"
    assert address.database == "plant"
    assert address.options["tls"] == "true"
    assert parse_address("mongodb+srv://u:p@cluster.example.org").database is None
