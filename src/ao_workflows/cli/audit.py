"""``ao audit``: do works keep the archive's rules?"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ao_workflows.audit import AuditProperties, AuditReport, parse_properties, run_audit
from ao_workflows.cli.output import JsonOption, cell, out, print_json, settings_with_logs
from ao_workflows.errors import ExitCode

OUTCOME_STYLES = {"passed": "green", "warnings": "yellow", "failed": "red"}


def audit(
    works: Annotated[list[Path], typer.Argument(help="Folders of works.", metavar="WORK...", show_default=False)],
    tests: Annotated[
        list[str] | None, typer.Option("--test", "-T", help="Run only this test; may be repeated.", metavar="KEY")
    ] = None,
    define: Annotated[
        list[str] | None,
        typer.Option("-D", help="Set a property, such as ErrorsAsWarning=111,115.", metavar="KEY=VALUE"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Audit works: their folders, their image groups, and the sequence of their images.

    Exit code 0 when every work passed (warnings allowed), 1 when one failed.

    Example: ao audit /mnt/incoming/W22084 -T FileSequence
    """
    settings = settings_with_logs().audit
    properties = parse_properties(define or (), base=AuditProperties(errors_as_warning=settings.errors_as_warning))
    reports = [run_audit(work, tests=tests or settings.tests, properties=properties) for work in works]
    if as_json:
        print_json({"works": [report.as_dict() for report in reports]})
    else:
        for report in reports:
            _show(report)
    if any(report.outcome == "failed" for report in reports):
        raise typer.Exit(ExitCode.REJECTED)


def _show(report: AuditReport) -> None:
    title = cell(f"{report.rid}: {report.outcome}")
    table = Table("Test", "Outcome", title=title, title_justify="left", box=None)
    for result in report.results:
        table.add_row(result.test, result.outcome, style=OUTCOME_STYLES[result.outcome])
    console = out()
    console.print(table)
    for finding in report.findings:
        line = f"  {finding.severity} {finding.error} {finding.test} {finding.path}: {finding.message}"
        console.print(cell(line), style=OUTCOME_STYLES["failed" if finding.severity == "error" else "warnings"])
