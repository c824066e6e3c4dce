"""The one place where what the driver and the server say becomes one of our errors."""

import re
from socket import gaierror
from typing import NamedTuple

import redis.exceptions as driver

from smok_core.errors import (
    BackendUnavailable,
    CorruptData,
    DataLost,
    DurabilityUnmet,
    ForeignData,
    ReadOnlyStore,
    StorageFull,
    StoreError,
)


class ServerTooOld(StoreError):
    """The server is older than what this backend needs."""

    code = "SMOK-S13"
    remedy = "Use Redis 6.2 or later, or Valkey."


class WrongServer(BackendUnavailable):
    """Something else answers at the address than the url speaks of."""

    code = "SMOK-S14"
    remedy = "Correct the url."


class NotConfirmed(driver.RedisError):
    """A write was carried out, and disk or replicas did not confirm it in time."""


#: What the driver raises; everything else is a bug and stays what it is.
DRIVER_ERRORS = (driver.RedisError, OSError)


class Verdict(NamedTuple):
    """What an error means, and whether trying again within the call can help."""

    kind: type[StoreError]
    detail: str
    again: bool = False
    remedy: str | None = None

    def error(self, store: str) -> StoreError:
        """Make the error to raise."""
        return self.kind(store, self.detail, self.remedy)


_ACCESS = "Correct the user, the password or the ACL (see the README of smok-redis)."
_SENTINEL = "Give the port of the sentinels, 26379 as a rule, or write redis:// in the url."
_LOST = (
    "Restore the server's data, or accept the loss: open the store anew (start the program again; "
    "with the option 'remember', delete its file first)."
)
#: What to do about bytes of ours that somebody else has written.
JUNK = "Look at what else writes to the server; write or delete the record again."
_DISK = "Look at the server's log and disk; nothing stored is lost."

#: What the server's answer begins with, or (6.2, inside a script) has somewhere in it.
ANSWERS = {
    "OOM": Verdict(StorageFull, "the server has reached its maxmemory"),
    "WRONGTYPE": Verdict(ForeignData, "a key of the store holds something else"),
    "SMOKLOST": Verdict(
        DataLost, "the server came back empty, or with another store's data", remedy=_LOST
    ),
    "SMOKJUNK": Verdict(CorruptData, "the marker of the store cannot be read", remedy=JUNK),
    "SMOKGONE": Verdict(BackendUnavailable, "a large write lost what was prepared for it"),
    "SMOKSTALE": Verdict(BackendUnavailable, "a write was overtaken by a later one"),
    "MISCONF": Verdict(
        BackendUnavailable, "the server cannot write to its disk and takes no data", remedy=_DISK
    ),
    "READONLY": Verdict(
        ReadOnlyStore,
        "the server is a read-only replica",
        again=True,
        remedy="Give the url of the primary, or of the sentinels.",
    ),
    "LOADING": Verdict(BackendUnavailable, "the server is still loading its data", again=True),
    "BUSY": Verdict(BackendUnavailable, "the server is busy with somebody's script", again=True),
    "MASTERDOWN": Verdict(BackendUnavailable, "the server has lost its primary", again=True),
    "CLUSTERDOWN": Verdict(BackendUnavailable, "the cluster is down", again=True),
    "TRYAGAIN": Verdict(BackendUnavailable, "the cluster is moving the keys", again=True),
    "MOVED": Verdict(
        BackendUnavailable,
        "the server belongs to a cluster, which has the keys elsewhere",
        again=True,
        remedy="Write redis+cluster:// if the url does not say so; else try again.",
    ),
    "ASK": Verdict(BackendUnavailable, "the cluster is moving the keys", again=True),
    "NOREPLICAS": Verdict(
        BackendUnavailable, "the server has too few replicas to take data", again=True
    ),
    "UNKILLABLE": Verdict(BackendUnavailable, "the server is busy with a script", again=True),
    "NOAUTH": Verdict(BackendUnavailable, "the server wants a password", remedy=_ACCESS),
    "WRONGPASS": Verdict(
        BackendUnavailable, "the server refuses the user or the password", remedy=_ACCESS
    ),
    "NOPERM": Verdict(
        BackendUnavailable, "the server's ACL forbids the command or the key", remedy=_ACCESS
    ),
    "NOPROTO": Verdict(StoreError, "the server is too old", remedy="Use Redis 6.2 or newer."),
}
_NO_AOF = Verdict(
    DurabilityUnmet,
    "the server stopped keeping its append-only file",
    remedy="Set appendonly yes on the server.",
)
#: A script of ours stumbles only over what is not as it wrote it.
_STUMBLED = re.compile(r"user_script|running script")
_JUNK = Verdict(CorruptData, "what is stored is not as it was written", remedy=JUNK)
_CODE = re.compile(rf"(?<![A-Za-z])({'|'.join(ANSWERS)}|NOSCRIPT)(?![A-Za-z])")
_UNKNOWN = re.compile(r"unknown command '?([A-Za-z]+)", re.IGNORECASE)


