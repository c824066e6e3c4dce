"""What can go wrong between the published client and our databases."""

from __future__ import annotations

from smok_core.errors import SmokError

__all__ = ["ClientMissing", "StateUnknown"]


class ClientMissing(SmokError, ImportError):
    """The published client is not installed, or cannot be imported."""

    code = "SMOK-P11"
    exit_status = 4

    def __init__(self, cause: ImportError) -> None:
        super().__init__(
            f"smok_client.bridge stands between our databases and the published client, which "
            f"cannot be imported ({cause}). Install it in an environment of Python 3.11, in this "
            'order: pip install wheel "cython<3" "setuptools<70" snakehouse; '
            "pip install --no-build-isolation minijson satella; "
            "pip install --no-build-isolation smok==0.21.0"
        )


class StateUnknown(SmokError, ValueError):
    """The stored state of a predicate holds an object of a class that is not registered."""

    code = "SMOK-P12"
    exit_status = 4

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the stored state of a predicate holds an object of {name}, which this program does "
            "not know; call smok_client.register_state for it before the device is made"
        )
