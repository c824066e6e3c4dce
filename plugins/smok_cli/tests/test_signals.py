"""A signal ends a command at whatever moment it comes."""

import subprocess
import sys

import pytest

CODE = """
import signal, sys
from smok_cli.signals import stop_on_signals
stop = stop_on_signals()
with stop._cond:  # where the main thread is for a moment whenever it begins or ends a wait
    signal.raise_signal(int(sys.argv[1]))
    signal.raise_signal(int(sys.argv[1]))
print(stop.wait(10))
"""


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_in_the_middle_of_the_wait_is_heard(number):
    """A handler that set the event itself would wait for the lock that its own thread holds."""
    command = [sys.executable, "-c", CODE, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "True\n"
