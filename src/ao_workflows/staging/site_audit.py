"""The audit by the site's own program: passed only when its log says which tests passed."""

import csv
import re
from pathlib import Path
from typing import Any

from ao_workflows.audit import AuditConfigurer, AuditRejected, Moment
from ao_workflows.errors import ContentRejected, SystemFailed
from ao_workflows.settings import Settings
from ao_workflows.staging.site_tools import audit_by_tool, failed

_PASSED, _FAILED = 0, 1
"""What its exit codes mean; all others are failures of the program itself."""

_TESTS_NAMED = 5
"""How many failed tests a reason names."""


def audited_by_tool(settings: Settings, work: Path, moment: Moment) -> tuple[dict[str, Any], ContentRejected | None]:
    """Let the site's program audit the work in a folder, by the rules that are in force for it.

    It has to write its log of the work (CSV) below the folder that it is given: an audit that says nothing of the
    tests that ran passes nothing, and rejects nothing.

    :returns: the outcome for the record, and why the work is rejected, if it is.
    :raises SystemFailed: (``audit-command-unproved``) if there is no such log; if the program fails.
    """
    options = AuditConfigurer(settings.audit).for_work(work, moment).options
    job, end = audit_by_tool(settings, work, options)
    program = settings.audit.command
    if end.code not in {_PASSED, _FAILED}:
        raise failed(program, work, job, end)
    logs = [path for path in sorted(job.audit_logs.rglob("*.csv")) if _is_log_of(work.name, path.name)]
    outcomes = {test: outcome for path in logs for test, outcome in _outcomes(path)}
    failing = [test for test, outcome in outcomes.items() if outcome == "Failed"]
    if not logs or (end.code == _PASSED and not {"Passed", "Warnings"} & set(outcomes.values()) and not failing):
        raise SystemFailed(
            f"{program} {end.how} No log in {job.audit_logs} says which tests of {work.name} ran.",
            action="Let it write its log of the work into the folder after -l; it is tried again.",
            code="audit-command-unproved",
        )
    detail = {
        "rid": work.name,
        "outcome": "failed" if failing or end.code == _FAILED else "passed",
        "tests": [{"test": test, "outcome": outcome} for test, outcome in outcomes.items()],
        "log": str(logs[-1]),
    }
    if detail["outcome"] == "passed":
        return detail, None
    named = f": {', '.join(failing[:_TESTS_NAMED])}" if failing else ""
    what = f"{work.name} failed" if moment == "pre" else f"The archive copy {work} failed"
    mend = "the work and deliver it again" if moment == "pre" else "the copy"
    return detail, AuditRejected(
        f"{what} its audit by {Path(program).name} (exit code {end.code}){named}.",
        action=f"Mend {mend}; {logs[-1]} shows every finding.",
    )


def _is_log_of(rid: str, name: str) -> bool:
    return re.fullmatch(rf"(PASS|WARN|FAIL)-{re.escape(rid)}-\d{{4}}(-\d\d){{4}}(-\d+)?\.csv", name) is not None


def _outcomes(path: Path) -> list[tuple[str, str]]:
    """Return the tests that the log names, each with its outcome; nothing if it is no such log."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            return [(row["test_name"], row["outcome"]) for row in rows if row.get("test_name") and row.get("outcome")]
    except csv.Error:
        return []
