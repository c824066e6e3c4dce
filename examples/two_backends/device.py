"""A device that keeps readings in one store and events in another; the program cannot tell."""

import smok_core

LIMIT = 30.0
READINGS = (21.5, 24.0, 31.0, 29.5)


def main() -> None:
    """Store the readings, and an event for each that is too high."""
    with smok_core.open_databases("smok.toml") as databases:
        for number, value in enumerate(READINGS):
            moment = 1_700_000_000 + number
            databases.pathpoints.on_new_data("W1", moment * 1000, value)
            if value > LIMIT:
                event = smok_core.Event(started_on=moment, message=f"W1 is {value}")
                databases.events.add_event(event)
        print("open events:", [event.message for event in databases.events.get_open_events()])


if __name__ == "__main__":
    main()
