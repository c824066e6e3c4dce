"""How much a legacy file may ask for before it is refused."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a legacy file may ask for."""

    max_bytes: int = 256 * 1024 * 1024
    max_nodes: int = 5_000_000  #: lists, tuples, dicts, sets, objects
    max_depth: int = 64  #: of user data; everything else has a fixed depth
    max_entry: int = 200_000  #: nodes of one entry, counted as often as they are reached
