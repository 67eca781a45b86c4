"""A source: one object, pinned to the content it had when it was opened, read by ranges."""

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.errors import UsageError
from ao_workflows.storage.interface import ObjectGone, ObjectInfo, Store
from ao_workflows.storage.local import LocalStore
from ao_workflows.storage.names import shown

S3_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class Source:
    """One stored object as a reader sees it; every read is of the same content or fails.

    :param name: how to name it to a person: a path or an ``s3://`` address.
    """

    name: str
    store: Store
    info: ObjectInfo

    @property
    def size(self) -> int:
        """The object's length in bytes."""
        return self.info.size

    @property
    def is_local(self) -> bool:
        """Whether it is read from this machine's file systems, and not over the network."""
        return isinstance(self.store, LocalStore)

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes from ``offset``; see :class:`Store` for what is raised."""
        return b"".join(self.stream(offset, length))

    def stream(self, offset: int, length: int) -> Generator[bytes, None, None]:
        """Yield exactly ``length`` bytes from ``offset`` in chunks of at most 1 MiB.

        Close the generator if it is not read to its end: that frees the connection or file.

        :raises ValueError: at once, if the range is not within the object.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ValueError(f"range {offset}+{length} is outside {self.name} of {self.size} bytes")
        return self.store.stream(self.info, offset, length)


def open_local_source(path: Path) -> Source:
    """Return the local file ``path`` as a source; a symbolic link that a person names is followed.

    :raises ObjectGone: if it is not there or is not a file.
    """
    name = shown(str(path))
    # A NUL cannot be in a path of the file system, and Python would say so with a ValueError.
    real = Path(os.path.realpath(path)) if "\0" not in str(path) else None
    if real is None or not real.parent.is_dir():
        raise ObjectGone(f"{name} is not there.", action="Check the path.")
    store = LocalStore(real.parent)
    return Source(name, store, store.stat(real.name))


def open_source(location: str, bucket_store: Callable[[str], Store]) -> Source:
    """Return what ``location`` names, a path or ``s3://bucket/key[?versionId=…]``, as a source.

    The key stands in the address as it is, not percent-encoded: it may hold ``?``, ``#``, ``+``, ``%`` and spaces.

    :param bucket_store: returns the store of a bucket, given its name.
    :raises UsageError: if the address is malformed.
    :raises ObjectGone: if it names nothing.
    """
    if not location.startswith(S3_SCHEME):
        return open_local_source(Path(location))
    # Only a trailing versionId query is ours to take off.
    address, marker, version = location.rpartition("?versionId=")
    if not marker:
        address, version = location, ""
    bucket, key = bucket_and_key(address)
    store = bucket_store(bucket)
    return Source(shown(location), store, store.stat(key, version_id=version or None))


def bucket_and_key(address: str) -> tuple[str, str]:
    """Return the two parts of ``s3://bucket/key``. :raises UsageError: if it is no such address."""
    bucket, _, key = address.removeprefix(S3_SCHEME).partition("/")
    if not address.startswith(S3_SCHEME) or not bucket or not key:
        raise UsageError(f"{shown(address)} is not an address of an object.", action="Write s3://bucket/key or a path.")
    return bucket, key
