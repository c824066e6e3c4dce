"""For every test of the checkout: no verdict depends on the machine or on who started it."""

import os
import signal

from hypothesis import settings

# The same examples in each run, as Hypothesis itself has them in CI: what failed does so again, and
# what passed is no luck. `make test-long` looks for others.
settings.register_profile(
    "project", deadline=None, derandomize="SMOK_LONG" not in os.environ, database=None
)
settings.load_profile("project")

# A shell ignores SIGINT for what it starts with `&`, and each child would inherit that: tests that
# send Ctrl-C to one want it to behave as in a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
