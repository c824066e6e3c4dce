"""What goes over the wire, and how answers are taken that no server at hand would give."""

import time

import pytest
from bson import Binary
from smok_mongo.archive import POINTS
from smok_mongo.batches import BATCHES, Batch, Totals, document_of, points_bytes
from smok_mongo.ids import POSITION_BITS, time_text
from smok_mongo.names import NAMES
from smok_mongo.table_versions import FIRST, ROWS

from smok_core.engine.base import Ack, Durability
from smok_core.errors import (
    BackendUnavailable,
    DurabilityUnmet,
    ReadOnlyStore,
    StorageFull,
    StoreError,
)
from smok_core.settings import StoreSettings
from tests.servers.mongo_scripted import ScriptedServer, half_answer, hang_up, refuse

WRITES = ("insert", "update", "delete", "findAndModify")


@pytest.fixture
def mock():
    """A scripted server."""
    server = ScriptedServer()
    yield server
    server.stop()


@pytest.fixture
def engine(mock, opened):
    """A store on the scripted server."""
    return opened(mock.url)


def test_every_write_waits_for_majority_and_journal(mock, engine):
    """No write goes out without w=majority, j=true and a time limit of the server's own."""
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    table.put("k", b"1", pending=True)
    table.acknowledge([Ack("k", 1, "tag"), Ack("l", 2, remove=True)])
    table.replace({"a": b"1"})
    series.append([("w", 1, b"1")])
    series.acknowledge([5])
    blobs.put("k", b"x" * (3 << 20), 1)
    engine.checkpoint()
    writes = mock.named(*WRITES)
    assert {next(iter(command)) for command in writes} == {"insert", "update", "delete"}
    for command in writes:
        concern = command["writeConcern"]
        assert (concern["w"], concern["j"]) == ("majority", True)
        assert 0 < concern["wtimeout"] < 5000
        assert "txnNumber" not in command


def test_a_weaker_concern_in_the_url_is_overruled(mock, opened):
    """w=1 in the URL does not weaken anything."""
    opened(f"{mock.url}?w=1").table("t").put("k", b"1")
    assert all(c["writeConcern"]["w"] == "majority" for c in mock.named(*WRITES))


def test_every_command_names_documents_of_the_device_by_an_index(mock, engine):
    """Filters use `_id` or the queue's index, within the device: cost does not grow with others."""
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    table.put("k", b"1", pending=True)
    table.get("k"), list(table.rows()), table.pending(5), table.stats()
    table.acknowledge([Ack("k", 1, "tag"), Ack("l", 2, remove=True)])
    table.replace({"a": b"1"})
    series.append([("w", 1, b"1")])
    series.pending(5), series.acknowledge([1 << 30]), series.latest("w"), series.stats()
    list(series.range("w", None, None)), list(series.names()), series.trim(9)
    blobs.put("k", b"1", 1), blobs.get("k"), blobs.versions()
    filters = [c["filter"] for c in mock.named("find")]
    filters += [u["q"] for c in mock.named("update") for u in c["updates"]]
    filters += [d["q"] for c in mock.named("delete") for d in c["deletes"]]
    filters += [c["pipeline"][0]["$match"] for c in mock.named("aggregate")]
    assert len(filters) > 20
    filters += [part for query in filters for part in query.get("$or", [])]
    for query in filters:
        fields = {"_id", "q", "u", "d"} & set(query)
        assert fields or "$or" in query
        for field in fields:
            assert all(text.startswith("pump-17|") for text in texts(query[field]))


def texts(condition):
    """Give all texts of a condition; none of them means that it is unbounded."""
    if isinstance(condition, str):
        return [condition]
    bounded = ({"$in"}, {"$gte", "$lt"}, {"$gte", "$lte"}, {"$gt", "$lt"}, {"$lt", "$nin"})
    bounded += ({"$gte", "$lte", "$in"},)
    assert set(condition) in bounded
    return [
        text
        for value in condition.values()
        for text in (value if isinstance(value, list) else [value])
    ]


