"""The one place where what pymongo and the server say becomes an error of smok-core.

Texts are our own: a server's message may repeat stored data, and a driver's a connection string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bson.errors import BSONError
from pymongo import errors as driver

from smok_core.errors import (
    BackendUnavailable,
    CorruptData,
    DriverMissing,
    DurabilityUnmet,
    InvalidValue,
    ReadOnlyStore,
    SmokError,
    StorageFull,
    StoreClosed,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DRIVER_ERRORS", "DUPLICATE_KEY", "Verdict", "judge"]

#: What the driver raises, for bad arguments and for bad luck.
DRIVER_ERRORS: Final = (driver.PyMongoError, BSONError, OverflowError, UnicodeEncodeError)

DUPLICATE_KEY: Final = 11000
#: Codes after which the same command may succeed: elections, shutdowns, timeouts, moved chunks,
#: lost cursors, conflicts of writers.
_TRANSIENT: Final = frozenset(
    {6, 7, 24, 43, 50, 63, 64, 89, 91, 112, 133, 134, 150, 189, 202, 225, 234, 237, 262, 290, 358}
    | {9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436}
)
_FULL: Final = frozenset({14031, 12501, 17410})
_TOO_LARGE: Final = frozenset({10334, 17280, 17419, 17420})
_LOGIN: Final = frozenset({11, 18, 334, 391, 8000})
_FORBIDDEN: Final = frozenset({13})
_FULL_TEXTS: Final = ("disk is full", "no space left", "space quota", "over your quota")


class Verdict(NamedTuple):
    """What to raise, and whether another attempt may help."""

    error: SmokError
    again: bool


def judge(error: Exception, store: str) -> Verdict:
    """Tell what a driver's error means for the store."""
    if isinstance(error, BSONError | OverflowError | UnicodeEncodeError | driver.DocumentTooLarge):
        return Verdict(_unfit(error, store), again=False)
    if isinstance(error, driver.InvalidOperation):
        return Verdict(StoreClosed(store, "its connection was closed"), again=False)
    if isinstance(error, driver.BulkWriteError):
        return _by_code(store, *_worst(error.details or {}))
    if isinstance(error, driver.ConnectionFailure | driver.WaitQueueTimeoutError):
        return Verdict(_unreachable(error, store), again=True)
    if isinstance(error, driver.OperationFailure):
        again = _by_code(store, error.code or 0, str(error))
        transient = error.has_error_label("RetryableWriteError")
        return Verdict(_busy(store, error.code or 0), again=True) if transient else again
    if isinstance(error, driver.ConfigurationError):
        return Verdict(_misconfigured(error, store), again=False)
    return Verdict(StoreError(store, f"the driver reports {type(error).__name__}"), again=False)


def _worst(details: Mapping[str, Any]) -> tuple[int, str]:
    """Give code and text of the fault that decides: a refused write first, else its concern."""
    writes = [f for f in details.get("writeErrors", ()) if f.get("code") != DUPLICATE_KEY]
    faults = writes + list(details.get("writeConcernErrors", ())) + details.get("writeErrors", [])
    fault = faults[0] if faults else {}
    return int(fault.get("code") or 0), str(fault.get("errmsg", ""))


def _by_code(store: str, code: int, text: str) -> Verdict:
    if code in _FULL or any(words in text.lower() for words in _FULL_TEXTS):
        return Verdict(StorageFull(store, f"the server has no room (code {code})"), again=False)
    if code in _TRANSIENT:
        return Verdict(_busy(store, code), again=True)
    if "concern" in text or "journal" in text:
        return Verdict(_bad_concern(store, code, text), again=False)
    for codes, make in _MEANINGS:
        if code in codes:
            return Verdict(make(store, code, text), again=False)
    return Verdict(StoreError(store, f"the server refused the command (code {code})"), again=False)


def _busy(store: str, code: int) -> StoreError:
    what = {64: "did not confirm the write in time", 91: "is shutting down", 10107: "is no primary"}
    return BackendUnavailable(store, f"the server {what.get(code, 'is busy')} (code {code})")


def _unreachable(error: Exception, store: str) -> StoreError:
    return BackendUnavailable(store, f"the server cannot be reached ({type(error).__name__})")


def _unfit(error: Exception, store: str) -> SmokError:
    too_large = isinstance(error, driver.DocumentTooLarge)
    reason = "is larger than a document may be" if too_large else "cannot be stored as BSON"
    return InvalidValue(store, "a record", reason, "Split it, or store it as a BAOB.")


def _too_large(store: str, code: int, text: str) -> SmokError:
    return _unfit(driver.DocumentTooLarge(text), store)


def _login(store: str, code: int, text: str) -> SmokError:
    remedy = "Correct user, password or certificate; nothing stored is lost."
    return BackendUnavailable(store, f"the server refused the login (code {code})", remedy)


def _forbidden(store: str, code: int, text: str) -> SmokError:
    remedy = "Grant the user the role readWrite on the database."
    return ReadOnlyStore(store, f"the server forbids the command (code {code})", remedy)


def _duplicate(store: str, code: int, text: str) -> SmokError:
    return CorruptData(store, "an index that is not ours refuses a document (code 11000)")


def _bad_concern(store: str, code: int, text: str) -> SmokError:
    remedy = "Turn the journal on (storage.journal.enabled), and let a majority be reachable."
    return DurabilityUnmet(store, f"the server refuses w=majority, j=true (code {code})", remedy)


_MEANINGS: Final[tuple[tuple[frozenset[int], Callable[[str, int, str], SmokError]], ...]] = (
    (_TOO_LARGE, _too_large),
    (_LOGIN, _login),
    (_FORBIDDEN, _forbidden),
    (frozenset({DUPLICATE_KEY}), _duplicate),
    (frozenset({79, 100}), _bad_concern),
)


def _misconfigured(error: Exception, store: str) -> SmokError:
    if "dnspython" in str(error):
        return DriverMissing("mongo", "smok-mongo", "dns", "pymongo[srv]")
    return StoreError(store, "the driver refuses the URL or its options", "Correct the URL.")
