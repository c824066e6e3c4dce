"""Polls registers in rounds; a reading that failed is stored as what it is, with its reason.

The bus is played by a table of answers; a real poller would ask its Modbus client in `ask`.
"""

import smok_core
from smok_core import OperationFailedError, OperationFailedReason

ANSWERS: dict[str, list[bytes | None]] = {
    "W1": [b"\x00\xd7", b"\x00\xd8", None],  # the last round: no answer
    "W2": [b"\x00\x04", b"\x00", b"\x00\x05"],  # the second round: too short
}


def ask(register: str, round_number: int) -> int:
    """Return the register's value.

    Raises:
        OperationFailedError: There was no answer, or one that is no register.
    """
    answer = ANSWERS[register][round_number]
    if answer is None:
        raise OperationFailedError(OperationFailedReason.TIMEOUT)
    if len(answer) != 2:
        raise OperationFailedError(OperationFailedReason.MALFORMED)
    return int.from_bytes(answer)


def read(register: str, round_number: int) -> int | OperationFailedError:
    """Return the value or the failure: both are readings."""
    try:
        return ask(register, round_number)
    except OperationFailedError as error:
        return error


def tell(databases: smok_core.Databases, register: str) -> None:
    """Print the newest reading; one that failed is raised by the database."""
    try:
        _, value = databases.pathpoints.get_current_value(register)
        print(register, value)
    except smok_core.NotReadedError:
        print(register, "never read")
    except OperationFailedError as error:
        print(register, "failed:", error.reason.value if error.reason else "unknown")


def main() -> None:
    """Poll three rounds, a minute apart, and tell what is known then."""
    with smok_core.open_databases("smok.toml") as databases:
        for number in range(3):
            moment = 1_700_000_000_000 + 60_000 * number
            for register in ANSWERS:
                databases.pathpoints.on_new_data(register, moment, read(register, number))
        for register in (*ANSWERS, "W3"):
            tell(databases, register)


if __name__ == "__main__":
    main()
