"""What a sync has to do: which files of a work are new, changed or as they should be in the archive."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.archive.copying import damaged_source, hash_archived, hash_source, is_temporary
from ao_workflows.archive.record import is_recorded, record_path
from ao_workflows.archive.tree import FileState, Tree, is_litter_path
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done to one copy of a work.

    :param add: files that are not there yet.
    :param replace: files that are there with other content.
    :param current: what is proved to be right already, as it is in the archive.
    :param reread: how many of ``current`` were read to prove it.
    """

    add: tuple[str, ...]
    replace: tuple[str, ...]
    current: tuple[FileRecord, ...]
    reread: int


def compare(
    source: Tree,
    target: Path,
    archived: Tree,
    *,
    scratch: Callable[[str], Path],
    expected: Mapping[str, FileRecord],
    recorded: Mapping[str, FileRecord],
    keep_times: bool,
    mount: Path,
) -> Plan:
    """Find out which files of ``source`` are in ``target`` already.

    What was unpacked is known by its checksum, and then each archived file that is to stay is read, so that a
    delivery mends what rotted. Without checksums from unpacking it is the other way round: each file of the work is
    read, and the archive's own record speaks for a file of it that still has its recorded size and time. A file with
    the same bytes and another time is current too, and keeps the time that it has in the archive.

    :param scratch: tells where the file of ``source`` with that path is.
    :param expected: checksums known from unpacking, by path; empty if there are none.
    :param recorded: the archive copy's own record, by path.
    :param keep_times: take a file for changed when only its time differs.
    """
    add, replace = [], []
    current: list[FileRecord] = []
    reread = 0
    for path, state in source.files.items():
        there = archived.files.get(path)
        if there is None:
            add.append(path)
        elif there.size != state.size or (keep_times and there.modified_ns != state.modified_ns):
            replace.append(path)
        else:
            known = None if expected else _untouched(recorded.get(path), there)
            wanted = wanted_checksum(scratch(path), state, expected.get(path))
            found = known.sha512 if known else hash_archived(target / path, mount=mount)
            if found != wanted:
                replace.append(path)
                continue
            current.append(FileRecord(path, there.size, found, there.modified_ns))
            if known is None:
                reread += 1
    return Plan(tuple(add), tuple(replace), tuple(current), reread)


def leftovers(archived: Tree) -> Iterator[str]:
    """Yield the temporary files that a killed sync left in an archive copy."""
    for path in (*archived.files, *archived.others):
        if is_temporary(path.rpartition("/")[2]):
            yield path


def kept(
    source: Tree, target: Path, archived: Tree, *, recorded: Mapping[str, FileRecord], mount: Path
) -> Iterator[FileRecord]:
    """Yield the records of what the archive holds and the work no longer does.

    What was recorded stays as it was recorded, so that a later check finds what happened to it; a file that was
    never recorded is read once, unless its name says that a desktop or an editor left it there.
    """
    for path in sorted((archived.files.keys() | recorded.keys()) - source.files.keys()):
        if not is_recorded(path):
            continue
        if path in recorded:
            yield recorded[path]
        elif not is_litter_path(path):
            state = archived.files[path]
            yield FileRecord(path, state.size, hash_archived(target / path, mount=mount), state.modified_ns)


def without_own_record(rid: Rid, source: Tree) -> Tree:
    """Return ``source`` without the inventory of an earlier archive copy, whose place belongs to the archive."""
    own = record_path(rid)
    if own not in source.files:
        return source
    files = {path: state for path, state in source.files.items() if path != own}
    return Tree(files, source.folders, source.others, tuple(sorted((*source.litter, own))))


def _untouched(known: FileRecord | None, there: FileState) -> FileRecord | None:
    """Return the record of an archived file if the file still has the size and time that it had when recorded."""
    return known if known and (known.size, known.modified_ns) == (there.size, there.modified_ns) else None


def wanted_checksum(source: Path, state: FileState, unpacked: FileRecord | None) -> str:
    """Return the checksum that a scratch file has to have, reading it unless what was unpacked vouches for it.

    The archive's own record never does: a file may have other content behind the same size and time.
    """
    if unpacked is not None and (unpacked.size, unpacked.modified_ns) == (state.size, state.modified_ns):
        return unpacked.sha512
    found = hash_source(source, state=state)
    if unpacked is not None and found != unpacked.sha512:
        raise damaged_source(source, expected=unpacked.sha512, found=found)
    return found
