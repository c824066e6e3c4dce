"""Reading what smok 0.21.0 has stored: an inert decoder, and the import into our databases.

No pickle is ever loaded: an interpreter of its opcodes moves names and values about as data, and
per kind of file a converter checks every field (see `machine`, `kinds`).
"""

from smok_client.legacy.importing import import_directory, import_legacy
from smok_client.legacy.limits import Limits
from smok_client.legacy.machine import decode
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused, Refusal
from smok_client.legacy.report import Report

__all__ = [
    "EntryRefused",
    "Fault",
    "LegacyRefused",
    "Limits",
    "Refusal",
    "Report",
    "decode",
    "import_directory",
    "import_legacy",
]
