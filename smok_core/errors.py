"""Every error a user of the storage layer can meet: what happened, where, and the way out.

An error takes typed arguments, builds its own message and ends it with the remedy. ``code`` is
stable across releases: programs compare it, people search for it. Errors that stand for a
built-in one (a missing key, a bad value) also inherit from it, so ``except KeyError`` works.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple


class SmokError(Exception):
    """The base of all errors of this project."""

    code: ClassVar[str] = "SMOK-000"
    #: What the ``smok`` command exits with when this error ends it.
    exit_status: ClassVar[int] = 1

    def __str__(self) -> str:
        """Return the message; KeyError's own ``__str__`` would show its repr instead."""
        return str(self.args[0]) if self.args else ""


class InvalidKey(SmokError, ValueError):
    """A key breaks rule G5: str of 1..512 UTF-8 bytes, no NUL, no lone surrogate."""

    code = "SMOK-A01"

    def __init__(self, role: str, key: object, reason: str) -> None:
        self.role, self.key = role, key
        super().__init__(
            f"{role}: the key {_shorten(key)} {reason}. "
            "Use a text of 1 to 512 UTF-8 bytes without NUL characters or lone surrogates."
        )


class InvalidType(SmokError, TypeError):
    """A value has a type that the role does not keep (rule G6)."""

    code = "SMOK-A02"

    def __init__(self, role: str, key: object, value: object, expected: str) -> None:
        self.role, self.key = role, key
        name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        super().__init__(f"{role}: {_shorten(key)} got a value of type {name}. Give {expected}.")


class InvalidValue(SmokError, ValueError):
    """A value has the right type and lies outside of what the role keeps (rule G6)."""

    code = "SMOK-A03"

    def __init__(self, role: str, key: object, reason: str, remedy: str) -> None:
        self.role, self.key = role, key
        super().__init__(f"{role}: {_shorten(key)} {reason}. {remedy}")


class NotFound(SmokError, KeyError):
    """There is nothing under this key."""

    code = "SMOK-A04"

    def __init__(self, role: str, key: object) -> None:
        self.role, self.key = role, key
        super().__init__(f"{role}: there is nothing under {_shorten(key)}.")


class WrongClasses(SmokError, TypeError):
    """A database of ours was handed to the published client, whose classes it does not speak."""

    code = "SMOK-A08"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} speaks the classes of smok_core, and was given to the device of the published "
            f"client, which needs its own. Import it so: from smok_client.extras import {name}"
        )


class VersionNotNewer(SmokError, ValueError):
    """A BAOB was written with a version that does not grow (rule BA3)."""

    code = "SMOK-A05"

    def __init__(self, key: str, stored: int, offered: int) -> None:
        self.key, self.stored, self.offered = key, stored, offered
        super().__init__(
            f"baobs: {_shorten(key)} is stored as version {stored}, version {offered} was refused. "
            f"Write version {stored + 1} or higher."
        )


class StoreError(SmokError):
    """A store (a named, configured backend) could not do its work.

    Args:
        store: The store's name or location, without secrets.
        detail: What happened, without secrets.
        remedy: What to do about it; each class has a sensible one of its own.
    """

    exit_status = 3
    remedy: ClassVar[str] = "See `smok check` for the state of each store."

    def __init__(self, store: str, detail: str, remedy: str | None = None) -> None:
        self.store, self.detail = store, detail
        super().__init__(f"store {store}: {detail}. {remedy or self.remedy}")


class BackendUnavailable(StoreError):
    """The store cannot be reached or is busy: temporary, trying again is right and harmless."""

    code = "SMOK-S01"
    remedy = "This is temporary: try again; nothing stored is lost."


class StorageFull(StoreError):
    """There is no room: new data is refused, nothing stored is lost (rule G13)."""

    code = "SMOK-S02"
    remedy = "Free some space; what is stored can still be uploaded and acknowledged."


class QueueFull(StorageFull):
    """The configured ``max_pending`` is reached and ``on_full`` says ``refuse`` (rule Q5)."""

    code = "SMOK-S03"
    remedy = "Wait for the upload, raise max_pending, or set on_full = 'drop-oldest'."


class CorruptData(StoreError):
    """What is stored cannot be read."""

    code = "SMOK-S04"
    remedy = (
        "A store with on_corrupt = 'quarantine', as is the default, saves what is readable at its"
        " next start."
    )


class AlreadyOpen(StoreError):
    """Somebody else has the store and the backend cannot share it (rule G10)."""

    code = "SMOK-S05"
    remedy = "Stop the other process, or give this one a store of its own."


class SchemaTooNew(StoreError):
    """The store was written by a newer release (rule G12); nothing was changed."""

    code = "SMOK-S06"
    remedy = "Upgrade the backend's package; nothing was written."

    def __init__(self, store: str, found: int, known: int) -> None:
        self.found, self.known = found, known
        super().__init__(store, f"its schema version is {found}, this release knows up to {known}")


class ReadOnlyStore(StoreError):
    """The store can be read and not written."""

    code = "SMOK-S07"
    remedy = "Give the process the right to write there, or mount the file system read-write."


class ForeignData(StoreError):
    """Something that is not ours lies where the store should be; it was not touched."""

    code = "SMOK-S08"
    remedy = "Configure another place; nothing was overwritten."


class DataLost(StoreError):
    """The store came back without data that it had acknowledged."""

    code = "SMOK-S09"
    remedy = "Restore the server's data, or accept the loss as the plugin's README describes."


class DurabilityUnmet(StoreError):
    """The server cannot keep the configured ``durability`` (rule G3)."""

    code = "SMOK-S10"
    remedy = "Change the named setting of the server, or configure a weaker durability."


