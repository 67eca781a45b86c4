"""Stage ``audit``: the images and folders of a work keep the archive's rules."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ao_workflows.answering import Progress
from ao_workflows.audit import AuditConfigurer, AuditReport, Moment, run_audit
from ao_workflows.audit.reports.html_page import write_html
from ao_workflows.errors import ContentRejected, SystemFailed
from ao_workflows.staging.on_mount import on_mount
from ao_workflows.staging.scratch import forget, is_whole
from ao_workflows.staging.seen_images import remember_images
from ao_workflows.staging.site_audit import audited_by_tool
from ao_workflows.staging.stage import StageContext, StageResult
from ao_workflows.staging.telling import told


def is_done(context: StageContext) -> bool:
    """Tell whether the work has passed its audit. What is unbagged again is the same content."""
    return context.was_done


def run(context: StageContext) -> StageResult:
    """Audit the work as it was unpacked."""
    rid = context.the_work.rid
    if not is_whole(context.folder, rid):
        # Its files were verified and are gone: that is no fault of the content, and no reason to reject it.
        forget(context.folder, rid)
        raise SystemFailed(
            f"{context.folder / rid} is no longer as it was unpacked.",
            action="Check the scratch disk; the next attempt fetches the work anew.",
            code="scratch-damaged",
        )
    detail, rejection = audited(context, context.folder / rid, "pre")
    return StageResult(detail=detail, rejection=rejection)


def audited(
    context: StageContext, work: Path, moment: Moment, *, mount: Path | None = None
) -> tuple[dict[str, Any], ContentRejected | None]:
    """Audit the work in a folder by the rules that are in force for it, as it was unpacked or as the archive copy.

    The page about it is named after the work, its delivery and the moment, so that an attempt replaces that of the one
    before.

    :param mount: the archive mount that holds the folder, which is left if it does not answer any more; ``None`` for
        scratch. A program of the site is not left: it has a time limit of its own.
    :returns: what came of it, for the record, and why the work is rejected, if it is.
    """
    settings = context.process.settings
    if settings.audit.backend == "command":
        return audited_by_tool(settings, work, moment)
    page = settings.reports_folder / f"{work.name}-{context.delivery.id}-{moment}.html"
    with ExitStack() as stack:

        def look(progress: Progress) -> AuditReport:
            rules = AuditConfigurer(settings.audit).for_work(work, moment)

            def begin(total: int) -> Progress:
                progress(0)
                count = stack.enter_context(told("auditing", total, place=work))

                def counted(size: int) -> None:
                    progress(size)
                    count(size)

                return counted

            report = run_audit(work, tests=rules.tests, properties=rules.properties, progress=begin)
            progress(0)
            write_html(report, work, page, made=datetime.now(UTC))  # with pictures, which it reads
            return report

        report = on_mount(settings, mount, look)
    remember_images(context.folder, work, report.images)
    rejection = report.rejection(of_copy=work if moment == "post" else None, page=page)
    return {**report.as_dict(), "page": str(page)}, rejection
