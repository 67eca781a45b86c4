"""What a sync has to do: which files of a work are new, changed or as they should be in the archive."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ao_workflows.archive.copying import damaged_source, hash_source, is_temporary
from ao_workflows.archive.reading_back import hash_archived, read_from_disk
from ao_workflows.archive.record import is_recorded, own_paths
from ao_workflows.archive.tree import FileState, Tree, is_litter_path
from ao_workflows.crew import batches, in_order
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
    read_all: bool,
    keep_times: bool,
    mount: Path,
    threads: int,
    progress: Callable[[int], None],
) -> Plan:
    """Find out which files of ``source`` are in ``target`` already.

    A file of the archive that still has the size and time that are on record of it has the content on record, unless
    it is to be read; any other is read. What was unpacked is known by its checksum. A file of the work of which
    nothing is known has that content, too, if it has the same size and time, unless it is to be read; else it is read.
    A file with the same bytes and another time is current, and keeps the time that it has in the archive.

    :param scratch: tells where the file of ``source`` with that path is.
    :param expected: checksums known from unpacking, by path; empty if there are none.
    :param recorded: the archive copy's own record, by path.
    :param read_all: read every file that may be current, rather than trust sizes and times.
    :param keep_times: take a file for changed when only its time differs.
    :param threads: files that are read at a time.
    :param progress: called with the bytes that are current: for each file that was read, and for all others together;
        with 0 before each file is read. What it raises ends the comparison.
    """
    add, replace = [], []
    doubtful: list[_Doubtful] = []
    current: list[FileRecord] = []
    for path, state in source.files.items():
        there = archived.files.get(path)
        if there is None:
            add.append(path)
        elif there.size != state.size or (keep_times and there.modified_ns != state.modified_ns):
            replace.append(path)
        else:
            known = None if read_all else _untouched(recorded.get(path), there)
            if known and path not in expected and there == state:
                current.append(known)
            else:
                doubtful.append(_Doubtful(path, there, known.sha512 if known else None))
    if current:
        progress(sum(record.size for record in current))

    def look(files: Sequence[_Doubtful]) -> list[tuple[str, str]]:
        """Return of each of the files the checksum that it has to have, and the one that the archive's file has."""
        paths = [target / file.path for file in files if file.on_record is None]
        with closing(read_from_disk(paths, mount=mount, progress=progress)) as unknown:
            pairs = []
            for file in files:
                progress(0)
                wanted = wanted_checksum(scratch(file.path), source.files[file.path], expected.get(file.path))
                pairs.append((wanted, file.on_record or next(unknown).sha512))
            return pairs

    reread = 0
    together = list(batches(doubtful, size=lambda file: file.there.size))
    with closing(in_order(look, together, threads=threads, stop=threading.Event())) as looks:
        for file, (wanted, found) in zip(doubtful, chain.from_iterable(looks), strict=True):
            if found == wanted:
                current.append(FileRecord(file.path, file.there.size, found, file.there.modified_ns))
                reread += file.on_record is None
                progress(file.there.size)
            else:
                replace.append(file.path)
    return Plan(tuple(add), tuple(replace), tuple(current), reread)


class _Doubtful(NamedTuple):
    """A file of the archive that has to be compared with that of the work.

    :param on_record: the SHA-512 that it has, as it is as it was recorded; ``None`` if it has to be read.
    """

    path: str
    there: FileState
    on_record: str | None


def leftovers(archived: Tree) -> Iterator[str]:
    """Yield the temporary files that a killed sync left in an archive copy."""
    for path in (*archived.files, *archived.others):
        if is_temporary(path.rpartition("/")[2]):
            yield path


def kept(
    dealt_with: Collection[str],
    target: Path,
    archived: Tree,
    *,
    recorded: Mapping[str, FileRecord],
    mount: Path,
    forget_lost: bool = False,
) -> Iterator[FileRecord]:
    """Yield the records of what the archive holds beside the files that are ``dealt_with``.

    What was recorded stays as it was recorded, so that a later check finds what happened to it; a file that was
    never recorded is read once, unless its name says that a desktop or an editor left it there.

    :param forget_lost: what is on record and not there is wanted by nobody.
    """
    there = archived.files.keys() if forget_lost else archived.files.keys() | recorded.keys()
    for path in sorted(there - set(dealt_with)):
        if not is_recorded(path):
            continue
        if path in recorded:
            yield recorded[path]
        elif not is_litter_path(path):
            state = archived.files[path]
            yield FileRecord(path, state.size, hash_archived(target / path, mount=mount), state.modified_ns)


def without_own_record(rid: Rid, source: Tree) -> Tree:
    """Return ``source`` without the records of an earlier archive copy, whose places belong to the archive."""
    own = source.files.keys() & set(own_paths(rid))
    if not own:
        return source
    files = {path: state for path, state in source.files.items() if path not in own}
    return Tree(files, source.folders, source.others, tuple(sorted((*source.litter, *own))))


def _untouched(known: FileRecord | None, there: FileState) -> FileRecord | None:
    """Return the record of an archived file if the file still has the size and time that it had when recorded."""
    return known if known and (known.size, known.modified_ns) == (there.size, there.modified_ns) else None


def wanted_checksum(source: Path, state: FileState, unpacked: FileRecord | None) -> str:
    """Return the checksum that a scratch file has to have, reading it unless what was unpacked vouches for it."""
    if unpacked is not None and (unpacked.size, unpacked.modified_ns) == (state.size, state.modified_ns):
        return unpacked.sha512
    found = hash_source(source, state=state)
    if unpacked is not None and found != unpacked.sha512:
        raise damaged_source(source, expected=unpacked.sha512, found=found)
    return found
