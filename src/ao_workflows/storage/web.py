"""Where readers get their files from: many small objects, with the headers that a browser wants."""

import hashlib
import io
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store as FastStore

from ao_workflows.storage.aws import AwsAccess
from ao_workflows.storage.interface import ObjectInfo, StorageFailed
from ao_workflows.storage.local import LocalStore
from ao_workflows.storage.names import shown
from ao_workflows.storage.s3 import S3Store

_MD5 = re.compile(r"[0-9a-f]{32}")
_RETRIES = 12  # the pauses between them double, up to 15 seconds: S3 asks to slow down for minutes
_RETRY_FOR = timedelta(minutes=3)
_TIMEOUT = timedelta(seconds=60)
_SLOWEST = 64 << 10
"""Bytes a second that an upload has at least, while others are on their way; a slower one counts as stalled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One object to be stored.

    :param content: all of its bytes.
    :param content_type: the media type, such as ``image/jpeg``.
    :param content_encoding: such as ``gzip``, for bytes that a browser has to unpack first.
    """

    key: str
    content: bytes
    content_type: str
    content_encoding: str | None = None


class WebStore(Protocol):
    """Objects by key, by the contract of :class:`~ao_workflows.storage.interface.Store` as to retries and errors.

    A key has its old content or all of the new. Several threads may send at the same time.
    """

    def check(self) -> None:
        """Make sure that the store is there. :raises StorageFailed: if not."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield all objects whose key begins with ``prefix``, in key order."""
        ...

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """Yield ``length`` stored bytes from ``offset``, which lie within the object; nothing is unpacked."""
        ...

    def send(self, upload: Upload) -> str:
        """Store an object, in place of what has its key, and return its new eTag.

        The store compares what arrives with a checksum that is sent along.
        """
        ...

    def md5_of(self, info: ObjectInfo) -> str | None:
        """Return the MD5 of a stored object's content in hexadecimal, ``None`` if the store cannot tell."""
        ...

    def is_sure_of_md5(self, info: ObjectInfo) -> bool:
        """Tell whether what :meth:`md5_of` returns is one, and does not only look like it; that may take a request."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are no error."""
        ...