def test_many_ids_are_changed_within_their_span(mock, engine):
    """A filter of many ids that changes documents begins with their span."""
    seqs = [base << POSITION_BITS for base in (0, 2, 3)]
    names = [{"_id": f"pump-17|s|{name}", "points": True} for name in "xyz"]
    points = [point(n, seq, ts) for n, seq in zip("xyz", seqs, strict=True) for ts in (5, 10)]
    mock.documents = {NAMES: names, POINTS: points}
    series, table = engine.series("s"), engine.table("t")
    series.trim(9)
    mock.documents = {NAMES: names, BATCHES: [batch(base) for base in (0, 2, 3)]}
    mock.faults.append(("update", lambda request: request.ok(n=3, nModified=3)))
    series.acknowledge(seqs)
    for removed in (False, True):
        table.acknowledge([Ack(key, n, remove=removed) for n, key in enumerate("abc")])
    filters = [d["q"] for c in mock.named("delete") for d in c["deletes"]]
    filters += [u["q"] for c in mock.named("update") for u in c["updates"]]
    fields = [field for query in filters for field in query.values() if isinstance(field, dict)]
    many = [field for field in fields if len(field.get("$in", ())) > 1]
    assert [len(field["$in"]) for field in many] == [3, 3, 3, 3]
    for condition in many:
        assert list(condition) == ["$gte", "$lte", "$in"]
        assert condition["$gte"] == min(condition["$in"])
        assert condition["$lte"] == max(condition["$in"])


def test_batches_without_a_gap_are_named_by_their_ends(mock, engine):
    """A thousand ids are a thousand comparisons for each document where no index is used."""
    names = [{"_id": "pump-17|s|x", "points": True}]
    mock.documents = {NAMES: names, BATCHES: [batch(base) for base in range(3)]}
    mock.faults.append(("update", lambda request: request.ok(n=3, nModified=3)))
    engine.series("s").acknowledge([base << POSITION_BITS for base in range(3)])
    queries = [u["q"] for c in mock.named("update") for u in c["updates"]]
    (query,) = [q["_id"] for q in queries if "done" in q]
    assert query == {"$gte": batch(0)["_id"], "$lte": batch(2)["_id"]}


def point(name, seq, ts):
    """Give a stored point as the server does."""
    return {"_id": f"pump-17|s|{name}|{time_text(ts)}", "v": Binary(b"x"), "seq": seq}


def batch(base):
    """Give a batch of one point that waits as the server does."""
    points, totals = [("x", base, b"x")], Totals(base + 1, base + 1, 1)
    payload = {"token": str(base), "size": 1, "b": Binary(points_bytes(points))}
    return document_of(Batch(base, str(base), points, totals), "pump-17|s", payload)


def unconfirmed(request):
    """The write was made, and not confirmed by a majority in time."""
    late = {"code": 64, "errmsg": "timed out", "errInfo": {"wtimeout": True}}
    return request.ok(n=1, nModified=1, writeConcernError=late)


def there_unconfirmed(request):
    """What is inserted is there already, by a primary that has no majority behind it."""
    fault = {"index": 0, "code": 11000, "errmsg": "E11000 duplicate key"}
    late = {"code": 64, "errmsg": "timed out", "errInfo": {"wtimeout": True}}
    return request.ok(n=0, nModified=0, writeErrors=[fault], writeConcernError=late)


def overloaded(request):
    """A server of the 8th generation has too much to do, and says so by a label."""
    labels = ["RetryableError", "SystemOverloadedError"]
    return request.reply(ok=0, code=4711, errmsg="no", errorLabels=labels)


