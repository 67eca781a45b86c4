"""Putting on record in the catalog what the archive holds of a work, and how that changed."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.orm import Session

from ao_workflows.archive import changes_between
from ao_workflows.catalog import Catalog, manifest_of, record_archive_copy, record_changes
from ao_workflows.inventory import FileRecord
from ao_workflows.settings import Settings
from ao_workflows.staging.process import open_catalog


def catalog_if_there(settings: Settings) -> Catalog | None:
    """Return the catalog that the settings name, ``None`` if there is none and nobody asked for one.

    :raises CatalogUnavailable: if it cannot be reached. :raises CatalogNotMigrated: if its tables are others.
    """
    usual = Path(make_url(settings.catalog_url).database or "")
    if settings.catalog.url is None and not usual.is_file():
        return None
    catalog = open_catalog(settings)
    catalog.check()
    return catalog


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
