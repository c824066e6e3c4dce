"""Macros against sets: lists from the cloud, executions, reports, restarts."""

from smok_core.model import Macro
from smok_core.roles import BaseMacroDatabase
from smok_testing.checks import same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

IDS = strategies.sampled_from(["a", "b", "1:a"])
TIMES = strategies.sampled_from([1, 2, 2.5])
OFFERS = strategies.dictionaries(IDS, strategies.sets(TIMES))

Occurrence = tuple[str, float]


class MacrosMachine(Machine):
    """The model knows what is offered, what ran, and what is reported."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        harness.fresh_roles()
        self.offered: set[Occurrence] = set()
        self.ran: set[Occurrence] = set()  #: ran here and is not forgotten
        self.reported: set[Occurrence] = set()

    @property
    def macros(self) -> BaseMacroDatabase:
        """Return the role."""
        return self.harness.roles.macros

    @rule(offer=OFFERS)
    def set_macros(self, offer: dict[str, set[float]]) -> None:
        """The cloud's list comes; what it no longer offers and knows of may be forgotten."""
        self.macros.set_macros(
            [Macro(macro_id=name, occurrences_not_done=list(ts)) for name, ts in offer.items()]
        )
        self.offered = {(name, ts) for name, times in offer.items() for ts in times}
        forgotten = self.reported - self.offered
        self.ran -= forgotten
        self.reported -= forgotten

    @rule(name=IDS, ts=TIMES)
    def execute(self, name: str, ts: float) -> None:
        """An occurrence runs, perhaps twice, perhaps one that nobody offered."""
        self.macros.notify_macro_executed(name, ts)
        self.ran.add((name, ts))

    @rule(name=IDS, ts=TIMES)
    def report(self, name: str, ts: float) -> None:
        """The cloud is told of one, perhaps of one that never ran."""
        self.macros.notify_macro_synced(name, ts)
        self.reported |= {(name, ts)} & self.ran

    @rule()
    def report_all(self) -> None:
        """The cloud is told of a batch."""
        batch = self.macros.get_macros_to_sync()
        if batch:
            batch.acknowledge()
        found = {tuple(execution) for execution in batch.executions} if batch else set()
        same(found, self.ran - self.reported, "the upload")
        self.reported |= self.ran

    @precondition(lambda self: self.persistent)
    @rule()
    def restart(self) -> None:
        """The process ends and starts again."""
        self.harness.reopen_roles()

    def check(self) -> None:
        """What is due and what is to be reported are what the sets say."""
        macros = self.macros.get_macros()
        found = {(macro.macro_id, ts) for macro in macros for ts in macro.occurrences_not_done}
        same(found, self.offered - self.ran, "what is due")
        same(set(self.macros.get_done_macros()), self.ran - self.reported, "to be reported")
