"""The MongoDB backend of smok-core; importing it loads no driver."""

from smok_mongo.plugin import MongoOptions

__all__ = ["MongoOptions"]
