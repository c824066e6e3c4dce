"""Deliberately wrong backends, each a few lines over the right one: the kit must catch them all."""

from tests.mutants import engines, files, limits, lines, roles, tables, uploads, versions
from tests.mutants.base import ALL, RIGHT, Mutant
from tests.mutants.files import RIGHT_FILE

__all__ = [
    "ALL",
    "RIGHT",
    "RIGHT_FILE",
    "Mutant",
    "engines",
    "files",
    "limits",
    "lines",
    "roles",
    "tables",
    "uploads",
    "versions",
]
