"""What can go wrong between the published client and our databases."""

from typing import Final

from smok_core.errors import SmokError

#: The way out, where the state of a predicate cannot be kept.
REGISTER: Final = (
    "For a class of your own call smok_client.register_state before the device is made."
)


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
    """The stored state of a predicate holds an object that this program cannot make again."""

    code = "SMOK-P12"
    exit_status = 4

    def __init__(self, name: str, cause: Exception | None = None) -> None:
        why = f"cannot make again ({cause!r})" if cause else "does not know"
        super().__init__(
            f"the stored state of a predicate holds an object of {name}, which this program {why}; "
            "call smok_client.register_state for it before the device is made"
        )
