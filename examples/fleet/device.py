"""One device of a fleet; which one, the environment says. Each sees only what is its own."""

import smok_core


def main() -> None:
    """Raise the device's counter by one, and tell what it has."""
    with smok_core.open_databases("smok.toml") as databases:
        count = next_count(databases)
        databases.pathpoints.on_new_data("count", 1_700_000_000_000 + count, count)
        print(databases.config.device, "counts", count)


def next_count(databases: smok_core.Databases) -> int:
    """Return the number after the newest one."""
    try:
        _, value = databases.pathpoints.get_current_value("count")
    except smok_core.NotReadedError:
        return 1
    return int(value) + 1


if __name__ == "__main__":
    main()
