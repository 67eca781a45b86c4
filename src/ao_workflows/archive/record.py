"""The archive copy's own record: what it holds, with checksums, in ``sync-inventory/`` beside the content."""

import os
from collections.abc import Iterable
from pathlib import Path

from ao_workflows.archive.disk import ArchiveFailed, archive_error, archive_errors
from ao_workflows.archive.options import Access
from ao_workflows.errors import SystemFailed
from ao_workflows.inventory import FileRecord, read_inventory, write_inventory
from ao_workflows.works import Rid

FOLDER = "sync-inventory"


class RecordDamaged(ArchiveFailed):
    """The inventory in an archive copy cannot be read."""

    code = "archive-record-damaged"


def record_path(rid: Rid) -> str:
    """Return where a work's inventory is, relative to the work's folder in the archive."""
    return f"{FOLDER}/{rid}.inventory.jsonl"


def pending_path(rid: Rid) -> str:
    """Return where a sync puts down what it is about to replace, relative to the work's folder in the archive."""
    return f"{FOLDER}/{rid}.pending.jsonl"


def record_files(rid: Rid) -> tuple[str, ...]:
    """Return where the archive keeps what it knows of a work, relative to the work's folder.

    They are its inventory, the history of its changes, what is to be replaced, and what the web has of it.
    """
    return tuple(f"{FOLDER}/{rid}.{kind}.jsonl" for kind in ("inventory", "changes", "pending", "web"))


def own_paths(rid: Rid) -> tuple[str, ...]:
    """Return where the archive keeps what it knows of a work, and where each of these is while it is written.

    Nothing that is delivered goes there: a work that once came out of the archive brings its old ones along.
    """
    files = record_files(rid)
    return (*files, *(f"{FOLDER}/.{path.removeprefix(f'{FOLDER}/')}.part" for path in files))


def is_recorded(path: str) -> bool:
    """Tell whether the inventory lists the file ``path``: all but itself and what stands beside it."""
    return not path.startswith(f"{FOLDER}/")


def read_record(work: Path, rid: Rid, *, mount: Path) -> dict[str, FileRecord]:
    """Return what the archive copy ``work`` holds by its own record, by path; nothing if it has none yet.

    :raises RecordDamaged: if there is one that is no inventory. :raises ArchiveFailed: if the disk does not give it.
    """
    path = work / record_path(rid)
    with archive_errors(mount, path):
        if not path.exists():
            return {}
    try:
        return {record.path: record for record in read_inventory(path)}
    except SystemFailed as error:
        cause = error.__cause__
        if isinstance(cause, PermissionError):
            raise ArchiveFailed(
                f"The archive copy of {rid} has a record that cannot be read: {str(path)!r}: {cause.strerror}.",
                action=f"Let uid {os.geteuid()} read and write what is in its folder, then retry.",
            ) from error
        if isinstance(cause, OSError):
            raise archive_error(cause, mount=mount, path=path) from error
        raise RecordDamaged(
            f"The archive copy of {rid} has a record that cannot be read: {error.message}",
            action=f"Check the disk, then move {str(path)!r} away: every file is hashed again for a new record.",
        ) from error


def write_record(work: Path, rid: Rid, records: Iterable[FileRecord], *, access: Access) -> None:
    """Write the inventory of the archive copy ``work``; its folder must exist."""
    write_inventory(work / record_path(rid), records, give=access.give_file)
