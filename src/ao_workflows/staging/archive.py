"""Stage ``archive``: the work is in its place in the archive file system, every byte proved there, and audited there.

The audit of the copy sees what the one before could not: files that earlier deliveries of the work brought, and that
stand beside the new ones now.
"""

import os
from pathlib import Path

from sqlalchemy.orm import Session

from ao_workflows.archive import ScratchDamaged, sync_work
from ao_workflows.catalog import Work
from ao_workflows.errors import MustWait
from ao_workflows.inventory import read_inventory
from ao_workflows.staging.audit import audited
from ao_workflows.staging.scratch import forget, inventory_file
from ao_workflows.staging.source import refuse_superseded
from ao_workflows.staging.stage import StageContext, StageResult
from ao_workflows.works import archive_mount, parse_rid


def is_done(context: StageContext) -> bool:
    """Tell whether the work is on record as archived."""
    return context.was_done


def run(context: StageContext) -> StageResult:
    """Sync the work into the archive file system, and audit the copy."""
    work_id, rid = context.the_work.id, parse_rid(context.the_work.rid)
    # It was so when it was unbagged; since then, days may have passed.
    refuse_superseded(context.process, context.delivery)
    archive = context.process.settings.archive
    _wait_for_mount(archive_mount(context.process.settings.archive_root, rid), archive.marker)
    inventory = inventory_file(context.folder, rid)
    try:
        result = sync_work(
            context.folder / rid, context.process.settings.archive_root, rid=rid, inventory=read_inventory(inventory)
        )
    except ScratchDamaged:
        forget(context.folder, rid)
        raise

    def record(session: Session) -> None:
        session.get_one(Work, work_id).archive_path = str(result.archive_path)

    detail, rejection = result.as_dict(), None
    if context.process.settings.audit.archive_copy:
        report, page = audited(context, result.archive_path, "post")
        detail["audit"] = {**report.as_dict(), "page": str(page)}
        rejection = report.rejection(of_copy=result.archive_path, page=page)
    return StageResult(detail=detail, rejection=rejection, record=record)


def _wait_for_mount(mount: Path, marker: str | None) -> None:
    """Let the work wait while its archive is not mounted: it would go into the empty folder below, and vanish.

    :raises MustWait: (``waiting-for-mount``) if the marker is set and missing.
    """
    if marker is not None and not os.path.lexists(mount / marker):
        raise MustWait(
            f"the archive at {mount}: it has no file {marker}, so what should be mounted there is not",
            action="Mount it; in Docker, then restart what runs tasks: docker compose restart scheduler.",
            code="waiting-for-mount",
        )
