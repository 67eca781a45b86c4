"""Stage ``archive``: the work is in its place in the archive file system, every byte proved there, and audited there.

The audit of the copy sees what the one before could not: files that earlier deliveries of the work brought, and that
stand beside the new ones now.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from ao_workflows.archive import Progress, ScratchDamaged, SyncResult, sync_work
from ao_workflows.catalog import Work, manifest_of
from ao_workflows.inventory import FileRecord, read_inventory
from ao_workflows.settings import Settings
from ao_workflows.staging.archive_record import record_copy
from ao_workflows.staging.audit import audited
from ao_workflows.staging.on_mount import on_mount, wait_for_mount
from ao_workflows.staging.scratch import forget, inventory_file
from ao_workflows.staging.site_archive import archived_by_command
from ao_workflows.staging.source import refuse_superseded
from ao_workflows.staging.stage import StageContext, StageResult
from ao_workflows.staging.sync_plan import SyncPlan, archive_options, not_wanted, plan_sync
from ao_workflows.staging.telling import told
from ao_workflows.works import Rid, archive_mount, archive_path, parse_rid


def is_done(context: StageContext) -> bool:
    """Tell whether the work is on record as archived."""
    return context.was_done


def run(context: StageContext) -> StageResult:
    """Sync the work into the archive file system, and audit the copy."""
    work_id, rid = context.the_work.id, parse_rid(context.the_work.rid)
    # It was so when it was unbagged; since then, days may have passed.
    refuse_superseded(context.process, context.delivery)
    settings = context.process.settings
    plan = plan_sync(settings, context.folder / rid)
    if not plan.archive:
        return StageResult(detail=not_wanted(plan, "archive"), skipped=True)
    mount = archive_mount(settings.archive_root, rid)
    on_mount(settings, mount, lambda _: wait_for_mount(mount, settings.archive.marker))
    inventory = read_inventory(inventory_file(context.folder, rid))
    if settings.sync.backend == "command":
        with context.process.catalog.reading() as session:
            recorded = manifest_of(session, rid)
        detail, records = archived_by_command(settings, plan, context.folder, rid, inventory, recorded=recorded)
    else:
        result = _archived(settings, plan, context.folder, rid, inventory)
        detail, records = result.as_dict(), result.records
    place = archive_path(settings.archive_root, rid)

    def record(session: Session) -> None:
        session.get_one(Work, work_id).archive_path = str(place)
        actor = context.delivery.claimed_by or ""
        record_copy(session, rid, place, records, actor=actor, delivery_id=context.delivery.id)

    rejection = None
    # Where both programs are the site's, the one that syncs has the other audit what it wrote.
    if settings.audit.archive_copy and (settings.sync.backend, settings.audit.backend) != ("command", "command"):
        detail["audit"], rejection = audited(context, place, "post", mount=mount)
    return StageResult(detail=detail, rejection=rejection, record=record)


def _archived(
    settings: Settings, plan: SyncPlan, folder: Path, rid: Rid, inventory: Sequence[FileRecord]
) -> SyncResult:
    # Nobody writes to what was unpacked any more, so its files may become the archive's.
    options = archive_options(settings, plan, link=True, checksum=settings.archive.checksum)
    root = settings.archive_root
    mount = archive_mount(root, rid)
    size = sum(record.size for record in inventory)

    def sync(progress: Progress) -> SyncResult:
        return sync_work(folder / rid, root, rid=rid, inventory=inventory, options=options, progress=progress)

    try:
        with told("archiving", size, place=mount) as progress:
            return on_mount(settings, mount, sync, progress=progress)
    except ScratchDamaged:
        forget(folder, rid)
        raise
