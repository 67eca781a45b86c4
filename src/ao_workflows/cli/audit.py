"""``ao audit``: do works keep the archive's rules?"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ao_workflows.audit import (
    NOT_AUDITED,
    AuditFinding,
    AuditProperties,
    AuditReport,
    TestResult,
    parse_properties,
    properties_of,
    run_audit,
)
from ao_workflows.cli.output import JsonOption, cell, out, print_json, settings_with_logs
from ao_workflows.errors import ExitCode
from ao_workflows.works import NotAWork

STRUCTURE = "Structure"
"""What stands for a test where no test could run: the folder has not the structure of a work."""

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
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=64, help="Images looked at at a time; by default one a core.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Audit works: their folders and image groups, and every image in them, to its last pixel.

    Exit code 0 when every work passed (warnings allowed), 1 when one failed.

    Example: ao audit /mnt/incoming/W22084 -T FileSequence
    """
    settings = settings_with_logs().audit
    properties = parse_properties(define or (), base=properties_of(settings))
    reports = [_audit(work, tests or settings.tests, properties, jobs) for work in works]
    if as_json:
        print_json({"works": [report.as_dict() for report in reports]})
    else:
        for report in reports:
            _show(report)
    if any(report.outcome == "failed" for report in reports):
        raise typer.Exit(ExitCode.REJECTED)


def _audit(work: Path, tests: Sequence[str] | None, properties: AuditProperties, jobs: int | None) -> AuditReport:
    """Audit one work; a folder that is no work fails like one, so that the others are reported all the same."""
    try:
        return run_audit(work, tests=tests, properties=properties, jobs=jobs)
    except NotAWork as error:
        finding = AuditFinding(STRUCTURE, NOT_AUDITED, ".", error.message)
        return AuditReport(Path(os.path.abspath(work)).name, (TestResult(STRUCTURE, (finding,)),))


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
