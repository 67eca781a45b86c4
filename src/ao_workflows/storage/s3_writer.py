"""Writing an object to S3 while its bytes are made: in parts, each with its checksum, without a copy on the disk."""

import base64
import hashlib
import io
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ao_workflows.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART = 16 << 20
"""Bytes in each of the first parts."""

LARGER_AFTER = 1000
"""S3 takes at most 10,000 parts. After so many, each is :data:`LARGER` times larger: enough for 1.2 TB."""

LARGER = 8
IN_FLIGHT = 3
"""Parts that are on their way at a time; with the one that is being filled, what the writer holds in memory."""

_TAKEN = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict", "NoSuchUpload"})


class ObjectExists(UsageError):
    """There is an object of that name already; it was not touched."""

    code = "target-exists"


class S3Writer(io.RawIOBase):
    """A stream whose bytes become an object when :meth:`finish` is called, and leave nothing when :meth:`abandon` is.

    :param errors: translates what boto raises, for the time of a ``with`` block.
    """

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        key: str,
        *,
        storage_class: str,
        errors: Callable[[], AbstractContextManager[None]],
        part_size: int,
    ) -> None:
        self._client = client
        self._object: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._storage_class = storage_class
        self._errors = errors
        self._part_size = part_size
        self._buffer = bytearray()
        self._upload_id = ""
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="upload")
        self._sending: deque[Future[CompletedPartTypeDef]] = deque()
        self._sent: list[CompletedPartTypeDef] = []
        self._digests: list[bytes] = []

    def writable(self) -> bool:
        """It only can be written: there is no way back to what has been sent."""
        return True

    def write(self, data: "ReadableBuffer") -> int:
        """Take bytes; once a part is full it is sent, and this waits while too many are on their way.

        :raises StorageFailed: if a part could not be stored.
        """
        view = memoryview(data).cast("B")
        self._buffer += view
        while len(self._buffer) >= self._size_of_next():
            size = self._size_of_next()
            with memoryview(self._buffer) as whole:
                part = bytes(whole[:size])
            del self._buffer[:size]
            self._send(part)
        return len(view)

    def finish(self) -> None:
        """Store what is left, and let the object appear with all of its bytes.

        :raises ObjectExists: if there is one of that name by now. :raises StorageFailed: if the store fails.
        """
        with self._errors():
            try:
                if self._upload_id:
                    self._send(bytes(self._buffer))
                    self._collect(0)
                    self._complete()
                else:
                    self._put_whole(bytes(self._buffer))
            except ClientError as error:
                # Also what a repeated request gets when the answer to the first was lost.
                if _code(error) not in _TAKEN or not self._is_there():
                    raise
        self._pool.shutdown()

    def abandon(self) -> None:
        """Leave nothing of it in the store; parts that nobody can remove are removed by the bucket's own rules."""
        self._pool.shutdown(cancel_futures=True)
        if self._upload_id:
            with suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**self._object, UploadId=self._upload_id)

    def _size_of_next(self) -> int:
        return self._part_size * (LARGER if len(self._digests) >= LARGER_AFTER else 1)

    def _send(self, part: bytes) -> None:
        with self._errors():
            if not self._upload_id:
                begun = self._client.create_multipart_upload(
                    **self._object,
                    StorageClass=self._storage_class,  # type: ignore[arg-type]  # one of S3's names
                    ChecksumAlgorithm="SHA256",
                )
                self._upload_id = begun["UploadId"]
            self._collect(IN_FLIGHT - 1)
            digest = hashlib.sha256(part).digest()
            self._digests.append(digest)
            self._sending.append(self._pool.submit(self._send_part, part, len(self._digests), digest))

    def _send_part(self, part: bytes, number: int, digest: bytes) -> "CompletedPartTypeDef":
        checksum = _base64(digest)
        stored = self._client.upload_part(
            **self._object, UploadId=self._upload_id, PartNumber=number, Body=part, ChecksumSHA256=checksum
        )
        return {"PartNumber": number, "ETag": stored["ETag"], "ChecksumSHA256": checksum}

    def _collect(self, left: int) -> None:
        """Wait until not more than ``left`` parts are on their way."""
        while len(self._sending) > left:
            self._sent.append(self._sending.popleft().result())

    def _complete(self) -> None:
        self._client.complete_multipart_upload(
            **self._object, UploadId=self._upload_id, MultipartUpload={"Parts": self._sent}, IfNoneMatch="*"
        )

    def _put_whole(self, content: bytes) -> None:
        digest = hashlib.sha256(content).digest()
        self._digests = [digest]
        self._client.put_object(
            **self._object,
            Body=content,
            ChecksumSHA256=_base64(digest),
            StorageClass=self._storage_class,  # type: ignore[arg-type]  # one of S3's names
            IfNoneMatch="*",
        )

    def _is_there(self) -> bool:
        """Tell whether the object that is there is this one. :raises ObjectExists: if it is another."""
        found = self._client.head_object(**self._object, ChecksumMode="ENABLED").get("ChecksumSHA256", "")
        of_parts = f"{_base64(hashlib.sha256(b''.join(self._digests)).digest())}-{len(self._digests)}"
        expected = of_parts if self._upload_id else _base64(self._digests[0])
        if found not in {expected, expected.partition("-")[0]}:
            name = "s3://{Bucket}/{Key}".format(**self._object)
            raise ObjectExists(f"{name} is there already.", action="Choose another name, or move it away.")
        return True


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
