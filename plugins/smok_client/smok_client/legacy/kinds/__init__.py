"""The kinds of files that smok 0.21.0 writes, and telling them apart by what is in them."""

from typing import Any, Final

from smok_client.legacy.kinds.baobs import INDEX as INDEX, BaobDirectory as BaobDirectory
from smok_client.legacy.kinds.base import Kind as Kind
from smok_client.legacy.kinds.definitions import ArchivesFile, PredicateFile, SensorFile
from smok_client.legacy.kinds.events import CacheFile, EventFile
from smok_client.legacy.kinds.pathpoints import PathpointFile
from smok_client.legacy.kinds.queues import MacroFile, MetadataFile, SensorWriteFile
from smok_client.legacy.nodes import Node
from smok_client.legacy.refusal import Fault, LegacyRefused

KINDS: Final[tuple[type[Kind[Any]], ...]] = (
    PredicateFile,
    SensorWriteFile,
    ArchivesFile,
    BaobDirectory,
    SensorFile,
    PathpointFile,
    EventFile,
    CacheFile,
    MacroFile,
    MetadataFile,
)


def kind_of_role(role: str, root: Node) -> type[Kind[Any]]:
    """Return the kind of a file whose role is known; only ``events`` has two."""
    if role == "events":
        return EventFile if type(root) is tuple else CacheFile
    return next(kind for kind in KINDS if kind.role == role)


def recognise(root: Node, file_name: str) -> type[Kind[Any]]:
    """Tell the kind of a file by its content, and by its name where that leaves a choice.

    Raises:
        LegacyRefused: It fits none, or several and the name does not decide.
    """
    fitting = [kind for kind in KINDS if kind.fits(root)]
    hinted = [kind for kind in fitting if any(hint in file_name.lower() for hint in kind.hints)]
    sure = [kind for kind in fitting if kind is not CacheFile]
    for choice in (hinted, sure):
        if len(choice) == 1:
            return choice[0]
    titles = " or ".join(kind.title for kind in fitting) or "none of the client's files"
    raise LegacyRefused(Fault.UNKNOWN, f"by its content it can be {titles}")
