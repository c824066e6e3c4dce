"""Which legacy files were imported whole, by digest: importing them again does nothing."""

from smok_core.roles.base import Database, OnEngine


class ImportHistory:
    """The history of one role, beside its data; a backend without an engine has no place for one.

    Args:
        database: The role's database.
    """

    def __init__(self, database: Database) -> None:
        self._engine = database.engine if isinstance(database, OnEngine) else None
        self._name = f"{database.role}.imports"

    def has(self, digest: str) -> bool:
        """Tell whether the file was imported whole."""
        return self._engine is not None and self._engine.table(self._name).get(digest) is not None

    def add(self, digest: str) -> None:
        """Remember a file."""
        if self._engine is not None:
            self._engine.table(self._name).put(digest, self._engine.codec.dumps(None))