FAULTS = {
    "rate of requests": refuse(16500),
    "cache under pressure": refuse(365),
    "query plan killed": refuse(175),
    "overload": lambda r: r.reply(
        ok=0, code=4711, errmsg="x", errorLabels=["SystemOverloadedError"]
    ),
    "not primary": refuse(10107),
    "not primary or secondary": refuse(13436),
    "shutdown in progress": refuse(91),
    "interrupted at shutdown": refuse(11600),
    "stepped down": refuse(189),
    "write concern timeout": unconfirmed,
    "stale shard version": refuse(13388),
    "connection cut": hang_up,
    "half an answer": half_answer,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("command", ["insert", "update", "delete"])
def test_a_passing_fault_is_overcome_by_sending_the_same_again(mock, engine, command, fault):
    """After a fault that passes, the very same write is sent again and the call succeeds."""
    table, series = engine.table("t"), engine.series("s")
    series.append([("v", 0, b"")])
    begun = len(mock.commands)
    mock.faults.append((command, fault))
    if command == "insert":
        series.append([("w", 1, b"1")])
    elif command == "update":
        table.acknowledge([Ack("k", 1, "tag")])
    else:
        table.acknowledge([Ack("k", 1, remove=True)])
    sent = [c for c in mock.commands[begun:] if next(iter(c)) == command]
    assert not mock.faults
    assert content(sent[0]) == content(sent[1])


def content(command):
    """Give what a command does, without the session it is sent in."""
    return {k: v for k, v in command.items() if k not in {"lsid", "$clusterTime"}}


INSERTS = {
    "row": lambda engine: engine.table("t").put("k", b"1"),
    "rows": lambda engine: engine.table("t").replace({"k": b"1"}),
    "batch": lambda engine: engine.series("s").append([("w", 1, b"1")]),
    "blob": lambda engine: engine.blobs("b").put("k", b"1", 1),
}


@pytest.mark.parametrize("insert", INSERTS.values(), ids=INSERTS)
def test_what_is_there_without_a_majority_is_no_success(mock, opened, insert):
    """A repeated insert that finds its own work, but no majority with it, does not return."""
    engine = opened(mock.url, retry_ms=300)
    mock.faults += [("insert", hang_up)] + [("insert", there_unconfirmed)] * 1000
    with pytest.raises(BackendUnavailable, match="did not confirm"):
        insert(engine)


def test_an_update_that_an_index_refuses_without_a_majority_is_no_answer(mock, opened):
    """Nor is a refusal by an index final before a majority has what it rests on."""
    engine = opened(mock.url, retry_ms=300)
    found = {"_id": f"pump-17|t|{FIRST}|k", "v": Binary(b"x"), "stamp": 0.0, "seq": 1}
    engine.table("t").put("l", b"1")
    mock.documents = {ROWS: [found]}
    mock.faults += [("update", there_unconfirmed)] * 1000
    with pytest.raises(BackendUnavailable, match="did not confirm"):
        engine.table("t").put("k", b"1")


def test_a_lasting_fault_is_unavailable_within_the_configured_time(mock, opened):
    """A server that never gets a majority costs the configured time, not more."""
    engine = opened(mock.url, retry_ms=500)
    mock.faults += [("insert", unconfirmed)] * 1000
    start = time.monotonic()
    with pytest.raises(BackendUnavailable):
        engine.table("t").put("k", b"1")
    assert time.monotonic() - start < 3


def test_a_cursor_that_the_server_forgot_is_opened_again(mock, engine):
    """CursorNotFound (43) in the middle of reading starts the reading anew."""
    rows = [
        {"_id": f"pump-17|t|0|{n}", "v": Binary(b"x"), "stamp": 0.0, "seq": n} for n in range(3)
    ]

    def first_batch(request):
        return request.ok(cursor={"id": 77, "ns": "d.smok_rows", "firstBatch": rows[:1]})

    def whole(request):
        return request.ok(cursor={"id": 0, "ns": "d.smok_rows", "firstBatch": rows})

    def nothing(request):
        return request.ok(cursor={"id": 0, "ns": "d.smok_rows", "firstBatch": []})

    mock.faults += [("find", nothing), ("find", first_batch), ("getMore", refuse(43))]
    mock.faults += [("find", whole)]
    assert [row.key for row in engine.table("t").rows()] == ["0", "1", "2"]


def test_a_primary_that_changes_between_two_parts_of_a_bulk(mock, opened):
    """Parts that the old primary took are not lost, and the new one gets what is missing."""
    other = ScriptedServer()
    try:
        hosts = [mock.address, other.address]
        for server in (mock, other):
            server.greeting = {
                "setName": "rs",
                "hosts": hosts,
                "setVersion": 1,
                "me": server.address,
            }
        demote(other)
        engine = opened(f"{mock.url}?replicaSet=rs")

        def step_down(request):
            demote(mock)
            other.greeting = {**other.greeting, "secondary": False, "ismaster": True,
                              "isWritablePrimary": True}  # fmt: skip
            return request.command_err(10107, "not primary")

        rows = {f"k{n}": bytes(1 << 20) for n in range(20)}  # three parts
        mock.faults += [("insert", lambda r: r.ok(n=len(r.doc["documents"])))]
        mock.faults += [("insert", step_down)]
        engine.table("t").replace(rows)
        old = [d["_id"] for c in mock.named("insert") for d in c["documents"]]
        new = [d["_id"] for c in other.named("insert") for d in c["documents"]]
        assert {key.rpartition("|")[2] for key in old + new} >= set(rows)
        assert other.named("insert")
    finally:
        other.stop()


def demote(server):
    """Let a server greet as a secondary."""
    server.greeting = {
        **server.greeting, "ismaster": False, "isWritablePrimary": False, "secondary": True,
    }  # fmt: skip


TEXTS = {
    "journal in an id": ('failed for { _id: "pump|journal|x" }', 2, StoreError),
    "disk is full in an id": ('failed for { _id: "disk is full" }', 2, StoreError),
    "no journal": (
        "cannot use 'j' option when a host does not have journaling",
        2,
        DurabilityUnmet,
    ),
    "quota": ("you are over your space quota", 8000, StorageFull),
    "no right": ("user is not allowed to do action [insert]", 8000, ReadOnlyStore),
    "login": ("bad auth : Authentication failed", 8000, BackendUnavailable),
}


@pytest.mark.parametrize(("text", "code", "kind"), TEXTS.values(), ids=TEXTS)
def test_texts_tell_what_codes_do_not(mock, engine, text, code, kind):
    """Where a code says little the message decides, and never the data that it repeats."""
    mock.faults.append(("insert", refuse(code, text)))
    with pytest.raises(StoreError) as caught:
        engine.table("t").put("k", b"1")
    assert type(caught.value) is kind


REFUSALS = {
    "disk full": (14031, StorageFull),
    "not allowed": (13, ReadOnlyStore),
    "no journal": (79, DurabilityUnmet),
    "unknown": (4711, StoreError),
}


@pytest.mark.parametrize(("code", "kind"), REFUSALS.values(), ids=REFUSALS)
def test_a_lasting_refusal_is_typed_and_not_repeated(mock, engine, code, kind):
    """What will not pass is raised at once as the error it is, without the server's text."""
    mock.faults.append(("insert", refuse(code, "secret text of the server")))
    begun = len(mock.named("insert"))
    with pytest.raises(kind) as caught:
        engine.table("t").put("k", b"1")
    assert len(mock.named("insert")) == begun + 1
    assert "secret" not in str(caught.value)
    assert str(code) in str(caught.value)


def test_a_refused_append_leaves_no_debt(mock, engine):
    """An append that the server refuses for good is not carried out later."""
    series = engine.series("s")
    series.append([("w", 1, b"1")])

    def full(request):
        fault = {"index": 0, "code": 14031, "errmsg": "no disk space"}
        return request.ok(n=0, writeErrors=[fault])

    mock.faults.append(("insert", full))
    with pytest.raises(StorageFull):
        series.append([("w", 2, b"2")])
    begun = len(mock.commands)
    series.pending(5)
    assert not [c for c in mock.commands[begun:] if next(iter(c)) == "insert"]


def test_sharded_clusters_are_told_what_to_run(mock, opened):
    """On a mongos `smok check` prints how to shard the large collections by `_id`."""
    mock.greeting = {"msg": "isdbgrid"}
    notes = "\n".join(opened(mock.url, database="plant").health().notes)
    assert "sharded cluster" in notes
    assert 'sh.shardCollection("plant.smok_points", {_id: 1})' in notes


UNMET = {
    "storage.journal.enabled": {
        "getCmdLineOpts": {"parsed": {"storage": {"journal": {"enabled": False}}}}
    },
    "storage.engine": {
        "serverStatus": {"storageEngine": {"name": "inMemory", "persistent": False}}
    },
    "FerretDB": {"buildInfo": {"version": "7.0.42", "ferretdbVersion": "1.24.2"}},
}


@pytest.mark.parametrize("setting", UNMET)
def test_a_server_that_cannot_survive_power_loss_is_refused(mock, opened, setting):
    """durability = power-loss on such a server is refused at open, naming the setting."""
    mock.replies |= UNMET[setting]
    settings = StoreSettings(durability=Durability.POWER_LOSS)
    with pytest.raises(DurabilityUnmet, match=setting):
        opened(mock.url, settings=settings)
    assert not mock.named(*WRITES)


def test_a_server_that_can_is_accepted(mock, opened):
    """A journaled, persistent replica set keeps durability = power-loss, and health says so."""
    mock.replies |= {
        "getCmdLineOpts": {"parsed": {"storage": {}}},
        "serverStatus": {"storageEngine": {"name": "wiredTiger", "persistent": True}},
    }
    mock.greeting = {"setName": "rs", "hosts": [mock.address], "me": mock.address}
    settings = StoreSettings(durability=Durability.POWER_LOSS)
    health = opened(mock.url, settings=settings).health()
    assert health.durability is Durability.POWER_LOSS
    assert "replica set rs of 1" in health.notes[0]
    assert health.warnings == ()


def test_what_the_server_will_not_tell_is_a_warning(mock, opened):
    """A user without clusterMonitor can open the store, and is told what could not be checked."""
    mock.faults += [("serverStatus", refuse(13)), ("getCmdLineOpts", refuse(8000))] * 2
    assert any("clusterMonitor" in line for line in opened(mock.url).health().warnings)
