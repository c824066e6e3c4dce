"""A SMOK cloud to test against: the whole API in memory, over sockets or without, with faults.

Needs no extra; the parts with certificates (`pki`, `secure`) need ``smok-core[cloud]``.
"""

from smok_testing.cloud.app import Exchange as Exchange, SandboxCloud as SandboxCloud
from smok_testing.cloud.faults import Fault as Fault, FaultKind as FaultKind, FaultPlan as FaultPlan
from smok_testing.cloud.inprocess import InProcessTransport as InProcessTransport
from smok_testing.cloud.server import (
    SandboxServer as SandboxServer,
    server_context as server_context,
)
from smok_testing.cloud.state import Recorded as Recorded, Reply as Reply
