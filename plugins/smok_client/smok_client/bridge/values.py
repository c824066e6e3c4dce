"""What readers give as the value of a pathpoint, as the values that are stored and uploaded."""

import math
from typing import Any

from smok_client.bridge import client
from smok_core import model


def to_model(value: Any, timestamp: Any) -> Any:
    """Return our value.

    A subclass of a plain type and a scalar of numpy become the plain value they stand for; NaN
    and the infinities, which no server takes, become a failed reading of the reason ``invalid``.
    What is none of these is left for the role to refuse.
    """
    if isinstance(value, client.OperationFailedError):
        reason = value.reason and model.OperationFailedReason(value.reason.value)
        return model.OperationFailedError(reason, number(value.timestamp))
    plain = _plain(value)
    if type(plain) is float and not math.isfinite(plain):
        return model.OperationFailedError(model.OperationFailedReason.INVALID, number(timestamp))
    return plain


def number(timestamp: Any) -> Any:
    """Return a time as int or float where it stands for one."""
    plain = _plain(timestamp)
    return timestamp if isinstance(plain, bool | str) else plain


def _plain(value: Any) -> Any:
    if type(value).__module__ == "numpy" and hasattr(value, "dtype") and value.shape == ():
        value = value.item()
    if isinstance(value, bool):
        return value
    # Not str(value) and the like: an enumeration answers them with its own name.
    plain = {int: int.__int__, float: float.__float__, str: str.__str__}
    known: Any = next((plain[kind] for kind in plain if isinstance(value, kind)), None)
    return known(value) if known else value


def to_client(value: Any) -> Any:
    """Return the client's value for ours."""
    if isinstance(value, model.OperationFailedError):
        assert value.reason is not None
        reason = client.OperationFailedReason(value.reason.value)
        return client.OperationFailedError(reason, value.timestamp)
    return value
