"""What an audit can say: a finding with its error number, its severity, and the outcome that follows."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

NOT_AUDITED = 100
"""The test could not do its work: it broke, or there was nothing that it could look at. Never a mere warning."""

FOLDER_MISSING = 101
"""A folder that the test needs is missing."""


class Severity(StrEnum):
    """Whether a finding keeps a work out of the archive."""

    ERROR = "error"
    WARNING = "warning"


class Outcome(StrEnum):
    """What a test, or all tests of a work together, came to."""

    PASSED = "passed"
    WARNINGS = "warnings"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that a test found wrong.

    :param test: key of the test.
    :param error: the error number, stable for ever; site scripts and the work's records use it.
    :param path: relative to the work, ``/`` between its parts; ``.`` is the work itself.
    :param message: what is wrong there, in one sentence.
    """

    test: str
    error: int
    path: str
    message: str
    severity: Severity = Severity.ERROR

    def as_dict(self) -> dict[str, str | int]:
        """The finding as the command line prints it in JSON."""
        return {
            "test": self.test,
            "error": self.error,
            "severity": self.severity.value,
            "path": self.path,
            "message": self.message,
        }


def outcome_of(findings: Iterable[AuditFinding]) -> Outcome:
    """Return the outcome of ``findings``: the worst one decides, wherever it stands."""
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return Outcome.FAILED
    return Outcome.WARNINGS if severities else Outcome.PASSED