class StoreClosed(StoreError):
    """The store was closed before this call."""

    code = "SMOK-S11"
    remedy = "Open the databases again with open_databases()."


class StoreVanished(StoreError):
    """What the store is made of was removed or replaced while it was open (rule G16)."""

    code = "SMOK-S12"
    remedy = (
        "Nothing is accepted any more: what was written would be written into nothing. Put the "
        "right file in its place and start the program again."
    )


class PluginError(SmokError):
    """A backend, a table or a command that is asked for could not be had."""

    exit_status = 4


class BackendNotInstalled(PluginError):
    """The config names a backend that is known and not installed."""

    code = "SMOK-P01"

    def __init__(self, name: str, package: str, where: str, installed: Sequence[str]) -> None:
        self.name, self.package = name, package
        super().__init__(
            f"backend {name!r} ({where}) is not installed. Installed: {_listing(installed)}. "
            f"Install it: pip install {package}"
        )


class UnknownBackend(PluginError):
    """The config names a backend nobody here has heard of."""

    code = "SMOK-P02"

    def __init__(self, name: str, where: str, hint: str, installed: Sequence[str]) -> None:
        self.name = name
        super().__init__(
            f"no backend is called {name!r} ({where}).{hint} Installed: {_listing(installed)}. "
            f"Correct the name, or install a package that has {name!r} in smok_core.backends.v1."
        )


class DriverMissing(PluginError):
    """The plugin is installed and the library it drives its server with is not."""

    code = "SMOK-P03"

    def __init__(self, name: str, distribution: str, module: str, requirement: str) -> None:
        self.name, self.distribution, self.module = name, distribution, module
        super().__init__(
            f"backend {name!r} ({distribution}) is installed, its driver {module!r} is not. "
            f'Install it: pip install "{requirement}"'
        )


class PluginBroken(PluginError):
    """Importing or registering the plugin failed: a bug in the plugin or its installation."""

    code = "SMOK-P04"

    def __init__(self, name: str, distribution: str, detail: str, kind: str = "backend") -> None:
        self.name, self.distribution, self.detail = name, distribution, detail
        package = distribution.partition(" ")[0]
        other = ", or configure another backend" if kind == "backend" else ""
        super().__init__(
            f"{kind} {name!r} ({distribution}) could not be loaded: {detail}. "
            f"Other {kind}s are unaffected. Reinstall or upgrade {package}{other}."
        )


class DuplicateBackend(PluginError):
    """Two installed distributions claim the same name."""

    code = "SMOK-P05"

    def __init__(self, name: str, distributions: Sequence[str], kind: str = "backend") -> None:
        self.name, self.distributions = name, tuple(distributions)
        exact = f"{distributions[0].split(' ')[0]}:{name}"
        how = {"backend": f'backend = "{exact}"', "command": f"smok {exact}"}.get(kind)
        super().__init__(
            f"{kind} {name!r} is provided by {_listing(distributions)}. "
            f"Uninstall one of them{f', or say which: {how}' if how else '.'}"
        )


class ApiMismatch(PluginError):
    """The plugin speaks only a plugin API that this core does not."""

    code = "SMOK-P06"

    def __init__(
        self, name: str, distribution: str, offered: str, known: str, kind: str = "backend"
    ) -> None:
        self.name, self.distribution = name, distribution
        package = distribution.partition(" ")[0]
        offered = offered or f"(none: its group lacks .v{known})"
        super().__init__(
            f"{kind} {name!r} ({distribution}) is written for plugin API {offered}, this "
            f"smok-core speaks {known}. Upgrade smok-core, or install an older {package}."
        )


class BackendRoleUnsupported(PluginError):
    """The backend does not keep this role."""

    code = "SMOK-P07"

    def __init__(self, name: str, role: str, supported: Sequence[str]) -> None:
        self.name, self.role = name, role
        super().__init__(
            f"backend {name!r} does not keep the role {role!r}; it keeps: {_listing(supported)}. "
            f"Give {role} another store."
        )


class PluginContract(PluginError):
    """The plugin broke the plugin interface: a misspelt hook, a wrong return type."""

    code = "SMOK-P08"

    def __init__(self, name: str, distribution: str, detail: str, kind: str = "backend") -> None:
        self.name, self.distribution = name, distribution
        other = "configure another backend" if kind == "backend" else "uninstall it"
        super().__init__(
            f"{kind} {name!r} ({distribution}) breaks the plugin interface: {detail}. "
            f"This is a bug in the plugin: tell its authors, or {other}."
        )


class CapabilityUnmet(PluginError):
    """The config requires what the backend does not declare."""

    code = "SMOK-P09"

    def __init__(self, role: str, store: str, missing: Iterable[str], where: str) -> None:
        self.role, self.store, self.missing = role, store, tuple(missing)
        super().__init__(
            f"role {role!r} requires {_listing(self.missing)} ({where}), the store {store!r} does "
            "not offer it. Give the role another store, or drop the requirement."
        )


class ConfigProblem(NamedTuple):
    """One thing that is wrong in a configuration, and where."""

    where: str  #: ``file:line`` or the environment variable's name
    message: str  #: what is wrong, ending with the remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ConfigError(SmokError):
    """The configuration is wrong; all that is wrong with it comes in one pass."""

    code = "SMOK-C01"
    exit_status = 2

    def __init__(self, path: str | Path, problems: Sequence[ConfigProblem]) -> None:
        self.path, self.problems = str(path), tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"the configuration cannot be used:\n{lines}")


def _shorten(value: object, limit: int = 80) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _listing(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean ...?" for the nearest known name; nothing where none is near."""
    import difflib  # noqa: PLC0415 - needed only to explain a mistake

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
