"""Stage ``publish``: the images of the archived work are where readers get them."""

from pathlib import Path

from sqlalchemy.orm import Session

from ao_workflows.access import web_target
from ao_workflows.archive import Progress
from ao_workflows.archive.web import PublishResult, publish
from ao_workflows.catalog import Work
from ao_workflows.errors import SystemFailed
from ao_workflows.staging.on_mount import on_mount
from ao_workflows.staging.seen_images import seen_images
from ao_workflows.staging.site_web import published_by_command
from ao_workflows.staging.stage import StageContext, StageResult
from ao_workflows.staging.sync_plan import not_wanted, plan_sync, web_options
from ao_workflows.staging.telling import told
from ao_workflows.staging.volumes import WebImages, bytes_of, look_at
from ao_workflows.works import parse_rid


def is_done(context: StageContext) -> bool:
    """Tell whether the work is on record as published."""
    return context.was_done


def run(context: StageContext) -> StageResult:
    """Publish what the archive has of the work, earlier deliveries included; if nothing, what is in scratch."""
    settings, work_id, rid = context.process.settings, context.the_work.id, parse_rid(context.the_work.rid)
    scratch, archived = context.folder / rid, context.the_work.archive_path
    source = Path(archived) if archived else scratch
    mount = source.parents[1] if archived else None
    plan = on_mount(settings, mount, lambda _: plan_sync(settings, scratch if scratch.is_dir() else source))
    if plan.archive and not archived:
        raise SystemFailed(
            f"{rid} is not in the archive yet, and is published from there.",
            action="It is tried again from the stage before; if this stays, report it with the log.",
            code="not-archived",
        )
    if not plan.web or settings.web.target is None:
        return StageResult(detail=not_wanted(plan, "web"))
    target = web_target(settings, settings.web.target, context.process.connections)
    address = target.address_of(rid)
    if settings.sync.backend == "command":
        volumes = _images(context, source, mount).volumes if settings.sync.prove_web else None
        detail = published_by_command(settings, plan, source, rid, target=target, volumes=volumes, mount=mount)
    else:
        images = _images(context, source, mount)

        options = web_options(settings, plan, prefix=target.prefix, is_recorded=bool(archived))

        def send(progress: Progress) -> PublishResult:
            with images.kept():
                return publish(
                    rid,
                    images.volumes,
                    target.store,
                    address=address,
                    options=options,
                    record=source / "sync-inventory" / f"{rid}.web.jsonl" if archived else None,
                    progress=progress,
                )

        with told("publishing", bytes_of(images.volumes), place=address) as progress:
            result = on_mount(settings, mount, send, progress=progress)
        detail = result.as_dict()

    def record(session: Session) -> None:
        session.get_one(Work, work_id).web_address = address

    return StageResult(detail=detail, record=record)


def _images(context: StageContext, source: Path, mount: Path | None) -> WebImages:
    """Return what the web has to have of the work in the folder ``source``, which is on the archive mount ``mount``."""
    rid = parse_rid(context.the_work.rid)
    seen = seen_images(context.folder, rid)
    return on_mount(
        context.process.settings, mount, lambda progress: look_at(source, rid, mount, seen, progress=progress)
    )
