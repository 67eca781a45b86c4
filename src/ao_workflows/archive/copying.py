"""Copying one file so that what is on disk is proved before the file gets its name."""

import hashlib
import io
import os
import re
from contextlib import suppress
from pathlib import Path

from ao_workflows.archive.disk import ArchiveFailed, ScratchFailed, archive_errors, scratch_errors
from ao_workflows.archive.tree import FileState

_CHUNK = 1024 * 1024
_TEMPORARY = re.compile(r"\.ao-sync-[0-9a-f]{32}\.part")


class ScratchDamaged(ScratchFailed):
    """A scratch file is not what was verified when the work was unpacked: it must not be archived."""

    code = "scratch-damaged"


class WriteDamaged(ArchiveFailed):
    """What was read back from the archive's disk is not what was written to it."""

    code = "archive-write-damaged"


def temporary_for(target: Path) -> Path:
    """Return the hidden name beside ``target`` under which its new content is written and proved.

    It depends on the name alone, so a sync that is started again finds what the killed one left, and it has a
    fixed length, so a name of 255 bytes can be copied too.
    """
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:32]
    return target.with_name(f".ao-sync-{digest}.part")


def is_temporary(name: str) -> bool:
    """Tell whether a file of this name was left by a sync that was killed."""
    return _TEMPORARY.fullmatch(name) is not None


def copy_verified(source: Path, target: Path, *, state: FileState, sha512: str | None, mount: Path) -> str:
    """Copy ``source`` to ``target`` and return its SHA-512; an older ``target`` is replaced at the very end.

    The bytes are hashed on their way, synced to the disk, dropped from memory, read back and compared; only then
    does the file get its name. Its modification time is kept to the nanosecond. What a killed sync left under the
    temporary name has to be gone.

    :param state: size and time that the source had when the work was listed.
    :param sha512: what the source has to be, when that is known.
    :param mount: the archive mount, to be named in errors.
    :raises ScratchDamaged: if the source is not ``sha512``, or changed since it was listed.
    :raises WriteDamaged: if the disk returned other bytes than were written.
    """
    temporary = temporary_for(target)
    try:
        written = _copy(source, temporary, state=state, mount=mount)
        if sha512 is not None and written != sha512:
            raise damaged_source(source, expected=sha512, found=written)
        with archive_errors(mount, target):
            on_disk = _hash_from_disk(temporary)
            if on_disk != written:
                raise WriteDamaged(
                    f"{str(target)!r} was not archived: SHA-512 {written} was written, and {on_disk} was read back.",
                    action=f"Check the disk behind {str(mount)!r} (and the machine's memory) before the next sync.",
                )
            os.replace(temporary, target)
    finally:
        # The archive may be read-only or gone by now; the error that matters is already on its way.
        with suppress(OSError):
            temporary.unlink()
    return written


def hash_source(source: Path, *, state: FileState) -> str:
    """Return the SHA-512 of a scratch file that must still be as it was listed.

    :raises ScratchDamaged: if it changed.
    """
    digest = hashlib.sha512()
    with scratch_errors(source):
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as reader:
            while chunk := reader.read(_CHUNK):
                digest.update(chunk)
            _check_unchanged(source, descriptor, state)
    return digest.hexdigest()


def hash_archived(path: Path, *, mount: Path) -> str:
    """Return the SHA-512 of a file in the archive; a symbolic link is not followed."""
    with archive_errors(mount, path):
        return _hash_from_disk(path)


def damaged_source(source: Path, *, expected: str, found: str) -> ScratchDamaged:
    """Return the error for a scratch file whose content is not what was unpacked."""
    return ScratchDamaged(
        f"{str(source)!r} is damaged on scratch: its SHA-512 is {found}, and {expected} was unpacked. "
        "It was not archived.",
        action="Unpack the delivery again; if this repeats, check the scratch disk.",
    )


def _copy(source: Path, temporary: Path, *, state: FileState, mount: Path) -> str:
    digest = hashlib.sha512()
    with scratch_errors(source):
        read_from = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(read_from, "rb", buffering=0) as reader, archive_errors(mount, temporary):
        write_to = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            while chunk := _read(reader, source):
                digest.update(chunk)
                _write_all(write_to, chunk)
            with scratch_errors(source):
                _check_unchanged(source, read_from, state)
            os.utime(write_to, ns=(state.modified_ns, state.modified_ns))
            os.fsync(write_to)
        finally:
            os.close(write_to)
    return digest.hexdigest()


def _read(reader: io.FileIO, source: Path) -> bytes:
    with scratch_errors(source):
        return reader.read(_CHUNK)


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _check_unchanged(source: Path, descriptor: int, state: FileState) -> None:
    now = os.fstat(descriptor)
    if (now.st_size, now.st_mtime_ns) != (state.size, state.modified_ns):
        raise ScratchDamaged(
            f"{str(source)!r} changed on scratch while the work was synced. It was not archived.",
            action="Find what writes into the scratch folder, then unpack the delivery again.",
        )


def _hash_from_disk(path: Path) -> str:
    """Hash ``path`` as the disk has it: pages that are still in memory are dropped first, where the system can."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as reader:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(reader, "sha512").hexdigest()
