"""Read the table ``[roles]``: which store keeps which role, and everything that had a say."""

from typing import Any, Final

from smok_core.config.document import Written
from smok_core.config.fields import Fields
from smok_core.config.lines import Key
from smok_core.config.model import RoleConfig, StoreConfig
from smok_core.errors import nearest
from smok_core.hookspecs import Capability
from smok_core.roles import ROLES

_NOT_GIVEN: Final = "not configured: kept in memory"


def store_in(value: Any) -> Any:
    """Return what stands for a store's name in the value of a role, which may be a table."""
    return value.get("store") if isinstance(value, dict) else value


class RolesReader:
    """Checks the raw table against the stores one can name; ``fields`` notes what is wrong."""

    def __init__(self, stores: dict[str, StoreConfig], fields: Fields) -> None:
        self._table, self._stores, self._fields = fields.table("roles"), stores, fields
        self._document, self._problem = fields.document, fields.problem

    def read(self) -> dict[str, RoleConfig]:
        """Return all nine roles."""
        self._fields.check_names(self._table, ("default", *ROLES), ("roles",))
        return {role: self._role(role) for role in ROLES}

    def _role(self, role: str) -> RoleConfig:
        name = role if role in self._table else "default"
        if name not in self._table:
            return RoleConfig(role=role, store="memory", where=_NOT_GIVEN, chain=(_NOT_GIVEN,))
        key, value = ("roles", name), self._table[name]
        store, given = store_in(value), value if isinstance(value, dict) else {}
        if not isinstance(store, str):
            self._problem(key, f'{name} names no store. Write: {name} = "local"')
            return RoleConfig(role=role, store="memory", where=_NOT_GIVEN)
        self._fields.check_names(given, ("store", "require"), key)
        return RoleConfig(
            role=role,
            store=self._store(role, store, key),
            require=self._require(given.get("require", []), key),
            where=self._document.where(key),
            chain=self._chain(key, store),
        )

    def _store(self, role: str, name: str, key: Key) -> str:
        """Return the name of the store, or of what stands in for one that is wrong."""
        if name not in self._stores:
            near, known = nearest(name, self._stores), ", ".join(self._stores)
            wrong = f"there is no store {name!r}.{near} Configured: {known}."
            self._problem(key, f"{wrong} Add [stores.{name}] or name one of these.")
            return "memory"
        loaded = self._stores[name].loaded
        if loaded is not None and role not in loaded.roles:
            wrong = f"the backend {loaded.name!r} keeps only: {', '.join(loaded.roles)}."
            self._problem(key, f"{role}: {wrong} Give {role} another store.")
        return name

    def _chain(self, key: Key, store: str) -> tuple[str, ...]:
        """List what had a say, the winner last: overridden values, then the one that counts."""
        default = self._table.get("default")
        steps = [_NOT_GIVEN]
        if key[-1] != "default" and default is not None:
            where = self._document.where(("roles", "default"))
            steps.append(f"default = {store_in(default)!r} at {where}")
        steps += self._document.history.get(key, [])
        return (*steps, f"{key[-1]} = {store!r} at {self._document.where(key)}")

    def _require(self, names: Any, key: Key) -> frozenset[Capability]:
        known = [item.value for item in Capability]
        names = names.value if isinstance(names, Written) else names
        if not isinstance(names, list):
            wrong = 'require is a list of capabilities, for example ["persistent"].'
            self._problem(key, wrong)
            return frozenset()
        for name in names:
            if name not in known:
                wrong = f"no capability is called {name!r}.{nearest(str(name), known)}"
                self._problem(key, f"{wrong} Known: {', '.join(known)}.")
        return frozenset(Capability(name) for name in names if name in known)
