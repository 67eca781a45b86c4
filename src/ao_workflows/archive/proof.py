"""Proving a copy that another program has put into the archive: nothing but what the disk gives back counts."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ao_workflows.answering import Progress, ignored
from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.lock import turn_of_mount, work_lock
from ao_workflows.archive.options import AS_MADE, Access
from ao_workflows.archive.place import is_real_folder, open_shard, place_of
from ao_workflows.archive.reading_back import read_from_disk
from ao_workflows.archive.record import own_paths
from ao_workflows.archive.tree import Tree, read_tree
from ao_workflows.crew import batches, default_jobs, in_order
from ao_workflows.errors import Finding
from ao_workflows.flushing import flushed
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
def hold_place(root: Path, rid: Rid, *, at_once: int, access: Access = AS_MADE) -> Iterator[int]:
    """Hold the lock of a work's place in the archive, so that nothing else of ours writes there meanwhile.

    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param at_once: syncs that may write to one mount at the same time.
    :param access: who may use the folder that the work's folder is in, if that has to be made.
    :returns: the lock's descriptor. A program that inherits it holds the lock for as long as it runs, even if this
        process is killed.
    :raises ArchiveFailed: if the mount is not there, or the place is taken by something that is no folder.
    :raises MustWait: (``waiting-for-sync``) if another sync of the work runs; (``waiting-for-turn``) if too many write.
    """
    place = place_of(root, rid)
    open_shard(place, access)
    with (
        work_lock(place.shard, rid, mount=place.mount) as descriptor,
        turn_of_mount(place.mount, at_once=at_once),
    ):
        with archive_errors(place.mount, place.path):
            is_real_folder(place.path)
        yield descriptor


def verify_copy(root: Path, *, rid: Rid, inventory: Iterable[FileRecord], progress: Progress | None = None) -> Proof:
    """Find out what the archive copy of a work lacks of ``inventory``: files that are missing, or differ by SHA-512.

    Everything is written out to the disk first and then read from there, so that what is found right also survives a
    power cut. Links are not followed, neither to files nor to folders. What the copy holds beyond the inventory is not
    looked at, and neither are the places of the archive's own record.

    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param progress: called with the bytes of each file that was read; what it raises ends the comparison.
    :raises ArchiveFailed: if the disk fails, or the copy is no folder.
    """
    place, own, tell = place_of(root, rid), set(own_paths(rid)), progress or ignored
    with archive_errors(place.mount, place.path), flushed(place.shard) as flush:
        flush()  # pages that are not written yet cannot be dropped from memory, and would be read instead of the disk
        found = read_tree(place.path) if is_real_folder(place.path) else Tree()
        findings, there = [], []
        for record in (record for record in inventory if record.path not in own):
            if finding := _seen_at_once(record, found):
                findings.append(finding)
            else:
                there.append(record)

        def look(records: Sequence[FileRecord]) -> list[str]:
            paths = [place.path / record.path for record in records]
            with closing(read_from_disk(paths, mount=place.mount, progress=tell)) as read:
                return [on_disk.sha512 for on_disk in read]

        together = list(batches(there, size=lambda record: record.size))
        records = []
        threads = default_jobs(is_local=True)
        with closing(in_order(look, together, threads=threads, stop=threading.Event())) as looks:
            for record, checksum in zip(there, chain.from_iterable(looks), strict=True):
                if checksum == record.sha512:
                    records.append(record._replace(modified_ns=found.files[record.path].modified_ns))
                else:
                    findings.append(_differs(record, "SHA-512", record.sha512, checksum))
                tell(record.size)
        for folder in found.folders:  # what became a link since the listing has led to files of somewhere else
            is_real_folder(place.path / folder)
    return Proof(tuple(sorted(findings, key=lambda finding: finding.path)), tuple(records), found)


def _seen_at_once(record: FileRecord, found: Tree) -> Finding | None:
    """Return what is wrong with the copy of one file, as far as a listing shows it; ``None`` if nothing is."""
    state = found.files.get(record.path)
    if state is None:
        kind = found.others.get(record.path) or ("a folder" if record.path in found.folders else None)
        code = COPY_FILE_DIFFERS if kind else COPY_FILE_MISSING
        message = f"{record.path!r} is {kind or 'missing'} in the archive copy."
        return Finding(code=code, path=record.path, message=message)
    if state.size != record.size:
        return _differs(record, "size", f"{record.size} bytes", f"{state.size} bytes")
    return None


def _differs(record: FileRecord, what: str, expected: str, found: str) -> Finding:
    return Finding(
        code=COPY_FILE_DIFFERS,
        path=record.path,
        message=f"{record.path!r} has another {what} in the archive copy.",
        expected=expected,
        found=found,
    )
