"""Putting on record in the catalog what the archive holds of a work, and how that changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from ao_workflows.archive import SyncResult, changes_between
from ao_workflows.catalog import manifest_of, record_archive_copy, record_changes
from ao_workflows.inventory import FileRecord
from ao_workflows.settings import Settings
from ao_workflows.staging.opened_catalog import open_catalog


def recorder(settings: Settings, *, actor: str) -> Callable[[SyncResult], None]:
    """Return what records a sync in the catalog that the settings name, which is there and can be written.

    :param actor: who syncs.
    :raises CatalogUnavailable: if it cannot be reached. :raises CatalogNotMigrated: if its tables are others.
    """
    catalog = open_catalog(settings)
    catalog.check()

    def record(result: SyncResult) -> None:
        with catalog.transaction() as session:
            record_copy(session, result.rid, result.archive_path, result.records, actor=actor)

    return record


def record_copy(
    session: Session,
    rid: str,
    place: Path,
    records: Sequence[FileRecord],
    *,
    actor: str,
    delivery_id: int | None = None,
) -> None:
    """Record the archive copy of a work, and what is different from the one that was recorded before.

    Recording the same copy again adds no change.

    :param records: all that the copy holds.
    :param actor: who changed it.
    """
    changes = changes_between(rid, manifest_of(session, rid), records)
    record_archive_copy(session, rid, str(place), records)
    if changes:
        paths = {"added": changes.added, "replaced": changes.replaced, "removed": changes.removed}
        groups = changes.by_group(rid)
        record_changes(session, rid, groups=groups, paths=paths, actor=actor, delivery_id=delivery_id)
