"""What an import has done, or would do: counts, and every refusal by name."""

import msgspec

from smok_client.legacy.refusal import Fault, Refusal


class Report(msgspec.Struct, kw_only=True):
    """The outcome of importing one legacy file. ``found`` is the sum of the three others' sizes."""

    path: str
    role: str | None = None  #: None: it could not be told
    kind: str | None = None  #: what the file is, in words
    dry_run: bool = False
    done_before: bool = False  #: this very file was imported already; nothing was looked at
    found: int = 0
    imported: int = 0  #: in a dry run: would be
    unchanged: int = 0  #: stored already, or with nothing left to do
    refused: list[Refusal] = msgspec.field(default_factory=list)
    left_out: str | None = None  #: why it was not looked into; that is no failure
    fault: Fault | None = None  #: the whole file was refused
    detail: str | None = None  #: why the whole file was refused

    @property
    def ok(self) -> bool:
        """Tell whether everything in the file was taken over or there already."""
        return self.fault is None and not self.refused

    def __str__(self) -> str:
        """Return one line for people."""
        if self.fault is not None:
            return f"{self.path}: {self.detail}"
        if self.left_out is not None:
            return f"{self.path}: {self.left_out}"
        if self.done_before:
            return f"{self.path}: {self.kind}: this file was imported before, nothing was done"
        verb = "would be imported" if self.dry_run else "imported"
        return (
            f"{self.path}: {self.kind}: {self.found} found, {self.imported} {verb}, "
            f"{self.unchanged} unchanged, {len(self.refused)} refused"
        )
