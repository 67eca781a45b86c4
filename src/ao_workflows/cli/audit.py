"""``ao audit``: do works keep the archive's rules?"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ao_workflows.audit import (
    NOT_AUDITED,
    AuditConfigurer,
    AuditFinding,
    AuditReport,
    TestResult,
    outcome_of,
    run_audit,
)
from ao_workflows.audit.reports.csv_log import write_csv
from ao_workflows.audit.reports.html_page import ROOT, write_html
from ao_workflows.cli.output import JsonOption, print_json, progress_when_known, settings_with_logs, show_error
from ao_workflows.cli.screen import cell, out, show_explained
from ao_workflows.errors import ExitCode, SystemFailed, UsageError
from ao_workflows.works import NotAWork
from ao_workflows.works.sync_config import PLACE as SYNC_CONFIG
from ao_workflows.works.sync_config import InvalidSyncConfig

OUTCOME_STYLES = {"passed": "green", "warnings": "yellow", "failed": "red"}

STRUCTURE = "Structure"
"""What stands for a test where no test could run: the folder has not the structure of a work, or says nonsense."""


def audit(
    works: Annotated[list[Path], typer.Argument(help="Folders of works.", metavar="WORK...", show_default=False)],
    tests: Annotated[
        list[str] | None, typer.Option("--test", "-T", help="Run only this test; may be repeated.", metavar="KEY")
    ] = None,
    define: Annotated[
        list[str] | None,
        typer.Option("-D", help="Set a property, such as ErrorsAsWarning=111,115.", metavar="KEY=VALUE"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A file of rules, audit.yml or user.properties, in place of the one in the settings."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Audit nothing: show which tests and rules each work has, and why.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write a log of each work as CSV into this folder.", metavar="DIR")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with pictures for each work: into this file, or RID.html in this folder."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=64, help="Images looked at at a time; by default one a core.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Audit works: their folders and image groups, and every image in them, to its last pixel.

    Exit code 0 when every work passed (warnings allowed), 1 when one failed, 3 when one could not be read.

    Example: ao audit /mnt/incoming/W22084 -T FileSequence
    """
    settings = settings_with_logs().audit
    if html is not None and len(works) > 1 and html.is_file():
        raise UsageError(f"{html} is one file, and there are {len(works)} works.", action="Name a folder for --html.")
    configurer = AuditConfigurer(settings, config=config, tests=tests or (), define=define or ())
    if explain:
        _explain(works, configurer, as_json=as_json)
        return
    reports, failures = [], []
    for work in works:
        try:
            report = audit_one(work, configurer, jobs)
        except SystemFailed as error:
            failures.append(passed_over(work, error, is_only=len(works) == 1))
            continue
        reports.append(report)
        if csv is not None:
            write_csv(report, Path(os.path.abspath(work)), csv, at=datetime.now().astimezone())
        if html is not None:
            in_folder = html.is_dir() or len(works) > 1
            page = html / f"{report.rid}.html" if in_folder else html
            write_html(report, Path(os.path.abspath(work)), page, made=datetime.now(UTC))
    if as_json:
        print_json({"works": [report.as_dict() for report in reports]} | ({"errors": failures} if failures else {}))
    else:
        for report in reports:
            _show(report)
    end(reports, failures)


def passed_over(work: Path, error: SystemFailed, *, is_only: bool) -> dict[str, str]:
    """Tell that a work could not be audited, so that the others are all the same; return it for machines.

    :raises SystemFailed: the error itself, where there are no others.
    """
    if is_only:
        raise error
    show_error(error)
    return {"work": str(work), "code": error.code, "message": error.message, "action": error.action}


def end(reports: Sequence[AuditReport], failures: Sequence[dict[str, str]]) -> None:
    """End with the exit code of the worst that happened. :raises Exit: unless every work has passed."""
    if failures:
        raise typer.Exit(ExitCode.SYSTEM)
    if any(report.outcome == "failed" for report in reports):
        raise typer.Exit(ExitCode.REJECTED)


def audit_one(work: Path, configurer: AuditConfigurer, jobs: int | None = None) -> AuditReport:
    """Audit one work; a folder that is no work fails like one, so that the others are reported all the same."""
    root = Path(os.path.abspath(work))
    try:
        rules = configurer.for_work(root)
        with progress_when_known(root.name) as progress:
            return run_audit(work, tests=rules.tests, properties=rules.properties, jobs=jobs, progress=progress)
    except (NotAWork, InvalidSyncConfig) as error:
        where = SYNC_CONFIG if isinstance(error, InvalidSyncConfig) else "."
        finding = AuditFinding(STRUCTURE, NOT_AUDITED, where, error.message)
        return AuditReport(root.name, (TestResult(STRUCTURE, (finding,)),))


def _explain(works: Sequence[Path], configurer: AuditConfigurer, *, as_json: bool) -> None:
    explained = {work: configurer.for_work(Path(os.path.abspath(work))).explained for work in works}
    if as_json:
        items = [{"work": str(work), "rules": [item.as_dict() for item in rules]} for work, rules in explained.items()]
        print_json({"works": items})
        return
    for work, rules in explained.items():
        show_explained(work, rules, heading="Test or rule")


def _show(report: AuditReport) -> None:
    title = cell(f"{report.rid}: {report.outcome}")
    table = Table("Test", "Outcome", title=title, title_justify="left", box=None)
    for result in report.results:
        table.add_row(result.test, result.outcome, style=OUTCOME_STYLES[result.outcome])
    console = out()
    console.print(table)
    for folder, findings in report.by_folder.items():
        count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}"
        console.print(cell(f"{ROOT if folder == '.' else folder}: {count}"), style=OUTCOME_STYLES[outcome_of(findings)])
        for finding in findings:
            line = f"  {finding.severity} {finding.error} {finding.test} {finding.path}: {finding.message}"
            console.print(cell(line), style=OUTCOME_STYLES["failed" if finding.severity == "error" else "warnings"])
