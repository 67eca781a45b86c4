"""Stage ``audit``: the images and folders of a work keep the archive's rules."""

from ao_workflows.audit import AuditProperties, run_audit
from ao_workflows.staging.stage import StageContext, StageResult


def is_done(context: StageContext) -> bool:
    """Tell whether the work has passed its audit. What is unbagged again is the same content."""
    return context.was_done


def run(context: StageContext) -> StageResult:
    """Run the audit tests that the settings name."""
    settings = context.process.settings.audit
    report = run_audit(
        context.folder / context.the_work.rid,
        tests=settings.tests,
        properties=AuditProperties(errors_as_warning=settings.errors_as_warning),
    )
    return StageResult(detail=report.as_dict(), rejection=report.rejection())
