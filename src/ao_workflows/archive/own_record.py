"""The archive copy's own record where another program writes the copy: kept from it, and written anew after it."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ao_workflows.archive.changes import put_on_record
from ao_workflows.archive.disk import archive_errors, record_errors, sync_folder
from ao_workflows.archive.new_work import remove_unfinished
from ao_workflows.archive.options import AS_MADE, Access
from ao_workflows.archive.pending import read_pending, remove_pending
from ao_workflows.archive.place import in_the_way, is_real_folder, place_of
from ao_workflows.archive.proof import Proof
from ao_workflows.archive.reading_back import hash_archived
from ao_workflows.archive.record import FOLDER, is_recorded, read_record, record_files
from ao_workflows.archive.tree import Tree, kind_of
from ao_workflows.inventory import FileRecord
from ao_workflows.whole_file import whole_file
from ao_workflows.works import Rid


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was put on record of an archive copy.

    :param records: all that it holds, as far as anybody has proved it, in path order.
    :param changed: paths of files that nobody delivered and that are not what is on record of them.
    """

    records: tuple[FileRecord, ...]
    changed: tuple[str, ...]


@contextmanager
def own_record_kept(root: Path, rid: Rid, *, access: Access = AS_MADE) -> Iterator[None]:
    """Undo at the end of the block, however it ends, what happened in it to the copy's own record.

    A work that once came out of the archive brings the record of then along, and a program that knows nothing of that
    puts it in place of the one of today; another removes the copy first, with all that is known of it.

    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param access: who may use the record's folder if that has to be made again.
    :raises RecordDamaged: at the beginning, if it cannot be read: programs may run for hours.
    :raises ArchiveFailed: if the disk fails; if something that is no file stands in its place at the beginning, or
        something that is no folder in that of its folder.
    """
    place = place_of(root, rid)
    before = _own_files(place.path, rid, mount=place.mount)
    read_record(place.path, rid, mount=place.mount)
    try:
        yield
    finally:
        if before:
            _make_folder(place.path, access, mount=place.mount)
        for path in record_files(rid) if _has_folder(place.path, mount=place.mount) else ():
            _put_back(place.path / path, before.get(path), access, mount=place.mount)


def record_proof(
    root: Path, rid: Rid, proof: Proof, *, recorded: Sequence[FileRecord] = (), access: Access = AS_MADE
) -> Recorded:
    """Put on record in the archive copy of a work what was proved of it, beside what was on record before.

    Of the rest, what is on record and still there stays so. A file that has another size or time than on record is
    read: if its content is another, too, its record stays as it was, so that whoever looks at it finds that out. What
    is not on record was proved by nobody, and is not recorded now either. What a killed sync of ours has left
    half-built beside the copy is removed.

    :param root: the folder that holds the mounts ``Archive0`` … ``Archive3``.
    :param recorded: what is on record of the copy elsewhere; it counts where its own record does not say better.
    :param access: who may use the record's folder if that has to be made.
    :raises ArchiveFailed: if the record cannot be read or written. :raises MustWait: if the disk is full.
    """
    place = place_of(root, rid)
    copy, mount = place.path, place.mount
    before = read_record(copy, rid, mount=mount)
    pending = read_pending(copy, rid, proof.archived, mount=mount)
    proved = [record for record in proof.records if is_recorded(record.path)]
    known = (pending, before, {record.path: record for record in recorded})
    kept, changed = _beside({record.path for record in proved}, proof.archived, known, copy, mount=mount)
    records = sorted([*proved, *kept])
    if records != sorted(before.values()):
        _make_folder(copy, access, mount=mount)
        put_on_record(copy, rid, before.values(), records, mount=mount, moment=datetime.now(UTC), access=access)
    remove_pending(copy, rid, mount=mount)
    if _has_folder(copy, mount=mount):
        with archive_errors(mount, copy / FOLDER):
            sync_folder(copy / FOLDER)
    remove_unfinished(place)
    return Recorded(tuple(records), tuple(changed))


def _beside(
    proved: Collection[str],
    archived: Tree,
    known: Sequence[Mapping[str, FileRecord]],
    copy: Path,
    *,
    mount: Path,
) -> tuple[list[FileRecord], list[str]]:
    """Return the records of what is still there beside the files that were ``proved``, and which of them are wrong.

    :param known: what is on record, by path; of two records that fit a file, or do not, the first counts.
    """
    kept, changed = [], []
    for path in sorted(set().union(*known) - set(proved)):
        state = archived.files.get(path)
        if state is None:
            continue
        said = [records[path] for records in known if path in records]
        fitting = [record for record in said if (record.size, record.modified_ns) == state]
        if not fitting and state.size in {record.size for record in said}:
            found = hash_archived(copy / path, mount=mount)
            read = FileRecord(path, state.size, found, state.modified_ns)
            fitting = [read for record in said if record.sha512 == found]
        if not fitting:
            changed.append(path)
        kept.append((fitting or said)[0])
    return kept, changed


def _has_folder(copy: Path, *, mount: Path) -> bool:
    """Tell whether the copy has a folder for the record; a link in place of either is an error."""
    with archive_errors(mount, copy / FOLDER):
        return is_real_folder(copy) and is_real_folder(copy / FOLDER)


def _make_folder(copy: Path, access: Access, *, mount: Path) -> None:
    """Make the record's folder if it is not there; the copy's own, too, where a program has removed that."""
    for folder in (copy, copy / FOLDER):
        with archive_errors(mount, folder):
            if not is_real_folder(folder):
                folder.mkdir()
                access.give_folder(folder)
                sync_folder(folder.parent)


def _put_back(path: Path, text: str | None, access: Access, *, mount: Path) -> None:
    """Let a file have this text again, or let it be gone; a link that has got its name is not followed, and goes."""
    with archive_errors(mount, path):
        if text is None:
            path.unlink(missing_ok=True)
            return
        if _text_of(path) == text:
            return
    writing = whole_file(path, what="the archive's record", give=access.give_file)
    with record_errors(mount, path.parent), writing as file:
        file.write(text)


def _own_files(copy: Path, rid: Rid, *, mount: Path) -> dict[str, str]:
    """Return the text of the copy's own files, by path; what the disk has spoiled of it as it is legible."""
    texts: dict[str, str] = {}
    if not _has_folder(copy, mount=mount):
        return texts
    with archive_errors(mount, copy / FOLDER):
        for path in record_files(rid):
            text = _text_of(copy / path)
            if text is not None:
                texts[path] = text
            elif os.path.lexists(copy / path):
                raise in_the_way(copy / path, kind_of((copy / path).lstat().st_mode))
    return texts


def _text_of(path: Path) -> str | None:
    """Return the text of a file, ``None`` if there is none, or something else."""
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return None
    return path.read_text("ascii", "backslashreplace") if is_file else None
