"""The one place where what pymongo and the server say becomes an error of smok-core.

Texts are our own: a server's message may repeat stored data, and a driver's a connection string.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from bson.errors import BSONError, InvalidBSON
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

#: What the driver raises, for bad arguments and for bad luck.
DRIVER_ERRORS: Final = (driver.PyMongoError, BSONError, OverflowError, UnicodeEncodeError)

DUPLICATE_KEY: Final = 11000
#: Codes after which the same command may succeed: elections, shutdowns, timeouts, moved chunks,
#: lost cursors, conflicts of writers, a server or an account that has too much to do.
_TRANSIENT: Final = frozenset(
    {6, 7, 24, 43, 50, 63, 64, 89, 91, 112, 133, 134, 150, 175, 189, 202, 225, 234, 237, 262, 290}
    | {358, 365, 462, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436, 16500}
)
#: Labels by which a server says the same.
_TRANSIENT_LABELS: Final = ("RetryableWriteError", "RetryableError", "SystemOverloadedError")
_FULL: Final = frozenset({14031, 12501, 17410})
_CONCERN: Final = frozenset({79, 100})
#: Of Atlas, for whatever it refuses.
_ATLAS: Final = 8000
#: How a server without journal refuses ``j``, under a code that says nothing.
_CONCERN_TEXTS: Final = ("cannot use 'j' option", "journaling enabled")
#: Stored data within a text: what it says there is no message of the server.
_DATA: Final = re.compile(r"\{.*\}|\".*\"", re.DOTALL)
_FULL_TEXTS: Final = ("disk is full", "no space left", "space quota", "over your quota")


class WrongServer(BackendUnavailable):
    """Something else answers at the address than the URL speaks of."""

    code = "SMOK-S16"
    remedy = "Correct the URL."


class Verdict(NamedTuple):
    """What to raise, and whether another attempt may help."""

    error: SmokError
    again: bool


def judge(error: Exception, store: str) -> Verdict:
    """Tell what a driver's error means for the store."""
    for kinds, meaning in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(error, store)
    return Verdict(StoreError(store, f"the driver reports {type(error).__name__}"), again=False)


def _unreachable(error: Any, store: str) -> Verdict:
    detail = f"the server cannot be reached ({type(error).__name__})"
    return Verdict(BackendUnavailable(store, detail), again=True)


def _nonsense(error: Any, store: str) -> Verdict:
    """Take what came for a damaged answer; the driver does not use the connection again."""
    detail = f"the server's answer makes no sense ({type(error).__name__})"
    return Verdict(BackendUnavailable(store, detail), again=True)


def _closed(_: Any, store: str) -> Verdict:
    return Verdict(StoreClosed(store, "its connection was closed"), again=False)


def _unfit(error: Any, store: str) -> Verdict:
    reason = f"cannot be stored as BSON ({type(error).__name__})"
    remedy = "Split it, or store it as a BAOB."
    return Verdict(InvalidValue(store, "a record", reason, remedy), again=False)


def _misconfigured(error: Any, store: str) -> Verdict:
    if "dnspython" in str(error):
        missing = DriverMissing("mongo", "smok-mongo", "dns", "pymongo[srv]")
        return Verdict(missing, again=False)
    detail = "the driver refuses the URL or its options"
    return Verdict(StoreError(store, detail, "Correct the URL."), again=False)


def _refused_bulk(error: driver.BulkWriteError, store: str) -> Verdict:
    return _by_code(store, *_worst(error.details or {}))


def _refused(error: driver.OperationFailure, store: str) -> Verdict:
    if any(error.has_error_label(label) for label in _TRANSIENT_LABELS):
        return _busy(store, error.code or 0)
    return _by_code(store, error.code or 0, str(error))


#: The first that fits decides, so a class stands before the one it derives from.
_MEANINGS: Final[tuple[tuple[Any, Callable[[Any, str], Verdict]], ...]] = (
    ((InvalidBSON, driver.ProtocolError), _nonsense),
    ((BSONError, OverflowError, UnicodeEncodeError, driver.DocumentTooLarge), _unfit),
    (driver.InvalidOperation, _closed),
    (driver.BulkWriteError, _refused_bulk),
    # A connection on which something else was read is cut by the driver.
    ((driver.ConnectionFailure, driver.WaitQueueTimeoutError, driver.ProtocolError), _unreachable),
    (driver.OperationFailure, _refused),
    (driver.ConfigurationError, _misconfigured),
)


def _worst(details: Mapping[str, Any]) -> tuple[int, str]:
    """Return code and text of the fault that decides: a refused write first, else its concern."""
    writes = [f for f in details.get("writeErrors", ()) if f.get("code") != DUPLICATE_KEY]
    faults = writes + list(details.get("writeConcernErrors", ())) + details.get("writeErrors", [])
    fault = faults[0] if faults else {}
    return int(fault.get("code") or 0), str(fault.get("errmsg", ""))


def _by_code(store: str, code: int, text: str) -> Verdict:
    said = _DATA.sub("", text).lower()
    if code in _FULL or any(words in said for words in _FULL_TEXTS):
        return Verdict(StorageFull(store, f"the server has no room (code {code})"), again=False)
    if code in _TRANSIENT:
        return _busy(store, code)
    if code in _CONCERN or any(words in said for words in _CONCERN_TEXTS):
        return Verdict(_unconfirmed(store, code), again=False)
    if code == _ATLAS and "not allowed" in said:
        return Verdict(_forbidden(store, code), again=False)
    for codes, make in _CODES:
        if code in codes:
            return Verdict(make(store, code), again=False)
    return Verdict(StoreError(store, f"the server refused the command (code {code})"), again=False)


def _busy(store: str, code: int) -> Verdict:
    what = {64: "did not confirm the write in time", 91: "is shutting down", 10107: "is no primary"}
    detail = f"the server {what.get(code, 'is busy')} (code {code})"
    return Verdict(BackendUnavailable(store, detail), again=True)


def _unconfirmed(store: str, code: int) -> SmokError:
    remedy = "Turn the journal on (storage.journal.enabled), and let a majority be reachable."
    return DurabilityUnmet(store, f"the server refuses w=majority, j=true (code {code})", remedy)


def _too_large(store: str, code: int) -> SmokError:
    reason = f"is larger than a document may be (code {code})"
    return InvalidValue(store, "a record", reason, "Split it, or store it as a BAOB.")


def _login(store: str, code: int) -> SmokError:
    remedy = "Correct user, password or certificate; nothing stored is lost."
    return BackendUnavailable(store, f"the server refused the login (code {code})", remedy)


def _forbidden(store: str, code: int) -> SmokError:
    remedy = "Grant the user the role readWrite on the database."
    return ReadOnlyStore(store, f"the server forbids the command (code {code})", remedy)


def _duplicate(store: str, code: int) -> SmokError:
    return CorruptData(store, f"an index that is not ours refuses a document (code {code})")


_CODES: Final = (
    (frozenset({10334, 17280, 17419, 17420}), _too_large),
    (frozenset({11, 18, 334, 391, _ATLAS}), _login),
    (frozenset({13}), _forbidden),
    (frozenset({DUPLICATE_KEY}), _duplicate),
)
