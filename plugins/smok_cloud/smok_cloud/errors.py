"""What can go wrong between a device and the SMOK cloud, told apart by what to do about it.

Nothing here means that data may be dropped, with one exception: `ClientFault.is_bad_data`.
"""

from pathlib import Path
from typing import ClassVar, Final

from smok_core.errors import SmokError, StoreError

_ALWAYS_BAD: Final = frozenset({413})
_BAD_IF_THE_API_SAYS_SO: Final = frozenset({400, 422})


class ExtraMissing(SmokError):
    """Something was called that needs a library of an extra that is not installed."""

    code = "SMOK-P13"
    exit_status = 4

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f'{what} needs an extra. Install it: pip install "{extra}"')


class CloudError(SmokError):
    """A request to the SMOK cloud did not do its work.

    Args:
        call: The request, e.g. ``POST /v1/device/alarms``.
        detail: What happened, without secrets.
    """

    exit_status = 5
    remedy: ClassVar[str] = "Try again later."

    def __init__(self, call: str, detail: str) -> None:
        self.call, self.detail = call, detail
        super().__init__(f"{call}: {detail}. {self.remedy}")


class NoLink(CloudError):
    """The cloud was not reached, or the link broke: unknown whether the request took effect."""

    code = "SMOK-N01"
    remedy = "Nothing was acknowledged: try again when the network is back."


class NotTheApi(CloudError):
    """Something answered that is not the API: a captive portal, a proxy's page, half an answer."""

    code = "SMOK-N02"
    remedy = (
        "Nothing was acknowledged. Check the configured URL and whether a login page or a proxy "
        "answers in place of the cloud."
    )


class UntrustedServer(NotTheApi):
    """The server's certificate does not prove that it is the configured host; nothing was sent."""

    code = "SMOK-N03"
    remedy = (
        "Nothing was sent. Check the device's clock and the URL; for a private certificate "
        "authority configure ca_bundle. Verification cannot be switched off."
    )


