"""Predicates: the rules a device evaluates to raise events, with their state."""

from abc import abstractmethod
from typing import Any

from smok_core.engine.plain import check_plain
from smok_core.errors import InvalidType
from smok_core.roles.base import Database, OnEngine
from smok_core.roles.checks import check_key


class BasePredicateDatabase(Database):
    """Keep the predicates as the plain dicts that describe them (contract PR1).

    A predicate is a dict of plain data with its id under ``predicate_id``; silencing periods and
    state are part of it. All methods may be called from any thread.
    """

    role = "predicates"

    @abstractmethod
    def get_all_predicates(self) -> list[dict[str, Any]]:
        """Return every predicate, those stored or changed first first."""

    @abstractmethod
    def update_predicate(self, v: dict[str, Any]) -> None:
        """Store one in place of the one with its id. Raises InvalidType: it is no predicate."""

    @abstractmethod
    def set_new_predicates(self, v: list[dict[str, Any]]) -> None:
        """Replace all, at once. Raises InvalidType: one is no predicate; nothing has changed."""


class PredicateDatabase(BasePredicateDatabase, OnEngine):
    """The role on an engine: one row a predicate."""

    tables = ("predicates",)

    def get_all_predicates(self) -> list[dict[str, Any]]:
        return self.items()

    def update_predicate(self, v: dict[str, Any]) -> None:
        self._table.put(self._check(v), self.codec.dumps(v))

    def set_new_predicates(self, v: list[dict[str, Any]]) -> None:
        self._table.replace({self._check(item): self.codec.dumps(item) for item in v})

    def _check(self, predicate: Any) -> str:
        if type(predicate) is not dict or "predicate_id" not in predicate:
            raise InvalidType(self.role, "a predicate", predicate, "a dict with a predicate_id")
        key = check_key(self.role, predicate["predicate_id"])
        check_plain(predicate, self.role, key)
        return key
