"""The exact ``module:name`` that may stand in a file of smok 0.21.0; others are only reported.

Module and name are compared together: a dotted name cannot imitate a longer module.
"""

from typing import Final

EVENT: Final = "smok.predicate.event:Event"
COLOR: Final = "smok.predicate.event:Color"
MACRO: Final = "smok.macro.macro:Macro"
SENSOR_WRITE: Final = "smok.sensor.write_logs:SensorWriteEvent"
DISABLED_TIME: Final = "smok.predicate.base:DisabledTime"
TIME: Final = "smok.predicate.base:Time"
FAILED: Final = "smok.exceptions:OperationFailedError"
NOT_READ: Final = "smok.exceptions:NotReadedError"
REASON: Final = "smok.exceptions:OperationFailedReason"

#: Its number is an attribute, not an argument.
UUID: Final = "uuid:UUID"
KNOWN: Final = frozenset(
    {EVENT, COLOR, MACRO, SENSOR_WRITE, DISABLED_TIME, TIME, FAILED, NOT_READ, REASON, UUID}
)
ENUMS: Final = frozenset({COLOR, REASON})
#: Made empty, and then filled.
FILLED: Final = frozenset(
    {"collections:deque", "collections:defaultdict", "collections:OrderedDict"}
)
DICTS: Final = FILLED - {"collections:deque"}
#: Protocols 2 and 3 have no opcode for a set.
SETS: Final = frozenset({"builtins:set", "__builtin__:set"})
