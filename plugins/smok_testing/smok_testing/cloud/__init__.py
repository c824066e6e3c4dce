"""A SMOK cloud to test against: the whole API in memory, over sockets or without, with faults.

Needs no extra; the parts with certificates (`pki`, `secure`) need ``smok-core[cloud]``.
"""

from smok_testing.cloud.app import Exchange, SandboxCloud
from smok_testing.cloud.faults import Fault, FaultKind, FaultPlan
from smok_testing.cloud.inprocess import InProcessTransport
from smok_testing.cloud.server import SandboxServer, server_context
from smok_testing.cloud.state import Recorded, Reply

__all__ = [
    "Exchange",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "InProcessTransport",
    "Recorded",
    "Reply",
    "SandboxCloud",
    "SandboxServer",
    "server_context",
]
