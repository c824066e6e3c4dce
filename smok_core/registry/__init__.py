"""Finding and loading plugins: discovery reads text, the loader imports what is configured."""

from smok_core.registry.discovery import discover as discover, forget as forget
from smok_core.registry.loader import (
    Registry as Registry,
    register as register,
    unregister as unregister,
)
from smok_core.registry.plugin import Backend as Backend
