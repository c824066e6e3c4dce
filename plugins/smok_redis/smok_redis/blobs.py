"""Versioned bytes: a hash of heads, and for each key a hash of its chunks."""

from contextlib import suppress
from typing import Any

from smok_core.engine.base import Blobs
from smok_core.errors import BackendUnavailable, CorruptData, StorageFull, StoreError
from smok_redis.client import Client
from smok_redis.errors import JUNK
from smok_redis.keys import BlobKeys

#: Bytes sent in one piece: even a slow link carries it within the timeout.
_CHUNK = 1 << 20
_READS = 10
#: No value is larger than 4 GiB.
_MOST_CHUNKS = 4096


class RedisBlobs(Blobs):
    """Blobs; see `smok_redis.keys.BlobKeys` for what lies where."""

    def __init__(self, client: Client, keys: BlobKeys) -> None:
        self._client, self._keys = client, keys

    def put(self, key: str, data: bytes, version: int) -> int | None:
        if len(data) <= _CHUNK:
            return self._commit(key, version, 1, (), data)
        stored = self.version(key)
        if stored is not None and stored >= version:
            return stored
        return self._put_large(key, data, version)

    def _put_large(self, key: str, data: bytes, version: int) -> int | None:
        """Write the chunks staging; one script makes them the value, together with the version."""
        client = self._client
        writer = client.writers.take()
        staging = client.keys.staging(writer.name, writer.number)
        pieces = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
        try:
            for number, piece in enumerate(pieces):
                client.staging(staging, number, piece)
            stored = self._commit(key, version, len(pieces), (staging,), b"")
        except StoreError:
            client.discard(staging)
            raise
        finally:
            client.writers.give_back(writer, failed=False)
        if stored is not None:
            client.discard(staging)
        return stored

    def _commit(
        self, key: str, version: int, count: int, staging: tuple[str, ...], data: bytes
    ) -> int | None:
        keys = (self._keys.heads, self._keys.chunks + key, *staging)
        answer = self._client.write("blobs_put", keys, key, version, count, data)
        return int(answer[0]) if isinstance(answer, list) else None

    def get(self, key: str) -> tuple[bytes, int] | None:
        for _ in range(_READS):
            head, first = self._chunk(key, 0)
            if head is None:
                return None
            version, count = self._parse(key, head)
            data = self._rest(key, head, first, count)
            if data is not None:
                return data, version
        raise BackendUnavailable(self._client.store, "a blob is replaced faster than it is read")

    def _rest(self, key: str, head: bytes, first: bytes | None, count: int) -> bytes | None:
        """Read the other chunks; None if the blob was replaced meanwhile."""
        pieces, piece = list[bytes](), first
        for number in range(1, count + 1):
            if piece is None:
                raise self._corrupt(key)
            pieces.append(piece)
            if number < count:
                now, piece = self._chunk(key, number)
                if now != head:
                    return None
        return pieces[0] if count == 1 else b"".join(pieces)

    def _parse(self, key: str, head: bytes) -> tuple[int, int]:
        """Take a head apart into version and number of chunks."""
        try:
            version, _, count = map(int, head.split())
        except ValueError as error:  # somebody else has written there
            raise self._corrupt(key) from error
        if not 1 <= count <= _MOST_CHUNKS:
            raise self._corrupt(key)
        return version, count

    def _corrupt(self, key: str) -> CorruptData:
        return CorruptData(self._client.store, f"the blob {key!r} cannot be read", JUNK)

    def _chunk(self, key: str, number: int) -> Any:
        keys = (self._keys.heads, self._keys.chunks + key)
        return self._client.read("blobs_get", keys, key, number)

    def version(self, key: str) -> int | None:
        head = self._client.read("blobs_version", (self._keys.heads,), key)
        return self._parse(key, head)[0] if head is not None else None

    def versions(self) -> dict[str, int]:
        (heads,) = self._client.snapshot(("HGETALL", self._keys.heads))
        return dict(filter(None, (self._version(*item) for item in heads.items())))

    def _version(self, key: bytes, head: bytes) -> tuple[str, int] | None:
        """Read a head among others; one that cannot be read is set aside and not in their way."""
        try:
            return key.decode(), self._parse(key.decode(), head)[0]
        except (CorruptData, UnicodeDecodeError):
            self._set_aside(key, head)
            return None

    def _set_aside(self, key: bytes, head: bytes) -> None:
        keys = (self._keys.heads, self._client.keys.damaged)
        with suppress(StorageFull):  # then it is passed over, and set aside when there is room
            self._client.write("set_aside", keys, "HDEL", key, b"b:" + key, head)

    def delete(self, key: str) -> bool:
        keys = (self._keys.heads, self._keys.chunks + key)
        return bool(int(self._client.write("blobs_delete", keys, key)))
