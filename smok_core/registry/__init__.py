"""Finding and loading plugins: discovery reads text, the loader imports what is configured."""

from smok_core.registry.backend import Backend
from smok_core.registry.discovery import Candidate, discover, forget
from smok_core.registry.loader import Registry, register, unregister

__all__ = [
    "Backend",
    "Candidate",
    "Registry",
    "discover",
    "forget",
    "register",
    "unregister",
]
