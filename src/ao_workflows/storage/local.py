"""Local files as a store: keys are paths below a root folder."""

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ao_workflows.errors import MustWait
from ao_workflows.storage.interface import STREAM_CHUNK, ObjectChanged, ObjectGone, ObjectInfo, StorageFailed
from ao_workflows.storage.names import shown

_TEMPORARY_NAME = re.compile(r"\.put-[0-9a-f]{16}")
_LONG_AGO = 3600  # seconds; no put of an object takes as long
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Opening a pipe must not wait for its writer.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class LocalStore:
    """A folder as a :class:`~ao_workflows.storage.interface.Store`.

    Objects are regular files. Names come from strangers, so below the root no symbolic link is followed: it is no
    object, and nothing lies behind it. The root itself may be one. A folder and a file cannot have the same name, so
    ``a`` and ``a/b`` exclude each other here.

    :param root: an existing folder; it is never made, because a missing one is a mount that is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def stat(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """See the contract; local files have no versions, so asking for one finds nothing."""
        with self._errors(key), self._folder_of(key) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if version_id is not None or not stat.S_ISREG(status.st_mode):
            raise self._gone(key)
        return _info(key, status)

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """See the contract; the file is checked against ``info`` before each chunk is handed out."""
        position, end = offset, offset + length
        with self._errors(info.key):
            with self._folder_of(info.key) as (folder, name):
                descriptor = os.open(name, _OPEN_FILE, dir_fd=folder)
            try:
                self._check_unchanged(info, descriptor)
                while position < end:
                    chunk = os.pread(descriptor, min(end - position, STREAM_CHUNK), position)
                    self._check_unchanged(info, descriptor)
                    if not chunk:
                        raise StorageFailed(f"{self._shown(info.key)} has no byte {position}.")
                    position += len(chunk)
                    yield chunk
            finally:
                os.close(descriptor)

    def check(self) -> None:
        """Make sure that the root is there. :raises StorageFailed: if not."""
        os.close(self._open_root())

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See the contract; temporary files of an unfinished ``put`` are not objects."""
        found: list[str] = []
        # A root that is not there is no empty store.
        self.check()
        with self._errors(prefix):
            # Only what lies below the prefix's folder is walked through: the root may hold a million others.
            start = self._real_folder(prefix.split("/")[:-1])
            for folder, _, names in os.walk(start, onerror=_raise_unless_gone) if start else ():
                here = Path(folder).relative_to(self.root)
                found += [(here / name).as_posix() for name in names if not _TEMPORARY_NAME.fullmatch(name)]
        for key in sorted((key for key in found if key.startswith(prefix)), key=os.fsencode):
            # Gone since, or no regular file.
            with suppress(ObjectGone):
                yield self.stat(key)

    def put(
        self,
        key: str,
        path: Path,
        *,
        storage_class: str = "STANDARD",  # noqa: ARG002  # the contract's; a folder has no storage classes
    ) -> ObjectInfo:
        """See the contract; written beside its place, synced, read back, compared and renamed."""
        try:
            source = path.open("rb")
        except OSError as error:
            raise _failed(path, error) from error
        with source:
            return self.put_from(key, source)

    def put_from(self, key: str, source: BinaryIO) -> ObjectInfo:
        """Store what ``source`` has, as :meth:`put` does."""
        with self._errors(key, writing=True), self._folder_of(key, create=True) as (folder, name):
            temporary = f".put-{secrets.token_hex(8)}"
            try:
                self._write(source, temporary, folder, key)
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
        return self.stat(key)

    def delete(self, key: str) -> None:
        """See the contract."""
        with suppress(ObjectGone), self._errors(key), self._folder_of(key) as (folder, name):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def remove_unfinished(self, key: str) -> None:
        """Remove, from the folder that holds ``key``, what a put left there that was killed an hour ago or earlier."""
        with suppress(ObjectGone), self._errors(key), self._folder_of(key) as (folder, _):
            for name in filter(_TEMPORARY_NAME.fullmatch, os.listdir(folder)):
                with suppress(FileNotFoundError):
                    if time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime > _LONG_AGO:
                        os.unlink(name, dir_fd=folder)

    def _write(self, source: BinaryIO, temporary: str, folder: int, key: str) -> None:
        """Copy ``source`` to a new file in ``folder``, durably, and prove what was written."""
        with open(temporary, "w+b", opener=lambda name, _: os.open(name, _OPEN_NEW, 0o666, dir_fd=folder)) as copy:
            sent = hashlib.sha256()
            while chunk := source.read(STREAM_CHUNK):
                sent.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
            copy.seek(0)
            if hashlib.file_digest(copy, "sha256").digest() != sent.digest():
                raise StorageFailed(
                    f"{self._shown(key)}: what was read back is not what was written.", action="Check the disk."
                )

    @contextmanager
    def _folder_of(self, key: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder that holds ``key``, part by part, so that no link can lead out of the root.

        :returns: the folder's descriptor, and the last part of the key.
        """
        *parents, name = self._parts(key)
        folder = self._open_root()
        try:
            for part in parents:
                if create:
                    _make_folder(part, folder)
                child = os.open(part, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = child
            yield folder, name
        finally:
            os.close(folder)

    def _parts(self, key: str) -> tuple[str, ...]:
        parts = tuple(key.split("/"))
        try:
            in_bytes = os.fsencode(key)
        except UnicodeEncodeError as error:
            raise self._gone(key) from error
        if b"\0" in in_bytes or any(part in {"", ".", ".."} for part in parts) or _TEMPORARY_NAME.fullmatch(parts[-1]):
            raise self._gone(key)
        return parts

    def _real_folder(self, parts: Sequence[str]) -> Path | None:
        """Return a folder below the root that no link leads to, ``None`` if there is none."""
        folder = self.root
        for part in parts:
            folder /= part
            if part in {"", ".", ".."} or "\0" in part or folder.is_symlink() or not folder.is_dir():
                return None
        return folder

    def _open_root(self) -> int:
        try:
            return os.open(self.root, _OPEN_FOLDER)
        except OSError as error:
            raise _failed(self.root, error) from error

    def _check_unchanged(self, info: ObjectInfo, descriptor: int) -> None:
        if _etag(os.fstat(descriptor)) != info.etag:
            raise ObjectChanged(
                f"{self._shown(info.key)} changed after it was first seen.",
                action="Wait until whoever writes it has finished, then deliver it again.",
            )

    @contextmanager
    def _errors(self, key: str, *, writing: bool = False) -> Iterator[None]:
        """Translate what the operating system raises into the contract's errors."""
        try:
            yield
        except ObjectGone as error:
            if not writing:
                raise
            raise StorageFailed(f"{self._shown(key)} cannot be the name of a file.") from error
        except OSError as error:
            if error.errno in _NOTHING_THERE and not writing:
                raise self._gone(key) from error
            raise _failed(self.root / key, error) from error

    def _gone(self, key: str) -> ObjectGone:
        return ObjectGone(f"{self._shown(key)} is not there, or is not a file.", action="Deliver it again.")

    def _shown(self, key: str) -> str:
        return shown(f"{self.root}/{key}")


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectInfo(key=key, size=status.st_size, etag=_etag(status), version_id=None, modified=modified)


def _etag(status: os.stat_result) -> str:
    # Replacing or rewriting a file changes at least one of these.
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"


def _failed(path: Path, error: OSError) -> StorageFailed | MustWait:
    if error.errno in _DISK_FULL:
        return MustWait(
            f"free space to write {shown(str(path))}",
            action="Free some space on its disk, or raise the quota.",
            code="waiting-for-disk",
        )
    return StorageFailed(
        f"{shown(str(path))}: {error.strerror or error}.", action="Check the disk, the mount and its permissions."
    )


def _make_folder(name: str, parent: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
        os.fsync(parent)


def _raise_unless_gone(error: OSError) -> None:
    # A folder that went away while its parent was listed holds nothing any more.
    if error.errno not in _NOTHING_THERE:
        raise error
