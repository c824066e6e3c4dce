"""What can go wrong between the published client and our databases."""

from __future__ import annotations

from smok_core.errors import SmokError

__all__ = ["ClientMissing"]


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
