"""How much memory the import of a 50 MB legacy event file takes: growth of the process, in files.

The file is written by a child that gives its classes the client's names, so it needs no client;
the pickle is what smok 0.21.0 writes. It is read by another child, into the embedded backend.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import report

_MEGABYTES = 50

_WRITE = """
import enum, pickle, random, sys, types, uuid
module = types.ModuleType("smok.predicate.event")
for name in ("smok", "smok.predicate"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["smok.predicate.event"] = module

class Color(enum.IntEnum):
    WHITE, YELLOW, RED = range(3)

class Event:
    __slots__ = ("uuid", "provisional_uuid", "started_on", "ended_on", "color", "is_point",
                 "token", "group", "message", "handled_by", "metadata")

for kind in (Color, Event):
    kind.__module__, kind.__qualname__ = module.__name__, kind.__name__
    setattr(module, kind.__name__, kind)

def event(number):
    made = Event()
    made.uuid, made.provisional_uuid = str(uuid.uuid4()), uuid.uuid4().hex
    made.started_on, made.ended_on = 1600000000 + number, 1600000300 + number
    made.color, made.is_point, made.token = Color(number % 3), False, "over"
    made.group, made.handled_by = "B", None
    made.message = "Pump %d: pressure of %.2f bar is too high" % (number % 40, number / 7)
    made.metadata = {"predicate_id": uuid.UUID(int=number % 40).hex}
    return made

size = len(pickle.dumps([event(number) for number in range(1000)])) / 1000
events = [event(number) for number in range(int(float(sys.argv[2]) * 1e6 / size))]
with open(sys.argv[1], "wb") as stream:
    pickle.dump((events, events[-100:]), stream, pickle.HIGHEST_PROTOCOL)
"""

_READ = """
import json, resource, sys, time
import smok_core
from smok_client.legacy import import_legacy

def resident():
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize()

store = {"backend": "pickle", "path": sys.argv[2]}
config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
with smok_core.open_databases(config) as databases:
    before, start = resident(), time.perf_counter()
    result = import_legacy("events", sys.argv[1], databases, dry_run=sys.argv[3] == "dry")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert result.ok and result.imported == result.found, str(result)
    print(json.dumps([peak - before, time.perf_counter() - start, result.found]))
"""


def main() -> None:
    """Write the file, import it, and report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.pkl")
        subprocess.run([sys.executable, "-c", _WRITE, path, str(_MEGABYTES)], check=True)
        size = path.stat().st_size
        for mode in ("dry", "real"):
            command = [sys.executable, "-c", _READ, path, Path(folder, "smok.db"), mode]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            growth, seconds, found = json.loads(done.stdout)
            name = f"legacy import ({mode}, {found} events, {size / 1e6:.0f} MB, {seconds:.0f} s)"
            report(f"{name}: memory / file", growth / size, "<= 6", met=growth <= 6 * size)


if __name__ == "__main__":
    main()
