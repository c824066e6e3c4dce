"""Whatever server and driver say comes out as one of our errors, without a secret in it."""

import traceback

import pytest
import redis.exceptions as driver
from smok_redis.errors import judge

from smok_core.errors import (
    BackendUnavailable,
    DataLost,
    DurabilityUnmet,
    ForeignData,
    ReadOnlyStore,
    SchemaTooNew,
    SmokError,
    StorageFull,
    StoreError,
)
from tests.servers.redis_servers import Server, wait_until

PASSWORD = "s3cr:t/pa@ss#w%rd"
ENCODED = "s3cr%3At%2Fpa%40ss%23w%25rd"

#: error of the driver -> our class, whether trying again helps.
TABLE = [
    (driver.OutOfMemoryError("command not allowed when used memory"), StorageFull, False),
    (driver.ResponseError("Error running script: -OOM command not allowed"), StorageFull, False),
    (driver.ResponseError("WRONGTYPE Operation against a key"), ForeignData, False),
    (driver.ResponseError("MISCONF Errors writing: No space left on device"), StorageFull, False),
    (driver.ResponseError("MISCONF unable to persist to disk"), BackendUnavailable, False),
    (driver.ReadOnlyError("You can't write against a read only replica."), ReadOnlyStore, True),
    (driver.ResponseError("Error running script: -READONLY You can't"), ReadOnlyStore, True),
    (driver.BusyLoadingError("loading the dataset in memory"), BackendUnavailable, True),
    (driver.ResponseError("BUSY Redis is busy running a script"), BackendUnavailable, True),
    (driver.ResponseError("UNKILLABLE Sorry the script already"), BackendUnavailable, True),
    (driver.ResponseError("NOREPLICAS Not enough good replicas"), BackendUnavailable, True),
    (driver.ClusterDownError("CLUSTERDOWN Hash slot not served"), BackendUnavailable, True),
    (driver.MasterDownError("MASTERDOWN Link with MASTER is down"), BackendUnavailable, True),
    (driver.TryAgainError("TRYAGAIN Multiple keys request"), BackendUnavailable, True),
    (driver.MovedError("1 127.0.0.1:7000"), BackendUnavailable, True),
    (driver.ResponseError("MOVED 1 127.0.0.1:7000"), BackendUnavailable, True),
    (driver.AskError("1 127.0.0.1:7000"), BackendUnavailable, True),
    (driver.AuthenticationError("invalid username-password pair"), BackendUnavailable, False),
    (driver.AuthenticationError("Authentication required."), BackendUnavailable, False),
    (driver.NoPermissionError("no permissions to run"), BackendUnavailable, False),
    (driver.ResponseError("SMOKLOST the store was emptied"), DataLost, False),
    (driver.ResponseError("SMOKGONE"), BackendUnavailable, False),
    (driver.ResponseError("SMOKSTALE"), BackendUnavailable, False),
    (driver.ResponseError("WAITAOF: appendonly is disabled"), DurabilityUnmet, False),
    (driver.ResponseError("unknown command 'ZMSCORE'"), StoreError, False),
    (driver.ResponseError("ERR what nobody foresaw"), StoreError, False),
    (driver.TimeoutError("Timeout reading from socket"), BackendUnavailable, True),
    (driver.ConnectionError("Connection closed by server."), BackendUnavailable, True),
    (ConnectionResetError(104, "Connection reset by peer"), BackendUnavailable, True),
    (driver.InvalidResponse("Protocol Error"), BackendUnavailable, True),
]


@pytest.mark.parametrize(("error", "kind", "again"), TABLE, ids=lambda value: str(value)[:40])
def test_each_error_of_the_driver_has_its_own_of_ours(error, kind, again):
    """The table of what the driver raises: our class, and whether the call tries again."""
    verdict = judge(error)
    assert (verdict.kind, verdict.again) == (kind, again)
    text = str(verdict.error("plant"))
    assert text.startswith("store plant: ")
    assert str(error) not in text


