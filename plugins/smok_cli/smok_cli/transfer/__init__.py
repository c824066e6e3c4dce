"""Moving data between stores of any backend, and comparing two stores."""

from smok_core.transfer.copying import copy
from smok_core.transfer.errors import CopyDiffers, CopyUnfinished, TargetNotEmpty
from smok_core.transfer.report import CopyReport, RoleCopy, RoleDigest, RoleVerdict, VerifyReport
from smok_core.transfer.verifying import verify

__all__ = [
    "CopyDiffers",
    "CopyReport",
    "CopyUnfinished",
    "RoleCopy",
    "RoleDigest",
    "RoleVerdict",
    "TargetNotEmpty",
    "VerifyReport",
    "copy",
    "verify",
]