class S3WebStore:
    """A bucket as a :class:`WebStore`; small objects go out five times as fast as :class:`S3Store` sends them."""

    def __init__(self, access: AwsAccess, bucket: str) -> None:
        client = access.s3()
        self._bucket = bucket
        self._store = S3Store(client, bucket)
        endpoint = client.meta.endpoint_url
        credentials = access.credentials()

        @cache
        def store_with(timeout: timedelta) -> FastStore:
            return FastStore(
                bucket,
                endpoint=endpoint,
                region=client.meta.region_name,
                credential_provider=credentials,
                virtual_hosted_style_request=False,
                checksum_algorithm="sha256",
                client_options={"allow_http": endpoint.startswith("http://"), "timeout": timeout},
                retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_FOR},
            )

        self._store_with = store_with

    def check(self) -> None:
        """See the contract."""
        self._store.check()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See the contract."""
        return self._store.list(prefix)

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """See the contract."""
        return self._store.stream(info, offset, length)

    def send(self, upload: Upload) -> str:
        """See the contract; the eTag is compared, too, where it is an MD5."""
        attributes = {"Content-Type": upload.content_type}
        if upload.content_encoding:
            attributes["Content-Encoding"] = upload.content_encoding
        with self._errors(upload.key):
            stored = obstore.put(
                self._fast_for(len(upload.content)),
                upload.key,
                upload.content,
                attributes=attributes,
                use_multipart=False,
            )
        etag = (stored["e_tag"] or "").strip('"')
        if _MD5.fullmatch(etag) and etag != md5(upload.content) and not self._is_encrypted(upload.key):
            raise StorageFailed(
                f"{self._shown(upload.key)}: what is stored is not what was sent (eTag {etag}).",
                action="It is tried again; if it stays, check the network and the service.",
            )
        return etag

    def md5_of(self, info: ObjectInfo) -> str | None:
        """See the contract: the eTag of an object that was sent in one piece, and is not encrypted with a key."""
        return info.etag if _MD5.fullmatch(info.etag) else None

    def is_sure_of_md5(self, info: ObjectInfo) -> bool:
        """See the contract: eTags of what is encrypted with a key are something else."""
        return not self._is_encrypted(info.key)

    def delete(self, keys: Sequence[str]) -> None:
        """See the contract."""
        self._store.delete_many(keys)

    def _fast_for(self, size: int) -> FastStore:
        """Return the store whose requests have the time that an upload of ``size`` bytes may take.

        The library limits a request as a whole, and so has one store for each limit: they double.
        """
        in_minutes = size // int(_SLOWEST * _TIMEOUT.total_seconds())
        return self._store_with(_TIMEOUT * (1 << in_minutes.bit_length()))

    def _is_encrypted(self, key: str) -> bool:
        """Tell whether the bucket encrypts with keys, so that eTags are no MD5s."""
        return self._store.encryption_of(key) not in {None, "AES256"}

    def _shown(self, key: str) -> str:
        return shown(f"s3://{self._bucket}/{key}")

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise StorageFailed(
                f"{self._shown(key)}: access denied.",
                action="Check the credentials and the bucket's policy (s3:PutObject).",
                code="access-denied",
            ) from error
        except (NotFoundError, FileNotFoundError) as error:
            raise StorageFailed(
                f"There is no bucket {shown(self._bucket)}.",
                action="Check the bucket's name and region.",
                code="bucket-missing",
            ) from error
        except Exception as error:
            # Whatever the library raises is about the store: nothing else happens in the block.
            said = str(error).partition("\n")[0]
            raise StorageFailed(
                f"{self._shown(key)}: {shown(said)}.", action="Check the network, the endpoint and the service."
            ) from error


class LocalWebStore:
    """A folder as a :class:`WebStore`; the program that serves it makes the headers."""

    def __init__(self, root: Path) -> None:
        self._store = LocalStore(root)
        self._tidied: set[str] = set()

    def check(self) -> None:
        """See the contract."""
        self._store.check()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See the contract."""
        return self._store.list(prefix)

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """See the contract."""
        return self._store.stream(info, offset, length)

    def send(self, upload: Upload) -> str:
        """See the contract."""
        folder = upload.key.rpartition("/")[0]
        if folder not in self._tidied:
            self._tidied.add(folder)
            self._store.remove_unfinished(upload.key)
        return self._store.put_from(upload.key, io.BytesIO(upload.content)).etag

    def md5_of(self, info: ObjectInfo) -> str | None:
        """See the contract."""
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self._store.stream(info, 0, info.size):
            digest.update(chunk)
        return digest.hexdigest()

    def is_sure_of_md5(self, info: ObjectInfo) -> bool:  # noqa: ARG002  # the contract's
        """See the contract: it was computed."""
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """See the contract."""
        for key in keys:
            self._store.delete(key)


class PretendingWebStore:
    """A store that tells what another holds, and takes nothing: to see what would be sent."""

    def __init__(self, store: WebStore) -> None:
        self._store = store

    def check(self) -> None:
        """See the contract."""
        self._store.check()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See the contract."""
        return self._store.list(prefix)

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """See the contract."""
        return self._store.stream(info, offset, length)

    def send(self, upload: Upload) -> str:
        """Send nothing."""
        return md5(upload.content)

    def md5_of(self, info: ObjectInfo) -> str | None:
        """See the contract."""
        return self._store.md5_of(info)

    def is_sure_of_md5(self, info: ObjectInfo) -> bool:
        """See the contract."""
        return self._store.is_sure_of_md5(info)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove nothing."""


def md5(content: bytes) -> str:
    """Return the MD5 of ``content`` in hexadecimal, as eTags are; it protects nothing."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
