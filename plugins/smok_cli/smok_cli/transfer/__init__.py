"""Moving data between stores of any backend, and comparing two stores."""

from smok_cli.transfer.copying import copy
from smok_cli.transfer.errors import CopyDiffers, CopyUnfinished, TargetNotEmpty
from smok_cli.transfer.report import CopyReport, RoleCopy, RoleDigest, RoleVerdict, VerifyReport
from smok_cli.transfer.verifying import verify

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