#: The driver cuts the code off the texts of these.
_CLASSES: tuple[tuple[type[Exception], str], ...] = (
    (driver.AuthenticationError, "WRONGPASS"),
    (driver.BusyLoadingError, "LOADING"),
    (driver.ReadOnlyError, "READONLY"),
    (driver.NoPermissionError, "NOPERM"),
    (driver.NoScriptError, "NOSCRIPT"),
    (driver.OutOfMemoryError, "OOM"),
    (driver.MasterDownError, "MASTERDOWN"),
    (driver.ClusterDownError, "CLUSTERDOWN"),
    (driver.TryAgainError, "TRYAGAIN"),
    (driver.MovedError, "MOVED"),
    (driver.AskError, "ASK"),
)


def code_of(error: BaseException) -> str | None:
    """Return the server's word for the error (``OOM``, ``LOADING``...), or None."""
    text = str(error)
    if isinstance(error, driver.AuthenticationError) and "required" in text:
        return "NOAUTH"
    for kind, code in _CLASSES:
        if isinstance(error, kind):
            return code
    match = _CODE.search(text) if isinstance(error, driver.ResponseError) else None
    return match[1] if match else None


def judge(error: BaseException) -> Verdict:
    """Say what an error of `DRIVER_ERRORS` means.

    The server's own words are not repeated: they may quote what was stored.
    """
    if isinstance(error, NotConfirmed):
        return Verdict(BackendUnavailable, str(error), again=True)
    code = code_of(error)
    if code == "MISCONF" and "space" in str(error).lower():
        return Verdict(StorageFull, "the server's disk is full", remedy=_DISK)
    if code in ANSWERS:
        return ANSWERS[code]
    if isinstance(error, driver.TimeoutError | TimeoutError):
        return Verdict(BackendUnavailable, "the server does not answer in time", again=True)
    # After nonsense the connection is cut: the next answer could be that to another call.
    if isinstance(error, driver.ConnectionError | driver.InvalidResponse | OSError):
        return Verdict(BackendUnavailable, f"no connection ({_reason(error)})", again=True)
    return _judge_text(str(error), type(error).__name__)


def cause_of(error: BaseException) -> BaseException:
    """Return what may be chained as the cause: the driver quotes a name that nobody knows.

    It may be a password whose ``@`` was forgotten.
    """
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, gaierror):
        inner = inner.__cause__ or inner.__context__
    return error if inner is None else gaierror(*inner.args)


def _judge_text(text: str, name: str) -> Verdict:
    if "appendonly is disabled" in text:
        return _NO_AOF
    if "DB index is out of range" in text:
        remedy = "Correct the number at the end of the url."
        return Verdict(WrongServer, "the server has no database of that number", remedy=remedy)
    unknown = _UNKNOWN.search(text)
    if unknown:
        command = unknown[1].upper()
        if command == "SENTINEL":
            return Verdict(WrongServer, "a server of data answers, no sentinel", remedy=_SENTINEL)
        detail = f"the server does not know {command}"
        return Verdict(StoreError, detail, remedy="Use Redis 6.2 or newer, or Valkey.")
    if _STUMBLED.search(text):
        return _JUNK
    return Verdict(StoreError, f"the server refuses a command ({name})")


def _reason(error: BaseException) -> str:
    """Name the cause without the driver's text, which could quote anything."""
    inner = error
    while inner is not None and not isinstance(inner, OSError):
        inner = inner.__cause__ or inner.__context__  # type: ignore[assignment]
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.strip("()").lower()
    strange = isinstance(error, driver.InvalidResponse)
    return "what answers does not speak as a server" if strange else "closed by the server"
