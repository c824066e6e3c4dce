"""For every test of the checkout: no verdict depends on the machine or on who started it."""

import signal

from hypothesis import settings

settings.register_profile("project", deadline=None)
settings.load_profile("project")

# A shell ignores SIGINT for what it starts with `&`, and each child would inherit that: tests that
# send Ctrl-C to one want it to behave as in a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
