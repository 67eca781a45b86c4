"""An S3 bucket as a store."""

import base64
import hashlib
import random
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody
from urllib3.exceptions import SSLError

from ao_workflows.storage.interface import (
    ObjectChanged,
    ObjectGone,
    ObjectInfo,
    ObjectNotRestored,
    StorageFailed,
)
from ao_workflows.storage.names import shown
from ao_workflows.storage.s3_writer import PART, ObjectExists, S3Writer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

GLACIER_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects cannot be read until they are restored."""

# What a read from the network is asked for: what a dropped connection costs, at most.
_READ_SIZE = 256 << 10
# A stream is given up after this many connections in a row that each brought less than _PROGRESS bytes.
_FRUITLESS_ATTEMPTS = 5
_PROGRESS = 1 << 20
_FIRST_DELAY_SECONDS = 0.2

# botocore translates what urllib3 says of a body, except when it is TLS that broke.
_CUT_SHORT = (ResponseStreamingError, ReadTimeoutError, IncompleteReadError, SSLError)

_DELETED_TOGETHER = 1000

_GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound", "405", "MethodNotAllowed"})
_DENIED = frozenset({"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})


class S3Store:
    """A bucket as a :class:`~ao_workflows.storage.interface.Store`.

    :param part_size: bytes; a larger file is sent in parts of this size (S3 allows 5 MiB to 5 GiB, 10,000 parts).
    """

    def __init__(self, client: "S3Client", bucket: str, *, part_size: int = 64 << 20) -> None:
        self.client = client
        self.bucket = bucket
        self._part_size = min(part_size, PART)
        self._transfer = TransferConfig(multipart_threshold=part_size, multipart_chunksize=part_size, max_concurrency=4)

    def check(self) -> None:
        """Make sure that the bucket is there and may be used. :raises StorageFailed: if not."""
        try:
            with self._errors(""):
                self.client.head_bucket(Bucket=self.bucket)
        except ObjectGone as error:
            raise StorageFailed(
                f"There is no bucket {self.bucket}.",
                action="Check its name, and the region and account in [aws].",
                code="bucket-missing",
            ) from error

    def stat(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """See the contract."""
        head = self._head(key, version_id)
        try:
            return _info(key, head)
        except KeyError as error:
            raise StorageFailed(
                f"{self._shown(key)}: the answer tells no {error.args[0]}.",
                action="Check the endpoint: a server answers there, but not as S3.",
            ) from error

    def is_readable(self, key: str, *, version_id: str | None = None) -> bool:
        """Tell whether the object can be read now: not in a Glacier class, or with a restored copy."""
        head = self._head(key, version_id)
        restored = 'ongoing-request="false"' in head.get("Restore", "")
        return head.get("StorageClass", "STANDARD") not in GLACIER_CLASSES or restored

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """See the contract; pinned by the version and the eTag.

        A connection that breaks off or stalls is replaced by one that begins with the next byte. That ends when
        five connections in a row brought less than 1 MiB each; between them lie 0.2 s, 0.4 s, 0.8 s and 1.6 s.
        """
        position, end = offset, offset + length
        fruitless = 0
        while position < end:
            start, cause = position, None
            with self._errors(info.key), closing(self._open(info, position, end)) as body:
                while position < end:
                    try:
                        chunk = body.read(min(end - position, _READ_SIZE))
                    except _CUT_SHORT as error:
                        cause = error
                        break
                    if not chunk:
                        break
                    position += len(chunk)
                    yield chunk
            if position == end:
                return
            fruitless = 0 if position - start >= _PROGRESS else fruitless + 1
            if fruitless == _FRUITLESS_ATTEMPTS:
                raise StorageFailed(
                    f"{self._shown(info.key)}: the connection broke off {fruitless} times, the last time "
                    f"{end - position} bytes before the end of the range.",
                    action="It is tried again; if it stays, check the network.",
                ) from cause
            time.sleep(_delay(fruitless))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See the contract. Listings of S3 name no version."""
        with self._errors(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield ObjectInfo(
                        key=entry["Key"],
                        size=entry["Size"],
                        etag=entry["ETag"].strip('"'),
                        version_id=None,
                        modified=entry["LastModified"],
                        storage_class=entry.get("StorageClass", "STANDARD"),
                    )

    def put(self, key: str, path: Path, *, storage_class: str = "STANDARD") -> ObjectInfo:
        """See the contract; the server compares SHA-256 checksums of what arrives."""
        arguments: dict[str, Any] = {"StorageClass": storage_class, "ChecksumAlgorithm": "SHA256"}
        try:
            with self._errors(key):
                if path.stat().st_size < self._transfer.multipart_threshold:
                    with path.open("rb") as file:
                        digest = base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
                        file.seek(0)
                        self.client.put_object(
                            Bucket=self.bucket, Key=key, Body=file, ChecksumSHA256=digest, **arguments
                        )
                else:
                    self.client.upload_file(str(path), self.bucket, key, ExtraArgs=arguments, Config=self._transfer)
        except OSError as error:
            raise StorageFailed(
                f"{shown(str(path))}: {error.strerror or error}.", action="Check the file and its permissions."
            ) from error
        return self.stat(key)

    @contextmanager
    def new_object(self, key: str, *, storage_class: str = "STANDARD") -> Iterator[BinaryIO]:
        """Open a stream that becomes the object ``key`` when the block ends well; else nothing of it is left.

        Its bytes are sent while they are written, in parts with checksums that the server compares; some 80 MB are
        held in memory.

        :raises ObjectExists: if there is such an object, at the beginning or at the end; it is never replaced.
        """
        with suppress(ObjectGone):
            self.stat(key)
            raise ObjectExists(f"{self._shown(key)} is there already.", action="Choose another name, or move it away.")
        writer = S3Writer(
            self.client,
            self.bucket,
            key,
            storage_class=storage_class,
            errors=lambda: self._errors(key),
            part_size=self._part_size,
        )
        try:
            yield cast("BinaryIO", writer)
            writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def delete(self, key: str) -> None:
        """See the contract; where the bucket keeps versions, they stay."""
        with self._errors(key):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def delete_many(self, keys: Sequence[str]) -> None:
        """Remove objects, a thousand with each request. :raises StorageFailed: if one of them stays."""
        for start in range(0, len(keys), _DELETED_TOGETHER):
            part = keys[start : start + _DELETED_TOGETHER]
            with self._errors(part[0]):
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in part], "Quiet": True}
                )
            if refused := answer.get("Errors"):
                first = refused[0]
                raise StorageFailed(
                    f"{self._shown(first['Key'])} could not be removed: {first.get('Code')}.",
                    action="Check the bucket's policy (s3:DeleteObject).",
                )

    def encryption_of(self, key: str) -> str | None:
        """Return how the service encrypts the object: ``AES256``, ``aws:kms`` …, ``None`` if it does not say."""
        return self._head(key, None).get("ServerSideEncryption")

    def _head(self, key: str, version_id: str | None) -> "HeadObjectOutputTypeDef":
        try:
            with self._errors(key):
                return self.client.head_object(Bucket=self.bucket, Key=key, **_version(version_id))
        except ObjectGone:
            # The answer to HEAD has no body that could tell a missing object from a missing bucket.
            self._check_bucket()
            raise
        except StorageFailed as failure:
            cause = failure.__cause__
            if version_id is None or not (isinstance(cause, ClientError) and _code(cause) == "400"):
                raise
            # That is what S3 says of a version that it cannot have made, and of much else: ask without the version.
            self._head(key, None)
            raise ObjectGone(
                f"{self._shown(key)} has no version {shown(version_id)}.", action="Check the version."
            ) from failure

    def _check_bucket(self) -> None:
        try:
            self.client.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if _code(error) in {"404", "NoSuchBucket"}:
                raise _bucket_missing(self.bucket) from error
            # Not allowed to look at the bucket: it is there.

    def _open(self, info: ObjectInfo, start: int, end: int) -> StreamingBody:
        """Begin a GET of the bytes from ``start`` up to, not including, ``end``; what comes is what was asked for."""
        response = self.client.get_object(
            Bucket=self.bucket,
            Key=info.key,
            Range=f"bytes={start}-{end - 1}",
            IfMatch=f'"{info.etag}"',
            **_version(info.version_id),
        )
        body = response["Body"]
        status, content_range = response["ResponseMetadata"]["HTTPStatusCode"], response.get("ContentRange")
        asked = f"bytes {start}-{end - 1}/{info.size}"
        # The status is not looked at: some servers send the right range and call it 200.
        if (content_range, response["ContentLength"]) != (asked, end - start):
            body.close()
            raise StorageFailed(
                f"{self._shown(info.key)}: asked for {asked}, the server sent {content_range or 'no range'} "
                f"({response['ContentLength']} bytes, status {status}).",
                action="Check what stands between here and the bucket: it does not keep to HTTP ranges.",
            )
        # A server may not know the condition; then the eTag shows that this is another content.
        if response["ETag"].strip('"') != info.etag:
            body.close()
            raise _changed(self._shown(info.key))
        return body

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Translate what boto raises into the contract's errors."""
        name = self._shown(key)
        try:
            yield
        except ClientError as error:
            raise _translate(name, self.bucket, error) from error
        except S3UploadFailedError as error:
            # boto3 wraps the service's answer to a part in this; only the answer says what is wrong.
            cause = error.__context__
            if isinstance(cause, ClientError):
                raise _translate(name, self.bucket, cause) from error
            raise StorageFailed(f"{name}: {shown(str(error))}.", action="It is tried again.") from error
        except BotoCoreError as error:
            raise StorageFailed(
                f"{name}: {shown(str(error))}.",
                action="Check the network, the endpoint and the credentials.",
            ) from error

    def _shown(self, key: str) -> str:
        return shown(f"s3://{self.bucket}/{key}")


