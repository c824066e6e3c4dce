"""What a copy or a comparison has found."""

import msgspec


class RoleCopy(msgspec.Struct, kw_only=True):
    """What was copied of one role; a copy that goes on after a kill counts from there."""

    role: str
    rows: int = 0
    points: int = 0
    pending: int = 0  #: rows and points that wait for upload in the target, as in the source
    blobs: int = 0
    unreadable: int = 0  #: could not be decoded, and went to the target's dead letters
    resumed: bool = False  #: something of the role was in the target already
    verified: bool | None = None  #: None: merged into other data, so there is nothing to compare


class CopyReport(msgspec.Struct, kw_only=True):
    """What a copy has done."""

    roles: dict[str, RoleCopy]


class RoleDigest(msgspec.Struct, frozen=True, kw_only=True):
    """What a store holds of one role: counts, and a digest of everything."""

    role: str
    rows: int
    points: int
    pending: int
    blobs: int
    digest: str


class RoleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """How one role compares in two stores."""

    a: RoleDigest
    b: RoleDigest
    differences: tuple[str, ...] = ()  #: the first few, in words

    @property
    def equal(self) -> bool:
        """Tell whether both hold the same: data, order of the queues, tags, dead letters."""
        return self.a.digest == self.b.digest


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """How two stores compare."""

    roles: dict[str, RoleVerdict]

    @property
    def equal(self) -> bool:
        """Tell whether all roles are equal."""
        return all(verdict.equal for verdict in self.roles.values())
