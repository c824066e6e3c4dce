"""Archives: the instructions which pathpoints to archive at which interval."""

from abc import abstractmethod

from smok_core.errors import InvalidType, InvalidValue
from smok_core.roles.base import Database, OnEngine
from smok_core.roles.checks import check_key


class BaseArchivesDatabase(Database):
    """Keep the archiving instructions (contract AR1). All methods may be called from any thread."""

    role = "archives"

    @abstractmethod
    def get_archiving_instructions(self) -> dict[int, list[str]]:
        """Return ``{interval in seconds: [pathpoint, ...]}``; {} if there are none."""

    @abstractmethod
    def on_archiving_data_sync(self, new_data: dict[int, list[str]]) -> None:
        """Replace the instructions, all at once.

        Raises:
            InvalidType: An interval is not an int, or the pathpoints are not a list of str.
            InvalidValue: An interval is not positive. Nothing has been changed.
        """


class ArchivesDatabase(BaseArchivesDatabase, OnEngine):
    """The role on an engine: one row an interval."""

    tables = ("archives",)

    def get_archiving_instructions(self) -> dict[int, list[str]]:
        return dict(sorted((int(row.key), names) for row, names in self.rows()))

    def on_archiving_data_sync(self, new_data: dict[int, list[str]]) -> None:
        if type(new_data) is not dict:
            raise InvalidType(self.role, "the instructions", new_data, "a dict")
        items = new_data.items()
        self._table.replace({self._check(*item): self.codec.dumps(item[1]) for item in items})

    def _check(self, interval: object, names: object) -> str:
        if type(interval) is not int:
            raise InvalidType(self.role, "the interval", interval, "an int of seconds")
        if interval <= 0:
            remedy = "Give seconds greater than 0."
            raise InvalidValue(self.role, "the interval", f"is {interval}", remedy)
        if type(names) is not list:
            raise InvalidType(self.role, interval, names, "a list of pathpoint names")
        for name in names:
            check_key(self.role, name)
        return str(interval)
