"""A gateway on the published client (smok 0.21.0) whose data survives its death.

    python gateway.py URL CERTIFICATE KEY

Beside it lies ``smok.toml``, which says where everything is kept. The registers of a plant are
played by a dictionary in memory; a real gateway would ask its field bus in `Register.on_read`.
"""

import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import smok_client
from smok.client import SMOKDevice
from smok.pathpoint import Pathpoint
from smok.predicate import BaseStatistic, Color

REGISTERS: dict[str, Any] = {"W1": 0, "W2": 0, "setpoint": 20}
#: Registers are read in threads of their own, as over a field bus.
BUS = ThreadPoolExecutor(2)


class Register(Pathpoint):
    """A register of the plant; W1 and W2 count up each time they are read."""

    def on_read(self, advise: Any) -> Future[Any]:  # noqa: ARG002 - the client's signature
        """Read it; the client stores what the Future gives."""
        return BUS.submit(self._read)

    def on_write(self, value: Any, advise: Any) -> Future[Any]:  # noqa: ARG002 - likewise
        """Write it, and read it back."""
        return BUS.submit(self._write, value)

    def set_new_value(self, *args: Any) -> None:
        """Tell what is stored, once it is."""
        super().set_new_value(*args)
        print("stored", self.name, args[-1], flush=True)

    def _read(self) -> Any:
        if self.name.startswith("W"):
            REGISTERS[self.name] += 1
        return REGISTERS[self.name]

    def _write(self, value: Any) -> None:
        REGISTERS[self.name] = value
        self.set_new_value(int(time.time() * 1000), value)


class Gateway(SMOKDevice):
    """Its pathpoints are the registers."""

    def provide_unknown_pathpoint(self, name: str, storage_level: int = 1) -> Register:
        """Make the pathpoint of a register."""
        return Register(self, name, storage_level)


class Window(BaseStatistic):
    """Keeps the last readings in its state, and one alarm open for ever."""

    statistic_name = "window"

    def on_tick(self) -> None:
        """Look at W1."""
        state = self.state or {"seen": deque(maxlen=10), "alarm": None}
        state["seen"].append(self.device.get_pathpoint("W1").current_value)
        if state["alarm"] is None:
            state["alarm"] = self.open_event("W1 is being watched", Color.YELLOW)
        self.state = state


def main(url: str, certificate: str, key: str) -> None:
    """Read all registers four times a second until the program ends."""
    with smok_client.databases("smok.toml") as stores:
        device = Gateway(certificate, key, delayed_boot=True, **stores)
        device.api.base_url = url
        device.register_statistic(Window, lambda name, _: name == "window")
        _go_on_counting(device)
        device.continue_boot()
        while True:
            device.execute(*(device.get_pathpoint(name).read() for name in REGISTERS))
            time.sleep(0.25)


def _go_on_counting(device: Gateway) -> None:
    stored = {name: device.get_pathpoint(name).current_value for name in REGISTERS}
    REGISTERS.update({name: value for name, value in stored.items() if value is not None})


if __name__ == "__main__":
    main(*sys.argv[1:])
