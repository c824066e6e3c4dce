"""The API's calls: a table of method and path, and what each does to the sandbox's state."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from smok_testing.cloud.control import (
    get_instrumentation,
    patch_instrumentation,
    post_orders,
    put_device_logs,
)
from smok_testing.cloud.forms import parse_form
from smok_testing.cloud.inputs import (
    AlarmInput,
    BaobDigestInput,
    MetadataInput,
    PathpointInput,
    Refusal,
    SensorWriteInput,
    checked,
    points_of,
)
from smok_testing.cloud.replies import make_reply
from smok_testing.cloud.state import Reply, State

Handler = Callable[..., Any]

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")


def find(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """Return the handler of a call and the decoded parts of its path.

    Raises:
        Refusal: 404 for an unknown path, 405 for a method that it does not have.
    """
    found = False
    for verb, pattern, handler in _TABLE:
        match = pattern.fullmatch(path.partition("?")[0])
        if match and verb == method:
            return handler, _unquoted(match.groups())
        found = found or match is not None
    raise Refusal(405 if found else 404, "there is no such call")


def _unquoted(parts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(unquote(part, errors="strict") for part in parts)
    except UnicodeDecodeError:
        raise Refusal(400, "the path is not UTF-8") from None


def _batch(cloud: State, records: list[dict[str, Any]]) -> None:
    if len(records) > cloud.max_records:
        raise Refusal(413, "too many records")
    if any(poison(record) for record in records for poison in cloud.poisons):
        raise Refusal(400, "a record is bad")


def get_device(cloud: State, _body: None) -> Any:
    """Tell about the device."""
    culture = {"language": "en", "timezone": "UTC", "units": "metric"}
    return {
        "device_id": cloud.device_id, "facets": [], "culture_context": culture,
        "verbose_name": cloud.device_id, "slave_devices": [],
    }  # fmt: skip


def put_pathpoints(cloud: State, body: Any) -> Any:
    """Define pathpoints."""
    for each in checked(body, list[PathpointInput]):
        cloud.definitions[each.path] = each.storage_level
    return [{"path": path, "storage_level": level} for path, level in cloud.definitions.items()]


def post_values(cloud: State, body: Any) -> Any:
    """Take values."""
    points = points_of(body)
    _batch(cloud, points)
    cloud.points += points
    return {}


def get_sensors(cloud: State, _body: None) -> Any:
    """Return the sensors."""
    return cloud.sensors


def put_sensor_writes(cloud: State, body: Any) -> Any:
    """Take records of the audit log."""
    records = [msgspec.structs.asdict(each) for each in checked(body, list[SensorWriteInput])]
    _batch(cloud, records)
    cloud.sensor_writes += records
    return {}


def post_alarms(cloud: State, body: Any) -> Any:
    """Take events: new ones get a uuid, others are updated."""
    records = [msgspec.to_builtins(each) for each in checked(body, list[AlarmInput])]
    _batch(cloud, records)
    return [{"uuid": _take_event(cloud, record)} for record in records]


def _take_event(cloud: State, record: dict[str, Any]) -> str:
    cloud.event_arrivals.append(record)
    # Numbered instead of random, so that a simulation is the same each time.
    uuid: str = record.get("uuid") or f"{len(cloud.events) + 1:032x}"
    cloud.events[uuid] = {**cloud.events.get(uuid, {}), **record, "uuid": uuid}
    return uuid


def get_predicates(cloud: State, _body: None) -> Any:
    """Return the predicates."""
    return cloud.predicates


def post_baobs(cloud: State, body: Any) -> Any:
    """Compare the device's BAOBs with those here."""
    theirs = {each.key: each.version for each in checked(body, list[BaobDigestInput])}
    ours, gone = {key: pair[1] for key, pair in cloud.baobs.items()}, cloud.deleted_baobs
    return {
        "should_delete": [key for key in theirs if key in gone],
        "should_download": [key for key in ours if ours[key] > theirs.get(key, -1)],
        "should_upload": [
            key for key in theirs if key not in gone and theirs[key] > ours.get(key, -1)
        ],
    }


def get_baob(cloud: State, _body: None, key: str) -> Any:
    """Return a BAOB."""
    if key not in cloud.baobs:
        raise Refusal(404, "there is no such BAOB")
    data, version = cloud.baobs[key]
    return make_reply(200, data, "application/octet-stream", x_smok_baob_version=str(version))


