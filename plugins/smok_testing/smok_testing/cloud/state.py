"""What the sandbox cloud holds: what arrived, and what it has for the device."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """An answer: header names in lower case, Content-Length included."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Recorded(NamedTuple):
    """A request as it arrived, and the status it got."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


class State:
    """Plain containers to look into and to fill; lists keep everything, in order of arrival.

    Arrived: ``points`` ({path, timestamp, value | error_code}, repeats included), ``definitions``
    (path -> storage level), ``events`` (uuid -> record), ``event_arrivals``, ``sensor_writes``,
    ``macros_done`` ((id, timestamp)), ``device_logs``, ``requests``.
    For the device: ``sensors``, ``predicates``, ``archives``, ``macros`` (as the API gives them).
    Both ways: ``metadata`` (key -> (value, timestamp)), ``baobs`` (key -> (bytes, version)).
    ``deleted_baobs`` holds the keys that the device is told to delete. More than ``max_records`` in
    one list, and records that one of ``poisons`` knows, are refused.
    """

    def __init__(self, device_id: str = "sandbox-device", max_records: int = 100_000) -> None:
        self.device_id, self.max_records = device_id, max_records
        self.requests: list[Recorded] = []
        self.points: list[dict[str, Any]] = []
        self.definitions: dict[str, int] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.event_arrivals: list[dict[str, Any]] = []
        self.sensor_writes: list[dict[str, Any]] = []
        self.macros_done: list[tuple[str, float]] = []
        self.device_logs: list[Any] = []
        self.sensors: list[dict[str, Any]] = []
        self.predicates: list[dict[str, Any]] = []
        self.archives: list[dict[str, Any]] = []
        self.macros: list[dict[str, Any]] = []
        self.metadata: dict[str, tuple[str, float]] = {}
        self.baobs: dict[str, tuple[bytes, int]] = {}
        self.deleted_baobs: set[str] = set()
        self.instrumentation: dict[str, dict[str, Any]] = {}
        self.poisons: list[Callable[[dict[str, Any]], bool]] = []

    @property
    def values(self) -> dict[str, list[tuple[float, Any]]]:
        """Return path -> [(timestamp in ms, value)] in order of arrival, repeats included.

        The value of a failed reading is ``{"error_code": code}``.
        """
        result: dict[str, list[tuple[float, Any]]] = {}
        for each in self.points:
            failure = {"error_code": each["error_code"]} if "error_code" in each else None
            entry = (each["timestamp"], each["value"] if failure is None else failure)
            result.setdefault(each["path"], []).append(entry)
        return result
