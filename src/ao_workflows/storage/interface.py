"""The contract that every storage backend keeps; one test suite runs it against each of them."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ao_workflows.errors import ContentRejected, MustWait, SystemFailed

STREAM_CHUNK = 1 << 18
"""Bytes in a chunk of a stream, at most. With 1 MB, unpacking a local zip took up to 1.25 times as long: a new ext4
looks for memory in pieces as large as what is written to it."""


class ObjectGone(ContentRejected):
    """The object (or the version asked for) is not there: never was, or no longer is."""

    code = "source-gone"


class ObjectChanged(ContentRejected):
    """The object is no longer the one that was announced: its eTag, size or time differs."""

    code = "source-changed"


class ObjectNotRestored(MustWait):
    """The object is in a Glacier storage class and has no restored copy that can be read."""

    code = "waiting-for-restore"


class StorageFailed(SystemFailed):
    """The store did not answer as it should: network, service, permission or disk."""

    code = "storage-failed"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of one object.

    :param etag: an opaque token that changes when the content is replaced; without quotes.
    :param version_id: the version, where the store keeps versions, else ``None``.
    :param modified: when the content was last written, UTC.
    :param storage_class: the S3 storage class; ``STANDARD`` for local files.
    """

    key: str
    size: int
    etag: str
    version_id: str | None
    modified: datetime
    storage_class: str = "STANDARD"


class Store(Protocol):
    """Objects by key (``/``-separated, relative), under a contract that every backend keeps.

    * **Retries**: a backend retries what is worth retrying (throttling, 5xx, dropped connections) by itself, bounded;
      what it raises after that is final for this call. A stream goes on from the byte where it was cut: no byte is
      handed out twice.
    * **Errors**: :class:`ObjectGone`, :class:`ObjectChanged` and :class:`ObjectNotRestored` mean what they say, and
      retrying at once cannot help; a full disk is :class:`~ao_workflows.errors.MustWait` with the code
      ``waiting-for-disk``; everything else is :class:`StorageFailed`, also a store (bucket, root folder) that is
      missing as a whole. Nothing else leaves a backend.
    * **Pinning**: reads name the object they mean by its :class:`ObjectInfo`; if the content was replaced since, they
      raise :class:`ObjectChanged` and never mix bytes of two contents.
    * **Atomic**: a key has its old content or, after ``put`` returns, all of the new; never a part.
    * **Repeatable**: a ``put`` of the same content, or a ``delete`` of a missing key, succeeds and leaves the same
      content behind.
    """

    def stat(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """Return what the store knows of ``key``. :raises ObjectGone: if there is no such object."""
        ...

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """Yield exactly ``length`` bytes from ``offset`` in chunks of at most :data:`STREAM_CHUNK`.

        The range must lie within the object. Closing the generator early releases the connection or file.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield all objects whose key begins with ``prefix``, in key order (by UTF-8 bytes)."""
        ...

    def put(self, key: str, path: Path, *, storage_class: str = "STANDARD") -> ObjectInfo:
        """Store the file ``path`` as ``key``, its bytes checked on arrival, and return what is stored now."""
        ...

    def delete(self, key: str) -> None:
        """Remove ``key`` if it is there."""
        ...
