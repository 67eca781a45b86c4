"""What a sync changed in an archive copy: by file, and by image group."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ao_workflows.archive.disk import archive_errors, record_errors
from ao_workflows.archive.options import Access
from ao_workflows.archive.record import FOLDER, write_record
from ao_workflows.inventory import FileRecord
from ao_workflows.whole_file import whole_file
from ao_workflows.works import Rid, group_of_path

_KINDS = ("added", "replaced", "removed")


@dataclass(frozen=True, slots=True)
class Changes:
    """How two records of a work differ. Paths are relative to the work, in order.

    :param untouched: how many files are the same in both, by image group; those outside of groups under "".
    """

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    untouched: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.removed)

    def by_group(self, rid: str) -> dict[str, dict[str, int]]:
        """Return the number of files of each kind in each image group; those outside of groups under ""."""
        counts = {kind: Counter(group_of_path(rid, path) for path in getattr(self, kind)) for kind in _KINDS}
        counts["untouched"] = Counter(self.untouched)
        groups = sorted(set().union(*counts.values()))
        return {group: {kind: count[group] for kind, count in counts.items()} for group in groups}

    def as_dict(self) -> dict[str, Any]:
        """The changes as they are kept and printed in JSON."""
        return {kind: list(getattr(self, kind)) for kind in _KINDS} | {"untouched": dict(self.untouched)}


def changes_between(rid: str, before: Iterable[FileRecord], after: Iterable[FileRecord]) -> Changes:
    """Return how a work changed from one record of its files to the next; another time alone is no change."""
    old = {record.path: record.sha512 for record in before}
    new = {record.path: record.sha512 for record in after}
    both = old.keys() & new.keys()
    return Changes(
        added=tuple(sorted(new.keys() - both)),
        replaced=tuple(sorted(path for path in both if old[path] != new[path])),
        removed=tuple(sorted(old.keys() - both)),
        untouched=Counter(group_of_path(rid, path) for path in sorted(both) if old[path] == new[path]),
    )


def changes_path(rid: Rid) -> str:
    """Return where the history of a work's changes is, relative to its folder in the archive: a line for each sync."""
    return f"{FOLDER}/{rid}.changes.jsonl"


def write_changes(work: Path, rid: Rid, changes: Changes, *, mount: Path, moment: datetime, access: Access) -> None:
    """Add ``changes`` to the history in the archive copy ``work``.

    A sync that was killed before it recorded its files adds the same changes once more: then they take the place of
    the last line.
    """
    path = work / changes_path(rid)
    with archive_errors(mount, path):
        # A line that the disk has spoiled is kept as it is legible: it must not keep the work out of the archive.
        lines = path.read_text("ascii", "backslashreplace").splitlines() if path.exists() else []
    said = changes.as_dict()
    if lines and lines[-1].endswith(json.dumps(said)[1:]):
        lines.pop()
    lines.append(json.dumps({"at": moment.isoformat(timespec="seconds")} | said))
    with whole_file(path, what="the history of changes", give=access.give_file) as file:
        file.writelines(f"{line}\n" for line in lines)


def put_on_record(
    copy: Path,
    rid: Rid,
    before: Iterable[FileRecord],
    after: Iterable[FileRecord],
    *,
    mount: Path,
    moment: datetime,
    access: Access,
) -> None:
    """Put on record in the archive copy what it holds now, and what has changed.

    The record is the last: who is killed in between finds the old one, and does both again.

    :param copy: the copy's folder, which has one for the record.
    :param before: what was on record, and ``after``: what is there now.
    :param access: who may use both.
    :raises ArchiveFailed: if either cannot be written. :raises MustWait: if the disk is full.
    """
    after = list(after)
    changes = changes_between(rid, before, after)
    with record_errors(mount, copy / FOLDER):
        if changes:
            write_changes(copy, rid, changes, mount=mount, moment=moment, access=access)
        write_record(copy, rid, after, access=access)
