"""No class is seen by msgspec for the first time in the middle of the work (`prepared`).

Two threads that decode to one for the first time at once end the process with a segmentation fault.
"""

import subprocess
import sys

WORK = """
import sys, time
import smok_core
from smok_cli.state.seen import acknowledge_losses, read_seen
from smok_cloud.api import ApiClient
from smok_cloud.history import History, read_history
from smok_cloud.lease import Lease
from smok_cloud.statistics import read_statistics
from smok_cloud.synchronizer import Synchronizer
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.inprocess import InProcessTransport

found = []

def note(frame, event, _):
    if event == "call" and frame.f_code.co_name == "get_class_annotations":
        found.append(frame.f_locals["obj"].__name__)

cloud = SandboxCloud()
macro = {"macro_id": "m", "commands": [{"path": "a", "value": 1}],
         "occurrences": [{"timestamp": int(time.time()) + 9, "completed": False}]}
cloud.macros.append(macro)
cloud.sensors.append({"fqts": "a", "path": "a", "type": "t"})
cloud.archives.append({"interval": 5, "pathpoints": ["a"]})
cloud.baobs["theirs"] = (b"x", 1)
databases = smok_core.open_databases({"device": "pump-17"})
table = databases.engines["memory"].table
sys.setprofile(note)
databases.pathpoints.on_new_data("a", 1, 1.5)
databases.pathpoints.define_pathpoint("a")
event = smok_core.Event(started_on=1)
databases.events.add_event(event)
databases.events.close_event(event)
audit = dict.fromkeys(("who", "hr_sensor", "hr_value", "fqts", "value", "reason"), "x")
databases.sensor_writes.add_sw(smok_core.SensorWriteEvent(timestamp=1, **audit))
databases.macros.notify_macro_executed("m", 1)
databases.metadata.put_plain("k", "v")
databases.baobs.set_baob_value("ours", b"x", 1)
api = ApiClient("http://sandbox", transport=InProcessTransport(cloud))
for _ in range(2):
    assert Synchronizer(dict(databases), api, table=table("cloud.statistics")).run_once()
    lease = Lease("s", table("leases"), "work")
    lease.hold()
    lease.hold()
    lease.release()
api.get_device()
assert read_statistics(databases)
History(databases).record()
assert read_history(databases, time.time() + 1)
databases.pathpoints.outbox.take()
databases.pathpoints.on_new_data("a", 2, 1.5)
databases.pathpoints.outbox.take().reject("because")
acknowledge_losses(databases)
assert read_seen(databases, "pathpoints").letters
assert databases.macros.get_macros() and list(databases.sensors.get_all_sensors())
sys.setprofile(None)
print("seen late:", *found)
"""


def test_no_class_is_seen_first_by_two_threads():
    """All roles, both directions, leases, statistics, history and acknowledged losses."""
    command = [sys.executable, "-c", WORK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "seen late:\n", done.stderr
