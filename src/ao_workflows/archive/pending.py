"""What a sync is about to replace in an archive copy, on disk until its record says so.

A sync that is killed between the two leaves new files under an old record. If the next delivery of the work does not
hold them, nobody would know that they are right, and the record would call them damaged.
"""

from collections.abc import Iterable
from pathlib import Path

from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.options import Access
from ao_workflows.archive.reading_back import hash_archived
from ao_workflows.archive.record import pending_path
from ao_workflows.archive.tree import Tree
from ao_workflows.errors import SystemFailed
from ao_workflows.inventory import FileRecord, read_inventory, write_inventory
from ao_workflows.works import Rid


def read_pending(copy: Path, rid: Rid, archived: Tree, *, mount: Path) -> dict[str, FileRecord]:
    """Return what a sync that was killed has replaced without recording it, by path; each is read, and is so."""
    path = pending_path(rid)
    if path not in archived.files:
        return {}
    try:
        pending = read_inventory(copy / path)
    except SystemFailed:
        return {}  # it only helps: without it, what is on record stays as it was recorded
    return {
        record.path: record
        for record in pending
        if archived.files.get(record.path) == (record.size, record.modified_ns)
        and hash_archived(copy / record.path, mount=mount) == record.sha512
    }


def write_pending(copy: Path, rid: Rid, records: Iterable[FileRecord], *, access: Access) -> None:
    """Put down what is about to be replaced."""
    write_inventory(copy / pending_path(rid), records, give=access.give_file)


def remove_pending(copy: Path, rid: Rid, *, mount: Path) -> None:
    """Forget it: all of it is on record."""
    path = copy / pending_path(rid)
    with archive_errors(mount, path):
        path.unlink(missing_ok=True)