def _translate(
    name: str, bucket: str, error: ClientError
) -> ObjectGone | ObjectChanged | ObjectNotRestored | StorageFailed:
    code = _code(error)
    if code in _GONE:
        return ObjectGone(f"{name} is not there.", action="Upload it again: its own event delivers it.")
    if code in {"412", "PreconditionFailed"}:
        return _changed(name)
    if code == "InvalidObjectState":
        return ObjectNotRestored(
            f"the restore of {name} from Glacier", action="Request it if nobody has; the event wakes it."
        )
    if code == "NoSuchBucket":
        return _bucket_missing(bucket)
    if code in _DENIED:
        return StorageFailed(
            f"{name}: access denied ({code}).",
            # Without the right to list, S3 does not tell whether a key exists.
            action="Check the credentials and the bucket's policy (s3:GetObject and s3:ListBucket), and the key.",
            code="access-denied",
        )
    return StorageFailed(f"{name}: {shown(str(error))}.", action="It is tried again; if it stays, check the service.")


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _changed(name: str) -> ObjectChanged:
    return ObjectChanged(
        f"{name} was replaced after its delivery was announced.", action="Its own event delivers the new one."
    )


def _bucket_missing(bucket: str) -> StorageFailed:
    return StorageFailed(
        f"There is no bucket {shown(bucket)}.", action="Check the bucket's name and region.", code="bucket-missing"
    )


def _delay(fruitless: int) -> float:
    """Return the seconds to wait before the next connection, between half and all of a doubling delay."""
    longest: float = _FIRST_DELAY_SECONDS * 2 ** max(fruitless - 1, 0)
    return longest * random.uniform(0.5, 1)  # noqa: S311  # spreads the load; guards nothing


def _version(version_id: str | None) -> dict[str, Any]:
    return {} if version_id is None else {"VersionId": version_id}


def _info(key: str, head: "HeadObjectOutputTypeDef") -> ObjectInfo:
    version = head.get("VersionId")
    return ObjectInfo(
        key=key,
        size=head["ContentLength"],
        etag=head["ETag"].strip('"'),
        # S3 names the version of objects older than versioning "null", which cannot be told from no version.
        version_id=None if version in {None, "null"} else version,
        modified=head["LastModified"],
        storage_class=head.get("StorageClass", "STANDARD"),
    )