def put_baob(cloud: State, headers: Mapping[str, str], body: bytes, key: str) -> Reply:
    """Take a BAOB; the one call whose body is a form."""
    form = parse_form(headers.get("content-type", ""), body)
    if set(form) != {"file", "data"}:
        raise Refusal(400, "the form needs the parts file and data")
    try:
        version = msgspec.json.decode(form["data"], type=dict[str, int])["version"]
    except (ValueError, KeyError):
        raise Refusal(400, "the part data is not {version: number}") from None
    cloud.baobs[key] = (form["file"], version)
    cloud.deleted_baobs.discard(key)
    return make_reply(200, b"{}", "application/json")


def get_archives(cloud: State, _body: None) -> Any:
    """Return the archiving instructions."""
    return cloud.archives


def get_macros(cloud: State, _body: None, start: str, stop: str) -> Any:
    """Return the macros with occurrences in a window; those done here are marked completed."""
    window = range(int(start), int(stop) + 1)
    macros = ({**each, "occurrences": _occurrences(cloud, each, window)} for each in cloud.macros)
    return [each for each in macros if each["occurrences"]]


def _occurrences(cloud: State, macro: dict[str, Any], window: range) -> list[Any]:
    done = {moment for name, moment in cloud.macros_done if name == macro["macro_id"]}
    return [
        {**each, "completed": each["completed"] or each["timestamp"] in done}
        for each in macro["occurrences"]
        if window.start <= each["timestamp"] < window.stop
    ]


def post_macro(cloud: State, _body: None, macro_id: str, timestamp: str) -> Any:
    """Note that an occurrence was executed."""
    if not _NUMBER.fullmatch(timestamp):
        raise Refusal(400, "the timestamp is not a number")
    moment = float(timestamp)
    cloud.macros_done.append((macro_id, int(moment) if moment.is_integer() else moment))
    return {}


def get_metadata(cloud: State, _body: None, key: str) -> Any:
    """Return a metadata value."""
    if key not in cloud.metadata:
        raise Refusal(404, "there is no such key")
    value, timestamp = cloud.metadata[key]
    return {"value": value, "timestamp": timestamp}


def put_metadata(cloud: State, body: Any, key: str) -> Any:
    """Take a metadata value unless there is a newer one."""
    new = checked(body, MetadataInput)
    if key not in cloud.metadata or cloud.metadata[key][1] <= new.unless_timestamp_higher:
        cloud.metadata[key] = (new.value, new.unless_timestamp_higher)
    return {}


def delete_metadata(cloud: State, _body: None, key: str) -> Any:
    """Forget a metadata value."""
    if cloud.metadata.pop(key, None) is None:
        raise Refusal(404, "there is no such key")
    return {}


_CALLS: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "", get_device),
    ("PUT", "/pathpoints", put_pathpoints),
    ("POST", "/pathpoints", post_values),
    ("GET", "/sensors", get_sensors),
    ("PUT", "/sensor/write_log", put_sensor_writes),
    ("POST", "/alarms", post_alarms),
    ("GET", "/predicates", get_predicates),
    ("POST", "/baobs", post_baobs),
    ("GET", "/baobs/([^/]+)", get_baob),
    ("PUT", "/baobs/([^/]+)", put_baob),
    ("GET", "/pathpoints/archived", get_archives),
    ("GET", r"/macro/occurrences/(-?\d+)-(-?\d+)", get_macros),
    ("POST", "/macros/([^/]+)/([^/]+)", post_macro),
    ("GET", "/metadata/plain/([^/]+)", get_metadata),
    ("PUT", "/metadata/plain/([^/]+)", put_metadata),
    ("DELETE", "/metadata/plain/([^/]+)", delete_metadata),
    ("POST", "/orders", post_orders),
    ("POST", "/orders/message/([^/]+)", post_orders),
    ("PUT", "/device_logs", put_device_logs),
    ("GET", "/instrumentation/([^/]+)", get_instrumentation),
    ("PATCH", "/instrumentation/([^/]+)", patch_instrumentation),
)
_TABLE: Final = tuple(
    (method, re.compile("/v1/device" + pattern), handler) for method, pattern, handler in _CALLS
)
