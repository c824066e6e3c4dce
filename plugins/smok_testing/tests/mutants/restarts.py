"""Wrong engines that keep all they were given, but for one role, until they are closed."""

from typing import Any

from plugins.smok_testing.tests.mutants.base import forgetful

#: Clauses about one role, and the role whose tables, series and blobs the engine forgets.
FORGOTTEN = {
    "baobs-BA1.baobs_survive_a_restart": "baobs",
    "events-EV1.events_survive_a_restart": "events",
    "events-EV3.caches_survive_a_restart": "events",
    "pathpoints-G5.every_key_survives_a_restart_of_values": "pathpoints",
    "macros-MA1.executions_survive_a_restart": "macros",
    "metadata-ME1.metadata_survives_a_restart": "metadata",
    "sensor_writes-Q3.the_queue_survives_a_restart_writes": "sensor_writes",
    "metadata-Q4.changes_after_a_restart_go_again_changes": "metadata",
    "events-G11.dead_letters_survive_a_restart_events": "events",
    "pathpoints-PP2.values_survive_a_restart": "pathpoints",
    "pathpoints-PP4.repeats_after_a_restart_stay_repeats": "pathpoints",
    "sensors-SE1.sensors_survive_a_restart": "sensors",
    "archives-AR1.instructions_survive_a_restart": "archives",
    "predicates-PR1.predicates_survive_a_restart": "predicates",
    "sensor_writes-Q5.drops_stay_counted": "sensor_writes",
    "general-G8.a_clock_that_jumps_over_a_restart_changes_nothing": "macros",
    "general-G9.a_device_finds_its_own_data_again": "baobs",
}


def _forgets(role: str) -> Any:
    def spoil(state: Any) -> None:
        for kind in state.values():
            for name in [name for name in kind if role in name]:
                del kind[name]

    spoil.__name__ = f"forgets_{role}"
    spoil.__doc__ = f"Keeps {role} in memory only."
    return spoil


for _caught_by, _role in FORGOTTEN.items():
    forgetful(_caught_by)(_forgets(_role))
