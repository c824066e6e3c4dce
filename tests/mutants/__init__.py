"""Deliberately wrong backends, each a few lines over the right one: the kit must catch them all."""

from tests.mutants.base import ALL, Mutant, RIGHT

__all__ = ["ALL", "RIGHT", "Mutant"]
