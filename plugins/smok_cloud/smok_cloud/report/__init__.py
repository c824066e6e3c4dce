"""What the commands report, plot and metrics show; needs ``smok-cloud[report]``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from smok_cloud.errors import ExtraMissing

_LIBRARIES: Final = {"jinja2", "markupsafe", "plotext", "prometheus_client"}


@contextmanager
def extra(command: str) -> Iterator[None]:
    """Let a command import what it needs.

    Raises:
        ExtraMissing: A library of the extra is not installed; it names the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        raise ExtraMissing(command, "smok-core[report]") from error
