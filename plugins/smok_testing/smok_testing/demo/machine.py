"""Readings of the machine we run on, from ``/proc``: real values for the demonstration."""

from pathlib import Path
from typing import Final

from smok_core.model import OperationFailedError, OperationFailedReason, ValueOrExcept

_SECTOR: Final = 512
_PROC: Final = Path("/proc")


class Machine:
    """Reads load, processor, memory, disk and network; what cannot be read is a failed reading.

    Args:
        proc: Where the kernel tells these things.
    """

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._busy, self._total = 0, 0

    def read(self, at_ms: int) -> dict[str, ValueOrExcept]:
        """Return every reading by its pathpoint; a failure carries ``at_ms``."""
        sources = {
            "load.1min": self._load,
            "cpu.busy_percent": self._cpu,
            "memory.available_bytes": self._memory,
            "disk.read_bytes": lambda: self._disk(5),
            "disk.written_bytes": lambda: self._disk(9),
            "network.received_bytes": lambda: self._network(0),
            "network.sent_bytes": lambda: self._network(8),
            "processes.running": self._running,
        }
        found: dict[str, ValueOrExcept] = {}
        for name, source in sources.items():
            try:
                found[name] = source()
            except (OSError, ValueError, IndexError):
                found[name] = OperationFailedError(OperationFailedReason.INVALID, at_ms)
        return found

    def _words(self, name: str) -> list[str]:
        return (self._proc / name).read_text(encoding="utf-8").split()

    def _load(self) -> float:
        return float(self._words("loadavg")[0])

    def _running(self) -> int:
        return int(self._words("loadavg")[3].partition("/")[0])

    def _cpu(self) -> float:
        ticks = [int(word) for word in self._words("stat")[1:9]]
        total, busy = sum(ticks), sum(ticks) - ticks[3] - ticks[4]
        passed, worked = total - self._total, busy - self._busy
        self._total, self._busy = total, busy
        return round(100 * worked / passed, 2) if passed else 0.0

    def _memory(self) -> int:
        words = self._words("meminfo")
        return int(words[words.index("MemAvailable:") + 1]) * 1024

    def _disk(self, column: int) -> int:
        """Add up whole disks; a partition's sectors are its disk's as well."""
        lines = [
            line.split()
            for line in (self._proc / "diskstats").read_text(encoding="utf-8").splitlines()
        ]
        names = {line[2] for line in lines}
        whole = [line for line in lines if not _is_partition(line[2], names)]
        return sum(int(line[column]) for line in whole) * _SECTOR

    def _network(self, column: int) -> int:
        lines = (self._proc / "net" / "dev").read_text(encoding="utf-8").splitlines()[2:]
        return sum(int(line.partition(":")[2].split()[column]) for line in lines)


def _is_partition(name: str, names: set[str]) -> bool:
    bare = name.rstrip("0123456789")
    return name != bare and (bare in names or bare.removesuffix("p") in names)
