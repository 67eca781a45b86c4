"""Proving a copy that another program has put into the archive: nothing but what the disk gives back counts."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.archive.disk import archive_errors, sync_folder
from ao_workflows.archive.lock import turn_of_mount, work_lock
from ao_workflows.archive.place import is_real_folder, open_shard, place_of
from ao_workflows.archive.reading_back import hash_archived
from ao_workflows.archive.record import own_paths
from ao_workflows.archive.tree import Tree, read_tree
from ao_workflows.errors import Finding
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid

COPY_FILE_MISSING = "copy-file-missing"
COPY_FILE_DIFFERS = "copy-file-differs"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a look at an archive copy has shown.

    :param findings: what is wrong with it; nothing if it is proved.
    :param records: the files that are right, as they are in the archive.
    :param archived: what was there before any of it was read, so that who writes into it meanwhile is found out later.
    """

    findings: tuple[Finding, ...]
    records: tuple[FileRecord, ...]
    archived: Tree


@contextmanager
def hold_place(root: Path, rid: Rid, *, at_once: int) -> Iterator[int]:
    """Hold the lock of a work's place in the archive, so that nothing else of ours writes there meanwhile.

    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param at_once: syncs that may write to one mount at the same time.
    :returns: the lock's descriptor. A program that inherits it holds the lock for as long as it runs, even if this
        process is killed.
    :raises ArchiveFailed: if the mount is not there, or the place is taken by something that is no folder.
    :raises MustWait: (``waiting-for-sync``) if another sync of the work runs; (``waiting-for-turn``) if too many write.
    """
    place = place_of(root, rid)
    open_shard(place)
    with (
        work_lock(place.shard, rid, mount=place.mount) as descriptor,
        turn_of_mount(place.mount, at_once=at_once),
    ):
        with archive_errors(place.mount, place.path):
            is_real_folder(place.path)
        yield descriptor


def verify_copy(root: Path, *, rid: Rid, inventory: Iterable[FileRecord]) -> Proof:
    """Find out what the archive copy of a work lacks of ``inventory``: files that are missing, or differ by SHA-512.

    Every file is written out to the disk first and then read from there, so that what is found right also survives a
    power cut. Links are not followed, neither to files nor to folders. What the copy holds beyond the inventory is not
    looked at, and neither are the places of the archive's own record.

    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :raises ArchiveFailed: if the disk fails, or the copy is no folder.
    """
    place = place_of(root, rid)
    with archive_errors(place.mount, place.path):
        found = read_tree(place.path) if is_real_folder(place.path) else Tree()
        findings, records, own = [], [], set(own_paths(rid))
        for record in (record for record in inventory if record.path not in own):
            if finding := _difference(record, found, place.path, mount=place.mount):
                findings.append(finding)
            else:
                records.append(record._replace(modified_ns=found.files[record.path].modified_ns))
        for folder in found.folders:
            sync_folder(place.path / folder)
        sync_folder(place.shard)
    return Proof(tuple(findings), tuple(records), found)


def _difference(record: FileRecord, found: Tree, copy: Path, *, mount: Path) -> Finding | None:
    """Return what is wrong with the copy of one file, ``None`` if nothing is."""
    path, name = copy / record.path, repr(record.path)
    state = found.files.get(record.path)
    if state is None:
        kind = found.others.get(record.path) or ("a folder" if record.path in found.folders else None)
        code = COPY_FILE_DIFFERS if kind else COPY_FILE_MISSING
        return Finding(code=code, path=record.path, message=f"{name} is {kind or 'missing'} in the archive copy.")
    if state.size != record.size:
        return _differs(record, "size", f"{record.size} bytes", f"{state.size} bytes")
    # Pages that are not written yet cannot be dropped from memory: they would be compared instead of the disk.
    with archive_errors(mount, path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    checksum = hash_archived(path, mount=mount)
    return None if checksum == record.sha512 else _differs(record, "SHA-512", record.sha512, checksum)


def _differs(record: FileRecord, what: str, expected: str, found: str) -> Finding:
    return Finding(
        code=COPY_FILE_DIFFERS,
        path=record.path,
        message=f"{record.path!r} has another {what} in the archive copy.",
        expected=expected,
        found=found,
    )
