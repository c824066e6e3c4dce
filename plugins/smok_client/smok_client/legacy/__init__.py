"""Reading what smok 0.21.0 has stored: an inert decoder, and the import into our databases.

No pickle is ever loaded: an interpreter of its opcodes moves names and values about as data, and
per kind of file a converter checks every field (see `machine`, `kinds`).
"""

from smok_client.legacy.importing import (
    import_directory as import_directory,
    import_legacy as import_legacy,
)
from smok_client.legacy.limits import Limits as Limits
from smok_client.legacy.machine import decode as decode
from smok_client.legacy.refusal import (
    EntryRefused as EntryRefused,
    Fault as Fault,
    LegacyRefused as LegacyRefused,
    Refusal as Refusal,
)
from smok_client.legacy.report import Report as Report
