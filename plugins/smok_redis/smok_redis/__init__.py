"""Redis and Valkey as a home of SMOK data: one server, Sentinel or Cluster."""

__version__ = "0.1.0"
