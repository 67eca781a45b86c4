"""What the archive holds of each work, and how that changed from one sync to the next."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ao_workflows.catalog.database import now
from ao_workflows.catalog.models import ArchiveChange, ArchiveCopy
from ao_workflows.inventory import FileRecord

GroupCounts = Mapping[str, Mapping[str, int]]
"""By image group, the numbers of files that were ``added``, ``replaced``, ``removed`` and ``untouched``."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What one sync changed. :param paths: of the files that were ``added``, ``replaced`` and ``removed``."""

    rid: str
    at: datetime
    actor: str
    delivery: int | None
    groups: GroupCounts
    paths: Mapping[str, Sequence[str]]

    def as_dict(self) -> dict[str, Any]:
        """The change as the command line prints it in JSON."""
        return {
            "rid": self.rid,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "delivery": self.delivery,
            "groups": {group: dict(counts) for group, counts in self.groups.items()},
            **{kind: list(paths) for kind, paths in self.paths.items()},
        }


def manifest_of(session: Session, rid: str) -> list[FileRecord]:
    """Return what is on record of the archive's copy of a work; nothing if there is none."""
    copy = session.get(ArchiveCopy, rid)
    if copy is None:
        return []
    lines = gzip.decompress(copy.manifest).splitlines()
    return [FileRecord(*json.loads(line)) for line in lines]


def record_archive_copy(session: Session, rid: str, path: str, records: Sequence[FileRecord]) -> None:
    """Put on record what the archive holds of a work now."""
    lines = "".join(f"{json.dumps(list(record))}\n" for record in records)
    copy = session.get(ArchiveCopy, rid) or ArchiveCopy(rid=rid)
    copy.path, copy.updated_at = path, now()
    copy.files, copy.bytes = len(records), sum(record.size for record in records)
    copy.manifest = gzip.compress(lines.encode("ascii"), mtime=0)
    session.add(copy)


def record_changes(
    session: Session,
    rid: str,
    *,
    groups: GroupCounts,
    paths: Mapping[str, Iterable[str]],
    actor: str,
    delivery_id: int | None = None,
) -> None:
    """Put on record what a sync changed. Rows are only ever added."""
    document = json.dumps({kind: list(each) for kind, each in paths.items()})
    change = ArchiveChange(rid=rid, delivery_id=delivery_id, at=now(), actor=actor)
    change.groups = {group: dict(counts) for group, counts in groups.items()}
    change.paths = gzip.compress(document.encode("ascii"), mtime=0)
    session.add(change)


def changes_of(session: Session, rid: str, *, limit: int) -> list[ChangeRow]:
    """Return the last changes of a work, the newest first."""
    found = session.scalars(
        select(ArchiveChange).where(ArchiveChange.rid == rid).order_by(ArchiveChange.id.desc()).limit(limit)
    )
    return [
        ChangeRow(
            change.rid,
            change.at,
            change.actor,
            change.delivery_id,
            change.groups,
            json.loads(gzip.decompress(change.paths)),
        )
        for change in found
    ]
