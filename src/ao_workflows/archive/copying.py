"""One file on its way into the archive: brought there under a name that nobody looks at."""

import errno
import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.answering import Progress, ignored
from ao_workflows.archive.disk import ScratchFailed, archive_error, archive_errors, scratch_error, scratch_errors
from ao_workflows.archive.options import Access
from ao_workflows.archive.tree import FileState
from ao_workflows.flushing import start_writing

_CHUNK = 256 * 1024
"""Bytes of a file in memory at a time, and not more than it has: what is not filled has to be given back. With 1 MB, a
copy of 2 GB took up to 1.7 times as long, all of it in the kernel; with 128 kB, 1.2 times."""

_BEYOND = 64 * 1024
"""The same where the file should be at its end."""

_WORTH_WRITING = 1024 * 1024
"""Bytes of a file for which the disk begins at once, so that it has less to do at the end; many small files it takes
better all together."""

_PREFIX = ".ao-sync-"
_TEMPORARY = re.compile(rf"{re.escape(_PREFIX)}[0-9a-f]{{32}}\.part")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES})
"""Errors that say: not as a link; a copy may do."""


class ScratchDamaged(ScratchFailed):
    """A scratch file is not what was verified when the work was unpacked: it must not be archived."""

    code = "scratch-damaged"


@dataclass(frozen=True, slots=True)
class FileCopy:
    """One file to be brought into the archive.

    Its paths are strings: of them, a hundred thousand are made in a tenth of the time of :class:`~pathlib.Path`.

    :param source: where it is.
    :param written: the path that it gets first; nothing is there.
    :param target: the path that it gets at last, for messages.
    :param state: size and time that the source had when the work was listed.
    :param sha512: what its content has to be; ``None`` if nothing is known of it.
    """

    source: str
    written: str
    target: str
    state: FileState
    sha512: str | None


def temporary_for(target: str) -> str:
    """Return the hidden name beside ``target`` under which its new content is written and proved.

    It depends on the name alone, so a sync that is started again finds what the killed one left, and it has a
    fixed length, so a name of 255 bytes can be copied too.
    """
    folder, _, name = target.rpartition("/")
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f"{folder}/{_PREFIX}{digest}.part"


def is_temporary(name: str) -> bool:
    """Tell whether a file of this name was left by a sync that was killed."""
    return name.startswith(_PREFIX) and _TEMPORARY.fullmatch(name) is not None


def can_link(source: str, folder: Path) -> bool:
    """Tell whether ``source`` can get a second name in ``folder``, by trying.

    On one file system it may be impossible all the same: mounted twice, as containers have it, it is two to the kernel.
    """
    name = temporary_for(f"{folder}/a second name")
    with suppress(OSError):  # whatever it is, it is met again, and told, when the files are brought
        with suppress(FileNotFoundError):
            os.unlink(name)  # of a sync that was killed
        os.link(source, name, follow_symlinks=False)
        os.unlink(name)
        return True
    return False


def link(copy: FileCopy, *, mount: Path, access: Access) -> str | None:
    """Give the source a second name, ``copy.written``, and return its SHA-512; ``None`` if that cannot be done.

    Nothing of it is read if it is known what it has to be, and it has the size and time of that. It has its group and
    mode before it has the name: killed in between, nobody would give them to it.

    :raises ScratchDamaged: if it changed since it was listed.
    """
    descriptor = _open_source(copy.source)
    try:
        with archive_errors(mount, copy.written):
            if os.fstat(descriptor).st_dev != os.stat(os.path.dirname(copy.written)).st_dev:
                return None
            _check_unchanged(copy, descriptor)
            access.give(descriptor, access.file_mode)
            try:
                os.link(copy.source, copy.written, follow_symlinks=False)
            except OSError as error:
                if error.errno in _NO_LINK:
                    return None
                if not os.path.lexists(copy.source):
                    raise _changed(copy.source) from error
                raise
            _check_unchanged(copy, descriptor)
            if not os.path.samestat(os.fstat(descriptor), os.lstat(copy.written)):
                raise _changed(copy.source)  # into another file, which has got the name
    finally:
        os.close(descriptor)
    return copy.sha512 or hash_source(copy.source, state=copy.state)


