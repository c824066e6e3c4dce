"""Moving data between stores of any backend, and comparing two stores."""

from smok_cli.transfer.copying import copy as copy
from smok_cli.transfer.errors import (
    CopyDiffers as CopyDiffers,
    CopyUnfinished as CopyUnfinished,
    TargetNotEmpty as TargetNotEmpty,
)
from smok_cli.transfer.report import (
    CopyReport as CopyReport,
    RoleCopy as RoleCopy,
    RoleDigest as RoleDigest,
    RoleVerdict as RoleVerdict,
    VerifyReport as VerifyReport,
)
from smok_cli.transfer.verifying import verify as verify
