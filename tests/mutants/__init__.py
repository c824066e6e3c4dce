"""Deliberately wrong backends, each a few lines over the right one: the kit must catch them all."""

from tests.mutants import tables
from tests.mutants.base import ALL, RIGHT, Mutant

__all__ = ["ALL", "RIGHT", "Mutant", "tables"]