def write(copy: FileCopy, *, mount: Path, access: Access, proved_later: bool, progress: Progress) -> str:
    """Copy the source to ``copy.written`` and return the SHA-512 of what was written.

    The modification time is kept to the nanosecond. The disk need not have it all yet.

    :param proved_later: what was written is read back and compared with what is returned: where it is known what that
        has to be, nothing is hashed here.
    :param progress: called with 0 now and then in a large file; what it raises ends the copying.
    :raises ScratchDamaged: if the source is not ``copy.sha512``, or changed since it was listed.
    """
    proved = copy.sha512 if proved_later else None
    digest = hashlib.sha512()
    read_from = _open_source(copy.source)
    try:
        write_to = os.open(copy.written, _NEW, 0o666)
        try:
            done, begun, size = 0, 0, copy.state.size
            while done < size and (chunk := _read(read_from, copy.source, size - done)):
                if proved is None:
                    digest.update(chunk)
                _write_all(write_to, chunk)
                done += len(chunk)
                if done - begun >= _WORTH_WRITING:
                    start_writing(write_to, begun, done - begun)
                    begun = done
                    progress(0)
            _check_unchanged(copy, read_from)
            access.give(write_to, access.file_mode)
            os.utime(write_to, ns=(copy.state.modified_ns, copy.state.modified_ns))
        finally:
            os.close(write_to)
    except OSError as error:
        raise archive_error(error, mount=mount, path=copy.written) from error
    finally:
        os.close(read_from)
    if proved is not None:
        return proved
    written = digest.hexdigest()
    if copy.sha512 is not None and written != copy.sha512:
        raise damaged_source(copy.source, expected=copy.sha512, found=written)
    return written


def hash_source(source: Path | str, *, state: FileState) -> str:
    """Return the SHA-512 of a scratch file that must still be as it was listed.

    :raises ScratchDamaged: if it changed.
    """
    with scratch_errors(source):
        descriptor = os.open(source, _READ)
        try:
            found = hash_open(descriptor, state.size, progress=ignored)
            if not _is_unchanged(descriptor, state):
                raise _changed(source)
        finally:
            os.close(descriptor)
    return found


def hash_open(descriptor: int, size: int, *, progress: Progress) -> str:
    """Return the SHA-512 of an open file, to its end.

    :param size: bytes that it should have.
    :param progress: called with 0 after each piece; what it raises ends the reading.
    :raises OSError: if it cannot be read.
    """
    digest, left = hashlib.sha512(), size
    while chunk := os.read(descriptor, min(_CHUNK, left) if left > 0 else _BEYOND):
        digest.update(chunk)
        left -= len(chunk)
        progress(0)
    return digest.hexdigest()


def damaged_source(source: Path | str, *, expected: str, found: str) -> ScratchDamaged:
    """Return the error for a scratch file whose content is not what was unpacked."""
    return ScratchDamaged(
        f"{str(source)!r} is damaged on scratch: its SHA-512 is {found}, and {expected} was unpacked. "
        "It was not archived.",
        action="Unpack the delivery again; if this repeats, check the scratch disk.",
    )


def _open_source(source: str) -> int:
    try:
        return os.open(source, _READ)
    except OSError as error:
        raise scratch_error(error, source) from error


def _read(descriptor: int, source: str, left: int) -> bytes:
    try:
        return os.read(descriptor, min(_CHUNK, left))
    except OSError as error:
        raise scratch_error(error, source) from error


def _write_all(descriptor: int, chunk: bytes) -> None:
    done = os.write(descriptor, chunk)
    while done < len(chunk):
        done += os.write(descriptor, memoryview(chunk)[done:])


def _check_unchanged(copy: FileCopy, descriptor: int) -> None:
    if not _is_unchanged(descriptor, copy.state):
        raise _changed(copy.source)


def _is_unchanged(descriptor: int, state: FileState) -> bool:
    now = os.fstat(descriptor)
    return (now.st_size, now.st_mtime_ns) == (state.size, state.modified_ns)


def _changed(source: Path | str) -> ScratchDamaged:
    return ScratchDamaged(
        f"{str(source)!r} changed on scratch while the work was synced. It was not archived.",
        action="Find what writes into the scratch folder, then unpack the delivery again.",
    )
