"""The clauses, one module per subject; each registers itself when it is imported."""

import importlib
import pkgutil

from smok_testing.clause import Clause, registered


def all_clauses() -> tuple[Clause, ...]:
    """Return every clause of the kit, in the order of the modules and of their lines."""
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return registered()
