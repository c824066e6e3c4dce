"""The SMOK cloud: device certificates, the HTTP API, the synchronizer and its `Service`.

`Service` is imported when it is first used: a program that only stores reads its configuration,
with the table ``[cloud]``, without paying for requests and cryptography.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smok_cloud.service import Service

__all__ = ["Service"]


def __getattr__(name: str) -> Any:
    if name != "Service":
        raise AttributeError(f"module 'smok_cloud' has no attribute {name!r}")
    from smok_cloud.service import Service  # noqa: PLC0415 - see above

    return Service
