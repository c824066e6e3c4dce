"""What every primitive of one open store shares."""

from typing import NamedTuple

from smok_mongo.client import Server
from smok_mongo.sequence import Sequence


class Store(NamedTuple):
    """The connection, the device's segment of all ids, and the source of seqs."""

    server: Server
    device: str  #: percent-encoded
    sequence: Sequence
