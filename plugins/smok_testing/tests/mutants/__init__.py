"""Deliberately wrong backends, each a few lines over the right one: the kit must catch them all."""

from plugins.smok_testing.tests.mutants import (
    connections as connections,
    engines as engines,
    files as files,
    forks as forks,
    histories as histories,
    limits as limits,
    lines as lines,
    records as records,
    restarts as restarts,
    roles as roles,
    shared as shared,
    tables as tables,
    together as together,
    uploads as uploads,
    values as values,
    versions as versions,
)
from plugins.smok_testing.tests.mutants.base import ALL as ALL, RIGHT as RIGHT, Mutant as Mutant
from plugins.smok_testing.tests.mutants.files import RIGHT_FILE as RIGHT_FILE
from plugins.smok_testing.tests.mutants.shared import RIGHT_SHARED as RIGHT_SHARED
