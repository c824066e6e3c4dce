"""Deliberately wrong backends, each a few lines over the right one: the kit must catch them all."""

from tests.mutants import engines, lines, roles, tables, uploads, versions
from tests.mutants.base import ALL, RIGHT, Mutant

__all__ = ["ALL", "RIGHT", "Mutant", "engines", "lines", "roles", "tables", "uploads", "versions"]
