"""Stage ``audit``: the images and folders of a work keep the archive's rules."""

from datetime import UTC, datetime
from pathlib import Path

from ao_workflows.audit import AuditConfigurer, AuditReport, Moment, run_audit
from ao_workflows.audit.reports.html_page import write_html
from ao_workflows.errors import SystemFailed
from ao_workflows.staging.scratch import forget, is_whole
from ao_workflows.staging.stage import StageContext, StageResult


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
    report, page = audited(context, context.folder / rid, "pre")
    return StageResult(detail={**report.as_dict(), "page": str(page)}, rejection=report.rejection(page=page))


def audited(context: StageContext, work: Path, moment: Moment) -> tuple[AuditReport, Path]:
    """Audit the work in a folder by the rules that are in force for it; return what came of it, and the page about it.

    The page is named after the work, its delivery and the moment, so that an attempt replaces that of the one before.
    """
    settings = context.process.settings
    rules = AuditConfigurer(settings.audit).for_work(work, moment)
    report = run_audit(work, tests=rules.tests, properties=rules.properties)
    page = settings.reports_folder / f"{report.rid}-{context.delivery.id}-{moment}.html"
    write_html(report, work, page, made=datetime.now(UTC))
    return report, page
