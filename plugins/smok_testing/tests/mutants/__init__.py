"""Deliberately wrong backends, each a few lines over the right one: the kit must catch them all."""

from plugins.smok_testing.tests.mutants import (
    connections,
    engines,
    files,
    forks,
    histories,
    limits,
    lines,
    restarts,
    roles,
    shared,
    tables,
    uploads,
    versions,
)
from plugins.smok_testing.tests.mutants.base import ALL, RIGHT, Mutant
from plugins.smok_testing.tests.mutants.files import RIGHT_FILE
from plugins.smok_testing.tests.mutants.shared import RIGHT_SHARED

__all__ = [
    "ALL",
    "RIGHT",
    "RIGHT_FILE",
    "RIGHT_SHARED",
    "Mutant",
    "connections",
    "engines",
    "files",
    "forks",
    "histories",
    "limits",
    "lines",
    "restarts",
    "roles",
    "shared",
    "tables",
    "uploads",
    "versions",
]
