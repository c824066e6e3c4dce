"""The embedded backend of smok-core: pickled plain records inside one SQLite file per store."""

from smok_pickle.plugin import PickleOptions

__all__ = ["PickleOptions"]

__version__ = "0.1.0"
