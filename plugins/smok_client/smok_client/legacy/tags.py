"""How objects of the published client are kept inside users' plain data, and told from it.

Predicates keep what they like as their state, often the event they have opened. Such an object
is stored as ``{"$smok": [name, content]}``; a user's own dict that looks like that is stored as
``{"$smok": ["dict", [[key, value], ...]]}``, so nothing is ever mistaken.
"""

from typing import Any, Final

MARK: Final = "$smok"


def tagged(name: str, content: Any) -> dict[str, Any]:
    """Return what stands for an object of the client's class ``name``."""
    return {MARK: [name, content]}


def looks_tagged(value: dict[Any, Any]) -> bool:
    """Tell whether a dict has the form that `tagged` gives."""
    return len(value) == 1 and MARK in value
