"""Keeps the data of a SMOK device in one LMDB file: a backend for smok-core."""

from smok_lmdb.plugin import LmdbOptions as LmdbOptions

__version__ = "0.1.0"
