"""The SMOK cloud's HTTP API: one method per call of the nine roles.

Orders, device logs and instrumentation control devices and store nothing: the published client
does those.
"""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from smok_cloud.answers import decoded_body, parse
from smok_cloud.bodies import JsonEncoder, multipart, quoted
from smok_cloud.client import Requester
from smok_cloud.errors import ClientFault, NotTheApi
from smok_cloud.shapes import (
    ArchivingInstruction,
    BaobPlan,
    DeviceInfo,
    EventReceipt,
    MacroItem,
    MetadataValue,
    PathpointItem,
    PredicateItem,
    SensorItem,
)
from smok_core.model import BAOBDigest, Macro, PathpointDefinition, Sensor

_NOT_FOUND = 404
_VERSION_HEADER = "x-smok-baob-version"


class ApiClient(Requester):
    """The cloud as one device sees it; see `Requester` for the arguments.

    May be used by several threads at once. Nothing is retried here: each method sends one request
    and raises a `CloudError` when it was not answered as documented, so returning means that the
    cloud has taken or given what was asked. Also raises `UnsendableBody` and `UnaddressableKey`
    before anything is sent.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def get_device(self) -> DeviceInfo:
        """Return what the cloud knows about this device."""
        return self._fetch("GET", "/v1/device", DeviceInfo)

    # --- pathpoints ---

    def put_pathpoints(self, definitions: Iterable[PathpointDefinition]) -> list[PathpointItem]:
        """Define pathpoints; gives all that the cloud has for this device.

        The definitions are taken, and the list is empty, when the cloud answers with nothing.
        """
        path = "/v1/device/pathpoints"
        answer = self._ask("PUT", path, [each.to_json() for each in definitions])
        if self._says_enough_by_nothing(answer):
            return []
        return parse(f"PUT {path}", answer, list[PathpointItem])

    def post_values(self, values: Sequence[dict[str, Any]]) -> None:
        """Send pathpoint values.

        Args:
            values: ``[{path, values: [{timestamp, value | error_code}]}]``, timestamps in ms
                since the epoch: what `BaseDataToSynchronize.to_json` gives.
        """
        self._tell("POST", "/v1/device/pathpoints", self._encoder.values(list(values)))

    # --- sensors ---

    def get_sensors(self) -> list[Sensor]:
        """Return all sensors of this device."""
        items = self._fetch("GET", "/v1/device/sensors", list[SensorItem])
        return [Sensor(fqts=each.fqts, path=each.path, type_name=each.type) for each in items]

    def put_sensor_writes(self, writes: Sequence[dict[str, Any]]) -> None:
        """Send records of the audit log, as `SensorWriteEvent.to_json` gives them."""
        self._tell("PUT", "/v1/device/sensor/write_log", list(writes))

    # --- events and predicates ---

    def post_events(self, events: Sequence[dict[str, Any]]) -> list[str]:
        """Send events, as `Event.to_json` gives them; gives their uuids in the same order."""
        path = "/v1/device/alarms"
        receipts = self._fetch("POST", path, list[EventReceipt], list(events))
        if len(receipts) != len(events):
            raise NotTheApi(f"POST {path}", f"{len(receipts)} uuids came for {len(events)} events")
        return [each.uuid for each in receipts]

    def get_predicates(self) -> list[dict[str, Any]]:
        """Return all predicates, checked and otherwise as they came."""
        path = "/v1/device/predicates"
        predicates = self._fetch("GET", path, list[dict[str, Any]])
        try:
            msgspec.convert(predicates, list[PredicateItem])
        except msgspec.ValidationError as error:
            raise NotTheApi(f"GET {path}", f"the answer has another shape: {error}") from error
        return predicates

    # --- BAOBs ---

    def post_baobs(self, digests: Iterable[BAOBDigest]) -> BaobPlan:
        """Tell which BAOBs are here in which version; gives what to do about them."""
        body = [{"key": each.key, "version": each.version} for each in digests]
        return self._fetch("POST", "/v1/device/baobs", BaobPlan, body)

    def get_baob(self, key: str) -> tuple[bytes, int]:
        """Return the content of a BAOB and its version."""
        path, limits = f"/v1/device/baobs/{quoted('baobs', key)}", self._baob_limits
        headers = {**self._headers, "Accept": "*/*"}
        answer = self._send("GET", path, headers, b"", limits)
        version = answer.headers.get(_VERSION_HEADER, "")
        if not (version.isascii() and version.isdigit() and len(version) < 19):
            raise NotTheApi(f"GET {path}", f"the BAOB came with the version {version!a:.40}")
        return decoded_body(f"GET {path}", answer, limits.answer_bytes), int(version)

    def put_baob(self, key: str, data: bytes, version: int) -> None:
        """Send the content of a BAOB, as the given version."""
        path = f"/v1/device/baobs/{quoted('baobs', key)}"
        form = {"file": data, "data": JsonEncoder().encode({"version": version})}
        content_type, body = multipart(form)
        headers = {**self._headers, "Content-Type": content_type}
        limits = self._baob_limits._replace(answer_bytes=self._limits.answer_bytes)
        answer = self._send("PUT", path, headers, body, limits)
        self._check_taken(f"PUT {path}", answer)

    # --- archives and macros ---

    def get_archives(self) -> dict[int, list[str]]:
        """Return which pathpoints to archive, by interval in whole seconds.

        A fraction is cut off, to no less than 1 s: those are archived as often, or more often.
        """
        path, result = "/v1/device/pathpoints/archived", dict[int, list[str]]()
        for each in self._fetch("GET", path, list[ArchivingInstruction]):
            result.setdefault(max(1, int(each.interval)), []).extend(each.pathpoints)
        return result

    def get_macros(self, start: int, stop: int) -> list[Macro]:
        """Return the macros with occurrences between two times, in seconds since the epoch."""
        path = f"/v1/device/macro/occurrences/{int(start)}-{int(stop)}"
        return [_macro(each) for each in self._fetch("GET", path, list[MacroItem])]

    def post_macro_done(self, macro_id: str, timestamp: float) -> None:
        """Tell that an occurrence of a macro was executed; the time is the occurrence's."""
        moment = quoted("macros", str(timestamp))
        self._tell("POST", f"/v1/device/macros/{quoted('macros', macro_id)}/{moment}")

    # --- metadata ---

    def get_metadata(self, key: str) -> MetadataValue | None:
        """Return a metadata value and its time, None if the cloud knows none."""
        try:
            return self._fetch("GET", _metadata(key), MetadataValue)
        except ClientFault as fault:
            if _means_unknown(fault):
                return None
            raise

    def put_metadata(self, key: str, value: str, unless_timestamp_higher: float) -> None:
        """Set a metadata value, unless the cloud has one with a higher time (in seconds)."""
        body = {"value": value, "unless_timestamp_higher": unless_timestamp_higher}
        self._tell("PUT", _metadata(key), body)

    def delete_metadata(self, key: str) -> None:
        """Delete a metadata value; one that is unknown counts as deleted."""
        try:
            self._tell("DELETE", _metadata(key))
        except ClientFault as fault:
            if not _means_unknown(fault):
                raise


def _metadata(key: str) -> str:
    return f"/v1/device/metadata/plain/{quoted('metadata', key)}"


def _means_unknown(fault: ClientFault) -> bool:
    # A proxy's 404 page says nothing about the key.
    return fault.status == _NOT_FOUND and fault.from_api


def _macro(item: MacroItem) -> Macro:
    pending = (each.timestamp for each in item.occurrences if not each.completed)
    return Macro(
        macro_id=item.macro_id,
        commands={each.path: each.value for each in item.commands},
        occurrences_not_done=sorted(pending),
    )
