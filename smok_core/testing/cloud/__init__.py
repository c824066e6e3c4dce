"""A SMOK cloud to test against: the whole API in memory, over sockets or without, with faults."""
