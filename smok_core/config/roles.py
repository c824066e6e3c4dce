"""Read the table ``[roles]``: which store keeps which role, and everything that had a say."""

from __future__ import annotations

from typing import Any, Final

from smok_core.config.document import Document, Written
from smok_core.config.fields import Fields
from smok_core.config.lines import Key
from smok_core.config.model import RoleConfig, StoreConfig
from smok_core.errors import nearest
from smok_core.hookspecs import Capability
from smok_core.roles import ROLES

_ROLE_KEYS: Final = ("store", "require")
_NOT_GIVEN: Final = "not configured: kept in memory"


class RolesReader:
    """Checks the raw table against the stores one can name; ``fields`` notes what is wrong."""

    def __init__(
        self,
        table: dict[str, Any],
        stores: dict[str, StoreConfig],
        document: Document,
        fields: Fields,
    ) -> None:
        self._table, self._stores = table, stores
        self._document, self._fields = document, fields

    def read(self) -> dict[str, RoleConfig]:
        """Give all nine roles."""
        self._fields.check_names(self._table, ("default", *ROLES), ("roles",))
        return {role: self._role(role) for role in ROLES}

    def _role(self, role: str) -> RoleConfig:
        name = role if role in self._table else "default"
        if name not in self._table:
            return RoleConfig(role=role, store="memory", where=_NOT_GIVEN, chain=(_NOT_GIVEN,))
        return self._given_role(role, ("roles", name), self._table[name])

    def _given_role(self, role: str, key: Key, value: Any) -> RoleConfig:
        given = {"store": value} if isinstance(value, str) else value
        if not isinstance(given, dict) or not isinstance(given.get("store"), str):
            self._fields.problem(key, f'{key[-1]} names no store. Write: {key[-1]} = "local"')
            return RoleConfig(role=role, store="memory", where=_NOT_GIVEN)
        self._fields.check_names(given, _ROLE_KEYS, key)
        self._check_store(given["store"], key)
        store = given["store"] if given["store"] in self._stores else "memory"
        self._check_supports(role, self._stores[store], key)
        return RoleConfig(
            role=role,
            store=store,
            require=self._require(given.get("require", []), key),
            where=self._document.where(key),
            chain=self._chain(key, given["store"]),
        )

    def _chain(self, key: Key, store: str) -> tuple[str, ...]:
        """List what had a say, the winner last: overridden values, then the one that counts."""
        default = self._table.get("default")
        steps = [_NOT_GIVEN]
        if key[-1] != "default" and default is not None:
            name = default if isinstance(default, str) else default.get("store")
            steps.append(f"default = {name!r} at {self._document.where(('roles', 'default'))}")
        steps += self._document.history.get(key, [])
        return (*steps, f"{key[-1]} = {store!r} at {self._document.where(key)}")

    def _check_store(self, name: str, key: Key) -> None:
        if name not in self._stores:
            near = nearest(name, self._stores)
            self._fields.problem(
                key,
                f"there is no store {name!r}.{near} Configured: {', '.join(self._stores)}. "
                f"Add [stores.{name}] or name one of these.",
            )

    def _check_supports(self, role: str, store: StoreConfig, key: Key) -> None:
        if store.loaded is not None and role not in store.loaded.roles:
            kept = ", ".join(store.loaded.roles)
            self._fields.problem(
                key,
                f"{role}: the backend {store.backend!r} keeps only: {kept}. "
                f"Give {role} another store.",
            )

    def _require(self, names: Any, key: Key) -> frozenset[Capability]:
        values = {item.value: item for item in Capability}
        names = names.value if isinstance(names, Written) else names
        if not isinstance(names, list):
            self._fields.problem(
                key, 'require is a list of capabilities, for example ["persistent"].'
            )
            return frozenset()
        for name in names:
            if name not in values:
                self._fields.problem(
                    key,
                    f"no capability is called {name!r}.{nearest(str(name), values)} "
                    f"Known: {', '.join(values)}.",
                )
        return frozenset(values[name] for name in names if name in values)
