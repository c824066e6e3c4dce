"""Full-jitter back-off: a random wait below a bound that doubles with every failure.

Spreading the whole interval keeps a fleet of devices from returning in step after an outage of
the cloud (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

import random
from typing import Final

FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 300.0
#: A server may ask for more patience than that; more than an hour is taken for nonsense.
LONGEST_ASKED_SECONDS: Final = 3600.0


class Backoff:
    """How long to wait after failures in a row; not thread-safe."""

    def __init__(self, generator: random.Random) -> None:
        self._random, self.failures = generator, 0

    def reset(self) -> None:
        """Start anew: it worked."""
        self.failures = 0

    def wait(self, asked: float | None = None) -> float:
        """Count a failure and give the seconds to wait; at least what the server asked for."""
        bound = min(LONGEST_SECONDS, FIRST_SECONDS * 2**self.failures)
        self.failures = min(self.failures + 1, 30)
        return max(self._random.uniform(0, bound), min(asked or 0.0, LONGEST_ASKED_SECONDS))
