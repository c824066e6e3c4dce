"""BAOBs: a directory with an index of versions and one file for each value."""

import stat
from pathlib import Path
from typing import Any, Final, NamedTuple

from smok_client.legacy.fields import expect, shape
from smok_client.legacy.kinds.base import Kind
from smok_client.legacy.nodes import Map, Node, shown
from smok_client.legacy.plain import PlainReader
from smok_client.legacy.refusal import EntryRefused
from smok_core.errors import InvalidValue
from smok_core.roles.baobs import MAX_BAOB_BYTES, BaseBAOBDatabase
from smok_core.roles.checks import check_key

#: The file that holds ``{key: version}``.
INDEX: Final = "metadata.pkl"


class _Blob(NamedTuple):
    key: str
    path: Path
    version: int


class BaobDirectory(Kind[_Blob]):
    """``{key: version}`` in ``metadata.pkl``, and beside it a file named like each key."""

    role = "baobs"
    title = "BAOBs"
    hints = (INDEX,)
    database: BaseBAOBDatabase
    #: Where the values are; set before anything is read.
    directory = Path()

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._versions = database.get_all_versions()

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Map and all(
            type(key) is str and type(value) is int for key, value in root.pairs()
        )

    def entries(self, root: Node) -> list[tuple[Node, Node]]:
        indexed = list(shape(root, Map, "a dict of versions").pairs())
        known = {INDEX, *(key for key, _ in indexed if type(key) is str)}
        strays = sorted(path.name for path in self.directory.iterdir() if path.name not in known)
        return indexed + [(name, None) for name in strays]

    def label(self, entry: tuple[Node, Node]) -> str:
        return f"BAOB {shown(entry[0])}"

    def convert(self, entry: tuple[Node, Node]) -> _Blob:
        key, version = check_key(self.role, entry[0]), entry[1]
        if version is None:
            raise EntryRefused("the index has no version for it")
        if not 0 <= expect(version, int, "its version") < 2**63:
            raise InvalidValue(self.role, key, f"has version {version}", "Give 0 to 2**63 - 1.")
        return _Blob(key, self._file(key), version)

    def _file(self, key: str) -> Path:
        # The client let keys lead anywhere; only what lies in the directory itself is read.
        if "/" in key or key in {".", "..", INDEX}:
            raise EntryRefused("its key leads out of the directory")
        path = self.directory / key
        try:
            found = path.lstat()
        except OSError as error:
            raise EntryRefused(f"its file cannot be read ({error.strerror})") from None
        if not stat.S_ISREG(found.st_mode):
            raise EntryRefused("its file is no regular file")
        if found.st_size > MAX_BAOB_BYTES:
            raise EntryRefused(f"it is {found.st_size} bytes long, {MAX_BAOB_BYTES} are taken")
        return path

    def has(self, value: _Blob) -> bool:
        stored = self._versions.get(value.key)
        return stored is not None and stored >= value.version

    def put(self, value: _Blob) -> None:
        self.database.set_baob_value(value.key, value.path.read_bytes(), value.version)
