"""smok.toml -> a checked configuration in which every value remembers where it was set.

Reading is strict and complete: an unknown key is an error that names the nearest known one, and
all errors of a file come in one `ConfigError`, each with its file and line.
"""

from smok_core.config.model import (
    Config as Config,
    RoleConfig as RoleConfig,
    StoreConfig as StoreConfig,
)
from smok_core.config.reader import load_config as load_config