def chain(error):
    """Give all text a log could hold of an error: messages, reprs, the whole chain."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=False)
    texts = ["".join(lines.format())]
    while error is not None:
        texts += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def without_secret(caught):
    """No part of the password is in anything the error shows."""
    text = chain(caught.value)
    assert not [part for part in (PASSWORD, ENCODED, "s3cr", "w%rd") if part in text]
    return text


@pytest.fixture
def locked(tmp_path):
    """A server with a password."""
    with Server("valkey", tmp_path / "srv", requirepass=PASSWORD) as server:
        yield server


def url_of(server, login):
    """Give a URL with a login."""
    return f"redis://{login}@127.0.0.1:{server.port}/0"


def test_a_password_opens_the_store(locked, opened):
    """A percent-encoded password in the URL is understood."""
    engine = opened(url_of(locked, f":{ENCODED}"))
    assert engine.table("t").put("k", b"v")
    assert PASSWORD not in repr(engine.health())
    assert ENCODED not in repr(engine.health())


@pytest.mark.parametrize("login", ["", ":wr0ng", "nobody:" + ENCODED])
def test_a_refused_login_is_told_without_the_password(locked, opened, login):
    """NOAUTH and WRONGPASS name the remedy, take no time, and hold no password."""
    with pytest.raises(BackendUnavailable, match=r"password") as caught:
        opened(url_of(locked, login))
    assert "wr0ng" not in without_secret(caught)
    assert "README" in str(caught.value)


def test_no_secret_is_in_any_error_of_an_open_store(locked, opened):
    """A dead, a read-only, a full and a revoked server: no error shows the password."""
    engine = opened(url_of(locked, f":{ENCODED}"), timeout=0.5)
    table = engine.table("t")
    login = opened(url_of(locked, f":{ENCODED}"))._client._link.primary()
    steps = [
        (lambda: login.execute_command("CONFIG SET", "maxmemory", 1), StorageFull),
        (lambda: login.execute_command("CONFIG SET", "maxmemory", 0), None),
        (lambda: login.execute_command("REPLICAOF", "127.0.0.1", 1), SmokError),
        (lambda: login.execute_command("REPLICAOF", "NO", "ONE"), None),
        (locked.pause, BackendUnavailable),
        (locked.resume, None),
        (locked.kill, BackendUnavailable),
    ]
    for step, kind in steps:
        step()
        if kind is None:
            wait_until(lambda: table.put("k", b"v"))
            continue
        with pytest.raises(kind) as caught:
            table.put("k", b"v")
        without_secret(caught)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{PASSWORD}@host:port/0",
        f"http://:{ENCODED}@host/0",
        f"redis://:{ENCODED}@host:99999/0",
        f"redis://:{ENCODED}@h1,h2/0",
        f"redis+sentinel://:{ENCODED}@h1",
        f"redis+cluster://:{ENCODED}@h1/3",
        f"redis://:{ENCODED}@host/0?x=1",
        f"unix://:{ENCODED}@/",
    ],
)
def test_a_bad_url_is_refused_without_showing_it(opened, url):
    """A URL that is not understood is an error of the config that shows nothing of the URL."""
    with pytest.raises(ValueError, match="not understood") as caught:
        opened(url)
    without_secret(caught)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("kind", ["SET", "LPUSH"])
def test_a_foreign_key_is_never_overwritten(own_server, opened, kind):
    """Where something else lies under one of our keys: ForeignData, and it is still there."""
    engine = opened(own_server.url, device="pump")
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    key = "smok:{pump}:"
    calls = {
        "t:t:rows": [lambda: table.put("k", b"v", pending=True), lambda: table.replace({"a": b""})],
        "t:t:queue": [lambda: table.put("k", b"v", pending=True), lambda: table.replace({})],
        "t:t:tags": [lambda: table.replace({"a": b""}), lambda: table.get("k")],
        "s:s:queue": [lambda: series.append([("n", 1, b"v")]), lambda: series.acknowledge([1])],
        "s:s:names": [lambda: series.append([("n", 1, b"v")])],
        "s:s:p:n": [lambda: series.append([("m", 1, b"v"), ("n", 1, b"v")])],
        "b:b:heads": [lambda: blobs.put("k", b"v", 1), lambda: blobs.get("k")],
        "b:b:d:k": [lambda: blobs.put("k", b"v", 1), lambda: blobs.put("k", b"v" * 2_000_000, 1)],
    }
    for place, attempts in calls.items():
        own_server.command(kind, key + place, "foreign")
        for attempt in attempts:
            with pytest.raises(ForeignData):
                attempt()
        assert (
            own_server.command("TYPE", key + place)[1:4] == {"SET": b"str", "LPUSH": b"lis"}[kind]
        )
        own_server.command("DEL", key + place)
        assert (table.stats().rows, series.stats().points, blobs.versions()) == (0, 0, {})


def test_a_late_set_that_is_foreign_stops_a_late_point_whole(own_server, opened):
    """A batch with a late point whose place is taken by something foreign changes nothing."""
    engine = opened(own_server.url, device="pump")
    series = engine.series("s")
    series.append([("n", 9, b"v")])
    own_server.command("SET", "smok:{pump}:s:s:l:n", "foreign")
    with pytest.raises(ForeignData):
        series.append([("n", 10, b"v"), ("n", 1, b"v")])
    assert (series.stats().points, series.stats().pending) == (1, 1)


@pytest.mark.parametrize("value", ["SET smok:{pump}:meta x", "HSET smok:{pump}:meta a b"])
def test_a_foreign_marker_is_left_alone(own_server, opened, value):
    """Opening where the marker holds something else is ForeignData, and changes nothing."""
    own_server.command(*value.split())
    before = own_server.command("DUMP", "smok:{pump}:meta")
    with pytest.raises(ForeignData):
        opened(own_server.url, device="pump")
    assert own_server.command("DUMP", "smok:{pump}:meta") == before


def test_a_newer_schema_is_refused_without_writing(own_server, opened):
    """A store written by a newer release is SchemaTooNew; nothing is changed."""
    opened(own_server.url, device="pump").close()
    own_server.command("HSET", "smok:{pump}:meta", "schema", 2)
    before = own_server.command("DUMP", "smok:{pump}:meta")
    with pytest.raises(SchemaTooNew) as caught:
        opened(own_server.url, device="pump")
    assert (caught.value.found, caught.value.known) == (2, 1)
    assert own_server.command("DUMP", "smok:{pump}:meta") == before


def test_a_server_that_cannot_write_to_its_disk_is_told(own_server, opened):
    """MISCONF: new data is refused with the remedy, and taken again when the disk works."""
    engine = opened(own_server.url)
    own_server.command("CONFIG", "SET", "save", "3600 1")
    obstacle = own_server.folder / "dump.rdb"
    (obstacle / "x").mkdir(parents=True)
    own_server.command("BGSAVE")
    wait_until(lambda: b"last_bgsave_status:err" in own_server.command("INFO", "persistence"))
    with pytest.raises(BackendUnavailable, match="disk"):
        engine.table("t").put("k", b"v")
    assert any("snapshot" in warning for warning in engine.health().warnings)
    own_server.command("CONFIG", "SET", "save", "")
    own_server.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    assert engine.table("t").put("k", b"v")


def test_too_few_replicas_are_told(own_server, opened):
    """NOREPLICAS: a server that wants replicas and has none takes no data, and says so."""
    engine = opened(own_server.url, timeout=0.5)
    own_server.command("CONFIG", "SET", "min-replicas-to-write", 1)
    with pytest.raises(BackendUnavailable, match="too few replicas"):
        engine.table("t").put("k", b"v")
    own_server.command("CONFIG", "SET", "min-replicas-to-write", 0)
    assert engine.table("t").put("k", b"v")


def test_more_points_than_one_step_may_hold_are_refused(engine):
    """A batch too large to be one atomic step of the server is refused whole, and says how many."""
    with pytest.raises(ValueError, match="20000"):
        engine.series("s").append([("n", ts, b"") for ts in range(20_001)])
    assert engine.series("s").stats().points == 0


@pytest.mark.parametrize(
    "url",
    [
        "redis://s3cr3t",
        "redis://s3cr3t:6379/0",
        "redis://s3cr3tredis.invalid:1",
        "redis://pump:s3cr3tredis.invalid:1",
        "redis://:s3cr3tredis.invalid:1/0",
        "redis://s3cr3t!redis.invalid",
        "redis://s3cr3t..invalid",
        "redis+sentinel://s3cr3t,127.0.0.1:1/plant",
        "redis+cluster://s3cr3t:1",
    ],
)
def test_a_password_whose_at_sign_was_forgotten_is_not_shown(opened, url):
    """It is read as a host: refused, or left out of every text until a server has answered."""
    with pytest.raises((BackendUnavailable, ValueError)) as caught:
        opened(url, timeout=0.3)
    assert "s3cr" not in chain(caught.value)


def test_a_name_with_a_login_is_shown(opened):
    """With a login in its URL a host is a host, and its name helps."""
    with pytest.raises(BackendUnavailable, match=r"redis\.invalid:6379"):
        opened(f"redis://:{ENCODED}@redis.invalid", timeout=0.3)
