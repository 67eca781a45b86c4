"""``audit-tool``: the audit by the options, and with the log files, that site scripts know."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ao_workflows import __version__
from ao_workflows.audit import AuditConfigurer, AuditReport, audit_tests
from ao_workflows.audit.options import split_assignments, split_tests
from ao_workflows.audit.reports.csv_log import OUTCOMES, TEST_NAMES, write_csv
from ao_workflows.cli.audit import audit_one, end, passed_over
from ao_workflows.cli.output import settings_with_logs
from ao_workflows.cli.program import run_program
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.log import visible

USER_PROPERTIES = Path(".config/bdrc/auditTool/user.properties")
"""In the user's home folder: rules that are read when the file is there."""

USER_CONFIG_PATH = "UserConfigPath"
"""The property that names another such file, relative to the home folder."""

LOG_HOME = Path("audit-test-logs")
"""In the user's home folder: where logs go when nobody says."""

_LEVELS = {"passed": "INFO ", "warnings": "WARN ", "failed": "ERROR"}
_FROM_INPUT = "-"

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def audit_tool(
    works: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders of works; - reads them from standard input, one a line.", metavar="{ - | PATH... }"
        ),
    ] = None,
    log_home: Annotated[
        Path | None,
        typer.Option("-l", "--log_home", help="Folder of the logs, made if need be; ~/audit-test-logs when left out."),
    ] = None,
    tests: Annotated[
        list[str] | None,
        typer.Option("-T", "--Tests", help="Tests to run, with : or , between them; may be repeated.", metavar="TESTS"),
    ] = None,
    define: Annotated[
        list[str] | None,
        typer.Option(
            "-D", "--Define", help="Properties, with : between them; may be repeated.", metavar="KEY=VALUE[:KEY=VALUE]"
        ),
    ] = None,
    query: Annotated[bool, typer.Option("-Q", "--QueryTests", help="List the tests, and audit nothing.")] = False,
    input_file: Annotated[
        Path | None, typer.Option("-i", "--inputFile", help="A file with the folder of one work in each line.")
    ] = None,
    version: Annotated[bool, typer.Option("-v", "--version", help="Print the version and exit.")] = False,
) -> None:
    """Audit works, and write a log of each as CSV. Takes the options that site scripts know; `ao audit` can do more.

    Exit code 0 when no test failed (warnings allowed), 1 when one did, 3 when a work could not be read.

    Example: audit-tool -l /mnt/logs -T FileSequence:ImageIntegrity /mnt/incoming/W22084
    """
    if version:
        sys.stdout.write(f"Version {__version__}\n")
        return
    if query:
        for test in audit_tests().values():
            sys.stdout.write(f"{test.key:30}\t{TEST_NAMES.get(test.key, test.summary)}\n")
        return
    paths = _paths(works or [], input_file)
    chosen = [key for text in tests or () for key in split_tests(text)]
    if tests and not chosen:
        raise UsageError("-T names no test.", action="Name one, or leave -T out to run all.")
    config, assignments = _config([part for text in define or () for part in split_assignments(text)])
    configurer = AuditConfigurer(settings_with_logs().audit, config=config, tests=chosen, define=assignments)
    reports, failures = [], []
    for path in paths:
        work = Path(os.path.abspath(path))
        try:
            report = audit_one(work, configurer)
        except SystemFailed as error:
            failures.append(passed_over(work, error, is_only=len(paths) == 1))
            continue
        _show(report, work)
        write_csv(report, work, log_home or Path.home() / LOG_HOME, at=datetime.now().astimezone())
        reports.append(report)
    end(reports, failures)


def _paths(works: list[str], input_file: Path | None) -> list[str]:
    """Return the paths of the works. :raises UsageError: if there is none: an audit of nothing passes nothing."""
    paths = []
    for work in works:
        paths += _lines(sys.stdin.buffer.read()) if work == _FROM_INPUT else [work]
    if input_file is not None:
        try:
            paths += _lines(input_file.read_bytes())
        except OSError as error:
            raise SystemFailed(f"{input_file}: {error.strerror}.", action="Let this user read the file.") from error
    if not paths:
        raise UsageError("No work is named.", action="Name its folder; see `audit-tool --help`.")
    return paths


def _lines(text: bytes) -> list[str]:
    return [os.fsdecode(line.strip()) for line in text.splitlines() if line.strip()]


def _config(assignments: list[str]) -> tuple[Path | None, list[str]]:
    """Return the file of rules, if there is one, and the assignments without the one that names it."""
    config = Path.home() / USER_PROPERTIES
    named = [text.partition("=")[2].strip() for text in assignments if _names_config(text)]
    if named:
        config = Path.home() / named[-1]
    rest = [text for text in assignments if not _names_config(text)]
    return config if named or config.is_file() else None, rest


def _names_config(assignment: str) -> bool:
    return assignment.partition("=")[0].strip() == USER_CONFIG_PATH


def _show(report: AuditReport, work: Path) -> None:
    for result in report.results:
        name = TEST_NAMES.get(result.test, result.test)
        words = (f"{_LEVELS[result.outcome]} {OUTCOMES[result.outcome]}", visible(str(work)), name)
        sys.stdout.write("\t".join(words) + "\n")


def main() -> None:
    """Run the program."""
    run_program("audit-tool", app)