class CredentialsRefused(CloudError):
    """The cloud refused this device's certificate.

    ``status`` is 401, 403, or None when the TLS handshake already failed.
    """

    code = "SMOK-N04"
    remedy = "Nothing was acknowledged. Check the device certificate with `smok certs`."

    def __init__(self, call: str, detail: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(call, detail)


class ServerFault(CloudError):
    """The cloud is overloaded or out of order (5xx, 408, 425, 429).

    ``retry_after`` is how many seconds the server asked to wait, capped; None if it did not ask.
    """

    code = "SMOK-N05"
    remedy = "Nothing was acknowledged: try again later."

    def __init__(self, call: str, detail: str, status: int, retry_after: float | None) -> None:
        self.status, self.retry_after = status, retry_after
        super().__init__(call, detail)


class ClientFault(CloudError):
    """The request was refused with another 4xx status.

    ``from_api`` tells whether the refusal had the API's own form, a JSON object: a proxy in front
    of it answers 400 too, for instance when it dislikes a certificate.
    """

    code = "SMOK-N06"
    remedy = (
        "Nothing was acknowledged. Records that the cloud refuses one by one become dead letters: "
        "`smok dead-letters`."
    )

    def __init__(self, call: str, detail: str, status: int, *, from_api: bool) -> None:
        self.status, self.from_api = status, from_api
        super().__init__(call, detail)

    @property
    def is_bad_data(self) -> bool:
        """Tell whether the refusal can mean the records: 413, or 400 and 422 by the API itself."""
        return self.status in _ALWAYS_BAD or (
            self.from_api and self.status in _BAD_IF_THE_API_SAYS_SO
        )


class RefusesEverything(CloudError):
    """The cloud refuses whatever is sent: the records are not to blame, and all are kept.

    ``refused`` is how many requests in a row it refused, ``retry_after`` how many seconds to leave
    it alone.
    """

    code = "SMOK-N11"
    remedy = (
        "Everything is kept and tried again, ever more slowly. Check what stands between the "
        "device and the cloud (a proxy's limit on size) and whether a newer smok-cloud is needed."
    )

    def __init__(self, call: str, detail: str, refused: int, retry_after: float) -> None:
        self.refused, self.retry_after = refused, retry_after
        times = "the only request" if refused == 1 else f"all of {refused} requests in a row"
        super().__init__(call, f"the cloud refuses everything, {times}: {detail}")


class UnaddressableKey(SmokError, ValueError):
    """A key cannot be a part of a URL: ``.`` and ``..`` mean other resources there."""

    code = "SMOK-N07"

    def __init__(self, resource: str, key: object, reason: str) -> None:
        self.resource, self.key = resource, key
        super().__init__(
            f"{resource}: the key {key!a:.80} {reason}, so it cannot be synchronized. "
            "Keep the data under another key."
        )


class UnsendableBody(SmokError, ValueError):
    """The body of a request holds what JSON cannot say: NaN, an infinity, a lone surrogate."""

    code = "SMOK-N08"

    def __init__(self, call: str, detail: str) -> None:
        self.call, self.detail = call, detail
        super().__init__(f"{call}: {detail}. Nothing was sent; correct the record and try again.")


class InvalidCloudSetting(SmokError, ValueError):
    """A setting of the API client cannot be used."""

    code = "SMOK-N09"
    exit_status = 2

    def __init__(self, setting: str, reason: str, remedy: str) -> None:
        self.setting = setting
        super().__init__(f"cloud: {setting} {reason}. {remedy}")


class InvalidCredentials(SmokError, ValueError):
    """The device's certificate or key cannot be used.

    Args:
        reason: A stable word: unreadable, too-large, exposed, format, passphrase, key-mismatch,
            identity, expired, not-yet-valid, clock, weak-key, chain, ca-bundle.
        path: The file that is to blame.
        detail: What is wrong with it, without secrets.
        remedy: What to do about it.
    """

    code = "SMOK-N10"
    exit_status = 6

    def __init__(self, reason: str, path: str | Path, detail: str, remedy: str) -> None:
        self.reason, self.path, self.detail = reason, str(path), detail
        super().__init__(f"{path}: {detail}. {remedy}")


# --- leases: one process at a time ---------------------------------------------------------------


class _LeaseError(StoreError):
    """Another process does this work on the store.

    Args:
        store: The store's name.
        work: What is leased.
        host: The holder's host; None if nobody, or nobody knows.
        pid: The holder's process id there.
        since: When it began, by its own clock, in seconds since the epoch.
    """

    exit_status = 7

    def __init__(
        self, store: str, work: str, host: str | None, pid: int | None, since: float | None
    ) -> None:
        self.work, self.host, self.pid, self.since = work, host, pid, since
        super().__init__(store, self._what(work, self._who()))

    def _who(self) -> str:
        if self.host is None:
            return "a holder that left no name"
        return f"process {self.pid} on {self.host} since {_iso(self.since)}"

    def _what(self, work: str, who: str) -> str:
        return f"its {work} is done by {who}"


class LeaseHeld(_LeaseError):
    """Another process does this work on the store already (rule Q6)."""

    code = "SMOK-U01"
    remedy = (
        "Let it work, or stop it and try again; after a crash of its machine the lease is taken "
        "over once it has not been renewed for a minute."
    )

    def _what(self, work: str, who: str) -> str:
        return f"its {work} is running already: {who}"


class LeaseLost(_LeaseError):
    """The work was taken over from this process, which was suspended or cut off (rule Q6)."""

    code = "SMOK-U02"
    remedy = "Nothing more is sent from here; what was not acknowledged is sent by the other one."

    def _what(self, work: str, who: str) -> str:
        taken = "is not held any more" if self.host is None else f"was taken over by {who}"
        return f"the lease of its {work} {taken}"


def _iso(moment: float | None) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - costs start-up time

    try:
        return datetime.fromtimestamp(moment or 0.0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return "an unknown time"
