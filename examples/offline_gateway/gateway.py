"""A gateway that keeps a week of readings, one each ten minutes, and has no link.

The week is played at once; a real gateway would read its plant and sleep.
"""

import smok_core

WEEK = 7 * 24 * 6
BEGAN = 1_700_000_000  # seconds since the epoch


def temperature(number: int) -> float:
    """Play the plant: warmer by day."""
    return 20.0 + number % 144 / 10


def main() -> None:
    """Store the week; nothing here knows whether there is a link."""
    with smok_core.open_databases("smok.toml") as databases:
        for number in range(WEEK):
            moment = BEGAN + 600 * number
            databases.pathpoints.on_new_data("W1", moment * 1000, temperature(number))
            if temperature(number) > 34.2:
                event = smok_core.Event(started_on=moment, message="pump is hot")
                databases.events.add_event(event)


if __name__ == "__main__":
    main()
