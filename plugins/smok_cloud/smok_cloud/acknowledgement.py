"""Which 2xx acknowledges a call whose answer is not used: what was sent may be forgotten.

Over plain HTTP anybody may have answered: only the documented answer counts. Over verified TLS it
was the cloud, which also answers with nothing at all; but a success that names an error, or that
belongs to another call, is none.
"""

from typing import Any, Final

from smok_cloud.answers import parse
from smok_cloud.errors import NotTheApi

#: Fields with which web servers, gateways and login pages say that it did not work.
_COMPLAINTS: Final = frozenset(
    ("error", "errors", "error_code", "error_description", "exception", "fault", "detail",
     "details", "message", "reason", "title", "login", "redirect", "portal", "captive")
)  # fmt: skip
#: Fields that say that it worked, or did not.
_VERDICTS: Final = frozenset(("ok", "success", "successful", "succeeded", "accepted", "result"))
_GOOD_STATUS: Final = frozenset(("", "ok", "success", "accepted", "created", "done"))
_CODES: Final = frozenset(("status", "code", "status_code", "statuscode"))
_FIRST_BAD_STATUS: Final = 300
#: Fields of the answers of other calls.
_OTHER_CALLS: Final = frozenset(
    ("device_id", "facets", "culture_context", "slave_devices", "path", "storage_level", "fqts",
     "uuid", "predicate_id", "statistic", "should_delete", "should_download", "should_upload",
     "interval", "pathpoints", "macro_id", "occurrences", "value", "timestamp",
     "linkstate", "instrumentation")
)  # fmt: skip


def check_acknowledges(call: str, body: bytes, *, verified: bool) -> None:
    """Return if a body that came with a 2xx acknowledges the call.

    Args:
        call: The request, for the error.
        body: Not empty; whether nothing is an answer depends on more than the body.
        verified: It came over TLS from the configured host.

    Raises:
        NotTheApi: It does not.
    """
    answer = parse(call, body, dict[str, Any] | list[Any] | None)  # type: ignore[arg-type]
    if not answer:
        return
    if not verified:
        raise NotTheApi(call, "the answer is JSON of somebody else: this call is answered with {}")
    if isinstance(answer, list) or not _OTHER_CALLS.isdisjoint(answer):
        raise NotTheApi(call, "the answer belongs to another call")
    for name, value in answer.items():
        if _complains(name.lower(), value):
            raise NotTheApi(call, f"the answer is a success that names an error ({name!a:.40})")


def _complains(name: str, value: Any) -> bool:
    if name in _CODES:
        return _is_bad_status(value)
    if name in _VERDICTS:
        return not value or (isinstance(value, str) and _is_bad_status(value))
    return name in _COMPLAINTS and bool(value)


def _is_bad_status(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in _GOOD_STATUS
    if isinstance(value, bool) or value is None:
        return value is False
    return not isinstance(value, int) or value >= _FIRST_BAD_STATUS
